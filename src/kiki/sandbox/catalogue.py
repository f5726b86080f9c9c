"""Names and goods of simulated shops, drawn by seed; and the weights by which orders are judged, written down anew."""

from __future__ import annotations

import datetime as dt
import random

from kiki.sandbox.goods import Buyer, Item, Product

CLICK_WEIGHT = 50
ACQUIRED_WEIGHT = 50
PROMOTED_WEIGHT = 30
"""Per cent: a click on one of our campaigns, a customer whom we acquired, a product that we promoted."""

_THINGS = ["Mug", "Bowl", "Teapot", "Vase", "Plate", "Jug", "Lamp", "Blanket", "Basket", "Notebook"]
_LOOKS = ["Ocean", "Clay", "Moss", "Snow", "Ember", "Linen", "Café", "Größe L", "抹茶", "نعناع"]
_FIRST_NAMES = ["Anna", "Łukasz", "Zoë", "Mehmet", "Yuki", "Noor", "Björn", "Chiara", "Oluwaseun", "ليلى"]
_LAST_NAMES = ["Müller", "Nowak", "Smith", "Yılmaz", "Tanaka", "Haddad", "Åberg", "Rossi", "Adeyemi", "O'Neill"]
_SIZES = ["S", "M"]


def make_buyer(rng: random.Random, number: int, at: dt.datetime, *, guest: bool) -> Buyer:
    """A new buyer; the address is unique by number."""
    return Buyer(
        customer_id=None if guest else number,
        email=f"buyer-{number}@sandbox.example",
        first_name=rng.choice(_FIRST_NAMES),
        last_name=rng.choice(_LAST_NAMES),
        phone=f"+4930{number % 10_000_000:07d}" if rng.random() < 0.5 else "",
        accepts_marketing=rng.random() < 0.6,
        since=at,
        updated_at=at,
    )


def make_product(
    rng: random.Random, ids: list[int], at: dt.datetime, *, several: bool, single_id: bool, stock: dict[int, int]
) -> Product:
    """A product with one variant, or with one per size. `single_id`: the only variant bears the product's id."""
    title = f"{rng.choice(_LOOKS)} {rng.choice(_THINGS)}"
    price = rng.randrange(900, 9000, 50)
    product_id, *rest = ids
    names = _SIZES if several else ["Default"]
    items = [
        Item(
            item_id=product_id if single_id else rest[index],
            inventory_item_id=rest[index] + 500_000,
            sku=f"SKU-{product_id}-{index}",
            title=name,
            price_minor=price,
            cost_minor=price * 2 // 5,
            stock=dict(stock),
        )
        for index, name in enumerate(names)
    ]
    return Product(
        product_id=product_id,
        title=title,
        description=f"{title}, made by hand & fired twice.",
        vendor="Kiln & Co",
        category="Tableware",
        image_url=f"https://shop.example/images/{product_id}.jpg",
        items=items,
        created_at=at,
        updated_at=at,
    )
