"""Keys and origins."""

from __future__ import annotations

import pytest

from kiki.commerce.collectors import CollectorStore
from kiki.commerce.stores import StoreSettings
from kiki.portal.collector.script import compact
from kiki.portal.collector.stores import CollectorStores, ForeignOrigin, UnknownKey, check_origin


def store(platform: str = "shopify", key: str = "lamps.myshopify.com", *domains: str) -> CollectorStore:
    return CollectorStore(1, platform, key, "0" * 32, StoreSettings(shop_domains=domains))


@pytest.mark.parametrize(
    ("shop", "origin", "allowed"),
    [
        pytest.param(store(), "https://lamps.myshopify.com", True, id="its own"),
        pytest.param(store(), "", True, id="no page"),
        pytest.param(store(), "null", True, id="custom pixel"),
        pytest.param(store(), "https://www.lamps.example", False, id="a domain that nobody named"),
        pytest.param(
            store("shopify", "lamps.myshopify.com", "lamps.example"), "https://www.lamps.example", True, id="www"
        ),
        pytest.param(store("woocommerce", "lamps.example/shop"), "https://lamps.example", True, id="below a path"),
        pytest.param(store("woocommerce", "lamps.example"), "null", False, id="a frame"),
        pytest.param(store("woocommerce", "lamps.example"), "https://lamps.example.evil.test", False, id="lookalike"),
        pytest.param(store("woocommerce", "lamps.example"), "https://[", False, id="broken"),
    ],
)
def test_a_page_of_the_shop_may_send(shop: CollectorStore, origin: str, allowed: bool) -> None:
    if allowed:
        check_origin(shop, origin)
    else:
        with pytest.raises(ForeignOrigin):
            check_origin(shop, origin)


async def test_a_store_is_looked_up_once_and_again_when_it_may_have_changed() -> None:
    asked: list[str] = []
    now = [0.0]

    async def look(key: str) -> CollectorStore | None:
        asked.append(key)
        return store() if key == "known" else None

    stores = CollectorStores(look, lambda: now[0], max_entries=2)
    for _ in range(3):
        assert (await stores.get("known")).store_id == 1
        with pytest.raises(UnknownKey):
            await stores.get("unknown")
    assert asked == ["known", "unknown"]
    now[0] = 5
    with pytest.raises(UnknownKey):
        await stores.get("unknown")
    assert asked == ["known", "unknown", "unknown"], "an unknown key is asked for again sooner"
    stores.forget()
    await stores.get("known")
    for key in ("x", "y"):
        with pytest.raises(UnknownKey):
            await stores.get(key)
    await stores.get("known")
    assert asked[-1] == "known", "the table is bounded"


def test_compacting_takes_comments_and_spaces_and_leaves_strings() -> None:
    source = "// says what\nconst a = 'two  words', b = a\n  .length;\nif (a) return b;\n"
    assert compact(source) == "const a='two  words',b=a.length;if(a)return b;"
