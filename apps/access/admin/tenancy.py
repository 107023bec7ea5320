"""Organisations, teams and projects; the members and roles of projects as one matrix."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.admin.new_project import new_project_page
from apps.access.admin.roles_page import roles_page
from apps.access.models import Organisation, Project, Team
from apps.access.permissions import role_of
from apps.access.selectors import members_of
from apps.access.services.projects import organisation_create, team_create, title_change
from apps.access.states import Role
from apps.common.audit import Actor
from apps.common.panel import ReadOnlyAdmin, VisibleAdmin
from apps.common.panel.cells import link_column, moment_column


class _NamedAdmin(VisibleAdmin):
    """Made by a service, then only the title changes: names are part of addresses."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [name for name in self.get_fields(request, obj) if name != "title"] if obj else []

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor = Actor.user(request.user)
        if change:
            title_change(of=obj, title=form.cleaned_data["title"], actor=actor)
            return
        obj.pk = self.make(form.cleaned_data, actor).pk
        obj._state.adding = False

    def make(self, data: dict[str, Any], actor: Actor) -> Any:
        """Call the service that makes one."""
        raise AssertionError(f"{type(self).__name__} does not say how to make one")


@admin.register(Organisation)
class OrganisationAdmin(_NamedAdmin):
    list_display = ("name", "title", "n_projects", "made")
    search_fields = ("name", "title")
    fields = ("name", "title")
    made = moment_column("created_at", "since")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(projects_all=Count("projects"))

    @admin.display(description=gettext_lazy("projects"), ordering="projects_all")
    def n_projects(self, row: Any) -> int:
        return int(row.projects_all)

    def make(self, data: dict[str, Any], actor: Actor) -> Organisation:
        return organisation_create(**data, actor=actor)


@admin.register(Team)
class TeamAdmin(_NamedAdmin):
    list_display = ("name", "organisation_link", "title", "n_members", "made")
    list_filter = ("organisation",)
    list_select_related = ("organisation",)
    search_fields = ("name", "title")
    fields = ("organisation", "name", "title")
    organisation_link = link_column("organisation", "organisation")
    made = moment_column("created_at", "since")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(members_all=Count("members"))

    @admin.display(description=gettext_lazy("people"), ordering="members_all")
    def n_members(self, row: Any) -> int:
        return int(row.members_all)

    def make(self, data: dict[str, Any], actor: Actor) -> Team:
        return team_create(**data, actor=actor)


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    empty_text = gettext_lazy("No project yet. People make their own in the dashboard, and become its admin.")
    list_display = ("name", "organisation_link", "team_link", "title", "n_members", "made")
    list_filter = ("organisation", "team")
    list_select_related = ("organisation", "team")
    search_fields = ("name", "title")
    organisation_link = link_column("organisation", "organisation")
    team_link = link_column("team", "team")
    made = moment_column("created_at", "since")
    change_list_template = "access/admin/projects.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        people = Count("user_permissions__user", distinct=True)
        return super().get_queryset(request).annotate(members_all=people)

    @admin.display(description=gettext_lazy("people"), ordering="members_all")
    def n_members(self, row: Any) -> int:
        return int(row.members_all)

    def get_urls(self) -> list[URLPattern]:
        roles, new = self.admin_site.admin_view(self._roles), self.admin_site.admin_view(self._new)
        own = [path("roles/", roles, name="access_project_roles"), path("new/", new, name="access_project_new")]
        return [*own, *super().get_urls()]

    def _roles(self, request: HttpRequest) -> HttpResponse:
        return roles_page(request, self.admin_site.each_context(request))

    def _new(self, request: HttpRequest) -> HttpResponse:
        return new_project_page(request, self.admin_site.each_context(request))

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        links = [{"label": _("Its runs"), "url": f"/runs?project={row.name}", "main": False}]
        if role_of(request.user, row) == Role.ADMIN:
            matrix = f"{reverse('admin:access_project_roles')}?project={row.pk}"
            links.insert(0, {"label": _("Members and roles"), "url": matrix, "main": True})
        return {"links": links, "page_template": "access/admin/members.html", "members": members_of(row)}
