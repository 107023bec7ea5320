"""Filters of lists: by a related object that the reader sees, by a word of a closed list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.db import models
from django.http import HttpRequest

from apps.common.panel.cells import word

OFFERED_MOST = 200


def visible_rows(queryset: Any, user: Any) -> Any:
    """`queryset.visible_to(user)`; a table without it is for superusers only."""
    if hasattr(queryset, "visible_to"):
        return queryset.visible_to(user)
    return queryset if user.is_superuser else queryset.none()


class VisibleRelatedFilter(admin.RelatedFieldListFilter):
    """A filter by a related object that offers visible ones only."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        rows = visible_rows(field.remote_field.model._default_manager.all(), request.user)
        return [(str(row.pk), str(row)) for row in rows.order_by("-pk")[:OFFERED_MOST]]


class WordsFilter(admin.ChoicesFieldListFilter):
    """A filter by a column with a closed list of words, said in the reader's language."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            choice["display"] = _word(str(choice["display"]), self.field)
            yield choice


class ValuesFilter(admin.AllValuesFieldListFilter):
    """A filter by the words that a column holds, though it has no closed list."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield choice | {"display": word(str(choice["display"]))}


def filter_of(model: type[models.Model], name: str) -> Any:
    """What `list_filter` holds for a column that is named there."""
    column = get_fields_from_path(model, name)[-1]
    if column.is_relation:
        return (name, VisibleRelatedFilter)
    if getattr(column, "flatchoices", None):
        return (name, WordsFilter)
    return (name, ValuesFilter) if isinstance(column, models.CharField) else name


def _word(shown: str, column: Any) -> str:
    """The word behind a label: labels of choices are made from the values, and only these are translated."""
    return next((word(str(value)) for value, label in column.flatchoices if str(label) == shown), shown)
