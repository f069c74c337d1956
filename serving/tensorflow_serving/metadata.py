"""What TensorFlow Serving would say of a model's versions and signatures."""

from __future__ import annotations

from collections.abc import Iterable

from contract import signatures
from modelserver.predict import ModelVersion
from serving.tensorflow_serving.schemas import (
    Dimension,
    Metadata,
    ModelSpec,
    ModelStatus,
    RestModelMetadata,
    SignatureDef,
    SignatureDefs,
    Status,
    TensorInfo,
    TensorShape,
    VersionStatus,
)
from serving.versions.version_view import VersionView

_ANY = -1


def model_metadata(target: ModelVersion) -> RestModelMetadata:
    """The signatures of a version that take images, as they are offered here: uint8 images in."""
    facts = target.facts
    height, width = facts.image.height, facts.image.width
    images = _tensor("DT_UINT8", height, width, 3)
    probabilities = _tensor("DT_FLOAT", len(facts.labels))
    heatmaps = _tensor("DT_FLOAT", height, width)
    defs = {
        signatures.SERVING_DEFAULT: SignatureDef(
            inputs={signatures.IMAGES: images}, outputs={signatures.PROBABILITIES: probabilities}
        )
    }
    if target.manifest is not None:
        defs[signatures.EXPLAIN] = SignatureDef(
            inputs={signatures.IMAGES: images, signatures.CLASS_INDEX: _tensor("DT_INT32")},
            outputs={signatures.HEATMAPS: heatmaps, signatures.PROBABILITIES: probabilities},
        )
        defs[signatures.EMBED] = SignatureDef(
            inputs={signatures.IMAGES: images}, outputs={signatures.EMBEDDINGS: _tensor("DT_FLOAT", _ANY)}
        )
    return RestModelMetadata(
        model_spec=ModelSpec(name=target.model, version=str(target.version)),
        metadata=Metadata(signature_def=SignatureDefs(signature_def=defs)),
    )


def model_status(views: Iterable[VersionView]) -> ModelStatus:
    """Versions as a client of this gateway finds them: available are those that may answer."""
    return ModelStatus(model_version_status=[_version_status(view) for view in views])


def _version_status(view: VersionView) -> VersionStatus:
    state, code = view.state, "OK"
    if view.self_test == "pending":
        state = "LOADING"
    elif view.self_test == "failed":
        state, code = "END", "FAILED_PRECONDITION"
    elif view.self_test == "none" and view.detail:
        code = "UNKNOWN"
    message = view.detail if code != "OK" else ""
    return VersionStatus(
        version=str(view.version), state=state, status=Status(error_code=code, error_message=message)
    )


def _tensor(dtype: str, *sizes: int) -> TensorInfo:
    """A tensor of any batch size, and these sizes behind it."""
    return TensorInfo(
        dtype=dtype, tensor_shape=TensorShape(dim=[Dimension(size=str(size)) for size in (_ANY, *sizes)])
    )
