"""Organisations, teams and projects."""

from __future__ import annotations

from django.db import transaction

from apps.access.models import Organisation, Project, Team, User
from apps.access.services.roles import role_grant
from apps.access.states import Role
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Forbidden, Invalid
from apps.common.events import emit
from apps.common.models import noun_of

DEFAULT = "default"
"""Name of the organisation and of the team that a first start makes."""


@transaction.atomic
def organisation_create(*, name: str, title: str = "", actor: Actor) -> Organisation:
    """Make a tenant with its default team.

    Raises:
        Conflict: the name is taken.
    """
    if Organisation.objects.filter(name=name).exists():
        raise Conflict(f"An organisation named {name} exists already.")
    organisation = Organisation(name=name, title=title)
    organisation.clean_fields()
    organisation.save()
    record(actor, "organisation.created", organisation)
    team_create(organisation=organisation, name=DEFAULT, actor=actor)
    return organisation


@transaction.atomic
def team_create(*, organisation: Organisation, name: str, title: str = "", actor: Actor) -> Team:
    """Make a team of an organisation.

    Raises:
        Conflict: the organisation has a team of that name.
    """
    if Team.objects.filter(organisation=organisation, name=name).exists():
        raise Conflict(f"A team named {name} exists already.")
    team = Team(organisation=organisation, name=name, title=title)
    team.clean_fields()
    team.save()
    record(actor, "team.created", team)
    return team


@transaction.atomic
def project_create(
    *,
    organisation: Organisation | None,
    team: Team | None = None,
    name: str,
    title: str = "",
    owner: User,
    actor: Actor,
) -> Project:
    """Make a project; its owner becomes its first admin.

    Args:
        team: the owner's first team in the organisation by default, else the organisation's default team.

    Raises:
        Forbidden: there is no organisation, the owner is of another one, or not of that team.
        Invalid: the organisation has no team to put it in.
        Conflict: the name is taken, here or in another organisation: it begins the address of every endpoint.
    """
    if organisation is None:
        raise Forbidden("You belong to no organisation yet; ask an administrator to add you to one.")
    if owner.organisation_id != organisation.pk:
        raise Forbidden(f"The owner of a project belongs to its organisation {organisation.name}.")
    team = _team_for(organisation, team, owner)
    if Project.objects.filter(name=name).exists():
        raise Conflict(f"A project named {name} exists already.")
    project = Project(organisation=organisation, team=team, name=name, title=title)
    project.clean_fields()
    project.save()
    record(actor, "project.created", project, project_id=project.pk, detail={"team": team.name})
    emit("project.created", project, project_id=project.pk, payload={"name": name})
    role_grant(project=project, user=owner, role=Role.ADMIN, actor=actor)
    return project


@transaction.atomic
def title_change(*, of: Organisation | Team, title: str, actor: Actor) -> None:
    """Give an organisation or a team another title; their names stay, because they are part of addresses."""
    current = type(of).objects.select_for_update(no_key=True).get(pk=of.pk)
    current.title = title
    current.clean_fields()
    current.save(update_fields=["title"])
    record(actor, f"{noun_of(current)}.changed", current, detail={"title": title})


def _team_for(organisation: Organisation, team: Team | None, owner: User) -> Team:
    own = owner.teams.filter(organisation=organisation).order_by("id")
    if team is None:
        team = own.first() or Team.objects.filter(organisation=organisation, name=DEFAULT).first()
        if team is None:
            raise Invalid("The organisation has no team to put the project in.")
    elif team.organisation_id != organisation.pk:
        raise Invalid(f"The team {team.name} is of another organisation.")
    elif not owner.is_superuser and not own.filter(pk=team.pk).exists():
        raise Forbidden(f"You are not a member of the team {team.name}.")
    return team
