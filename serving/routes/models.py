"""GET /models and GET /models/{model}: what is served, in which versions, made from what."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from contract.manifest import Manifest, provenance_dict
from contract.model_facts import ModelFacts
from serving.gateway import TheGateway
from serving.http.openapi import problems
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
from serving.versions.resolver import VersionResolver

router = APIRouter(tags=["models"])


@router.get("/models", summary="All models and their versions")
async def models(request: Request, gateway: TheGateway) -> ModelsAnswer:
    """Those that the caller may use; also those that cannot answer, with the reason."""
    caller = request_state(request.scope).caller
    return ModelsAnswer(
        models=[
            ModelSummary(**_summary(gateway.versions, name))
            for name in gateway.versions.routing.models
            if caller.may_use(name)
        ]
    )


@router.get("/models/{model}", summary="One model", responses=problems({404: "model_not_found"}))
async def model(request: Request, gateway: TheGateway, model: str) -> ModelAnswer:
    """What the version that answers says of itself: labels, metrics, provenance."""
    gateway.asks_of(request_state(request.scope), model)
    summary = _summary(gateway.versions, model)
    served = gateway.versions.expected(model)
    if served is None:
        return ModelAnswer(**summary)
    return ModelAnswer(**summary, **_facts(served.target.facts), **_told(served.target.manifest))


def _summary(versions: VersionResolver, model: str) -> dict[str, Any]:
    why = versions.not_ready_because(model)
    served = versions.expected(model)
    aliases = versions.routing.entry(model).aliases
    return {
        "name": model,
        "default": model == versions.routing.default,
        "ready": why is None,
        "detail": why or "",
        "latest": served.target.version if served else None,
        "versions": [
            VersionSchema(
                version=view.version,
                state=view.state,
                self_test=view.self_test,
                detail=view.detail,
                model_servers=view.model_servers,
                aliases=sorted(alias for alias, version in aliases.items() if version == view.version),
            )
            for view in versions.views(model)
        ],
    }


def _facts(facts: ModelFacts) -> dict[str, Any]:
    return {
        "labels": list(facts.labels),
        "image": ImageSpecSchema(**facts.image.to_dict()),
        "unknown_threshold": facts.unknown_threshold,
    }


def _told(manifest: Manifest | None) -> dict[str, Any]:
    """What only a model of our own tells."""
    if manifest is None:
        return {}
    calibration = manifest.calibration
    return {
        "calibration": CalibrationSchema(**calibration.to_dict()) if calibration else None,
        "metrics": dict(manifest.metrics),
        "provenance": ProvenanceSchema(**provenance_dict(manifest.provenance)),
    }
