"""The gateway's image is built, and run as the strictest pod would: `make prove`, where podman is."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from PIL import Image

from modelserver.tensorflow_serving_config import models_config
from tests.colour_server import ColourServer, colour_gateway, in_thread
from tests.deploy.podman import BASE, REPOSITORY, Podman, missing
from tests.gateway_process import free_port
from tests.pictures import colour_picture, encoded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
MEGABYTE = 1_000_000
LOCKED = r"^([\w.-]+)==([^\s;]+)"
# Tries to write everywhere but /dev/shm, which every container has; prints where it could, and what is there.
WRITES = """
import contextlib, os
for folder in ("/", "/tmp", "/var/tmp", "/run", "/dev", "/work", "/opt/miwake", "/root", "/home"):
    with contextlib.suppress(OSError):
        open(f"{folder}/x", "w").close()
        print(folder)
print(os.listdir("/dev/shm"))
"""


@pytest.fixture(scope="module")
def podman(request: pytest.FixtureRequest) -> Iterator[Podman]:
    if not request.config.getoption("--prove"):
        pytest.skip("builds an image, which takes minutes: --prove")
    if missing() or os.geteuid() != 0:
        pytest.skip(f"needs root and these programs: {', '.join(missing())}")
    # podman takes no folder whose name is longer than 50 letters, as pytest's own are.
    with tempfile.TemporaryDirectory(prefix="podman-") as folder:
        podman = Podman(Path(folder))
        podman.import_debian()
        yield podman
        podman.close()


@pytest.fixture(scope="module")
def image(podman: Podman) -> str:
    return podman.build("gateway", "--build-arg=VERSION=1.2.3", "--build-arg=REVISION=abc")


def test_the_image_adds_at_most_150_megabytes_to_its_base(podman: Podman, image: str) -> None:
    added = podman.inspect(image)["Size"] - podman.inspect(BASE)["Size"]

    assert 100 * MEGABYTE < added <= 150 * MEGABYTE


def test_the_image_says_what_it_is_and_runs_as_nobody_in_particular(podman: Podman, image: str) -> None:
    config = podman.inspect(image)["Config"]

    labels = {key.rpartition(".")[2]: value for key, value in config["Labels"].items()}
    assert labels["version"] == "1.2.3"
    assert labels["revision"] == "abc"
    assert labels["licenses"] == "Apache-2.0"
    assert config["User"] == "65532:65532"


def test_the_image_lists_what_is_in_it_each_as_locked_and_there_is_no_tensorflow(
    podman: Podman, image: str
) -> None:
    sbom = json.loads(podman.read(image, "/opt/miwake/sbom.cdx.json"))

    listed = {(_normal(part["name"]), part["version"]) for part in sbom["components"]}
    lock = (REPOSITORY / "requirements/serving.txt").read_text()
    locked = {(_normal(name), release) for name, release in re.findall(LOCKED, lock, re.MULTILINE)}
    assert sbom["bomFormat"] == "CycloneDX"
    assert listed <= locked | {("miwake", version("miwake"))}
    assert {"numpy", "pillow", "grpcio", "fastapi", "uvicorn"} <= {name for name, _ in listed}


def test_it_answers_with_nothing_writable_and_no_capability(podman: Podman, image: str) -> None:
    with in_thread(ColourServer()) as address, _gateway(podman, image, address, "toy") as (name, url):
        label = _label_of_five_megabytes(url)
        written = podman.run("exec", name, "python", "-c", WRITES)
        capabilities = podman.run("exec", name, "grep", "CapEff", "/proc/1/status")

    assert label == "blue"
    assert written == "[]"
    assert int(capabilities.split()[1], 16) == 0


@pytest.mark.tensorflow
def test_it_answers_from_a_model_that_tensorflow_runs_outside_it(
    podman: Podman, image: str, tmp_path: Path
) -> None:
    from tests.colour_model import publish_colours

    publish_colours(tmp_path / "models" / "colours")
    with (
        _embedded_server(tmp_path) as address,
        _gateway(podman, image, address, "colours") as (_, url),
    ):
        labels = [
            httpx.post(f"{url}/predict", content=colour_picture(colour)).json()["predictions"][0]["label"]
            for colour in ("red", "green", "blue")
        ]
        label_of_upload = _label_of_five_megabytes(url)

    assert labels == ["red", "green", "blue"]
    assert label_of_upload == "blue"


def test_its_health_check_follows_the_process_and_sigterm_ends_it_with_status_0(
    podman: Podman, image: str
) -> None:
    with in_thread(ColourServer()) as address, _gateway(podman, image, address, "toy") as (name, _):
        podman.run("healthcheck", "run", name)
        podman.run("--runtime=runc", "stop", "--time=30", name)
        status = podman.run("inspect", "--format={{.State.ExitCode}}", name)

    assert status == "0"


def test_the_image_for_archives_scores_one_that_is_mounted(podman: Podman, tmp_path: Path) -> None:
    image = podman.build("gateway", "--build-arg=SERVING=serving-scoring", tag="scoring")
    (tmp_path / "photographs").mkdir()
    for number, colour in enumerate(("red", "green", "blue")):
        (tmp_path / "photographs" / f"{number}.png").write_bytes(colour_picture(colour))
    tmp_path.chmod(0o777)
    mounts = (f"--volume={tmp_path}:/archive", "--tmpfs=/tmp")
    with in_thread(ColourServer()) as address, colour_gateway(address, tmp_path) as gateway:
        where = ("/archive/photographs", "--to", gateway.url, "--out", "/archive/scores.csv")
        with podman.container(image, "score", *where, "--quiet", settings={}, mounts=mounts) as name:
            status = podman.run("wait", name)

    rows = csv.DictReader((tmp_path / "scores.csv").read_text().splitlines())
    assert status == "0"
    assert sorted((Path(row["path"]).name, row["label"]) for row in rows) == [
        ("0.png", "red"),
        ("1.png", "green"),
        ("2.png", "blue"),
    ]


@contextlib.contextmanager
def _gateway(podman: Podman, image: str, address: str, model: str) -> Iterator[tuple[str, str]]:
    """A ready gateway in a container: its name, and where it answers."""
    port = free_port()
    settings = {"MIWAKE_MODEL_SERVER": address, "MIWAKE_PORT": str(port)}
    with podman.container(image, "serve", "--model", model, settings=settings) as name:
        url = f"http://127.0.0.1:{port}"
        started = time.monotonic()
        while not _is_ready(url):
            assert time.monotonic() < started + 60, podman.run("logs", name)
            time.sleep(0.1)
        yield name, url


def _label_of_five_megabytes(url: str) -> str:
    """Of a blue photograph, sent as a form."""
    five_megabytes = encoded(Image.new("RGB", (1300, 1300), "blue"), "BMP")
    assert len(five_megabytes) > 5 * MEGABYTE
    response = httpx.post(f"{url}/predict", files={"image": ("photo.bmp", five_megabytes)}, timeout=30)
    label: str = response.json()["predictions"][0]["label"]
    return label


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").is_success
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def _embedded_server(folder: Path) -> Iterator[str]:
    config, port = folder / "models.config", free_port()
    config.write_text(models_config({"colours": folder / "models" / "colours"}))
    command = (sys.executable, "-m", "serving.embedded", f"--port={port}", f"--model_config_file={config}")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
