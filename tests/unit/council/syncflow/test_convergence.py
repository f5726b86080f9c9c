"""A campaign at a network that loses answers and that others use as well: whatever happens, in whatever order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from kiki.council.syncflow import plan
from kiki.council.syncflow.domain import PauseReason, ProductState, SeenCampaign, Standing
from kiki.council.syncflow.plan import ACTIVE, PAUSED, Step
from properties import examples

PRODUCTS = ("1", "2")
SOLD_OUT = frozenset({PauseReason.OUT_OF_STOCK})
WHOLE = ""


@dataclass
class Network:
    """One campaign by the network's own rules, and who paused what."""

    revision: int = 1
    by_person: bool = True
    statuses: dict[str, str] = field(default_factory=lambda: dict.fromkeys((WHOLE, *PRODUCTS), ACTIVE))
    paused_by: dict[str, str] = field(default_factory=dict)
    delayed: tuple[Step, int] | None = None

    def seen(self) -> SeenCampaign:
        products = {key: status for key, status in self.statuses.items() if key != WHOLE}
        return SeenCampaign(
            status=self.statuses[WHOLE],
            revision=self.revision,
            bid_minor=100,
            budget_minor=5_000,
            name="",
            by_person=self.by_person,
            products=products,
        )

    def set(self, target: str, status: str, who: str) -> None:
        if self.statuses[target] == status:
            return
        if status == ACTIVE and who == "us":
            assert self.paused_by[target] == "us", f"{target!r} was paused by {self.paused_by[target]}"
        self.statuses[target] = status
        self.paused_by[target] = who
        self.revision += 1
        self.by_person = who == "person"

    def arrive(self) -> None:
        """What was on its way takes effect, if the campaign is still as it was based on."""
        if self.delayed is not None:
            (step, revision), self.delayed = self.delayed, None
            if revision == self.revision:
                self.set(step.product_id, step.status, "us")


def drive(
    network: Network,
    standing: Standing,
    sold_out: frozenset[str],
    answers: list[str],
    promoted: Collection[str] = PRODUCTS,
) -> Standing:
    """Until nothing is left to do, or an answer stays away; each answer says what becomes of the next change."""
    states = {
        name: ProductState(store_id=1, product_id=name, reasons=SOLD_OUT if name in sold_out else frozenset())
        for name in PRODUCTS
    }
    standing = plan.observed(standing, network.seen())
    for _ in range(30):
        kept = plan.kept_products(standing, promoted)
        want = plan.wanted([states[name] for name in promoted], standing.products, [states[name] for name in kept])
        standing = plan.settled(want, standing)
        step = plan.next_step(want, standing, may_bid=False)
        if step is None:
            return standing
        if step.is_read:
            standing = plan.observed(standing, network.seen())
            continue
        standing = plan.attempt(step, standing, "r")
        answer = answers.pop() if answers else "done"
        if answer in ("program", "person"):
            network.set(step.product_id, step.status, answer)
        made = standing.attempt
        assert made is not None
        if answer == "delayed":
            network.arrive()
            network.delayed = (step, made.base_revision)
            return standing
        if answer == "nothing":
            return standing
        if made.base_revision != network.revision:
            standing = plan.denied(standing)
            continue
        network.set(step.product_id, step.status, "us")
        if answer == "lost":
            return standing
        standing = plan.confirmed(standing, network.seen())
    raise AssertionError("does not come to rest")


_answers = st.lists(st.sampled_from(["done", "done", "lost", "nothing", "delayed"]), max_size=4)
_sold_out = st.frozensets(st.sampled_from(PRODUCTS))


@given(st.lists(st.tuples(_sold_out, _answers, st.booleans()), max_size=8))
@settings(max_examples=examples(400))
def test_what_only_we_touch_ends_as_it_is_wanted_however_answers_are_lost(
    turns: list[tuple[frozenset[str], list[str], bool]],
) -> None:
    network, standing = Network(), Standing()
    for sold_out, answers, arrives in turns:
        standing = drive(network, standing, sold_out, list(answers))
        if arrives:
            network.arrive()
    network.arrive()
    standing = drive(network, standing, frozenset(PRODUCTS), [])
    assert network.statuses[WHOLE] == PAUSED
    standing = drive(network, standing, frozenset(), [])
    assert set(network.statuses.values()) == {ACTIVE}
    assert not standing.product_owners
    assert standing.owner is None


_promoted = st.frozensets(st.sampled_from(PRODUCTS)).map(sorted)


@given(st.lists(st.tuples(_sold_out, _promoted, _answers, st.booleans()), max_size=8))
@settings(max_examples=examples(400))
def test_what_is_promoted_no_longer_waits_for_stock_and_runs_again(
    turns: list[tuple[frozenset[str], list[str], list[str], bool]],
) -> None:
    network, standing = Network(), Standing()
    for sold_out, promoted, answers, arrives in turns:
        stood = {name for name in sold_out if PAUSED in (network.statuses[WHOLE], network.statuses[name])}
        standing = drive(network, standing, sold_out, list(answers), promoted)
        if not answers:
            for name in sold_out & (stood | set(promoted)):
                assert PAUSED in (network.statuses[WHOLE], network.statuses[name]), "ads for what is sold out"
        if arrives:
            network.arrive()  # A resume that was asked for before is seen at the next reading.
    network.arrive()
    standing = drive(network, standing, frozenset(), [], ())
    assert set(network.statuses.values()) == {ACTIVE}, "nothing of ours is left standing"
    assert not standing.product_owners


_others = st.tuples(st.sampled_from([WHOLE, *PRODUCTS]), st.sampled_from([ACTIVE, PAUSED]))
_mixed = st.lists(st.sampled_from(["done", "done", "program", "person"]), max_size=4)


@given(st.lists(st.tuples(_sold_out, _mixed, st.lists(_others, max_size=3), st.booleans()), max_size=8))
@settings(max_examples=examples(600))
def test_what_others_paused_is_never_resumed(
    turns: list[tuple[frozenset[str], list[str], list[tuple[str, str]], bool]],
) -> None:
    """Every answer is heard, so that nobody can be taken for somebody else; `Network.set` looks at each resume."""
    network, standing = Network(), Standing()
    for sold_out, answers, others, persons in turns:
        standing = drive(network, standing, sold_out, list(answers))
        for target, status in others:
            network.set(target, status, "person" if persons else "program")
    drive(network, standing, frozenset(), [])
