from __future__ import annotations

from pathlib import Path

import pytest

from modelserver.models_file import (
    ModelEntry,
    ModelsFile,
    ModelsFileError,
    Share,
    read_models_file,
    sidecar_of,
)

WHOLE = """
default = "flowers"
base_path = "/models"

[models.flowers]
aliases = { stable = 3, canary = 4, previous = 2 }
canary = { alias = "canary", percent = 5 }
shadow = { alias = "previous", percent = 12.5 }

[models.other]
"""
SIDECAR = """
model = "legacy"
version = 3
classes = 2
labels = ["cat", "dog"]
image = { height = 8, width = 8 }
input = { name = "pixels", scaling = "none" }
output = { name = "scores", kind = "probabilities" }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "models.toml"
    path.write_text(text)
    return path


def test_every_member_is_read(tmp_path: Path) -> None:
    models_file = read_models_file(write(tmp_path, WHOLE))

    assert models_file == ModelsFile(
        default="flowers",
        base_path="/models",
        models={
            "flowers": ModelEntry(
                aliases={"stable": 3, "canary": 4, "previous": 2},
                canary=Share(alias="canary", percent=5),
                shadow=Share(alias="previous", percent=12.5),
            ),
            "other": ModelEntry(),
        },
    )
    assert list(models_file.models) == ["flowers", "other"]


def test_without_a_file_the_first_model_is_the_default_and_none_has_an_alias() -> None:
    assert ModelsFile.of(["b", "a"]) == ModelsFile(default="b", models={"b": ModelEntry(), "a": ModelEntry()})


def test_a_sidecar_is_read_from_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "legacy.toml").write_text(SIDECAR)
    text = 'default = "legacy"\n[models.legacy]\nsidecar = "legacy.toml"\naliases = { stable = 3 }\n'

    entry = read_models_file(write(tmp_path, text)).models["legacy"]

    assert entry.sidecar is not None
    assert (entry.sidecar.version, entry.sidecar.labels) == (3, ("cat", "dog"))
    assert sidecar_of(tmp_path / "legacy") == entry.sidecar
    assert sidecar_of(tmp_path / "other") is None
    assert sidecar_of(tmp_path / "elsewhere" / "legacy") is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('default = "flowers"', "", "models.toml: default is missing"),
        ('"flowers"', '"roses"', "default is 'roses', which is not one of the models: flowers, other"),
        ('"flowers"', "1", "default is not a string"),
        ("base_path", "base", "base is not known; there are: default, base_path, models"),
        ('"/models"', "1", "base_path is not a string"),
        ("aliases", "alias", "models.flowers.alias is not known"),
        ("stable = 3", "stable = '3'", "models.flowers.aliases.stable is not a whole number"),
        ("stable = 3", "stable = true", "models.flowers.aliases.stable is not a whole number"),
        ("stable = 3", "stable = -3", "models.flowers.aliases.stable is below 0"),
        ("stable = 3", "3 = 3", "models.flowers.aliases.3 is not up to 50 letters"),
        ("stable = 3", '"" = 3', "models.flowers.aliases. is not up to 50 letters"),
        ('alias = "canary"', 'alias = "next"', "models.flowers.canary.alias is 'next', which is not one of"),
        ("percent = 5", "percent = 100.1", "models.flowers.canary.percent is not from 0 to 100"),
        ("percent = 5", "percent = -1", "models.flowers.canary.percent is not from 0 to 100"),
        ("percent = 5", "percent = nan", "models.flowers.canary.percent is not a finite number"),
        ("percent = 12.5", "part = 1", "models.flowers.shadow.part is not known"),
        (", percent = 5", "", "models.flowers.canary.percent is missing"),
        ("models.other", 'models."a/b"', "model name 'a/b' is not"),
        ("[models.other]", "models.other = 3", "is not"),
        ("[models.other]", "[models.other]\nsidecar = 'no.toml'", "models.other.sidecar cannot be used"),
        ("[models.other]", "[models.flowers]", "not TOML"),
        ("[models.other]", '[models.other]\nsidecar = "\\u0000"', "models.other.sidecar cannot be used"),
        ("stable = 3", f"stable = {'9' * 5_000}", "not TOML"),
        ("[models.other]", f"x = {'[' * 3_000}", "not TOML"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in WHOLE

    with pytest.raises(ModelsFileError) as caught:
        read_models_file(write(tmp_path, WHOLE.replace(old, new)))

    assert said in str(caught.value)
    assert str(caught.value).startswith("models.toml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "aliases", "said"),
    [
        ("other", "{}", "sidecar is of model 'legacy'"),
        ("legacy", "{ stable = 4 }", "aliases.stable is version 4, but the sidecar is of version 3"),
    ],
)
def test_a_sidecar_of_another_model_or_version_is_refused(
    tmp_path: Path, name: str, aliases: str, said: str
) -> None:
    (tmp_path / "legacy.toml").write_text(SIDECAR)
    text = f'default = "{name}"\n[models.{name}]\nsidecar = "legacy.toml"\naliases = {aliases}\n'

    with pytest.raises(ModelsFileError, match=said):
        read_models_file(write(tmp_path, text))


@pytest.mark.parametrize("text", ['default = "a"\n', 'default = "a"\n[models]\n'])
def test_a_file_without_a_model_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelsFileError):
        read_models_file(write(tmp_path, text))


def test_a_file_that_is_not_there_or_no_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelsFileError, match=r"models\.toml: No such file"):
        read_models_file(tmp_path / "models.toml")
    (tmp_path / "models.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelsFileError, match="not UTF-8"):
        read_models_file(tmp_path / "models.toml")
