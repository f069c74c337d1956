"""One Predict: the checks TensorFlow Serving makes, in its order, then the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import grpc

from contract.signatures import SERVING_DEFAULT
from serving.embedded.errors import ServingError, invalid_argument
from serving.embedded.session_model import SessionModel
from serving.embedded.tensors import Array, dtype_name, to_array, to_proto


def signature_name(request: Any) -> str:
    """The signature a PredictRequest asks for."""
    return str(request.model_spec.signature_name) or SERVING_DEFAULT


def run_predict(model: SessionModel, request: Any, *, timeout_seconds: float | None = None) -> dict[str, Any]:
    """Answer a PredictRequest; its model spec's name and version are not looked at.

    Returns:
        TensorProto by output alias.

    Raises:
        ServingError: FAILED_PRECONDITION for an unknown signature, INVALID_ARGUMENT for inputs or an output
            filter that do not match it, or what the graph itself failed with.
    """
    signature = _signature(model, signature_name(request))
    _check_input_count(request, signature)
    arrays = {alias: _read_input(request, alias, info) for alias, info in signature.inputs.items()}
    outputs = _wanted_outputs(request, signature)
    for index, (alias, info) in enumerate(sorted(signature.inputs.items())):
        _check_input(arrays[alias], request.inputs[alias].dtype, info, index=index, alias=alias)
    values = model.run(
        {alias: info.name for alias, info in outputs.items()},
        {info.name: arrays[alias] for alias, info in signature.inputs.items()},
        timeout_seconds=timeout_seconds,
    )
    return {alias: to_proto(values[alias], info.dtype) for alias, info in outputs.items()}


def _signature(model: SessionModel, name: str) -> Any:
    signature = model.signatures.get(name)
    if signature is None:
        raise ServingError(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
    return signature


def _check_input_count(request: Any, signature: Any) -> None:
    sent, expected = set(request.inputs), set(signature.inputs)
    if len(sent) != len(expected):
        raise invalid_argument(
            f"input size does not match signature: {len(sent)}!={len(expected)} "
            f"len({_braced(sent)}) != len({_braced(expected)}). "
            f"Sent extra: {_braced(sent - expected)}. Missing but required: {_braced(expected - sent)}."
        )


def _read_input(request: Any, alias: str, info: Any) -> Array:
    if alias not in request.inputs:
        raise invalid_argument(
            f"Signature input alias: {alias}(feed name: {info.name}) not found in request. "
            f"Inputs expected to be in the set {_braced(request.inputs)}."
        )
    return to_array(alias, request.inputs[alias])


def _check_input(array: Array, dtype: int, info: Any, *, index: int, alias: str) -> None:
    """Refuse what the session would take: it casts silently, and no rows give an answer of none."""
    if dtype != info.dtype:
        raise invalid_argument(
            f"Expects arg[{index}] to be {dtype_name(info.dtype)} but {dtype_name(dtype)} is provided"
        )
    if array.ndim and array.shape[0] == 0:
        raise invalid_argument(f"Input {alias} has no rows.")


def _wanted_outputs(request: Any, signature: Any) -> Mapping[str, Any]:
    """TensorInfo by alias: the outputs in the filter, or all of them where it is empty."""
    wanted = list(request.output_filter)
    for position, alias in enumerate(wanted):
        if alias not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {alias} "
                f"Outputs expected to be in the set {_braced(signature.outputs)}."
            )
        if alias in wanted[:position]:
            raise invalid_argument(f"duplicate output tensor alias: {alias}")
    return {alias: signature.outputs[alias] for alias in wanted or signature.outputs}


def _braced(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
