"""What the gateway does under more than it can answer: goodput, waiting and refusals, as ratios in one run.

    make demo && .venv/bin/python benchmarks/overload.py

First before a model server whose capacity is not this machine's, as a GPU's is (it sleeps a fixed time for
each image), at 10 times its peak; then before the real model on these very cores, at 3 times. The client is
an open loop: requests leave when they are due, by a Poisson process, whatever became of those before them,
and their latency counts from that moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click
import httpx
import uvloop
from PIL import Image

_PORT = 8141
_SETTLE_SECONDS = 2.0  # of each phase, not counted: queues fill, pacing adapts
_LAST_ANSWER_SECONDS = 15.0
_START_SECONDS = 90.0
_PROMPT_SECONDS = 0.05
_CLOSED_LOOP_CLIENTS = 24
_SHARES = (0.6, 0.8, 0.9, 1.0, 1.2, 1.5, 1.9, 2.4)  # of what clients that wait for their answers get
_KEPT_UP = 0.85  # of what is offered is answered; the first phase that falls short is the last
_OK, _UNAVAILABLE = 200, 503


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One answer; moments of `time.perf_counter`. Status 0: the connection broke."""

    due: float
    ended: float
    status: int


class Connection(asyncio.Protocol):
    """One HTTP connection with at most one request under way: a stock client would be the bottleneck."""

    def __init__(self) -> None:
        self._data = b""
        self._answer: asyncio.Future[int] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self.transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> asyncio.Future[int]:
        """Send a request; gives the status of its answer."""
        assert self.transport is not None  # noqa: S101 - connected
        self._data = b""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """Collect an answer up to its announced end."""
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if found and self._answer and not self._answer.done():
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
            if len(body) >= int(length):
                self._answer.set_result(int(head.split(b" ", 2)[1]))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Whoever waits gets no answer any more."""
        self.transport = None
        if self._answer and not self._answer.done():
            self._answer.set_result(0)


class Client:
    """As many connections as are needed at once, kept."""

    def __init__(self, files: Sequence[bytes], *, model: str) -> None:
        self._requests = [_request(model, file) for file in files]
        self._idle: list[Connection] = []
        self._turn = 0
        self.answers: list[Answered] = []

    async def ask(self, due: float) -> None:
        """One request, the next photograph."""
        self._turn += 1
        request = self._requests[self._turn % len(self._requests)]
        connection, kept = await self._connection()
        status = await connection.ask(request)
        if status == 0 and kept:  # closed for its long rest just now: every client asks again
            connection = await _connected()
            status = await connection.ask(request)
        self.answers.append(Answered(due=due, ended=time.perf_counter(), status=status))
        self._idle.append(connection)

    async def _connection(self) -> tuple[Connection, bool]:
        """(A connection, whether it was used before)."""
        while self._idle:
            connection = self._idle.pop()
            if connection.transport is not None and not connection.transport.is_closing():
                return connection, True
        return await _connected(), False


async def _connected() -> Connection:
    return (await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", _PORT))[1]


def _request(model: str, file: bytes) -> bytes:
    head = f"POST /models/{model}/predict HTTP/1.1\r\nHost: gateway\r\nContent-Type: image/jpeg\r\n"
    return f"{head}Content-Length: {len(file)}\r\n\r\n".encode() + file


@dataclass(frozen=True, kw_only=True)
class Phase:
    """What became of the requests of one phase; those due or ended while it settled are left out."""

    name: str
    offered: float
    goodput: float
    latencies: list[float]
    refusals: list[float]
    others: Sequence[int]

    @classmethod
    def of(
        cls, name: str, answers: Sequence[Answered], *, offered: float, began: float, until: float
    ) -> Phase:
        """Sort the answers."""
        since = began + _SETTLE_SECONDS
        counted = [answer for answer in answers if answer.due >= since]
        in_time = [a for a in answers if a.status == _OK and since <= a.ended <= until]
        return cls(
            name=name,
            offered=offered,
            goodput=len(in_time) / (until - since),
            latencies=sorted(a.ended - a.due for a in counted if a.status == _OK),
            refusals=sorted(a.ended - a.due for a in counted if a.status == _UNAVAILABLE),
            others=[a.status for a in counted if a.status not in {_OK, _UNAVAILABLE}],
        )

    def __str__(self) -> str:
        def at(values: Sequence[float], share: float) -> float:
            return 1000 * percentile(values, share)

        return (
            f"  {self.name:<16} {self.offered:7.1f}/s   answered {self.goodput:6.1f}/s"
            f" p50 {at(self.latencies, 0.5):4.0f} p99 {at(self.latencies, 0.99):5.0f} ms"
            f"   refused {len(self.refusals):5}"
            f" p50 {at(self.refusals, 0.5):3.0f} p99 {at(self.refusals, 0.99):3.0f}"
            f" max {at(self.refusals, 1):3.0f} ms   others {dict(Counter(self.others)) or 0}"
        )


def percentile(values: Sequence[float], share: float) -> float:
    """Of sorted values; 0 of none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


