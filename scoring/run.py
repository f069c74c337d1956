"""A whole run: lists the photographs, pins the version, scores what is undone, finishes the output."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from scoring.job import Job, refuse_another
from scoring.output.layout import Layout, layout
from scoring.output.ledger import Ledger
from scoring.output.parts import Parts
from scoring.output.sink import refuse_too_many
from scoring.pinning import begun_with
from scoring.row import Row
from scoring.sources.listing import list_source
from scoring.targets.target import Pinned


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a run.

    Attributes:
        photographs: in the output, those of earlier runs included.
        errors: of them, refused.
        new: that this run scored.
        seconds: that it took.
        pinned: the version that answered last; None where nothing was left to do.
    """

    photographs: int
    errors: int
    new: int
    seconds: float
    pinned: Pinned | None

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


class Progress(Protocol):
    """Is told how a run goes."""

    def listed(self, photographs: int, *, done: int, errors: int) -> None:
        """It is known what there is to do."""

    def rows(self, rows: Sequence[Row]) -> None:
        """These are kept."""

    def waiting(self, why: str) -> None:
        """The target does not answer."""


# Scores what a ledger has as undone; gives the version that answered last.
Engine = Callable[[Job, Ledger, Parts, Progress], Pinned]


def score(job: Job, progress: Progress, *, engine: Engine) -> Outcome:
    """Score everything that is undone. After whatever ended it, the same call goes on.

    Raises:
        SourceError: a source cannot be listed.
        OutputError: the output is another run's, or the disk refuses.
        VersionChangedError: the version that began it answers no more.
        TargetAwayError: nothing has answered for too long.
        TooManyErrorsError: more photographs were refused than may be.
        MiwakeError: another error of the target.
    """
    started = time.perf_counter()
    places = layout(job.out, job.format)
    with Ledger(places.ledger, part_rows=job.part_rows, remember=job.dedupe) as ledger:
        parts = _prepare(job, places, ledger)
        refuse_too_many(ledger.errors, job.max_errors)
        done = ledger.done
        progress.listed(ledger.photographs, done=done, errors=ledger.errors)
        pinned = None
        if not ledger.about.get("finished"):
            if done < ledger.photographs:
                pinned = engine(job, ledger, parts, progress)
            parts.write_full()
            parts.finish(_summary(ledger))
        return Outcome(
            photographs=ledger.photographs,
            errors=ledger.errors,
            new=ledger.done - done,
            seconds=time.perf_counter() - started,
            pinned=pinned,
        )


def _prepare(job: Job, places: Layout, ledger: Ledger) -> Parts:
    """Whose output it is, and which photographs there are."""
    wanted, about = job.fingerprint(places.format), ledger.about
    parts = Parts(places, ledger, job.extras)
    if "pinned" in about or about.get("finished"):
        refuse_another(about["fingerprint"], wanted, ledger=places.ledger)
        begun_with(job, ledger)  # of a finished one nothing else would ask
        parts.clean_up()
    else:  # a run that never came to a photograph binds nobody, and what there is may have changed
        found = (listed for source in job.sources for listed in list_source(source))
        ours = (listed.path for listed in found if job.shard.holds(listed))
        ledger.begin({"fingerprint": wanted}, (path for path in ours if not places.holds(path)))
    return parts


def _summary(ledger: Ledger) -> dict[str, Any]:
    about = ledger.about
    return {
        "photographs": ledger.photographs,
        "errors": ledger.errors,
        "pinned": about.get("pinned"),
        "run": about["fingerprint"],
    }
