"""Pages by cursor, ordering and filters: the defaults of every list.

Apart from `apps.common.api`, because REST framework loads them while it loads the views that `api` builds on.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django_filters import UUIDFilter
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework import filters, pagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from apps.common.errors import Invalid


class RowFilterSet(FilterSet):  # type: ignore[misc]  # the library has no types
    """Filters by a reference take any UUID: whether the object exists or is hidden, the list just has no such row."""

    @classmethod
    def filter_for_field(cls, field: Any, field_name: str, lookup_expr: str | None = None) -> Any:
        if isinstance(field, models.ForeignKey) and lookup_expr in (None, "exact"):
            return UUIDFilter(field_name=field_name)
        return super().filter_for_field(field, field_name, lookup_expr)


class RowFilterBackend(DjangoFilterBackend):  # type: ignore[misc]  # the library has no types
    """`filterset_fields` of a view, by `RowFilterSet`."""

    filterset_base = RowFilterSet


class OrderingFilter(filters.OrderingFilter):
    """`?ordering=-created_at` over the view's `ordering_fields`; ties are broken by id, so that pages are exact."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> list[str]:
        chosen = [str(name) for name in super().get_ordering(request, queryset, view) or ["-id"]]
        return chosen if any(name.lstrip("-") == "id" for name in chosen) else [*chosen, "-id"]


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of the order; nulls come last, whichever way it runs."""

    name: str
    descending: bool
    nullable: bool

    def order(self, backward: bool) -> Any:
        column = models.F(self.name)
        descending = self.descending is not backward
        if not self.nullable:
            return column.desc() if descending else column.asc()
        ends: dict[str, Any] = {"nulls_first": True} if backward else {"nulls_last": True}
        return column.desc(**ends) if descending else column.asc(**ends)

    def beyond(self, value: Any, backward: bool) -> models.Q:
        """Rows that come after `value` (before it, when going backward); for None that is none, or all that are not."""
        null = models.Q(**{f"{self.name}__isnull": True})
        if value is None:
            return ~null if backward else models.Q(pk__in=[])
        side = "lt" if self.descending is not backward else "gt"
        found = models.Q(**{f"{self.name}__{side}": value})
        return found | null if self.nullable and not backward else found

    def same(self, value: Any) -> models.Q:
        return models.Q(**({f"{self.name}__isnull": True} if value is None else {self.name: value}))

    def of(self, row: Any) -> Any:
        for part in self.name.split("__"):
            row = getattr(row, part, None)
        return row


class CursorPagination(pagination.CursorPagination):
    """`{"next", "previous", "results"}`; newest first, `page_size` up to 500.

    The cursor holds the values of all ordering columns of the row at the page's edge, the unique id last: no row is
    shown twice or left out, however many are equal in the other columns or are written meanwhile.
    """

    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"
    ordering = "-id"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        self.request = request
        self.address = str(request.build_absolute_uri())
        size = self.get_page_size(request) or self.page_size
        columns = _columns(queryset.model, list(self.get_ordering(request, queryset, view)))
        backward, values = _decode(request.query_params.get(self.cursor_query_param, ""), len(columns))
        if values:
            queryset = _from_edge(queryset, columns, values, backward)
        found = list(queryset.order_by(*(column.order(backward) for column in columns))[: size + 1])
        more, found = len(found) > size, found[:size]
        rows = found[::-1] if backward else found
        # Whoever came by a cursor came from a page on the other side.
        self._next = _encode(False, columns, rows[-1]) if rows and (more or backward) else None
        self._previous = _encode(True, columns, rows[0]) if rows and (more if backward else bool(values)) else None
        return rows

    def get_next_link(self) -> str | None:
        return self._link(self._next)

    def get_previous_link(self) -> str | None:
        return self._link(self._previous)

    def _link(self, cursor: str | None) -> str | None:
        if cursor is None:
            return None
        return str(replace_query_param(self.address, self.cursor_query_param, cursor))


def _columns(model: type[models.Model], ordering: Sequence[str]) -> list[_Column]:
    return [_Column(name.lstrip("-"), name.startswith("-"), _nullable(model, name.lstrip("-"))) for name in ordering]


def _nullable(model: type[models.Model], name: str) -> bool:
    if "__" in name:
        return True
    try:
        return bool(getattr(model._meta.get_field(name), "null", False))
    except FieldDoesNotExist:  # an annotation
        return True


def _from_edge(queryset: Any, columns: Sequence[_Column], values: Sequence[Any], backward: bool) -> Any:
    """The rows beyond the edge: further in the first column, or equal in it and further in the second, and so on."""
    wanted, equal = models.Q(pk__in=[]), models.Q()
    for column, value in zip(columns, values, strict=True):
        wanted |= equal & column.beyond(value, backward)
        equal &= column.same(value)
    try:
        return queryset.filter(wanted)
    except (ValueError, TypeError, ValidationError) as error:
        raise Invalid("cursor: not one that this list gave") from error


def _encode(backward: bool, columns: Sequence[_Column], row: Any) -> str:
    text = json.dumps([int(backward), *(_plain(column.of(row)) for column in columns)], cls=DjangoJSONEncoder)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value  # the encoder would cut the microseconds


def _decode(cursor: str, columns: int) -> tuple[bool, list[Any]]:
    if not cursor:
        return False, []
    try:
        backward, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise Invalid("cursor: not one that this list gave") from error
    if len(values) != columns or any(isinstance(value, list | dict) for value in values):
        raise Invalid("cursor: not one that this list gave")
    return bool(backward), values


SEARCHED: Any = (RowFilterBackend, filters.SearchFilter, OrderingFilter)
"""`filter_backends` of lists that take `?search=`: words that all stand, in any case, somewhere in `search_fields`."""
