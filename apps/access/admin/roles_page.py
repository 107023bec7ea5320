"""People × projects: who has which role. Somebody who administers a project gives and takes its roles here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access.models import Project, ProjectUserPermission, User
from apps.access.models.project import granted_ids
from apps.access.permissions import NEEDED
from apps.access.selectors import administers_any, users_addable
from apps.access.services.roles import RoleChange, roles_save
from apps.access.states import Role
from apps.common.api import is_uuid
from apps.common.audit import Actor
from apps.common.errors import BedplateError, StaleState
from apps.common.panel.verbs import told

PEOPLE, PROJECTS = 40, 10
"""On one page: a form has a thousand fields at most, and a screen less."""
OFFERED = 500


@dataclass(frozen=True, slots=True)
class Cell:
    """One person's role in one project; `locked`: it cannot be given, the person is of another organisation."""

    project: Project
    was: str
    shown: str
    name: str
    error: str
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    user: User
    cells: list[Cell]


@dataclass(slots=True)
class Asked:
    """What came with the form."""

    changes: list[RoleChange] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    """By place, or by nothing."""


def roles_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """GET shows the matrix of the projects that the reader administers, POST saves what was changed in it."""
    projects, people = _projects(request), _people(request)
    held = _held(list(projects), list(people))
    asked = Asked()
    if request.method == "POST":
        asked = _asked(request.POST, list(projects), list(people))
        if not asked.errors and _saved(request, asked):
            return HttpResponseRedirect(request.get_full_path())
    query = {name: request.GET[name] for name in ("project", "q") if request.GET.get(name)}
    context |= {
        "title": _("Members and roles"),
        "projects": projects,
        "people": people,
        "rows": [_row(user, list(projects), held, asked) for user in people],
        "errors": list(asked.errors.values()),
        "roles": [(role, _(role)) for role in Role.values],
        "addable": _addable(request.user),
        "new_name": request.POST.get("new_user", ""),
        "q": request.GET.get("q", ""),
        "one": request.GET.get("project", ""),
        "page_query": f"&{urlencode(query)}" if query else "",
    }
    return TemplateResponse(request, "access/admin/roles.html", context, status=409 if asked.errors else 200)


def administered(user: Any) -> Any:
    """The projects whose roles the user gives and takes."""
    projects = Project.objects.visible_to(user)
    return projects if user.is_superuser else projects.filter(pk__in=granted_ids(user, NEEDED[Role.ADMIN]))


def _projects(request: HttpRequest) -> Page[Project]:
    rows = administered(request.user).select_related("organisation").order_by("name")
    wanted = request.GET.get("project", "")
    if wanted:
        rows = rows.filter(pk=wanted) if is_uuid(wanted) else rows.none()
        if not rows:
            raise Http404
    return Paginator(rows, PROJECTS).get_page(request.GET.get("projects"))


def _people(request: HttpRequest) -> Page[User]:
    """Everybody with a role in a project that the reader administers."""
    mine = administered(request.user)
    wanted = request.GET.get("project", "")
    if wanted and is_uuid(wanted):
        mine = mine.filter(pk=wanted)
    holders = ProjectUserPermission.objects.filter(content_object__in=mine.values("pk")).values("user_id")
    rows = User.objects.filter(pk__in=holders).order_by("username")
    part = request.GET.get("q", "")
    rows = rows.filter(username__icontains=part) if part else rows
    return Paginator(rows, PEOPLE).get_page(request.GET.get("page"))


def _addable(user: Any) -> list[str]:
    """Names to choose from in the last row; with more of them than that, a name is typed."""
    names = list(users_addable(user).order_by("username").values_list("username", flat=True)[: OFFERED + 1])
    return names if administers_any(user) and len(names) <= OFFERED else []


def _held(projects: list[Project], people: list[User]) -> dict[tuple[UUID, UUID], str]:
    """(project, person) → the strongest role. One query."""
    rows = ProjectUserPermission.objects.filter(content_object__in=projects, user__in=people)
    by_permission = {permission: str(role) for role, permission in NEEDED.items()}
    strength = ["", *Role.values]
    found: dict[tuple[UUID, UUID], str] = {}
    for project_id, user_id, codename in rows.values_list("content_object_id", "user_id", "permission__codename"):
        role = by_permission.get(codename, "")
        if strength.index(role) > strength.index(found.get((project_id, user_id), "")):
            found[project_id, user_id] = role
    return found


def _row(user: User, projects: list[Project], held: dict[tuple[UUID, UUID], str], asked: Asked) -> Row:
    cells = []
    for project in projects:
        was, place = held.get((project.pk, user.pk), ""), f"{project.pk} {user.pk}"
        strange = not was and (not user.is_active or user.organisation_id != project.organisation_id)
        name = f"r|{project.pk}|{user.pk}|{was}"
        cells.append(Cell(project, was, asked.texts.get(place, was), name, asked.errors.get(place, ""), strange))
    return Row(user, cells)


def _asked(posted: Mapping[str, str], projects: list[Project], people: list[User]) -> Asked:
    found = Asked()
    by_project, by_user = {str(row.pk): row for row in projects}, {str(row.pk): row for row in people}
    for name, role in posted.items():
        parts = name.split("|")
        if len(parts) != 4 or parts[0] != "r" or role == parts[3] or role not in ("", *Role.values):
            continue
        project, user = by_project.get(parts[1]), by_user.get(parts[2])
        if project is not None and user is not None and parts[3] in ("", *Role.values):
            found.changes.append(RoleChange(project, user, parts[3], role))
            found.texts[found.changes[-1].place] = role
    _newcomer(found, posted, projects)
    return found


def _newcomer(found: Asked, posted: Mapping[str, str], projects: list[Project]) -> None:
    """Somebody who is named in the last row, by the name with which they sign in."""
    name = posted.get("new_user", "").strip()
    wanted = {project: posted.get(f"new|{project.pk}", "") for project in projects}
    roles = {project: role for project, role in wanted.items() if role in Role.values}
    if not name and not roles:
        return
    user = User.objects.filter(username=name, is_active=True).first() if name else None
    strange = user is None or any(project.organisation_id != user.organisation_id for project in roles)
    if strange:
        found.errors[""] = _("“%(name)s” is nobody in the organisation of these projects.") % {"name": name}
    elif not roles:
        found.errors[""] = _("Choose a role for %(name)s in at least one project.") % {"name": name}
    elif user is not None:
        held = _held(list(roles), [user])
        found.changes += [RoleChange(one, user, held.get((one.pk, user.pk), ""), role) for one, role in roles.items()]


def _saved(request: HttpRequest, asked: Asked) -> bool:
    if not asked.changes:
        messages.info(request, _("Nothing was changed."))
        return True
    names = {one.place: f"{one.user.username} · {one.project.name}" for one in asked.changes}
    try:
        roles_save(asked.changes, actor=Actor.user(request.user))
    except StaleState as error:
        for place, (now,) in error.fields.items():
            shown = _(now) if now else _("none")
            said = _("somebody else set it to %(now)s meanwhile; look and save again.") % {"now": shown}
            asked.errors[place] = f"{names[place]}: {said}"
        return False
    except BedplateError as error:
        place = next(iter(error.fields), "")
        asked.errors[place] = f"{names[place]}: {told(error)}" if place in names else told(error)
        return False
    count = len(asked.changes)
    said = ngettext("%(count)d role was changed.", "%(count)d roles were changed.", count)
    messages.success(request, said % {"count": count})
    return True
