"""The API keeps what its OpenAPI document says: generated requests to the portal, with all six agents behind it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from integration.portal.mesh import addresses_of, running_agents
from integration.portal.running import KEY, Portal, running_portal

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = {GenerationMode.POSITIVE: 8, GenerationMode.NEGATIVE: 4}
NOBODY = "http://127.0.0.1:9/"
"""Takes the place of generated addresses: a shop or an ad network that does not answer."""


@pytest.fixture
async def whole_portal(migrated_dsn: str) -> AsyncIterator[Portal]:
    """A portal whose agents are real and at hand, so that no failure is excused by their absence."""
    async with (
        running_agents(migrated_dsn) as agents,
        running_portal(migrated_dsn, addresses=addresses_of(agents)) as portal,
    ):
        yield portal


@pytest.mark.slow
async def test_every_operation_answers_as_its_document_says(whole_portal: Portal) -> None:
    store_id = (await whole_portal.add_store()).store_id
    base = f"http://127.0.0.1:{whole_portal.port}"
    document = (await whole_portal.http.get("/openapi.json")).json()
    seen: Counter[str] = Counter()
    failures = await asyncio.to_thread(lambda: list(_failures(document, base, store_id, seen)))
    assert not failures, "\n\n".join(failures)
    assert set(seen) == set(_operations(document)), "every operation was asked"


@pytest.mark.slow
@pytest.mark.parametrize("headers", [{}, {"x-internal-api-key": "wrong"}], ids=["no key", "wrong key"])
async def test_no_guarded_operation_answers_without_the_key(portal: Portal, headers: dict[str, str]) -> None:
    document = (await portal.http.get("/openapi.json")).json()
    guarded = [name for name in _operations(document) if name.partition(" ")[2].startswith(("/internal/", "/reports/"))]
    assert len(guarded) > 30
    for name in guarded:
        method, _, path = name.partition(" ")
        operation = document["paths"][path][method.lower()]
        assert operation["security"], f"{name} says that it wants the key"
        answer = await portal.http.request(method, re.sub(r"\{\w+\}", "1", path), headers=headers, json={})
        assert (answer.status_code, answer.json()["reason"]) == (403, "WRONG_INTERNAL_API_KEY"), name


def _operations(document: dict[str, Any]) -> list[str]:
    return [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]


def _failures(document: dict[str, Any], base: str, store_id: int, seen: Counter[str]) -> Iterator[str]:
    """Each operation's first failure; `seen` counts what was asked."""
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=base)
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode, examples in EXAMPLES.items():
            settings = hypothesis.settings(
                max_examples=examples,
                derandomize=True,
                database=None,
                deadline=None,
                suppress_health_check=list(hypothesis.HealthCheck),
                phases=[hypothesis.Phase.generate],
            )

            def ask(case: Case) -> None:
                _aim(case, store_id)
                seen[case.operation.label] += 1
                case.validate_response(case.call(headers={"x-internal-api-key": KEY}, timeout=10), checks=CHECKS)

            try:
                hypothesis.given(case=operation.as_strategy(generation_mode=mode))(settings(ask))()
            except (FailureGroup, AssertionError, requests.RequestException) as failure:
                yield f"{operation.label}: {failure!r}"
                break
            except hypothesis.errors.Unsatisfiable:
                continue


def _aim(case: Case, store_id: int) -> None:
    """Every other request is about the store that exists; nothing reaches for a generated address."""
    asked = case.path_parameters.get("store_id")
    if isinstance(asked, int) and asked % 2:
        case.path_parameters["store_id"] = store_id
    if isinstance(case.body, dict):
        for name in {"base_url", "url"} & case.body.keys():
            if isinstance(case.body[name], str) and case.body[name].startswith("http"):
                case.body[name] = NOBODY
