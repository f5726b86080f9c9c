"""The portal's HTTP API as commands use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from kiki.kit.errors import (
    Conflict,
    FailedPrecondition,
    InvalidInput,
    InvariantBroken,
    KikiError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unavailable,
)
from kiki.kit.http import authorities

_KINDS: dict[int, type[KikiError]] = {
    400: InvalidInput,
    401: PermissionDenied,
    403: PermissionDenied,
    404: NotFound,
    405: NotFound,
    409: Conflict,
    412: FailedPrecondition,
    413: InvalidInput,
    422: InvalidInput,
    429: ResourceExhausted,
    503: Unavailable,
    504: Unavailable,
}
_TIMEOUT_SECONDS = 60.0
_PAGE = 200
_FROM_ELSEWHERE = (404, 405, 502)
"""Where they carry no problem document, another server answered, or a proxy that finds no portal."""
_PROBLEMS = "problems"


def portal_url() -> str:
    """Where this machine reaches the portal: KIKI_PORTAL_URL, else the portal's own host and port."""
    from kiki.runtime.installation import portal_address

    return portal_address()


class PortalClient:
    """One connection to the portal, as the holder of the internal key."""

    def __init__(self, url: str, api_key: str, *, actor: str = "cli") -> None:
        headers = {"x-internal-api-key": api_key, "x-actor": actor}
        self.url = url
        self.api_key = api_key
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False, verify=authorities()
        )

    @classmethod
    def of_installation(cls) -> Self:
        """The portal of this installation, with its key."""
        from kiki.runtime.installation import read_settings

        settings = read_settings()
        if not settings.api_keys:
            raise PermissionDenied(
                f"no internal API key: set KIKI_INTERNAL_API_KEY, or run on the machine of the `kiki up` (it keeps its"
                f" key in {settings.folder})",
                reason="NO_API_KEY",
            )
        return cls(portal_url(), settings.api_keys[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: object) -> Any:
        """GET a JSON document."""
        return _document(self.send("GET", path, query=query))

    def post(self, path: str, body: object = None, **query: object) -> Any:
        """POST a JSON document."""
        answer = self.send("POST", path, body=body, query=query)
        return _document(answer) if answer.content else {}

    def patch(self, path: str, body: object) -> Any:
        """PATCH with a JSON document."""
        return _document(self.send("PATCH", path, body=body))

    def put(self, path: str, body: object) -> Any:
        """PUT a JSON document."""
        answer = self.send("PUT", path, body=body)
        return _document(answer) if answer.content else {}

    def rows(self, path: str, name: str, limit: int, **query: object) -> Iterator[dict[str, Any]]:
        """Rows of a list, page after page, up to a limit."""
        cursor = ""
        left = limit
        while left > 0:
            page = self.get(path, cursor=cursor or None, limit=min(left, _PAGE), **query)
            rows = page[name][:left]
            yield from rows
            left -= len(rows)
            cursor = page["next_cursor"]
            if not rows or not cursor:
                return

    def send(
        self, method: str, path: str, *, body: object = None, query: Mapping[str, object] | None = None
    ) -> httpx.Response:
        """One request. Raises the failure that the portal's problem document tells."""
        given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        try:
            answer = self._http.request(method, path, json=body, params=given)
        except httpx.TimeoutException:
            raise Unavailable(
                f"the portal at {_place(self.url)} did not answer in time", reason="PORTAL_TIMEOUT"
            ) from None
        except httpx.HTTPError as error:
            raise Unavailable(
                f"the portal at {_place(self.url)} cannot be reached ({type(error).__name__}); is `kiki up` running?",
                reason="PORTAL_UNAVAILABLE",
            ) from None
        if answer.is_success:
            return answer
        raise _failure(answer)


def _document(answer: httpx.Response) -> Any:
    """What the portal answered. Raises `Unavailable` where something else did."""
    try:
        return answer.json()
    except ValueError:
        raise _elsewhere(answer) from None


def _elsewhere(answer: httpx.Response) -> Unavailable:
    got = answer.headers.get("content-type", "nothing").partition(";")[0][:40]
    return Unavailable(
        f"what answers at {_place(str(answer.request.url))} is no portal: got {answer.status_code} with {got}, "
        "wanted JSON; KIKI_PORTAL_URL says where the portal is",
        reason="NOT_A_PORTAL",
    )


def _failure(answer: httpx.Response) -> KikiError:
    kind = _KINDS.get(answer.status_code, InvariantBroken)
    try:
        document = answer.json()
        message, reason = str(document["detail"]), str(document["reason"])
    except (ValueError, KeyError, TypeError):
        if answer.status_code in _FROM_ELSEWHERE:
            return _elsewhere(answer)
        return kind(f"the portal answered {answer.status_code}", reason="UNEXPECTED_ANSWER")
    data = {name: str(value) for name, value in (document.get("data") or {}).items() if name != _PROBLEMS}
    if told := _problems(document):
        message = f"the request cannot be used: {'; '.join(f'{where}: {what}' for where, what in told.items())}"
    return kind(message, reason=reason, data={**data, **told})


def _problems(document: Mapping[str, Any]) -> dict[str, str]:
    """What was wrong with the input, by the place in it."""
    listed = (document.get("data") or {}).get(_PROBLEMS)
    told: dict[str, str] = {}
    for problem in listed if isinstance(listed, list) else ():
        where, what = str(problem["where"]).removeprefix("body.").removeprefix("query."), str(problem["what"])
        told[where] = f"{told[where]}, {what}" if where in told else what
    return told


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _place(url: str) -> str:
    """Host and port; a user and password before them stay out."""
    return urlsplit(url).netloc.rpartition("@")[2]
