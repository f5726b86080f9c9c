"""Whether what a browser tells may be kept: signals of the request, and what the pixel says it was allowed by."""

from __future__ import annotations

from collections.abc import Mapping

from kiki.commerce.stores import StoreSettings
from kiki.kit.errors import PermissionDenied

OPT_OUT_COOKIE = "kiki_optout"
GRANTS = frozenset(["shopify", "wp", "tcf", "gcm", "call"])
"""Shopify's Customer Privacy API, WP Consent API, IAB TCF, Google Consent Mode, the page's own `kiki('consent', …)`."""
NOT_ASKED = "none"
"""The store's rule is `opt_out`, and nothing on the page asks for consent."""


class NoConsent(PermissionDenied):
    """The store's rule wants a consent, and the beacon names none."""

    reason = "NO_CONSENT"


def opted_out(headers: Mapping[str, str], settings: StoreSettings) -> bool:
    """Whether the visitor refuses by a signal that no consent overrules.

    Global Privacy Control (W3C, `Sec-GPC: 1`), Do Not Track where the store honours it, and the cookie of
    `/collect/optout`.
    """
    if headers.get("sec-gpc", "").strip() == "1":
        return True
    if settings.pixel_honours_dnt and headers.get("dnt", "").strip() == "1":
        return True
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    return any(name == OPT_OUT_COOKIE and value == "1" for name, _, value in pairs)


def check_consent(consent: str, settings: StoreSettings) -> None:
    """Raises `NoConsent` unless the beacon names what allowed it, as the store's rule wants it."""
    if consent in GRANTS or (consent == NOT_ASKED and settings.pixel_consent == "opt_out"):
        return
    raise NoConsent("this store's pixel_consent is required, and the beacon does not name what granted it")
