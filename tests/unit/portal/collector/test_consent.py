"""What may be kept."""

from __future__ import annotations

import pytest

from kiki.commerce.stores import StoreSettings
from kiki.portal.collector.consent import NoConsent, check_consent, opted_out

STRICT, OPEN = StoreSettings(), StoreSettings(pixel_consent="opt_out", pixel_honours_dnt=False)


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        pytest.param({}, False, id="nothing said"),
        pytest.param({"sec-gpc": "1"}, True, id="global privacy control"),
        pytest.param({"sec-gpc": "0"}, False, id="not the control's value"),
        pytest.param({"dnt": "1"}, True, id="do not track"),
        pytest.param({"dnt": "0"}, False, id="may be tracked"),
        pytest.param({"cookie": "a=b; kiki_optout=1"}, True, id="the cookie"),
        pytest.param({"cookie": "kiki_optout=; x_kiki_optout=1"}, False, id="other cookies"),
    ],
)
def test_a_refusal_is_read_off_the_request(headers: dict[str, str], refused: bool) -> None:
    assert opted_out(headers, STRICT) is refused


def test_do_not_track_counts_as_the_store_says() -> None:
    assert not opted_out({"dnt": "1"}, OPEN)
    assert opted_out({"sec-gpc": "1"}, OPEN)


@pytest.mark.parametrize("consent", ["shopify", "wp", "tcf", "gcm", "call"])
def test_a_named_consent_is_enough(consent: str) -> None:
    check_consent(consent, STRICT)
    check_consent(consent, OPEN)


def test_none_is_enough_only_where_the_store_does_not_ask() -> None:
    check_consent("none", OPEN)
    for consent, settings in (("none", STRICT), ("", STRICT), ("", OPEN), ("yes", OPEN)):
        with pytest.raises(NoConsent):
            check_consent(consent, settings)
