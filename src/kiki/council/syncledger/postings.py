"""Turns entries into postings and proves that they balance, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable

from kiki.council.syncledger.domain import Account, Entry, Posting
from kiki.council.syncledger.errors import Unbalanced

_SALES, _REVENUE, _ACCRUED, _INCOME, _BILLED = (
    Account.ATTRIBUTED_SALES.value,
    Account.INCREMENTAL_REVENUE.value,
    Account.ACCRUED_FEES.value,
    Account.FEE_INCOME.value,
    Account.BILLED_FEES.value,
)


def postings_of(entries: Iterable[Entry]) -> list[Posting]:
    """The sides of all entries: revenue, accrued fee, billed fee; what is zero has no sides."""
    postings: list[Posting] = []
    for entry in entries:
        store, number, currency = entry.store_id, entry.entry_id, entry.currency
        line = 1
        for debit, credit, amount in (
            (_SALES, _REVENUE, entry.revenue_minor),
            (_ACCRUED, _INCOME, entry.fee_minor),
            (_BILLED, _ACCRUED, entry.billed_minor),
        ):
            if amount:
                postings.append(Posting(store, number, line, debit, currency, amount))
                postings.append(Posting(store, number, line + 1, credit, currency, -amount))
                line += 2
    return postings


def check_balanced(postings: Iterable[Posting]) -> None:
    """Raises `Unbalanced` unless the postings of each entry sum to zero in each currency."""
    sums: dict[tuple[int, int, str], int] = {}
    for store, number, _, _, currency, amount in postings:
        key = (store, number, currency)
        sums[key] = sums.get(key, 0) + amount
    for (store, number, currency), amount in sums.items():
        if amount:
            raise Unbalanced(f"entry {number} of store {store} is out of balance by {amount} minor units of {currency}")


def movements(entries: Iterable[Entry], postings: Iterable[Posting]) -> dict[tuple[int, int, str, int], int]:
    """How balances move: (store, account, currency, month) → amount."""
    months = {(entry.store_id, entry.entry_id): entry.month for entry in entries}
    moved: dict[tuple[int, int, str, int], int] = {}
    for store, number, _, account, currency, amount in postings:
        key = (store, account, currency, months[store, number])
        moved[key] = moved.get(key, 0) + amount
    return moved
