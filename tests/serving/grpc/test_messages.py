"""Our messages are the protocol's on the wire."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from serving.grpc.messages import inference_pb2
from tests.triton_environment import PYTHON, needs_tritonclient

ROOT = Path(__file__).parents[3]
SOURCE = "serving/grpc/messages/inference.proto"
DUMP = (
    "import sys; from tritonclient.grpc import model_config_pb2, service_pb2;"
    "module = {'service': service_pb2, 'model_config': model_config_pb2}[sys.argv[1]];"
    "sys.stdout.buffer.write(module.DESCRIPTOR.serialized_pb)"
)

Field = tuple[int, int, int, str]


def test_the_generated_classes_are_those_of_the_proto_file(tmp_path: Path) -> None:
    outputs = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", "proto", *outputs, f"proto/{SOURCE}"]

    subprocess.run(command, cwd=ROOT, check=True)

    for name in ("inference_pb2.py", "inference_pb2.pyi"):
        assert (tmp_path / "serving" / "grpc" / "messages" / name).read_text() == (
            ROOT / "serving" / "grpc" / "messages" / name
        ).read_text(), "run make proto"


def fields(file: descriptor_pb2.FileDescriptorProto) -> dict[str, Field]:
    """Number, type, label and type name of every field, by its full name without the package."""
    return {
        name: field
        for message in file.message_type
        for name, field in fields_of(message, prefix="", package=f".{file.package}.")
    }


def fields_of(
    message: descriptor_pb2.DescriptorProto, *, prefix: str, package: str
) -> Iterator[tuple[str, Field]]:
    here = f"{prefix}{message.name}."
    for field in message.field:
        type_name = field.type_name.removeprefix(package)
        yield here + field.name, (field.number, field.type, field.label, type_name)
    for nested in message.nested_type:
        yield from fields_of(nested, prefix=here, package=package)


@needs_tritonclient
def test_every_field_is_tritons() -> None:
    theirs: dict[str, Field] = {}
    for name in ("service", "model_config"):
        dumped = subprocess.run([PYTHON, "-c", DUMP, name], check=True, capture_output=True).stdout
        theirs |= fields(descriptor_pb2.FileDescriptorProto.FromString(dumped))
    ours = fields(descriptor_pb2.FileDescriptorProto.FromString(inference_pb2.DESCRIPTOR.serialized_pb))

    assert len(ours) > 80
    assert {name: theirs.get(name) for name in ours} == ours


def test_our_package_is_not_the_protocols() -> None:
    """So that a client's messages and ours can live in one process."""
    assert inference_pb2.DESCRIPTOR.package == "miwake.inference"


@pytest.mark.parametrize("name", ["TYPE_UINT8", "TYPE_FP32", "TYPE_STRING"])
def test_datatypes_have_tritons_numbers(name: str) -> None:
    assert {"TYPE_UINT8": 2, "TYPE_FP32": 11, "TYPE_STRING": 13}[name] == inference_pb2.DataType.Value(name)
