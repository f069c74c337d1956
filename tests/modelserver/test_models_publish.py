from __future__ import annotations

import contextlib
import resource
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.aside import written_beside
from contract.errors import ManifestError
from contract.model_folder import INCOMING
from modelserver.models_edit import locked, promote
from modelserver.models_file import ModelsFileError
from modelserver.models_publish import ConfigBehindError, Published, publish
from modelserver.version_lint import UnfitVersionError


@pytest.fixture
def finished(models: Path, tmp_path: Path) -> Path:
    """A version of `toy` made elsewhere on the disk, in a folder whose name is its number there."""
    folder = tmp_path / "elsewhere" / "12"
    shutil.copytree(models / "toy" / "9", folder)
    (folder / "saved_model.pb").write_bytes(b"graph")
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".incoming-7"))


def test_a_version_is_copied_whole_under_its_own_number(models: Path, finished: Path) -> None:
    published = publish(models, finished)

    assert published == Published(model="toy", version=12, folder=models / "toy" / "12")
    copied = {path.relative_to(published.folder) for path in published.folder.rglob("*")}
    assert copied == {path.relative_to(finished) for path in finished.rglob("*")}
    assert (published.folder / "saved_model.pb").read_bytes() == b"graph"
    assert names(models / "toy") == ["00000010", "1", "12", "9"]


def test_what_a_killed_publication_has_left_is_removed_and_what_a_living_export_writes_is_not(
    models: Path, finished: Path
) -> None:
    abandoned = models / "toy" / f".incoming-{'a' * 32}"
    abandoned.mkdir()
    with written_beside(models / "toy" / INCOMING) as living:  # as `miwake train` does
        living.mkdir()
        publish(models, finished)
        assert living.exists()

    assert not abandoned.exists()
    assert names(models / "toy") == ["00000010", "1", "12", "9"]


def test_another_number_may_be_given(models: Path, finished: Path) -> None:
    assert publish(models, finished, number=7).folder == models / "toy" / "7"


def test_a_folder_whose_name_is_no_number_gets_the_next_one(models: Path, finished: Path) -> None:
    assert publish(models, finished.rename(finished.with_name("build"))).version == 11


def test_the_first_version_of_the_first_model_makes_the_folders(tmp_path: Path, finished: Path) -> None:
    publish(tmp_path / "new" / "models", finished)

    assert names(tmp_path / "new" / "models") == ["models.config", "toy"]


@pytest.mark.parametrize("number", [9, 10])
def test_a_version_that_is_there_is_never_replaced(models: Path, finished: Path, number: int) -> None:
    with pytest.raises(UnfitVersionError, match=f"a version {number} already, which is never replaced"):
        publish(models, finished, number=number)

    assert names(models / "toy") == ["00000010", "1", "9"]


def test_what_is_not_fit_to_be_served_is_refused_and_leaves_nothing(tmp_path: Path, finished: Path) -> None:
    (finished / "saved_model.pb").unlink()

    with pytest.raises(UnfitVersionError, match=r"saved_model\.pb is missing"):
        publish(tmp_path / "new", finished)

    assert not (tmp_path / "new").exists()


def test_a_manifest_that_cannot_be_read_is_said_so(models: Path, finished: Path) -> None:
    (finished / "assets.extra" / "manifest.json").write_text("{}")

    with pytest.raises(ManifestError, match="schema_version is missing"):
        publish(models, finished)


def test_a_copy_that_fails_leaves_nothing_behind(tmp_path: Path, finished: Path) -> None:
    (finished / "assets.extra" / "loop").symlink_to(finished)  # copied until its path is too long

    with pytest.raises(OSError, match="loop"):
        publish(tmp_path / "new", finished)

    assert names(tmp_path / "new") == []


def test_nothing_is_made_before_its_turn(tmp_path: Path, finished: Path) -> None:
    """Else the first version that fails takes away the model's folder from under the one that waits."""
    folder = tmp_path / "new"
    folder.mkdir()
    with locked(folder):
        waiting = threading.Thread(target=publish, args=(folder, finished))
        waiting.start()
        time.sleep(0.3)
        made = names(folder)
    waiting.join()

    assert made == []
    assert (folder / "toy" / "12" / "saved_model.pb").exists()


@contextlib.contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Writing more into one file fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_version_that_models_config_could_not_tell_of_is_said_to_be_there(
    models: Path, finished: Path
) -> None:
    long = "/long" * 20_000
    (models / "models.toml").write_text(f'default = "toy"\nbase_path = "{long}"\n[models.toy]\n')

    told = "12 is published, but .* then run `miwake models config"
    with files_up_to(65_536), pytest.raises(ConfigBehindError, match=told):
        publish(models, finished)

    assert (models / "toy" / "12" / "saved_model.pb").exists()
    assert not (models / "models.config").exists()


def test_a_model_that_models_toml_does_not_name_is_published_and_said_not_to_be_named(
    models: Path, finished: Path
) -> None:
    (models / "models.toml").write_text('default = "other"\n[models.other]\n')

    assert not publish(models, finished).is_named


def test_the_new_version_is_served_beside_the_aliased_ones(models: Path, finished: Path) -> None:
    promote(models, "toy", 9)

    publish(models, finished)

    assert "specific { versions: 9 versions: 10 versions: 12 }" in (models / "models.config").read_text()


def test_a_models_config_of_somebody_else_is_left_alone(models: Path, finished: Path) -> None:
    (models / "models.config").write_text("model_config_list {}")

    with pytest.raises(ModelsFileError, match="was not written by"):
        publish(models, finished)

    assert not (models / "toy" / "12").exists()
