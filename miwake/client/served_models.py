"""What the gateway says of its models, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contract.calibration_facts import CalibrationFacts
from contract.image_spec import ImageSpec
from contract.manifest import Provenance


@dataclass(frozen=True, kw_only=True)
class ServedVersion:
    """A version, as the model server and the self-test see it.

    Attributes:
        version: its number.
        state: the model server's: START, LOADING, AVAILABLE, UNLOADING or END.
        self_test: `passed`, `failed`, `pending`, or `none` where there is nothing to test.
        detail: why it failed, waits, or could not be loaded.
        model_servers: on how many it may answer.
        aliases: of models.toml that stand for it.
    """

    version: int
    state: str
    self_test: str
    detail: str = ""
    model_servers: int = 0
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A model.

    Attributes:
        name: its name.
        default: whether it answers where no model is named.
        ready: whether it can answer.
        detail: why not.
        latest: the version that answers where none is asked for.
        versions: all that the model server has, and those that it could not load.
    """

    name: str
    default: bool
    ready: bool
    detail: str
    latest: int | None
    versions: tuple[ServedVersion, ...]


@dataclass(frozen=True, kw_only=True)
class ModelDetails(ServedModel):
    """A model with what one version says of itself; None where that version does not say.

    Attributes:
        version: that it is; None where none answers.
        labels: in the order of its outputs.
        image: the pixels it takes; any image is brought to them.
        unknown_threshold: the label is `unknown` below it.
        calibration: how temperature and threshold were chosen.
        metrics: on the test split.
        provenance: what it was made of.
    """

    version: int | None = None
    labels: tuple[str, ...] | None = None
    image: ImageSpec | None = None
    unknown_threshold: float | None = None
    calibration: CalibrationFacts | None = None
    metrics: Mapping[str, float] | None = None
    provenance: Provenance | None = None
