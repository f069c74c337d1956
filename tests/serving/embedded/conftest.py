import pytest

from tests.serving.embedded.caller import Caller, RunningServer, write_config
from tests.serving.embedded.tiny_models import write_toy, write_wrongly_saved


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory):
    """A version of the toy model to copy; the sum of a row times 1."""
    return write_toy(tmp_path_factory.mktemp("toy") / "saved")


@pytest.fixture(scope="session")
def threefold_toy_folder(tmp_path_factory):
    """The same, times 3."""
    return write_toy(tmp_path_factory.mktemp("threefold") / "saved", scale=3.0)


@pytest.fixture(scope="session")
def caller(tmp_path_factory, toy_folder) -> Caller:
    """Of a server with the models `toy` (version 4, in a folder 00000004) and `wrong`."""
    models = tmp_path_factory.mktemp("models")
    (models / "toy").mkdir()
    (models / "toy" / "00000004").symlink_to(toy_folder, target_is_directory=True)
    (models / "wrong").mkdir()
    write_wrongly_saved(models / "wrong" / "1")
    config = write_config(models / "models.config", models / "toy", models / "wrong")
    with RunningServer(config) as caller:
        yield caller
