"""The bodies of the HTTP API: what OpenAPI shows and what is validated."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, FailFast, Field, Tag


class Base64Image(BaseModel):
    """One image of a JSON request."""

    model_config = ConfigDict(extra="forbid")

    b64: str = Field(
        min_length=1,
        description="The encoded image in base64, standard or URL-safe alphabet.",
        json_schema_extra={"contentEncoding": "base64"},
    )
    name: str | None = Field(default=None, description="Comes back with the answer.")


class UrlImage(BaseModel):
    """One image of a JSON request that the gateway fetches, where its operator allows that."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        max_length=8192, description="Of an allowed host; https, unless plain http is allowed too."
    )
    name: str | None = Field(default=None, description="Comes back with the answer.")


def _kind(image: object) -> str:
    return "url" if isinstance(image, dict) and "url" in image else "b64"


JsonImage = Annotated[
    Annotated[Base64Image, Tag("b64")] | Annotated[UrlImage, Tag("url")], Discriminator(_kind)
]


class ImagesBody(BaseModel):
    """A JSON request."""

    model_config = ConfigDict(extra="forbid")

    # The first fault is enough: one a value would take more memory than the body.
    images: Annotated[list[JsonImage], FailFast()] = Field(min_length=1)


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


class ExplainedImage(BaseModel):
    """Where the model looked in one image; of the last two members the one that was asked for is not null."""

    name: str | None
    label: str = Field(description="The class that the heat map speaks of.")
    probability: float = Field(ge=0, le=1, description="Of that class.")
    overlay: str | None = Field(
        default=None, description="PNG in base64: the heat map over the image as the model saw it."
    )
    heatmap: list[list[float]] | None = Field(
        default=None, description="Rows of the heat map at the model's image size, 0 to 1."
    )


class ExplainAnswer(BaseModel):
    """Explanations in the order the images were sent."""

    model: str
    version: int
    request_id: str
    explanations: list[ExplainedImage | FailedImage]


class EmbeddedImage(BaseModel):
    """The feature vector of one image."""

    name: str | None
    embedding: list[float] = Field(description="Of length 1: a dot product is the cosine of two images.")


class EmbedAnswer(BaseModel):
    """Feature vectors in the order the images were sent."""

    model: str
    version: int
    request_id: str
    embeddings: list[EmbeddedImage | FailedImage]


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
    model_servers: int = Field(default=0, description="On how many model servers it may answer.")
    aliases: list[str] = Field(default=[], description="Of models.toml that stand for it.")


class ModelSummary(BaseModel):
    """One model."""

    name: str
    default: bool
    ready: bool
    detail: str = Field(default="", description="Why it is not ready.")
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
    """One model with what the manifest of the version that answers, or was asked for, says."""

    version: int | None = Field(default=None, description="Of which the rest is told.")
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
