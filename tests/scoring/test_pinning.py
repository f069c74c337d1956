"""Which version answers a run from its beginning to its end."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from contract.errors import ContractBrokenError
from modelserver.errors import ModelServerAwayError, VersionNotFoundError
from scoring.errors import TargetAwayError, VersionChangedError
from scoring.job import Job
from scoring.output.ledger import Ledger
from scoring.patience import Patience
from scoring.pinning import pin, version_to_pin
from scoring.row import Extras
from scoring.targets.opening import Address
from scoring.targets.target import Pinned, Target, Wanted
from tests.fake_backend import FakeBackend

ONE, TWO = Pinned("toy", 1, "one"), Pinned("toy", 2, "two")


def _job(**changes) -> Job:
    wanted = Wanted(top_k=1, extras=Extras(), max_pixels=1000)
    return Job(sources=("in",), address=Address(to="here"), out=Path("out"), wanted=wanted, **changes)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger", part_rows=10) as ledger:
        yield ledger


@pytest.fixture
def backend():
    backend = FakeBackend()
    backend.versions = {1: "one", 2: "two"}
    return backend


async def _no_pause(_seconds: float) -> None:
    """The test has no time."""


async def _pin(backend: FakeBackend, ledger: Ledger, **changes) -> Pinned:
    target = Target(backend)
    pinned = await pin(_job(**changes), ledger, target, Patience(60, sleep=_no_pause))
    await target.answer([backend.prepare(b"rose")], pinned)  # it does answer
    return pinned


@pytest.mark.parametrize(("asked", "expected"), [(None, TWO), (1, ONE)])
async def test_a_new_run_begins_with_the_newest_version_or_the_one_asked_for(
    ledger, backend, asked, expected
):
    assert await _pin(backend, ledger, version=asked) == expected
    assert ledger.about["pinned"] == asdict(expected)


async def test_a_run_goes_on_with_the_version_that_began_it_though_a_newer_one_is_there(ledger, backend):
    await _pin(backend, ledger)
    backend.versions[3] = "three"

    assert await _pin(backend, ledger) == TWO
    assert await _pin(backend, ledger, follow_versions=True) == TWO
    assert await _pin(backend, ledger, version=2) == TWO


async def test_a_run_does_not_go_on_with_another_version_that_is_asked_for(ledger, backend):
    await _pin(backend, ledger)

    with pytest.raises(VersionChangedError, match="began with toy version 2, not with version 1"):
        await _pin(backend, ledger, version=1)


@pytest.mark.parametrize("changed", [{1: "one"}, {2: "another", 1: "one"}])
async def test_a_version_that_is_gone_or_another_by_now_ends_the_run(ledger, backend, changed):
    await _pin(backend, ledger)
    backend.versions = changed

    with pytest.raises(VersionChangedError, match=r"toy version 2.*--follow-versions") as caught:
        await _pin(backend, ledger)

    assert caught.value.code == "version_changed"
    assert ledger.about["pinned"] == asdict(TWO)


async def test_a_version_that_no_longer_keeps_its_promise_ends_the_run(ledger, backend):
    await _pin(backend, ledger)
    backend.choose_failures = [ContractBrokenError("golden examples differ")]

    with pytest.raises(VersionChangedError, match="golden examples differ"):
        await _pin(backend, ledger)


@pytest.mark.parametrize(
    ("changed", "now"), [({1: "one"}, ONE), ({2: "another", 1: "one"}, Pinned("toy", 2, "another"))]
)
async def test_a_run_that_follows_goes_on_with_the_newest_and_remembers_it(ledger, backend, changed, now):
    await _pin(backend, ledger)
    backend.versions = changed

    assert await _pin(backend, ledger, follow_versions=True) == now
    assert ledger.about["pinned"] == asdict(now)


async def test_the_same_command_goes_on_after_it_followed_from_the_version_it_names(ledger, backend):
    await _pin(backend, ledger, version=1, follow_versions=True)
    del backend.versions[1]
    assert await _pin(backend, ledger, version=1, follow_versions=True) == TWO

    assert await _pin(backend, ledger, version=1, follow_versions=True) == TWO


@pytest.mark.parametrize(("asked", "expected"), [(None, 2), (1, 2)])
async def test_a_folder_is_asked_for_the_version_that_began_the_run(ledger, backend, asked, expected):
    assert version_to_pin(_job(version=asked), ledger) == asked
    await _pin(backend, ledger)

    assert version_to_pin(_job(version=asked, follow_versions=True), ledger) == expected


async def test_a_version_asked_for_that_was_never_there_is_said_so_and_binds_nobody(ledger, backend):
    with pytest.raises(VersionNotFoundError, match="toy version 9"):
        await _pin(backend, ledger, version=9)

    assert "pinned" not in ledger.about


async def test_a_server_that_is_away_is_waited_for(ledger, backend):
    backend.choose_failures = [ModelServerAwayError("away")] * 3

    assert await _pin(backend, ledger) == TWO


async def test_a_server_that_stays_away_is_no_change_of_version(ledger, backend):
    await _pin(backend, ledger)
    backend.choose_failures = [ModelServerAwayError("away")]

    with pytest.raises(TargetAwayError):
        await pin(_job(), ledger, Target(backend), Patience(0, sleep=_no_pause))
