"""What the shop's own orders and touchpoints say of logged people: SQL over whole stores, set-based.

A person counts once, in the arm that was logged first: visitors are led to the customers that they turned out to be,
and merged customers to the one that is left. Contacts are touchpoints that lead to a registered campaign, by the very
index that decisions use, from the assignment to the end of the person's window.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

from kiki.commerce.people import IdentityKind
from kiki.kit.database import Connection
from kiki.kit.money import exponent
from kiki.orchestrator.attribution.campaigns import CampaignIndex
from kiki.orchestrator.experiments.plans import Experiment
from kiki.orchestrator.experiments.registration import Metric
from kiki.orchestrator.experiments.repository import CUSTOMER, VISITOR
from kiki.orchestrator.workflows.caches import known_campaigns

FOLDS = 10
"""Parts into which people fall, by a hash of their key: what cross-validation leaves out in turn."""
_CURRENCIES = "SELECT DISTINCT currency FROM commerce.orders WHERE store_id = $1 AND placed_at >= $2 AND placed_at < $3"
_LINKS = """
SELECT DISTINCT coalesce(campaign_id, ''), coalesce(utm_campaign, ''), coalesce(utm_id, '') FROM commerce.touchpoints
WHERE store_id = $1 AND at >= $2 AND at < $3
"""

# Parameters: store, experiment, as of, window.
_PEOPLE = f"""
WITH RECURSIVE given AS (
    SELECT kind, subject, arm, logged_at FROM experiments.assignments
    WHERE store_id = $1 AND experiment_id = $2 AND logged_at < $3
), merged (subject, person) AS (
    SELECT subject, subject FROM given WHERE kind = '{CUSTOMER}'
    UNION
    SELECT m.subject, c.merged_into FROM merged m
    JOIN commerce.customers c ON c.store_id = $1 AND c.customer_key = m.person
    WHERE c.merged_into IS NOT NULL
), known AS (
    SELECT m.person, g.arm, g.logged_at, g.kind, g.subject FROM given g
    JOIN merged m ON m.subject = g.subject
    LEFT JOIN commerce.customers c ON c.store_id = $1 AND c.customer_key = m.person
    WHERE g.kind = '{CUSTOMER}' AND c.merged_into IS NULL
    UNION ALL
    SELECT coalesce(i.customer_key, 'visitor ' || g.subject), g.arm, g.logged_at, g.kind, g.subject FROM given g
    LEFT JOIN commerce.identities i ON i.store_id = $1 AND i.kind = {IdentityKind.FIRST_PARTY.value}
        AND i.value = decode(g.subject, 'hex')
    WHERE g.kind = '{VISITOR}'
), people AS (
    SELECT DISTINCT ON (person) person, arm, logged_at, kind, subject FROM known ORDER BY person, logged_at, subject
)"""
# The same, and of links that lead to a campaign: campaign id, utm_campaign, utm_id, and where they lead.
_STORED = """
ours AS (
    SELECT * FROM unnest($5::text[], $6::text[], $7::text[], $8::text[]) AS o(campaign, utm_campaign, utm_id, leads_to)
), stored AS (
    SELECT p.person, p.arm, p.kind, p.subject, t.touchpoint_id, t.kind AS contact, t.at, o.leads_to AS campaign_id
    FROM people p
    JOIN commerce.touchpoints t ON t.store_id = $1 AND t.customer_key = p.person
    JOIN ours o ON o.campaign = coalesce(t.campaign_id, '') AND o.utm_campaign = coalesce(t.utm_campaign, '')
        AND o.utm_id = coalesce(t.utm_id, '')
    WHERE t.at >= p.logged_at AND t.at <= p.logged_at + $4::interval AND t.at < $3
)"""
_CONTACTS = f"""{_STORED}, contacts AS (
    SELECT person, touchpoint_id, campaign_id FROM stored
    UNION
    SELECT p.person, e.touchpoint_id, e.campaign_id FROM experiments.exposures e
    JOIN known k ON k.kind = e.kind AND k.subject = e.subject
    JOIN people p ON p.person = k.person
    WHERE e.store_id = $1 AND e.experiment_id = $2
        AND e.at >= p.logged_at AND e.at <= p.logged_at + $4::interval AND e.at < $3
), reached AS (
    SELECT person, count(DISTINCT touchpoint_id) AS contacts FROM contacts GROUP BY person
)"""
# The same, and: basis is net, settlement currency, currencies, their scale, start.
_ORDERS = """valued AS (
    SELECT p.person, o.order_id, o.placed_at, o.placed_at >= p.logged_at AS after, o.live,
        o.placed_at >= $13 AND o.placed_at < p.logged_at AND o.live AS too_soon,
        o.placed_at > p.logged_at + $4::interval AS too_late,
        CASE WHEN $9 THEN o.net_minor ELSE o.total_minor END * scales.scale * CASE
            WHEN o.currency = $10 THEN 1
            WHEN o.settlement_currency = $10 AND o.exchange_rate ~ '^[0-9]{1,12}([.][0-9]{1,18})?$'
                THEN o.exchange_rate::float8
        END AS gross,
        CASE WHEN o.cancelled_at < $3 THEN 0 WHEN o.total_minor <= 0 THEN 1
            ELSE 1 - least(1.0, coalesce(r.refunded, 0)::float8 / o.total_minor) END AS kept
    FROM people p
    JOIN commerce.orders o ON o.store_id = $1 AND o.customer_key = p.person
    JOIN unnest($11::text[], $12::float8[]) AS scales(currency, scale) ON scales.currency = o.currency
    LEFT JOIN LATERAL (
        SELECT sum(f.amount_minor) AS refunded FROM commerce.order_refunds f
        WHERE f.store_id = $1 AND f.order_id = o.order_id AND f.refunded_at < $3
    ) r ON true
    WHERE o.placed_at >= least(p.logged_at - $4::interval, $13) AND o.placed_at < $3
        AND o.paid_at < $3 AND NOT o.is_test AND (o.deleted_at IS NULL OR o.deleted_at >= $3)
)"""
_MOMENTS = f"""{_PEOPLE}, {_CONTACTS}, {_ORDERS}, sums AS (
    SELECT person,
        count(*) FILTER (WHERE after AND live AND NOT too_late) AS orders,
        bool_or(after AND live AND NOT too_late AND kept > 0) AS bought,
        sum(gross) FILTER (WHERE after AND live AND NOT too_late) AS gross,
        sum(gross * kept) FILTER (WHERE after AND live AND NOT too_late) AS net,
        sum(gross * kept) FILTER (WHERE NOT after) AS earlier,
        count(*) FILTER (WHERE too_soon) AS too_soon,
        count(*) FILTER (WHERE after AND live AND too_late) AS too_late,
        count(*) FILTER (WHERE after AND live AND NOT too_late AND gross IS NULL) AS unpriced
    FROM valued GROUP BY person
)
SELECT p.arm, count(*) AS users,
    count(*) FILTER (WHERE s.bought) AS buyers,
    coalesce(sum(s.orders), 0)::bigint AS orders,
    avg(coalesce(s.gross, 0))::float8, coalesce(var_samp(coalesce(s.gross, 0)), 0)::float8,
    avg(coalesce(s.net, 0))::float8, coalesce(var_samp(coalesce(s.net, 0)), 0)::float8,
    avg(coalesce(s.earlier, 0))::float8, coalesce(var_samp(coalesce(s.earlier, 0)), 0)::float8,
    coalesce(sum(s.too_soon), 0)::bigint, coalesce(sum(s.too_late), 0)::bigint,
    coalesce(sum(s.unpriced), 0)::bigint,
    (SELECT count(*) FROM (SELECT FROM known GROUP BY person HAVING count(DISTINCT arm) > 1) AS twice),
    count(r.person), coalesce(sum(r.contacts), 0)::bigint,
    count(r.person) FILTER (WHERE s.bought),
    coalesce(sum(s.gross) FILTER (WHERE r.person IS NOT NULL), 0)::float8,
    coalesce(sum(s.net) FILTER (WHERE r.person IS NOT NULL), 0)::float8
