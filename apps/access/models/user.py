"""Organisations, their teams and people."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models, transaction
from django.db.models.functions import Now
from uuid6 import uuid7

from apps.common.alerts import rights_changed
from apps.common.events import emit
from apps.common.models import BaseModel


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def visible_to(self, user: Any) -> OrganisationQuerySet:
        """A person sees their own organisation; a superuser all."""
        if user.is_superuser:
            return self
        return self.filter(pk=user.organisation_id) if user.is_authenticated else self.none()


class Organisation(BaseModel):
    """The tenant: everything belongs to one."""

    name = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120, blank=True)

    objects = OrganisationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class TeamQuerySet(models.QuerySet["Team"]):
    def visible_to(self, user: Any) -> TeamQuerySet:
        """People see the teams of their organisation."""
        if user.is_superuser:
            return self
        return self.filter(organisation_id=user.organisation_id) if user.is_authenticated else self.none()


class Team(BaseModel):
    """People who work together and own projects."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="teams")
    name = models.SlugField(max_length=60)
    title = models.CharField(max_length=120, blank=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["organisation", "name"], name="team_name_once")]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person or a service account. `is_superuser` administers the installation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="users", null=True)
    teams = models.ManyToManyField(Team, related_name="members", blank=True)

    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Another password is news whoever sets it, Django's own pages and commands included: it ends what is open."""
        is_another = not self._state.adding and bool(vars(self).get("_password"))  # Django's mark until it is saved
        with transaction.atomic():
            super().save(*args, **kwargs)
            if is_another:
                emit("user.changed", self)
                rights_changed(f"user.{self.pk}")
