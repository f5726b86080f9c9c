"""The learned model taught by an experiment in PostgreSQL, against the simulator's truth."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from databases import tables_of
from integration.orchestrator.attribution.taught import AS_OF, DAY, START, Taught, teach
from kiki.commerce.tables import OWNER as COMMERCE
from kiki.kit.clock import FixedClock
from kiki.kit.database import Database
from kiki.kit.errors import InvalidInput
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.attribution.calibration import brier, expected_calibration_error
from kiki.orchestrator.attribution.from_experiment import Lesson, learn_from
from kiki.orchestrator.attribution.learned_model import LearnedModel
from kiki.orchestrator.attribution.model import Case, Rules, Touch
from kiki.orchestrator.experiments import outcomes, repository
from kiki.orchestrator.experiments.assignment import HOLDOUT, TREATED
from kiki.orchestrator.experiments.outcomes import Question, SampleRow
from kiki.orchestrator.experiments.reading import read
from kiki.orchestrator.experiments.registration import Metric
from kiki.orchestrator.experiments.schedule import experiment_jobs
from kiki.orchestrator.experiments.tables import OWNER as EXPERIMENTS
from kiki.sandbox.visitors import World

WORLD = World(users=30_000, holdout_share=0.3, effect=0.1)


dsn = tables_of(COMMERCE, EXPERIMENTS)


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    async with Database.open(dsn, application_name="test", max_size=2) as opened:
        yield opened


async def ask(database: Database, taught: Taught, **more: object) -> tuple[Question, list[SampleRow]]:
    question = Question(taught.experiment, AS_OF, "EUR", net_sales=True)
    question = dataclasses.replace(question, **more)  # type: ignore[arg-type]  # the fields of a test's case
    async with database.transaction() as connection:
        return question, await outcomes.samples(connection, question, treated=TREATED)


def decided(lesson: Lesson, taught: Taught) -> np.ndarray:
    """The confidence that the model gives each order, from the case that the worker would make of it."""
    model, people = LearnedModel(lesson.parameters, "candidate"), taught.visitors
    placed = START + 4 * DAY
    found = []
    for at in np.flatnonzero(people.ordered).tolist():
        seen = (Touch("t", "camp-1", "view", START + DAY),) if people.exposed[at] else ()
        facts = (("returning_customer", float(people.returning[at])),)
        case = Case(f"o-{at}", placed, seen, None, (), Rules(), (), facts)
        found.append(float(model.decide(case).confidence))
    return np.array(found)


@pytest.mark.slow
async def test_what_an_experiment_teaches_is_calibrated_against_the_truth(database: Database) -> None:
    async with database.transaction() as connection:
        taught = await teach(connection, WORLD)
    question, rows = await ask(database, taught)
    people = taught.visitors
    assert sum(row.people for row in rows) == WORLD.users
    assert len(rows) < 2_000, "as many rows as there are kinds of people, however many people"
    for arm, who in ((HOLDOUT, people.holdout), (TREATED, ~people.holdout)):
        assert sum(row.people for row in rows if row.arm == arm and row.ordered) == int((who & people.ordered).sum())
    assert sum(row.people for row in rows if row.exposed) == int(people.exposed.sum())
    assert round(sum(row.amount for row in rows)) == int(people.amount_minor.sum())

    lesson = learn_from(rows, question)
    confidence, truth = decided(lesson, taught), people.caused[people.ordered].astype(np.float64)
    constant = np.full(len(truth), truth.mean())
    assert brier(confidence, truth) < brier(constant, truth) - 0.02
    assert expected_calibration_error(confidence, truth) < 0.03
    assert confidence.sum() == pytest.approx(truth.sum(), rel=0.2)
    told = lesson.report["cross_validated"]
    treated = ~people.holdout[people.ordered]
    assert told["brier"] == pytest.approx(brier(confidence[treated], truth[treated]), abs=0.02)
    assert told["brier"] < told["brier_constant"]
    assert told["ece"] < 3 * told["ece_by_chance"]
    assert told["order_chance"]["brier"] < told["order_chance"]["brier_constant"]
    origin = lesson.report["learned_from"]
    assert (origin["experiment_id"], origin["plan_digest"]) == ("autumn", taught.experiment.plan.digest())
    assert (origin["treated"], origin["held_out"]) == (int((~people.holdout).sum()), int(people.holdout.sum()))
    assert lesson.report["users"] == WORLD.users
    again = learn_from((await ask(database, taught))[1], question)
    assert again.parameters.fingerprint == lesson.parameters.fingerprint, "the same people teach the same"


@pytest.mark.slow
async def test_ads_that_do_nothing_teach_that_they_cause_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        taught = await teach(connection, dataclasses.replace(WORLD, effect=0.0), seed=11)
    question, rows = await ask(database, taught)
    lesson = learn_from(rows, question)
    assert lesson.report["mean_confidence_exposed"] < 3 * lesson.report["standard_error"] + 0.02


@pytest.mark.parametrize(
    ("world", "leaks", "reason"),
    [
        (World(users=400, holdout_share=0.1), 0, "TOO_LITTLE_DATA"),
        (World(users=6_000, holdout_share=0.3), 120, "BAD_HOLDOUT"),
    ],
    ids=["few buyers", "contaminated"],
)
async def test_an_experiment_that_cannot_teach_is_refused(
    database: Database, world: World, leaks: int, reason: str
) -> None:
    async with database.transaction() as connection:
        taught = await teach(connection, world, leaks=leaks)
    question, rows = await ask(database, taught)
    with pytest.raises(InvalidInput) as refused:
        learn_from(rows, question)
    assert refused.value.reason == reason


async def test_arms_that_did_not_fill_as_planned_teach_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        taught = await teach(connection, World(users=6_000, holdout_share=0.3))
    question, rows = await ask(database, taught)
    with pytest.raises(InvalidInput, match=r"30.0% were planned"):
        learn_from([row for row in rows if row.arm == TREATED or row.fold < 8], question)


async def test_the_registered_metric_says_what_an_order_is(database: Database) -> None:
    """Of orders that were given back in full, net metrics count none, and gross revenue all."""
    async with database.transaction() as connection:
        taught = await teach(connection, World(users=2_000, holdout_share=0.3))
        await connection.execute(
            "INSERT INTO commerce.order_refunds SELECT store_id, order_id, '1', total_minor, currency, placed_at,"
            " placed_at, false FROM commerce.orders"
        )
    buyers = int(taught.visitors.ordered.sum())
    net = sum(row.people for row in (await ask(database, taught))[1] if row.ordered)
    gross_plan = dataclasses.replace(taught.experiment.plan, metric=Metric.REVENUE)
    gross = await ask(database, taught, experiment=dataclasses.replace(taught.experiment, plan=gross_plan))
    assert (net, sum(row.people for row in gross[1] if row.ordered)) == (0, buyers)


async def test_a_contact_counts_for_an_order_in_the_attribution_window_before_it(database: Database) -> None:
    async with database.transaction() as connection:
        taught = await teach(connection, World(users=2_000, holdout_share=0.3))
    people = taught.visitors
    wide = (await ask(database, taught))[1]
    narrow = (await ask(database, taught, attribution_window=dt.timedelta(hours=12)))[1]
    seen = int((people.exposed & people.ordered).sum())
    assert sum(row.people for row in wide if row.ordered and row.exposed) == seen > 0
    assert not [row for row in narrow if row.ordered and row.exposed], "contacts lie two or three days before"


@pytest.mark.slow
async def test_exposures_are_logged_once_and_outlive_the_touchpoints(database: Database) -> None:
    async with database.transaction() as connection:
        taught = await teach(connection, World(users=3_000, holdout_share=0.3, effect=0.2), leaks=20)
        first = await outcomes.record_exposures(connection, taught.experiment, AS_OF)
        second = await outcomes.record_exposures(connection, taught.experiment, AS_OF + DAY)
    people = taught.visitors
    contacts = np.where(people.exposed, np.maximum(1, people.clicks), 0).sum()
    assert (first, second) == (int(contacts) + 20, 0)
    question = Question(taught.experiment, AS_OF, "EUR", net_sales=True)
    async with database.transaction() as connection:
        before = await outcomes.find(connection, question)
        await connection.execute("DELETE FROM commerce.touchpoints")
        after = await outcomes.find(connection, question)
    assert before == after
    held_out, treated = before.moments
    assert (held_out.exposed, held_out.contacts) == (20, 20)
    assert (treated.exposed, treated.contacts) == (int(people.exposed.sum()), int(contacts))
    assert {(row.campaign_id, row.arm, row.people) for row in before.reach} == {
        ("camp-1", HOLDOUT, 20),
        ("camp-1", TREATED, treated.exposed),
    }
    told = read(taught.experiment, before.moments, AS_OF, "EUR", before.reach).document["exposure"]
    assert told["contamination"]["rate"] == pytest.approx(20 / people.holdout.sum())
    assert told["campaigns"] == [{"campaign_id": "camp-1", HOLDOUT: 20, TREATED: treated.exposed}]
    effect = told["complier_effect"]["order_rate"]
    low, high = effect["interval"]
    assert low < people.caused.sum() / people.exposed.sum() < high, "what ads did to those whom they reached"
    with pytest.raises(Exception, match="what was logged stays"):
        async with database.transaction() as connection:
            await connection.execute("DELETE FROM experiments.exposures")


class _Unguarded:
    """A job's way to the database, without a lease."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def lock(self, connection: object) -> None:
        """Nobody else runs it."""


async def test_the_worker_logs_the_exposures_of_experiments_that_are_not_final(database: Database) -> None:
    async with database.transaction() as connection:
        taught = await teach(connection, World(users=300, holdout_share=0.3))
    _, job = experiment_jobs(sealer=Sealer(Keyring.parse(Keyring.generate())), clock=FixedClock(AS_OF))
    guard: Any = _Unguarded(database)
    for _ in range(2):
        await job.run(guard)
    async with database.connection() as connection:
        (counted,) = await repository.count_exposures(connection, taught.experiment)
    assert (counted.arm, counted.subjects) == (TREATED, int(taught.visitors.exposed.sum()))
    assert counted.first_at == START + DAY
