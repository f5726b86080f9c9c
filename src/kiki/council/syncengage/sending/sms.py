"""SMS through any provider that takes a JSON POST; a gateway of a few lines adapts the rest."""

from __future__ import annotations

from kiki.council.syncengage.sending.outcome import Fate, Handover, MarkHanded
from kiki.council.syncengage.settings import SyncEngageSettings
from kiki.kit.errors import DeadlineExceeded, KikiError, ResourceExhausted, Unavailable
from kiki.kit.http import OutboundHttp

_TIMEOUT_SECONDS = 20
_SPELLING = str.maketrans("", "", " \u00a0-./()")
_DIGITS = range(7, 16)
"""E.164."""


def dialled(phone: str) -> str:
    """A number in international form. Raises `ValueError` for one without its country, which nobody can add."""
    number = phone.translate(_SPELLING)
    if number.startswith("00"):
        number = f"+{number[2:]}"
    digits = number[1:]
    if number[:1] != "+" or not (digits.isascii() and digits.isdecimal()) or len(digits) not in _DIGITS:
        raise ValueError("the number is not in international form")
    return number


class SmsGateway:
    """Posts `{"to", "text", "reference"}`; the reference is also the idempotency key."""

    def __init__(self, http: OutboundHttp, settings: SyncEngageSettings) -> None:
        self._http = http
        self._url = settings.sms_url
        self._key = settings.sms_api_key.get_secret_value()

    async def send(self, *, to: str, text: str, reference: str, mark_handed: MarkHanded) -> Handover:
        """Hand one SMS over; without an answer it is never sent again."""
        if not await mark_handed():
            return Handover(Fate.WITHHELD)
        headers = {"idempotency-key": reference}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        body = {"to": to, "text": text, "reference": reference}
        try:
            answer = await self._http.request(
                "POST", self._url, json=body, headers=headers, timeout_seconds=_TIMEOUT_SECONDS
            )
        except (DeadlineExceeded, ResourceExhausted) as error:
            return Handover(Fate.UNKNOWN, error.reason.lower())
        except Unavailable as error:
            return Handover(Fate.NOT_SENT, error.reason.lower())
        except KikiError as error:
            return Handover(Fate.REFUSED, error.reason.lower())
        if answer.ok:
            return Handover(Fate.SENT)
        retry = answer.status in (408, 425, 429, 503)
        if answer.status >= 500 and not retry:
            return Handover(Fate.UNKNOWN, f"http_{answer.status}")
        return Handover(Fate.NOT_SENT if retry else Fate.REFUSED, f"http_{answer.status}")
