"""Scoring from a program of one's own, on a model server of real gRPC."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pyarrow as pa
import pytest

from contract.errors import ContractBrokenError
from modelserver.errors import VersionNotFoundError
from scoring.errors import TargetAwayError
from scoring.row import Extras, schema
from scoring.score_batch import Scorer, score_batch
from tests.colour_server import ColourServer, in_thread, probabilities
from tests.pictures import colour_picture

RED, GREEN, BLUE = (colour_picture(colour) for colour in ("red", "green", "blue"))


@pytest.fixture
def server() -> ColourServer:
    return ColourServer()


@pytest.fixture
def address(server: ColourServer) -> Iterator[str]:
    with in_thread(server) as at:
        yield f"grpc://{at}"


def _column(batch: pa.RecordBatch, name: str) -> list:
    return batch.column(name).to_pylist()


def test_paths_and_bytes_have_a_row_each_in_the_order_given(address, tmp_path: Path):
    (tmp_path / "green.png").write_bytes(GREEN)
    photographs = [
        RED,
        tmp_path / "green.png",
        str(tmp_path / "green.png"),
        b"text",
        bytearray(BLUE),
        tmp_path / "gone.png",
    ]

    batch = score_batch(photographs, to=address, model="toy")

    assert batch.schema == schema(Extras())
    assert _column(batch, "label") == ["red", "green", "green", None, "blue", None]
    assert _column(batch, "code") == [None, None, None, "unsupported_format", None, "image_unreadable"]
    assert _column(batch, "path") == [
        "",
        str(tmp_path / "green.png"),
        str(tmp_path / "green.png"),
        "",
        "",
        str(tmp_path / "gone.png"),
    ]
    assert set(_column(batch, "version")) == {1}


def test_more_photographs_than_a_batch_are_asked_in_batches(server, address):
    with Scorer(address, model="toy", top_k=1) as scorer:
        server.batch_sizes.clear()
        batch = scorer.score_batch(iter([RED, BLUE] * 15))

    assert _column(batch, "label") == ["red", "blue"] * 15
    assert [len(top) for top in _column(batch, "top")] == [1] * 30
    assert sum(server.batch_sizes) in range(30, 33)
    assert max(server.batch_sizes) == 8


def test_no_photographs_are_a_batch_of_no_rows(address):
    batch = score_batch([], to=address, model="toy")

    assert (batch.num_rows, batch.schema) == (0, schema(Extras()))


@pytest.mark.parametrize("one", ["rose.jpg", Path("rose.jpg"), RED, bytearray(RED)])
def test_one_photograph_in_place_of_several_is_a_mistake_of_the_program(address, one):
    """A text and bytes can be gone through too: by their letters."""
    with pytest.raises(TypeError, match=r"photographs are several, as \[photograph\]"):
        score_batch(one, to=address, model="toy")


def test_a_scorer_keeps_its_version_while_it_is_open(server, address):
    with Scorer(address, model="toy") as scorer:
        server.versions.append(2)
        first, second = scorer.score_batch([RED]), scorer.score_batch([BLUE])
        assert scorer.pinned.version == 1

    assert _column(first, "version") == _column(second, "version") == [1]
    with Scorer(address, model="toy") as scorer:
        assert scorer.pinned.version == 2


def test_threads_of_a_program_may_share_a_scorer(address):
    with Scorer(address, model="toy", threads=2) as scorer:
        batches: list[pa.RecordBatch] = []
        threads = [
            threading.Thread(target=lambda: batches.append(scorer.score_batch([RED, GREEN] * 5)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert [_column(batch, "label") for batch in batches] == [["red", "green"] * 5] * 4


def test_a_version_that_is_gone_is_raised_as_itself(server, address):
    with Scorer(address, model="toy") as scorer:
        server.versions[:] = [2]

        with pytest.raises(VersionNotFoundError):
            scorer.score_batch([RED] * 30)


def test_a_model_server_that_stays_away_is_waited_for_no_longer_than_asked(server, address):
    with Scorer(address, model="toy", wait_seconds=0.3) as scorer:
        server.refusal = (grpc.StatusCode.UNAVAILABLE, "draining")
        started = time.monotonic()
        with pytest.raises(TargetAwayError, match=r"nothing has answered for 0\.3 s"):
            scorer.score_batch([RED] * 30)
        assert 0.3 <= time.monotonic() - started < 30

        server.refusal = None
        assert _column(scorer.score_batch([RED]), "label") == ["red"]


def test_limits_hold_for_paths_and_bytes(address, tmp_path):
    (tmp_path / "red.png").write_bytes(RED)

    few_bytes = score_batch([RED, tmp_path / "red.png"], to=address, model="toy", max_image_bytes=10)
    few_pixels = score_batch([RED], to=address, model="toy", max_image_pixels=10)

    assert _column(few_bytes, "code") == ["body_too_large"] * 2
    assert _column(few_pixels, "code") == ["too_many_pixels"]


def test_refused_photographs_are_kept_aside(address, tmp_path):
    score_batch([RED, b"text"], to=address, model="toy", quarantine=tmp_path / "bad")

    [kept] = [path for path in (tmp_path / "bad").rglob("*") if path.is_file()]
    assert (kept.parent.name, kept.read_bytes()) == ("unsupported_format", b"text")


def test_what_cannot_be_pinned_leaves_nothing_running(server, address):
    server.network = lambda images: images.mean(axis=(1, 2))  # no probabilities at all
    before = threading.active_count()

    with pytest.raises(ContractBrokenError):
        Scorer(address, model="toy").__enter__()

    assert threading.active_count() == before


def test_a_scorer_that_is_closed_leaves_no_thread_and_can_be_opened_again(address):
    before = threading.active_count()
    scorer = Scorer(address, model="toy")

    for _ in range(2):
        with scorer:
            assert _column(scorer.score_batch([RED]), "label") == ["red"]

    assert threading.active_count() == before


def test_a_version_that_answers_otherwise_than_it_promises_is_refused(server, address):
    server.network = lambda images: probabilities(images)[:, ::-1]

    with pytest.raises(ContractBrokenError, match="golden"):
        score_batch([RED], to=address, model="toy")
