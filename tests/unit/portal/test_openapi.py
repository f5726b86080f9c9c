"""The API's document: every answer has a named form, every field is explained, and ids stay what they are."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, get_type_hints

import httpx
import jsonschema_rs
import pytest
from fastapi import APIRouter, FastAPI
from google.protobuf.descriptor import FieldDescriptor

from kiki.kit.errors import InvariantBroken
from kiki.orchestrator.events.convert import event_data
from kiki.portal.app import build_app
from kiki.portal.convert import message_json
from kiki.portal.event_schemas import EventSchemas
from kiki.portal.internal.answers.jobs import RESULTS
from kiki.portal.internal.answers.shared import Page
from kiki.portal.internal.schemas import StrictBody
from kiki.portal.message_schemas import MessageSchemas, message
from kiki.portal.openapi import TAGS, build_document
from kiki.portal.parameter_texts import TEXTS
from kiki.portal.routing import AnswerRouter
from kiki.rpc.v1 import (
    events_pb2,
    synccreate_pb2,
    syncengage_pb2,
    syncflow_pb2,
    syncledger_pb2,
    syncshield_pb2,
    syncvalue_pb2,
)

DOCS = Path(__file__).parents[3] / "docs" / "api.md"
GUARDED = ("/internal/", "/reports/")
MODULES = (synccreate_pb2, syncengage_pb2, syncflow_pb2, syncledger_pb2, syncshield_pb2, syncvalue_pb2)
EVENTS = [getattr(events_pb2, name) for name in sorted(events_pb2.DESCRIPTOR.message_types_by_name)]
MESSAGES = [getattr(module, name) for module in MODULES for name in sorted(module.DESCRIPTOR.message_types_by_name)]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app: Any = build_app(SimpleNamespace(settings=SimpleNamespace(max_body_bytes=1, api_keys=())))  # type: ignore[arg-type]
    while not isinstance(app, FastAPI):
        app = app._app
    return app.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def answer_of(operation: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of what is answered as JSON when all went well; None where there is no body."""
    status = next(status for status in operation["responses"] if status.startswith("2"))
    content = operation["responses"][status].get("content", {}).get("application/json")
    return None if status == "204" else dict((content or {}).get("schema", {}))


def untyped(document: dict[str, Any]) -> list[str]:
    """Guarded operations whose answer has no named schema with fields."""
    found = []
    for method, path, operation in operations(document):
        told = answer_of(operation)
        if path.startswith(GUARDED) and told is not None:
            name = told.get("$ref", "").rpartition("/")[2]
            if not document["components"]["schemas"].get(name, {}).get("properties"):
                found.append(f"{method} {path}")
    return found


def test_every_guarded_operation_says_what_it_answers(document: dict[str, Any]) -> None:
    assert untyped(document) == []
    assert sum(path.startswith(GUARDED) for _, path, _ in operations(document)) > 60


def test_an_operation_that_answers_any_object_is_found() -> None:
    api, router = FastAPI(), AnswerRouter(prefix="/internal", tags=["stores"])

    @router.get("/bare", operation_id="bare")
    async def bare() -> dict[str, Any]:
        return {}

    api.include_router(router)
    assert untyped(build_document(api)) == ["GET /internal/bare"]


def test_every_field_is_explained(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    bare = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, told in schema.get("properties", {}).items()
        if "description" not in told and "$ref" not in str(told)
    ]
    assert bare == []
    assert not [name for name, schema in schemas.items() if "description" not in schema]


def test_every_parameter_is_explained(document: dict[str, Any]) -> None:
    told = [(name, path, one) for name, path, each in operations(document) for one in each.get("parameters", ())]
    assert len(told) > 100
    bare = [
        (path, one["name"]) for _, path, one in told if not one.get("description", one["schema"].get("description"))
    ]
    assert bare == []
    assert set(TEXTS) <= {one["name"] for _, _, one in told}, "and none is explained that is not there"


def test_every_body_has_an_example_that_is_taken(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    bodies = re.findall(r"'requestBody': .*?'#/components/schemas/(\w+)'", str(document["paths"]))
    models = {kind.__name__: kind for kind in _subclasses(StrictBody)}
    assert len(set(bodies)) > 20
    for name in set(bodies):
        for example in schemas[name]["examples"]:
            models[name].model_validate(example)
            jsonschema_rs.validate({**schemas[name], "components": {"schemas": schemas}}, example)


def test_every_reference_leads_somewhere_and_every_schema_is_used(document: dict[str, Any]) -> None:
    text = str(document)
    for kind in ("schemas", "responses"):
        named = set(re.findall(rf"'#/components/{kind}/(\w+)'", text))
        assert named == set(document["components"][kind])
    assert "x-message" not in text


def test_every_schema_is_one(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}), name


