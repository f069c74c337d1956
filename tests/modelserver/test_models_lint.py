from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from contract.errors import ModelFolderError
from modelserver.models_edit import promote
from modelserver.models_lint import lint
from modelserver.version_lint import WARMUP_FILE
from tests.manifests import manifest

RECORD = (3).to_bytes(8, "little") + b"crc." + b"abc" + b"crc."


@pytest.fixture
def clean(models: Path) -> Path:
    """A folder that nothing is wrong with."""
    (models / "notes").rmdir()
    (models / "toy" / ".incoming-7").rmdir()
    for version in models.glob("*/*"):
        (version / WARMUP_FILE).write_bytes(RECORD * 2)
    return models


def findings(folder: Path) -> list[str]:
    return [str(finding).replace(f"{folder}/", "").replace(str(folder), "DIR") for finding in lint(folder)]


def test_nothing_is_said_of_a_clean_folder_a_clean_model_and_a_clean_version(clean: Path) -> None:
    promote(clean, "toy", 9)

    assert findings(clean) == []
    assert findings(clean / "toy") == []
    assert findings(clean / "toy" / "9") == []


def test_what_a_publication_left_over_and_what_is_no_version_is_a_warning(clean: Path) -> None:
    (clean / "toy" / ".incoming-7").mkdir()
    (clean / "toy" / "v2").mkdir()
    (clean / "notes").mkdir()

    assert findings(clean) == [
        "warning: notes: no version in it: nothing of it is served",
        "warning: toy/.incoming-7: of a publication that goes on, or left over by one that was interrupted",
        "warning: toy/v2: not a version: its name is no whole number",
    ]


def test_a_graph_that_is_missing_or_empty_is_an_error(clean: Path) -> None:
    (clean / "toy" / "1" / "saved_model.pb").unlink()
    (clean / "toy" / "9" / "saved_model.pb").write_bytes(b"")

    assert findings(clean) == [
        "error: toy/1: saved_model.pb is missing",
        "error: toy/9: saved_model.pb is empty",
    ]


@pytest.mark.parametrize(
    ("files", "text"),
    [
        (["variables.index"], "its weights are missing: variables/ holds an index and no data"),
        (["variables.data-00000-of-00001"], "its weights are of no use: variables/ holds no index"),
        (["variables.index", "variables.data-00001-of-00002"], "of its weights 1 of 2 files are there"),
    ],
)
def test_weights_must_be_whole(clean: Path, files: list[str], text: str) -> None:
    variables = clean / "toy" / "9" / "variables"
    variables.mkdir()
    for file in files:
        (variables / file).write_bytes(b"weights")

    assert findings(clean) == [f"error: toy/9: {text}"]


def test_two_folders_for_one_version_are_an_error(clean: Path) -> None:
    shutil.copytree(clean / "toy" / "9", clean / "toy" / "00000009")

    assert findings(clean) == ["error: toy: two folders for version 9: 00000009 and 9"]


def test_a_manifest_must_be_there_be_readable_and_be_of_this_model(clean: Path) -> None:
    (clean / "toy" / "1" / "assets.extra" / "manifest.json").unlink()
    (clean / "toy" / "9" / "assets.extra" / "manifest.json").write_text("{")
    other = manifest(name="other", max_batch_size=16).to_json()
    (clean / "toy" / "00000010" / "assets.extra" / "manifest.json").write_text(other)

    assert findings(clean) == [
        "error: toy/1: it carries no manifest: a model made elsewhere needs a sidecar, named in models.toml",
        "error: toy/9: manifest: not JSON",
        "error: toy/00000010: its manifest says that it is a version of 'other'",
    ]


