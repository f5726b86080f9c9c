"""Who brought which exchange rates in, for the audit log: an entry per command, in the chain of the installation.

Rates change what merchants of all stores are billed, so the entry belongs to none of them (store 0). It says what a
reader needs to find the rates and their former figures, which stand in full in our tables: pair and days, how many, and
the digest of the document that they came from. It is at most some 150 characters, however many rates it is about.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from kiki.commerce.exchange.rates import Rate, plain
from kiki.commerce.exchange.repository import Kept
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.inbox.audit import WHOLE_INSTALLATION

SET, IMPORT, FETCH = "exchange_rates.set", "exchange_rates.import", "exchange_rates.fetch"


def audited(rates: Sequence[Rate], kept: Kept, *, action: str, actor: str, digest: str, at: dt.datetime) -> CallIntent:
    """The entry for rates that were brought in. `digest`: the document's, or empty."""
    return access_intent(
        store_id=WHOLE_INSTALLATION,
        actor=actor,
        action=action,
        resource_type="exchange_rates",
        resource_id=scope(rates),
        purpose=outcome(rates, kept, digest),
        occurred_at=at,
    )


def scope(rates: Sequence[Rate]) -> str:
    """Which pair and days: `USD/EUR 2026-11-20`, `31 pairs 2026-01-02..2026-11-20`."""
    pairs = {f"{rate.base}/{rate.quote}" for rate in rates}
    days = sorted({rate.day for rate in rates})
    until = "" if len(days) == 1 else f"..{days[-1]}"
    return f"{next(iter(pairs)) if len(pairs) == 1 else f'{len(pairs)} pairs'} {days[0]}{until}"


def outcome(rates: Sequence[Rate], kept: Kept, digest: str) -> str:
    """Of one rate the figures, `manual 0.8662 -> 0.87`; of several how many, and always what they came from."""
    sources = "+".join(sorted({rate.source for rate in rates}))
    if len(rates) == 1:
        text = f"{sources} {_change(rates[0], kept)}"
    else:
        text = f"{sources} added={kept.added} replaced={kept.replaced} same={kept.same} refused={kept.refused}"
    return f"{text} sha256={digest}" if digest else text


def _change(rate: Rate, kept: Kept) -> str:
    told = plain(rate.rate)
    if kept.former is None:
        return f"{told} same" if kept.same else f"new {told}"
    return f"{plain(kept.former)} -> {told}" + (" refused" if kept.refused else "")