def test_ids_are_unique_words_and_stand_in_the_documentation(document: dict[str, Any]) -> None:
    """Generated clients name their methods by them: a changed id breaks callers."""
    ids = {f"{method} {path}": operation["operationId"] for method, path, operation in operations(document)}
    assert [name for name, times in Counter(ids.values()).items() if times > 1] == []
    assert [name for name in ids.values() if not re.fullmatch("[a-z]+(_[a-z]+)*", name)] == []
    documented = re.findall(r"^\| `(\w+)` \| `([A-Z]+ [^`]+)` \|", DOCS.read_text(), re.MULTILINE)
    assert {call: name for name, call in documented} == ids


def test_every_tag_is_explained(document: dict[str, Any]) -> None:
    used = {tag for _, _, operation in operations(document) for tag in operation["tags"]}
    assert used == set(TAGS) == {tag["name"] for tag in document["tags"]}


def test_pages_have_one_form(document: dict[str, Any]) -> None:
    """What takes a cursor answers rows under one name, and where to go on."""
    schemas = document["components"]["schemas"]
    pages = [
        schemas[(answer_of(operation) or {})["$ref"].rpartition("/")[2]]
        for _, _, operation in operations(document)
        if "cursor" in {one["name"] for one in operation.get("parameters", ())}
    ]
    assert len(pages) > 10
    for page in pages:
        kinds = sorted(field.get("type", "") for field in page["properties"].values())
        assert kinds == ["array", "string"], page["title"]
        assert set(page["required"]) == set(page["properties"]) > set(Page.__annotations__)


def test_failures_are_problem_documents(document: dict[str, Any]) -> None:
    for name, failure in document["components"]["responses"].items():
        assert list(failure["content"]) == ["application/problem+json"], name
    for _, path, operation in operations(document):
        if path.startswith(GUARDED):
            assert {"403", "503"} <= operation["responses"].keys(), path
            assert "{" not in path or {"404", "409", "422"} <= operation["responses"].keys(), path
            assert "requestBody" not in operation or {"400", "413", "422"} <= operation["responses"].keys(), path


async def test_an_answer_goes_out_as_the_route_made_it() -> None:
    """Fields in their own order, whatever the type names; as an untyped route would write it, byte for byte."""
    told: Any = {"z": dt.datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=dt.UTC), "next_cursor": None, "a": Decimal("0.10")}

    async def typed() -> Page:
        return told

    async def untyped() -> dict[str, Any]:
        return told

    api, plain, router = FastAPI(), APIRouter(), AnswerRouter()
    plain.add_api_route("/untyped", untyped)
    router.add_api_route("/typed", typed)
    api.include_router(plain)
    api.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://portal") as client:
        answers = [(await client.get(path)).content for path in ("/typed", "/untyped")]
    assert answers[0] == answers[1] == b'{"z":"2026-03-01T12:00:00.000005Z","next_cursor":null,"a":"0.10"}'


def test_two_schemas_never_share_a_name() -> None:
    api, router = FastAPI(), AnswerRouter(prefix="/internal", tags=["stores"])

    class Money(Page):
        """Not the amount that messages hold."""

    async def both() -> Money:
        return {"next_cursor": ""}

    both.__annotations__["return"] = dict[str, Money]
    router.add_api_route("/both", both, operation_id="both")

    async def fees() -> Any:
        return {}

    fees.__annotations__["return"] = _annotated(syncledger_pb2.StatementLine)
    router.add_api_route("/fees", fees, operation_id="fees")
    api.include_router(router)
    with pytest.raises(InvariantBroken, match="Money"):
        build_document(api)


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.DESCRIPTOR.name)
def test_a_message_has_the_fields_that_its_schema_names(kind: Any) -> None:
    """`message_json` and the schema are two readings of one descriptor."""
    schemas = MessageSchemas()
    reference = schemas.resolve(message(kind).extra_json_schema)
    schema = schemas.components[reference["$ref"].rpartition("/")[2]]
    filled, empty = message_json(_filled(kind)), message_json(kind())
    one_of_many = {field.name for one in kind.DESCRIPTOR.oneofs if len(one.fields) > 1 for field in one.fields}
    assert filled.keys() | one_of_many == schema["properties"].keys()
    assert empty.keys() == set(schema.get("required", ()))
    for name, value in filled.items():
        _check(schemas.components, schema["properties"][name], value)
    for name, value in empty.items():
        _check(schemas.components, schema["properties"][name], value)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.DESCRIPTOR.name)
