"""What a training run does, as a value; checked whole before anything starts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from contract.image_spec import ImageSpec
from training.backbones import APPLICATIONS, EFFICIENTNET_LITE0, SMALL_NETWORKS, Scaling, expected_scaling
from training.errors import RecipeError

# Far beyond any sense: what is larger is a slip of the pen that would end in a lack of memory, or never.
_MOST_UNITS, _MOST_EPOCHS, _MOST_IN_A_BATCH, _MOST_COPIES = 65_536, 100_000, 65_536, 1_000


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
        frozen: `all` of the network, `none` of it, or its first layers by number, counted as in
            `keras.applications`, where the input is the first: `layers[:15]` is 15.
        optimizer: Keras's, with its defaults but for the rate and the momentum.
        rate: learning rate of the first epoch.
        momentum: of `sgd`.
        schedule: `cosine` lets the rate fall to 0 over the stage's epochs.
        epochs: at most.
        batch_size: images a step.
        patience: epochs without a lower validation loss before it stops; 0 runs all epochs.
        keep: which epoch's weights stay, those of the lowest validation loss or the last ones.
        augmented: whether the recipe's augmentation takes part.
    """

    frozen: int | Literal["all", "none"]
    optimizer: Literal["adam", "sgd", "rmsprop"]
    rate: float
    momentum: float = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    epochs: int
    batch_size: int = 32
    patience: int = 0
    keep: Literal["best", "last"] = "best"
    augmented: bool = True


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes while fitting.

    Attributes:
        shear: largest horizontal shear, as a share of the height.
        zoom: largest zoom in or out, as a share of the side.
        rotation: largest turn either way, as a share of a whole one.
        flip: mirror left and right.
        mixup: alpha of the Beta distribution two images of a batch and their labels are mixed by
            (Zhang et al. 2018, arXiv:1710.09412).
        copies: 0 draws the changes anew every epoch. k makes k changed copies of each image once and draws
            one of them every epoch: an approximation, for stages whose frozen layers then run once.
    """

    shear: float = 0.0
    zoom: float = 0.0
    rotation: float = 0.0
    flip: bool = False
    mixup: float = 0.0
    copies: int = 0

    @property
    def changes_pixels(self) -> bool:
        """Whether an image by itself is changed: MixUp alone does not."""
        return replace(self, mixup=0.0, copies=0) != Augmentation()


@dataclass(frozen=True, kw_only=True)
class Svm:
    """A linear support vector machine on the features, instead of stages.

    Attributes:
        costs: C is chosen among them, by cross-validation.
        folds: of that.
    """

    costs: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0, 10.0)
    folds: int = 5


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole experiment but for its photographs and seed.

    Attributes:
        name: as a manifest names it.
        network: what makes features of pixels, see `training.backbones`.
        weights: `imagenet`, `none` (random) or the path of a file.
        scaling: from uint8 to what the network takes, inside the graph; `expected` by its ImageNet weights.
        adapter: what stands before the network: `gray` makes one channel and three of it again, by a 3x3
            convolution, batch normalisation and relu that are learnt.
        last_layer: where the network ends; empty for all of it.
        image: how pixels are made.
        head: from features to logits.
        stages: in this order.
        svm: instead of stages.
        augmentation: of the stages.
        class_weights: whether each class counts the same in the loss, however many photographs it has.
        precision: Keras's policy while fitting; what is exported is float32.
        features: how outputs of frozen layers are kept on disk.
        coverage: share of the validation photographs the `unknown` threshold leaves answered.
    """

    name: str
    network: str
    weights: str
    scaling: Literal[Scaling, "expected"] = "expected"
    adapter: Literal["none", "gray"] = "none"
    last_layer: str = ""
    image: ImageSpec = field(default_factory=ImageSpec)
    head: Head
    stages: tuple[Stage, ...] = ()
    svm: Svm | None = None
    augmentation: Augmentation = Augmentation()
    class_weights: bool = False
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    features: Literal["float32", "float16"] = "float32"
    coverage: float = 0.95

    def __post_init__(self) -> None:
        """Refuse what cannot be followed.

        Raises:
            RecipeError: saying which key and why.
        """
        for text, holds in _rules(self):
            if not holds:
                raise RecipeError(f"recipe {self.name}: {text}")

    @property
    def effective_scaling(self) -> Scaling:
        """The scaling, with `expected` looked up."""
        return expected_scaling(self.network) if self.scaling == "expected" else self.scaling

    def augmentation_of(self, stage: Stage) -> Augmentation:
        """What is changed at random in that stage."""
        return self.augmentation if stage.augmented else Augmentation()


