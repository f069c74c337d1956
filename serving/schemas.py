"""The bodies of the HTTP API: what OpenAPI shows and what is validated."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, FailFast, Field


class Base64Image(BaseModel):
    """One image of a JSON request."""

    model_config = ConfigDict(extra="forbid")

    b64: str = Field(description="The encoded image in base64, standard or URL-safe alphabet.")
    name: str | None = Field(default=None, description="Comes back with the answer.")


class PredictBody(BaseModel):
    """A JSON request."""

    model_config = ConfigDict(extra="forbid")

    # The first fault is enough: one a value would take more memory than the body.
    images: Annotated[list[Base64Image], FailFast()] = Field(min_length=1)


class CandidateSchema(BaseModel):
    """A label and its calibrated probability."""

    label: str
    probability: float = Field(ge=0, le=1)


class PredictedImage(BaseModel):
    """The answer for one image."""

    name: str | None
    label: str = Field(description="The best label, or `unknown` under the model's threshold.")
    probability: float = Field(ge=0, le=1, description="Of the best candidate.")
    top: list[CandidateSchema]


class ImageFault(BaseModel):
    """Why one image has no prediction."""

    code: str
    detail: str


class FailedImage(BaseModel):
    """An image that was refused; the others of the request are answered all the same."""

    name: str | None
    error: ImageFault


class PredictAnswer(BaseModel):
    """Predictions in the order the images were sent."""

    model: str
    version: int
    request_id: str
    predictions: list[PredictedImage | FailedImage]


class Problem(BaseModel):
    """RFC 9457, with a stable `code`."""

    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[FailedImage] | None = Field(default=None, description="Where every image failed.")


class VersionSchema(BaseModel):
    """A version of a model, as the model server and the self-test see it."""

    version: int
    state: str = Field(description="The model server's: START, LOADING, AVAILABLE, UNLOADING or END.")
    self_test: str = Field(
        description="`passed`, `failed`, `pending`, or `none` where there is nothing to test."
    )
    detail: str = Field(default="", description="Why it failed, waits, or could not be loaded.")


class ModelSummary(BaseModel):
    """One model."""

    name: str
    default: bool
    ready: bool
    latest: int | None = Field(description="The version that answers where none is asked for.")
    versions: list[VersionSchema]


class ModelsAnswer(BaseModel):
    """All models."""

    models: list[ModelSummary]


class ProvenanceSchema(BaseModel):
    """Where a model comes from."""

    recipe: str
    seed: int
    dataset_sha256: str
    image_counts: dict[str, int]
    backbone: str
    weights: str
    packages: dict[str, str]
    created: str


class ImageSpecSchema(BaseModel):
    """The pixels a model takes; any image is brought to them."""

    height: int
    width: int
    fit: str
    fill: tuple[int, int, int]
    filter: str


class CalibrationSchema(BaseModel):
    """How temperature and threshold were chosen, and how well they do on the test split."""

    images: int = Field(description="That temperature and threshold were fitted on.")
    at_bound: bool = Field(description="Whether the best temperature lies at the edge of what was allowed.")
    coverage: float = Field(description="Share of those images that the threshold was chosen to answer.")
    test_coverage: float = Field(description="Share of the test images that it answers.")
    test_error_before: float = Field(description="Expected calibration error at temperature 1.")
    test_error_after: float = Field(description="The same of the probabilities as they are answered.")


class ModelAnswer(ModelSummary):
    """One model with what the manifest of its latest version says."""

    labels: list[str] | None = None
    image: ImageSpecSchema | None = None
    unknown_threshold: float | None = None
    calibration: CalibrationSchema | None = None
    metrics: dict[str, float] | None = None
    provenance: ProvenanceSchema | None = None


class Health(BaseModel):
    """The state of the gateway, with the reason where it is not well."""

    status: str
    detail: str = ""
