"""Filters of the access API."""

from __future__ import annotations

from typing import Any

from django_filters import BooleanFilter, CharFilter, ChoiceFilter, IsoDateTimeFilter, UUIDFilter

from apps.access.services.deciding import approvals_to_decide
from apps.access.states import ApprovalState
from apps.common.pages import RowFilterSet


class AuditFilter(RowFilterSet):
    """Who did what to what, in which project, when."""

    project = UUIDFilter(field_name="project_id")
    action = CharFilter()
    subject_kind = CharFilter()
    subject_id = CharFilter()
    actor_kind = CharFilter()
    actor_id = CharFilter()
    since = IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    until = IsoDateTimeFilter(field_name="at", lookup_expr="lt")


class ApprovalFilter(RowFilterSet):
    """Which requests; `to_decide`: those that wait for the caller's decision, or all others."""

    project = UUIDFilter(field_name="project_id")
    state = ChoiceFilter(choices=ApprovalState.choices)
    command = CharFilter()
    requested_by = UUIDFilter(field_name="requested_by_id")
    to_decide = BooleanFilter(method="by_decision", label="Those that wait for your decision.")

    def by_decision(self, rows: Any, name: str, value: bool) -> Any:
        mine = approvals_to_decide(rows, self.request.user)
        return mine if value else rows.exclude(pk__in=mine.values("pk"))
