"""`miwake tune` as a user calls it, on a model server of known pace."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from miwake.cli import main
from tests.colour_server import ColourServer, in_thread

pytestmark = pytest.mark.slow


def tune(server: ColourServer, *arguments: str, out: Path) -> Result:
    with in_thread(server) as address:
        quick = ("--seconds", "0.1", "--max-calls", "2")
        return CliRunner().invoke(main, ["tune", address, *quick, "--out", str(out), *arguments])


def test_it_shows_what_it_measured_and_writes_the_settings(tmp_path: Path) -> None:
    server = ColourServer(seconds_per_image=0.002)

    result = tune(server, "--model", "toy", "--latency", "5", "--gateways", "2", out=tmp_path / "tuned")

    assert result.exit_code == 0, result.output
    head, *rows = result.output.splitlines()
    assert head.split() == ["batch", "calls", "images/s", "p50", "p99"]
    assert {row.split()[0] for row in rows[:-5]} == {"1", "2", "4", "8"}
    assert rows[-5].startswith("chosen: batches of ")
    assert rows[-2].startswith("for 1,000 images/s: ")
    assert sorted(path.name for path in (tmp_path / "tuned").iterdir()) == [
        "autoscaler.yaml",
        "batching.config",
        "gateway.env",
    ]
    assert "MIWAKE_MAX_CALLS_IN_FLIGHT=1\n" in (tmp_path / "tuned" / "gateway.env").read_text()


def test_a_latency_that_cannot_be_kept_writes_nothing(tmp_path: Path) -> None:
    server = ColourServer(seconds_per_image=0.01)

    result = tune(server, "--model", "toy", "--latency", "0.005", out=tmp_path / "tuned")

    assert result.exit_code == 1
    assert "Error: no load is answered within 0.005 s; the lightest takes 0.0" in result.output
    assert not (tmp_path / "tuned").exists()


def test_a_model_without_a_version_cannot_be_measured(tmp_path: Path) -> None:
    server = ColourServer()
    server.versions = []

    result = tune(server, "--model", "toy", out=tmp_path / "tuned")

    assert result.exit_code == 1
    assert "Error: the model server has no version of toy available" in result.output


def test_nobody_there_is_said_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["tune", "127.0.0.1:1", "--model", "toy", "--out", str(tmp_path / "tuned")]
    )

    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith("Error: ")
