"""Use cases of a store's experiments: register, start, deal, read, and hand a month's reading to SyncLedger.

Callers own the transactions. `reading.py` and the statistics behind it are imported on the first reading, in a thread:
neither the portal nor a worker pays for them before.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kiki.commerce.people import IdentityKind
from kiki.commerce.stores import StoreConnection
from kiki.kit.database import Connection, Database
from kiki.kit.digest import event_id
from kiki.kit.errors import FailedPrecondition, InvalidInput, NotFound
from kiki.kit.grpc.money import minor_to_proto
from kiki.kit.grpc.times import time_to_proto
from kiki.kit.sealing import Sealer
from kiki.orchestrator.calls.intents import CallIntent, enqueue
from kiki.orchestrator.experiments import outcomes, repository
from kiki.orchestrator.experiments.outcomes import Found, Question
from kiki.orchestrator.experiments.plans import Expected, Experiment, Status
from kiki.orchestrator.experiments.registration import Metric, Registration
from kiki.orchestrator.experiments.repository import CUSTOMER, VISITOR, Logged, ReadingRow
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows.identities import identities
from kiki.rpc.v1 import syncledger_pb2

if TYPE_CHECKING:
    from kiki.orchestrator.experiments.reading import Reading

MAX_SUBJECTS = 1_000
BY_EXPERIMENT = "experiment_"
"""How the contract rules that bill on an experiment begin."""


@dataclass(frozen=True, slots=True)
class Dealt:
    """A subject as it was given, its arm, and whether this request dealt it."""

    subject: str
    arm: str
    logged_at: dt.datetime
    new: bool


async def register(
    connection: Connection,
    *,
    store_id: int,
    experiment_id: str,
    plan: Registration,
    expected: Expected,
    actor: str,
    now: dt.datetime,
) -> Experiment:
    """Add an experiment, or change the plan of one that has not started; the same plan again changes nothing."""
    known = await repository.find(connection, store_id, experiment_id, lock="FOR UPDATE")
    if known is not None:
        changed = known.changed(plan, expected, now)
        if changed != known:
            await repository.put(connection, changed)
        return changed
    if plan.ends_at <= now:
        raise InvalidInput(f"an experiment ends in the future, got {plan.ends_at.isoformat()}", reason="ALREADY_OVER")
    new = Experiment(store_id, experiment_id, plan, expected, Status.DRAFT, now, actor)
    await repository.put(connection, new)
    return new


async def move(
    connection: Connection, store_id: int, experiment_id: str, what: str, now: dt.datetime
) -> tuple[Experiment, bool]:
    """Start, end or cancel; the experiment, and whether anything changed."""
    known = await repository.get(connection, store_id, experiment_id, lock="FOR UPDATE")
    if what == "start":
        moved = known.start(now)
    elif what == "end":
        moved = known.end(now)
    else:
        moved = known.cancel(now, readings=await repository.count_readings(connection, known))
    if moved != known:
        await repository.put(connection, moved)
    return moved, moved != known


async def assign(
    connection: Connection,
    sealer: Sealer,
    experiment: Experiment,
    kind: str,
    subjects: Sequence[str],
    now: dt.datetime,
) -> list[Dealt]:
    """Deal subjects, logged by the transaction's end; give the answer after it.

    The experiment is locked by the caller, so that it does not end meanwhile. Who is known keeps arm and time, also
    after the end; new subjects are refused then. A visitor's own id is dealt by and never kept.
    """
    if len(subjects) > MAX_SUBJECTS:
        raise InvalidInput(f"at most {MAX_SUBJECTS} subjects at once, got {len(subjects)}", reason="TOO_MANY_SUBJECTS")
    split = experiment.plan.split()
    arms = {subject: split.assign(subject).arm for subject in subjects}
    keys = {subject: _key(sealer, experiment.store_id, kind, subject) for subject in arms}
    before = {row.subject: row for row in await repository.find_logged(connection, experiment, kind, keys.values())}
    fresh = [subject for subject in arms if keys[subject] not in before]
    if fresh:
        experiment.check_assigning(now)
        if kind == CUSTOMER:
            await _check_known(connection, experiment.store_id, fresh)
        dealt = [(keys[subject], arms[subject]) for subject in fresh]
        await repository.log(connection, experiment, kind, dealt, now)
        rows = await repository.find_logged(connection, experiment, kind, [key for key, _ in dealt])
        before |= {row.subject: row for row in rows}
    new = set(fresh)
    return [_dealt(subject, before[keys[subject]], subject in new) for subject in subjects]


async def read_now(database: Database, experiment: Experiment, store: StoreConnection, as_of: dt.datetime) -> Reading:
    """What the experiment shows up to a moment. Raises `FailedPrecondition` for one that did not start."""
    async with database.transaction() as connection:
        found = await find_outcomes(connection, experiment, store, as_of)
    return await compute(experiment, found, as_of, store.settled_in)


async def find_outcomes(
    connection: Connection, experiment: Experiment, store: StoreConnection, as_of: dt.datetime
) -> Found:
    """The arms' moments and exposures, in the caller's transaction."""
    return await outcomes.find(connection, question_of(experiment, store, as_of))


def question_of(experiment: Experiment, store: StoreConnection, as_of: dt.datetime) -> Question:
    """What the shop is asked about an experiment. Raises `FailedPrecondition` for one that did not start."""
    experiment.check_readable()
    settings = store.settings
    window = dt.timedelta(days=settings.attribution_window_days)
    return Question(experiment, as_of, store.settled_in, settings.basis == "net_sales", window)


async def compute(experiment: Experiment, found: Found, as_of: dt.datetime, currency: str) -> Reading:
    """The statistics, off the event loop."""

    def work() -> Reading:
        from kiki.orchestrator.experiments.reading import read

        return read(experiment, found.moments, as_of, currency, found.reach)

    return await asyncio.to_thread(work)


async def record(
    connection: Connection,
    sealer: Sealer,
    experiment: Experiment,
    reading: Reading,
    *,
    month: str,
    actor: str,
    now: dt.datetime,
) -> tuple[ReadingRow, bool]:
    """Keep a month's reading and tell SyncLedger of it; the row, and whether it is new.

    One that says nothing new, or is from before the newest known, changes nothing: told twice is billed once. A suspect
    one is kept and not told, nor is one of an experiment that was not registered on net revenue.
    """
    locked = await repository.get(connection, experiment.store_id, experiment.experiment_id, lock="FOR UPDATE")
    latest = await repository.find_latest_reading(connection, locked, month)
    row = _row(locked, reading, month, latest.revision + 1 if latest else 1, actor, now)
    if latest is not None and (row.as_of < latest.as_of or _says(row) == _says(latest)):
        return latest, False
    await repository.add_reading(connection, row)
    await outcomes.record_exposures(connection, locked, now)
    if row.told:
        await enqueue(connection, sealer, [reading_intent(locked, row)])
    return row, True


def reading_intent(experiment: Experiment, row: ReadingRow) -> CallIntent:
    """The call that hands a reading to SyncLedger; its event id names experiment, month and revision."""
    identity = event_id(row.store_id, "experiment_reading", f"{row.experiment_id}:{row.month}", row.revision)
    year, month = (int(part) for part in row.month.split("-"))
    request = syncledger_pb2.RecordExperimentReadingRequest(
        store_id=row.store_id,
        event_id=identity,
        lane=int(Lane.LIVE),  # type: ignore[arg-type]  # an IntEnum with the numbers of the protocol
        experiment_id=row.experiment_id,
        month=syncledger_pb2.BillingMonth(year=year, month=month),
        revision=row.revision,
        estimate=minor_to_proto(row.estimate_minor, row.currency),
        lower_bound=minor_to_proto(row.lower_bound_minor, row.currency),
        started_at=time_to_proto(begins_at(experiment)),
        as_of=time_to_proto(row.as_of),
        users=row.users,
        final=row.final,
        plan_digest=experiment.plan.digest(),
    )
    subject = f"experiment:{row.experiment_id}"
    return CallIntent(
        store_id=row.store_id,
        agent="syncledger",
        method="RecordExperimentReading",
        lane=Lane.LIVE,
        entity=subject,
        subject=subject,
        event_id=identity,
        request=request.SerializeToString(),
    )


def begins_at(experiment: Experiment) -> dt.datetime:
    """When the first subject can have been dealt."""
    return max(experiment.plan.starts_at, experiment.started_at or experiment.plan.starts_at)


def reading_time(experiment: Experiment, store: StoreConnection, month: str, now: dt.datetime) -> dt.datetime:
    """Up to when a month's reading counts: its end in the store's time zone, or now while it runs.

    Raises `InvalidInput` for a month that has not begun, or was over before the experiment began.
    """
    begin, end = month_span(month, store.timezone)
    if begin >= now:
        raise InvalidInput(f"the month {month} has not begun in {store.timezone}", reason="MONTH_NOT_BEGUN")
    if end <= begins_at(experiment):
        raise InvalidInput(f"the experiment began after {month}", reason="BEFORE_EXPERIMENT")
    return min(end, now)


def month_span(month: str, timezone: str) -> tuple[dt.datetime, dt.datetime]:
    """First and first-after instant of a calendar month written 2026-03."""
    year, number = (int(part) for part in month.split("-"))
    zone = ZoneInfo(timezone)
    begin = dt.datetime(year, number, 1, tzinfo=zone)
    end = dt.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return begin.astimezone(dt.UTC), end.astimezone(dt.UTC)


def months_over(experiment: Experiment, timezone: str, now: dt.datetime) -> list[str]:
    """The months of an experiment that are over, up to the one in which its last window closes, oldest first."""
    found = []
    month = month_at(begins_at(experiment), timezone)
    last = month_at(experiment.closes_at, timezone)
    while month <= last and (end := month_span(month, timezone)[1]) <= now:
        found.append(month)
        month = month_at(end, timezone)
    return found


def month_at(at: dt.datetime, timezone: str) -> str:
    """The calendar month of an instant, as 2026-03."""
    return f"{at.astimezone(ZoneInfo(timezone)):%Y-%m}"


async def check_billable(connection: Connection, store_id: int, experiment_id: str) -> None:
    """Whether a contract may bill on an experiment: it exists, counts net revenue, and was not taken back."""
    experiment = await repository.get(connection, store_id, experiment_id)
    if experiment.plan.metric is not Metric.NET_REVENUE or experiment.status is Status.CANCELLED:
        raise FailedPrecondition(
            f"a contract bills on an experiment on {Metric.NET_REVENUE.value} that was not cancelled; this one is "
            f"{experiment.status} on {experiment.plan.metric.value}",
            reason="NOT_BILLABLE",
        )


async def check_basis_free(connection: Connection, store_id: int, experiment_id: str) -> None:
    """Whether the store, whose contract bills on `experiment_id` (empty: on none), may count another amount of orders.

    Readings count what the store counts: a month must not be read on one amount and billed on another, nor its reading
    be compared with one on another amount.
    """
    unread = await repository.find_unread(connection, store_id)
    if unread is not None:
        raise FailedPrecondition(
            f"the experiment {unread} is read on the store's basis: change that after its last reading",
            reason="BASIS_READ",
        )
    read = await repository.find(connection, store_id, experiment_id) if experiment_id else None
    if read is not None and await repository.count_readings(connection, read):
        raise FailedPrecondition(
            f"the experiment {experiment_id} was read on another basis: bill this one on an experiment of its own",
            reason="BASIS_READ",
        )


def document_of(reading: Reading, experiment: Experiment) -> dict[str, Any]:
    """A reading as it is answered."""
    return {
        "store_id": experiment.store_id,
        "experiment_id": experiment.experiment_id,
        "status": experiment.status.value,
        "plan_digest": experiment.plan.digest(),
        **reading.document,
    }


def _key(sealer: Sealer, store_id: int, kind: str, subject: str) -> str:
    """What is kept of a subject: a customer's key is opaque already, a visitor's id becomes its blind index."""
    if kind == CUSTOMER:
        return subject
    if kind != VISITOR:
        raise InvalidInput(f"a subject is a {CUSTOMER} or a {VISITOR}, got {kind[:20]!r}", reason="BAD_SUBJECT")
    ((_, number, value),) = identities(sealer, store_id, first_party_id=subject)
    assert number == IdentityKind.FIRST_PARTY, "a first-party id gives one identity of its kind"
    return value.hex()


async def _check_known(connection: Connection, store_id: int, keys: Sequence[str]) -> None:
    unknown = await repository.find_unknown_customer(connection, store_id, keys)
    if unknown is not None:
        at = list(keys).index(unknown)
        raise NotFound(f"new subject {at + 1} of {len(keys)} is no customer of the store", reason="UNKNOWN_CUSTOMER")


def _dealt(subject: str, row: Logged, new: bool) -> Dealt:
    return Dealt(subject, row.arm, row.logged_at, new)


def _row(
    experiment: Experiment, reading: Reading, month: str, revision: int, actor: str, now: dt.datetime
) -> ReadingRow:
    return ReadingRow(
        store_id=experiment.store_id,
        experiment_id=experiment.experiment_id,
        month=month,
        revision=revision,
        as_of=reading.as_of,
        currency=reading.currency,
        estimate_minor=reading.estimate,
        error_minor=reading.error,
        low_minor=reading.interval[0],
        high_minor=reading.interval[1],
        lower_bound_minor=reading.lower_bound,
        users=reading.users,
        decision=reading.decision.value,
        final=reading.as_of >= experiment.closes_at,
        told=reading.billable and experiment.plan.metric is Metric.NET_REVENUE,
        document=document_of(reading, experiment),
        recorded_at=now,
        recorded_by=actor,
    )


def _says(row: ReadingRow) -> tuple[object, ...]:
    return (row.as_of, row.currency, row.estimate_minor, row.lower_bound_minor, row.users, row.decision, row.final)
