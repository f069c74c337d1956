"""Prometheus itself, as its package brings it, scraping gateways of this machine."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from tests.deploy.monitoring_files import RULES
from tests.gateway_process import free_port


class PrometheusProcess:
    """Scrapes and evaluates every second; ready once entered, ended on leaving."""

    def __init__(self, target: str, *, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._folder = folder
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "miwake", "static_configs": [{"targets": [target]}]}],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))

    def __enter__(self) -> Self:
        command = (
            "prometheus",
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
        )
        with (self._folder / "prometheus.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            self._wait_until_ready()
        except BaseException:  # nobody will leave what was never entered
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(30)

    def _wait_until_ready(self) -> None:
        give_up = time.monotonic() + 60
        while not self._is_ready():
            assert self.process.poll() is None, (self._folder / "prometheus.log").read_text()
            assert time.monotonic() < give_up, (self._folder / "prometheus.log").read_text()
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready").is_success
        except httpx.TransportError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query."""
        response = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=10)
        assert response.is_success, response.text
        samples: list[dict[str, Any]] = response.json()["data"]["result"]
        return samples

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its state and its last error."""
        groups = httpx.get(f"{self.url}/api/v1/rules", timeout=10).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def wait_for(self, *expressions: str, seconds: float = 60) -> None:
        """Until each of them has a sample that is a number."""
        give_up = time.monotonic() + seconds
        while missing := [each for each in expressions if not _numbers(self.query(each))]:
            assert time.monotonic() < give_up, f"nothing for {missing}"
            time.sleep(0.5)


def _numbers(samples: list[dict[str, Any]]) -> list[str]:
    return [sample["value"][1] for sample in samples if sample["value"][1] != "NaN"]
