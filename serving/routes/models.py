"""GET /models and GET /models/{model}: what is served, in which versions, made from what."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from contract.manifest import Manifest, provenance_dict
from contract.model_facts import ModelFacts
from serving.asking import VersionChoice
from serving.gateway import TheGateway
from serving.http.openapi import problems
from serving.load.deadline import Deadline
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

Version = Annotated[int | None, Query(ge=0, description="A concrete version; else the one that answers now.")]
_MODEL_PROBLEMS = problems(
    {
        404: "model_not_found, version_not_found",
        422: "invalid_parameter",
        502: "contract_broken: the version failed its self-test",
        503: "model_server_away",
    }
)


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


@router.get("/models/{model}", summary="One model", responses=_MODEL_PROBLEMS)
async def model(request: Request, gateway: TheGateway, model: str, version: Version = None) -> ModelAnswer:
    """What the version that answers, or the one asked for, says of itself: labels, metrics, provenance."""
    choice = VersionChoice(version=version)
    gateway.asks_of(request_state(request.scope), model, choice)
    served = gateway.versions.expected(model)
    if version is not None:
        deadline = Deadline.after(gateway.settings.timeout_seconds)
        served = await gateway.versions.resolve(model, choice, deadline=deadline)
    summary = _summary(gateway.versions, model)
    if served is None:
        return ModelAnswer(**summary)
    target = served.target
    return ModelAnswer(**summary, version=target.version, **_facts(target.facts), **_told(target.manifest))


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
