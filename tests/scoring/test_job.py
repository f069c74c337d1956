"""What another run must share with the one that began an output, and what it need not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from scoring.errors import OutputError
from scoring.job import Job, refuse_another
from scoring.output.layout import Format
from scoring.row import Extras
from scoring.sources.listed import Shard
from scoring.targets.opening import Address
from scoring.targets.target import Wanted

LEDGER = Path("out/_ledger.sqlite")
WANTED = Wanted(top_k=5, extras=Extras(), max_pixels=1000)
JOB = Job(
    sources=("in", "more"), address=Address(to="http://gateway", model="toy"), out=Path("out"), wanted=WANTED
)


def _refuse(found: Job, wanted: Job, *, format_: Format = Format.PARQUET) -> None:
    """As it is read from the ledger, where it was kept as JSON."""
    kept = json.loads(json.dumps(found.fingerprint(Format.PARQUET)))
    refuse_another(kept, wanted.fingerprint(format_), ledger=LEDGER)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"address": Address(to="https://another", model="toy", api_key="key")},
        {"max_errors": 7, "threads": 3, "calls": 9, "wait_seconds": 1.0},
        {"quarantine": Path("bad"), "follow_versions": True, "version": 3, "out": Path("./out")},
    ],
)
def test_where_the_model_runs_and_how_fast_and_patiently_may_change(changes):
    _refuse(JOB, dataclasses.replace(JOB, **changes))


def test_a_model_may_move_from_its_folder_to_a_server_and_another_folder_is_another_model(tmp_path):
    """Also from one of its versions' folders."""
    (tmp_path / "toy" / "3").mkdir(parents=True)
    (tmp_path / "toy" / "3" / "saved_model.pb").touch()
    folder, version, server, other = (
        dataclasses.replace(JOB, address=address)
        for address in (
            Address(to=str(tmp_path / "toy")),
            Address(to=str(tmp_path / "toy" / "3")),
            Address(to="grpc://tf:8500", model="toy"),
            Address(to=str(tmp_path / "other")),
        )
    )

    for job in (folder, version, server):
        _refuse(folder, job)
    with pytest.raises(OutputError, match="its --model was toy, not other"):
        _refuse(folder, other)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sources": ("in",)}, "its SOURCE was in more, not in;"),
        ({"sources": ("more", "in")}, "its SOURCE was in more, not more in;"),
        (
            {"address": Address(to="grpc://tf:8500", model="toy")},
            "its --to was a gateway, not a model server",
        ),
        ({"address": Address(to="http://gateway")}, "its --model was toy, not None"),
        ({"wanted": dataclasses.replace(WANTED, top_k=1)}, "its --top was 5, not 1"),
        ({"wanted": dataclasses.replace(WANTED, max_pixels=9)}, "its --max-image-pixels was 1000, not 9"),
        ({"wanted": dataclasses.replace(WANTED, extras=Extras(heatmap=True))}, "its --heatmaps was False"),
        ({"wanted": dataclasses.replace(WANTED, extras=Extras(embedding=True))}, "its --embeddings was"),
        ({"max_image_bytes": 9}, "its --max-image-bytes was 33554432, not 9"),
        ({"shard": Shard(1, 3)}, "its --shard was 0/1, not 1/3"),
        ({"dedupe": True}, "its --dedupe was False, not True"),
        ({"part_rows": 9}, "its --part-rows was 10000, not 9"),
    ],
)
def test_what_the_rows_depend_on_may_not_and_the_option_is_named(changes, why):
    with pytest.raises(OutputError, match=rf"^{LEDGER} is of another run: {why}"):
        _refuse(JOB, dataclasses.replace(JOB, **changes))


def test_another_format_is_another_run():
    with pytest.raises(OutputError, match="its --format was parquet, not csv"):
        _refuse(JOB, JOB, format_=Format.CSV)


def test_a_ledger_of_an_older_build_that_did_not_know_an_option_is_another_run():
    with pytest.raises(OutputError, match="its --dedupe was None, not False"):
        refuse_another(
            {name: value for name, value in JOB.fingerprint(Format.CSV).items() if name != "--dedupe"},
            JOB.fingerprint(Format.CSV),
            ledger=LEDGER,
        )


def test_no_key_is_kept():
    job = dataclasses.replace(JOB, address=Address(to="http://gateway", api_key="secret"))

    assert "secret" not in json.dumps(job.fingerprint(Format.CSV))
    assert "secret" not in repr(job)
