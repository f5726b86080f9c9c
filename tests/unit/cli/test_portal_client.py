"""What the portal's refusals become on the command line."""

from __future__ import annotations

import functools

import httpx
import pytest

from kiki.cli.portal_client import PortalClient, _failure
from kiki.kit.errors import InvalidInput, InvariantBroken, NotFound, Unavailable


def test_a_refusal_says_where_the_input_was_wrong() -> None:
    problems = [
        {"where": "body.fee_rate", "what": "too large"},
        {"where": "query.limit", "what": "too small"},
        {"where": "body.fee_rate", "what": "too long"},
    ]
    document = {"detail": "see `data.problems`", "reason": "INVALID_INPUT", "data": {"problems": problems}}
    error = _failure(httpx.Response(422, json=document))
    assert isinstance(error, InvalidInput)
    assert error.message == "the request cannot be used: fee_rate: too large, too long; limit: too small"
    assert error.data == {"fee_rate": "too large, too long", "limit": "too small"}


def test_a_failure_without_problems_keeps_its_words() -> None:
    error = _failure(httpx.Response(404, json={"detail": "no store", "reason": "STORE_NOT_FOUND", "data": {"id": 7}}))
    assert isinstance(error, NotFound)
    assert (error.message, error.reason, error.data) == ("no store", "STORE_NOT_FOUND", {"id": "7"})


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'"x"', b'{"detail": "x"}'])
def test_an_answer_that_is_no_problem_document_is_told_by_its_status(content: bytes) -> None:
    error = _failure(httpx.Response(500, content=content))
    assert isinstance(error, InvariantBroken)
    assert error.message == "the portal answered 500"


@pytest.mark.parametrize("status", [200, 404, 405, 502])
@pytest.mark.parametrize("method", ["get", "post", "patch", "put"])
def test_another_server_at_the_portals_address_is_told_as_such(
    status: int, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = httpx.Response(status, html="<html>It works!</html>")
    transport = httpx.MockTransport(lambda _: page)
    monkeypatch.setattr("kiki.cli.portal_client.httpx.Client", functools.partial(httpx.Client, transport=transport))
    with PortalClient("http://user:secret@shop.example:8060", "key") as portal, pytest.raises(Unavailable) as told:
        getattr(portal, method)("/internal/stores", *([] if method == "get" else [{}]))
    assert told.value.reason == "NOT_A_PORTAL"
    for word in ("shop.example:8060", f"got {status} with text/html", "KIKI_PORTAL_URL"):
        assert word in told.value.message
    assert "secret" not in told.value.message
