"""What the gateway costs: images a second through HTTP against the model server's own rate, in one run.

    make demo && .venv/bin/python benchmarks/gateway.py

Both share this machine's cores with the client, so the ratio says more than either figure.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import click
import httpx
import numpy as np

from contract.image import decode
from contract.model_folder import newest_version, read_manifest
from modelserver.errors import ModelServerError
from modelserver.grpc_adapter import GrpcModelServer
from modelserver.launch import Kind, running_model_server
from modelserver.predict import ModelVersion, predict_batch

_PORT = 8139
_TIMEOUT_SECONDS = 60.0


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
@click.option("--seconds", default=10.0, show_default=True, help="For each measurement.")
@click.option("--clients", default=16, show_default=True, help="Requests under way at once.")
def main(model: Path, photographs: Path, *, seconds: float, clients: int) -> None:
    """Measure decoding, the model server, and the gateway before it."""
    files = [path.read_bytes() for path in sorted(photographs.glob("*/*")) if path.is_file()]
    if not files:
        raise click.ClickException(f"no photographs in {photographs}/<class>/: run make demo first")
    version, folder = newest_version(model)
    target = ModelVersion(model.name, version, read_manifest(folder))
    decoding = decode_rate(files, target, seconds=seconds)
    direct = asyncio.run(model_server_rate(model, files, target, seconds=seconds))
    gateway, latencies, resident = gateway_rate(model, files, seconds=seconds, clients=clients)
    click.echo(f"decode, one core          {decoding:8.1f} images/s")
    click.echo(f"model server, batches of {target.facts.max_batch_size:2} {direct:7.1f} images/s")
    click.echo(f"gateway, {clients:2} clients       {gateway:8.1f} images/s")
    click.echo(f"gateway to model server   {gateway / direct:8.2f}")
    click.echo(
        f"gateway latency           p50 {1000 * latencies[0]:.0f} ms, p99 {1000 * latencies[1]:.0f} ms"
    )
    click.echo(f"gateway resident memory   {resident / 1e6:.0f} MB")


def decode_rate(files: Sequence[bytes], target: ModelVersion, *, seconds: float) -> float:
    """Images decoded a second by one thread."""
    done, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        decode(files[done % len(files)], target.facts.image)
        done += 1
    return done / elapsed


async def model_server_rate(
    model: Path, files: Sequence[bytes], target: ModelVersion, *, seconds: float
) -> float:
    """Images predicted a second in full batches, two calls under way: the most this machine gives."""
    size = target.facts.max_batch_size
    batch = np.stack([decode(files[n % len(files)], target.facts.image) for n in range(size)])
    async with running_model_server(Kind.AUTO, {model.name: model}) as address:
        server = GrpcModelServer(address)
        await _until_it_answers(server, model.name)

        async def call() -> None:
            await predict_batch(server, target, batch, timeout_seconds=_TIMEOUT_SECONDS)

        await call()
        calls, elapsed = await _repeat(call, seconds=seconds, at_once=2)
        await server.close()
    return len(calls) * size / elapsed


def gateway_rate(
    model: Path, files: Sequence[bytes], *, seconds: float, clients: int
) -> tuple[float, tuple[float, float], int]:
    """(images a second, (p50, p99) in seconds, resident bytes) of one-image requests."""
    command = [sys.executable, "-m", "miwake", "serve", str(model.parent), "--model", model.name]
    with subprocess.Popen(
        [*command, "--port", str(_PORT)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        try:
            return asyncio.run(_ask_gateway(files, process.pid, seconds=seconds, clients=clients))
        finally:
            process.terminate()


async def _ask_gateway(
    files: Sequence[bytes], pid: int, *, seconds: float, clients: int
) -> tuple[float, tuple[float, float], int]:
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{_PORT}", limits=limits, timeout=_TIMEOUT_SECONDS
    ) as client:
        await _until_ready(client)
        turn = iter(range(sys.maxsize))

        async def call() -> None:
            response = await client.post("/predict", content=files[next(turn) % len(files)])
            response.raise_for_status()

        latencies, elapsed = await _repeat(call, seconds=seconds, at_once=clients)
    percentiles = statistics.quantiles(latencies, n=100)
    return len(latencies) / elapsed, (percentiles[49], percentiles[98]), _resident_bytes(pid)


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


async def _repeat(
    call: Callable[[], Awaitable[None]], *, seconds: float, at_once: int
) -> tuple[list[float], float]:
    """Call again and again; (seconds of each call, seconds of all)."""
    durations: list[float] = []
    started = time.perf_counter()

    async def worker() -> None:
        while time.perf_counter() - started < seconds:
            begun = time.perf_counter()
            await call()
            durations.append(time.perf_counter() - begun)

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return durations, time.perf_counter() - started


async def _until_it_answers(server: GrpcModelServer, model: str) -> None:
    while True:
        try:
            await server.versions(model, timeout_seconds=_TIMEOUT_SECONDS)
        except ModelServerError:
            await asyncio.sleep(0.2)
        else:
            return


async def _until_ready(client: httpx.AsyncClient) -> None:
    while True:
        try:
            if (await client.get("/readyz")).is_success:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    main()
