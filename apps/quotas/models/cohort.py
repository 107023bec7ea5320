"""The inner nodes of the tree by which a pool is shared."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from apps.access.models import Team
from apps.common.models import BaseModel
from apps.quotas.models.pool import InPoolManager, ResourcePool

WEIGHT_MOST = 1_000_000.0
"""Bounds weights, so that no NaN and no infinity is stored either: PostgreSQL puts both above every number."""


class Cohort(BaseModel):
    """Queues and other cohorts that lend each other what they leave idle, before they borrow from outside.

    The pool itself is the root of the tree and no cohort. A cohort's quotas count all that is below it together; one
    without a quota guarantees nothing and limits nothing. There is no cycle: `services.cohorts` sees to it.
    """

    pool = models.ForeignKey(ResourcePool, models.PROTECT, related_name="cohorts")
    parent = models.ForeignKey("self", models.PROTECT, related_name="children", null=True, blank=True)
    """Empty: directly below the pool."""
    name = models.CharField(max_length=60)
    team = models.ForeignKey(Team, models.PROTECT, related_name="+", null=True, blank=True)
    """The team whose projects belong here, if it is one's; it grants nothing."""
    weight = models.FloatField(default=1.0)
    """Of its share beside its siblings; 0: nothing above its nominal while anybody else wants it."""

    objects: ClassVar[Any] = InPoolManager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pool", "name"], name="cohort_name_once"),
            models.CheckConstraint(condition=~models.Q(name=""), name="cohort_named"),
            models.CheckConstraint(condition=models.Q(weight__range=(0, WEIGHT_MOST)), name="cohort_weight"),
            models.CheckConstraint(
                condition=models.Q(parent=None) | ~models.Q(parent=models.F("id")), name="cohort_not_its_own_parent"
            ),
        ]

    def __str__(self) -> str:
        return self.name
