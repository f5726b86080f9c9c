"""Field encryption, against published vectors and properties."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncshield import cipher
from kiki.council.syncshield.errors import BadField, DoesNotDecrypt

VECTORS = Path(__file__).resolve().parents[5] / "shared" / "data" / "wycheproof" / "aes_gcm_test.json"
BOUND = cipher.binding(store_id=1, version=1, purpose="customers.email")
KEY, NONCE = bytes(range(32)), bytes(12)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_text_comes_back(text: str) -> None:
    sealed = cipher.encrypt(KEY, NONCE, text, binding=BOUND)
    assert cipher.decrypt(KEY, NONCE, sealed, binding=BOUND) == text


@given(st.integers(min_value=0))
def test_any_changed_bit_is_noticed(position: int) -> None:
    sealed = bytearray(cipher.encrypt(KEY, NONCE, "Ada Lovelace", binding=BOUND))
    bit = position % (8 * len(sealed))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DoesNotDecrypt):
        cipher.decrypt(KEY, NONCE, bytes(sealed), binding=BOUND)


@pytest.mark.parametrize(
    "other",
    [
        cipher.binding(store_id=2, version=1, purpose="customers.email"),
        cipher.binding(store_id=1, version=2, purpose="customers.email"),
        cipher.binding(store_id=1, version=1, purpose="customers.phone"),
    ],
    ids=["store", "version", "purpose"],
)
def test_another_binding_does_not_open(other: bytes) -> None:
    sealed = cipher.encrypt(KEY, NONCE, "Ada", binding=BOUND)
    with pytest.raises(DoesNotDecrypt):
        cipher.decrypt(KEY, NONCE, sealed, binding=other)


def test_a_text_over_the_limit_is_refused() -> None:
    with pytest.raises(BadField):
        cipher.encrypt(KEY, NONCE, "x" * (cipher.MAX_TEXT_BYTES + 1), binding=BOUND)


def test_wycheproof_vectors_of_our_sizes_hold() -> None:
    if not VECTORS.is_file():
        pytest.skip("the Wycheproof vectors are not on this machine")
    groups = [
        group
        for group in json.loads(VECTORS.read_text())["testGroups"]
        if (group["keySize"], group["ivSize"], group["tagSize"]) == (256, 96, 128)
    ]
    cases = [case for group in groups for case in group["tests"]]
    assert len(cases) > 30
    for case in cases:
        key, nonce, bound, plain, sealed = (bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "msg", "ct"))
        whole = sealed + bytes.fromhex(case["tag"])
        if case["result"] == "valid":
            assert AESGCM(key).encrypt(nonce, plain, bound) == whole, case["tcId"]
            continue
        with pytest.raises(DoesNotDecrypt):
            cipher.decrypt(key, nonce, whole, binding=bound)