def test_a_model_made_elsewhere_needs_no_manifest(clean: Path) -> None:
    shutil.copytree(clean / "toy" / "9", clean / "legacy" / "3")
    (clean / "legacy" / "3" / "assets.extra" / "manifest.json").unlink()
    (clean / "legacy.toml").write_text(
        'model = "legacy"\nversion = 3\nclasses = 2\nlabels = ["a", "b"]\n'
        'image = { height = 8, width = 8 }\ninput = { name = "x", scaling = "none" }\n'
        'output = { name = "y", kind = "logits" }\n'
    )
    (clean / "models.toml").write_text(
        'default = "toy"\n[models.toy]\n[models.other]\n[models.legacy]\nsidecar = "legacy.toml"\n'
    )

    assert findings(clean) == [
        "warning: models.config: missing; `miwake models promote` and `publish` write it"
    ]
    assert findings(clean / "legacy") == []


def test_warm_up_requests_must_be_whole_and_not_too_many(clean: Path) -> None:
    (clean / "toy" / "1" / WARMUP_FILE).unlink()
    (clean / "toy" / "9" / WARMUP_FILE).write_bytes(RECORD[:-1])
    (clean / "toy" / "00000010" / WARMUP_FILE).write_bytes(RECORD * 1001)
    (clean / "other" / "3" / WARMUP_FILE).write_bytes(b"")

    assert findings(clean) == [
        "warning: other/3: no warm-up requests: the first answers will be slow",
        "warning: toy/1: no warm-up requests: the first answers will be slow",
        "error: toy/9: its warm-up requests are damaged",
        "error: toy/00000010: 1001 warm-up requests are more than the 1000 that are taken",
    ]


def test_what_another_user_may_not_read_and_links_to_nowhere_are_found(clean: Path) -> None:
    (clean / "toy" / "1").chmod(0o700)
    (clean / "toy" / "1" / "saved_model.pb").chmod(0o600)
    (clean / "toy" / "9" / "variables").symlink_to("nowhere")

    assert findings(clean) == [
        "warning: toy/1: 1 and 1 more may be read by its owner only: a server of another user cannot",
        "error: toy/9: 9/variables is a link to nowhere",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_this_user_may_not_read_is_an_error(clean: Path) -> None:
    (clean / "toy" / "1" / "saved_model.pb").chmod(0)

    assert "error: toy/1: 1/saved_model.pb may not be read" in findings(clean)


def test_models_toml_must_fit_what_is_there(clean: Path) -> None:
    (clean / "models.toml").write_text(
        'default = "toy"\n[models.toy]\naliases = { stable = 2, canary = 9 }\n[models.gone]\n'
    )

    assert findings(clean) == [
        "error: models.toml: alias stable of toy is version 2, which is not there",
        "error: models.toml: there is no folder of model gone",
        "warning: models.config: missing; `miwake models promote` and `publish` write it",
        "warning: other: not named in models.toml: it is not served",
    ]


def test_a_models_toml_that_cannot_be_read_hides_nothing_else(clean: Path) -> None:
    (clean / "models.toml").write_text("default = ")
    (clean / "toy" / "1" / "saved_model.pb").unlink()

    first, second, third = findings(clean)

    assert first.startswith("error: models.toml: models.toml: not TOML")
    assert second.startswith("warning: models.config: missing")
    assert third == "error: toy/1: saved_model.pb is missing"


def test_a_models_config_that_is_out_of_date_is_an_error_and_one_of_somebody_else_is_not(clean: Path) -> None:
    promote(clean, "toy", 9)
    shutil.copytree(clean / "toy" / "9", clean / "toy" / "11")

    assert findings(clean) == ["error: models.config: out of date; `miwake models config` writes it anew"]

    (clean / "models.config").write_text("model_config_list {}")
    assert findings(clean) == []


def test_an_empty_folder_and_a_bad_name_are_errors(tmp_path: Path, clean: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert findings(tmp_path / "empty") == ["error: DIR: no model: expected <model>/<integer>/saved_model.pb"]

    (clean / "other").rename(clean / "a b")
    bad_name, bad_manifest = findings(clean)
    assert bad_name.startswith("error: a b: model name 'a b' is not up to 100 letters")
    assert bad_manifest == "error: a b/3: its manifest says that it is a version of 'other'"


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="is not a folder"):
        lint(tmp_path / "missing")
