"""A contact's identity opens in its own row and nowhere else."""

from __future__ import annotations

import pytest

from kiki.council.syncengage.domain import Identity, Person
from kiki.council.syncengage.repository.contacts import Contact, ContactRepository
from kiki.kit.errors import InvariantBroken
from kiki.kit.sealing import Keyring, Sealer

SEALER = Sealer(Keyring({1: bytes(range(32))}))
REPOSITORY = ContactRepository(SEALER)


def contact(key: str, email: str, store_id: int = 1) -> Contact:
    return REPOSITORY.stub(store_id, Person(key, "7", email, "", "", False, False, ""))


def test_an_identity_comes_back() -> None:
    assert REPOSITORY.identity(contact("k-1", "ada@customer.example")).email == "ada@customer.example"


@pytest.mark.parametrize(("key", "store_id"), [("k-2", 1), ("k-1", 2)], ids=["contact", "store"])
def test_an_identity_that_was_put_elsewhere_does_not_open(key: str, store_id: int) -> None:
    other = contact(key, "eve@customer.example", store_id)
    other.sealed_identity = contact("k-1", "ada@customer.example").sealed_identity
    with pytest.raises(InvariantBroken):
        REPOSITORY.identity(other)


def test_an_identity_from_before_rows_were_bound_opens() -> None:
    kept = contact("k-1", "ada@customer.example")
    opened = SEALER.open(kept.sealed_identity or b"", store_id=1, purpose="contacts.identity", row="k-1")
    kept.sealed_identity = SEALER.seal(opened, store_id=1, purpose="contacts.identity")
    assert REPOSITORY.identity(kept) == Identity("ada@customer.example", "", "")
