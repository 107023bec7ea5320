"""Named priorities."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from apps.common.models import BaseModel
from apps.quotas.states import Preemption


class PriorityClassQuerySet(models.QuerySet["PriorityClass"]):
    def visible_to(self, user: Any) -> PriorityClassQuerySet:
        """Everybody who is signed in sees all of them."""
        return self if user.is_authenticated else self.none()


class PriorityClass(BaseModel):
    """A named priority: the higher value is admitted first."""

    name = models.SlugField(max_length=60, unique=True)
    value = models.IntegerField()
    preemption = models.CharField(
        max_length=20, choices=Preemption.choices, default=Preemption.NEVER, db_default=Preemption.NEVER
    )
    """Whether its work may take the place of what has a lower priority."""

    objects = PriorityClassQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(value__range=(-1000, 1000)), name="priority_value"),
            models.CheckConstraint(condition=models.Q(preemption__in=Preemption.values), name="priority_preemption"),
        ]

    def __str__(self) -> str:
        return self.name
