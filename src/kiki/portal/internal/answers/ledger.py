"""What a proof of the books found."""

from __future__ import annotations

from typing import Annotated, Any

from kiki.portal.message_schemas import message
from kiki.rpc.v1 import syncledger_pb2 as ledger

LedgerVerification = Annotated[
    dict[str, Any],
    message(
        ledger.VerifyLedgerResponse,
        store_id={"type": "integer", "format": "int64", "description": "The store."},
    ),
]
