"""What the protocol tells of the gateway and of its models."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version as distribution_version

from contract.signatures import EMBEDDINGS, HEATMAPS, PROBABILITIES
from modelserver.errors import VersionNotFoundError
from modelserver.predict import ModelVersion
from serving.asking import NO_CHOICE, VersionChoice
from serving.load.deadline import Deadline
from serving.oip.errors import NotOfferedError
from serving.oip.image_input import BYTES, IMAGE, IMAGES, UINT8
from serving.oip.outputs import FP32, LABEL, PROBABILITY
from serving.oip.schemas import (
    ConfigTensor,
    IndexEntry,
    ModelConfig,
    ModelMetadata,
    ServerMetadata,
    TensorMetadata,
)
from serving.versions.resolver import VersionResolver
from serving.versions.version_view import VersionView

EXTENSIONS = ("classification", "model_configuration", "model_repository", "binary_tensor_data")
PLATFORM = "tensorflow_savedmodel"
_ANY = -1
_READY = "READY"
_CONFIG_TYPES = {UINT8: "TYPE_UINT8", FP32: "TYPE_FP32", BYTES: "TYPE_STRING"}


def server_metadata() -> ServerMetadata:
    """Of the gateway."""
    return ServerMetadata(name="miwake", version=distribution_version("miwake"), extensions=list(EXTENSIONS))


async def model_metadata(
    versions: VersionResolver, model: str, choice: VersionChoice, *, deadline: Deadline
) -> ModelMetadata:
    """Of the version that a request would go to; a canary's share is not drawn.

    Raises:
        MiwakeError: as `Predictor.resolve`.
    """
    target = await _target(versions, model, choice, deadline=deadline)
    return ModelMetadata(
        name=model,
        versions=[str(version) for version in _ready_versions(versions, model)],
        platform=PLATFORM,
        inputs=_inputs(target),
        outputs=_outputs(target),
    )


async def model_config(
    versions: VersionResolver, model: str, choice: VersionChoice, *, deadline: Deadline, max_images: int
) -> ModelConfig:
    """The same in the words of Triton's model configuration.

    Raises:
        MiwakeError: as `Predictor.resolve`.
    """
    target = await _target(versions, model, choice, deadline=deadline)
    return ModelConfig(
        name=model,
        platform=PLATFORM,
        max_batch_size=max_images,
        input=list(map(_config, _inputs(target))),
        output=list(map(_config, _outputs(target))),
    )


def why_not_ready(versions: VersionResolver, model: str, choice: VersionChoice) -> str | None:
    """Why a request would get no answer now; None where it would.

    Raises:
        ModelNotFoundError: there is no such model.
        VersionNotFoundError: no alias of that name; labels of the model server's own are not asked for.
    """
    aliases = versions.routing.entry(model).aliases
    if choice.label is not None and choice.label not in aliases:
        raise VersionNotFoundError(f"model {model} has no version of label {choice.label!r}")
    version = choice.version if choice.label is None else aliases[choice.label]
    if version is None:
        return versions.not_ready_because(model)
    return versions.backends.not_ready_because(model, version)


def repository_index(
    versions: VersionResolver, models: Iterable[str], *, ready_only: bool
) -> list[IndexEntry]:
    """Every version of these models, newest first."""
    entries = [_entry(model, view) for model in models for view in versions.views(model)]
    return [entry for entry in entries if entry.state == _READY or not ready_only]


def not_loaded_by_clients() -> NotOfferedError:
    """What a client is told that wants a model loaded or unloaded."""
    return NotOfferedError("models are loaded and unloaded by the model server, as its operator has them")


async def _target(
    versions: VersionResolver, model: str, choice: VersionChoice, *, deadline: Deadline
) -> ModelVersion:
    if choice == NO_CHOICE:
        choice = VersionChoice(version=versions.stable_version(model))
    return (await versions.resolve(model, choice, deadline=deadline)).target


def _ready_versions(versions: VersionResolver, model: str) -> list[int]:
    return [view.version for view in versions.views(model) if view.model_servers]


def _entry(model: str, view: VersionView) -> IndexEntry:
    ready = view.model_servers > 0
    return IndexEntry(
        name=model,
        version=str(view.version),
        state=_READY if ready else "UNAVAILABLE",
        reason="" if ready else view.detail or f"{view.state}, self-test {view.self_test}",
    )


def _inputs(target: ModelVersion) -> list[TensorMetadata]:
    return [
        TensorMetadata(name=IMAGE, datatype=BYTES, shape=[_ANY]),
        TensorMetadata(name=IMAGES, datatype=UINT8, shape=[_ANY, *target.facts.image.shape]),
    ]


def _outputs(target: ModelVersion) -> list[TensorMetadata]:
    image = target.facts.image
    outputs = [
        TensorMetadata(name=PROBABILITIES, datatype=FP32, shape=[_ANY, len(target.facts.labels)]),
        TensorMetadata(name=LABEL, datatype=BYTES, shape=[_ANY]),
        TensorMetadata(name=PROBABILITY, datatype=FP32, shape=[_ANY]),
    ]
    if target.manifest is not None:  # a model made elsewhere has no other signatures
        outputs += [
            TensorMetadata(name=EMBEDDINGS, datatype=FP32, shape=[_ANY, _ANY]),
            TensorMetadata(name=HEATMAPS, datatype=FP32, shape=[_ANY, image.height, image.width]),
        ]
    return outputs


def _config(tensor: TensorMetadata) -> ConfigTensor:
    return ConfigTensor(name=tensor.name, data_type=_CONFIG_TYPES[tensor.datatype], dims=tensor.shape[1:])
