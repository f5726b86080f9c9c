"""From a due message to what is handed over: MJML → HTML with a text part, or the text of an SMS. Pure."""

from __future__ import annotations

import datetime as dt
import html
import re
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import urlencode, urlsplit

import mrml
import msgspec

from kiki.council.syncengage.domain import Facts, Identity, Item, Shop
from kiki.council.syncengage.rules import zone
from kiki.council.syncengage.sending.headers import mail_address, mailbox, unstructured
from kiki.council.syncengage.sending.segments import fits, spelled
from kiki.council.syncengage.sending.words import FRAMES, WORDS, Frame, Words, language
from kiki.kit.money import Money

_INK, _QUIET, _LINE, _PAPER, _ACCENT = "#18181b", "#71717a", "#e4e4e7", "#f4f4f5", "#1d4ed8"
_MAX_LINES = 10
_BODY = SMTP.clone(cte_type="7bit")
_MAX_NAME = 80
_MAX_GREETED = 40
_ADDRESS = re.compile(r"[/:@\\]|\w\.\w{2}")
"""What mail programs make a link of. A buyer writes the name, not always with an address of their own."""
_SHORT_NAME = 20


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything that a message says."""

    store_id: int
    message_id: int
    template: str
    marketing: bool
    identity: Identity
    locale: str
    shop: Shop
    facts: Facts
    campaign_id: str
    sender_address: str
    sender_identity: str
    unsubscribe_url: str


def compose_mail(letter: Letter, now: dt.datetime) -> bytes:
    """A mail with text and HTML, in letters of ASCII alone: no hop needs 8BITMIME and none has to change it.

    Marketing carries the one-click unsubscribe headers of RFC 8058. Raises `ValueError` for an address that is none.
    """
    tongue = language(letter.locale)
    words, frame = _filled(WORDS[tongue][letter.template], letter), FRAMES[tongue]
    sender, recipient = mail_address(letter.sender_address), mail_address(letter.identity.email)
    fields = {
        "From": mailbox(sender, _name(letter.shop.name)),
        "To": mailbox(recipient, _name(letter.identity.first_name)),
        "Subject": unstructured(_line(words.subject)),
        "Date": format_datetime(now),
        "Message-ID": f"<m{letter.message_id}.{letter.store_id}@{sender.rpartition('@')[2]}>",
        "Content-Language": tongue,
    }
    if letter.marketing:
        fields["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        fields["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    else:
        fields["Auto-Submitted"] = "auto-generated"
    body = EmailMessage(policy=_BODY)
    body.set_content(_text(letter, words, frame))
    body.add_alternative(_html(letter, words, frame), subtype="html")
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode("ascii") + body.as_bytes()


def compose_sms(letter: Letter) -> str:
    """The text of an SMS of at most three parts; marketing ends with the way out of it, which is never cut off.

    What is too long loses the end of the shop's name, then the link, which would lead nowhere when cut.
    """
    frame = FRAMES[language(letter.locale)]
    way_out = f" {frame.unsubscribe}: {letter.unsubscribe_url}" if letter.marketing else ""
    said = ""
    for shop, linked in ((_MAX_NAME, True), (_SHORT_NAME, True), (_SHORT_NAME, False)):
        said = spelled(_said(letter, shop, linked=linked))
        if fits(said + way_out):
            return said + way_out
    while said and not fits(said + way_out):
        said = said[:-1]
    return said + way_out


def _said(letter: Letter, shop_chars: int, *, linked: bool) -> str:
    shop = msgspec.structs.replace(letter.shop, name=_line(letter.shop.name)[:shop_chars].rstrip())
    words = WORDS[language(letter.locale)][letter.template]
    body = words.body if linked and shop_link(letter) else words.body.partition("{link}")[0].rpartition(".")[0] + "."
    return _line(_filled(replace(words, body=body), replace(letter, shop=shop), medium="sms").body)


def shop_link(letter: Letter, medium: str = "email") -> str:
    """The shop's page with the campaign in its query; empty when the shop's URL is not known."""
    parts = urlsplit(letter.shop.url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    if not letter.campaign_id:
        return letter.shop.url
    query = {"utm_source": "syncengage", "utm_medium": medium, "utm_campaign": letter.campaign_id}
    return parts._replace(query="&".join(filter(None, (parts.query, urlencode(query))))).geturl()


def _filled(words: Words, letter: Letter, *, medium: str = "email") -> Words:
    facts = letter.facts
    places = {
        "shop": letter.shop.name,
        "number": facts.order_number,
        "percent": str(facts.percent),
        "code": facts.code,
        "date": _date(letter),
        "link": shop_link(letter, medium),
    }

    def fill(text: str) -> str:
        for name, value in places.items():
            text = text.replace("{" + name + "}", value)
        return " ".join(text.split())

    return Words(fill(words.subject), fill(words.preview), fill(words.heading), fill(words.body), fill(words.button))


def _date(letter: Letter) -> str:
    expires_at = letter.facts.code_expires_at
    return f"{expires_at.astimezone(zone(letter.shop.timezone)):%Y-%m-%d}" if expires_at else ""


def _greeting(letter: Letter, frame: Frame) -> str:
    name = _line(letter.identity.first_name)
    if not name or len(name) > _MAX_GREETED or _ADDRESS.search(name):
        return frame.hello_unnamed
    return frame.hello.replace("{name}", name)


def _listed(letter: Letter) -> tuple[Item, ...]:
    if letter.template == "upsell":
        return letter.facts.recommended[:_MAX_LINES]
    return letter.facts.items[:_MAX_LINES] if letter.template == "order_thanks" else ()


def _total(letter: Letter) -> str:
    if letter.template != "order_thanks" or not letter.facts.currency:
        return ""
    return str(Money(letter.facts.total_minor, letter.facts.currency))


def _text(letter: Letter, words: Words, frame: Frame) -> str:
    parts = [_greeting(letter, frame), "", words.body, ""]
    if items := _listed(letter):
        if letter.template == "order_thanks":
            parts.append(frame.order.replace("{number}", letter.facts.order_number))
        parts += [f"- {_quantity(item)}{item.title}" for item in items]
        if total := _total(letter):
            parts.append(f"{frame.total}: {total}")
        parts.append("")
    if letter.facts.code:
        parts += [f"{frame.code}: {letter.facts.code}", frame.valid_until.replace("{date}", _date(letter)), ""]
    if words.button and (link := shop_link(letter)):
        parts += [f"{words.button}: {link}", ""]
    parts += ["-- ", *_footer(letter, frame)]
    if letter.marketing:
        parts.append(f"{frame.unsubscribe}: {letter.unsubscribe_url}")
    return "\n".join(parts) + "\n"


def _html(letter: Letter, words: Words, frame: Frame) -> str:
    return mrml.to_html(_mjml(letter, words, frame)).content


def _mjml(letter: Letter, words: Words, frame: Frame) -> str:
    rows = [
        f'<mj-text font-size="24px" font-weight="700" padding-bottom="4px">{_safe(words.heading)}</mj-text>',
        f"<mj-text>{_safe(_greeting(letter, frame))}</mj-text>",
        f"<mj-text>{_safe(words.body)}</mj-text>",
        *_items(letter, frame),
    ]
    if letter.facts.code:
        rows.append(
            f'<mj-text align="center" font-size="13px" color="{_QUIET}"'
            f' padding-bottom="0">'
            f"{_safe(frame.code)}</mj-text>"
            f'<mj-text align="center" font-size="28px" font-weight="700"'
            f' letter-spacing="2px">'
            f"{_safe(letter.facts.code)}</mj-text>"
            f'<mj-text align="center" font-size="13px" color="{_QUIET}">'
            f"{_safe(frame.valid_until.replace('{date}', _date(letter)))}</mj-text>"
        )
    if words.button and (link := shop_link(letter)):
        rows.append(
            f'<mj-button href="{_safe(link)}" background-color="{_ACCENT}" color="#ffffff" border-radius="6px"'
            f' font-size="16px" inner-padding="12px 28px">{_safe(words.button)}</mj-button>'
        )
    small = [_safe(line) for line in _footer(letter, frame)]
    if letter.marketing:
        small.append(f'<a href="{_safe(letter.unsubscribe_url)}" style="color:{_QUIET}">{_safe(frame.unsubscribe)}</a>')
    font = "-apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif"
    return (
        f"<mjml><mj-head><mj-title>{_safe(words.subject)}</mj-title><mj-preview>{_safe(words.preview)}</mj-preview>"
        f'<mj-attributes><mj-all font-family="{font}"/>'
        f'<mj-text font-size="16px" line-height="1.5" color="{_INK}"/></mj-attributes></mj-head>'
        f'<mj-body background-color="{_PAPER}" width="600px">'
        f'<mj-section padding="24px 0 8px"><mj-column><mj-text align="center" font-size="18px" font-weight="700">'
        f"{_safe(letter.shop.name)}</mj-text></mj-column></mj-section>"
        f'<mj-section background-color="#ffffff" border-radius="8px" padding="24px 12px"><mj-column>{"".join(rows)}'
        "</mj-column></mj-section>"
        f'<mj-section padding="8px 0 24px"><mj-column><mj-text align="center" font-size="12px" color="{_QUIET}">'
        f"{'<br/>'.join(small)}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )


def _items(letter: Letter, frame: Frame) -> list[str]:
    items = _listed(letter)
    if not items:
        return []
    cell = f'style="padding:8px 0;border-bottom:1px solid {_LINE}"'
    rows = [f"<tr><td {cell}>{_safe(_quantity(item) + item.title)}</td></tr>" for item in items]
    if total := _total(letter):
        rows.append(f'<tr><td style="padding:12px 0;font-weight:700">{_safe(frame.total)}: {_safe(total)}</td></tr>')
    heading = []
    if letter.template == "order_thanks" and letter.facts.order_number:
        order = frame.order.replace("{number}", letter.facts.order_number)
        heading = [f'<mj-text font-weight="700" padding-bottom="0">{_safe(order)}</mj-text>']
    return [*heading, f'<mj-table font-size="15px" color="{_INK}">{"".join(rows)}</mj-table>']


def _quantity(item: Item) -> str:
    return f"{item.quantity} × " if item.quantity > 1 else ""


def _footer(letter: Letter, frame: Frame) -> list[str]:
    why = frame.why_marketing if letter.marketing else frame.why_order
    sender = letter.sender_identity or frame.sent_by.replace("{shop}", letter.shop.name)
    return [_line(sender), why]


def _safe(text: str) -> str:
    return html.escape(text, quote=True)


def _line(text: str) -> str:
    return " ".join(text.split())


def _name(text: str) -> str:
    return _line(text)[:_MAX_NAME].rstrip()
