"""What browsers say never makes two customers one, whatever they say and in whatever order."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from kiki.commerce.people import CustomerRow, Identity, IdentityKind
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows.batch import Batch
from kiki.orchestrator.workflows.identities import identify_visitor

STORE = 1
KNOWN = {
    (STORE, int(kind), name): f"customer {name.decode()}"
    for kind, name in (
        (IdentityKind.CUSTOMER_ID, b"1"),
        (IdentityKind.EMAIL, b"1"),
        (IdentityKind.CUSTOMER_ID, b"2"),
        (IdentityKind.EMAIL, b"3"),
        (IdentityKind.FIRST_PARTY, b"3"),
    )
}
_KINDS = [IdentityKind.CUSTOMER_ID, IdentityKind.EMAIL, IdentityKind.FIRST_PARTY, IdentityKind.CLICK]
claims = st.lists(
    st.tuples(
        st.lists(
            st.tuples(
                st.just(STORE), st.sampled_from(list(map(int, _KINDS))), st.sampled_from([b"1", b"2", b"3", b"4"])
            ),
            min_size=1,
            max_size=5,
            unique=True,
        ).map(sorted),
        st.booleans(),
    ),
    max_size=12,
)


def batch() -> Batch:
    names = iter(range(1000))
    made = Batch(
        now=dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
        sealer=Sealer(Keyring({1: bytes(32)})),
        new_key=lambda: f"visitor {next(names)}",
    )
    made.people.update(KNOWN)
    made.customers.update({(STORE, key): CustomerRow(STORE, key) for key in set(KNOWN.values())})
    return made


@given(claims)
def test_customers_stay_who_they_are(told: list[tuple[list[Identity], bool]]) -> None:
    state = batch()
    for given_, learn in told:
        key = identify_visitor(state, STORE, given_, Lane.LIVE, learn=learn)
        assert key is None or key in state.people.values() or key in KNOWN.values()
    assert {identity: state.people[identity] for identity in KNOWN} == KNOWN
    learned = state.people.keys() - KNOWN.keys()
    assert all(kind >= IdentityKind.FIRST_PARTY for _, kind, _ in learned), "names are looked up and never learned"
    assert all(merged.startswith("visitor") for _, merged, _, _ in state.out.merges)
    assert state.out.calls == [], "no agent is told of a merge of visitors"


@given(claims)
def test_the_same_claims_again_change_nothing(told: list[tuple[list[Identity], bool]]) -> None:
    state = batch()
    for _ in range(2):
        for given_, learn in told:
            identify_visitor(state, STORE, given_, Lane.LIVE, learn=learn)
    people, merges = dict(state.people), list(state.out.merges)
    for given_, learn in told:
        identify_visitor(state, STORE, given_, Lane.LIVE, learn=learn)
    assert (state.people, state.out.merges) == (people, merges)
