"""The template writer: headline, description and call to action from a product. Pure."""

from __future__ import annotations

import re
import unicodedata

from kiki.council.synccreate.domain import Brief, Copy, Product
from kiki.council.synccreate.limits import LIMITS, NetworkLimits
from kiki.council.synccreate.text import cut, plain, sentences, width, without_emoji
from kiki.kit.money import Money, exponent

_SYMBOLS = {
    "EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "KRW": "₩", "ILS": "₪", "VND": "₫",
    "TRY": "₺", "PLN": "zł", "CZK": "Kč", "CAD": "CA$", "AUD": "A$", "NZD": "NZ$", "HKD": "HK$",
    "BRL": "R$", "MXN": "MX$",
}  # fmt: skip
_AFTER = frozenset({"de", "fr", "es", "it", "nl", "pl", "cs", "pt", "sv", "da", "nb", "no", "fi", "tr", "ru", "uk"})
_BEFORE = {"nl": "\xa0", "de-at": "\xa0", "pt-br": "\xa0", "tr": ""}
"""Locales of decimal commas whose sign stands before the number, with what is between."""
_POINTED = frozenset(
    {"de-ch", "de-li", "es-mx", "es-us", "es-pr", "es-do", "es-gt", "es-hn", "es-ni", "es-pa", "es-pe", "es-sv"}
)
"""Locales that write a decimal point though others of their language do not: `1,50` would be read as another price."""
_SPACED = frozenset({"fr", "pl", "cs", "sv", "nb", "no", "fi", "ru", "uk"})

_ACTIONS = {
    "en": {
        "SHOP_NOW": "Shop now",
        "BUY_NOW": "Buy now",
        "GET_OFFER": "Get offer",
        "ORDER_NOW": "Order now",
        "LEARN_MORE": "Learn more",
    },
    "de": {
        "SHOP_NOW": "Jetzt einkaufen",
        "BUY_NOW": "Jetzt kaufen",
        "GET_OFFER": "Angebot sichern",
        "ORDER_NOW": "Jetzt bestellen",
        "LEARN_MORE": "Mehr erfahren",
    },
    "fr": {
        "SHOP_NOW": "Acheter",
        "BUY_NOW": "Acheter",
        "GET_OFFER": "Profiter de l'offre",
        "ORDER_NOW": "Commander",
        "LEARN_MORE": "En savoir plus",
    },
    "es": {
        "SHOP_NOW": "Comprar",
        "BUY_NOW": "Comprar ahora",
        "GET_OFFER": "Ver oferta",
        "ORDER_NOW": "Pedir ahora",
        "LEARN_MORE": "Más información",
    },
}
_REDUCED = {
    "en": "Now {price} instead of {before}.",
    "de": "Jetzt {price} statt {before}.",
    "fr": "{price} au lieu de {before}.",
    "es": "Ahora {price} en vez de {before}.",
}
_PLAIN = {
    "en": "{title} from {vendor}.",
    "de": "{title} von {vendor}.",
    "fr": "{title} de {vendor}.",
    "es": "{title} de {vendor}.",
}
_LOUD = re.compile(r"([!?.])\1+")
_REPEATED = re.compile(r"([^\w\s])\1+|([!?])[!?]+")
_AFTER_A_STOP = re.compile(r"(?<=[.!?:;]),")
_BULLETS = re.compile(r"(?<!\d)[*•‣◦▪▫■□●○◆◇►▶★☆✓✔➤]+|[•‣◦▪▫■□●○◆◇►▶★☆✓✔➤]+")
_HALF_KATAKANA = re.compile(r"[\uff65-\uff9f]+")


class TemplateWriter:
    """Takes the shop's own words and puts them within the network's limits; invents nothing."""

    name = "template/2"

    def write(self, brief: Brief) -> Copy:
        """The copy of a creative."""
        limits, language = LIMITS[brief.network], language_of(brief.locale)
        action = _action(brief.product, limits)
        return Copy(
            headline=_headline(brief, limits),
            description=_description(brief, limits, language),
            action=action,
            action_text=_ACTIONS[language][action],
        )


