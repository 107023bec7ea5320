"""Everything that runs, waits or has run; cancelling and requeueing it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.permissions import require
from apps.access.states import Role
from apps.common.audit import Actor
from apps.common.panel import ReadOnlyAdmin, ReadOnlyInline, Verb
from apps.common.panel.cells import (
    NOTHING,
    cores,
    link_column,
    moment_column,
    number,
    reason_column,
    size,
    size_column,
    span,
    state_badge,
    state_column,
    word,
)
from apps.common.panel.verbs import CommentForm
from apps.quotas.models import Attempt, LogChunk, Pulse, UsageRecord, Workload
from apps.quotas.services.workloads import requeue_refused, workload_requeue, workload_stop
from apps.quotas.states import OCCUPYING, OVERRIDDEN, Reason, WorkloadState


def _editor(user: Any, workload: Workload) -> None:
    require(user, workload.project, Role.EDITOR)


def held(workload: Workload) -> str:
    """`2 × (4 cores, 16 GiB, 1 × H200)`: what it holds, or asks for while it waits."""
    parts = [cores(workload.cpu_millis), size(workload.memory_bytes)]
    if workload.gpus:
        parts.append(f"{workload.gpus} × {workload.flavor_granted or workload.flavor or _('GPU')}")
    count = workload.count_granted or workload.count_max
    return ", ".join(parts) if count == 1 else f"{count} × ({', '.join(parts)})"


def _cancel_effect(workload: Workload) -> str:
    if workload.state not in OCCUPYING:
        return _("It leaves the queue and is cancelled. It cannot be started again; submit it anew.")
    told = _("It is told to write its checkpoint and leave, is cancelled, and releases %(held)s.")
    return told % {"held": held(workload)}


def _cancel_refused(workload: Workload) -> str:
    if workload.is_terminal:
        return _("It has ended already.")
    leaving = workload.state == WorkloadState.STOPPING and workload.state_reason not in OVERRIDDEN
    return _("It is leaving already.") if leaving else ""


def _requeue_effect(workload: Workload) -> str:
    if workload.state == WorkloadState.ADMITTED:
        return _("It goes back into the queue by its priority, before it has started.")
    told = _(
        "It is told to write its checkpoint and leave, releases %(held)s, and waits again by its priority:"
        " then it goes on from the checkpoint as a new attempt."
    )
    return told % {"held": held(workload)}


def _requeue_refused(workload: Workload) -> str:
    if not requeue_refused(workload):
        return ""
    if workload.is_terminal:
        return _("It has ended; submit it again.")
    return _("It waits already.") if workload.state == WorkloadState.PENDING else _("It is leaving already.")


def _cancel(workload: Workload, data: dict[str, Any], request: HttpRequest) -> str:
    actor = Actor.user(request.user)
    workload_stop(workload, reason=Reason.CANCELLED_BY_USER, detail=data["detail"], actor=actor)
    return _("%(name)s is being cancelled.") % {"name": workload.name}


def _requeue(workload: Workload, data: dict[str, Any], request: HttpRequest) -> str:
    workload_requeue(workload, detail=data["detail"], actor=Actor.user(request.user))
    return _("%(name)s goes back into the queue.") % {"name": workload.name}


class AttemptInline(ReadOnlyInline):
    model = Attempt
    verbose_name_plural = gettext_lazy("attempts")
    fields = ("number", "submitted_at", "started_at", "ended_at", "outcome_said", "exit_code")
    readonly_fields = fields
    ordering = ("-number",)

    @admin.display(description=gettext_lazy("outcome"))
    def outcome_said(self, row: Any) -> str:
        return word(row.outcome)


@admin.register(Workload)
class WorkloadAdmin(ReadOnlyAdmin):
    empty_text = gettext_lazy(
        "Nothing has asked for compute yet: runs, data jobs and endpoints appear here once they are submitted."
    )
    list_display = ("name", "project_link", "owner_said", "state_said", "reason", "asks", "n_priority", "who", "since")
    list_filter = ("state", "project", "pool", "queue", "state_reason", "owner_kind")
    list_select_related = ("project", "requested_by", "pool")
    search_fields = ("name", "id", "owner_id")
    inlines = (AttemptInline,)
    verbs = (
        Verb(
            name="cancel",
            label=gettext_lazy("Cancel workload"),
            effect=_cancel_effect,
            run=_cancel,
            authorise=_editor,
            refused=_cancel_refused,
            form=CommentForm,
            danger=True,
            many=True,
        ),
        Verb(
            name="requeue",
            label=gettext_lazy("Requeue workload"),
            effect=_requeue_effect,
            run=_requeue,
            authorise=_editor,
            refused=_requeue_refused,
            form=CommentForm,
            many=True,
        ),
    )
    project_link = link_column("project", "project")
    state_said = state_column()
    reason = reason_column()
    since = moment_column("state_at", "since")

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows if "change" in request.path else rows.defer("spec")

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"page_template": "quotas/admin/workload.html", "story": list(row.story()), "held": held(row)}

    @admin.display(description=gettext_lazy("of"), ordering="owner_kind")
    def owner_said(self, row: Any) -> str:
        return word(row.owner_kind)

    @admin.display(description=gettext_lazy("holds or asks for"))
    def asks(self, row: Any) -> str:
        return held(row)

    @admin.display(description=gettext_lazy("priority"), ordering="priority")
    def n_priority(self, row: Any) -> int:
        return int(row.priority)

    @admin.display(description=gettext_lazy("who"), ordering="requested_by__username")
    def who(self, row: Any) -> str:
        return row.requested_by.username if row.requested_by else NOTHING


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    empty_text = gettext_lazy("Nothing was launched yet.")
    list_display = ("of_workload", "n_number", "project_link", "result_said", "n_exit", "started", "n_took")
    list_filter = ("outcome", "project")
    list_select_related = ("workload", "project")
    search_fields = ("id", "workload__name")
    project_link = link_column("project", "project")
    started = moment_column("started_at", "started")

    def said(self, row: Any) -> str:
        return f"{row.workload.name} / {row.number}"

    @admin.display(description=gettext_lazy("workload"), ordering="workload__name")
    def of_workload(self, row: Any) -> str:
        return str(row.workload.name)

    @admin.display(description=gettext_lazy("number"), ordering="number")
    def n_number(self, row: Any) -> int:
        return int(row.number)

    @admin.display(description=gettext_lazy("outcome"), ordering="outcome")
    def result_said(self, row: Any) -> SafeString | str:
        return word(row.outcome) if row.ended_at else state_badge(row.workload.state)

    @admin.display(description=gettext_lazy("exit code"), ordering="exit_code")
    def n_exit(self, row: Any) -> str:
        return NOTHING if row.exit_code is None else str(row.exit_code)

    @admin.display(description=gettext_lazy("took"))
    def n_took(self, row: Any) -> str:
        return span(row.started_at, row.ended_at)


@admin.register(UsageRecord)
class UsageRecordAdmin(ReadOnlyAdmin):
    empty_text = gettext_lazy("Nothing was held yet: an interval begins when a workload is admitted.")
    list_display = (
        "of_workload", "project_link", "n_members", "n_cores", "n_memory", "n_gpus", "reserved", "used", "closed",
        "n_took",
    )  # fmt: skip
    list_filter = ("pool", "project")
    list_select_related = ("workload", "project")
    search_fields = ("workload__name",)
    project_link = link_column("project", "project")
    n_memory = size_column("memory_bytes", "memory")
    reserved = moment_column("reserved_at", "reserved")
    used = moment_column("used_at", "used from")
    closed = moment_column("closed_at", "until")

    def said(self, row: Any) -> str:
        return str(row.workload.name)

    @admin.display(description=gettext_lazy("workload"), ordering="workload__name")
    def of_workload(self, row: Any) -> str:
        return str(row.workload.name)

    @admin.display(description=gettext_lazy("members"), ordering="members")
    def n_members(self, row: Any) -> int:
        return int(row.members)

    @admin.display(description=gettext_lazy("cores"), ordering="cpu_millis")
    def n_cores(self, row: Any) -> str:
        return number(row.cpu_millis / 1000)

    @admin.display(description=gettext_lazy("GPUs"), ordering="gpus")
    def n_gpus(self, row: Any) -> SafeString | str:
        return format_html("{} × {}", row.gpus, row.flavor or _("GPU")) if row.gpus else NOTHING

    @admin.display(description=gettext_lazy("took"))
    def n_took(self, row: Any) -> str:
        return span(row.reserved_at, row.closed_at)


@admin.register(Pulse)
class PulseAdmin(ReadOnlyAdmin):
    """For superusers: it is about the installation, not about anybody's work."""

    list_display = ("name", "working", "last")
    ordering = ("name",)
    working = moment_column("since", "without a gap since")
    last = moment_column("at", "last worked")


@admin.register(LogChunk)
class LogChunkAdmin(ReadOnlyAdmin):
    """For superusers: the table has no project column, and what jobs print is read through the API."""

    list_display = ("attempt_id", "n_rank", "n_sequence", "n_first", "n_size", "made")
    hidden = ("content", "text")
    n_size = size_column("size_bytes", "size")
    made = moment_column("created_at", "when")

    @admin.display(description=gettext_lazy("rank"))
    def n_rank(self, row: Any) -> int:
        return int(row.rank)

    @admin.display(description=gettext_lazy("sequence"))
    def n_sequence(self, row: Any) -> int:
        return int(row.sequence)

    @admin.display(description=gettext_lazy("first line"))
    def n_first(self, row: Any) -> int:
        return int(row.first_line)
