"""Bases of every admin: rows start at `visible_to(user)`, what is not visible is 404, services write.

Django's admin answers a missing object with a redirect; here every object view answers 404, the same for a missing
and an invisible one. A staff member who is no superuser looks at what their projects hold; what their role lets them
do are verbs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin, TabularInline

from apps.common.errors import BedplateError, Forbidden
from apps.common.panel.filters import filter_of, visible_rows
from apps.common.panel.names import name
from apps.common.panel.shown import shown
from apps.common.panel.verbs import VerbPages, told

if TYPE_CHECKING:
    from django.contrib import admin

    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin = ModelAdmin
    _TabularInline = TabularInline


FIRST = ("name", "title", "project", "state", "state_reason", "state_detail", "state_at")
LAST = ("organisation", "team", "created_at", "id")


class VisibleAdmin(VerbPages, _ModelAdmin):
    """Staff see the rows visible to them; only superusers change them, by services."""

    show_full_result_count = False
    ordering = ("-pk",)
    list_per_page = 50
    list_fullwidth = True
    empty_value_display = "–"
    empty_text: Any = ""
    """What an empty list says: where its rows come from."""

    def __init__(self, model: type[models.Model], admin_site: Any) -> None:
        super().__init__(model, admin_site)
        name(model)

    def get_queryset(self, request: HttpRequest) -> Any:
        return visible_rows(super().get_queryset(request), request.user)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> models.Model:
        """Every object view asks here first."""
        found: models.Model | None = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Filters by a relation never name what the user cannot see; those by a word say it in the user's language."""
        return [filter_of(self.model, one) if isinstance(one, str) else one for one in super().get_list_filter(request)]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A form whose service says no comes back with the reason, and nothing is written."""
        try:
            answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        except Forbidden as error:
            raise PermissionDenied(error.detail) from error
        except BedplateError as error:
            messages.error(request, told(error))
            return HttpResponseRedirect(request.get_full_path())
        return answer

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What was done to it is in the audit trail."""
        row = self.get_object(request, object_id)
        return HttpResponseRedirect(f"{reverse('admin:common_auditevent_changelist')}?q={row.pk}")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Not here: what was done is in the audit trail, which the service writes."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Not here either."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_staff(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_staff(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted here: what is over is revoked, deactivated or set to nothing."""
        return False


class ReadOnlyAdmin(VisibleAdmin):
    """For nouns that only a service writes: every column is shown but those in `hidden`, none can be changed."""

    hidden: ClassVar[Sequence[str]] = ()
    """Columns that nobody sees: digests, ciphertext."""
    extra_fields: ClassVar[Sequence[str]] = ()
    """Methods or properties shown below the columns."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        visible = [column for column in self.model._meta.fields if column.name not in self.hidden]
        columns: list[str | Callable[..., Any]] = [shown(column) for column in sorted(visible, key=_order)]
        return [*columns, *self.extra_fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(_TabularInline):
    """Rows below a visible object, for reading."""

    extra = 0
    max_num = 0
    can_delete = False

    def __init__(self, parent_model: type[models.Model], admin_site: Any) -> None:
        super().__init__(parent_model, admin_site)
        name(self.model)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_staff(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _order(column: models.Field[Any, Any]) -> int:
    """What it is and how it goes first, where it belongs last."""
    if column.name in FIRST:
        return FIRST.index(column.name)
    return len(FIRST) + (LAST.index(column.name) + 1 if column.name in LAST else 0)


def _is_staff(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.is_active and user.is_staff)


def _is_superuser(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.is_active and user.is_staff and user.is_superuser)
