"""Many rows of a table at once: clones of one row that a factory made."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

from django.db import models
from uuid6 import uuid7


def clone_many(template: models.Model, count: int, **changes: Any) -> list[Any]:
    """Write `count` copies of a saved row in a few statements; returns them.

    Columns that a unique constraint names get a value of their own (a suffix, an offset, a new UUID).
    A constraint of foreign keys alone cannot be satisfied that way; where it has a condition, it is the caller's to
    respect.

    Raises:
        ValueError: the table allows only one row per combination of foreign keys.
    """
    model = type(template)
    unique = list(_unique_sets(model))
    own: set[str] = set()
    for names in unique:
        if any(getattr(template, name) is None for name in names):
            continue  # nulls are all different
        free = [name for name in names if not model._meta.get_field(name).is_relation]
        if not free and not any(name in changes for name in names):
            raise ValueError(f"{model.__name__} allows one row per {', '.join(names)}")
        own.update(_freest(template, free))
    rows = [_clone(template, number, own, changes) for number in range(count)]
    return list(model._base_manager.bulk_create(rows, batch_size=2000))


def _freest(template: models.Model, names: list[str]) -> list[str]:
    """UUIDs alone where there are any, because a text beside them may be one of a few words; else all."""
    return [name for name in names if isinstance(getattr(template, name), UUID)] or names


def _unique_sets(model: type[models.Model]) -> Iterator[tuple[str, ...]]:
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint) and constraint.fields:
            names = tuple(constraint.fields)
            if constraint.condition is None or any(not model._meta.get_field(name).is_relation for name in names):
                yield names
    for names in model._meta.unique_together:
        yield tuple(names)
    for field in model._meta.concrete_fields:
        if field.unique and not field.primary_key:
            yield (field.name,)


def _clone(template: models.Model, number: int, own: set[str], changes: dict[str, Any]) -> models.Model:
    row = copy.copy(template)
    row._state = copy.copy(template._state)
    row._state.adding = True
    row.pk = uuid7() if isinstance(template.pk, UUID) else None
    for name in own:
        setattr(row, name, _fresh(model_field(row, name), getattr(template, name), number))
    for name, value in changes.items():
        setattr(row, name, value)
    return row


def model_field(row: models.Model, name: str) -> models.Field[Any, Any]:
    field = row._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


def _fresh(field: models.Field[Any, Any], value: Any, number: int) -> Any:
    if isinstance(value, UUID):
        return uuid4()
    if isinstance(value, int):
        return value + number + 1
    room = (field.max_length or 100) - 8
    return f"{str(value)[:room]}-{number}"
