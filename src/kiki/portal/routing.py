"""Routes that say by their return type what they answer. The answer goes out as the route made it, unchecked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_type_hints

from fastapi import APIRouter
from fastapi.dependencies.utils import get_typed_return_annotation
from fastapi.routing import iter_route_contexts
from starlette.responses import Response
from starlette.routing import BaseRoute

Route = TypeVar("Route", bound=Callable[..., Any])
_JSON_OBJECT = dict[str, Any]
_ANSWER = "__answer__"


class AnswerRouter(APIRouter):
    """Routes annotated with a `TypedDict`, or with `message(...)`.

    FastAPI would check every answer against such a type, drop what it does not know, and build a model of it when the
    program starts. Here the type is for the type checker and for the OpenAPI document; tests hold real answers to it.
    """

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **how: Any) -> None:
        """As FastAPI's; an answer is written as the JSON object that it is."""
        told = get_typed_return_annotation(endpoint)
        if told is not None and not (isinstance(told, type) and issubclass(told, (Response, type(None)))):
            how["response_model"] = _JSON_OBJECT
        super().add_api_route(path, endpoint, **how)


def answers(told: Any) -> Callable[[Route], Route]:
    """Says what a route answers as JSON that makes its `Response` by itself."""

    def mark(endpoint: Route) -> Route:
        setattr(endpoint, _ANSWER, told)
        return endpoint

    return mark


def told_answers(routes: Sequence[BaseRoute]) -> Mapping[tuple[str, str], Any]:
    """By path and method in lower case, the type of each route's answer, where it says one."""
    found: dict[tuple[str, str], Any] = {}
    for route in iter_route_contexts(routes):
        endpoint = getattr(route, "endpoint", None)
        if endpoint is None:
            continue
        told = getattr(endpoint, _ANSWER, None) or get_type_hints(endpoint, include_extras=True).get("return")
        if told is None or told is type(None) or (isinstance(told, type) and issubclass(told, Response)):
            continue
        for method in getattr(route, "methods", None) or ():
            found[str(route.path_format), method.lower()] = told
    return found
