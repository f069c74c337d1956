"""One request of the protocol, whatever it came by."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from contract.errors import ImageError
from contract.signatures import EMBEDDINGS, HEATMAPS
from modelserver.errors import VersionNotFoundError
from serving.asking import NO_CHOICE, Answer, Embedding, ImagesRequest, Probabilities, Row, VersionChoice
from serving.load.deadline import Deadline
from serving.oip.image_input import Images
from serving.oip.outputs import RequestedOutput, Rows, Tensor
from serving.predictor import OnResolved, Predictor

_MAX_VERSION_DIGITS = 18
_MAX_LABEL_LENGTH = 100


@dataclass(frozen=True, kw_only=True)
class InferRequest:
    """A request, read and checked.

    Attributes:
        id: comes back as it is.
        images: at least one.
        outputs: at least one, in the order of the answer.
        timeout_seconds: what the request allows itself, None where it says nothing.
    """

    id: str
    images: Images = field(repr=False)
    outputs: tuple[RequestedOutput, ...]
    timeout_seconds: float | None

    def asked(
        self, *, model: str, choice: VersionChoice, deadline: Deadline, sticky_key: str, caller: str
    ) -> ImagesRequest:
        """What is asked of the core; a deadline of the request's own counts where it is sooner."""
        if self.timeout_seconds is not None:
            own = Deadline.after(self.timeout_seconds)
            deadline = min(deadline, own, key=lambda one: one.at)
        return ImagesRequest(
            model=model,
            images=self.images,
            deadline=deadline,
            choice=choice,
            sticky_key=sticky_key,
            caller=caller,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class InferAnswer:
    """The outputs that were asked for, all by one version."""

    id: str
    rows: Rows
    asked: tuple[RequestedOutput, ...]

    @property
    def model(self) -> str:
        """Its name."""
        return self.rows.target.model

    @property
    def version(self) -> int:
        """That answered."""
        return self.rows.target.version

    @functools.cached_property
    def outputs(self) -> tuple[Tensor, ...]:
        """In the order asked for. Takes a while for many classes: not on the event loop."""
        return tuple(map(self.rows.tensor, self.asked))


def version_choice(text: str) -> VersionChoice:
    """The protocol's version: empty, a number, or a name as models.toml's aliases have.

    Raises:
        VersionNotFoundError: too long to be any of them.
    """
    if not text:
        return NO_CHOICE
    if text.isascii() and text.isdecimal() and len(text) <= _MAX_VERSION_DIGITS:
        return VersionChoice(version=int(text))
    if len(text) > _MAX_LABEL_LENGTH:
        raise VersionNotFoundError("no version has a name that long")
    return VersionChoice(label=text)


async def infer(
    predictor: Predictor, asked: ImagesRequest, request: InferRequest, *, on_resolved: OnResolved
) -> InferAnswer:
    """Answer a request.

    The protocol has no error of a single image: one that is refused fails the whole request.

    Args:
        predictor: answers.
        asked: the request's images, with the model, version and deadline they have.
        request: what it asks to know of them.
        on_resolved: told the version that will answer.

    Raises:
        ImageError: the first image that is refused; the text names its index.
        MiwakeError: as `Predictor.predict`, `explain` and `embed`.
    """
    rows = await _rows(predictor, asked, {output.name for output in request.outputs}, on_resolved)
    return InferAnswer(id=request.id, rows=rows, asked=request.outputs)


async def _rows(predictor: Predictor, asked: ImagesRequest, names: set[str], on_resolved: OnResolved) -> Rows:
    """Ask for what is wanted and no more."""
    if names == {EMBEDDINGS}:
        return await _embedded(predictor, asked, on_resolved)
    if HEATMAPS in names:
        explained = await predictor.explain(asked, labels=None, on_resolved=on_resolved)
        each = _all(explained)
        rows = Rows(
            target=explained.target,
            probabilities=np.stack([one.probabilities for one in each]),
            heatmaps=np.stack([one.heatmap for one in each]),
        )
    else:
        predicted = await predictor.predict(asked, on_resolved=on_resolved)
        probabilities: Sequence[Probabilities] = _all(predicted)
        rows = Rows(target=predicted.target, probabilities=np.stack(probabilities))
    if EMBEDDINGS not in names:
        return rows
    # By the very version that has answered, which may not be the one that would answer now.
    again = dataclasses.replace(asked, choice=VersionChoice(version=rows.target.version), live=False)
    embedded = await _embedded(predictor, again, on_resolved)
    return dataclasses.replace(rows, embeddings=embedded.embeddings)


async def _embedded(predictor: Predictor, asked: ImagesRequest, on_resolved: OnResolved) -> Rows:
    answer = await predictor.embed(asked, on_resolved=on_resolved)
    embeddings: Sequence[Embedding] = _all(answer)
    return Rows(target=answer.target, embeddings=np.stack(embeddings))


def _all(answer: Answer[Row]) -> Sequence[Row]:
    """Every row.

    Raises:
        ImageError: of the first image that has none.
    """
    rows: list[Row] = []
    for index, outcome in enumerate(answer.outcomes):
        if isinstance(outcome, ImageError):
            raise type(outcome)(f"image {index}: {outcome}")
        rows.append(outcome)
    return rows
