"""Clients that keep a gateway busy and remember every answer."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Self

import httpx


@dataclass(frozen=True)
class Answered:
    """One answer; `seconds` since the request was sent."""

    status: int
    body: dict[str, Any]
    retry_after: str | None
    seconds: float


class Clients:
    """Threads that send one picture over and over from entering until leaving, with a key if one is given."""

    def __init__(self, url: str, picture: bytes, *, count: int, key: str = "") -> None:
        self._url = url
        self._headers = {"X-API-Key": key} if key else {}
        self._picture = picture
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]
        self.answers: list[Answered] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, headers=self._headers, timeout=60) as client:
            while not self._stop.is_set():
                started = time.monotonic()
                response = client.post("/predict", content=self._picture)
                seconds = time.monotonic() - started
                retry_after = response.headers.get("retry-after")
                self.answers.append(Answered(response.status_code, response.json(), retry_after, seconds))

    def statuses(self) -> set[int]:
        return {answer.status for answer in self.answers}

    def labels_by_version(self) -> dict[int, set[str]]:
        labels: dict[int, set[str]] = {}
        for answer in list(self.answers):
            if answer.status == 200:
                label = answer.body["predictions"][0]["label"]
                labels.setdefault(answer.body["version"], set()).add(label)
        return labels

    def wait_for(self, version: int, *, since: int = 0, seconds: float = 60) -> None:
        """Until that version has answered, not counting the first `since` answers."""
        give_up = time.monotonic() + seconds
        while not any(answer.body.get("version") == version for answer in self.answers[since:]):
            assert time.monotonic() < give_up, f"version {version} never answered"
            time.sleep(0.05)
