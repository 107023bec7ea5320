"""The kernel's rows, for superusers: the outbox, stories, idempotency keys. The audit trail is in `apps.access`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy

from apps.common.models import Event, IdempotencyKey, Transition
from apps.common.panel.bases import ReadOnlyAdmin
from apps.common.panel.cells import moment_column, reason_column, state_column, word


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "subject", "project_id", "happened")
    search_fields = ("=subject",)
    happened = moment_column("created_at", "when")


@admin.register(Transition)
class TransitionAdmin(ReadOnlyAdmin):
    list_display = ("id", "noun_said", "object_id", "from_shown", "to_shown", "why", "actor_name", "when")
    search_fields = ("=object_id",)
    from_shown = state_column("from_state", "from state")
    to_shown = state_column("to_state", "to state")
    why = reason_column("reason", "detail")
    when = moment_column("at", "when")

    @admin.display(description=gettext_lazy("noun"))
    def noun_said(self, row: Any) -> str:
        return word(row.noun)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    list_display = ("id", "caller", "key", "response_status", "made")
    search_fields = ("key",)
    hidden = ("response_body",)
    made = moment_column("created_at", "when")
