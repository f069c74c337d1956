"""GET /models and GET /models/{model}: what is served, in which versions, made from what."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from contract.manifest import provenance_dict
from modelserver.protocol import VersionStatus
from serving.gateway import TheGateway
from serving.model_watch import ModelWatch
from serving.openapi import problems
from serving.request_state import request_state
from serving.schemas import (
    CalibrationSchema,
    ImageSpecSchema,
    ModelAnswer,
    ModelsAnswer,
    ModelSummary,
    ProvenanceSchema,
    VersionSchema,
)

router = APIRouter(tags=["models"])


@router.get("/models", summary="All models and their versions")
async def models(gateway: TheGateway) -> ModelsAnswer:
    """Also those that cannot answer, with the reason."""
    return ModelsAnswer(
        models=[
            ModelSummary(**_summary(watch, default=gateway.settings.default))
            for watch in gateway.predictor.watches.values()
        ]
    )


@router.get("/models/{model}", summary="One model", responses=problems({404: "model_not_found"}))
async def model(request: Request, gateway: TheGateway, model: str) -> ModelAnswer:
    """What its newest version says of itself: labels, metrics, provenance."""
    watch = gateway.predictor.watch(model)
    request_state(request.scope).model = model
    summary = _summary(watch, default=gateway.settings.default)
    if watch.latest is None:
        return ModelAnswer(**summary)
    manifest = watch.latest.target.manifest
    calibration = manifest.calibration
    return ModelAnswer(
        **summary,
        labels=list(manifest.labels),
        image=ImageSpecSchema(**manifest.image.to_dict()),
        unknown_threshold=manifest.unknown_threshold,
        calibration=CalibrationSchema(**calibration.to_dict()) if calibration else None,
        metrics=dict(manifest.metrics),
        provenance=ProvenanceSchema(**provenance_dict(manifest.provenance)),
    )


def _summary(watch: ModelWatch, *, default: str) -> dict[str, Any]:
    return {
        "name": watch.model,
        "default": watch.model == default,
        "ready": watch.not_ready_because is None,
        "latest": watch.latest.target.version if watch.latest else None,
        "versions": [_version(watch, status) for status in watch.statuses],
    }


def _version(watch: ModelWatch, status: VersionStatus) -> VersionSchema:
    self_test, detail = watch.self_test_of(status)
    return VersionSchema(version=status.version, state=status.state, self_test=self_test, detail=detail)
