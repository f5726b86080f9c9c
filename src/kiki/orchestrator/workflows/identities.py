"""Who is who: identities as blind indexes, and the person behind several of them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence

from kiki.commerce.people import CustomerRow, Identity, IdentityKind
from kiki.kit.digest import event_id
from kiki.kit.sealing import Sealer, email_key
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows import reopening
from kiki.orchestrator.workflows.batch import Batch, Reopened
from kiki.rpc.v1 import events_pb2, syncvalue_pb2

_PURPOSES = {kind: f"identities.{kind.name.lower()}" for kind in IdentityKind}
_MAX_CLICKS = 5
_DOTLESS_HOSTS = ("@gmail.com", "@googlemail.com")
"""Their mailboxes ignore dots, and Google hashes addresses without them."""


def identities(
    sealer: Sealer,
    store_id: int,
    *,
    customer_id: str | None = None,
    email: str | None = None,
    email_sha256: str | None = None,
    phone: str | None = None,
    first_party_id: str | None = None,
    click_ids: Iterable[tuple[str, str]] = (),
) -> list[Identity]:
    """The blind indexes of what is given, the surest first.

    An address counts by its SHA-256, so that one told in clear and one told hashed are the same.
    """
    found: list[tuple[IdentityKind, str]] = []
    if customer_id:
        found.append((IdentityKind.CUSTOMER_ID, customer_id))
    if email:
        found += [(IdentityKind.EMAIL, digest) for digest in email_digests(email)]
    if email_sha256 and (IdentityKind.EMAIL, email_sha256) not in found:
        found.append((IdentityKind.EMAIL, email_sha256))
    if phone and (digits := phone_key(phone)):
        found.append((IdentityKind.PHONE, digits))
    if first_party_id:
        found.append((IdentityKind.FIRST_PARTY, first_party_id))
    found += [(IdentityKind.CLICK, f"{name}:{value}") for name, value in list(click_ids)[:_MAX_CLICKS] if value]
    return [
        (store_id, int(kind), sealer.blind_index(value, store_id=store_id, purpose=_PURPOSES[kind]))
        for kind, value in found
    ]


def email_digests(email: str) -> list[str]:
    """SHA-256 in hex of the trimmed, lower-case address as ad networks hash it; of Gmail's dotless form as well."""
    address = email_key(email)
    if not address:
        return []
    digests = [hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()]
    if address.endswith(_DOTLESS_HOSTS):
        name, _, host = address.rpartition("@")
        plain = f"{name.replace('.', '')}@{host}"
        digests.append(hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest())
    return list(dict.fromkeys(digests)) if len(digests) > 1 else digests


def phone_key(phone: str) -> str:
    """The digits of a phone number, without an international prefix's zeros; empty when it has too few."""
    digits = "".join(filter(str.isdigit, phone)).lstrip("0")
    return digits if len(digits) >= 6 else ""


def identify(batch: Batch, store_id: int, given: Sequence[Identity], lane: Lane) -> str:
    """The key of the person with these identities; unknown ones are theirs from now on.

    A shop id is the shop's own word. An e-mail address makes two records one only while at most one of them has a
    shop id. A visitor or click id leads to a person only while nobody else is known behind it.
    """
    key = _known(batch, store_id, given) or batch.new_key()
    for identity in given:
        other = batch.people.get(identity)
        if other is None:
            batch.people[identity] = batch.out.identities[identity] = key
        elif other != key and _may_merge(batch, store_id, identity, other, key):
            merge(batch, store_id, kept=key, merged=other, cause=IdentityKind(identity[1]).name.lower(), lane=lane)
    return key


def identify_visitor(batch: Batch, store_id: int, given: Sequence[Identity], lane: Lane, *, learn: bool) -> str | None:
    """The key of the person for whom a browser speaks; None when it names nobody whom we know and `learn` is False.

    Anybody can send what a browser sends. A shop id or an address that it tells is looked up and never learned, and
    only a visitor id behind which nobody is known becomes that person's: nobody ties two people together from
    outside. A click id never joins two visitors: links are passed on, click id and all.
    """
    named = (batch.people.get(identity) for identity in given if identity[1] <= IdentityKind.EMAIL)
    key = next(filter(None, named), None)
    visitor = [identity for identity in given if identity[1] == IdentityKind.FIRST_PARTY]
    visit = [identity for identity in given if identity[1] >= IdentityKind.FIRST_PARTY]
    if key is None:
        if not (learn and visit):
            return None
        key = next(filter(None, map(batch.people.get, visitor)), None)
        if key is None:
            return identify(batch, store_id, visit, lane)
    for identity in visit:
        other = batch.people.get(identity)
        if other is None:
            batch.people[identity] = batch.out.identities[identity] = key
        elif other != key and identity in visitor and (store_id, other) not in batch.customers:
            merge(batch, store_id, kept=key, merged=other, cause="visitor", lane=lane)
    return key


