"""Rules of contracts: what is frozen, when a version comes into force, which rules need a baseline."""

from __future__ import annotations

import dataclasses
import datetime as dt

from kiki.council.syncledger.domain import BaselineTold, Books, Rule, Terms, TermsAsked
from kiki.council.syncledger.errors import BaselineDiffers, NoContract, TermRefused
from kiki.council.syncledger.months import month_of, month_text, zone


def next_version(
    command: TermsAsked | BaselineTold, books: Books, now: dt.datetime, booked_through: int | None = None
) -> Terms:
    """The version that follows, or the newest one where nothing differs.

    `booked_through` is the last month in which orders are booked.
    `TermRefused` when a frozen term differs, a rule lacks its baseline, or orders are booked on another basis.
    """
    asked = _amended(command, books) if isinstance(command, BaselineTold) else _inherited(command, books)
    _check_rule(asked)
    running = month_of(now, zone(asked.time_zone))
    if not books.versions:
        connected = month_of(asked.connected_at, zone(asked.time_zone))
        return _version(asked, 1, min(asked.effective_month or connected, connected))
    latest = books.versions[-1]
    if asked.time_zone != latest.time_zone:
        raise TermRefused(f"the time zone is frozen as {latest.time_zone}", reason="TIME_ZONE_FROZEN")
    if asked.currency != latest.currency:
        raise TermRefused(f"the settlement currency is frozen as {latest.currency}", reason="CURRENCY_FROZEN")
    if asked.effective_month is None and _version(asked, latest.version, latest.effective_month) == latest:
        return latest
    earliest = books.versions[0] if isinstance(command, TermsAsked) and _wins(command, latest) else latest
    month = _month(asked, books, running, earliest)
    if asked.rule is Rule.ENDED:
        asked = dataclasses.replace(asked, basis=books.terms_for(month).basis)
    _check_basis(asked, books, month, booked_through)
    return _version(asked, latest.version + 1, month)


def superseded(books: Books) -> dict[int, int]:
    """Versions by which no month is settled, because a later one came into force no later; and which one."""
    found: dict[int, int] = {}
    for at, terms in enumerate(books.versions):
        for later in books.versions[at + 1 :]:
            if later.effective_month <= terms.effective_month:
                found[terms.version] = later.version
                break
    return found


def _wins(asked: TermsAsked, latest: Terms) -> bool:
    """Whether versions for months to come give way: to an end, and to the contract of a new connection."""
    return asked.rule is Rule.ENDED or asked.connected_at > latest.connected_at


def _month(asked: TermsAsked, books: Books, running: int, earliest: Terms) -> int:
    """The first month of a version, open and not before that of `earliest`."""
    month = asked.effective_month
    if month is None:
        month = running if _only_baseline_differs(asked, books.versions[-1]) else running + 1
        month = max(books.open_month(month), earliest.effective_month)
    elif asked.ended_at is not None:
        month = books.open_month(month)
    if books.closed_through is not None and month <= books.closed_through:
        raise TermRefused(f"{month_text(month)} is closed", reason="MONTH_CLOSED")
    if month < earliest.effective_month:
        raise TermRefused(
            f"version {earliest.version} is in force from {month_text(earliest.effective_month)} on",
            reason="VERSION_ORDER",
        )
    return month


def _check_rule(asked: TermsAsked) -> None:
    """A rule comes with what it needs, and with nothing else."""
    rule = asked.rule.name.lower()
    if asked.rule.needs_baseline and (asked.baseline is None or not asked.baseline.complete):
        raise TermRefused(f"the rule {rule} needs a baseline of twelve months", reason="BASELINE_INCOMPLETE")
    if asked.rule.by_experiment != bool(asked.experiment_id):
        wanted = "names its experiment" if asked.rule.by_experiment else "has no experiment"
        raise TermRefused(f"a contract by the rule {rule} {wanted}", reason="EXPERIMENT_MISMATCH")
    if asked.ended_at is not None and asked.rule is not Rule.ENDED:
        raise TermRefused(
            f"a contract with the moment of its end has the rule ended, got {rule}", reason="END_MISMATCH"
        )


def _check_basis(asked: TermsAsked, books: Books, month: int, booked_through: int | None) -> None:
    """One basis to a month, and one to an experiment: what was booked or read on one cannot be stated on another."""
    for terms in books.versions:
        if asked.experiment_id and asked.experiment_id == terms.experiment_id and asked.basis is not terms.basis:
            raise TermRefused(
                f"the experiment {asked.experiment_id} is read on {terms.basis.name.lower()}, got "
                f"{asked.basis.name.lower()}: bill another basis on an experiment of its own",
                reason="EXPERIMENT_BASIS",
            )
    in_force = books.terms_for(month)
    if asked.basis is in_force.basis or booked_through is None or booked_through < month:
        return
    raise TermRefused(
        f"{month_text(booked_through)} holds orders booked on {in_force.basis.name.lower()}: another basis can come "
        f"into force from {month_text(booked_through + 1)} on, got {month_text(month)}",
        reason="BASIS_BOOKED",
    )


def _amended(told: BaselineTold, books: Books) -> TermsAsked:
    """The newest version's terms with another baseline."""
    if not books.versions:
        raise NoContract(told.store_id)
    latest = books.versions[-1]
    if told.currency != latest.currency:
        raise TermRefused(
            f"the baseline is in {told.currency}, the contract settles in {latest.currency}", reason="CURRENCY_FROZEN"
        )
    if told.basis is not latest.basis:
        raise BaselineDiffers(
            f"the baseline counts {told.basis.name.lower()}, the contract {latest.basis.name.lower()}"
        )
    return TermsAsked(
        store_id=told.store_id,
        fee_rate_ppm=latest.fee_rate_ppm,
        basis=latest.basis,
        rule=latest.rule,
        currency=latest.currency,
        time_zone=latest.time_zone,
        connected_at=latest.connected_at,
        baseline=told.baseline,
        effective_month=told.effective_month,
        experiment_id=latest.experiment_id,
        ended_at=latest.ended_at,
    )


def _inherited(asked: TermsAsked, books: Books) -> TermsAsked:
    """Without a baseline of its own a version goes on with the one before, as long as it counts the same amount.

    A new connection does not: its baseline is that of the twelve months before it.
    """
    if asked.baseline is not None or not books.versions:
        return asked
    latest = books.versions[-1]
    if latest.basis is not asked.basis or latest.connected_at < asked.connected_at:
        return asked
    return dataclasses.replace(asked, baseline=latest.baseline)


def _only_baseline_differs(asked: TermsAsked, latest: Terms) -> bool:
    same = dataclasses.replace(latest, baseline=asked.baseline)
    return _version(asked, latest.version, latest.effective_month) == same


def _version(asked: TermsAsked, version: int, month: int) -> Terms:
    return Terms(
        store_id=asked.store_id,
        version=version,
        fee_rate_ppm=asked.fee_rate_ppm,
        basis=asked.basis,
        rule=asked.rule,
        currency=asked.currency,
        time_zone=asked.time_zone,
        connected_at=asked.connected_at,
        baseline=asked.baseline,
        effective_month=month,
        experiment_id=asked.experiment_id,
        ended_at=asked.ended_at,
    )
