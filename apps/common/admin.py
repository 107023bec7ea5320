"""Bases of every admin: rows start at `visible_to(user)`, what is not visible is 404, services write.

Django's admin answers a missing object with a redirect; here every object view answers 404, the same for a missing
and an invisible one. A staff member who is no superuser may look at what their projects hold and change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.db import models
from django.http import Http404, HttpRequest

from apps.common.models import AuditEvent, Event, IdempotencyKey, Transition

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _TabularInline = admin.TabularInline


def visible_rows(queryset: Any, user: Any) -> Any:
    """`queryset.visible_to(user)`; a table without it is for superusers only."""
    if hasattr(queryset, "visible_to"):
        return queryset.visible_to(user)
    return queryset if user.is_superuser else queryset.none()


class VisibleRelatedFilter(admin.RelatedFieldListFilter):
    """A filter by a related object that offers visible ones only."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        rows = visible_rows(field.remote_field.model._default_manager.all(), request.user)
        return [(str(row.pk), str(row)) for row in rows.order_by("-pk")[:200]]


class VisibleAdmin(_ModelAdmin):
    """Staff see the rows visible to them; only superusers change them."""

    show_full_result_count = False
    ordering = ("-pk",)
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> Any:
        return visible_rows(super().get_queryset(request), request.user)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> models.Model:
        """Every object view asks here first."""
        found: models.Model | None = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Filters by a relation never name what the user cannot see."""
        return [
            (name, VisibleRelatedFilter) if isinstance(name, str) and _is_relation(self.model, name) else name
            for name in super().get_list_filter(request)
        ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_staff(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_staff(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)


class ReadOnlyAdmin(VisibleAdmin):
    """For nouns that only a service writes: every column is shown but those in `hidden`, none can be changed."""

    hidden: ClassVar[Sequence[str]] = ()
    """Columns that nobody sees: digests, ciphertext."""
    extra_fields: ClassVar[Sequence[str]] = ()
    """Methods or properties shown below the columns."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [f.name for f in self.model._meta.fields if f.name not in self.hidden] + list(self.extra_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(_TabularInline):
    """Rows below a visible object, for reading."""

    extra = 0
    max_num = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_staff(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _is_staff(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.is_active and user.is_staff)


def _is_superuser(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.is_active and user.is_staff and user.is_superuser)


def _is_relation(model: type[models.Model], name: str) -> bool:
    return bool(get_fields_from_path(model, name)[-1].is_relation)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "subject", "project_id", "created_at")
    search_fields = ("=subject",)


@admin.register(Transition)
class TransitionAdmin(ReadOnlyAdmin):
    list_display = ("id", "noun", "object_id", "from_state", "to_state", "reason", "actor_name", "at")
    search_fields = ("=object_id",)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor_name", "action", "subject_kind", "subject_name", "project_id")
    search_fields = ("=action", "=subject_id", "=subject_name", "=actor_name")


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    list_display = ("id", "caller", "key", "response_status", "created_at")
    search_fields = ("key",)
    hidden = ("response_body",)
