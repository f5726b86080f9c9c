"""Batches in protobuf's wire format, without their messages: `repeated … requests = 1` taken apart, an item wrapped."""

from __future__ import annotations

from kiki.kit.errors import InvalidInput

_TAG = 0x0A


def split_requests(batch: bytes) -> list[bytes]:
    """The serialized single requests. Raises `InvalidInput` when the bytes are something else."""
    requests = []
    position, end = 0, len(batch)
    while position < end:
        if batch[position] != _TAG:
            raise InvalidInput("a grouped call holds something else than requests", reason="BAD_GROUPED_CALL")
        if position + 2 < end and batch[position + 1] < 0x80:
            length, position = batch[position + 1], position + 2
        elif position + 3 < end and batch[position + 2] < 0x80:
            length, position = batch[position + 1] & 0x7F | batch[position + 2] << 7, position + 3
        else:
            length, position = _varint(batch, position + 1)
        if position + length > end:
            raise InvalidInput("a grouped call is cut short", reason="BAD_GROUPED_CALL")
        requests.append(batch[position : position + length])
        position += length
    return requests


def wrap(field: int, request: bytes) -> bytes:
    """A message whose one field, numbered below 16, is the request."""
    length = len(request)
    if length < 0x80:
        return bytes((field << 3 | 2, length)) + request
    head = bytearray((field << 3 | 2,))
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + request


def unwrap(field: int, message: bytes) -> bytes:
    """What the one field of a message holds. Raises `InvalidInput` when it is another field, or more than one."""
    tag = field << 3 | 2
    if not message or message[0] != tag:
        raise InvalidInput(f"an answer does not hold the field {field} that was asked for", reason="BAD_GROUPED_CALL")
    length, position = _varint(message, 1)
    if position + length != len(message):
        raise InvalidInput("an answer holds more than what was asked for", reason="BAD_GROUPED_CALL")
    return message[position:]


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 35:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise InvalidInput("a grouped call is cut short", reason="BAD_GROUPED_CALL")
