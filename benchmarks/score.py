"""What `miwake score` costs beside decoding and the model: its rate against theirs, in one run.

    make demo && .venv/bin/python benchmarks/score.py

First with a model folder, whose server shares this machine's cores; then before a model server whose work is
elsewhere, as a GPU's is: a process that sleeps a fixed time for each image, once slower than decoding and
once not. Rates count from the first row to the last, without the model server's start. What decoding takes is
measured twice: in the run itself, and alone, by as many processes as there are cores, which need not share
caches and kernel with all that sends and receives. On a machine that does other things too, the ratios of
core-seconds say more than those of rates.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

import click
import numpy as np
import pyarrow as pa
from PIL import Image

from contract.image import DEFAULT_MAX_PIXELS, decode
from contract.image_spec import ImageSpec
from contract.model_folder import newest_version, read_manifest
from modelserver.launch import Kind
from modelserver.predict import predict_batch
from scoring.job import Job
from scoring.local_engine import local_engine
from scoring.one_version import one_version
from scoring.row import Extras, Row
from scoring.run import score
from scoring.targets import model_server
from scoring.targets.opening import Address
from scoring.targets.target import Wanted

_TIMEOUT_SECONDS = 60.0
_SIZE = (4032, 3024)  # a telephone's 12 megapixels
_DIFFERENT = 24
_CALLS_AT_ONCE = 2
_SLOWER = 0.6  # than decoding, the first of the two servers that sleep
_NO_LIMIT = 1e9
_CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Moment:
    """How far a run is, and what it took until then."""

    at: float
    rows: int
    core_seconds: float


class Watcher:
    """Notes the moments at which rows were kept.

    Args:
        server_pid: of the model server, if its cores are these; asked once rows come.
    """

    def __init__(self, server_pid: Callable[[], int | None]) -> None:
        self._server_pid = server_pid
        self._moments: list[Moment] = []
        self._decoding: list[float] = []

    def decode(self, *arguments: Any, **options: Any) -> Any:
        """Decode as scoring does, and note what it took."""
        started = time.thread_time()
        try:
            return decode(*arguments, **options)
        finally:
            self._decoding.append(time.thread_time() - started)

    def listed(self, photographs: int, *, done: int, errors: int) -> None:
        """See `scoring.run.Progress`, as the next two."""

    def waiting(self, why: str) -> None:
        """Nothing is to be waited for here."""
        raise click.ClickException(why)

    def rows(self, rows: Sequence[Row]) -> None:
        """Note the moment."""
        before = self._moments[-1].rows if self._moments else 0
        pid = self._server_pid()
        core_seconds = time.process_time() + (core_seconds_of(pid) if pid else 0.0)
        self._moments.append(Moment(time.perf_counter(), before + len(rows), core_seconds))

    @property
    def rate(self) -> float:
        """Photographs a second."""
        first, last = self._moments[0], self._moments[-1]
        return (last.rows - first.rows) / (last.at - first.at)

    @property
    def decode_core_seconds(self) -> float:
        """An image, in the run."""
        return statistics.mean(self._decoding)

    @property
    def core_seconds_an_image(self) -> float:
        """Of this process and of the model server on these cores."""
        first, last = self._moments[0], self._moments[-1]
        return (last.core_seconds - first.core_seconds) / (last.rows - first.rows)


@click.command()
@click.option(
    "--model", type=click.Path(path_type=Path), default=Path("models/hand-signs"), show_default=True
)
@click.option(
    "--photographs",
    type=click.Path(path_type=Path),
    default=Path("photographs/hand-signs/test"),
    show_default=True,
)
@click.option("--count", default=4000, show_default=True, help="Photographs of each run.")
@click.option("--seconds", default=10.0, show_default=True, help="For decoding and the model alone.")
def main(model: Path, photographs: Path, *, count: int, seconds: float) -> None:
    """Measure decoding, the model, and `miwake score` with both and with decoding alone."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_photographs(photographs, Path(folder) / "photographs", count=count)
        image = read_manifest(newest_version(model)[1]).image
        decoding = decode_core_seconds(files, image, seconds=seconds)
        pa.array([0])  # imports pandas where it is installed, which is the start's and not a photograph's
        predicting = asyncio.run(model_core_seconds(model, files, image, seconds=seconds))
        click.echo(
            f"{_CORES} cores; JPEGs of {_SIZE[0]} x {_SIZE[1]}, {files[0].stat().st_size / 1000:.0f} KB"
        )
        click.echo(f"model, full batches: {1000 * predicting:.2f} ms of a core an image")
        both = run(Address(to=str(model), kind=Kind.EMBEDDED), Path(folder), server_pid=embedded_server)
        tell("model folder", both, alone=decoding, model=predicting)
        for rate in (_SLOWER * _CORES / decoding, _NO_LIMIT):
            with sleeping_server(rate, image, Path(folder) / "grpc.sock") as address:
                away = run(
                    Address(to=f"grpc://{address}", model="toy"), Path(folder), server_pid=lambda: None
                )
            title = f"a server of {rate:.0f}/s" if rate < _NO_LIMIT else "a server without limit"
            tell(title, away, alone=decoding, limit=rate)


