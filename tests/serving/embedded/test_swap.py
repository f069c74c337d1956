import shutil
import threading

import grpc
import numpy as np
import pytest

from tests.serving.embedded.caller import RunningServer, eventually, write_config
from tests.serving.embedded.tiny_models import predict_request

pytestmark = pytest.mark.tensorflow

X = {"x": np.ones((1, 2), np.float32)}
POLL_SECONDS = 0.1
ONE = "latest { num_versions: 1 }"


def serving_toy(folder, **config):
    return RunningServer(
        write_config(folder / "models.config", folder / "toy", **config), poll_seconds=POLL_SECONDS
    )


def drop_in(folder, target):
    """Publish a version as an exporter does: copy beside, then rename."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, target.with_suffix(".tmp")).rename(target)


class Callers:
    """Threads that call the latest version until told to stop."""

    def __init__(self, caller, count):
        self.answers, self.failures = [], []
        self._caller = caller
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _call(self):
        while not self._stopping.is_set():
            try:
                response = self._caller.predict("toy", X)
            except grpc.RpcError as exc:
                self.failures.append(exc)
            else:
                version = response.model_spec.version.value
                self.answers.append((version, response.outputs["y"].float_val[0]))


def test_a_swap_under_load_drops_no_call(tmp_path, toy_folder, threefold_toy_folder):
    drop_in(toy_folder, tmp_path / "toy" / "1")

    with serving_toy(tmp_path, policy=ONE) as caller, Callers(caller, 4) as calls:
        assert eventually(lambda: len(calls.answers) > 50)
        drop_in(threefold_toy_folder, tmp_path / "toy" / "2")
        assert eventually(lambda: caller.states("toy") == {2: "AVAILABLE", 1: "END"})
        before = len(calls.answers)
        assert eventually(lambda: len(calls.answers) > before + 50)

    assert calls.failures == []
    # Which version answered and what it answered always belong together.
    assert set(calls.answers) == {(1, 2.0), (2, 6.0)}


def test_a_call_in_flight_keeps_the_old_version_until_it_is_done(tmp_path, toy_folder):
    drop_in(toy_folder, tmp_path / "toy" / "1")

    with serving_toy(tmp_path, policy=ONE) as caller:
        endless = predict_request("toy", {"loops": np.array([2**62], np.int64)}, signature="count")
        call = caller.prediction.Predict.future(endless, timeout=3)
        assert caller.predict("toy", X)  # taken after the other call, which is in flight now
        drop_in(toy_folder, tmp_path / "toy" / "2")

        assert eventually(lambda: caller.states("toy") == {2: "AVAILABLE", 1: "UNLOADING"}, seconds=3)
        assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert eventually(lambda: caller.states("toy") == {2: "AVAILABLE", 1: "END"})


def test_two_versions_are_kept_so_that_a_pinned_client_is_served_after_a_swap(tmp_path, toy_folder):
    drop_in(toy_folder, tmp_path / "toy" / "1")

    with serving_toy(tmp_path) as caller:
        drop_in(toy_folder, tmp_path / "toy" / "2")
        assert eventually(lambda: caller.states("toy") == {2: "AVAILABLE", 1: "AVAILABLE"})

        assert caller.predict("toy", X, version=1).model_spec.version.value == 1
        assert caller.predict("toy", X).model_spec.version.value == 2


def test_an_empty_folder_opens_the_port_and_serves_what_is_dropped_in(tmp_path, toy_folder):
    with serving_toy(tmp_path) as caller:
        with pytest.raises(grpc.RpcError) as caught:
            caller.predict("toy", X)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND

        drop_in(toy_folder, tmp_path / "toy" / "1")

        assert eventually(lambda: caller.predicts("toy", X))
        shutil.rmtree(tmp_path / "toy")
        assert eventually(lambda: caller.states("toy") == {1: "END"})
        with pytest.raises(grpc.RpcError) as caught:
            caller.predict("toy", X)
        assert caught.value.details() == "Servable not found for request: Latest(toy)"


def test_a_broken_newest_version_shows_its_error_while_the_old_one_answers(tmp_path, toy_folder):
    drop_in(toy_folder, tmp_path / "toy" / "1")
    (tmp_path / "toy" / "2").mkdir()

    with serving_toy(tmp_path, policy=ONE) as caller:
        assert [entry.status.error_code for entry in caller.status("toy")] == [5]
        shutil.rmtree(tmp_path / "toy" / "2")
        assert eventually(lambda: caller.states("toy") == {2: "END", 1: "AVAILABLE"})
        (tmp_path / "toy" / "3").mkdir()
        assert eventually(lambda: 3 in caller.states("toy"))

        newest, *_ = caller.status("toy", version=3)
        assert (newest.State.Name(newest.state), newest.status.error_code) == ("END", 5)
        assert newest.status.error_message
        assert caller.predict("toy", X).model_spec.version.value == 1
