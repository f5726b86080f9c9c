"""Taking apart a batch request without knowing its message: `repeated … requests = 1` in protobuf's wire format."""

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
