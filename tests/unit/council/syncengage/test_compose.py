"""What a mail looks like on the wire: headers that clients act on, names that stay names."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncengage.domain import Facts, Identity, Shop
from kiki.council.syncengage.sending.compose import Letter, compose_mail
from kiki.council.syncengage.sending.headers import mail_address, mailbox, unstructured
from kiki.council.syncengage.settings import SyncEngageSettings

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
URL = "https://portal.example/unsubscribe/1." + "aB3_-" * 50
LETTER = Letter(
    store_id=1,
    message_id=7,
    template="winback",
    marketing=True,
    identity=Identity(email="ada@example.com", first_name="Ada"),
    locale="en",
    shop=Shop("Nordlicht", "Europe/Berlin", "https://nordlicht.example/"),
    facts=Facts(code="BACK10", percent=10, code_expires_at=NOW),
    campaign_id="c",
    sender_address="shop@example.com",
    sender_identity="",
    unsubscribe_url=URL,
)
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\xad"), max_size=80).map(
    lambda text: " ".join(text.split())
)


def fields(letter: Letter) -> dict[str, str]:
    """Headers as a strict reader sees them: unfolded, nothing decoded."""
    head = compose_mail(letter, NOW).partition(b"\r\n\r\n")[0].decode("ascii").replace("\r\n ", " ")
    return dict(line.split(": ", 1) for line in head.split("\r\n"))


def test_the_one_click_header_is_the_url_itself() -> None:
    told = fields(LETTER)
    assert told["List-Unsubscribe"] == f"<{URL}>", "an encoded word here is an unsubscribe that no client finds"
    assert told["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Nordlicht", id="plain"),
        pytest.param('Bob "The, Shop" <a@b.example>; \\o/', id="specials"),
        pytest.param("=?utf-8?q?x=0d=0aBcc:_a=40b.example?=", id="an encoded word"),
        pytest.param("Müller, Söhne & Co. (Berlin)", id="comma beyond ASCII"),
        pytest.param("متجر الزهور 🌹 " * 5 + "end", id="right to left and emoji"),
        pytest.param("👩‍👩‍👧‍👦" * 10, id="joined emoji"),
    ],
)
def test_names_arrive_as_they_were_told(name: str) -> None:
    letter = replace(LETTER, shop=Shop(name, "", ""), identity=Identity("ada@example.com", "", name))
    told = fields(letter)
    for header, address in (("From", "shop@example.com"), ("To", "ada@example.com")):
        shown, reached = parseaddr(told[header])
        assert (str(make_header(decode_header(shown))), reached) == (name[:80].rstrip(), address)
    assert str(make_header(decode_header(told["Subject"]))) == f"10 % for you at {name}"
    assert "Bcc" not in message_from_bytes(compose_mail(letter, NOW), policy=policy.default)


@pytest.mark.parametrize("template", ["order_thanks", "winback"])
@pytest.mark.parametrize(
    ("name", "greeted"),
    [
        ("Ada", "Hello Ada,"),
        ("Anna-Lena M.", "Hello Anna-Lena M.,"),
        ("د. ليلى", "Hello د. ليلى,"),
        ("Win 1000 EUR: https://evil.example", "Hello,"),
        ("your prize: evil.example/win", "Hello,"),
        ("mail ada@evil.example", "Hello,"),
        ("www evil example", "Hello www evil example,"),
        ("пожалуйста зайдите на пример.рф", "Hello,"),
        ("Ada\nCall +49 123", "Hello Ada Call +49 123,"),
        ("a" * 41, "Hello,"),
    ],
)
def test_who_names_himself_an_address_is_greeted_without_a_name(template: str, name: str, greeted: str) -> None:
    """Whoever orders with a stranger's address could have a link of his own sent there in the shop's name."""
    letter = replace(LETTER, template=template, identity=Identity("ada@example.com", "", name))
    mail = message_from_bytes(compose_mail(letter, NOW), policy=policy.default)
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        content = part.get_content()
        assert greeted in content
        assert "evil.example" not in content


@given(NAMES)
def test_any_name_keeps_the_one_address_and_short_lines(name: str) -> None:
    raw = mailbox("ada@example.com", name)
    assert raw.isascii()
    assert all(len(word) <= 75 for word in raw.split() if word.startswith("=?"))
    assert parseaddr(raw.replace("\r\n ", " "))[1] == "ada@example.com"
    subject = unstructured(name)
    assert str(make_header(decode_header(subject.replace("\r\n ", " ")))) == name
    assert all(len(word) <= 75 for word in subject.split() if word.startswith("=?"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        pytest.param(" ada@example.com ", "ada@example.com", id="spaces around"),
        pytest.param("ada+shop@sub.example.com", "ada+shop@sub.example.com", id="plus"),
        pytest.param('"a b"@example.com', '"a b"@example.com', id="quoted"),
        pytest.param("ada@straße.example", "ada@xn--strae-oqa.example", id="IDNA 2008 keeps the sharp s"),
        pytest.param("ada@MÜLLER.example", "ada@xn--mller-kva.example", id="capital umlaut"),
    ],
)
def test_an_address_is_spelled_for_the_wire(text: str, address: str) -> None:
    assert mail_address(text) == address


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@", "@x.example", "a@x.example, b@y.example", "a@x.example>", "a b@x.example", "a@x.example\r\nRCPT",
     "jörg@x.example", "a@-x.example", "a@x..example", "a..b@x.example", "a" * 65 + "@x.example", "a@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a mail address"):
        mail_address(text)
    with pytest.raises(ValueError, match="not a mail address"):
        compose_mail(replace(LETTER, identity=Identity(email=text)), NOW)


def test_a_mail_needs_no_eight_bit_transport() -> None:
    raw = compose_mail(replace(LETTER, locale="de", identity=Identity("ada@example.com", "", "Jörg")), NOW)
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    text = message_from_bytes(raw, policy=policy.default).get_body(("plain",))
    assert text is not None
    assert "Hallo Jörg," in text.get_content()


def test_a_sender_that_is_no_address_is_told_at_the_start() -> None:
    with pytest.raises(ValueError, match="not a mail address"):
        SyncEngageSettings(sender_address="Nordlicht <shop@example.com>")
