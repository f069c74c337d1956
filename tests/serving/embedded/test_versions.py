import threading
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from serving.embedded.errors import ServingError
from serving.embedded.versions import State, Versions

pytestmark = pytest.mark.tensorflow

AVAILABLE, UNLOADING, END = State.AVAILABLE, State.UNLOADING, State.END


@dataclass
class FakeModel:
    folder: Path
    closed: bool = False

    def close(self):
        assert not self.closed
        self.closed = True


@dataclass
class FakeLoader:
    """Loads a folder unless it holds a file `broken`; calls `during` with the folder while it does."""

    models: list = field(default_factory=list)
    attempts: int = 0
    during: object = None

    def __call__(self, folder):
        self.attempts += 1
        if self.during:
            self.during(folder)
        if (folder / "broken").exists():
            raise ServingError(grpc.StatusCode.NOT_FOUND, "broken")
        self.models.append(FakeModel(folder))
        return self.models[-1]


@pytest.fixture
def loader():
    return FakeLoader()


@pytest.fixture
def folders(tmp_path):
    """Makes version folders: `folders(1, 2, broken=[2])`."""

    def make(*numbers, broken=()):
        for number in numbers:
            (tmp_path / str(number)).mkdir(exist_ok=True)
            if number in broken:
                (tmp_path / str(number) / "broken").touch()
        return {number: tmp_path / str(number) for number in numbers}

    return make


def states(versions):
    return {status.number: status.state for status in versions.statuses()}


def latest(versions):
    with versions.hold(None) as (number, _):
        return number


def not_found(versions, number=None):
    with pytest.raises(ServingError) as caught, versions.hold(number):
        pass
    return caught.value.text


def test_the_versions_given_are_loaded_and_the_newest_answers(loader, folders):
    versions = Versions("m", loader)

    versions.update(folders(2, 10))

    assert states(versions) == {10: AVAILABLE, 2: AVAILABLE}
    assert [status.number for status in versions.statuses()] == [10, 2]
    assert latest(versions) == 10
    assert not_found(versions, 1) == "Servable not found for request: Specific(m, 1)"


def test_versions_start_and_load_one_after_the_other_newest_first(loader, folders):
    seen = []
    versions = Versions("m", loader)
    loader.during = lambda _: seen.append(states(versions))

    versions.update(folders(1, 2))

    assert seen == [{2: State.LOADING, 1: State.START}, {2: AVAILABLE, 1: State.LOADING}]


def test_the_old_version_ends_only_after_the_new_one_is_up(loader, folders):
    versions = Versions("m", loader)
    versions.update(folders(1))
    seen = []
    loader.during = lambda _: seen.append((states(versions), latest(versions)))

    versions.update(folders(2))

    assert seen == [({2: State.LOADING, 1: AVAILABLE}, 1)]
    assert states(versions) == {2: AVAILABLE, 1: END}
    assert loader.models[0].closed


def test_a_version_in_use_is_closed_when_its_last_call_returns(loader, folders):
    versions = Versions("m", loader)
    versions.update(folders(1))

    with versions.hold(1) as (_, old), versions.hold(None):
        versions.update(folders(2))

        assert states(versions) == {2: AVAILABLE, 1: UNLOADING}
        assert not old.closed
        assert not_found(versions, 1)
    assert old.closed
    assert states(versions) == {2: AVAILABLE, 1: END}


def test_a_call_that_fails_lets_go_of_its_version(loader, folders):
    versions = Versions("m", loader)
    versions.update(folders(1))

    with pytest.raises(KeyError), versions.hold(1):
        raise KeyError
    versions.update({})

    assert loader.models[0].closed


def test_a_broken_version_ends_with_its_error_while_the_old_one_serves(loader, folders):
    versions = Versions("m", loader)
    versions.update(folders(1))

    versions.update(folders(2, broken=[2]))

    assert states(versions) == {2: END, 1: AVAILABLE}
    assert versions.statuses()[0].error.number == 5
    assert latest(versions) == 1
    assert not_found(versions, 2)


def test_a_broken_version_is_tried_again_only_when_its_folder_changes(loader, folders):
    versions = Versions("m", loader)
    versions.update(folders(1, broken=[1]))
    versions.update(folders(1))
    assert loader.attempts == 1

    (folders(1)[1] / "broken").unlink()
    versions.update(folders(1))

    assert states(versions) == {1: AVAILABLE}
    assert versions.statuses()[0].error is None


def test_deleting_the_newest_falls_back_to_the_one_before(loader, folders):
    versions = Versions("m", loader)
    versions.update(folders(2))

    versions.update(folders(1))

    assert states(versions) == {2: END, 1: AVAILABLE}
    assert latest(versions) == 1


def test_a_version_that_ended_comes_back_when_it_is_wanted_again(loader, folders):
    versions = Versions("m", loader)
    versions.update(folders(1))
    versions.update(folders(2))

    versions.update(folders(1))

    assert states(versions) == {2: END, 1: AVAILABLE}
    assert loader.attempts == 3


def test_emptying_the_folder_unloads_everything(loader, folders):
    versions = Versions("m", loader)
    versions.update(folders(1, 2))

    versions.update({})

    assert states(versions) == {2: END, 1: END}
    assert not_found(versions) == "Servable not found for request: Latest(m)"
    assert all(model.closed for model in loader.models)


def test_nothing_is_loaded_twice(loader, folders):
    versions = Versions("m", loader)
    for _ in range(3):
        versions.update(folders(1, 2))

    assert loader.attempts == 2


def test_calls_do_not_wait_for_a_load(loader, folders):
    versions = Versions("m", loader)
    versions.update(folders(1))
    loading, loaded = threading.Event(), threading.Event()
    loader.during = lambda _: (loading.set(), loaded.wait(10))
    thread = threading.Thread(target=versions.update, args=(folders(2),))
    thread.start()

    assert loading.wait(10)
    assert latest(versions) == 1
    loaded.set()
    thread.join()

    assert latest(versions) == 2


def test_a_version_with_a_link_to_nowhere_keeps_no_other_from_loading(loader, folders):
    (folders(2)[2] / "note").symlink_to("nowhere")
    versions = Versions("m", loader)

    versions.update(folders(1, 2))

    assert states(versions) == {2: AVAILABLE, 1: AVAILABLE}


def test_a_version_that_goes_away_meanwhile_keeps_no_other_from_loading(loader, folders, tmp_path):
    versions = Versions("m", loader)

    versions.update(folders(1) | {2: tmp_path / "gone"})

    assert states(versions) == {1: AVAILABLE}
