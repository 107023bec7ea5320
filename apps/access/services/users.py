"""Accounts: made, changed, closed and opened again. Nobody is deleted: what they did names them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.access.models import Organisation, ProjectUserPermission, Team, User
from apps.common.alerts import rights_changed
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Invalid
from apps.common.events import emit

CHANGEABLE: Final = frozenset(
    {"username", "first_name", "last_name", "email", "organisation", "teams", "is_staff", "is_superuser"}
)


@transaction.atomic
def user_create(
    *,
    username: str,
    password: str | None,
    organisation: Organisation,
    team: Team | None = None,
    is_superuser: bool = False,
    actor: Actor,
) -> User:
    """Make an account; a superuser may use the admin pages too. Without a password nobody signs in with it.

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
    emit("user.created", user)
    return user


@transaction.atomic
def user_change(*, user: User, changes: Mapping[str, Any], actor: Actor) -> User:
    """Change what an account says and may.

    Args:
        changes: some of `CHANGEABLE`; `teams` takes all teams that it is to be in.

    Raises:
        Invalid: it cannot be changed so, or a team is of another organisation.
        Conflict: the name is taken, the last superuser would be gone, who acts would lock themselves out, or the
            person has roles in projects of the organisation that it leaves.
    """
    unknown = sorted(set(changes) - CHANGEABLE)
    if unknown:
        raise Invalid(f"Not changed here: {', '.join(unknown)}.")
    current = _locked(user)
    rest = {name: value for name, value in changes.items() if name != "teams"}
    if rest.get("is_superuser") is False or rest.get("is_staff") is False:
        _keep_in(current, actor)
    if rest.get("is_superuser") is False:
        _keep_a_superuser(current)
    for name, value in rest.items():
        setattr(current, name, value)
    if User.objects.filter(username=current.username).exclude(pk=current.pk).exists():
        raise Conflict(f"A user named {current.username} exists already.")
    _check_places(current, changes.get("teams"))
    current.clean_fields(exclude=["last_login", "password"])
    current.save(update_fields=sorted(rest))
    if "teams" in changes:
        current.teams.set(changes["teams"])
    _tell(current, "user.changed", actor, fields=sorted(changes))
    return current


@transaction.atomic
def user_deactivate(*, user: User, actor: Actor) -> None:
    """Close an account: nobody signs in with it, its tokens and sockets end. Roles stay, for when it is opened again.

    Raises:
        Conflict: it is closed already, it is one's own, or the last superuser's.
    """
    current = _locked(user)
    if not current.is_active:
        raise Conflict(f"{current.username} is not active.")
    _keep_in(current, actor)
    _keep_a_superuser(current)
    current.is_active = False
    current.save(update_fields=["is_active"])
    _tell(current, "user.deactivated", actor)


@transaction.atomic
def user_activate(*, user: User, actor: Actor) -> None:
    """Open an account again, with the roles it had.

    Raises:
        Conflict: it is active.
    """
    current = _locked(user)
    if current.is_active:
        raise Conflict(f"{current.username} is active already.")
    current.is_active = True
    current.save(update_fields=["is_active"])
    _tell(current, "user.activated", actor)


@transaction.atomic
def user_password_set(*, user: User, password: str, actor: Actor) -> None:
    """Give an account another password; its sessions and sockets end.

    Raises:
        Invalid: the password is too weak; `fields` says why.
    """
    current = _locked(user)
    try:
        validate_password(password, current)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), fields={"password": error.messages}) from error
    current.set_password(password)
    current.save()  # the whole row: the model tells of another password
    own = actor.id == str(current.pk)
    record(actor, "user.password_changed" if own else "user.password_reset", current)


def _locked(user: User) -> User:
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _keep_in(user: User, actor: Actor) -> None:
    if actor.id == str(user.pk):
        raise Conflict("This would lock you out; another administrator can do it.")


def _keep_a_superuser(user: User) -> None:
    """Two at the same moment wait for each other: both lock all superusers in one order."""
    locked = User.objects.select_for_update(no_key=True).filter(is_superuser=True, is_active=True).order_by("pk")
    if user.is_superuser and [other.pk for other in locked] == [user.pk]:
        raise Conflict(f"{user.username} is the only administrator of the installation.")


def _check_places(user: User, teams: Collection[Team] | None) -> None:
    strange = [team.name for team in teams or () if team.organisation_id != user.organisation_id]
    if strange:
        raise Invalid(f"Of another organisation: {', '.join(strange)}.", fields={"teams": ["of another organisation"]})
    roles = ProjectUserPermission.objects.filter(user=user).exclude(
        content_object__organisation_id=user.organisation_id
    )
    left = sorted(set(roles.values_list("content_object__name", flat=True)))
    if left:
        raise Conflict(f"{user.username} has roles in projects of another organisation: {', '.join(left)}.")


def _tell(user: User, action: str, actor: Actor, **detail: Any) -> None:
    record(actor, action, user, detail=detail)
    emit("user.changed", user)
    rights_changed(f"user.{user.pk}")
