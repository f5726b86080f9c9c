"""An entry for the audit log is never one that SyncShield refuses: what was done would have none."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncshield.convert import access_entry
from kiki.orchestrator.calls.accesses import access_intent
from kiki.rpc.v1 import syncshield_pb2 as pb

_NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
_HOSTILE = st.text(max_size=300) | st.sampled_from(
    ["", "ada@customer.example", "a\x00b", "x" * 201, "\ud800", "\U0001f6b2" * 201]
)


def request(**fields: str) -> pb.LogDataAccessRequest:
    given = {
        "actor": "user:7",
        "action": "read",
        "resource_type": "campaign",
        "resource_id": "1",
        "purpose": "",
        **fields,
    }
    return pb.LogDataAccessRequest.FromString(access_intent(store_id=1, occurred_at=_NOW, **given).request)


@given(actor=_HOSTILE, action=_HOSTILE, kind=_HOSTILE, name=_HOSTILE, purpose=_HOSTILE)
def test_whatever_the_words_are_the_log_takes_them(actor: str, action: str, kind: str, name: str, purpose: str) -> None:
    access_entry(request(actor=actor, action=action, resource_type=kind, resource_id=name, purpose=purpose))


def test_a_name_that_looks_like_an_address_is_told_by_its_digest() -> None:
    first, again, other = (request(resource_id=f"sale@{number}").resource_id for number in (50, 50, 60))
    assert first == again != other
    assert first.startswith("sha256:")
    assert "@" not in first


def test_what_the_log_takes_stands_in_it_unchanged() -> None:
    told = request(resource_id="Früh, jahr #1", purpose="support")
    assert (told.resource_id, told.purpose) == ("Früh, jahr #1", "support")
