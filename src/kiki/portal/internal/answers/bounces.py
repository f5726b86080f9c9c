"""Refused addresses, as SyncEngage tells them."""

from __future__ import annotations

from typing import Annotated, Any

from kiki.portal.internal.answers.shared import Page, said
from kiki.portal.message_schemas import message
from kiki.rpc.v1 import syncengage_pb2 as engage

Lifted = Annotated[dict[str, Any], message(engage.LiftBounceResponse)]


class BouncePage(Page):
    """Addresses that were refused, newest first."""

    bounces: Annotated[list[Annotated[dict[str, Any], message(engage.Bounce)]], said("Newest first.")]
