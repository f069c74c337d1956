import logging
import shutil

import pytest

from serving.embedded.config_file import ConfigFile
from serving.embedded.errors import ServingError
from serving.embedded.served_models import ServedModels
from serving.embedded.version_folders import fingerprint, version_folders
from serving.embedded.versions import State
from serving.embedded.watcher import Watcher
from tests.serving.embedded.caller import write_config

pytestmark = pytest.mark.tensorflow


class FakeModel:
    def __init__(self, folder):
        self.folder = folder

    def close(self):
        pass


def watch(config):
    """Watches a configuration, and reads it again at every poll."""
    models = ServedModels(FakeModel)
    return models, Watcher(ConfigFile(config, poll_seconds=1e-9), models, poll_seconds=60)


def labelled(models, label):
    try:
        return models.labelled("toy", label)
    except ServingError as exc:
        return exc.text


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
    models, watcher = watch(write_config(tmp_path / "config", tmp_path / "toy"))
    watcher.poll()
    (tmp_path / "toy").rename(tmp_path / "away")
    (tmp_path / "toy").symlink_to(tmp_path / "toy")

    with caplog.at_level(logging.ERROR):
        watcher.poll()

    assert available(models, "toy") == [1]
    assert "cannot look for versions of model toy" in caplog.text


def test_a_folder_that_appears_later_is_served_and_one_that_is_removed_is_not(tmp_path):
    models, watcher = watch(write_config(tmp_path / "config", tmp_path / "toy"))
    watcher.poll()
    assert available(models, "toy") == []

    (tmp_path / "toy" / "3").mkdir(parents=True)
    watcher.poll()
    assert available(models, "toy") == [3]

    shutil.rmtree(tmp_path / "toy")
    watcher.poll()
    assert available(models, "toy") == []


def test_models_come_change_and_go_with_the_configuration(tmp_path):
    for version in ("1", "2", "3"):
        (tmp_path / "toy" / version).mkdir(parents=True)
        (tmp_path / "other" / version).mkdir(parents=True)
    config = write_config(tmp_path / "config", tmp_path / "toy")
    models, watcher = watch(config)
    watcher.poll()
    assert (available(models, "toy"), available(models, "other")) == ([3, 2], [])

    write_config(config, tmp_path / "toy", tmp_path / "other", policy="specific { versions: 1 versions: 9 }")
    watcher.poll()
    assert (available(models, "toy"), available(models, "other")) == ([1], [1])

    write_config(config, tmp_path / "other", policy="all {}")
    watcher.poll()
    assert (available(models, "toy"), available(models, "other")) == ([], [3, 2, 1])


def test_a_configuration_that_cannot_be_read_any_more_changes_nothing_and_is_said_once(tmp_path, caplog):
    (tmp_path / "toy" / "1").mkdir(parents=True)
    config = write_config(tmp_path / "config", tmp_path / "toy")
    models, watcher = watch(config)
    watcher.poll()
    config.write_text("model_config_list {")

    with caplog.at_level(logging.ERROR):
        watcher.poll()
        watcher.poll()

    assert available(models, "toy") == [1]
    assert caplog.text.count("going on with the configuration of before") == 1


def test_a_label_moves_only_to_a_version_that_is_available(tmp_path):
    (tmp_path / "toy" / "1").mkdir(parents=True)
    labels = 'version_labels {{ key: "stable" value: {} }}'
    config = write_config(tmp_path / "config", tmp_path / "toy", labels=labels.format(1))
    models, watcher = watch(config)
    watcher.poll()
    assert labelled(models, "stable") == 1

    write_config(config, tmp_path / "toy", labels=labels.format(2))
    watcher.poll()
    assert labelled(models, "stable") == 1

    (tmp_path / "toy" / "2").mkdir()
    watcher.poll()
    assert labelled(models, "stable") == 2

    write_config(config, tmp_path / "toy")
    watcher.poll()
    assert labelled(models, "stable") == "Unrecognized servable version label: stable"


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
    _, watcher = watch(write_config(tmp_path / "config", tmp_path / "toy"))
    watcher.start()
    assert watcher.polled_once.wait(10)

    assert watcher.stop(timeout_seconds=10)
