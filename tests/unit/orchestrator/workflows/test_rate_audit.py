"""What the audit log says of rates that were brought in: enough to find them, and never too much."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kiki.commerce.exchange.rates import Rate, checked
from kiki.commerce.exchange.repository import Kept
from kiki.council.syncshield.convert import access_entry
from kiki.orchestrator.workflows.rate_audit import SET, audited, outcome, scope
from kiki.rpc.v1 import syncshield_pb2

DAY = dt.date(2026, 11, 20)
AT = dt.datetime(2026, 11, 20, 16, tzinfo=dt.UTC)
CODES = st.text("ABCXYZ", min_size=3, max_size=3)
FIGURES = st.decimals(Decimal("1e-18"), Decimal(10) ** 12 - 1, places=18)
RATES = st.builds(Rate, CODES, CODES, st.dates(dt.date(1900, 1, 1), dt.date(2999, 12, 31)), FIGURES, st.just("manual"))
COUNTS = st.integers(0, 5_000)


def usd(day: dt.date = DAY, quote: str = "EUR") -> Rate:
    return checked("USD", quote, day, "0.8700", "manual")


def test_pair_and_days_are_named() -> None:
    earlier = DAY - dt.timedelta(days=40)
    assert scope([usd()]) == "USD/EUR 2026-11-20"
    assert scope([usd(), usd(earlier)]) == "USD/EUR 2026-10-11..2026-11-20"
    assert scope([usd(), usd(quote="GBP"), usd(earlier)]) == "2 pairs 2026-10-11..2026-11-20"


def test_of_one_rate_the_figures_are_said() -> None:
    former = Decimal("0.8662")
    assert outcome([usd()], Kept(added=1), "") == "manual new 0.87"
    assert outcome([usd()], Kept(replaced=1, former=former), "") == "manual 0.8662 -> 0.87"
    assert outcome([usd()], Kept(refused=1, former=former), "ab") == "manual 0.8662 -> 0.87 refused sha256=ab"
    assert outcome([usd()], Kept(same=1), "") == "manual 0.87 same"


@given(
    st.lists(RATES, min_size=1, max_size=30),
    st.builds(Kept, COUNTS, COUNTS, COUNTS, COUNTS, st.none() | FIGURES),
    st.booleans(),
)
def test_an_entry_is_one_that_syncshield_takes(rates: list[Rate], kept: Kept, told: bool) -> None:
    digest = "f" * 64 if told else ""
    call = audited(rates, kept, action=SET, actor="user:7", digest=digest, at=AT)
    entry = access_entry(syncshield_pb2.LogDataAccessRequest.FromString(call.request))
    assert (entry.store_id, entry.actor, call.store_id) == (0, "user:7", 0)
    assert max(len(entry.resource_id), len(entry.purpose)) < 200
