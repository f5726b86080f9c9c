"""Sealed values open only for whom they were sealed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput, InvariantBroken
from kiki.kit.sealing import Keyring, Sealer

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


@pytest.fixture(scope="module")
def sealer() -> Sealer:
    return Sealer(Keyring({1: OLD}))


@given(st.binary(max_size=2_000))
def test_sealed_bytes_open(plaintext: bytes) -> None:
    sealer = Sealer(Keyring({1: OLD}))
    assert sealer.open(sealer.seal(plaintext, store_id=1, purpose="t.c"), store_id=1, purpose="t.c") == plaintext
    sealed = sealer.seal_body(plaintext, store_id=1, purpose="t.c")
    assert sealer.open_body(sealed, store_id=1, purpose="t.c") == plaintext


@pytest.mark.parametrize(("store_id", "purpose"), [(2, "t.c"), (1, "t.d")])
def test_another_store_or_purpose_does_not_open(sealer: Sealer, store_id: int, purpose: str) -> None:
    sealed = sealer.seal(b"secret", store_id=1, purpose="t.c")
    with pytest.raises(InvariantBroken):
        sealer.open(sealed, store_id=store_id, purpose=purpose)


@given(st.integers(0, 36), st.integers(1, 255))
def test_a_changed_byte_does_not_open(position: int, change: int) -> None:
    sealer = Sealer(Keyring({1: OLD}))
    sealed = bytearray(sealer.seal(b"secret", store_id=1, purpose="t.c"))
    sealed[position] ^= change
    with pytest.raises((InvariantBroken, InvalidInput)):
        sealer.open(bytes(sealed), store_id=1, purpose="t.c")


def test_after_a_rotation_old_values_open_and_new_ones_use_the_new_key() -> None:
    before, after = Sealer(Keyring({1: OLD})), Sealer(Keyring({1: OLD, 2: NEW}))
    sealed = before.seal(b"secret", store_id=1, purpose="t.c")
    assert after.open(sealed, store_id=1, purpose="t.c") == b"secret"
    with pytest.raises(InvalidInput, match="version 2"):
        before.open(after.seal(b"secret", store_id=1, purpose="t.c"), store_id=1, purpose="t.c")
    index = before.blind_index("a@example.com", store_id=1, purpose="t.c")
    assert after.blind_index("a@example.com", store_id=1, purpose="t.c") == index


def test_a_blind_index_belongs_to_one_store(sealer: Sealer) -> None:
    first = sealer.blind_index("a@example.com", store_id=1, purpose="t.c")
    assert first == sealer.blind_index("a@example.com", store_id=1, purpose="t.c")
    assert first != sealer.blind_index("a@example.com", store_id=2, purpose="t.c")


@pytest.mark.parametrize("text", ["", "1", "1:", "1:%%", "x:AAAA", "1:AAAA", "0:" + "A" * 43 + "="])
def test_a_bad_keyring_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Keyring.parse(text)
    assert len(text) < 4 or text not in caught.value.message


def test_a_generated_key_is_read_back() -> None:
    assert Keyring.parse(f"{Keyring.generate()},{Keyring.generate(2)}").versions == [2, 1]
