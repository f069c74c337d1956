"""Predictions straight from a model folder, without a gateway."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from contract.errors import ContractBrokenError, ModelFolderError
from modelserver.errors import ModelServerStartError
from scoring.errors import TooManyErrorsError
from scoring.score_batch import Scorer
from tests.scoring.archive import job, rows, run, write_archive

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.colour_model import COLOURS, colour_picture, publish_colours

    folder = tmp_path_factory.mktemp("scoring")
    publish_colours(folder / "colours", labels=("r1", "g1", "b1"))
    publish_colours(folder / "colours", labels=("r2", "g2", "b2"))
    for colour in COLOURS:
        (folder / f"{colour}.png").write_bytes(colour_picture(colour))
    (folder / "bad.jpg").write_bytes(b"text")
    return folder


def said(model: Path, *photographs: Path | bytes, **choices: Any) -> list[str | None]:
    """The label or the code of each."""
    with Scorer(model, **choices) as scorer:
        return [row.label or row.code for row in scorer.rows(photographs)]


def test_more_files_than_a_batch_come_back_in_order_and_bad_ones_fail_alone(folder: Path) -> None:
    paths = [folder / name for name in ("red.png", "bad.jpg", "blue.png", "green.png", "red.png")] * 3

    assert said(folder / "colours", *paths) == ["r2", "unsupported_format", "b2", "g2", "r2"] * 3


def test_an_older_version_answers_when_its_folder_is_given(folder: Path) -> None:
    assert said(folder / "colours" / "1", folder / "red.png") == ["r1"]


def test_an_older_version_answers_when_it_is_asked_for(folder: Path) -> None:
    assert said(folder / "colours", folder / "red.png", version=1) == ["r1"]


def test_a_run_goes_on_with_the_version_that_began_it_though_a_newer_one_was_published(
    tmp_path: Path,
) -> None:
    from tests.colour_model import publish_colours

    model, photographs, out = tmp_path / "colours", tmp_path / "photographs", tmp_path / "out"
    publish_colours(model, labels=("r1", "g1", "b1"))
    write_archive(photographs, 400)
    with pytest.raises(TooManyErrorsError):
        run(job(photographs, out, str(model), max_errors=0))
    publish_colours(model, labels=("r2", "g2", "b2"))

    assert run(job(photographs, out, str(model))).new > 0
    assert {row["version"] for row in rows(out)} == {1}


def test_under_the_models_threshold_the_label_is_unknown(tmp_path: Path, folder: Path) -> None:
    from tests.colour_model import publish_colours

    publish_colours(tmp_path / "colours", unknown_threshold=0.9999)

    with Scorer(tmp_path / "colours") as scorer:
        (row,) = scorer.rows([folder / "red.png"])

    assert (row.label, row.top[0].label) == ("unknown", "red")
    assert row.probability is not None
    assert 0.99 < row.probability < 0.9999


def test_only_bad_files_need_no_call(folder: Path) -> None:
    assert said(folder / "colours", folder / "bad.jpg") == ["unsupported_format"]


def test_embeddings_and_heat_maps_come_where_they_are_asked_for(folder: Path) -> None:
    with Scorer(folder / "colours", embeddings=True, heatmaps=True) as scorer:
        batch = scorer.score_batch([folder / "red.png", folder / "bad.jpg"])

    red, bad = batch.to_pylist()
    assert np.linalg.norm(red["embedding"]) == pytest.approx(1, abs=1e-5)
    with Image.open(io.BytesIO(red["heatmap"])) as heat:
        assert (heat.mode, heat.size) == ("L", (8, 8))
        assert max(heat.tobytes()) == 255
    assert bad["embedding"] is None
    assert bad["heatmap"] is None


def test_a_folder_without_a_version_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="no version in"):
        said(tmp_path)


def test_a_version_that_answers_otherwise_than_it_promises_is_refused(folder: Path) -> None:
    from tests.colour_model import write_version_that_answers_otherwise

    write_version_that_answers_otherwise(folder / "tampered" / "1")

    with pytest.raises(ContractBrokenError, match="golden"):
        said(folder / "tampered", folder / "red.png")


def test_a_version_that_cannot_be_loaded_is_said_so_at_once(folder: Path) -> None:
    broken = folder / "broken" / "1" / "saved_model.pb"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no graph")

    with pytest.raises(ModelServerStartError, match="broken version 1 cannot be loaded"):
        said(folder / "broken", folder / "red.png")