FROM people p LEFT JOIN sums s ON s.person = p.person LEFT JOIN reached r ON r.person = p.person
GROUP BY p.arm ORDER BY p.arm
"""
_BY_CAMPAIGN = f"""{_PEOPLE}, {_CONTACTS}
SELECT c.campaign_id, p.arm, count(DISTINCT c.person), count(DISTINCT c.touchpoint_id)
FROM contacts c JOIN people p ON p.person = c.person GROUP BY c.campaign_id, p.arm
ORDER BY c.campaign_id, p.arm
"""
_RECORD = f"""{_PEOPLE}, {_STORED}
INSERT INTO experiments.exposures
    (store_id, experiment_id, kind, subject, touchpoint_id, arm, campaign_id, contact, at, recorded_at)
SELECT $1, $2, kind, subject, touchpoint_id, arm, campaign_id, contact, at, $3 FROM stored
ON CONFLICT DO NOTHING
"""
# The same as moments, and: attribution window, whether refunds count.
_SAMPLES = f"""{_PEOPLE}, {_CONTACTS}, {_ORDERS}, bought AS (
    SELECT person, min(placed_at) AS first_at,
        coalesce(sum(gross * CASE WHEN $15 THEN kept ELSE 1 END), 0) AS amount
    FROM valued WHERE after AND live AND NOT too_late AND (kept > 0 OR NOT $15) GROUP BY person
), met AS (
    SELECT DISTINCT b.person FROM bought b
    JOIN commerce.touchpoints t ON t.store_id = $1 AND t.customer_key = b.person
        AND t.at >= b.first_at - $14::interval AND t.at <= b.first_at
    JOIN ours o ON o.campaign = coalesce(t.campaign_id, '') AND o.utm_campaign = coalesce(t.utm_campaign, '')
        AND o.utm_id = coalesce(t.utm_id, '')
), rows AS (
    SELECT p.arm, get_byte(sha256(convert_to(p.person, 'UTF8')), 0) % {FOLDS} AS fold,
        coalesce(c.first_order_at < p.logged_at, false) AS returning_customer,
        CASE WHEN c.first_order_at < p.logged_at
            THEN floor(extract(epoch FROM p.logged_at - c.first_order_at) / 86400)::int ELSE 0 END AS age,
        CASE WHEN b.person IS NULL OR p.arm <> $16 THEN r.person IS NOT NULL ELSE m.person IS NOT NULL END AS exposed,
        b.person IS NOT NULL AS ordered, coalesce(b.amount, 0) AS amount
    FROM people p
    LEFT JOIN commerce.customers c ON c.store_id = $1 AND c.customer_key = p.person
    LEFT JOIN bought b ON b.person = p.person
    LEFT JOIN met m ON m.person = p.person
    LEFT JOIN reached r ON r.person = p.person
)
SELECT arm, fold, returning_customer,
    CASE WHEN age < 30 THEN age ELSE least(age / 30, 400) * 30 + 15 END AS age, exposed, ordered,
    count(*), sum(amount)::float8
