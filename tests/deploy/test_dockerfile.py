"""What the Dockerfile promises, read without building it."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCKERFILE = REPOSITORY / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")


def stages() -> dict[str, list[str]]:
    """Instructions by the stage's name, continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found: dict[str, list[str]] = {"": []}
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("FROM "):
            found[line.rpartition(" AS ")[2]] = []
        found[list(found)[-1]].append(line)
    return found


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint's wheel is for Linux")
def test_hadolint_finds_nothing() -> None:
    found = subprocess.run((HADOLINT, DOCKERFILE), capture_output=True, text=True, check=False)

    assert (found.stdout, found.returncode) == ("", 0)


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint's wheel is for Linux")
def test_hadolint_would_find_something(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.read_text() + "RUN cd / && sudo true\n")

    found = subprocess.run((HADOLINT, tmp_path / "Dockerfile"), capture_output=True, text=True, check=False)

    assert "DL3004" in found.stdout


def test_every_stage_begins_with_the_base_that_the_build_argument_names() -> None:
    bases = [instructions[0].split()[1] for name, instructions in stages().items() if name]

    assert set(bases) <= {"${BASE}", *stages()}
    assert stages()[""] == ["ARG BASE=docker.io/library/python:3.11-slim-bookworm"]


def test_everything_from_the_package_index_is_checked_against_a_hash() -> None:
    installs = re.findall(r"pip\b[^&]*? install ([^&]+)", " && ".join(itertools.chain(*stages().values())))

    assert len(installs) == 5
    assert all("--require-hashes" in install or "--no-index" in install for install in installs)


@pytest.mark.parametrize("target", ["gateway", "trainer"])
def test_both_images_run_as_a_number_that_is_not_root(target: str) -> None:
    users = [line.split()[1] for line in stages()[target] if line.startswith("USER ")]

    assert users == ["65532:65532"]


@pytest.mark.parametrize("target", ["gateway", "trainer"])
def test_neither_image_holds_what_it_was_built_with(target: str) -> None:
    copies = [line for line in stages()[target] if line.startswith(("COPY ", "ADD ", "RUN "))]

    assert copies == [f"COPY --from={target}-built /opt/miwake /opt/miwake"]


def test_the_gateway_has_a_health_check() -> None:
    checks = [line for line in stages()["gateway"] if line.startswith("HEALTHCHECK ")]

    assert len(checks) == 1
    assert "/livez" in checks[0]


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    ignored, *shown = [
        line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line and line[0] != "#"
    ]
    copied = {
        source.split("/")[0]
        for line in itertools.chain(*stages().values())
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }

    assert ignored == "*"
    assert {line.removeprefix("!") for line in shown if line.startswith("!")} == copied
    assert all((REPOSITORY / source).exists() for source in copied)
