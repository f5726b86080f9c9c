"""Sealed values open only for whom they were sealed."""

import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import FailedPrecondition, InvalidInput, InvariantBroken
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
    with pytest.raises((InvariantBroken, FailedPrecondition)):
        sealer.open(bytes(sealed), store_id=1, purpose="t.c")


@given(st.binary(max_size=100), st.text(min_size=1, max_size=50), st.text(max_size=50))
def test_a_value_of_a_row_opens_in_that_row_alone(plaintext: bytes, row: str, other: str) -> None:
    sealer = Sealer(Keyring({1: OLD}))
    sealed = sealer.seal(plaintext, store_id=1, purpose="t.c", row=row)
    assert sealer.open(sealed, store_id=1, purpose="t.c", row=row) == plaintext
    if other != row:
        with pytest.raises(InvariantBroken):
            sealer.open(sealed, store_id=1, purpose="t.c", row=other)


def test_what_was_sealed_before_rows_had_names_opens_and_cannot_be_made_of_what_was_sealed_since(
    sealer: Sealer,
) -> None:
    before = sealer.seal(b"secret", store_id=1, purpose="t.c")
    assert sealer.open(before, store_id=1, purpose="t.c", row="r-1") == b"secret"
    since = sealer.seal(b"secret", store_id=1, purpose="t.c", row="r-1")
    for form in (b"\x01", b"\x03"):
        with pytest.raises(InvariantBroken):
            sealer.open(form + since[1:], store_id=1, purpose="t.c", row="r-2")


def test_after_a_rotation_old_values_open_and_new_ones_use_the_new_key() -> None:
    before, after = Sealer(Keyring({1: OLD})), Sealer(Keyring({1: OLD, 2: NEW}))
    sealed = before.seal(b"secret", store_id=1, purpose="t.c")
    assert after.open(sealed, store_id=1, purpose="t.c") == b"secret"
    with pytest.raises(FailedPrecondition, match="version 2"):
        before.open(after.seal(b"secret", store_id=1, purpose="t.c"), store_id=1, purpose="t.c")
    index = before.blind_index("a@example.com", store_id=1, purpose="t.c")
    assert after.blind_index("a@example.com", store_id=1, purpose="t.c") == index


def test_a_blind_index_belongs_to_one_store(sealer: Sealer) -> None:
    first = sealer.blind_index("a@example.com", store_id=1, purpose="t.c")
    assert first == sealer.blind_index("a@example.com", store_id=1, purpose="t.c")
    assert first != sealer.blind_index("a@example.com", store_id=2, purpose="t.c")


ONE_KEY, ANOTHER = "A" * 43 + "=", "B" * 42 + "A="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1:",
        "1:%%",
        "x:AAAA",
        "1:AAAA",
        f"0:{ONE_KEY}",
        f"+1:{ONE_KEY}",
        f"1_0:{ONE_KEY}",
        f"\u0661:{ONE_KEY}",
        f"1:{ONE_KEY},1:{ANOTHER}",
        f"1:{ONE_KEY},01:{ANOTHER}",
        f"1:{ONE_KEY},2:{ONE_KEY}",
    ],
)
def test_a_bad_keyring_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Keyring.parse(text)
    assert len(text) < 4 or text not in caught.value.message


def test_a_generated_key_is_read_back() -> None:
    assert Keyring.parse(f"{Keyring.generate()},{Keyring.generate(2)}").versions == [2, 1]


def test_a_fingerprint_tells_keys_apart_and_not_versions() -> None:
    first, second = Keyring({1: OLD, 2: NEW}), Keyring({3: OLD})
    assert first.fingerprint(1) == second.fingerprint(3)
    assert first.fingerprint(1) != first.fingerprint(2)


def test_a_keyring_and_a_sealer_show_no_key() -> None:
    keyring = Keyring({1: OLD})
    for shown in (repr(keyring), str(keyring), repr(Sealer(keyring))):
        assert OLD.hex() not in shown
        assert repr(OLD)[2:-1] not in shown


@pytest.mark.parametrize("length", range(32))
def test_a_value_that_was_cut_short_does_not_open(sealer: Sealer, length: int) -> None:
    sealed = sealer.seal(b"secret", store_id=1, purpose="t.c")
    with pytest.raises(InvariantBroken):
        sealer.open(sealed[:length], store_id=1, purpose="t.c")


def test_keys_of_stores_and_purposes_are_hkdf_as_in_rfc_5869_without_salt() -> None:
    """Derived once more with the primitives of the RFC: extract with a salt of zeros, expand once."""
    extracted = hmac.digest(bytes(32), OLD, "sha256")
    expanded = hmac.digest(extracted, b"seal\x1f7\x1ft.c\x01", "sha256")
    sealed = Sealer(Keyring({1: OLD})).seal(b"secret", store_id=7, purpose="t.c")
    assert AESGCM(expanded).decrypt(sealed[3:15], sealed[15:], sealed[:3]) == b"secret"
