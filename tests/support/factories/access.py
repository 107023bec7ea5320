"""Organisations, people, projects and what access keeps about them."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

import factory
from django.contrib.auth.models import Permission
from factory.django import DjangoModelFactory

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
from apps.access.permissions import PERMISSIONS
from apps.access.states import Role, TokenScope
from apps.common import clock

PASSWORD = "correct horse battery staple"


class OrganisationFactory(DjangoModelFactory[Organisation]):
    class Meta:
        model = Organisation

    name = factory.Sequence(lambda n: f"organisation-{n}")


class TeamFactory(DjangoModelFactory[Team]):
    class Meta:
        model = Team

    organisation = factory.SubFactory(OrganisationFactory)
    name = factory.Sequence(lambda n: f"team-{n}")


class UserFactory(DjangoModelFactory[User]):
    """A plain person with the password PASSWORD."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user-{n}")
    organisation = factory.SubFactory(OrganisationFactory)

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        return model_class.objects.create_user(*args, **{"password": PASSWORD, **kwargs})


class ProjectFactory(DjangoModelFactory[Project]):
    """A project without members; its team is of its organisation."""

    class Meta:
        model = Project

    organisation = factory.SubFactory(OrganisationFactory)
    team = factory.SubFactory(TeamFactory, organisation=factory.SelfAttribute("..organisation"))
    name = factory.Sequence(lambda n: f"project-{n}")


class ApiTokenFactory(DjangoModelFactory[ApiToken]):
    """An active token; its text is in the attribute `plain` of the object that the factory gives."""

    class Meta:
        model = ApiToken

    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"token-{n}")
    scopes = factory.LazyFunction(lambda: list(TokenScope.values))

    @classmethod
    def _create(cls, model_class: type[ApiToken], *args: Any, **kwargs: Any) -> ApiToken:
        prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        digest = hashlib.sha256(secret.encode()).hexdigest()
        token = model_class.objects.create(*args, **{"prefix": prefix, "digest": digest, **kwargs})
        token.plain = f"bp_{token.prefix}_{secret}"  # type: ignore[attr-defined]  # for tests only
        return token


class SecretFactory(DjangoModelFactory[Secret]):
    """A row with bytes that no key opens; use `secret_set` where the value matters."""

    class Meta:
        model = Secret

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"secret-{n}")
    key_id = "k1"
    nonce = b"\0" * 12
    ciphertext = b"\0" * 32


class ApprovalRequestFactory(DjangoModelFactory[ApprovalRequest]):
    """A pending request for a week."""

    class Meta:
        model = ApprovalRequest

    project = factory.SubFactory(ProjectFactory)
    command = "test.command"
    requested_by = factory.SubFactory(UserFactory)
    expires_at = factory.LazyFunction(lambda: clock.now() + timedelta(days=7))


def grant(user: User, project: Project, role: str) -> None:
    """Give the role as stored rows, past every service."""
    permissions = Permission.objects.filter(content_type__app_label="access", codename__in=PERMISSIONS[role])
    ProjectUserPermission.objects.bulk_create(
        ProjectUserPermission(user=user, permission=permission, content_object=project) for permission in permissions
    )


def member(project: Project, role: str = Role.EDITOR, **kwargs: Any) -> User:
    """A new person of the project's organisation with that role."""
    user = UserFactory.create(organisation=project.organisation, **kwargs)
    grant(user, project, role)
    return user


def token_for(user: User, *scopes: str) -> str:
    """The text of a new token; all scopes unless some are named."""
    token = ApiTokenFactory.create(user=user, scopes=list(scopes) or list(TokenScope.values))
    return str(token.plain)  # type: ignore[attr-defined]
