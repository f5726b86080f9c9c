"""Reading deliveries and replaying them: for the portal and the command line."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from kiki.kit.database import Connection, Record
from kiki.kit.errors import InvalidInput, NotFound
from kiki.kit.sealing import Sealer
from kiki.orchestrator.inbox.bodies import open_body
from kiki.orchestrator.lanes import PARTITIONS, Lane, partition_of

STATUSES = ("waiting", "parked", "settled", "ignored", "dead")
MAX_PAGE = 500
MAX_REPLAYED = 10_000

_VIEW = """
SELECT d.store_id, d.delivery_id, d.received_at, d.platform, d.topic, d.origin, d.lane, d.triggered_at,
       octet_length(d.body) AS sealed_bytes,
       CASE WHEN q.seq IS NOT NULL THEN 'waiting' WHEN p.seq IS NOT NULL THEN 'parked'
            ELSE coalesce(o.status, 'waiting') END AS status,
       CASE WHEN q.seq IS NOT NULL THEN '' ELSE coalesce(p.reason, o.reason, '') END AS reason,
       coalesce(p.attempts, o.attempts, 0) AS attempts, p.retry_at,
       CASE WHEN q.seq IS NULL AND p.seq IS NULL THEN o.finished_at END AS finished_at,
       coalesce(q.run, p.run, o.run, 0) AS run
FROM {source}
LEFT JOIN LATERAL (
    SELECT seq, run FROM inbox.queue
    WHERE partition = ANY($1::smallint[]) AND store_id = d.store_id AND delivery_id = d.delivery_id LIMIT 1
) q ON {waits}
LEFT JOIN LATERAL (
    SELECT seq, run, reason, attempts, retry_at FROM inbox.parked
    WHERE store_id = d.store_id AND delivery_id = d.delivery_id ORDER BY run DESC LIMIT 1
) p ON true
LEFT JOIN LATERAL (
    SELECT run, status, reason, attempts, finished_at FROM inbox.outcomes
    WHERE store_id = d.store_id AND delivery_id = d.delivery_id AND received_at = d.received_at
    ORDER BY run DESC LIMIT 1
) o ON true
"""
_FILTER = """
WHERE ($2::bigint IS NULL OR d.store_id = $2) AND ($3::text IS NULL OR d.topic = $3)
  AND ($4::timestamptz IS NULL OR d.received_at >= $4) AND ($5::timestamptz IS NULL OR d.received_at < $5)
  AND ($6::bigint IS NULL OR d.delivery_id < $6)
