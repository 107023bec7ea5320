"""Accounts."""

from __future__ import annotations

from django.db import transaction

from apps.access.models import Organisation, Team, User
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Invalid


@transaction.atomic
def user_create(
    *,
    username: str,
    password: str,
    organisation: Organisation,
    team: Team | None = None,
    is_superuser: bool = False,
    actor: Actor,
) -> User:
    """Make an account; a superuser may use the admin pages too.

    Raises:
        Conflict: the name is taken.
        Invalid: the team is of another organisation.
    """
    if User.objects.filter(username=username).exists():
        raise Conflict(f"A user named {username} exists already.")
    if team is not None and team.organisation_id != organisation.pk:
        raise Invalid(f"The team {team.name} is of another organisation.")
    user = User(username=username, organisation=organisation, is_superuser=is_superuser, is_staff=is_superuser)
    user.set_password(password)
    user.clean_fields(exclude=["last_login"])
    user.save()
    if team is not None:
        user.teams.add(team)
    record(actor, "user.created", user, detail={"is_superuser": is_superuser, "organisation": organisation.name})
    return user
