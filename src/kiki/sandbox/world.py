"""The truth: what happens in a simulated shop, told as deliveries, and what must follow, computed here on its own.

A `World` is one shop with its catalogue, campaigns and buyers. It is deterministic by seed and start; its time is its
own and moves by `step` per purchase. `run()` gives the deliveries in the order in which things happen (`disorder` in
`disturbance` makes trouble of it), and `truth` grows with them: it is complete when they are all taken.

So that the truth depends neither on the order of arrival nor on how fast ads are paused:

- goods that run out and come back are advertised but not bought in here;
- a buyer's next order comes at least `revisit_after` later, and only buyers whose first order stood come again;
- a buyer who once came by a click of ours comes again only by a click.
"""

from __future__ import annotations

import datetime as dt
import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from kiki.sandbox.catalogue import ACQUIRED_WEIGHT, CLICK_WEIGHT, PROMOTED_WEIGHT, make_buyer, make_product
from kiki.sandbox.goods import Buyer, GivenBack, Line, Order, Product, Visit
from kiki.sandbox.shop import Delivery, Shop

PLENTY = 1_000_000
_THRESHOLD = 70
_REVIEW_BELOW = 50
_CAP = 100
_SECOND = dt.timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSettings:
    """How a shop's days look; shares are between 0 and 1."""

    seed: int = 1
    purchases: int | None = 100
    """None: without end."""
    start: dt.datetime
    """The first instant; later than the store's connection."""
    step: dt.timedelta = dt.timedelta(seconds=1)
    products: int = 12
    stockouts_every: int | None = 15
    """A product runs out at every so many purchases, and is back some purchases later; None: never."""
    first_id: int = 1000
    campaign_share: float = 0.4
    foreign_share: float = 0.1
    promoted_share: float = 0.5
    returning_share: float = 0.35
    guest_share: float = 0.15
    unpaid_share: float = 0.25
    """Orders that are paid later, or never."""
    refund_share: float = 0.15
    cancel_share: float = 0.05
    edit_share: float = 0.05
    test_share: float = 0.03
    revisit_after: dt.timedelta = dt.timedelta(seconds=20)
    remember: int = 0
    """How many of the newest orders are kept, for the shop's own API to show."""


@dataclass(frozen=True, slots=True)
class WorldCampaign:
    """A campaign of ours: what is registered, and what the ad network holds."""

    campaign_id: str
    name: str
    utm_campaign: str
    product_ids: tuple[int, ...]
    bid_minor: int
    daily_budget_minor: int


@dataclass(slots=True)
class OrderTruth:
    """What must be known of one order in the end."""

    net_minor: int
    total_minor: int
    confidence_percent: int
    campaign_id: str | None
    placed_at: dt.datetime
    is_test: bool = False
    is_paid: bool = False
    is_cancelled: bool = False
    refunds: dict[int, int] = field(default_factory=dict)
    """Refund id → amount in minor units."""

    @property
    def is_incremental(self) -> bool:
        return self.confidence_percent >= _THRESHOLD

    @property
    def is_billable(self) -> bool:
        return self.is_incremental and self.is_paid and not self.is_test

    @property
    def needs_review(self) -> bool:
        return 0 < self.confidence_percent < _REVIEW_BELOW and not self.is_test

    @property
    def reversed_minor(self) -> int:
        """The part of the revenue that refunds take back, in proportion to what was charged, rounded half up."""
        refunded = min(sum(self.refunds.values()), self.total_minor)
        return (2 * self.net_minor * refunded + self.total_minor) // (2 * self.total_minor) if refunded else 0


