from __future__ import annotations

from serving.telemetry.version_series import VersionSeries

ONE, TWO = ("toy", "1"), ("toy", "2")


def series() -> tuple[VersionSeries, list[tuple[str, str]]]:
    forgotten: list[tuple[str, str]] = []
    return VersionSeries(lambda *key: forgotten.append(key), kept_seconds=60), forgotten


def test_a_version_that_is_gone_for_long_enough_is_forgotten_once() -> None:
    versions, forgotten = series()
    versions.there({ONE, TWO}, now=0)
    versions.there({TWO}, now=60)
    assert forgotten == []
    versions.there({TWO}, now=61)
    versions.there({TWO}, now=1000)

    assert forgotten == [ONE]


def test_a_model_server_that_restarts_costs_no_series() -> None:
    versions, forgotten = series()
    versions.there({ONE}, now=0)
    versions.there((), now=30)
    versions.there({ONE}, now=59)
    versions.there({ONE}, now=100)

    assert forgotten == []
