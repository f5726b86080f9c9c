"""The page of the API: all of the document stands on it, links lead somewhere, examples are taken, and nothing runs."""

from __future__ import annotations

import json
import re
import shlex
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
from fastapi import FastAPI

from kiki.portal.app import build_app
from kiki.portal.reference.curl import curl_line
from kiki.portal.reference.page import reference_page
from kiki.portal.reference.samples import Samples
from kiki.portal.reference.schemas import fields, limits, parameters, prose, type_of

BASE = "https://kiki.example"
VOID = {"meta", "br"}
HOSTILE = "<script>alert(1)</script> & `<b>`"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app: Any = build_app(SimpleNamespace(settings=SimpleNamespace(max_body_bytes=1, api_keys=())))  # type: ignore[arg-type]
    while not isinstance(app, FastAPI):
        app = app._app
    told: dict[str, Any] = app.openapi()
    return told


class Seen(HTMLParser):
    """What stands on a page: elements with their attributes, and whether every one is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def values(self, name: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(name)) is not None]


@pytest.fixture(scope="module")
def seen(document: dict[str, Any]) -> Seen:
    return Seen(reference_page(document, BASE))


def test_every_operation_tag_and_schema_stands_on_the_page_once(document: dict[str, Any], seen: Seen) -> None:
    wanted = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    wanted |= {f"schema-{name}" for name in document["components"]["schemas"]}
    wanted |= {f"tag-{tag['name'].replace(' ', '-')}" for tag in document["tags"]}
    ids = seen.values("id")
    assert wanted < set(ids)
    assert len(ids) == len(set(ids))
    assert seen.open == []


def test_every_link_leads_somewhere_on_this_machine(seen: Seen) -> None:
    links = seen.values("href")
    assert {link[1:] for link in links if link.startswith("#")} <= set(seen.values("id"))
    assert {link for link in links if not link.startswith("#")} == {"/openapi.json"}


def test_nothing_on_the_page_runs_or_comes_from_elsewhere(seen: Seen) -> None:
    """A policy that allows the one style sheet and nothing else blocks nothing of it."""
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & {tag for tag, _ in seen.elements}
    names = {name for _, attributes in seen.elements for name in attributes}
    assert names <= {"lang", "charset", "name", "content", "id", "href", "class", "aria-label"}
    assert sum(tag == "style" for tag, _ in seen.elements) == 1


def test_every_schema_has_a_sample_that_it_takes(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    samples = Samples(schemas)
    for name, schema in schemas.items():
        whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
        assert jsonschema_rs.validator_for(whole).is_valid(samples.of(schema)), (name, samples.of(schema))


def test_every_operation_has_a_line_of_curl_that_asks_it(document: dict[str, Any]) -> None:
    samples = Samples(document["components"]["schemas"])
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            words = shlex.split(curl_line(BASE, path, method, operation, samples))
            target = urlsplit(words[-1])
            assert re.fullmatch(re.sub(r"\\{\w+\\}", "[^{}]+", re.escape(path)), target.path)
            assert ("x-internal-api-key: $KIKI_INTERNAL_API_KEY" in words) == path.startswith(
                ("/internal/", "/reports/")
            )
            assert words[0] == "curl"
            assert (words[words.index("-X") + 1] if "-X" in words else "GET") == method.upper()
            if "content-type: application/json" in words:
                json.loads(words[words.index("-d") + 1])


def test_a_body_with_a_quote_comes_through_the_shell_whole() -> None:
    schema = {"type": "object", "examples": [{"why": "it's `late` $HOME"}]}
    operation = {"requestBody": {"content": {"application/json": {"schema": schema}}}}
    words = shlex.split(curl_line(BASE, "/x", "post", operation, Samples({})))
    assert json.loads(words[words.index("-d") + 1]) == {"why": "it's `late` $HOME"}


def test_text_of_the_document_is_never_markup() -> None:
    schema = {
        "type": "object",
        "description": HOSTILE,
        "properties": {HOSTILE: {"type": HOSTILE, "description": HOSTILE, "pattern": HOSTILE, "default": HOSTILE}},
    }
    operation = {
        "tags": ["one"],
        "operationId": "ask",
        "summary": HOSTILE,
        "description": HOSTILE,
        "parameters": [{"name": HOSTILE, "in": "query", "required": True, "schema": {"enum": [HOSTILE]}}],
        "responses": {"200": {"description": HOSTILE, "content": {"application/json": {"schema": schema}}}},
    }
    document = {
        "info": {"title": HOSTILE, "version": "1", "description": HOSTILE},
        "tags": [{"name": "one", "description": HOSTILE}],
        "paths": {"/ask": {"get": operation}},
        "components": {"schemas": {"Answer": schema}, "responses": {}},
    }
    found = Seen(reference_page(document, BASE))
    assert "script" not in {tag for tag, _ in found.elements}
    assert "b" not in {tag for tag, _ in found.elements}
    assert found.open == []


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        pytest.param({"$ref": "#/components/schemas/Job"}, '<a href="#schema-Job">Job</a>', id="another schema"),
        pytest.param({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null", id="nullable"),
        pytest.param({"type": "array", "items": {"type": "string"}}, "list of string", id="list"),
        pytest.param({"type": "string", "format": "date-time"}, "string (date-time)", id="format"),
        pytest.param({"type": "string", "enum": ["a", "b"]}, "<code>a</code> · <code>b</code>", id="words"),
        pytest.param({"type": "object", "additionalProperties": {"type": "number"}}, "object of number", id="map"),
        pytest.param({"type": ["string", "null"], "format": "date"}, "string or null (date)", id="several types"),
        pytest.param({}, "anything", id="untold"),
    ],
)
def test_types_are_told_in_words(schema: dict[str, Any], wanted: str) -> None:
    assert type_of(schema) == wanted


def test_limits_are_told_also_of_what_may_be_null() -> None:
    assert limits({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"type": "null"}], "default": 0}) == [
        "default <code>0</code>",
        "≥ 1",
        "≤ 9",
    ]


def test_a_parameter_that_may_be_left_out_is_not_called_null() -> None:
    schema = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}
    told = parameters([{"name": "store_id", "in": "query", "required": False, "schema": schema}])
    assert '<span class="soft">integer, ≥ 1, query</span>' in told


def test_the_fields_of_an_object_without_a_name_are_told_where_it_stands() -> None:
    inner = {"type": "object", "properties": {"day": {"type": "string", "description": "Which."}}}
    for schema in (inner, {"type": "array", "items": inner}, {"anyOf": [inner, {"type": "null"}]}):
        assert "<code>day</code>" in fields({"properties": {"outer": schema}})


def test_a_description_keeps_its_paragraphs_and_its_code() -> None:
    assert prose("One `x < y`\nline.\n\nTwo.") == "<p>One <code>x &lt; y</code> line.</p><p>Two.</p>"
