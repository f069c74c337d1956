"""Predictions straight from a model folder, without a gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.errors import ContractBrokenError, ImageError, ModelFolderError, UnsupportedFormatError
from contract.prediction import Prediction
from modelserver.errors import ModelServerStartError
from scoring.files import predict_files

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


def label(outcome: Prediction | ImageError) -> str:
    return outcome.label if isinstance(outcome, Prediction) else outcome.code


def test_more_files_than_a_batch_come_back_in_order_and_bad_ones_fail_alone(folder: Path) -> None:
    paths = [folder / name for name in ("red.png", "bad.jpg", "blue.png", "green.png", "red.png")] * 3

    outcomes = predict_files(folder / "colours", paths, top_k=1)

    assert [label(outcome) for outcome in outcomes] == ["r2", "unsupported_format", "b2", "g2", "r2"] * 3


def test_an_older_version_answers_when_its_folder_is_given(folder: Path) -> None:
    (outcome,) = predict_files(folder / "colours" / "1", [folder / "red.png"], top_k=1)

    assert label(outcome) == "r1"


def test_under_the_models_threshold_the_label_is_unknown(tmp_path: Path, folder: Path) -> None:
    from tests.colour_model import publish_colours

    publish_colours(tmp_path / "colours", unknown_threshold=0.9999)

    (outcome,) = predict_files(tmp_path / "colours", [folder / "red.png"], top_k=1)

    assert isinstance(outcome, Prediction)
    assert (outcome.label, outcome.top[0].label) == ("unknown", "red")
    assert 0.99 < outcome.probability < 0.9999


def test_only_bad_files_need_no_call(folder: Path) -> None:
    (outcome,) = predict_files(folder / "colours", [folder / "bad.jpg"], top_k=1)

    assert isinstance(outcome, UnsupportedFormatError)


def test_a_folder_without_a_version_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="no version in"):
        predict_files(tmp_path, [], top_k=1)


def test_a_version_that_answers_otherwise_than_it_promises_is_refused(folder: Path) -> None:
    from tests.colour_model import write_version_that_answers_otherwise

    write_version_that_answers_otherwise(folder / "tampered" / "1")

    with pytest.raises(ContractBrokenError, match="golden"):
        predict_files(folder / "tampered", [folder / "red.png"], top_k=1)


def test_a_version_that_cannot_be_loaded_is_said_so_at_once(folder: Path) -> None:
    broken = folder / "broken" / "1" / "saved_model.pb"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no graph")

    with pytest.raises(ModelServerStartError, match="broken version 1 cannot be loaded"):
        predict_files(folder / "broken", [folder / "red.png"], top_k=1)
