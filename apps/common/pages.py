"""Pages by cursor and ordering: the defaults of every list.

Apart from `apps.common.api`, because REST framework loads them while it loads the views that `api` builds on.
"""

from __future__ import annotations

from typing import Any

from rest_framework import filters, pagination
from rest_framework.request import Request


class CursorPagination(pagination.CursorPagination):
    """`{"next", "previous", "results"}`; newest first, `page_size` up to 500."""

    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"
    ordering = "-id"


class OrderingFilter(filters.OrderingFilter):
    """`?ordering=-created_at` over the view's `ordering_fields`; ties are broken by id, so that pages are exact."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> list[str]:
        chosen = [str(name) for name in super().get_ordering(request, queryset, view) or ["-id"]]
        return chosen if any(name.lstrip("-") == "id" for name in chosen) else [*chosen, "-id"]