def write_photographs(source: Path, folder: Path, *, count: int) -> list[Path]:
    """Large JPEGs of the hand signs, each under several names."""
    small = sorted(path for path in source.glob("*/*") if path.is_file())
    if not small:
        raise click.ClickException(f"no photographs in {source}/<class>/: run make demo first")
    large = [enlarged(path) for path in small[:: max(1, len(small) // _DIFFERENT)]]
    folder.mkdir()
    files = [folder / f"{number:06}.jpg" for number in range(count)]
    for number, path in enumerate(files):
        path.write_bytes(large[number % len(large)])
    return files


def enlarged(path: Path) -> bytes:
    """A JPEG as large as a telephone's: the hand signs themselves cost nearly nothing to decode."""
    buffer = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").resize(_SIZE).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def decode_core_seconds(files: Sequence[Path], image: ImageSpec, *, seconds: float) -> float:
    """An image, while every core decodes: two that are one with two threads are slower together."""
    data = [path.read_bytes() for path in files[:_DIFFERENT]]
    with ProcessPoolExecutor(_CORES, mp_context=get_context("spawn")) as processes:
        return statistics.mean(processes.map(_decode, *zip(*[(data, image, seconds)] * _CORES, strict=True)))


def _decode(data: Sequence[bytes], image: ImageSpec, seconds: float) -> float:
    done, started, until = 0, time.thread_time(), time.perf_counter() + seconds
    while time.perf_counter() < until:
        decode(data[done % len(data)], image)
        done += 1
    return (time.thread_time() - started) / done


async def model_core_seconds(
    model: Path, files: Sequence[Path], image: ImageSpec, *, seconds: float
) -> float:
    """Of the embedded model server, an image, in full batches."""
    async with one_version(model, kind=Kind.EMBEDDED) as (server, target):
        size = target.facts.max_batch_size
        batch = np.stack([decode(files[number].read_bytes(), image) for number in range(size)])
        await predict_batch(server, target, batch, timeout_seconds=_TIMEOUT_SECONDS)
        pid = embedded_server()
        calls, started, until = 0, core_seconds_of(pid), time.perf_counter() + seconds

        async def worker() -> None:
            nonlocal calls
            while time.perf_counter() < until:
                await predict_batch(server, target, batch, timeout_seconds=_TIMEOUT_SECONDS)
                calls += 1

        await asyncio.gather(*(worker() for _ in range(_CALLS_AT_ONCE)))
        return (core_seconds_of(pid) - started) / (calls * size)


def run(address: Address, folder: Path, *, server_pid: Callable[[], int | None]) -> Watcher:
    """Score all photographs."""
    watcher = Watcher(server_pid)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        job = Job(
            sources=(str(folder / "photographs"),),
            address=address,
            out=Path(out) / "rows.parquet",
            wanted=Wanted(top_k=5, extras=Extras(), max_pixels=DEFAULT_MAX_PIXELS),
        )
        with mock.patch.object(model_server, "decode", watcher.decode):
            score(job, watcher, engine=local_engine)
    return watcher


def tell(title: str, watcher: Watcher, *, alone: float, model: float = 0.0, limit: float = _NO_LIMIT) -> None:
    """The rate, and what share it is of the best there can be."""
    took = watcher.core_seconds_an_image
    click.echo(f"miwake score, {title}: {watcher.rate:.1f} images/s")
    for how, decoding in (("in this run", watcher.decode_core_seconds), ("alone", alone)):
        needed = decoding + model
        best = min(limit, _CORES / needed)
        click.echo(
            f"  decoding {how}, {1000 * decoding:.2f} ms of a core: "
            f"{watcher.rate / best:.2f} of {best:.1f} images/s; "
            f"{1000 * took:.2f} ms taken, {needed / took:.2f} of it needed"
        )


@contextlib.contextmanager
def sleeping_server(images_per_second: float, image: ImageSpec, socket: Path) -> Iterator[str]:
    """The address of a process that answers after a fixed time, and takes as little of these cores as it can.

    Each batch is a few megabytes several times over, which glibc would fetch from the kernel every time.
    """
    keep = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "1000000000"}
    shape = ("--size", str(image.height), "--batch", "32", "--images-per-second", f"{images_per_second}")
    command = [sys.executable, "-m", "tests.fixed_rate_server", *shape, "--address", f"unix:{socket}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | keep) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def embedded_server() -> int:
    """The process of the model server that this one has started."""
    tasks = Path("/proc/self/task").glob("*/children")
    children = [int(pid) for task in tasks for pid in task.read_text().split()]
    return next(pid for pid in children if b"serving.embedded" in Path(f"/proc/{pid}/cmdline").read_bytes())


def core_seconds_of(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