"""
_LAST_RUN = " AND o.run = w.run"
"""Of a delivery that was replayed how its last run ended counts, and it is listed once."""
_ONE = "inbox.deliveries d"
_QUEUED = """inbox.queue w JOIN inbox.deliveries d
    ON d.store_id = w.store_id AND d.delivery_id = w.delivery_id AND d.received_at = w.received_at"""
_PARKED = """inbox.parked w JOIN inbox.deliveries d
    ON d.store_id = w.store_id AND d.delivery_id = w.delivery_id AND d.received_at = w.received_at"""
_BURIED = """inbox.dead_letters w JOIN inbox.deliveries d
    ON d.store_id = w.store_id AND d.delivery_id = w.delivery_id AND d.received_at = w.received_at
    AND w.resolved_at IS NULL"""
_FINISHED = """inbox.outcomes w JOIN inbox.deliveries d
    ON d.store_id = w.store_id AND d.delivery_id = w.delivery_id AND d.received_at = w.received_at
    AND w.status = '{status}'"""
_SOURCES = {
    None: _ONE,
    "waiting": _QUEUED,
    "parked": _PARKED,
    "dead": _BURIED,
    "settled": _FINISHED.format(status="settled"),
    "ignored": _FINISHED.format(status="ignored"),
}
_BY_OUTCOME = ("settled", "ignored")
_RUNS = """
SELECT run, status, reason, attempts, finished_at, ''::text AS detail FROM inbox.outcomes
WHERE store_id = $1 AND delivery_id = $2 AND status <> 'dead'
UNION ALL
SELECT run, 'dead', reason, attempts, died_at, detail FROM inbox.dead_letters
WHERE store_id = $1 AND delivery_id = $2
UNION ALL
SELECT run, 'parked', reason, attempts, NULL, detail FROM inbox.parked WHERE store_id = $1 AND delivery_id = $2
ORDER BY run
"""
_DEAD_OF = """
SELECT count(*) FROM inbox.dead_letters l JOIN inbox.deliveries d USING (store_id, delivery_id)
WHERE l.store_id = $1 AND l.resolved_at IS NULL AND d.origin = $2
"""
_CONTENT = "SELECT headers, signature, sha256, body FROM inbox.deliveries WHERE store_id = $1 AND delivery_id = $2"
_REPLAY = """
WITH wanted AS MATERIALIZED (
    SELECT w.store_id, w.delivery_id, w.partition, last.run + 1 AS run, last.received_at
    FROM unnest($1::bigint[], $2::bigint[], $3::smallint[]) AS w (store_id, delivery_id, partition)
    CROSS JOIN LATERAL (
        SELECT run, received_at FROM inbox.outcomes o
        WHERE o.store_id = w.store_id AND o.delivery_id = w.delivery_id ORDER BY run DESC LIMIT 1
    ) last
), asked AS (
    INSERT INTO inbox.replays (store_id, delivery_id, run, requested_at, requested_by)
    SELECT store_id, delivery_id, run, now(), $4 FROM wanted ORDER BY store_id, delivery_id
    ON CONFLICT DO NOTHING RETURNING store_id, delivery_id
), resolved AS (
    UPDATE inbox.dead_letters l SET resolved_at = now() FROM asked
    WHERE l.store_id = asked.store_id AND l.delivery_id = asked.delivery_id AND l.resolved_at IS NULL
)
INSERT INTO inbox.queue (partition, lane, store_id, delivery_id, run, received_at)
SELECT w.partition, $5, w.store_id, w.delivery_id, w.run, w.received_at
FROM wanted w JOIN asked USING (store_id, delivery_id) ORDER BY w.delivery_id
"""


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; what is None does not matter."""

    status: str | None = None
    store_id: int | None = None
    topic: str | None = None
    received_from: dt.datetime | None = None
    received_before: dt.datetime | None = None
    before_id: int | None = None
    """The cursor: the `delivery_id` at the end of the page before."""

    def __post_init__(self) -> None:
        if self.status is not None and self.status not in STATUSES:
            raise InvalidInput(
                f"a status is one of {', '.join(STATUSES)}, got {self.status[:20]!r}", reason="UNKNOWN_STATUS"
            )


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One delivery as a list shows it."""

    store_id: int
    delivery_id: int
    received_at: dt.datetime
    platform: str
    topic: str
    origin: str
    lane: Lane
    triggered_at: str
    sealed_bytes: int
    status: str
    reason: str
    attempts: int
    retry_at: dt.datetime | None
    finished_at: dt.datetime | None
    run: int


@dataclass(frozen=True, slots=True)
class RunView:
    """How one run of a delivery stands or ended."""

    run: int
    status: str
    reason: str
    attempts: int
    finished_at: dt.datetime | None
    detail: str


@dataclass(frozen=True, slots=True)
class DeliveryDetail:
    """One delivery with all that is known of it; the body is in clear and may hold personal data."""

    view: DeliveryView
    runs: Sequence[RunView]
    headers: dict[str, str]
    signature: str
    sha256: bytes
    body: bytes


async def list_deliveries(connection: Connection, wanted: DeliveryFilter, *, limit: int = 100) -> list[DeliveryView]:
    """Newest first, page by page."""
    sql = _VIEW.format(source=_SOURCES[wanted.status], waits=_waits(wanted.status))
    rows = await connection.fetch(
        f"{sql}{_FILTER}{_LAST_RUN if wanted.status in _BY_OUTCOME else ''} ORDER BY d.delivery_id DESC LIMIT $7",
        _partitions(wanted.store_id),
        wanted.store_id,
        wanted.topic,
        wanted.received_from,
        wanted.received_before,
        wanted.before_id,
        min(limit, MAX_PAGE),
    )
    return [_view(row) for row in rows]


async def get_delivery(connection: Connection, sealer: Sealer, delivery_id: int) -> DeliveryDetail:
    """Raises `NotFound`."""
    sql = _VIEW.format(source=_ONE, waits="true")
    row = await connection.fetchrow(f"{sql} WHERE d.delivery_id = $2", _partitions(None), delivery_id)
    if row is None:
        raise NotFound(f"there is no delivery {delivery_id}", reason="UNKNOWN_DELIVERY")
    view = _view(row)
    content = await connection.fetchrow(_CONTENT, view.store_id, delivery_id)
    if content is None:
        raise NotFound(f"delivery {delivery_id} is not kept any more", reason="UNKNOWN_DELIVERY")
    runs = [RunView(*run) for run in await connection.fetch(_RUNS, view.store_id, delivery_id)]
    body = open_body(sealer, content["body"], view.store_id)
    return DeliveryDetail(
        view,
        runs,
        msgspec.json.decode(content["headers"], type=dict[str, str]),
        content["signature"],
        content["sha256"],
        body,
    )


async def replay(connection: Connection, delivery_ids: Sequence[int], *, requested_by: str) -> int:
    """Queue finished deliveries again in the bulk lane, in the caller's transaction; how many.

    What still waits is passed over, and of two requests at once one counts. Harmless for what already took effect:
    effects are named by their business facts.
    """
    rows = await connection.fetch(
        "SELECT store_id, delivery_id FROM inbox.deliveries WHERE delivery_id = ANY($1::bigint[])", list(delivery_ids)
    )
    pairs = sorted((row[0], row[1]) for row in rows)
    waiting = await _waiting(connection, pairs)
    pairs = [pair for pair in pairs if pair not in waiting]
    if not pairs:
        return 0
    status = await connection.execute(
        _REPLAY,
        [pair[0] for pair in pairs],
        [pair[1] for pair in pairs],
        [partition_of(pair[0]) for pair in pairs],
        requested_by,
        int(Lane.BULK),
    )
    await connection.execute("SELECT pg_notify('kiki_inbox', $1)", str(int(Lane.BULK)))
    return int(status.rpartition(" ")[2])


async def replay_filtered(
    connection: Connection, wanted: DeliveryFilter, *, limit: int = MAX_REPLAYED, requested_by: str
) -> int:
    """`replay` of what the filter names, the newest first, up to `limit`; looks at 10,000 deliveries at most."""
    done = 0
    for _ in range(MAX_REPLAYED // MAX_PAGE):
        views = await list_deliveries(connection, wanted, limit=min(MAX_PAGE, limit - done))
        if not views:
            break
        done += await replay(connection, [view.delivery_id for view in views], requested_by=requested_by)
        if done >= limit:
            break
        wanted = dataclasses.replace(wanted, before_id=views[-1].delivery_id)
    return done


async def count_dead(connection: Connection, store_id: int, *, origin: str) -> int:
    """How many deliveries of a store and origin are dead and were not replayed."""
    count: int = await connection.fetchval(_DEAD_OF, store_id, origin)
    return count


async def _waiting(connection: Connection, pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of which a run is still to come."""
    ids = [pair[1] for pair in pairs]
    partitions = sorted({partition_of(pair[0]) for pair in pairs})
    rows = await connection.fetch(
        "SELECT store_id, delivery_id FROM inbox.queue"
        " WHERE partition = ANY($1::smallint[]) AND delivery_id = ANY($2::bigint[])"
        " UNION SELECT store_id, delivery_id FROM inbox.parked WHERE delivery_id = ANY($2::bigint[])",
        partitions,
        ids,
    )
    return {(row[0], row[1]) for row in rows}


def _waits(status: str | None) -> str:
    """Whether a listed delivery may still wait: finished ones that do are listed as finished and waiting alike."""
    return "true" if status in (None, "waiting") else "false"


def _partitions(store_id: int | None) -> list[int]:
    return list(range(PARTITIONS)) if store_id is None else [partition_of(store_id)]


def _view(row: Record) -> DeliveryView:
    values = dict(row)
    return DeliveryView(**{**values, "lane": Lane(values["lane"])})