def language_of(locale: str) -> str:
    """The language of a locale that we have words for; English otherwise."""
    primary = primary_language(locale)
    return primary if primary in _ACTIONS else "en"


def primary_language(locale: str) -> str:
    """`de` of `de-CH`."""
    return locale.replace("_", "-").split("-")[0].lower()


def price_text(minor: int | None, currency: str, locale: str, *, symbol: bool = True) -> str:
    """A price as readers of a locale expect it: `€49.90`, `49,90 €`, `¥1,200`; the code where no symbol may be used."""
    if minor is None or not currency:
        return ""
    language = primary_language(locale)
    number = f"{Money(minor, currency).amount:,.{exponent(currency)}f}"
    place = locale.replace("_", "-").lower()
    comma = language in _AFTER and place not in _POINTED
    if comma:
        group = "\xa0" if language in _SPACED else "."
        number = number.translate({ord(","): group, ord("."): ","})
    elif language == "de":
        number = number.replace(",", "’")
    sign = _SYMBOLS.get(currency, currency) if symbol else currency
    between = _BEFORE.get(place, _BEFORE.get(language))
    if comma and between is not None:
        return f"{sign}{between}{number}"
    if comma:
        return f"{number}\xa0{sign}"
    return f"{sign}{number}" if not sign[-1].isalpha() else f"{sign}\xa0{number}"


def title_of(product: Product, limits: NetworkLimits) -> str:
    """The title in plain text; a product without one is called by its category or vendor."""
    names = (_allowed(name, limits) for name in (product.title, product.category, product.vendor))
    if limits.formal:
        names = (" ".join(name.replace("!", " ").split()) for name in names)
    return next(filter(None, names), product.product_id.replace("!", "") or product.product_id)


def _headline(brief: Brief, limits: NetworkLimits) -> str:
    title = title_of(brief.product, limits)
    price = price_text(brief.product.price_minor, brief.product.currency, brief.locale)
    priced = f"{title} – {price}"
    if price and width(priced) <= limits.headline:
        return priced
    return cut(title, limits.headline)


def _description(brief: Brief, limits: NetworkLimits, language: str) -> str:
    product = brief.product
    said = _allowed(product.description, limits)
    if not said:
        title, vendor = title_of(product, limits), _allowed(product.vendor, limits)
        said = _PLAIN[language].format(title=title, vendor=vendor) if vendor and vendor != title else f"{title}."
    if limits.formal:
        first, mark, rest = said.partition("!")
        said = first + mark + rest.replace("!", ".")
    if product.is_reduced:
        price = price_text(product.price_minor, product.currency, brief.locale)
        before = price_text(product.compare_at_minor, product.currency, brief.locale)
        lead = _REDUCED[language].format(price=price, before=before)
        room = limits.description - width(lead) - 1
        return f"{lead} {sentences(said, room)}" if room >= 20 else cut(lead, limits.description)
    return sentences(said, limits.description)


def _allowed(text: str, limits: NetworkLimits) -> str:
    clean = _LOUD.sub(r"\1", plain(text))
    clean = clean if limits.allows_emoji else without_emoji(clean)
    return _formal(clean) if limits.formal else clean


def _formal(text: str) -> str:
    """Without what Google's editorial policy refuses: bullets and asterisks, repeated marks, half-width katakana."""
    text = _HALF_KATAKANA.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)
    if _BULLETS.search(text):
        between = " " if "*" in text else ", "
        text = between.join(filter(None, (part.strip(" ,") for part in _BULLETS.split(text))))
        text = _AFTER_A_STOP.sub("", text)
    return " ".join(_REPEATED.sub(lambda found: found[1] or found[2], text).split())


def _action(product: Product, limits: NetworkLimits) -> str:
    if product.price_minor is None:
        return limits.learn
    return limits.offer if product.is_reduced else limits.shop
