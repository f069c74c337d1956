"""ModelInfer's messages to requests and back."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from serving.errors import MalformedBodyError
from serving.grpc.messages import inference_pb2 as pb
from serving.grpc.wire import refuse_crowded
from serving.oip.errors import TensorError
from serving.oip.image_input import ImageInput, Images
from serving.oip.infer import InferAnswer, InferRequest
from serving.oip.outputs import RequestedOutput, all_different, outputs_by_default
from serving.oip.parameters import Parameters, timeout_seconds


def parse(data: bytes, message: type[Any]) -> Any:
    """Read any message.

    Raises:
        BodyTooLargeError: it would become much larger than its bytes.
        MalformedBodyError: it is none.
    """
    refuse_crowded(data, message.DESCRIPTOR)
    try:
        return message.FromString(data)
    except DecodeError as exc:
        raise MalformedBodyError("the message is broken") from exc


def read_request(message: pb.ModelInferRequest, *, max_images: int) -> InferRequest:
    """Read a request.

    Raises:
        BodyTooLargeError: more images than that.
        InvalidParameterError: of a parameter that is known here, a value that it cannot have.
        TensorError: inputs or outputs that no model has, or that do not hold what they say.
    """
    asked = [RequestedOutput.asked(one.name, _parameters(one.parameters)) for one in message.outputs]
    return InferRequest(
        id=message.id,
        images=_images(message, max_images=max_images),
        outputs=all_different(asked) or outputs_by_default(binary=True),
        timeout_seconds=timeout_seconds(_parameters(message.parameters)),
    )


def write_answer(answer: InferAnswer) -> pb.ModelInferResponse:
    """Write an answer; every output is raw."""
    return pb.ModelInferResponse(
        model_name=answer.model,
        model_version=str(answer.version),
        id=answer.id,
        outputs=[
            pb.ModelInferResponse.InferOutputTensor(
                name=tensor.name, datatype=tensor.datatype, shape=tensor.array.shape
            )
            for tensor in answer.outputs
        ],
        raw_output_contents=[tensor.raw() for tensor in answer.outputs],
    )


def _images(message: pb.ModelInferRequest, *, max_images: int) -> Images:
    if len(message.inputs) != 1:
        raise TensorError("a request has one input: `image` or `images`")
    tensor = message.inputs[0]
    declared = ImageInput.declared(tensor.name, tensor.datatype, tensor.shape, max_images=max_images)
    raw = message.raw_input_contents
    if (len(raw) == 1) == tensor.HasField("contents") or len(raw) > 1:
        raise TensorError(f"input {tensor.name} has either contents or one element of raw_input_contents")
    if raw:
        return declared.from_raw(raw[0])
    if declared.is_pixels:
        return declared.from_values(tensor.contents.uint_contents)
    return declared.from_files(tensor.contents.bytes_contents)


def _parameters(messages: Any) -> Parameters:
    """The values of a map of InferParameter; one without a value is as good as none."""
    chosen = {name: one.WhichOneof("parameter_choice") for name, one in messages.items()}
    return {name: getattr(messages[name], choice) for name, choice in chosen.items() if choice}
