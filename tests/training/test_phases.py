from __future__ import annotations

import time

import pytest

from training.phases import Phases


def test_a_phase_that_runs_twice_adds_up():
    phases = Phases()
    for _ in range(2):
        with phases.phase("decode"):
            time.sleep(0.02)

    assert list(phases.seconds) == ["decode"]
    assert phases.seconds["decode"] >= 0.04


def test_what_an_interrupted_process_took_is_added():
    phases = Phases()
    with phases.phase("decode"):
        pass
    phases.add({"decode": 10.0, "fit": 100.0})
    with phases.phase("fit"):
        time.sleep(0.02)

    assert phases.seconds["decode"] >= 10
    assert phases.seconds["fit"] >= 100.02


def test_so_far_counts_the_phase_that_is_running():
    phases = Phases()
    phases.add({"fit": 100.0})
    with phases.phase("fit"):
        time.sleep(0.02)
        assert phases.so_far()["fit"] >= 100.02
        assert phases.seconds == {"fit": 100.0}

    assert phases.so_far() == phases.seconds


def test_a_phase_that_fails_is_counted_and_is_over():
    phases = Phases()
    with pytest.raises(ValueError, match="no"), phases.phase("fit"):
        raise ValueError("no")

    assert phases.so_far() == phases.seconds
    assert list(phases.seconds) == ["fit"]