@dataclass(slots=True)
class Truth:
    """What must be there when every delivery is finished."""

    orders: dict[int, OrderTruth] = field(default_factory=dict)
    accounts: set[int] = field(default_factory=set)
    sold_out: set[int] = field(default_factory=set)
    """Products that cannot be bought now: their ads stand still."""
    stockouts: int = 0
    restocks: int = 0
    deliveries: int = 0

    @property
    def billable(self) -> dict[int, OrderTruth]:
        return {order_id: order for order_id, order in self.orders.items() if order.is_billable}

    @property
    def incremental_minor(self) -> int:
        """Incremental revenue before refunds."""
        return sum(order.net_minor for order in self.billable.values())

    @property
    def reversed_minor(self) -> int:
        return sum(order.reversed_minor for order in self.billable.values())


@dataclass(slots=True)
class _Regular:
    """A buyer who may come again."""

    buyer: Buyer
    clicked: bool
    acquired: bool
    from_: dt.datetime
    is_new: bool = False


class World:
    """One shop's story."""

    def __init__(self, shop: Shop, settings: WorldSettings) -> None:
        self.shop, self.settings = shop, settings
        self.truth = Truth()
        self.now = settings.start
        self.orders: deque[Order] = deque(maxlen=settings.remember)
        self._random = random.Random(f"{settings.seed}/{shop.store_key}")
        self._ids = count(settings.first_id)
        self._numbers = count(1001)
        self._agenda: list[tuple[dt.datetime, int, Callable[[], list[Delivery]]]] = []
        self._turns = count()
        self._regulars: list[_Regular] = []
        self.products = [self._make_product(number) for number in range(settings.products)]
        third = max(1, settings.products // 3)
        self._promoted, self._plain = self.products[:third], self.products[third : 2 * third]
        self._scarce = self.products[2 * third :]
        self.campaigns = tuple(self._make_campaigns())

    def run(self) -> Iterator[Delivery]:
        """All that happens, in order; takes `truth` along."""
        for delivery in self._story():
            self.truth.deliveries += 1
            yield delivery

    def clicks(self) -> list[tuple[str, str]]:
        """Clicks of buyers who come by our campaigns anyway, as a shop's tracking could tell: (e-mail, campaign id)."""
        regulars = [regular.buyer.email for regular in self._regulars if regular.clicked]
        return [(email, self.campaigns[0].campaign_id) for email in regulars]

    def _story(self) -> Iterator[Delivery]:
        for product in self.products:
            yield from self.shop.product_created(product, self.now)
        numbers = count(1) if self.settings.purchases is None else range(1, self.settings.purchases + 1)
        for number in numbers:
            self.now += self.settings.step
            yield from self._due(self.now)
            yield from self._purchase()
            if self.settings.stockouts_every and number % self.settings.stockouts_every == 0 and self._scarce:
                yield from self._run_out(self._scarce[number // self.settings.stockouts_every % len(self._scarce)])
        yield from self._due(None)

    def _due(self, until: dt.datetime | None) -> Iterator[Delivery]:
        while self._agenda and (until is None or self._agenda[0][0] <= until):
            at, _, happen = heapq.heappop(self._agenda)
            self.now = max(self.now, at)
            yield from happen()

    def _later(self, steps: tuple[int, int], happen: Callable[[], list[Delivery]]) -> None:
        """Something that follows, steps of at least a second later: platforms tell whole seconds."""
        wait = max(self.settings.step, _SECOND) * self._random.randint(*steps)
        heapq.heappush(self._agenda, (self.now + wait, next(self._turns), happen))

    def _purchase(self) -> list[Delivery]:
        chance = self._random.random
        regular, made = self._choose_buyer()
        clicks = regular.clicked or (not regular.acquired and chance() < self.settings.campaign_share)
        promoted = clicks or regular.acquired or chance() < self.settings.promoted_share / 2
        visit = self._visit(ours=clicks, foreign=not clicks and chance() < self.settings.foreign_share)
        order = self._make_order(regular.buyer, self._promoted if promoted else self._plain, visit)
        confidence = min(
            _CAP,
            CLICK_WEIGHT * clicks + ACQUIRED_WEIGHT * regular.acquired + PROMOTED_WEIGHT * promoted,
        )
        self.truth.orders[order.order_id] = OrderTruth(
            net_minor=order.net_minor,
            total_minor=order.total_minor,
            confidence_percent=confidence,
            campaign_id=self._campaign_of(visit) if clicks else None,
            placed_at=order.placed_at,
            is_test=order.is_test,
        )
        self.orders.append(order)
        self._fate(order, regular, clicks=clicks, incremental=confidence >= _THRESHOLD)
        return [*made, *self.shop.purchased(order, self.now)]

    def _choose_buyer(self) -> tuple[_Regular, list[Delivery]]:
        """A regular, or somebody new with what the shop tells about a new account."""
        chance = self._random.random
        ready = [regular for regular in self._regulars[:50] if regular.from_ <= self.now]
        if ready and chance() < self.settings.returning_share:
            chosen = ready[int(chance() * len(ready))]
            self._regulars.remove(chosen)
            return chosen, []
        guest = chance() < self.settings.guest_share
        number = next(self._ids)
        buyer = make_buyer(self._random, number, self.now, guest=guest)
        newcomer = _Regular(buyer, clicked=False, acquired=False, from_=self.now, is_new=True)
        if guest:
            return newcomer, []
        self.truth.accounts.add(number)
        return newcomer, self.shop.customer_created(buyer, self.now)

    def _make_order(self, buyer: Buyer, shelf: list[Product], visit: Visit | None) -> Order:
        chance = self._random.random
        lines = []
        for product in self._random.sample(shelf, k=min(len(shelf), self._random.randint(1, 3))):
            item = self._random.choice(product.items)
            line = Line(next(self._ids), product, item, self._random.randint(1, 3))
            line.discount_minor = line.gross_minor // 10 if chance() < 0.2 else 0
            for location in item.stock:
                item.stock[location] -= line.quantity
                break
            product.updated_at = self.now
            lines.append(line)
        return Order(
            order_id=next(self._ids),
            number=next(self._numbers),
            currency=self.shop.currency,
            buyer=buyer,
            lines=lines,
            placed_at=self.now,
            updated_at=self.now,
            shipping_minor=490 if chance() < 0.7 else 0,
            tax_rate_percent=19 if chance() < 0.5 else 0,
            visit=visit,
            paid_at=self.now if chance() >= self.settings.unpaid_share else None,
            is_test=self.shop.platform == "shopify" and chance() < self.settings.test_share,
        )

    def _fate(self, order: Order, regular: _Regular, *, clicks: bool, incremental: bool) -> None:
        """What becomes of an order after its purchase, all decided now."""
        chance = self._random.random
        truth = self.truth.orders[order.order_id]
        truth.is_paid = order.paid_at is not None
        if order.paid_at is None and chance() < self.settings.cancel_share * 4:
            self._later((2, 6), lambda: self._cancel(order))
            return
        if order.paid_at is None:
            if chance() < self.settings.edit_share * 4:
                self._later((1, 1), lambda: self._edit(order))
            self._later((4, 8), lambda: self._pay(order))
        if chance() < self.settings.refund_share:
            whole = chance() < 0.4
            self._later((10, 20), lambda: self._refund(order, whole=whole))
            return
        comes_again = regular.acquired or (incremental and not order.is_test) or not clicks
        if regular.buyer.customer_id is not None and comes_again and not order.is_test:
            acquired = regular.acquired or (regular.is_new and incremental)
            from_ = self.now + max(self.settings.revisit_after, self.settings.step * 10)
            self._regulars.append(_Regular(regular.buyer, clicked=clicks, acquired=acquired, from_=from_))

    def _pay(self, order: Order) -> list[Delivery]:
        order.paid_at = order.updated_at = self.now
        self.truth.orders[order.order_id].is_paid = True
        return self.shop.paid(order, self.now)

    def _cancel(self, order: Order) -> list[Delivery]:
        order.cancelled_at = order.updated_at = self.now
        self.truth.orders[order.order_id].is_cancelled = True
        return self.shop.cancelled(order, self.now)

    def _edit(self, order: Order) -> list[Delivery]:
        """One more piece of what is in the order, before it is paid."""
        like = order.lines[0]
        order.first_total_minor = order.total_minor
        order.lines.append(Line(next(self._ids), like.product, like.item, 1))
        order.updated_at = self.now
        truth = self.truth.orders[order.order_id]
        truth.net_minor, truth.total_minor = order.net_minor, order.total_minor
        return self.shop.edited(order, self.now)

    def _refund(self, order: Order, *, whole: bool) -> list[Delivery]:
        left = order.total_minor - order.refunded_minor
        refund = GivenBack(next(self._ids), left if whole else max(1, left // 2), self.now)
        order.refunds.append(refund)
        order.updated_at = self.now
        self.truth.orders[order.order_id].refunds[refund.refund_id] = refund.amount_minor
        return self.shop.refunded(order, refund, self.now)

    def _run_out(self, product: Product) -> list[Delivery]:
        """Every variant of a product sells out elsewhere, and comes back later."""
        if product.product_id in self.truth.sold_out:
            return []
        self.truth.sold_out.add(product.product_id)
        self.truth.stockouts += 1
        self._later((5, 8), lambda: self._restock(product))
        return self._set_stock(product, 0)

    def _restock(self, product: Product) -> list[Delivery]:
        self.truth.sold_out.discard(product.product_id)
        self.truth.restocks += 1
        return self._set_stock(product, PLENTY)

    def _set_stock(self, product: Product, units: int) -> list[Delivery]:
        product.updated_at = self.now
        told: list[Delivery] = []
        for item in product.items:
            item.stock.update(dict.fromkeys(item.stock, units))
        for item in product.items:
            told.extend(self.shop.stock_changed(product, item, self.now))
        return told

    def _visit(self, *, ours: bool, foreign: bool) -> Visit | None:
        if ours:
            campaign = self._random.choice(self.campaigns)
            click = (self._random.choice(["gclid", "fbclid"]), f"click-{next(self._turns)}")
            return Visit("/collections/new", "google", "cpc", campaign.utm_campaign, click, "https://www.google.com/")
        if foreign:
            return Visit("/", "newsletter", "email", "somebody-elses-campaign")
        return Visit("/") if self._random.random() < 0.3 else None

    def _campaign_of(self, visit: Visit | None) -> str | None:
        name = visit.utm_campaign if visit else ""
        return next((each.campaign_id for each in self.campaigns if each.utm_campaign == name), None)

    def _make_product(self, number: int) -> Product:
        several = number % 3 == 2
        ids = [next(self._ids) for _ in range(4)]
        single_id = self.shop.platform == "woocommerce" and not several
        locations = (1, 2) if self.shop.platform == "shopify" else (1,)
        return make_product(
            self._random,
            ids,
            self.now,
            several=several,
            single_id=single_id,
            stock=dict.fromkeys(locations, PLENTY),
        )

    def _make_campaigns(self) -> Iterator[WorldCampaign]:
        """Two campaigns for what is promoted and bought, and one for what also runs out."""
        half = max(1, len(self._promoted) // 2)
        groups = [self._promoted[:half], self._promoted[half:] or self._promoted[:half], self._scarce]
        for number, group in enumerate(groups, start=1):
            if group:
                name = f"{self.shop.platform}-{number}"
                yield WorldCampaign(
                    campaign_id=f"c-{name}",
                    name=f"Campaign {number} of {self.shop.store_key}",
                    utm_campaign=f"utm-{name}",
                    product_ids=tuple(product.product_id for product in group),
                    bid_minor=100 + 20 * number,
                    daily_budget_minor=5000 * number,
                )
