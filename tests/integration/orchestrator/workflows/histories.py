"""Made-up histories of a shop, told in any order; and what the default rule says of each order once all is known."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from integration.orchestrator.workflows.shop import NOW

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
WINDOW = 30 * DAY
PEOPLE = 3


@dataclass(frozen=True)
class Bought:
    """An order; a guest tells an address only."""

    name: str
    buyer: int
    at: dt.datetime
    guest: bool
    visitor: bool
    """Whether it names the buyer's browser."""
    visit: dt.timedelta | None
    """How long before it a visit by our campaign began that it tells of."""
    promoted: bool
    paid: bool

    @property
    def who(self) -> set[str]:
        told = {f"u{self.buyer}"} if self.guest else {f"c{self.buyer}", f"u{self.buyer}"}
        return told | ({f"v{self.buyer}"} if self.visitor else set())


@dataclass(frozen=True)
class Clicked:
    """A contact, by the customer's id or by a browser."""

    name: str
    who: str
    at: dt.datetime


@dataclass(frozen=True)
class Returned:
    """A refund of an order, whole or half."""

    order: str
    name: str
    whole: bool


@dataclass(frozen=True)
class Paid:
    """An order again, now paid."""

    order: str


@dataclass(frozen=True)
class Deleted:
    """An order that is gone."""

    order: str


@dataclass(frozen=True)
class Joined:
    """Two customers are one."""

    kept: int
    gone: int


Told = Bought | Clicked | Returned | Paid | Deleted | Joined


@dataclass(frozen=True)
class History:
    """Everything that happens in a shop, in the order in which it is told."""

    told: list[Told]
    seed: int

    @classmethod
    def of(cls, seed: int) -> History:
        draw = random.Random(seed)
        told: list[Told] = [_bought(draw, f"{number:02}") for number in range(draw.randint(2, 7))]
        orders = [each for each in told if isinstance(each, Bought)]
        for number in range(draw.randint(0, 4)):
            who = f"{draw.choice('cv')}{draw.randrange(PEOPLE)}"
            told.append(Clicked(f"t{number}", who, NOW - draw.randint(2, 80 * 24) * HOUR))
        for each in orders:
            if not each.paid and draw.random() < 0.7:
                told.append(Paid(each.name))
            if draw.random() < 0.3:
                told += [Returned(each.name, f"r{part}", draw.random() < 0.6) for part in range(draw.randint(1, 2))]
            if draw.random() < 0.1:
                told.append(Deleted(each.name))
        if draw.random() < 0.6:
            kept, gone = draw.sample(range(PEOPLE), 2)
            told.append(Joined(kept, gone))
        draw.shuffle(told)
        return cls(told, draw.getrandbits(32))


def _bought(draw: random.Random, name: str) -> Bought:
    guest = draw.random() < 0.2
    visits = (None, None, dt.timedelta(0), HOUR, 12 * DAY)
    return Bought(
        name=name,
        buyer=draw.randrange(PEOPLE),
        at=NOW - draw.choice((draw.randint(1, 70 * 24), 100, 400)) * HOUR,
        guest=guest,
        visitor=not guest and draw.random() < 0.4,
        visit=draw.choice(visits),
        promoted=draw.random() < 0.5,
        paid=draw.random() < 0.8,
    )


@dataclass
class Truth:
    """What is right about every order, by the rule alone: nothing of the code under test."""

    history: History
    connected_at: dt.datetime
    approved: set[str] = field(default_factory=set)
    """Orders for which a person's word stands."""
    _person: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in self.history.told:
            match each:
                case Bought():
                    self._tie(each.who)
                case Joined():
                    self._tie({f"c{each.kept}", f"c{each.gone}"})

    def of(self) -> dict[str, tuple[str, Decimal]]:
        """Verdict and confidence by order."""
        orders = [each for each in self.history.told if isinstance(each, Bought)]
        return {each.name: self._decided(each, orders) for each in orders}

    def _decided(self, order: Bought, orders: list[Bought]) -> tuple[str, Decimal]:
        if not self._live(order):
            return "none", Decimal(0)
        whose = self._who(order)
        first = min((each for each in orders if self._who(each) == whose), key=lambda each: (each.at, each.name))
        found = Decimal("0.5") * self._clicked(order, orders) + Decimal("0.3") * order.promoted
        if first is not order and not self._reversed(first.name) and self._decided(first, orders)[0] == "incremental":
            found += Decimal("0.5")
        confidence = min(found, Decimal(1))
        ours = order.name in self.approved or confidence >= Decimal("0.7")
        return "incremental" if ours else "touched" if found else "none", confidence

    def _clicked(self, order: Bought, orders: list[Bought]) -> bool:
        whose, times = self._who(order), list[dt.datetime]()
        for each in orders:
            if each.visit is not None and self._live(each) and self._who(each) == whose:
                times.append(each.at - each.visit)
        times += [each.at for each in self._clicks() if self._find(each.who) == whose]
        return any(order.at - WINDOW <= at <= order.at for at in times)

    def _clicks(self) -> Iterable[Clicked]:
        return (each for each in self.history.told if isinstance(each, Clicked))

    def _reversed(self, order: str) -> bool:
        returned = [each for each in self.history.told if isinstance(each, Returned) and each.order == order]
        halves = sum(2 if each.whole else 1 for each in {each.name: each for each in returned}.values())
        return halves >= 2 or any(isinstance(each, Deleted) and each.order == order for each in self.history.told)

    def _live(self, order: Bought) -> bool:
        return order.at >= self.connected_at

    def _who(self, order: Bought) -> str:
        return self._find(next(iter(order.who)))

    def _find(self, token: str) -> str:
        while (up := self._person.get(token, token)) != token:
            token = up
        return token

    def _tie(self, tokens: set[str]) -> None:
        first, *others = sorted(tokens)
        for token in others:
            self._person[self._find(token)] = self._find(first)
