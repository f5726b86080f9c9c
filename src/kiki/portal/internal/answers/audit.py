"""The audit log and what a check of it found."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from kiki.portal.internal.answers.shared import Page, said
from kiki.portal.message_schemas import message
from kiki.rpc.v1 import syncshield_pb2 as shield

HASHES = ("payload_digest", "signature_digest", "previous_hash", "hash")
"""Fields of an audit event that are written in hexadecimal."""
_HEX = r"^([0-9a-f]{64})?$"


def _hex(text: str) -> dict[str, Any]:
    return {"type": "string", "pattern": _HEX, "description": f"{text} SHA-256 in hexadecimal."}


_EVENT = message(
    shield.AuditEvent,
    payload_digest=_hex("Of the body, for a webhook; otherwise empty."),
    signature_digest=_hex("Of the signature, for a webhook; otherwise empty."),
    previous_hash=_hex("Of the event before; zeros at index 0."),
    hash=_hex("Of this event."),
)


class AuditPage(Page):
    """A part of an audit log."""

    events: Annotated[list[Annotated[dict[str, Any], _EVENT]], said("Newest first, unless asked otherwise.")]


class AuditVerification(TypedDict):
    """What a check of a chain found."""

    store_id: Annotated[int, said("The store; 0: the whole installation.")]
    ok: Annotated[bool, said("Whether everything in the range is right.")]
    checked: Annotated[int, said("Links whose hash was computed anew.")]
    reason: Annotated[str, said("What is wrong, as in `VerifyAuditChain`; empty when nothing is.", "MISSING_LINK")]
    first_bad_index: Annotated[int | None, said("Index of the first link that is wrong or missing; null: none is.")]
    length: Annotated[int, said("Links of the whole chain, by its recorded head.")]
    head_hash: Annotated[str, said("Hash of the last of them, in hexadecimal.")]
    last_hash: Annotated[str, said("Hash of the last link of the range that was right, in hexadecimal.")]
