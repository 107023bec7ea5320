"""Filters of the access API."""

from __future__ import annotations

from django_filters import CharFilter, IsoDateTimeFilter, UUIDFilter

from apps.common.pages import RowFilterSet


class AuditFilter(RowFilterSet):
    """Who did what to what, in which project, when."""

    project = UUIDFilter(field_name="project_id")
    action = CharFilter()
    subject_kind = CharFilter()
    subject_id = CharFilter()
    actor_id = CharFilter()
    since = IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    until = IsoDateTimeFilter(field_name="at", lookup_expr="lt")
