"""Server-side apply: which manager owns which field, what conflicts, and what goes when nobody owns it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.kubernetes.answers import Refusal
from tests.support.kubernetes.kinds import Kind
from tests.support.kubernetes.patches import _KEYS
from tests.support.kubernetes.schema import _walk, model_of
from tests.support.kubernetes.store import Object, copied

Path = tuple[str, ...]
"""Steps into an object; `[name="main"]` into a list that is joined by a key."""

_IDENTITY = {("kind",), ("apiVersion",), ("metadata", "name"), ("metadata", "namespace")}


class Managers:
    """Owners of fields, by the uid of the object."""

    def __init__(self) -> None:
        self._owned: dict[str, dict[str, set[Path]]] = {}

    def check_schema(self, kind: Kind, patch: Object, namespace: str) -> None:
        """An apply with an unknown field is a 500 without a reason."""
        unknown: list[str] = []
        for wrong in _walk(model_of(kind), copied(patch), "", "", unknown):
            raise Refusal(500, wrong)
        if unknown:
            where = f"{patch['metadata'].get('namespace', '')}/{patch['metadata']['name']}"
            raise Refusal(
                500,
                f"failed to create typed patch object ({where}; {kind.api_version}, Kind={kind.kind}): "
                f".{unknown[0]}: field not declared in schema",
            )

    def merged(self, before: Object, patch: Object, manager: str, *, force: bool) -> Object:
        """The object after the apply.

        Raises:
            Refusal: 409, fields that another manager set to something else.
        """
        owned = self._owned.setdefault(before["metadata"]["uid"], {})
        wanted = dict(_leaves(patch))
        conflicts: list[tuple[str, Path]] = []
        for other, fields in owned.items():
            if other == manager:
                continue
            conflicts += [(other, path) for path in wanted if path in fields and _value(before, path) != wanted[path]]
        if conflicts and not force:
            raise _conflict(conflicts)
        for other, path in conflicts:
            owned[other].discard(path)
        after = copied(before)
        for path in owned.get(manager, set()) - set(wanted):
            if not any(path in fields for other, fields in owned.items() if other != manager):
                _remove(after, path)
        return _applied(after, copied(patch))

    def applied(self, obj: Object, patch: Object, manager: str) -> None:
        self._owned.setdefault(obj["metadata"]["uid"], {})[manager] = {path for path, _ in _leaves(patch)}

    def took(self, obj: Object, patch: Object, manager: str) -> None:
        """An update takes the fields that it sets from everybody else."""
        owned = self._owned.setdefault(obj["metadata"]["uid"], {})
        taken = {path for path, value in _leaves(patch) if _value(obj, path) != value}
        for other, fields in owned.items():
            if other != manager:
                fields -= taken
        owned.setdefault(manager, set()).update(taken)


def _leaves(obj: Object) -> Iterator[tuple[Path, Any]]:
    for path, value in _below((), obj):
        if path not in _IDENTITY:
            yield path, value


def _below(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _below((*path, key), each)
    elif isinstance(value, list) and value and (key := _KEYS.get(path[-1] if path else "", "")):
        for each in value:
            if isinstance(each, dict) and key in each:
                yield from _below((*path, f'[{key}="{each[key]}"]'), each)
    else:
        yield path, value


def _value(obj: Any, path: Path) -> Any:
    for step in path:
        if step.startswith("[") and isinstance(obj, list):
            key, _, value = step[1:-1].partition("=")
            obj = next((each for each in obj if str(each.get(key)) == value.strip('"')), None)
        elif isinstance(obj, dict):
            obj = obj.get(step)
        else:
            return None
    return obj


def _remove(obj: Object, path: Path) -> None:
    holder = _value(obj, path[:-1])
    if isinstance(holder, dict):
        holder.pop(path[-1], None)


def _applied(target: Any, patch: Any, name: str = "") -> Any:
    if isinstance(patch, list) and (key := _KEYS.get(name, "")):
        result = list(target or [])
        for each in patch:
            place = next((i for i, old in enumerate(result) if old.get(key) == each.get(key)), None)
            if place is None:
                result.append(each)
            else:
                result[place] = _applied(result[place], each)
        return result
    if not isinstance(patch, dict):
        return patch
    result_map = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        result_map[key] = _applied(result_map.get(key), value, key)
    return result_map


def _conflict(conflicts: list[tuple[str, Path]]) -> Refusal:
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{other}"', "field": _dotted(path)}
        for other, path in sorted(conflicts)
    ]
    others = sorted({other for other, _ in conflicts})
    count = f"{len(conflicts)} conflict{'' if len(conflicts) == 1 else 's'}"
    if len(others) == 1 and len(conflicts) == 1:
        told = f'conflict with "{others[0]}": {_dotted(conflicts[0][1])}'
    else:
        told = "\n".join(
            f'conflicts with "{other}":\n' + "\n".join(f"- {_dotted(path)}" for who, path in conflicts if who == other)
            for other in others
        )
    return Refusal(409, f"Apply failed with {count}: {told}", "Conflict", {"causes": causes})


def _dotted(path: Path) -> str:
    return "".join(step if step.startswith("[") else f".{step}" for step in path)
