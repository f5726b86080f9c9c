"""The beacon: what is taken, what is cut, what is refused."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.commerce.people import IdentityKind
from kiki.kit.errors import InvalidInput
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.workflows.identities import identities
from kiki.portal.collector.schemas import entry_of, read_beacon

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
SEALER = Sealer(Keyring({1: bytes(range(32))}))
DIGEST = hashlib.sha256(b"ada@example.com").hexdigest()
CLICK: dict[str, Any] = {
    "event_id": "e" * 32,
    "kind": "click",
    "visitor": "v" * 32,
    "consent": "tcf",
    "params": {"utm_source": "google", "utm_campaign": "autumn", "gclid": "G-1"},
}


def entry(**changes: Any) -> dict[str, Any]:
    return entry_of(read_beacon(json.dumps({**CLICK, **changes}).encode()), SEALER, 7, NOW)


def kinds(found: dict[str, Any]) -> list[int]:
    return [identity["kind"] for identity in found["identities"]]


def test_a_click_becomes_a_touchpoint_without_anything_in_clear() -> None:
    found = entry(landing="/products/lamp", referrer="www.google.com", age_ms=60_000)
    assert found["touchpoint_id"] == "pixel:" + "e" * 32
    assert found["at"] == "2026-11-23T11:59:00+00:00"
    assert (found["utm_source"], found["utm_campaign"]) == ("google", "autumn")
    assert (found["landing"], found["referrer"], found["consent"]) == ("/products/lamp", "www.google.com", "tcf")
    assert kinds(found) == [IdentityKind.FIRST_PARTY, IdentityKind.CLICK]
    assert "G-1" not in json.dumps(found)
    assert "v" * 32 not in json.dumps(found)


def test_a_hashed_address_is_the_identity_that_the_address_in_clear_has() -> None:
    told = entry(kind="identify", email_sha256=DIGEST)["identities"]
    (clear,) = identities(SEALER, 7, email=" Ada@EXAMPLE.com ")
    assert {"kind": clear[1], "value": clear[2].hex()} in told


def test_gmail_is_found_by_the_form_that_google_hashes_too() -> None:
    plain = hashlib.sha256(b"adalovelace@gmail.com").hexdigest()
    known = identities(SEALER, 7, email="ada.lovelace@gmail.com")
    assert identities(SEALER, 7, email_sha256=plain)[0] in known
    assert identities(SEALER, 7, email="adalovelace@gmail.com")[0] in known
    assert len(identities(SEALER, 7, email="ada.lovelace@example.com")) == 1


@pytest.mark.parametrize(
    ("landing", "kept"),
    [
        pytest.param("/p/1?email=a@b.c#x", "/p/1", id="query and fragment are cut"),
        pytest.param("https://shop.example/p", None, id="not a path"),
        pytest.param("/" + "x" * 500, "/" + "x" * 199, id="long"),
        pytest.param("/p\x00q", "/pq", id="nul"),
        pytest.param("", None, id="none"),
    ],
)
def test_of_the_landing_page_only_the_path_is_kept(landing: str, kept: str | None) -> None:
    assert entry(landing=landing)["landing"] == kept


@pytest.mark.parametrize(
    ("referrer", "kept"),
    [
        pytest.param("https://user:pw@News.example:8443/a?b=c", "news.example", id="a whole address"),
        pytest.param("news.example:80", "news.example", id="host and port"),
        pytest.param("https://[broken", None, id="broken"),
        pytest.param("two words", None, id="not a host"),
        pytest.param("", None, id="none"),
    ],
)
def test_of_the_referrer_only_the_host_is_kept(referrer: str, kept: str | None) -> None:
    assert entry(referrer=referrer)["referrer"] == kept


def test_unknown_parameters_are_not_looked_at() -> None:
    found = entry(params={"utm_campaign": "autumn", "email": "a@b.c", "utm_term": "lamp"})
    assert "a@b.c" not in json.dumps(found)
    assert "utm_term" not in found


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"event_id": "short"}, "INVALID_INPUT", id="event id"),
        pytest.param({"event_id": "e" * 32 + "\n"}, "INVALID_INPUT", id="line end in the event id"),
        pytest.param({"kind": "buy-secret"}, "INVALID_INPUT", id="kind"),
        pytest.param({"visitor": "not opaque!" * 3}, "INVALID_INPUT", id="visitor"),
        pytest.param({"age_ms": -1}, "INVALID_INPUT", id="from the future"),
        pytest.param({"params": ["secret"]}, "INVALID_INPUT", id="params"),
        pytest.param({"email_sha256": "ada@example.com"}, "INVALID_INPUT", id="address in clear"),
        pytest.param({"visitor": None, "params": {"utm_campaign": "x"}}, "NO_IDENTITY", id="nobody"),
        pytest.param({"kind": "identify"}, "NO_IDENTITY", id="identify without anybody"),
    ],
)
def test_what_cannot_be_used_is_refused_without_repeating_it(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        entry(**changes)
    assert refused.value.reason == reason
    assert not any(word in refused.value.message for word in ("secret", "ada@", "opaque!"))


def test_a_body_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(InvalidInput):
        read_beacon(b'{"x":' + b"[" * 8000)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        read_beacon(body)


@given(st.floats(0, allow_infinity=False), st.text(max_size=60), st.text(max_size=60))
def test_an_entry_is_storable_and_never_later_than_now_nor_older_than_a_day(age: float, path: str, host: str) -> None:
    found = entry(age_ms=age, landing=path, referrer=host)
    assert NOW - dt.timedelta(days=1) <= dt.datetime.fromisoformat(found["at"]) <= NOW
    assert "\\u0000" not in json.dumps(found)
