"""Which version answers a run, from its beginning to its end, whatever interrupts it."""

from __future__ import annotations

from dataclasses import asdict

from contract.errors import ContractBrokenError
from modelserver.errors import VersionNotFoundError
from scoring.errors import VersionChangedError
from scoring.job import Job
from scoring.output.ledger import Ledger
from scoring.patience import Patience
from scoring.targets.target import Pinned, Target

_KEY = "pinned"


def begun_with(job: Job, ledger: Ledger) -> Pinned | None:
    """The version that answers a run which has begun.

    Raises:
        VersionChangedError: another one is asked for, and the job follows none.
    """
    kept = ledger.about.get(_KEY)
    if kept is None:
        return None
    before = Pinned(**kept)
    if job.version not in (None, before.version) and not job.follow_versions:
        raise VersionChangedError(f"the run began with {before}, not with version {job.version}")
    return before


def version_to_pin(job: Job, ledger: Ledger) -> int | None:
    """As far as it is known before a target is asked; None for its newest."""
    before = begun_with(job, ledger)
    return before.version if before else job.version


async def pin(job: Job, ledger: Ledger, target: Target, patience: Patience) -> Pinned:
    """The version that began the run; at its beginning the one asked for, or the newest.

    Raises:
        VersionChangedError: it does not answer, or is another model by now, and the job follows none.
        VersionNotFoundError: the version asked for is not served.
        TargetAwayError: nothing has answered for too long.
        MiwakeError: another error of the target's.
    """
    before = begun_with(job, ledger)
    if before is None:
        return keep(await patience.ask(lambda: target.pin(job.version)), ledger)
    try:
        now = await patience.ask(lambda: target.pin(before.version))
        why = "" if now == before else f"{before} is not the same model that it was"
    except (VersionNotFoundError, ContractBrokenError) as exc:
        why = f"the run began with {before}, which does not answer any more: {exc}"
    if not why:
        return before
    if not job.follow_versions:
        raise VersionChangedError(f"{why}; --follow-versions goes on with what answers now")
    return keep(await patience.ask(lambda: target.pin(None)), ledger)


def keep(pinned: Pinned, ledger: Ledger) -> Pinned:
    """Let the ledger know, so that the next run asks for the same."""
    ledger.describe({_KEY: asdict(pinned)})
    return pinned
