"""The page: every operation by its tag, with what it takes, what it answers and how it is asked; then every schema."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from kiki.portal.reference.curl import KEY_VARIABLE, curl_line
from kiki.portal.reference.samples import Samples
from kiki.portal.reference.schemas import code, fields, line, parameters, prose, type_of
from kiki.portal.reference.style import STYLE

Document = Mapping[str, Any]
_RESPONSES = "#/components/responses/"
_SCHEMAS = "#/components/schemas/"
_HOW = (
    "The lines of curl take the key from the variable {variable} of the shell; "
    "what stands in capitals in an address is to be replaced. A click on a line selects it. "
    'Generators of clients take <a href="/openapi.json">/openapi.json</a>.'
)


def reference_page(document: Document, base: str) -> str:
    """The whole page as HTML; `base` is the portal's address in the lines of curl."""
    return _Page(document, base).written()


class _Page:
    def __init__(self, document: Document, base: str) -> None:
        self._document = document
        self._base = base
        self._schemas: Mapping[str, Any] = document["components"]["schemas"]
        self._samples = Samples(self._schemas)

    def written(self) -> str:
        info = self._document["info"]
        title = html.escape(f"{info['title']} {info['version']}")
        how = _HOW.format(variable=code(KEY_VARIABLE))
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{title}: the API</title><style>{STYLE}</style></head>\n<body><h1>{title}</h1>"
            f"{prose(info.get('description', ''))}<p>{how}</p>{self._contents()}"
            f"<main>{''.join(self._tags())}{self._all_schemas()}</main></body></html>\n"
        )

    def _operations(self, tag: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for path, methods in self._document["paths"].items():
            for method, operation in methods.items():
                if tag in operation["tags"]:
                    yield path, method, operation

    def _contents(self) -> str:
        links = [
            f'<li><a href="#{_anchor(tag["name"])}">{line(tag["name"])}</a></li>' for tag in self._document["tags"]
        ]
        links.append('<li><a href="#schemas">schemas</a></li>')
        return f'<nav aria-label="Contents"><ul>{"".join(links)}</ul></nav>'

    def _tags(self) -> Iterator[str]:
        for tag in self._document["tags"]:
            shown = "\n".join(self._operation(*each) for each in self._operations(tag["name"]))
            yield (
                f'<section><h2 id="{_anchor(tag["name"])}">{line(tag["name"])}</h2>'
                f"{prose(tag['description'])}{shown}</section>\n"
            )

    def _operation(self, path: str, method: str, operation: Mapping[str, Any]) -> str:
        name = html.escape(operation["operationId"])
        parts = [prose(operation.get("description", ""))]
        if told := operation.get("parameters"):
            parts.append(f"<h3>Parameters</h3>{parameters(told)}")
        if body := operation.get("requestBody"):
            parts.append(self._body(body))
        parts.append(f"<h3>Answers</h3>{self._answers(operation['responses'])}")
        line_of_curl = curl_line(self._base, path, method, operation, self._samples)
        parts.append(f'<h3>With curl</h3><pre class="copy">{html.escape(line_of_curl)}</pre>')
        return (
            f'<details><summary><span class="verb {method}">{method.upper()}</span> {code(path)}'
            f'<span class="what">{line(operation.get("summary", ""))}</span></summary>'
            f'<div id="{name}"><p class="soft">{code(name)} <a href="#{name}">link</a></p>'
            f"{''.join(parts)}</div></details>"
        )

    def _body(self, body: Mapping[str, Any]) -> str:
        told = ["<h3>Body</h3>"]
        for kind, content in body["content"].items():
            schema = content["schema"]
            must = " required" if body.get("required") else ""
            told.append(f'<p>{type_of(schema)} <span class="soft">{html.escape(kind)}{must}</span></p>')
            told.append(fields(self._resolved(schema)))
        return "".join(told)

    def _answers(self, responses: Mapping[str, Any]) -> str:
        return f"<dl>{''.join(self._answer(status, responses[status]) for status in sorted(responses))}</dl>"

    def _answer(self, status: str, response: Mapping[str, Any]) -> str:
        if "$ref" in response:
            response = self._document["components"]["responses"][response["$ref"].removeprefix(_RESPONSES)]
        told = "".join(self._content(kind, each, status) for kind, each in response.get("content", {}).items())
        return f"<dt>{code(status)} {line(response.get('description', ''))}</dt><dd>{told}</dd>"

    def _content(self, kind: str, content: Mapping[str, Any], status: str) -> str:
        schema = content.get("schema", {})
        shown = f'{type_of(schema)} <span class="soft">{html.escape(kind)}</span>'
        if not status.startswith("2") or kind != "application/json":
            return f"<p>{shown}</p>"
        return f"<p>{shown}</p><pre>{self._example(schema)}</pre>"

    def _example(self, schema: Mapping[str, Any]) -> str:
        return html.escape(json.dumps(self._samples.of(schema), ensure_ascii=False, indent=2))

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        name = str(schema.get("$ref", "")).removeprefix(_SCHEMAS)
        found: Mapping[str, Any] = self._schemas.get(name, schema)
        return found

    def _all_schemas(self) -> str:
        shown = "\n".join(self._schema(name, self._schemas[name]) for name in sorted(self._schemas))
        return f'<section><h2 id="schemas">schemas</h2>{shown}</section>'

    def _schema(self, name: str, schema: Mapping[str, Any]) -> str:
        told = fields(schema) or f"<p>{type_of(schema)}</p>"
        return (
            f'<section class="schema" id="schema-{html.escape(name)}"><h3>{html.escape(name)}</h3>'
            f"{prose(schema.get('description', ''))}{told}</section>"
        )


def _anchor(tag: str) -> str:
    return "tag-" + html.escape(tag.replace(" ", "-"))
