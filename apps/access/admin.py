"""Admin pages of the access app. Accounts, organisations and teams are edited by superusers; the rest is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest

from apps.access.forms import AdminSignInForm
from apps.access.models import (
    ApiToken,
    ApprovalRequest,
    Organisation,
    Project,
    ProjectUserPermission,
    Secret,
    Team,
    User,
)
from apps.access.services.projects import organisation_create, team_create
from apps.common.admin import ReadOnlyAdmin, ReadOnlyInline, VisibleAdmin
from apps.common.alerts import rights_changed
from apps.common.audit import Actor, record
from apps.common.events import emit

if TYPE_CHECKING:
    _UserAdmin = DjangoUserAdmin[User]
else:
    _UserAdmin = DjangoUserAdmin

admin.site.unregister(Group)  # roles are granted on projects, nowhere else
admin.site.login_form = AdminSignInForm
admin.site.site_header = admin.site.site_title = "Bedplate"
admin.site.index_title = "Administration"
admin.site.site_url = "/runs"


@admin.register(User)
class UserAdmin(VisibleAdmin, _UserAdmin):
    """Accounts: superusers only. Every change is audited; nobody is deleted, only made inactive."""

    ordering = ("username",)
    list_display = ("username", "organisation", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "organisation")
    list_select_related = ("organisation",)
    filter_horizontal = ("teams",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Place", {"fields": ("organisation", "teams")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Times", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {"classes": ("wide",), "fields": ("username", "organisation", "usable_password", "password1", "password2")},
        ),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            action = "user.changed" if change else "user.created"
            record(Actor.user(request.user), action, obj, detail={"fields": sorted(form.changed_data)})
            emit(action, obj)
            rights_changed(f"user.{obj.pk}")


class _NamedAdmin(VisibleAdmin):
    """Made by a service, then only the title changes: names are part of addresses."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [name for name in self.get_fields(request, obj) if name != "title"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor = Actor.user(request.user)
        if not change:
            obj.pk = self.make(form.cleaned_data, actor).pk
            obj._state.adding = False
            return
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            record(actor, f"{obj._meta.model_name}.changed", obj, detail={"title": obj.title})

    def make(self, data: dict[str, Any], actor: Actor) -> Any:
        """Call the service that makes one."""
        raise AssertionError(f"{type(self).__name__} does not say how to make one")


@admin.register(Organisation)
class OrganisationAdmin(_NamedAdmin):
    list_display = ("name", "title", "created_at")
    search_fields = ("name", "title")
    fields = ("name", "title")

    def make(self, data: dict[str, Any], actor: Actor) -> Organisation:
        return organisation_create(**data, actor=actor)


@admin.register(Team)
class TeamAdmin(_NamedAdmin):
    list_display = ("name", "organisation", "title", "created_at")
    list_filter = ("organisation",)
    search_fields = ("name", "title")
    fields = ("organisation", "name", "title")

    def make(self, data: dict[str, Any], actor: Actor) -> Team:
        return team_create(**data, actor=actor)


class MemberInline(ReadOnlyInline):
    """Who holds which permission; roles are granted over the API."""

    model = ProjectUserPermission
    fields = ("user", "permission")
    readonly_fields = ("user", "permission")

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super().get_queryset(request).select_related("user", "permission__content_type").order_by("user__username")
        )


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ("name", "organisation", "team", "title", "created_at")
    list_filter = ("organisation", "team")
    search_fields = ("name", "title")
    inlines = (MemberInline,)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """A person's own tokens; a superuser sees everybody's."""

    list_display = ("name", "user", "prefix", "state", "scopes", "expires_at", "last_used_at")
    list_filter = ("state",)
    search_fields = ("name", "=prefix", "=user__username")
    hidden = ("digest",)

    def get_queryset(self, request: HttpRequest) -> Any:
        if request.user.is_superuser:
            return ApiToken.objects.select_related("user").order_by("-pk")
        return super().get_queryset(request)


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    list_display = ("name", "project", "key_id", "replaced_at", "created_at")
    list_filter = ("project",)
    search_fields = ("name",)
    hidden = ("nonce", "ciphertext")


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ReadOnlyAdmin):
    list_display = ("command", "project", "state", "requested_by", "decided_by", "expires_at", "applied_at")
    list_filter = ("state", "project")
    search_fields = ("=command",)
