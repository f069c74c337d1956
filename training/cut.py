"""Cuts a network where one tensor carries everything that comes later."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True, kw_only=True)
class CutModel:
    """A network in two; both share its layers.

    Attributes:
        layer: the name of the last layer of the lower part.
        lower: from the network's input to that layer's output.
        upper: from there to the network's output.
    """

    layer: str
    lower: Any
    upper: Any


def cut_after(model: Any, layer: Any) -> CutModel:
    """Cut after one of `separators(model)`."""
    return CutModel(
        layer=layer.name,
        lower=keras.Model(model.inputs[0], layer.output),
        upper=keras.Model(layer.output, model.outputs[0]),
    )


def cut_frozen(model: Any, frozen: Collection[str]) -> CutModel | None:
    """Cut as late as one tensor separates layers that never change from the rest.

    A layer without weights may come before the cut; one that acts at random only if it is frozen, where it
    does nothing. Inside branches, as those of DenseNet, no tensor separates: the cut comes before them.

    Args:
        model: a flat graph.
        frozen: names of the layers that are not fitted.

    Returns:
        None where no layer with weights would come before the cut.
    """
    deepest, has_weights = None, False
    separating = {layer.name for layer in separators(model)}
    for layer in model.operations:
        if _changes(layer, frozen):
            break
        has_weights = has_weights or bool(_weights(layer))
        if has_weights and layer.name in separating:
            deepest = layer
    return None if deepest is None else cut_after(model, deepest)


def separators(model: Any) -> Iterator[Any]:
    """The layers whose output is all that later layers depend on, in order, without the model's output."""
    operations = model.operations  # in topological order
    last_use: dict[int, int] = {}
    for number, operation in enumerate(operations):
        last_use |= {id(producer): number for producer in _producers(operation)}
    open_until = -1  # the last use of any earlier output
    for number, operation in enumerate(operations[:-1]):
        if open_until <= number and not isinstance(operation, keras.layers.InputLayer):
            yield operation
        open_until = max(open_until, last_use.get(id(operation), -1))


def _changes(layer: Any, frozen: Collection[str]) -> bool:
    acts_at_random = isinstance(layer, keras.layers.Dropout) or hasattr(layer, "seed_generator")
    return (acts_at_random or bool(_weights(layer))) and layer.name not in frozen


def _weights(layer: Any) -> list[Any]:
    return list(getattr(layer, "weights", []))  # an operation such as a flip is no layer


def _producers(operation: Any) -> list[Any]:
    """What gives an operation its inputs; Keras tells it in no public way."""
    if isinstance(operation, keras.layers.InputLayer):
        return []
    return [tensor._keras_history.operation for tensor in keras.tree.flatten(operation.input)]  # noqa: SLF001
