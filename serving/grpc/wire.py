"""A look at a message's bytes before they are parsed.

Parsed, a message can be many times its bytes: two bytes make an empty tensor of a hundred, one makes a listed
number of eight. So the fields and the listed numbers are counted first, in the time that a few thousand take.
Wire format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from serving.errors import BodyTooLargeError, MalformedBodyError
from serving.oip.image_input import MAX_LISTED_VALUES

# A tensor takes ten, a file or a parameter three or fewer: enough for the most images a request may have.
MAX_FIELDS = 8192
# A number from 128 to 255 takes two.
MAX_LISTED_BYTES = 2 * MAX_LISTED_VALUES

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED_64: 8, _FIXED_32: 4}
_MAX_VARINT_BYTES = 10
_NOT_PACKED = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES})


def refuse_crowded(data: bytes, descriptor: Descriptor) -> None:
    """Refuse a message that would become much larger than its bytes.

    Args:
        data: a message.
        descriptor: of its type.

    Raises:
        BodyTooLargeError: more fields, or more numbers listed one by one, than any request needs.
        MalformedBodyError: not a message of any type.
    """
    fields = MAX_FIELDS
    listed = MAX_LISTED_BYTES
    pending = [(0, len(data), descriptor)]
    while pending:
        at, end, message = pending.pop()
        while at < end:
            fields -= 1
            number, kind, at, start = _field(data, at, end)
            if kind == _BYTES and at > start and (field := message.fields_by_number.get(number)):
                if field.message_type is not None:
                    pending.append((start, at, field.message_type))
                elif field.type not in _NOT_PACKED:
                    listed -= at - start
            if fields < 0 or listed < 0:
                raise BodyTooLargeError(
                    f"the message has more than {MAX_FIELDS} fields or {MAX_LISTED_VALUES} listed numbers; "
                    "send tensors as raw_input_contents"
                )


def _field(data: bytes, at: int, end: int) -> tuple[int, int, int, int]:
    """(number, wire type, where the next field begins, where this one's value does)."""
    tag, at = _varint(data, at, end)
    kind = tag & 7
    start = at
    if kind == _VARINT:
        _, at = _varint(data, at, end)
    elif kind == _BYTES:
        size, start = _varint(data, at, end)
        at = start + size
    elif kind in _FIXED_SIZES:
        at += _FIXED_SIZES[kind]
    else:  # groups, which no message here has
        raise MalformedBodyError("the message is broken")
    if at > end:
        raise MalformedBodyError("the message ends early")
    return tag >> 3, kind, at, start


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(data[at : min(end, at + _MAX_VARINT_BYTES)]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no high bit
            return value, at + place + 1
    raise MalformedBodyError("the message ends early")
