"""What a training run does, as a value: read from TOML, checked whole before anything starts."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from contract.errors import ManifestError
from contract.image_spec import ImageSpec
from training.errors import RecipeError
from training.typed_table import read_table

Scaling = Literal["1/255", "caffe", "tf", "torch", "lite"]
NetworkName = Literal["efficientnet-lite0", "cnn3", "vgg16", "mobilenet-v2", "densenet121"]
# Far beyond any sense: what is larger is a slip of the pen that would end in a lack of memory, or never.
_MOST_UNITS, _MOST_EPOCHS, _MOST_IN_A_BATCH = 65_536, 100_000, 65_536
_RECIPES = resources.files("training") / "recipes"


@dataclass(frozen=True, kw_only=True)
class Head:
    """What stands between the network's last feature maps and the logits.

    Attributes:
        pooling: how the maps become a vector.
        hidden: units of the Dense relu layers before the last Dense.
        dropout: share of the last vector dropped while fitting.
    """

    pooling: Literal["average", "flatten"]
    hidden: tuple[int, ...] = ()
    dropout: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stretch of fitting.

    Attributes:
        frozen: `all` of the network (its features are then computed once) or `none` of it.
        optimizer: Keras's, with its defaults but for the rate and the momentum.
        rate: learning rate.
        momentum: of `sgd`.
        epochs: at most.
        batch_size: images a step.
        patience: epochs without a lower validation loss before it stops with the best weights;
            0 runs all epochs and keeps the last ones.
    """

    frozen: Literal["all", "none"]
    optimizer: Literal["adam", "sgd", "rmsprop"]
    rate: float
    momentum: float = 0.0
    epochs: int
    batch_size: int = 32
    patience: int = 0


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes while fitting.

    Attributes:
        shear: largest horizontal shear, as a share of the height.
        zoom: largest zoom in or out, as a share of the side.
        flip: mirror left and right.
    """

    shear: float = 0.0
    zoom: float = 0.0
    flip: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole experiment but for its photographs and seed.

    Attributes:
        name: as a manifest names it.
        network: what makes features of pixels.
        weights: `imagenet`, `none` (random) or the path of a file.
        scaling: from uint8 to what the network expects; inside the graph.
        image: how pixels are made.
        head: from features to logits.
        stages: in this order.
        augmentation: of every stage that does not freeze the whole network.
    """

    name: str
    network: NetworkName
    weights: str
    scaling: Scaling
    image: ImageSpec = field(default_factory=ImageSpec)
    head: Head
    stages: tuple[Stage, ...]
    augmentation: Augmentation = Augmentation()

    def __post_init__(self) -> None:
        """Refuse what cannot be followed.

        Raises:
            RecipeError: saying which key and why.
        """
        for text, holds in _rules(self):
            if not holds:
                raise RecipeError(f"recipe {self.name}: {text}")


def _rules(recipe: Recipe) -> Iterator[tuple[str, bool]]:
    """What must hold, key by key; a comparison with a number that is none never does."""
    change = recipe.augmentation
    yield "weights must not be empty", bool(recipe.weights)
    yield "stages must not be empty", bool(recipe.stages)
    yield "head.dropout must be at least 0 and below 1", 0 <= recipe.head.dropout < 1
    yield f"head.hidden must be 1 to {_MOST_UNITS}", all(0 < n <= _MOST_UNITS for n in recipe.head.hidden)
    for number, stage in enumerate(recipe.stages):
        yield from ((f"stages[{number}].{text}", holds) for text, holds in _stage_rules(stage))
    yield "augmentation.shear must be 0 to 1", 0 <= change.shear <= 1
    yield "augmentation.zoom must be 0 to 1", 0 <= change.zoom <= 1
    yield (
        "augmentation has no effect where every stage freezes all of the network",
        change == Augmentation() or any(stage.frozen == "none" for stage in recipe.stages),
    )


def _stage_rules(stage: Stage) -> Iterator[tuple[str, bool]]:
    yield "rate must be above 0 and finite", 0 < stage.rate < math.inf
    yield "momentum must be at least 0 and below 1", 0 <= stage.momentum < 1
    yield f"epochs must be 1 to {_MOST_EPOCHS}", 0 < stage.epochs <= _MOST_EPOCHS
    yield f"batch_size must be 1 to {_MOST_IN_A_BATCH}", 0 < stage.batch_size <= _MOST_IN_A_BATCH
    yield "patience must be at least 0", stage.patience >= 0


def recipe_names() -> tuple[str, ...]:
    """The recipes that come with the package."""
    files = (Path(entry.name) for entry in _RECIPES.iterdir())
    return tuple(sorted(file.stem for file in files if file.suffix == ".toml"))


def recipe_summary(name: str) -> str:
    """The comment that opens a shipped recipe: source, command, hardware, time, expected score."""
    lines = (_RECIPES / f"{name}.toml").read_text("utf-8").splitlines()
    opening = lines[: next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))]
    return "\n".join(line.removeprefix("#").strip() for line in opening)


def load_recipe(name_or_path: str) -> Recipe:
    """Read a shipped recipe by name, or any TOML file by path.

    Raises:
        RecipeError: no such recipe, not TOML, an unknown or missing key, a value of another type.
    """
    document = _document(name_or_path)
    try:
        return read_table(Recipe, document)
    except (ValueError, ManifestError) as exc:
        raise RecipeError(f"recipe {name_or_path}: {exc}") from exc


def _document(name_or_path: str) -> dict[str, Any]:
    try:
        if name_or_path in recipe_names():
            text = (_RECIPES / f"{name_or_path}.toml").read_text("utf-8")
        elif name_or_path.endswith(".toml"):
            text = Path(name_or_path).read_text("utf-8")
        else:
            raise RecipeError(
                f"no recipe {name_or_path!r}: choose {', '.join(recipe_names())} or the path of a .toml file"
            )
        return tomllib.loads(text)
    except OSError as exc:
        raise RecipeError(f"cannot read recipe {name_or_path}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise RecipeError(f"recipe {name_or_path} is not TOML: {exc}") from exc
