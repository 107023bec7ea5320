"""Which fields an object may have, and of which types: read from the models of the official client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from kubernetes import client

from tests.support.kubernetes import answers
from tests.support.kubernetes.kinds import Kind
from tests.support.kubernetes.quantities import PATTERN, canonical, is_quantity
from tests.support.kubernetes.store import Object

_LONG = {
    "activeDeadlineSeconds", "terminationGracePeriodSeconds", "runAsUser", "runAsGroup", "fsGroup", "tolerationSeconds",
    "expirationSeconds", "generation", "observedGeneration", "deletionGracePeriodSeconds",
}  # fmt: skip
_QUANTITIES = {"requests", "limits", "hard", "capacity", "allocatable", "default", "defaultRequest", "max", "min"}
_MODELS = {"": "V1", "batch": "V1", "apps": "V1", "policy": "V1", "discovery.k8s.io": "V1"}


@cache
def _fields(model: str) -> dict[str, str] | None:
    """JSON name → type of a model's fields; None: there is no such model."""
    found = getattr(client, model, None)
    if found is None or not hasattr(found, "openapi_types"):
        return None
    return {json: found.openapi_types[python] for python, json in found.attribute_map.items()}


def model_of(kind: Kind) -> str:
    """The name of the client's model of a kind; empty where it has none."""
    if kind.custom:
        return ""
    names = [f"V1{kind.kind}", f"Core{kind.version.upper()}{kind.kind}"]
    return next((name for name in names if _fields(name) is not None), "")


def checked(kind: Kind, obj: Object, validation: str) -> list[str]:
    """Refuse wrong types (400); tell or refuse unknown fields.

    Returns:
        A warning for each unknown field, which is taken out of the object.
    """
    model = model_of(kind)
    if not model:
        return []
    unknown: list[str] = []
    for wrong in _walk(model, obj, "", "", unknown):
        raise answers.bad_request(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {wrong}'
        )
    if unknown and validation == "Strict":
        told = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise answers.bad_request(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: strict decoding error: {told}'
        )
    return [] if validation == "Ignore" else [f'unknown field "{path}"' for path in unknown]


def _walk(model: str, obj: Any, path: str, plain: str, unknown: list[str]) -> Iterator[str]:
    fields = _fields(model)
    if fields is None or not isinstance(obj, dict):
        return
    for name, value in list(obj.items()):
        here, bare = f"{path}.{name}".lstrip("."), f"{plain}.{name}".lstrip(".")
        if name not in fields:
            unknown.append(here)
            del obj[name]
        elif value is None:
            del obj[name]
        else:
            yield from _value(model, name, fields[name], value, (here, bare), unknown)


def _value(model: str, name: str, type_: str, value: Any, paths: tuple[str, str], unknown: list[str]) -> Iterator[str]:
    path, bare = paths
    struct = re.sub(r"^(Core)?V1", "", model)
    if listed := re.match(r"(?:list|List)\[(.+)\]$", type_):
        if not isinstance(value, list):
            yield f"json: cannot unmarshal {_named(value)} into Go struct field {struct}.{bare} of type []{listed[1]}"
            return
        for position, each in enumerate(value):
            yield from _value(model, name, listed[1], each, (f"{path}[{position}]", bare), unknown)
    elif mapped := re.match(r"(?:dict|Dict)[(\[]str, *(.+)[)\]]$", type_):
        yield from _map(struct, name, mapped[1], value, (path, bare), unknown)
    elif _fields(type_) is not None:
        if isinstance(value, dict):
            yield from _walk(type_, value, path, bare, unknown)
        else:
            struct_type = f"v1.{re.sub(r'^(Core)?V1', '', type_)}"
            yield f"json: cannot unmarshal {_named(value)} into Go struct field {struct}.{bare} of type {struct_type}"
    elif name == "sizeLimit":
        if not is_quantity(value):
            yield f"quantities must match the regular expression '{PATTERN}'"
    elif (go := _go_type(type_, name)) and not _fits(type_, value):
        yield f"json: cannot unmarshal {_named(value)} into Go struct field {struct}.{bare} of type {go}"


def _map(struct: str, name: str, type_: str, value: Any, paths: tuple[str, str], unknown: list[str]) -> Iterator[str]:
    path, bare = paths
    if not isinstance(value, dict):
        yield f"json: cannot unmarshal {_named(value)} into Go struct field {struct}.{bare} of type map[string]{type_}"
        return
    for key, each in value.items():
        if name in _QUANTITIES:
            if not is_quantity(each):
                yield f"quantities must match the regular expression '{PATTERN}'"
            else:
                value[key] = canonical(each)
        elif type_ == "str" and not isinstance(each, str):
            yield f"json: cannot unmarshal {_named(each)} into Go struct field {struct}.{bare} of type string"
        elif _fields(type_) is not None:
            yield from _walk(type_, each, f"{path}[{key}]", bare, unknown)


def _go_type(type_: str, name: str) -> str:
    if type_ == "int":
        return "int64" if name in _LONG else "int32"
    return {"str": "string", "bool": "bool"}.get(type_, "")


def _fits(type_: str, value: Any) -> bool:
    if type_ == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, bool if type_ == "bool" else str)


def _named(value: Any) -> str:
    """As Go's decoder names what it found."""
    if isinstance(value, bool):
        return "bool"
    return {dict: "object", list: "array", str: "string"}.get(type(value), "number")
