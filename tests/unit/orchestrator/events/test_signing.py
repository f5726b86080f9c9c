"""Signatures are those of Standard Webhooks."""

from __future__ import annotations

import pytest

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.events.convert import event_data
from kiki.orchestrator.events.signing import new_secret, secret_key, sign, verify
from kiki.rpc.v1 import events_pb2


def test_signature_of_the_published_example() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_one_right_signature_among_several_is_enough() -> None:
    secret = new_secret()
    right = sign(secret, "m", 1, b"x")
    assert verify(secret, "m", 1, b"x", f"v1,AAAA {right}")
    assert not verify(secret, "m", 2, b"x", right)
    assert len(secret_key(secret)) == 32


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "whsec_%%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_bad_secret_is_refused(secret: str) -> None:
    with pytest.raises(InvalidInput):
        secret_key(secret)


def test_unknown_or_unreadable_events_have_no_data() -> None:
    assert event_data("NoSuchThing", b"") == {}
    assert event_data("OrderCreated", b"\xff\xff") == {}
    payload = events_pb2.OrderCreatedEvent(store_id=7).SerializeToString()
    assert event_data("OrderCreated", payload) == event_data("OrderCreatedEvent", payload) == {"store_id": "7"}
