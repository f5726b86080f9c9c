"""What an SMS says, and to which number it goes."""

from __future__ import annotations

import pytest

from kiki.council.syncengage.domain import Facts, Identity, Shop
from kiki.council.syncengage.sending.compose import Letter, compose_sms
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


@pytest.mark.parametrize("shop", ["Nordlicht", "N" * 200, "N" * 2000])
def test_the_way_out_of_marketing_is_never_cut_off(shop: str) -> None:
    text = compose_sms(letter(shop))
    assert text.endswith(WAY_OUT)
    assert len(text) <= 459


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
