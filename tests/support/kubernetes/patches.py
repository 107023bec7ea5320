"""Merge patches, strategic merge patches and JSON patches."""

from __future__ import annotations

from typing import Any

from tests.support.kubernetes.answers import Refusal
from tests.support.kubernetes.store import Object

_KEYS = {
    "containers": "name", "initContainers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath",
    "imagePullSecrets": "name", "conditions": "type", "ports": "containerPort", "ownerReferences": "uid",
    "taints": "key", "tolerations": "", "secrets": "name", "addresses": "type",
}  # fmt: skip
"""Lists of objects that a strategic merge joins by a key; every other list is replaced."""


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(target: Any, patch: Any, name: str = "", service: bool = False) -> Any:
    """A merge that joins known lists by their key."""
    if isinstance(patch, list):
        key = "port" if name == "ports" and service else _KEYS.get(name, "")
        if name == "finalizers":
            return [*(target or []), *(each for each in patch if each not in (target or []))]
        return _joined(target or [], patch, key) if key else patch
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key.startswith("$setElementOrder/") or key == "$retainKeys":
            continue
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            result[field] = [each for each in result.get(field, []) if each not in value]
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = strategic(result.get(key), value, key, service)
    return result


def _joined(target: list[Any], patch: list[Any], key: str) -> list[Any]:
    result = list(target)
    for each in patch:
        if not isinstance(each, dict) or key not in each:
            raise Refusal(422, f"map: {each} does not contain declared merge key: {key}", "Invalid", {})
        place = next((i for i, old in enumerate(result) if old.get(key) == each[key]), None)
        if each.get("$patch") == "delete":
            if place is not None:
                del result[place]
        elif place is None:
            result.append(each)
        else:
            result[place] = strategic(result[place], each)
    return result


def json_patch(target: Object, operations: list[dict[str, Any]]) -> Object:
    """RFC 6902: add, remove, replace, test, copy, move."""
    document: Any = target
    for operation in operations:
        try:
            document = _applied(document, operation)
        except (KeyError, IndexError, ValueError, TypeError, AssertionError) as error:
            raise Refusal(
                422, "the server rejected our request due to an error in our request", "Invalid", {}
            ) from error
    result: Object = document
    return result


def _applied(document: Any, operation: dict[str, Any]) -> Any:
    kind, path = operation["op"], _parts(operation["path"])
    if kind == "test":
        if _at(document, path) != operation["value"]:
            raise ValueError(operation)
        return document
    value = operation.get("value")
    if kind in {"copy", "move"}:
        source = _parts(operation["from"])
        value = _at(document, source)
        if kind == "move":
            document = _changed(document, source, "remove", None)
        kind = "add"
    if kind not in {"add", "remove", "replace"}:
        raise ValueError(operation)
    return _changed(document, path, kind, value)


def _parts(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _changed(document: Any, path: list[str], kind: str, value: Any) -> Any:
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(document, list):
        items = list(document)
        place = len(items) if head == "-" else int(head)
        if rest:
            items[place] = _changed(items[place], rest, kind, value)
        elif kind == "add":
            items.insert(place, value)
        elif kind == "replace":
            items[place] = value
        else:
            del items[place]
        return items
    result = dict(document)
    if rest:
        result[head] = _changed(result[head], rest, kind, value)
    elif kind == "remove":
        del result[head]
    elif kind == "replace" and head not in result:
        raise KeyError(head)
    else:
        result[head] = value
    return result
