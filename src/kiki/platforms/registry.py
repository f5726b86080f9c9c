"""The platforms that this program speaks. A new one is added here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from kiki.platforms.protocol import Platform
from kiki.platforms.shopify.platform import Shopify
from kiki.platforms.woocommerce.platform import WooCommerce


def platforms() -> Mapping[str, Platform]:
    """Every platform by its name in the URL."""
    known: tuple[Platform, ...] = (Shopify(), WooCommerce())
    return {platform.name: platform for platform in known}