FROM rows GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
"""
# Whole stores are read: not by look-ups as the worker's batches do, and longer than a request may usually take.
_SETTINGS = (
    "enable_seqscan = on",
    "enable_hashjoin = on",
    "enable_mergejoin = on",
    "work_mem = '64MB'",
    "statement_timeout = '5min'",
)
_SECONDS = 300.0


class ArmMoments(NamedTuple):
    """What an arm's people did, amounts in minor units of the settlement currency."""

    arm: str
    users: int
    buyers: int
    orders: int
    gross_mean: float
    gross_variance: float
    net_mean: float
    net_variance: float
    earlier_mean: float
    """Of the window before each one's assignment."""
    earlier_variance: float
    before_assignment: int
    after_window: int
    unpriced: int
    """Orders in a currency without a rate; they count as nothing."""
    in_two_arms: int
    """People of the whole experiment who were dealt twice, under different keys; the first counts."""
    exposed: int = 0
    """People who had a contact with a campaign of ours after their assignment."""
    contacts: int = 0
    exposed_buyers: int = 0
    exposed_gross: float = 0.0
    """What the exposed spent, a sum."""
    exposed_net: float = 0.0


class CampaignReach(NamedTuple):
    """People of an arm whom a campaign reached after their assignment, and how often."""

    campaign_id: str
    arm: str
    people: int
    contacts: int


