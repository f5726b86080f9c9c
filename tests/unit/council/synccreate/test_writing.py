"""Copy within every network's limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.council.synccreate.domain import AdNetwork, Brief, CreativeType, Product
from kiki.council.synccreate.limits import LIMITS, formats
from kiki.council.synccreate.rendering.palette import PALETTES, contrast
from kiki.council.synccreate.text import width
from kiki.council.synccreate.writing import TemplateWriter, price_text

FACTS = Path(__file__).resolve().parents[5] / "shared/data/ad_specs/platform_limits.json"


def product(**fields: object) -> Product:
    known: dict[str, object] = {
        "product_id": "p1",
        "title": "Lamp",
        "description": "",
        "vendor": "Nordlicht",
        "category": "",
        "price_minor": 4990,
        "compare_at_minor": None,
        "currency": "EUR",
        "image_url": "",
    }
    return Product(**{**known, **fields})  # type: ignore[arg-type]  # plain values by name


@given(
    title=st.text(max_size=200),
    description=st.text(max_size=400),
    price=st.none() | st.integers(0, 10**12),
    before=st.none() | st.integers(0, 10**12),
    network=st.sampled_from(AdNetwork),
    locale=st.sampled_from(["", "en", "de-DE", "fr", "es", "ja", "ar"]),
)
def test_copy_always_keeps_to_the_limits(
    title: str, description: str, price: int | None, before: int | None, network: AdNetwork, locale: str
) -> None:
    item = product(title=title, description=description, price_minor=price, compare_at_minor=before)
    copy = TemplateWriter().write(Brief(item, CreativeType.IMAGE, network, locale))
    limits = LIMITS[network]
    assert 0 < width(copy.headline) <= limits.headline
    assert 0 < width(copy.description) <= limits.description
    assert copy.action in limits.actions
    assert copy.action_text


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "expected"),
    [
        (4990, "EUR", "en", "€49.90"),
        (123456789, "EUR", "de-DE", "1.234.567,89\xa0€"),
        (123456, "EUR", "fr", "1\xa0234,56\xa0€"),
        (1200, "JPY", "ja", "¥1,200"),
        (12345, "KWD", "en", "KWD\xa012.345"),
        (None, "EUR", "en", ""),
        (123450, "MXN", "es-MX", "MX$1,234.50"),
        (123450, "EUR", "es-ES", "1.234,50\xa0€"),
        (123450, "BRL", "pt_BR", "R$\xa01.234,50"),
        (123450, "EUR", "pt-PT", "1.234,50\xa0€"),
        (123450, "EUR", "nl-NL", "€\xa01.234,50"),
        (123450, "CHF", "de-CH", "CHF\xa01’234.50"),
        (123450, "TRY", "tr", "₺1.234,50"),
    ],
)
def test_prices_follow_currency_and_locale(minor: int | None, currency: str, locale: str, expected: str) -> None:
    assert price_text(minor, currency, locale) == expected


def test_a_reduced_price_leads_the_description_and_asks_for_the_offer() -> None:
    brief = Brief(product(compare_at_minor=6900), CreativeType.IMAGE, AdNetwork.META, "en")
    copy = TemplateWriter().write(brief)
    assert copy.description == "Now €49.90 instead of €69.00. Lamp from Nordlicht."
    assert copy.action == "GET_OFFER"


@pytest.mark.skipif(not FACTS.exists(), reason="the collected facts are not here")
def test_limits_agree_with_the_collected_facts() -> None:
    facts = json.loads(FACTS.read_text())
    assert LIMITS[AdNetwork.GOOGLE].headline == facts["google_pmax"]["headline"]["max_chars"]
    assert LIMITS[AdNetwork.GOOGLE].description == facts["google_pmax"]["description"]["max_chars"]
    assert LIMITS[AdNetwork.META].headline == facts["meta_feed"]["headline"]["recommended_chars"]
    sizes = [[form.width, form.height] for form in formats(CreativeType.IMAGE, AdNetwork.META)]
    assert sorted(sizes) == sorted(facts["meta_feed"]["images"].values())


@pytest.mark.parametrize("network", AdNetwork)
@pytest.mark.parametrize("kind", CreativeType)
def test_every_creative_has_distinct_places(network: AdNetwork, kind: CreativeType) -> None:
    slots = [form.slot for form in formats(kind, network)]
    assert len(slots) == len(set(slots)) > 0


def test_colours_can_be_read() -> None:
    for palette in PALETTES:
        for ground in (palette.top, palette.bottom):
            assert contrast(palette.ink, ground) >= 4.5
            assert contrast(palette.quiet, ground) >= 4.5
        assert contrast(palette.button, palette.button_ink) >= 4.5


@pytest.mark.parametrize(
    ("title", "headline"),
    [
        pytest.param("★ Best Lamp!! ★", "Best Lamp – €49.90", id="stars and exclamation"),
        pytest.param("*NEW* Lamp", "NEW Lamp – €49.90", id="asterisks"),
        pytest.param("Lamp • Oak • Blue", "Lamp, Oak, Blue – €49.90", id="bullets"),
        pytest.param("Pillow 5* hotel", "Pillow 5* hotel – €49.90", id="stars of a hotel"),
        pytest.param("Lamp --- blue", "Lamp - blue – €49.90", id="repeated dashes"),
        pytest.param("ｶﾞﾗｽのﾗﾝﾌﾟ", "ガラスのランプ – €49.90", id="half-width katakana"),
        pytest.param("!!!", "Nordlicht – €49.90", id="marks alone"),
    ],
)
def test_google_gets_no_gimmicks(title: str, headline: str) -> None:
    copy = TemplateWriter().write(Brief(product(title=title), CreativeType.IMAGE, AdNetwork.GOOGLE, "en"))
    assert copy.headline == headline


def test_google_gets_one_exclamation_in_the_text_and_meta_its_own_words() -> None:
    item = product(title="Wow! Lamp", description="Bright! Warm! Yours?!")
    google = TemplateWriter().write(Brief(item, CreativeType.IMAGE, AdNetwork.GOOGLE, "en"))
    assert (google.headline, google.description) == ("Wow Lamp – €49.90", "Bright! Warm. Yours?")
    meta = TemplateWriter().write(Brief(item, CreativeType.IMAGE, AdNetwork.META, "en"))
    assert (meta.headline, meta.description) == ("Wow! Lamp – €49.90", "Bright! Warm! Yours?!")


@given(title=st.text(max_size=60), description=st.text(max_size=200))
def test_google_never_sees_an_exclamation_in_the_headline_or_two_below(title: str, description: str) -> None:
    item = product(title=title, description=description, vendor="Nordlicht!")
    copy = TemplateWriter().write(Brief(item, CreativeType.IMAGE, AdNetwork.GOOGLE, "en"))
    assert "!" not in copy.headline
    assert copy.description.count("!") <= 1
