"""Who is no visitor."""

from __future__ import annotations

import pytest

from kiki.portal.collector.bots import KNOWN, bot_of

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(CHROME, id="chrome"),
        pytest.param(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            " Version/18.5 Mobile/15E148 Safari/604.1",
            id="safari",
        ),
        pytest.param("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", id="firefox"),
        pytest.param(
            "Mozilla/5.0 (Linux; Android 13; CUBOT KINGKONG 9) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/138.0.0.0 Mobile Safari/537.36",
            id="a telephone that is called bot",
        ),
        pytest.param(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            " Mobile/22F76 [FBAN/FBIOS;FBAV/516.0.0.38.105;FBDV/iPhone15,2]",
            id="the browser inside an app",
        ),
    ],
)
def test_a_browser_is_a_visitor(agent: str) -> None:
    assert bot_of({"user-agent": agent}) is None


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", id="googlebot"),
        pytest.param("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", id="link preview"),
        pytest.param(CHROME.replace("Chrome/", "HeadlessChrome/"), id="headless"),
        pytest.param("SomeNewBot/1.0 (+https://example.com)", id="calls itself a bot"),
        pytest.param("example-crawler", id="calls itself a crawler"),
        pytest.param("curl/8.14.1", id="library"),
        pytest.param("", id="nameless"),
    ],
)
def test_a_program_is_none(agent: str) -> None:
    assert bot_of({"user-agent": agent}) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-purpose", "preview"), ("x-moz", "prefetch")],
)
def test_a_page_fetched_in_advance_was_not_visited(name: str, value: str) -> None:
    assert bot_of({"user-agent": CHROME, name: value}) == "fetched in advance"


def test_the_table_is_in_lower_case_and_says_everything_once() -> None:
    marks = [mark for mark, _ in KNOWN]
    assert marks == [mark.lower() for mark in marks]
    assert len(marks) == len(set(marks))
    assert all(bot_of({"user-agent": f"x {mark} y"}) == name for mark, name in KNOWN)
