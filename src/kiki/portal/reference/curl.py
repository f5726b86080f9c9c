"""A line of curl that asks an operation, to be copied into a shell."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from kiki.portal.access import HEADER
from kiki.portal.reference.samples import Samples

KEY_VARIABLE = "KIKI_INTERNAL_API_KEY"


def curl_line(base: str, path: str, method: str, operation: Mapping[str, Any], samples: Samples) -> str:
    """The address, the key from its environment variable, what has to be given, and the body's example.

    Ids that only the installation knows stand as their names in capitals (`ORDER_ID`); a store is store 1.
    """
    words = ["curl"] if method == "get" else ["curl", "-X", method.upper()]
    if operation.get("security"):
        words += ["-H", f'"{HEADER}: ${KEY_VARIABLE}"']
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        words += ["-H", f"'content-type: {kind}'", "-d", shlex.quote(_body(body["schema"], samples))]
    address = base.rstrip("/") + _target(path, operation, samples)
    return " ".join([*words, shlex.quote(address)])


def _body(schema: Mapping[str, Any], samples: Samples) -> str:
    value = samples.of(schema)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _target(path: str, operation: Mapping[str, Any], samples: Samples) -> str:
    """Path and query with what must be given."""
    told = {each["name"]: each for each in operation.get("parameters", ()) if each["in"] in ("path", "query")}
    query = {name: _value(each, samples) for name, each in told.items() if each["in"] == "query" and each["required"]}

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        return quote(_value(told[name], samples), safe="/") if name in told else name.upper()

    return re.sub(r"\{(\w+)\}", fill, path) + (f"?{urlencode(query)}" if query else "")


def _value(parameter: Mapping[str, Any], samples: Samples) -> str:
    schema = parameter["schema"]
    if schema.get("type") == "string" and not {"enum", "const", "pattern", "examples", "format"} & schema.keys():
        return str(parameter["name"]).upper()
    return str(samples.of(schema))
