"""Answers as tensors: what takes a while is made where it is written, not on the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from contract.prediction import to_prediction
from modelserver.predict import ModelVersion
from serving.asking import Answer, ImagesRequest
from serving.load.deadline import Deadline
from serving.oip.infer import InferRequest, infer
from serving.oip.json_answer import write_answer
from serving.oip.outputs import RequestedOutput, Rows

ALL_CLASSES = RequestedOutput(name="probabilities", classes=1000)


class Labels(Sequence[str]):
    """Remember which threads looked at them."""

    def __init__(self) -> None:
        self.seen_by: set[int] = set()

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: Any) -> Any:
        self.seen_by.add(threading.get_ident())
        if index >= len(self):
            raise IndexError(index)
        return f"label {index}"


def version(labels: Sequence[str]) -> ModelVersion:
    return ModelVersion("toy", 1, SimpleNamespace(labels=labels, unknown_threshold=0.0))


class Answers:
    """A predictor whose every answer is the same."""

    def __init__(self, answer: Answer[Any]) -> None:
        self._answer = answer

    async def predict(self, _request: ImagesRequest, *, on_resolved: Any) -> Answer[Any]:
        on_resolved(self._answer.target)
        return self._answer


async def test_a_thousand_classes_are_written_off_the_event_loop() -> None:
    labels = Labels()
    predictor: Any = Answers(Answer(version(labels), (np.full(1000, 0.001, dtype=np.float32),)))
    request = InferRequest(id="", images=(b"x",), outputs=(ALL_CLASSES,), timeout_seconds=None)
    asked = ImagesRequest(model="toy", images=(b"x",), deadline=Deadline.after(5))

    answer = await infer(predictor, asked, request, on_resolved=lambda _: None)
    written = await asyncio.to_thread(write_answer, answer, request)

    assert b'"0.001000:999:label 999"' in written.content
    assert labels.seen_by
    assert threading.get_ident() not in labels.seen_by


def test_classes_are_ranked_as_the_native_api_ranks_them() -> None:
    target = version(tuple("abcdefgh"))
    random = np.random.default_rng(5)
    probabilities = random.dirichlet(np.ones(8), 20).round(1).astype(np.float32)  # with ties

    tensor = Rows(target=target, probabilities=probabilities).tensor(
        RequestedOutput(name="probabilities", classes=5)
    )

    native = [to_prediction(row, target.facts, top_k=5).top for row in probabilities]
    ours = [[text.decode().split(":") for text in row] for row in tensor.array]
    assert [[label for _, _, label in row] for row in ours] == [[one.label for one in top] for top in native]
    assert all("abcdefgh"[int(index)] == label for row in ours for _, index, label in row)
