"""The audit trail: read-only for everybody, with what was done in the projects that its reader administers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from apps.access.models import Project
from apps.access.selectors import audit_visible_to
from apps.common.api import is_uuid
from apps.common.models import AuditEvent
from apps.common.panel import ReadOnlyAdmin
from apps.common.panel.cells import NOTHING, moment_column, word

KINDS_MOST = 100
DETAIL_MOST = 120
"""Characters of the details that a list shows."""


class SubjectKindFilter(admin.SimpleListFilter):
    """What it was done to."""

    title = gettext_lazy("subject")
    parameter_name = "subject_kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        kinds = model_admin.get_queryset(request).order_by("subject_kind").values_list("subject_kind", flat=True)
        return [(kind, word(kind)) for kind in kinds.distinct()[:KINDS_MOST]]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(subject_kind=self.value()) if self.value() else queryset


class ProjectFilter(admin.SimpleListFilter):
    """The row keeps the project's id in a plain column."""

    title = gettext_lazy("project")
    parameter_name = "project_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        projects = Project.objects.visible_to(request.user).order_by("name").values_list("pk", "name")
        return [(str(pk), name) for pk, name in projects[:KINDS_MOST]]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        known = {pk for pk, _ in self.lookup_choices}
        return queryset.filter(project_id=self.value()) if self.value() in known else queryset


class ActorKindFilter(admin.SimpleListFilter):
    """Who did it: a person, a part of the system, a job."""

    title = gettext_lazy("actor")
    parameter_name = "actor_kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("user", gettext_lazy("a person")),
            ("system", gettext_lazy("the system")),
            ("attempt", gettext_lazy("a job")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(actor_kind=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("when", "actor_name", "action_shown", "kind_said", "subject_name", "detail_shown")
    list_display_links = ("when",)
    list_filter = (SubjectKindFilter, ProjectFilter, ActorKindFilter, ("at", admin.DateFieldListFilter))
    search_fields = ("=action", "=subject_id", "=subject_name", "=actor_name", "=request_id")
    search_help_text = gettext_lazy("An action, a name, an id or a request id, exactly")
    when = moment_column("at", "when")

    def get_queryset(self, request: HttpRequest) -> Any:
        return audit_visible_to(request.user).order_by("-pk")

    @admin.display(description=gettext_lazy("subject kind"), ordering="subject_kind")
    def kind_said(self, row: Any) -> str:
        return word(row.subject_kind)

    @admin.display(description=gettext_lazy("action"), ordering="action")
    def action_shown(self, row: Any) -> SafeString:
        return format_html("<code>{}</code>", row.action)

    @admin.display(description=gettext_lazy("detail"))
    def detail_shown(self, row: Any) -> str:
        text = ", ".join(_told(row.detail))
        return text[:DETAIL_MOST] + ("…" if len(text) > DETAIL_MOST else "") or NOTHING


def _told(detail: dict[str, Any]) -> Iterator[str]:
    """`role admin`, `scopes read write`: without ids, which the row's own page has."""
    for key, value in detail.items():
        if isinstance(value, dict):
            yield from _told(value)
        elif value not in (None, "", []) and not is_uuid(str(value)):
            yield f"{key} {' '.join(map(str, value)) if isinstance(value, list) else value}"
