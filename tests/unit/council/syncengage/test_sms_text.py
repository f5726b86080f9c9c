"""What an SMS says, and to which number it goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiki.council.syncengage.domain import Facts, Identity, Shop
from kiki.council.syncengage.sending.compose import Letter, compose_sms
from kiki.council.syncengage.sending.segments import fits
from kiki.council.syncengage.sending.sms import dialled

WAY_OUT = "https://portal.example/unsubscribe/1.token"


def letter(shop: str = "Nordlicht", *, marketing: bool = True) -> Letter:
    return Letter(
        store_id=1,
        message_id=7,
        template="order_tips_sms",
        marketing=marketing,
        identity=Identity(phone="+49151"),
        locale="en",
        shop=Shop(shop, "Europe/Berlin", "https://nordlicht.example/"),
        facts=Facts(order_number="#1"),
        campaign_id="c",
        sender_address="shop@example.com",
        sender_identity="",
        unsubscribe_url=WAY_OUT,
    )


LINK = "https://nordlicht.example/?utm_source=syncengage&utm_medium=sms&utm_campaign=c"


@pytest.mark.parametrize("shop", ["Nordlicht", "N" * 200, "N" * 2000, "€" * 200, "花店" * 100, "🌹" * 100, "ł" * 200])
def test_the_way_out_of_marketing_is_never_cut_off(shop: str) -> None:
    text = compose_sms(letter(shop))
    assert text.endswith(WAY_OUT)
    assert fits(text)
    assert LINK in text or "https://nordlicht" not in text, "a link is whole or is not there"


@pytest.mark.parametrize(
    ("shop", "said"),
    [
        pytest.param("Kwiaciarnia Żółw", "Kwiaciarnia Zolw", id="accents that would halve the letters"),
        pytest.param("Müller & Söhne", "Müller & Söhne", id="letters of GSM"),
        pytest.param("Цветы", "Цветы", id="another script stays"),
    ],
)
def test_a_name_is_spelled_so_that_the_message_stays_short(shop: str, said: str) -> None:
    assert compose_sms(letter(shop)).startswith(f"{said}: ")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        pytest.param("a" * 459, True, id="three parts"),
        pytest.param("a" * 460, False, id="one letter more"),
        pytest.param("€" * 229, True, id="escaped letters are two"),
        pytest.param("€" * 230, False, id="one more of them"),
        pytest.param("я" * 201, True, id="other letters"),
        pytest.param("я" * 202, False, id="one more other letter"),
        pytest.param("🌹" * 100, True, id="emoji are two units"),
        pytest.param("🌹" * 101, False, id="one more emoji"),
    ],
)
def test_length_is_counted_as_the_network_counts(text: str, short: bool) -> None:
    assert fits(text) is short


def test_without_an_address_of_the_shop_nothing_is_announced() -> None:
    bare = replace(letter(), shop=Shop("Nordlicht", "", ""))
    assert compose_sms(bare) == f"Nordlicht: thank you for your order #1. Unsubscribe: {WAY_OUT}"


def test_what_is_no_marketing_carries_no_way_out() -> None:
    assert WAY_OUT not in compose_sms(letter(marketing=False))


@pytest.mark.parametrize(
    ("phone", "number"),
    [
        ("+4915112345678", "+4915112345678"),
        ("+49 (151) 123.456-78", "+4915112345678"),
        ("0049 151 12345678", "+4915112345678"),
        ("+1 212 555 0100", "+12125550100"),
    ],
)
def test_a_number_is_dialled_in_international_form(phone: str, number: str) -> None:
    assert dialled(phone) == number


@pytest.mark.parametrize(
    "phone", ["", "0151 12345678", "151", "+49", "+49 none of it", "+" + "1" * 16, "+٤٩١٥١١٢٣٤٥٦٧"]
)
def test_what_is_no_international_number_is_refused(phone: str) -> None:
    with pytest.raises(ValueError, match="international"):
        dialled(phone)
