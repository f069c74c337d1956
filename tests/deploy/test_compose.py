"""compose.yaml: what it mounts is there, the gateway understands its settings, and both profiles are whole.

No Docker is asked: its own rules for merging (`<<`) are YAML's, and for variables those of `filled`.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelserver.tensorflow_serving_config import ServedFolder, models_config
from serving.settings import Settings, unknown_names
from tests.deploy.monitoring_files import dashboard
from tests.deploy.rendered import DEPLOY, config, rendered


def filled(text: str, **variables: str) -> str:
    """`${NAME:-default}` and `$$`, as Compose fills them in."""
    text = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: variables.get(found[1], found[2]), text)
    return text.replace("$$", "$")


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(filled((DEPLOY / "compose.yaml").read_text(), MODEL="flowers"))
    return found


def started(compose: dict[str, Any], profile: str) -> dict[str, Any]:
    return {
        name: service
        for name, service in compose["services"].items()
        if profile in service.get("profiles", [profile])
    }


def test_one_command_starts_everything_on_cpus() -> None:
    assert (DEPLOY / ".env").read_text() == "COMPOSE_PROFILES=cpu\n"


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_each_profile_has_one_model_server_at_the_address_that_the_others_know(
    compose: dict[str, Any], profile: str
) -> None:
    services = started(compose, profile)
    aliases = [
        alias
        for service in services.values()
        for alias in service.get("networks", {}).get("default", {}).get("aliases", ())
    ]

    assert aliases == ["model-server"]
    assert len(services) == 4
    assert services["gateway"]["environment"]["MIWAKE_MODEL_SERVER"] == "model-server:8500"


def test_the_gateway_understands_its_settings_and_has_time_to_end(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = compose["services"]["gateway"]
    for name, value in gateway["environment"].items():
        monkeypatch.setenv(name, value)
    settings = Settings()

    assert unknown_names() == []
    grace = int(gateway["stop_grace_period"].removesuffix("s"))
    assert settings.drain_seconds + settings.shutdown_timeout_seconds < grace


def test_whatever_is_mounted_from_here_is_here(compose: dict[str, Any]) -> None:
    mounts = [
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", ())
    ]
    files = {mount for mount in mounts if mount.startswith(".")}

    assert files - {"../models"}  # which `make demo` makes
    assert all((DEPLOY / file).exists() for file in files - {"../models"})
    assert {mount for mount in mounts if not mount.startswith(".")} == set(compose["volumes"])


def test_every_image_has_a_tag_that_is_a_release_but_the_one_that_is_built(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        if "build" not in service:
            assert re.search(r":v?\d+\.\d+\.\d+(-gpu)?$", service["image"])


def test_every_container_is_restricted_and_open_to_this_machine_alone(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_the_model_server_is_the_clusters(compose: dict[str, Any]) -> None:
    (container,) = next(
        each["spec"]["template"]["spec"]["containers"]
        for each in rendered(DEPLOY / "base")
        if each["kind"] == "Deployment" and each["metadata"]["name"] == "model-server"
    )
    cluster = {arg.split("=")[0] for arg in container["args"]}
    compose_too = {arg.split("=")[0] for arg in compose["services"]["model-server"]["command"]}

    assert compose["services"]["model-server"]["image"] == container["image"]
    assert compose_too <= cluster


@pytest.mark.parametrize("name", ["model-server", "model-server-gpu"])
def test_the_model_server_is_started_with_the_model_that_was_asked_for(
    compose: dict[str, Any], name: str, tmp_path: Path
) -> None:
    service = compose["services"][name]
    program = tmp_path / "tensorflow_model_server"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    (scratch,) = service["tmpfs"]
    command = [part.replace(scratch, str(tmp_path)) for part in service["entrypoint"] + service["command"]]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    started = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    config = tmp_path / "models.config"
    assert started.stdout.splitlines() == command[len(service["entrypoint"]) :]
    assert f"--model_config_file={config}" in started.stdout.splitlines()
    assert config.read_text() == models_config({"flowers": ServedFolder(base_path="/models/flowers")})


def test_no_container_with_a_read_only_root_is_given_an_inline_file(compose: dict[str, Any]) -> None:
    """Compose refuses it: https://github.com/docker/compose/pull/12531."""
    assert not any(service.get("configs") for service in compose["services"].values() if service["read_only"])


def test_prometheus_scrapes_the_ports_that_the_services_have(compose: dict[str, Any]) -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in jobs}
    monitoring = config(rendered(DEPLOY / "base"), "model-server")["monitoring.config"]

    port = compose["services"]["gateway"]["environment"]["MIWAKE_ADMIN_PORT"]
    assert targets == {"miwake": [f"gateway:{port}"], "model-server": ["model-server:8501"]}
    assert f'path: "{jobs[1]["metrics_path"]}"' in monitoring


def test_grafana_finds_the_dashboard_and_its_data(compose: dict[str, Any]) -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    provider = yaml.safe_load((provisioning / "dashboards" / "miwake.yaml").read_text())["providers"][0]
    source = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"][0]
    mounts = [volume.split(":") for volume in compose["services"]["grafana"]["volumes"]]

    shown = next(Path(inside) for outside, inside, *_ in mounts if outside == "./grafana/dashboard.json")
    assert provider["options"]["path"] == str(shown.parent)
    assert source["url"] == "http://prometheus:9090"
    (variable,) = (each for each in dashboard()["templating"]["list"] if each["type"] == "datasource")
    assert variable["query"] == source["type"]