async def closed_loop(client: Client, *, seconds: float) -> float:
    """Answers a second of clients that each wait for theirs: about what can be answered at all."""
    until = time.perf_counter() + seconds

    async def one() -> None:
        while time.perf_counter() < until:
            await client.ask(time.perf_counter())

    since = until - seconds + min(_SETTLE_SECONDS, seconds / 2)
    await asyncio.gather(*(one() for _ in range(_CLOSED_LOOP_CLIENTS)))
    answered = [a for a in client.answers if a.status == _OK and since <= a.ended <= until]
    client.answers.clear()
    return len(answered) / (until - since)


async def open_loop(client: Client, name: str, *, rate: float, seconds: float) -> Phase:
    """Send requests at moments that do not depend on the answers."""
    generator = random.Random(name)  # noqa: S311 - arrivals, not secrets
    began = due = time.perf_counter()
    asked = set[asyncio.Task[None]]()
    while (due := due + generator.expovariate(rate)) < began + seconds:
        if (pause := due - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        task = asyncio.create_task(client.ask(due))
        asked.add(task)
        task.add_done_callback(asked.discard)
    if asked:
        await asyncio.wait(asked, timeout=_LAST_ANSWER_SECONDS)
    answers = [*client.answers, *(Answered(due=due, ended=due, status=0) for _ in asked)]
    client.answers.clear()
    return Phase.of(name, answers, offered=rate, began=began, until=began + seconds)


async def measure(title: str, client: Client, *, times: float, seconds: float) -> None:
    """Find the peak, then offer that many times as much, and print the ratios."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{_PORT}") as probe:
        await _until_ready(probe)
    await closed_loop(client, seconds=2)
    capacity = await closed_loop(client, seconds=seconds)
    click.echo(f"{title}: about {capacity:.0f} images/s")
    phases = []
    for share in _SHARES:
        phases.append(await open_loop(client, f"{share:.0%} of that", rate=share * capacity, seconds=seconds))
        click.echo(phases[-1])
        if phases[-1].goodput < _KEPT_UP * phases[-1].offered:
            break
    peak = max(phases, key=lambda phase: phase.goodput)
    best = max(capacity, peak.goodput)
    over = await open_loop(client, f"{times:g} x the peak", rate=times * best, seconds=seconds)
    click.echo(over)
    prompt = sum(seconds <= _PROMPT_SECONDS for seconds in over.refusals) / max(1, len(over.refusals))
    slower = percentile(over.latencies, 0.99) / percentile(peak.latencies, 0.99)
    click.echo(f"  peak {best:.1f}/s; of those that do not wait, at {peak.name}")
    click.echo(f"  goodput under {times:g} times the peak / at the peak  {over.goodput / best:6.2f}")
    click.echo(f"  p99 of the answered / at the peak            {slower:6.2f}")
    click.echo(f"  refused within {1000 * _PROMPT_SECONDS:.0f} ms                       {prompt:8.2%}")


@contextlib.contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run one of our own for the block."""
    with subprocess.Popen(
        [sys.executable, "-m", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        try:
            yield running
        finally:
            running.terminate()


@contextlib.contextmanager
def fixed_rate_gateway(images_per_second: float) -> Iterator[None]:
    """A gateway before a model server that sleeps."""
    with (
        process("tests.fixed_rate_server", "--images-per-second", f"{images_per_second}") as model_server,
        tempfile.TemporaryDirectory() as folder,
    ):
        assert model_server.stdout is not None  # noqa: S101 - a pipe
        address = model_server.stdout.readline().strip()
        models_file = Path(folder) / "models.toml"
        models_file.write_text('default = "toy"\n[models.toy]\n')
        serve = ("serve", "--models-file", str(models_file), "--model-server", address)
        with process("miwake", *serve, "--port", str(_PORT)):
            yield


async def _until_ready(client: httpx.AsyncClient) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while True:
        if time.monotonic() > give_up:
            raise click.ClickException("the gateway does not get ready")
        with contextlib.suppress(httpx.TransportError):
            if (await client.get("/readyz")).is_success:
                return
        await asyncio.sleep(0.2)


def enlarged(path: Path) -> bytes:
    """A JPEG of 640 x 480, 12 to 19 KB: the hand signs themselves are smaller than what people send."""
    buffer = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").resize((640, 480)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


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
@click.option("--seconds", default=20.0, show_default=True, help="For each measurement.")
@click.option("--images-per-second", default=50.0, show_default=True, help="Of the model server that sleeps.")
@click.option("--only", type=click.Choice(["fixed", "cpu"]), help="One of the two.")
def main(
    model: Path, photographs: Path, *, seconds: float, images_per_second: float, only: str | None
) -> None:
    """Measure the gateway under 10 and 3 times what it can answer."""
    files = [enlarged(path) for path in sorted(photographs.glob("*/*")) if path.is_file()]
    if not files:
        raise click.ClickException(f"no photographs in {photographs}/<class>/: run make demo first")
    gc.disable()  # a pause of the client's would count as the gateway's
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if only != "cpu":
            with fixed_rate_gateway(images_per_second):
                client = Client(files, model="toy")
                title = "a model server that sleeps"
                runner.run(measure(title, client, times=10, seconds=seconds))
        if only != "fixed":
            serve = ("serve", str(model.parent), "--model", model.name, "--port", str(_PORT))
            with process("miwake", *serve):
                client = Client(files, model=model.name)
                title = "the model on these cores"
                runner.run(measure(title, client, times=3, seconds=seconds))


if __name__ == "__main__":
    main()
