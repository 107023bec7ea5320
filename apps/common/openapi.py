"""What the API's document says about every operation: its errors, and the key that makes a creation happen once."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from rest_framework import serializers

from apps.common import errors
from apps.common.api import IDEMPOTENCY_HEADER
from apps.common.messages import codes
from apps.common.problems import CONTENT_TYPE, problem_body

PROBLEM = {"$ref": "#/components/schemas/Problem"}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "An error (RFC 9457). `code` is stable; `retryable`: the same request may succeed later.",
    "required": ["type", "title", "status", "detail", "code", "retryable", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "retryable": {"type": "boolean"},
        "request_id": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        "faults": {
            "type": "array",
            "description": "Of a recipe, in parts what `fields` says. `step` counts from 0.",
            "items": {
                "type": "object",
                "required": ["step", "option", "code", "detail", "column"],
                "properties": {
                    "step": {"type": ["integer", "null"]},
                    **{name: {"type": "string"} for name in ("option", "code", "detail", "column")},
                },
            },
        },
    },
}
MESSAGE = {"$ref": "#/components/schemas/StateMessagePart"}
AMOUNT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "In the unit of the resource; a GPU without a flavor is any kind. Memory is rounded as it is said.",
    "required": ["resource", "value", "flavor"],
    "properties": {
        "resource": {"type": "string", "enum": ["cpu_millis", "memory_bytes", "gpus"]},
        "value": {"type": "integer"},
        "flavor": {"type": "string"},
    },
}
METHODS = ("get", "post", "put", "patch", "delete")


class EmptySerializer(serializers.Serializer[Any]):
    """A request or an answer without content."""


def describe_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's postprocessing hook."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    for path, operations in result["paths"].items():
        for method in METHODS:
            if method in operations:
                _describe(path, method, operations[method])
    return result


def describe_messages(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A second hook: the closed list of sentences, as `StateMessageField` gives them."""
    values = [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]
    lists = [{"type": "array", "items": {"type": "string"}}]
    lists += [{"type": "array", "items": {"$ref": "#/components/schemas/StateMessageAmount"}}]
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["StateMessageAmount"] = AMOUNT_SCHEMA
    schemas["StateMessageCode"] = {"type": "string", "enum": codes()}
    schemas["StateMessagePart"] = {
        "type": "object",
        "description": "One sentence: a code of the closed list and parameters; `said`: somebody else's words.",
        "required": ["code", "params"],
        "properties": {
            "code": {"$ref": "#/components/schemas/StateMessageCode"},
            "params": {"type": "object", "additionalProperties": {"oneOf": [*values, *lists]}},
        },
    }
    return result


class StateMessageExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # of the library
    """How the API's document tells of `StateMessageField`."""

    target_class = "apps.common.stories.StateMessageField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"type": "array", "items": MESSAGE, "readOnly": True}


def _describe(path: str, method: str, operation: dict[str, Any]) -> None:
    for error in _errors(path, method):
        answer = {"description": error.title, "content": {CONTENT_TYPE: _content(error)}}
        operation["responses"].setdefault(str(error.status), answer)
    if method == "post" and "201" in operation["responses"]:
        operation.setdefault("parameters", []).append(
            {
                "in": "header",
                "name": IDEMPOTENCY_HEADER,
                "schema": {"type": "string", "maxLength": 200},
                "description": "A second request with the same key and content gets the first one's answer.",
            }
        )


def _errors(path: str, method: str) -> list[errors.BedplateError]:
    found: list[errors.BedplateError] = [errors.Unauthenticated()]
    if method != "get":
        found += [errors.Invalid(), errors.Forbidden(), errors.Conflict()]
    if "{" in path:
        found.append(errors.NotFound())
    return found


def _content(error: errors.BedplateError) -> dict[str, Any]:
    return {"schema": PROBLEM, "example": problem_body(error)}
