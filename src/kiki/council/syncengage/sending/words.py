"""The words of the messages, by language. Plain `{…}` places; values are escaped by who fills them in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """One template in one language."""

    subject: str
    preview: str
    heading: str
    body: str
    button: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What every message of a language shares."""

    hello: str
    hello_unnamed: str
    order: str
    total: str
    code: str
    valid_until: str
    sent_by: str
    why_order: str
    why_marketing: str
    unsubscribe: str


FRAMES = {
    "en": Frame(
        "Hello {name},", "Hello,", "Your order {number}", "Total", "Your code", "Valid until {date}", "Sent by {shop}",
        "You receive this mail because you placed an order.",
        "You receive this mail because you agreed to hear from us.",
        "Unsubscribe",
    ),
    "de": Frame(
        "Hallo {name},", "Hallo,", "Ihre Bestellung {number}", "Summe", "Ihr Code", "Gültig bis {date}",
        "Gesendet von {shop}", "Sie erhalten diese E-Mail, weil Sie bei uns bestellt haben.",
        "Sie erhalten diese E-Mail, weil Sie zugestimmt haben.", "Abmelden",
    ),
}  # fmt: skip

WORDS: dict[str, dict[str, Words]] = {
    "en": {
        "order_thanks": Words(
            "Thank you for your order {number}",
            "We are getting it ready.",
            "Thank you",
            "We have received your order and are getting it ready. If something is not right, our shop is there for"
            " you.",
            "",
        ),
        "order_tips": Words(
            "Make the most of your order from {shop}",
            "A few words about what you bought.",
            "Enjoy what you chose",
            "We hope that you are looking forward to it. Our shop has care instructions, ideas and answers to"
            " common questions.",
            "Visit {shop}",
        ),
        "upsell": Words(
            "Goes well with your order from {shop}",
            "Others who bought the same also chose these.",
            "Goes well together",
            "Customers who bought what you bought also chose:",
            "Have a look",
        ),
        "winback": Words(
            "{percent} % for you at {shop}",
            "A small thank-you, for a short time.",
            "We would love to see you again",
            "It has been a while. Here is {percent} % off your next order:",
            "Use the code",
        ),
        "order_tips_sms": Words("", "", "", "{shop}: thank you for your order {number}. Care and ideas: {link}", ""),
        "winback_sms": Words("", "", "", "{shop}: {percent} % off with {code} until {date}. {link}", ""),
    },
    "de": {
        "order_thanks": Words(
            "Vielen Dank für Ihre Bestellung {number}",
            "Wir bereiten sie vor.",
            "Vielen Dank",
            "Ihre Bestellung ist bei uns eingegangen und wird vorbereitet. Stimmt etwas nicht, ist"
            " unser Shop für Sie da.",
            "",
        ),
        "order_tips": Words(
            "Mehr Freude an Ihrer Bestellung bei {shop}",
            "Ein paar Worte zu Ihrem Einkauf.",
            "Viel Freude damit",
            "Wir hoffen, dass Sie sich darauf freuen. In unserem Shop finden Sie Pflegehinweise, Ideen und"
            " Antworten auf häufige Fragen.",
            "Zu {shop}",
        ),
        "upsell": Words(
            "Passt zu Ihrer Bestellung bei {shop}",
            "Das haben andere dazu gewählt.",
            "Passt gut zusammen",
            "Wer dasselbe gekauft hat, wählte auch:",
            "Ansehen",
        ),
        "winback": Words(
            "{percent} % für Sie bei {shop}",
            "Ein kleines Dankeschön, für kurze Zeit.",
            "Schön, Sie wiederzusehen",
            "Es ist eine Weile her. Hier sind {percent} % auf Ihre nächste Bestellung:",
            "Code einlösen",
        ),
        "order_tips_sms": Words("", "", "", "{shop}: Danke für Ihre Bestellung {number}. Pflege und Ideen: {link}", ""),
        "winback_sms": Words("", "", "", "{shop}: {percent} % mit {code} bis {date}. {link}", ""),
    },
}


def language(locale: str) -> str:
    """The language of a locale that we have words for; English otherwise."""
    primary = locale.replace("_", "-").split("-")[0].lower()
    return primary if primary in WORDS else "en"