def test_an_event_has_the_fields_that_its_schema_names(kind: Any) -> None:
    events = EventSchemas()
    events.told_apart("LoggedEvent", {"description": "", "properties": {}})
    schema = events.components[f"{kind.DESCRIPTOR.name}Data"]
    told = event_data(kind.DESCRIPTOR.name, _filled(kind).SerializeToString())
    assert told.keys() <= schema["properties"].keys()
    assert "store_id" in told
    _check(events.components, {**schema, "additionalProperties": False}, told)
    for name, value in told.items():
        _check(events.components, schema["properties"][name], value)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.DESCRIPTOR.name)
def test_the_type_of_an_event_says_which_fields_its_data_has(document: dict[str, Any], kind: Any) -> None:
    name, schemas = kind.DESCRIPTOR.name, document["components"]["schemas"]
    told = schemas["LoggedEvent"]
    assert told["discriminator"]["mapping"][name] == f"#/components/schemas/Logged{name}"
    data = event_data(name, _filled(kind).SerializeToString())
    logged = {"store_id": 1, "seq": 1, "subject": "", "data": data, "occurred_at": "2026-01-01T00:00:00Z"}
    _check(schemas, told, {**logged, "type": name})
    own = schemas[f"{name}Data"]["properties"]
    for other in EVENTS:
        if data.keys() - schemas[f"{other.DESCRIPTOR.name}Data"]["properties"].keys():
            with pytest.raises(jsonschema_rs.ValidationError):
                _check(schemas, _closed(schemas, other.DESCRIPTOR.name), {**logged, "type": other.DESCRIPTOR.name})
    assert data.keys() <= own.keys()


def test_the_kind_of_a_job_says_what_comes_of_it(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("Job", "AddedJob"):
        result = schemas[name]["properties"]["result"]
        assert set(RESULTS) == set(schemas[name]["properties"]["kind"]["enum"])
        for kind, told in RESULTS.items():
            assert f"`{kind}`: {told.__name__}" in result["description"]
            assert {"$ref": f"#/components/schemas/{told.__name__}"} in result["anyOf"]
            assert schemas[told.__name__]["properties"].keys() == get_type_hints(told).keys()


def _closed(schemas: dict[str, Any], name: str) -> dict[str, Any]:
    """The schema of one logged event whose data has no other fields than it names."""
    entry = schemas[f"Logged{name}"]
    data = {**schemas[f"{name}Data"], "additionalProperties": False}
    return {**entry, "properties": {**entry["properties"], "data": data}}


def _subclasses(kind: type[StrictBody]) -> Iterator[type[StrictBody]]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def _annotated(kind: Any) -> Any:
    return Annotated[dict[str, Any], message(kind)]


def _filled(kind: Any) -> Any:
    """A message with every field set; of those that exclude each other the last."""
    told = kind()
    for field in kind.DESCRIPTOR.fields:
        _fill(told, field)
    return told


def _fill(told: Any, field: FieldDescriptor) -> None:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        getattr(told, field.name)["key"] = _scalar(inner.fields_by_name["value"])
    elif inner is None:
        value = _scalar(field)
        getattr(told, field.name).append(value) if field.is_repeated else setattr(told, field.name, value)
    elif field.is_repeated:
        getattr(told, field.name).add()
    else:
        getattr(told, field.name).SetInParent()
    if inner is not None and inner.full_name == "google.type.Money":
        one = getattr(told, field.name)
        (one[0] if field.is_repeated else one).currency_code = "EUR"


def _scalar(field: FieldDescriptor) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    return {"string": "x", "bytes": b"x", "bool": True}.get(_kind(field), 1)


def _kind(field: FieldDescriptor) -> str:
    names = {field.TYPE_STRING: "string", field.TYPE_BYTES: "bytes", field.TYPE_BOOL: "bool"}
    return names.get(field.type, "number")


def _check(components: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "components": {"schemas": components}}
    jsonschema_rs.validate(whole, value)
