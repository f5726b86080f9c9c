"""Whether a shop's own server stands behind the person that a browser names.

Anybody can send a beacon, and customer ids are counted: without a proof a stranger could put clicks to every customer's
name, and their orders would be billed. What a shop's server prints into a page, `HMAC-SHA256(secret, id)` in hex, can
be made by nobody else: the secret stands in the theme's or plugin's code and never in a page.
"""

from __future__ import annotations

import hashlib
import hmac

from msgspec.structs import replace

from kiki.commerce.collectors import CollectorStore
from kiki.kit.errors import PermissionDenied
from kiki.kit.sealing import Sealer
from kiki.portal.collector.schemas import Beacon, customer_of

_PURPOSE = "collector.identify"


class NoProof(PermissionDenied):
    """A page says who its visitor is, and nothing shows that the shop's server said so."""

    reason = "NO_PROOF"


def identify_secret(sealer: Sealer, store: CollectorStore) -> str:
    """What the shop's server signs with: 32 hex digits, others with every collector key."""
    return sealer.blind_index(store.collector_key, store_id=store.store_id, purpose=_PURPOSE).hex()


def proof_of(secret: str, person: str) -> str:
    """The proof for a customer id, or for the SHA-256 of an address in hex."""
    return hmac.new(secret.encode(), person.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def proven(beacon: Beacon, store: CollectorStore, sealer: Sealer) -> Beacon:
    """The beacon with the persons that count: the proven ones, or with the rule `told` all of them.

    Raises `NoProof` when it does nothing but name somebody, and none of them is proven.
    """
    if store.settings.pixel_identify == "told" or (beacon.customer_id is None and beacon.email_sha256 is None):
        return beacon
    secret = identify_secret(sealer, store)
    customer = beacon.customer_id if _shown(beacon, secret, customer_of(beacon)) else None
    address = beacon.email_sha256 if _shown(beacon, secret, beacon.email_sha256) else None
    if beacon.kind == "identify" and customer is None and address is None:
        raise NoProof(
            "the beacon has no proof for whom it names: this store's pixel_identify is signed, and the printed snippet"
            " of `kiki stores pixel` has one"
        )
    return replace(beacon, customer_id=customer, email_sha256=address)


def _shown(beacon: Beacon, secret: str, person: str | None) -> bool:
    return bool(person) and hmac.compare_digest(proof_of(secret, person or ""), beacon.proof)