class SampleRow(NamedTuple):
    """People of an experiment who are alike in everything that a learned model looks at."""

    arm: str
    fold: int
    """0 to 9, by the person's key."""
    returning_customer: bool
    """At the assignment."""
    customer_age_days: int
    """At the assignment, since the first order: whole days in the first month, then the middle of 30 days."""
    exposed: bool
    """Treated buyers: a contact in the attribution window before the order. All others: one after the assignment."""
    ordered: bool
    people: int
    amount: float
    """Of all of them together, in minor units, by the registered metric."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the shop's orders."""

    experiment: Experiment
    as_of: dt.datetime
    currency: str
    net_sales: bool
    attribution_window: dt.timedelta = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Found:
    """The arms' moments, and which campaigns reached whom."""

    moments: list[ArmMoments]
    reach: list[CampaignReach]


async def find(connection: Connection, question: Question) -> Found:
    """What each arm's people did: live, paid orders that are no test, placed within the window after the assignment.

    All as it was at `as_of`: later payments, refunds and cancellations do not count yet. Wants a transaction.
    """
    links = await _prepare(connection, question)
    money = await _money(connection, question)
    rows = await connection.fetch(_MOMENTS, *_people(question), *links, *money, timeout=_SECONDS)
    reach = await connection.fetch(_BY_CAMPAIGN, *_people(question), *links, timeout=_SECONDS)
    return Found([ArmMoments(*row) for row in rows], [CampaignReach(*row) for row in reach])


async def samples(connection: Connection, question: Question, *, treated: str) -> list[SampleRow]:
    """The experiment's people as a model learns from them, counted by what they have in common.

    At most some 14,000 rows, however many people there are. Wants a transaction.
    """
    links = await _prepare(connection, question)
    after_refunds = question.experiment.plan.metric is not Metric.REVENUE
    rows = await connection.fetch(
        _SAMPLES,
        *_people(question),
        *links,
        *await _money(connection, question),
        question.attribution_window,
        after_refunds,
        treated,
        timeout=_SECONDS,
    )
    return [SampleRow(*row) for row in rows]


async def record_exposures(connection: Connection, experiment: Experiment, now: dt.datetime) -> int:
    """Append the exposures of logged people that are not in the log yet; how many. Wants a transaction."""
    question = Question(experiment, now, "", net_sales=False)
    links = await _prepare(connection, question)
    if not links[0]:
        return 0
    tag = await connection.execute(_RECORD, *_people(question), *links, timeout=_SECONDS)
    return int(tag.rpartition(" ")[2])


def _people(question: Question) -> tuple[int, str, dt.datetime, dt.timedelta]:
    experiment = question.experiment
    window = dt.timedelta(days=experiment.plan.window_days)
    return experiment.store_id, experiment.experiment_id, question.as_of, window


async def _prepare(connection: Connection, question: Question) -> tuple[list[str], ...]:
    """Settings for a long look, and the links of stored touchpoints that lead to a campaign, in columns."""
    for setting in _SETTINGS:
        await connection.execute(f"SET LOCAL {setting}")
    experiment = question.experiment
    index = CampaignIndex((await known_campaigns(connection, [experiment.store_id]))[experiment.store_id])
    found: tuple[list[str], ...] = ([], [], [], [])
    if not index:
        return found
    since = experiment.plan.starts_at - question.attribution_window
    async for row in connection.cursor(_LINKS, experiment.store_id, since, question.as_of, prefetch=1_000):
        campaign_id, utm_campaign, utm_id = row
        leads_to = index.find(campaign_id=campaign_id, utm_campaign=utm_campaign, utm_id=utm_id)
        if leads_to is not None:
            for column, value in zip(found, (*row, leads_to), strict=True):
                column.append(value)
    return found


async def _money(connection: Connection, question: Question) -> tuple[object, ...]:
    plan, window = question.experiment.plan, dt.timedelta(days=question.experiment.plan.window_days)
    rows = await connection.fetch(_CURRENCIES, question.experiment.store_id, plan.starts_at - window, question.as_of)
    currencies = [row[0] for row in rows]
    scales = [10.0 ** (exponent(question.currency) - exponent(currency)) for currency in currencies]
    return question.net_sales, question.currency, currencies, scales, plan.starts_at
