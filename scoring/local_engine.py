"""Scoring on this machine: threads that read and decode, and asyncio for everything that waits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from scoring.job import Job
from scoring.output.ledger import Ledger
from scoring.output.parts import Parts
from scoring.output.sink import Sink
from scoring.patience import Patience
from scoring.pinning import pin, version_to_pin
from scoring.pipeline import Pipeline
from scoring.quarantine import Quarantine
from scoring.run import Progress
from scoring.sources.reader import Reader
from scoring.step import Step
from scoring.targets.opening import open_target
from scoring.targets.target import Pinned


def local_engine(job: Job, ledger: Ledger, parts: Parts, progress: Progress) -> Pinned:
    """See `scoring.run.score`, also for the errors. SIGTERM ends it as Ctrl-C does."""
    try:
        return asyncio.run(_score(job, ledger, parts, progress))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _score(job: Job, ledger: Ledger, parts: Parts, progress: Progress) -> Pinned:
    # What is under way is dropped, what is kept stays. Not by Ctrl-C's signal, which may be ignored.
    if (task := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    patience = Patience(job.wait_seconds, on_wait=progress.waiting)
    threads = job.threads_on(os.cpu_count() or 1)
    async with open_target(job.address, job.wanted, version=version_to_pin(job, ledger)) as target:
        pinned = await pin(job, ledger, target, patience)
        with (
            Reader(max_bytes=job.max_image_bytes) as reader,
            _threads("read", threads) as reading,
            _threads("write", 1) as writing,
        ):
            step = Step(
                target,
                reader=reader,
                patience=patience,
                threads=reading,
                quarantine=Quarantine(job.quarantine) if job.quarantine else None,
            )
            pipeline = Pipeline(
                ledger=ledger,
                sink=Sink(ledger, parts, max_errors=job.max_errors, on_rows=progress.rows),
                writing=writing,
                target=target,
                step=step,
                patience=patience,
                follow=job.follow_versions,
                dedupe=job.dedupe,
            )
            # Those that read, those that wait for the target, and one that writes.
            return await pipeline.run(pinned, workers=threads + (job.calls or target.calls) + 1)


@contextlib.contextmanager
def _threads(name: str, count: int) -> Iterator[ThreadPoolExecutor]:
    """What has not begun at the end of the block never will; what has is waited for."""
    threads = ThreadPoolExecutor(count, thread_name_prefix=name)
    try:
        yield threads
    finally:
        threads.shutdown(wait=True, cancel_futures=True)
