"""The platforms that this program speaks. A new one is added here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from kiki.platforms.protocol import Platform, ShopReader, StoreApi
from kiki.platforms.shop_http import ShopHttp
from kiki.platforms.shopify.api import ShopifyReader
from kiki.platforms.shopify.platform import Shopify
from kiki.platforms.woocommerce.api import WooCommerceReader
from kiki.platforms.woocommerce.platform import WooCommerce

OpenReader: TypeAlias = Callable[[ShopHttp, StoreApi], ShopReader]


def platforms() -> Mapping[str, Platform]:
    """Every platform by its name in the URL."""
    known: tuple[Platform, ...] = (Shopify(), WooCommerce())
    return {platform.name: platform for platform in known}


def readers() -> Mapping[str, OpenReader]:
    """How each platform's shops are read, by the platform's name."""
    return {"shopify": ShopifyReader, "woocommerce": WooCommerceReader}
