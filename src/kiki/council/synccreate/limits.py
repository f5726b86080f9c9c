"""What ad networks allow: text lengths, calls to action, picture formats, each with its source.

Where a network only recommends a length (text beyond it is hidden behind "more"), we keep to the recommendation.
"""

from __future__ import annotations

from dataclasses import dataclass

from kiki.council.synccreate.domain import AdNetwork, CreativeType, Format


@dataclass(frozen=True, slots=True)
class NetworkLimits:
    """The rules of one network. Lengths count double-width characters as two."""

    headline: int
    description: int
    allows_emoji: bool
    formal: bool
    """Whether the network refuses bullets, repeated marks, a `!` in the headline and a second one below."""
    shop: str
    """Call to action for a product with a price."""
    offer: str
    """… for a reduced one."""
    learn: str
    """… for one without a price."""
    actions: frozenset[str]
    sources: tuple[str, ...]


_META_SOURCE = (
    "https://experienceleague.adobe.com/en/docs/genstudio-for-performance-marketing/user-guide/templates/"
    "channel-best-practice/meta-template"
)
_COMMON_ACTIONS = frozenset({"SHOP_NOW", "LEARN_MORE", "ORDER_NOW", "SIGN_UP", "CONTACT_US", "BOOK_NOW"})

LIMITS: dict[AdNetwork, NetworkLimits] = {
    AdNetwork.GOOGLE: NetworkLimits(
        headline=30,
        description=90,
        allows_emoji=False,
        formal=True,
        shop="SHOP_NOW",
        offer="BUY_NOW",
        learn="LEARN_MORE",
        actions=_COMMON_ACTIONS
        | {"BUY_NOW", "SEE_MORE", "VISIT_SITE", "SUBSCRIBE", "DOWNLOAD", "GET_QUOTE", "APPLY_NOW"},
        sources=(
            "https://developers.google.com/google-ads/api/performance-max/asset-requirements",
            "https://support.google.com/google-ads/answer/17091269",
            "https://support.google.com/google-ads/answer/13676244?hl=ja",
            "https://support.google.com/adspolicy/answer/14847994",
            "https://support.google.com/adwordspolicy/answer/176095",
        ),
    ),
    AdNetwork.META: NetworkLimits(
        headline=40,
        description=125,
        allows_emoji=True,
        formal=False,
        shop="SHOP_NOW",
        offer="GET_OFFER",
        learn="LEARN_MORE",
        actions=_COMMON_ACTIONS | {"BUY_NOW", "GET_OFFER", "SUBSCRIBE", "DOWNLOAD", "SEE_MENU"},
        sources=(_META_SOURCE,),
    ),
    # TikTok's ad text is 1 to 100 characters without emoji; the headline is ours alone, for the pictures.
    AdNetwork.TIKTOK: NetworkLimits(
        headline=40,
        description=100,
        allows_emoji=False,
        formal=False,
        shop="SHOP_NOW",
        offer="ORDER_NOW",
        learn="LEARN_MORE",
        actions=_COMMON_ACTIONS | {"VIEW_NOW", "DOWNLOAD_NOW", "SUBSCRIBE"},
        sources=("https://ads.tiktok.com/help/article/video-ads-specifications",),
    ),
}

MAX_FILE_BYTES = 5120 * 1024
"""Google's limit for one picture, the strictest."""

_LANDSCAPE = Format("landscape", 1200, 628)
_IMAGES: dict[AdNetwork, tuple[Format, ...]] = {
    AdNetwork.GOOGLE: (_LANDSCAPE, Format("square", 1200, 1200), Format("portrait", 960, 1200)),
    AdNetwork.META: (
        Format("square", 1080, 1080),
        Format("portrait", 1080, 1350),
        Format("story", 1080, 1920),
        Format("landscape", 1080, 566),
    ),
    AdNetwork.TIKTOK: (Format("story", 1080, 1920), Format("square", 1080, 1080), _LANDSCAPE),
}
CARDS = 3
"""Cards of a carousel: the product, what it is, the offer."""
_CARD_SIDE = {AdNetwork.GOOGLE: 1200, AdNetwork.META: 1080, AdNetwork.TIKTOK: 1080}


def formats(creative_type: CreativeType, network: AdNetwork) -> tuple[Format, ...]:
    """The pictures that a creative of this type needs on this network."""
    if creative_type is CreativeType.IMAGE:
        return _IMAGES[network]
    if creative_type is CreativeType.CAROUSEL:
        side = _CARD_SIDE[network]
        return tuple(Format(f"card-{card}", side, side, card=card) for card in range(1, CARDS + 1))
    return Format("storyboard", 540, 960, animated=True), Format("poster", 1080, 1920)