def _known(batch: Batch, store_id: int, given: Sequence[Identity]) -> str | None:
    named = bool(given) and given[0][1] <= IdentityKind.EMAIL
    for identity in given:
        key = batch.people.get(identity)
        if key is None:
            continue
        if identity[1] == IdentityKind.CUSTOMER_ID:
            return key
        row = batch.customers.get((store_id, key))
        if row is None:
            return key
        if identity[1] == IdentityKind.EMAIL:
            if given[0][1] != IdentityKind.CUSTOMER_ID or row.customer_id is None:
                return key
        elif not named:
            return key
    return None


def _may_merge(batch: Batch, store_id: int, identity: Identity, other: str, key: str) -> bool:
    row = batch.customers.get((store_id, other))
    if row is None:
        return True
    kept = batch.customers.get((store_id, key))
    both_named = row.customer_id is not None and (kept is None or kept.customer_id is not None)
    return identity[1] == IdentityKind.EMAIL and row.customer_id is None and not both_named


def merge(batch: Batch, store_id: int, *, kept: str, merged: str, cause: str, lane: Lane) -> None:
    """Make two persons one; what is known about the merged one counts for the kept one."""
    batch.out.merges.append((store_id, merged, kept, cause))
    for identity, key in list(batch.people.items()):
        if key == merged and identity[0] == store_id:
            batch.people[identity] = kept
            if identity in batch.out.identities:
                batch.out.identities[identity] = kept
    if (trail := batch.touches.pop((store_id, merged), None)) is not None:
        batch.trail(store_id, kept).join(trail)
    batch.orders_of.setdefault((store_id, kept), set()).update(batch.orders_of.pop((store_id, merged), set()))
    if (store_id, merged) in batch.crowded:
        batch.crowded.add((store_id, kept))
    for order in batch.orders.values():
        if order.customer_key == merged and order.store_id == store_id:
            order.customer_key = kept
    for touch in batch.out.touchpoints.values():
        if touch.customer_key == merged and touch.store_id == store_id:
            touch.customer_key = kept
    reopening.merged(batch, store_id, kept=kept, gone=merged)
    _merge_rows(batch, store_id, kept, merged, lane)


def _merge_rows(batch: Batch, store_id: int, kept: str, merged: str, lane: Lane) -> None:
    gone = batch.customers.get((store_id, merged))
    if gone is None:
        return
    stays = batch.customers.setdefault((store_id, kept), CustomerRow(store_id, kept))
    gone.merged_into = kept
    batch.out.customers |= {(store_id, merged), (store_id, kept)}
    _take_over(batch, stays, gone)
    request = syncvalue_pb2.MergeCustomersRequest(
        store_id=store_id,
        event_id=event_id(store_id, "customers_merged", merged, kept),
        kept_customer_key=kept,
        merged_customer_key=merged,
    )
    batch.call(
        "syncvalue", "MergeCustomers", lane, entity=f"customer:{kept}", subject=f"customer:{kept}", request=request
    )
    batch.log(
        "CustomersMergedEvent",
        f"customer:{kept}",
        events_pb2.CustomersMergedEvent(store_id=store_id, kept_customer_key=kept, merged_customer_key=merged),
    )


def comes_first(placed: tuple[dt.datetime, str], person: CustomerRow) -> bool:
    """Whether an order (time of its placing, id) comes before all that are known of a person."""
    return person.first_order_at is None or placed < (person.first_order_at, person.first_order_id or "")


def _take_over(batch: Batch, stays: CustomerRow, gone: CustomerRow) -> None:
    view = batch.stores.get(stays.store_id)
    before = {reopening.standing_of(view, person) for person in (stays, gone) if person.orders_count}
    if gone.first_order_at is not None and comes_first((gone.first_order_at, gone.first_order_id or ""), stays):
        stays.first_order_id, stays.first_order_at = gone.first_order_id, gone.first_order_at
        stays.first_order_incremental = gone.first_order_incremental
    if gone.last_order_at is not None and (stays.last_order_at is None or gone.last_order_at > stays.last_order_at):
        stays.last_order_at = gone.last_order_at
    stays.orders_count += gone.orders_count
    if before - {reopening.standing_of(view, stays)}:
        reopening.first_changed(batch, stays, reopening.MERGED)
    if gone.orders_count and view is not None:
        arms = {view.speakers.arm(person.customer_key) for person in (stays, gone)}
        if len(arms) > 1:
            told = Reopened(reopening.MERGED, reopening.EVER)
            reopening.reopen(batch, (stays.store_id, stays.customer_key), told)
