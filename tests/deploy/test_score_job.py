"""The Indexed Job's own command line, pod after pod, against a gateway."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from miwake.cli import main
from tests.colour_server import ColourServer, colour_gateway, in_thread
from tests.deploy.rendered import Manifest, one
from tests.pictures import colour_picture

pytestmark = pytest.mark.slow
COLOURS = ("red", "green", "blue")


def command(job: Manifest, index: int, places: dict[str, str]) -> list[str]:
    """A pod's arguments, as Kubernetes fills them in, with this machine's places instead of the cluster's."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    values = {each["name"]: each["value"] for each in container["env"]} | {"JOB_COMPLETION_INDEX": str(index)}
    filled = []
    for argument in container["args"]:
        for name, value in values.items():
            argument = argument.replace(f"$({name})", value)  # noqa: PLW2901 - filled in, one after another
        for place, here in places.items():
            argument = argument.replace(place, here)  # noqa: PLW2901
        filled.append(argument)
    return filled


def test_a_pod_has_as_many_photographs_in_memory_on_a_node_of_any_size(
    everything: dict[str, list[Manifest]],
) -> None:
    arguments = command(one(everything["score"], "Job", "score"), 0, {})

    assert arguments[arguments.index("--threads") + 1] == "4"


def test_the_pods_together_score_every_photograph_once(
    everything: dict[str, list[Manifest]], tmp_path: Path
) -> None:
    job = one(everything["score"], "Job", "score")
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number in range(24):
        (photographs / f"{number}.png").write_bytes(colour_picture(COLOURS[number % 3]))
    with in_thread(ColourServer()) as address, colour_gateway(address, tmp_path) as gateway:
        places = {
            "/archive/photographs": str(photographs),
            "/archive/scores": str(tmp_path / "scores"),
            "http://miwake": gateway.url,
        }
        for index in range(job["spec"]["completions"]):
            result = CliRunner().invoke(main, [*command(job, index, places), "--format", "jsonl"])
            assert result.exit_code == 0, result.output

    rows = [
        json.loads(line)
        for part in sorted((tmp_path / "scores").rglob("*.jsonl"))
        for line in part.read_text().splitlines()
    ]
    assert len(rows) == 24
    labels = {Path(row["path"]).name: row["label"] for row in rows}
    assert labels == {f"{number}.png": COLOURS[number % 3] for number in range(24)}
