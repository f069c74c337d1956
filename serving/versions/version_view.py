"""The versions of a model as a person wants to see them: one line each, over all model servers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from serving.versions.model_watch import ModelWatch

# Where model servers differ, the best that one of them says; the others' trouble stands in the detail.
_ORDER = ("passed", "pending", "failed", "none")


@dataclass(frozen=True, kw_only=True)
class VersionView:
    """One version.

    Attributes:
        version: its number.
        state: the model server's.
        self_test: `passed`, `pending`, `failed` or `none`.
        detail: why it failed, waits, or could not be loaded, on any of them.
        model_servers: on how many it may answer.
    """

    version: int
    state: str
    self_test: str
    detail: str
    model_servers: int


def version_views(watches: Iterable[ModelWatch]) -> list[VersionView]:
    """All versions that any model server knows of, newest first."""
    seen: dict[int, list[tuple[str, str, str]]] = {}
    for watch in watches:
        for status in watch.statuses:
            seen.setdefault(status.version, []).append((*watch.self_test_of(status), status.state))
    return [_view(version, seen[version]) for version in sorted(seen, reverse=True)]


def _view(version: int, tests: list[tuple[str, str, str]]) -> VersionView:
    self_test, _, state = min(tests, key=lambda test: _ORDER.index(test[0]))
    return VersionView(
        version=version,
        state=state,
        self_test=self_test,
        detail="; ".join(dict.fromkeys(detail for _, detail, _ in tests if detail)),
        model_servers=sum(test == "passed" for test, _, _ in tests),
    )
