"""`miwake filters` as its user sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from miwake.cli import main
from tests.pictures import encoded

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.slow,
    # Keras 3.15 reads its variables with `np.array(x)`, whose TensorFlow side NumPy 2 finds out of date.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its convolution `colours` has three filters, its classes are red, green and blue."""
    from tests.colour_model import _network, publish_colours

    base = tmp_path_factory.mktemp("models") / "colours"
    _network((0, 1, 2)).save(publish_colours(base) / "assets.extra" / "model.keras")
    return base


def filters(model: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["filters", str(model), "--steps", "3", *map(str, arguments)])


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_without_a_choice_the_first_filters_of_a_late_layer_are_drawn(model: Path, tmp_path: Path) -> None:
    result = filters(model, "--out", tmp_path / "pictures")

    assert result.exit_code == 0, result.output
    assert result.stdout == f"wrote {tmp_path / 'pictures' / 'colours.png'}\n"
    width, _ = _size(tmp_path / "pictures" / "colours.png")
    assert width == 2 * (8 + 6) + 6  # three filters are two columns


def test_filters_classes_and_a_size_can_be_chosen(model: Path, tmp_path: Path) -> None:
    for arguments in (("--layer", "colours", "--filters", "1-2"), ("--class", "red"), ("--classes",)):
        out = tmp_path / "a.png"
        result = filters(model, *arguments, "--size", "20", "--out", out)

        assert result.exit_code == 0, result.output
        assert _size(out)[0] == (26 if arguments[-1] == "red" else 52) + 6


def test_a_photograph_is_dreamt_over_at_its_own_shape(model: Path, tmp_path: Path) -> None:
    (tmp_path / "garden.jpg").write_bytes(encoded(image_format="JPEG"))

    result = filters(model, "--dream", tmp_path / "garden.jpg", "--size", "60", "--out", tmp_path / "out")

    assert result.exit_code == 0, result.output
    assert _size(tmp_path / "out" / "garden-colours.png") == (60, 40)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--layer", "logits"], "Error: no convolution 'logits': the network has colours\n"),
        (["--filters", "0-3"], "Error: colours has no filter 3: they are 0 to 2\n"),
        (["--class", "pink"], "Error: the model has no class 'pink': its classes are red, green, blue\n"),
        (["--out", "a.jpg"], "Error: a.jpg is neither a .png nor a folder\n"),
        (["--dream", "missing.jpg"], "Error: missing.jpg: No such file or directory\n"),
    ],
)
def test_what_is_not_there_is_one_clear_line(
    model: Path, tmp_path: Path, arguments: list[str], line: str
) -> None:
    result = filters(model, "--out", tmp_path / "a.png", *arguments)

    assert (result.exit_code, result.stderr) == (1, line)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["0", "x", "5-2", "1,x", ","])
def test_numbers_of_filters_that_make_no_sense_are_refused(model: Path, tmp_path: Path, value: str) -> None:
    result = filters(model, "--filters", value, "--out", tmp_path / "a.png")

    assert result.exit_code == 2
    assert "is no count (16), range (0-15) or list (3,7,12)" in result.stderr


def test_a_layer_and_a_class_at_once_are_refused(model: Path, tmp_path: Path) -> None:
    result = filters(model, "--layer", "colours", "--class", "red", "--out", tmp_path / "a.png")

    assert result.exit_code == 2
    assert "choose --layer and --filters, or --class" in result.stderr


def test_a_model_without_its_keras_file_is_one_clear_line(tmp_path: Path) -> None:
    from tests.colour_model import publish_colours

    version = publish_colours(tmp_path / "bare")

    result = filters(tmp_path / "bare", "--out", tmp_path / "a.png")

    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {version} holds no assets.extra/model.keras: it was published with --no-keep-keras\n"
    )
