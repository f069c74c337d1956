import logging
import shutil

import pytest

from serving.embedded.served_models import ServedModels
from serving.embedded.version_folders import ModelFolders, fingerprint, version_folders
from serving.embedded.versions import State
from serving.embedded.watcher import Watcher

pytestmark = pytest.mark.tensorflow


class FakeModel:
    def __init__(self, folder):
        self.folder = folder

    def close(self):
        pass


def watch(folders):
    models = ServedModels(FakeModel, keep=2)
    return models, Watcher(folders, models, poll_seconds=60)


def available(models, name):
    return [status.number for status in models.statuses(name) if status.state is State.AVAILABLE]


def test_only_folders_named_by_a_whole_number_are_versions(tmp_path):
    for name in [
        "1",
        "00000004",
        "5.tmp",
        ".6",
        "-7",
        "v8",
        "٩",
        "99999999999999999999",
        "9223372036854775808",
    ]:
        (tmp_path / name).mkdir()
    (tmp_path / "10").touch()

    assert version_folders(tmp_path) == {1: tmp_path / "1", 4: tmp_path / "00000004"}


def test_a_missing_base_path_has_no_versions(tmp_path):
    assert version_folders(tmp_path / "missing") == {}


def test_a_base_path_that_cannot_be_listed_keeps_what_is_loaded(tmp_path, caplog):
    (tmp_path / "toy" / "1").mkdir(parents=True)
    models, watcher = watch(ModelFolders(named={"toy": tmp_path / "toy"}))
    watcher.poll()
    (tmp_path / "toy").rename(tmp_path / "away")
    (tmp_path / "toy").symlink_to(tmp_path / "toy")

    with caplog.at_level(logging.ERROR):
        watcher.poll()

    assert available(models, "toy") == [1]
    assert "cannot look for versions of model toy" in caplog.text


def test_models_that_appear_later_are_served_and_those_removed_are_not(tmp_path):
    models, watcher = watch(ModelFolders(parent=tmp_path))
    watcher.poll()
    assert models.names() == ()

    (tmp_path / "late" / "3").mkdir(parents=True)
    watcher.poll()
    assert available(models, "late") == [3]

    shutil.rmtree(tmp_path / "late")
    watcher.poll()
    assert available(models, "late") == []


def test_named_models_are_served_beside_those_of_the_folder(tmp_path):
    (tmp_path / "models" / "one" / "1").mkdir(parents=True)
    (tmp_path / "elsewhere" / "2").mkdir(parents=True)

    models, watcher = watch(ModelFolders(parent=tmp_path / "models", named={"other": tmp_path / "elsewhere"}))
    watcher.poll()

    assert (available(models, "one"), available(models, "other")) == ([1], [2])


def test_a_fingerprint_changes_with_a_file_deep_inside(tmp_path):
    file = tmp_path / "variables" / "variables.index"
    file.parent.mkdir()
    file.write_bytes(b"half")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before

    file.write_bytes(b"the whole")

    assert fingerprint(tmp_path) != before


def test_a_fingerprint_changes_with_what_a_link_leads_to(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "link").symlink_to(tmp_path / "file")
    dangling = fingerprint(tmp_path / "1")

    (tmp_path / "file").write_bytes(b"half")
    half = fingerprint(tmp_path / "1")
    (tmp_path / "file").write_bytes(b"the whole")

    assert len({dangling, half, fingerprint(tmp_path / "1")}) == 3


def test_a_stopped_watcher_has_ended(tmp_path):
    _, watcher = watch(ModelFolders(parent=tmp_path))
    watcher.start()
    assert watcher.polled_once.wait(10)

    assert watcher.stop(timeout_seconds=10)