def adjusted(
    recipe: Recipe, *, weights: str | None = None, backbone: str | None = None, class_weights: bool = False
) -> Recipe:
    """The recipe with what a user asks for instead.

    Raises:
        RecipeError: the result cannot be followed.
    """
    if backbone is not None:
        recipe = _with_backbone(recipe, backbone)
    if weights is not None:
        recipe = replace(recipe, weights=weights)
    return replace(recipe, class_weights=True) if class_weights else recipe


def _with_backbone(recipe: Recipe, backbone: str) -> Recipe:
    if recipe.last_layer or any(isinstance(stage.frozen, int) for stage in recipe.stages):
        raise RecipeError(
            f"recipe {recipe.name} names layers of {recipe.network}: for another backbone choose "
            "--recipe linear, finetune or scratch"
        )
    return replace(recipe, network=backbone, scaling="expected")


def _rules(recipe: Recipe) -> Iterator[tuple[str, bool]]:
    """What must hold, key by key; a comparison with a number that is none never does."""
    networks = (EFFICIENTNET_LITE0, *SMALL_NETWORKS, *APPLICATIONS)
    yield f"network is not one of {', '.join(networks)}", recipe.network in networks
    yield "weights must not be empty", bool(recipe.weights)
    yield "it needs either stages or svm", bool(recipe.stages) != (recipe.svm is not None)
    yield "head.dropout must be at least 0 and below 1", 0 <= recipe.head.dropout < 1
    yield f"head.hidden must be 1 to {_MOST_UNITS}", all(0 < n <= _MOST_UNITS for n in recipe.head.hidden)
    yield "coverage must be above 0 and at most 1", 0 < recipe.coverage <= 1
    for number, stage in enumerate(recipe.stages):
        yield from ((f"stages[{number}].{text}", holds) for text, holds in _stage_rules(stage))
    yield from _svm_rules(recipe)
    yield from _augmentation_rules(recipe)


def _stage_rules(stage: Stage) -> Iterator[tuple[str, bool]]:
    yield "frozen must be at least 1", isinstance(stage.frozen, str) or stage.frozen > 0
    yield "rate must be above 0 and finite", 0 < stage.rate < math.inf
    yield "momentum must be at least 0 and below 1", 0 <= stage.momentum < 1
    yield "momentum is of sgd alone", stage.optimizer == "sgd" or not stage.momentum
    yield f"epochs must be 1 to {_MOST_EPOCHS}", 0 < stage.epochs <= _MOST_EPOCHS
    yield f"batch_size must be 1 to {_MOST_IN_A_BATCH}", 0 < stage.batch_size <= _MOST_IN_A_BATCH
    yield "patience must be at least 0", stage.patience >= 0


def _svm_rules(recipe: Recipe) -> Iterator[tuple[str, bool]]:
    if recipe.svm is None:
        return
    costs = recipe.svm.costs
    yield "svm.costs must be above 0 and finite", bool(costs) and all(0 < cost < math.inf for cost in costs)
    yield "svm.folds must be at least 2", recipe.svm.folds > 1
    yield (
        "svm takes features as they are: head.hidden and head.dropout must be left out",
        not recipe.head.hidden and not recipe.head.dropout,
    )
    yield "svm takes features as they are: augmentation has no effect", recipe.augmentation == Augmentation()


def _augmentation_rules(recipe: Recipe) -> Iterator[tuple[str, bool]]:
    change = recipe.augmentation
    for key in ("shear", "zoom", "rotation", "mixup"):
        yield f"augmentation.{key} must be 0 to 1", 0 <= getattr(change, key) <= 1
    yield "augmentation.zoom must be below 1", change.zoom < 1
    yield f"augmentation.copies must be 0 to {_MOST_COPIES}", 0 <= change.copies <= _MOST_COPIES
    yield (
        "augmentation.mixup mixes pixels anew every epoch: copies must be 0",
        not (change.mixup and change.copies),
    )
    yield "augmentation.copies needs changes to draw", change.changes_pixels or not change.copies
    yield (
        "augmentation has no effect where no stage is augmented",
        change == Augmentation() or any(stage.augmented for stage in recipe.stages),
    )
