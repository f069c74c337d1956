from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modelserver.models_edit import promote, rollback
from modelserver.models_file import ModelsFileError, read_models_file
from modelserver.version_lint import UnfitVersionError

COMMENTED = """# who changed this last: ask in the channel
default = "toy"          # answers /predict
base_path = "/served"

[models.toy]
# two weeks of canary before this
aliases = { stable = 1 } # checked in May
"""


def aliases(models: Path, model: str = "toy") -> dict[str, int]:
    return dict(read_models_file(models / "models.toml").models[model].aliases)


def test_the_first_promotion_writes_a_file_that_names_all_models(models: Path) -> None:
    promote(models, "toy", 9)

    models_file = read_models_file(models / "models.toml")
    assert models_file.default == "other"
    assert list(models_file.models) == ["other", "toy"]
    assert aliases(models) == {"stable": 9, "previous": 10}


def test_the_newest_version_promoted_first_has_none_before_it(models: Path) -> None:
    promote(models, "toy", 10)

    assert aliases(models) == {"stable": 10}


def test_what_was_stable_becomes_previous_and_a_rollback_swaps_them(models: Path) -> None:
    promote(models, "toy", 1)
    promote(models, "toy", 9)
    assert aliases(models) == {"stable": 9, "previous": 1}

    assert rollback(models, "toy") == 1
    assert aliases(models) == {"stable": 1, "previous": 9}

    assert rollback(models, "toy") == 9
    assert aliases(models) == {"stable": 9, "previous": 1}


def test_promoting_the_same_version_again_forgets_nothing(models: Path) -> None:
    for version in (1, 9, 9):
        promote(models, "toy", version)

    assert aliases(models) == {"stable": 9, "previous": 1}


def test_another_alias_leaves_stable_and_previous_alone(models: Path) -> None:
    promote(models, "toy", 1)
    promote(models, "toy", 9, alias="canary")
    promote(models, "toy", 10, alias="canary")

    assert aliases(models) == {"stable": 1, "previous": 10, "canary": 10}


def test_comments_and_order_survive(models: Path) -> None:
    (models / "models.toml").write_text(COMMENTED)

    promote(models, "toy", 9)

    expected = COMMENTED.replace("{ stable = 1 }", "{stable = 9, previous = 1}")
    assert (models / "models.toml").read_text() == expected


def test_aliases_may_have_a_line_and_a_comment_each(models: Path) -> None:
    text = 'default = "toy"\n[models.toy.aliases]\nstable = 1 # good\n# soon\ncanary = 10\n'
    (models / "models.toml").write_text(text)

    promote(models, "toy", 9)

    expected = text.replace("stable = 1", "stable = 9") + "previous = 1\n"
    assert (models / "models.toml").read_text() == expected


@pytest.mark.parametrize(
    "form", ["models = { toy = {} }", "models.toy.aliases.stable = 1", "[models]\n[models.toy]"]
)
def test_every_way_to_write_a_model_can_be_changed(models: Path, form: str) -> None:
    (models / "models.toml").write_text(f'default = "toy"\n{form}\n')

    promote(models, "toy", 9)

    assert aliases(models)["stable"] == 9


def test_a_model_that_the_file_did_not_name_is_added(models: Path) -> None:
    (models / "models.toml").write_text(COMMENTED)

    promote(models, "other", 3)

    assert aliases(models, "other") == {"stable": 3}
    assert aliases(models) == {"stable": 1}


def test_the_configuration_serves_the_aliased_versions_and_the_newest(models: Path) -> None:
    (models / "models.toml").write_text(COMMENTED)
    promote(models, "toy", 9)
    promote(models, "other", 3)

    config = (models / "models.config").read_text()

    assert 'base_path: "/served/toy"' in config
    assert "specific { versions: 1 versions: 9 versions: 10 }" in config
    assert "specific { versions: 3 }" in config


def test_a_model_without_aliases_is_served_with_its_newest_two(models: Path) -> None:
    promote(models, "toy", 9)

    config = (models / "models.config").read_text()

    assert f'base_path: "{models / "other"}"' in config
    assert "latest { num_versions: 2 }" in config


@pytest.mark.parametrize(
    ("model", "version", "said"),
    [
        ("toy", 2, r"no version 2 in .*; there are: 10, 9, 1"),
        ("roses", 1, r"model roses has no version 1 in .*; there are: none"),
    ],
)
def test_a_version_that_is_not_there_is_refused(models: Path, model: str, version: int, said: str) -> None:
    with pytest.raises(UnfitVersionError, match=said):
        promote(models, model, version)

    assert not (models / "models.toml").exists()


def test_a_version_with_two_folders_is_refused(models: Path) -> None:
    shutil.copytree(models / "toy" / "9", models / "toy" / "09")

    with pytest.raises(UnfitVersionError, match="two folders for version 9"):
        promote(models, "toy", 9)


def test_a_version_that_is_not_fit_to_be_served_is_refused(models: Path) -> None:
    promote(models, "toy", 9)
    (models / "toy" / "1" / "assets.extra" / "manifest.json").write_text("{}")

    with pytest.raises(UnfitVersionError, match="schema_version is missing"):
        promote(models, "toy", 1)

    assert aliases(models) == {"stable": 9, "previous": 10}


def test_an_alias_that_could_be_a_version_is_refused_and_nothing_is_written(models: Path) -> None:
    promote(models, "toy", 9)
    before = (models / "models.toml").read_bytes()

    with pytest.raises(ModelsFileError, match=r"aliases\.4 is not up to 50 letters"):
        promote(models, "toy", 9, alias="4")

    assert (models / "models.toml").read_bytes() == before


def test_there_is_nothing_to_go_back_to_before_a_second_promotion(models: Path) -> None:
    with pytest.raises(ModelsFileError, match="no previous version to go back to"):
        rollback(models, "toy")
    promote(models, "toy", 10)
    with pytest.raises(ModelsFileError, match="no previous version to go back to"):
        rollback(models, "toy")


def test_a_previous_version_that_is_gone_is_not_gone_back_to(models: Path) -> None:
    promote(models, "toy", 1)
    promote(models, "toy", 9)
    (models / "toy" / "1" / "saved_model.pb").unlink()

    with pytest.raises(UnfitVersionError, match="no version 1"):
        rollback(models, "toy")

    assert aliases(models) == {"stable": 9, "previous": 1}


def test_a_models_config_of_somebody_else_is_not_written_over(models: Path) -> None:
    (models / "models.config").write_text("model_config_list {}")

    with pytest.raises(ModelsFileError, match=r"models\.config was not written by `miwake models`"):
        promote(models, "toy", 9)

    assert (models / "models.config").read_text() == "model_config_list {}"
    assert not (models / "models.toml").exists()


def test_nothing_is_left_behind(models: Path) -> None:
    promote(models, "toy", 9)

    assert sorted(path.name for path in models.iterdir() if path.is_file()) == [
        "models.config",
        "models.toml",
    ]


@pytest.mark.slow
def test_promotions_at_the_same_time_lose_none(models: Path) -> None:
    names = [f"canary{number}" for number in range(8)]
    command = [sys.executable, "-m", "miwake", "models", "promote", str(models), "toy", "9", "--alias"]

    promotions = [subprocess.Popen([*command, name], stdout=subprocess.DEVNULL) for name in names]

    assert [promotion.wait(60) for promotion in promotions] == [0] * len(names)
    assert aliases(models) == dict.fromkeys(names, 9)
