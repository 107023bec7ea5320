"""What would become of a pool's line if it were shared otherwise: asked, worked out in the background, kept a while."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.access.models import User
from apps.common.states import Stateful, StateMachine
from apps.quotas.models.pool import ResourcePool
from apps.quotas.states import WHAT_IF, WhatIfBasis


class WhatIfQuerySet(models.QuerySet["WhatIf"]):
    def visible_to(self, user: Any) -> WhatIfQuerySet:
        """Those of the pools that an administrator of the installation sees: an answer tells of everybody's work."""
        return self if user.is_authenticated and user.is_active and user.is_superuser else self.none()


class WhatIf(Stateful):
    """A question about a pool: these changes, beside leaving things as they are; and its answer."""

    machine: ClassVar[StateMachine] = WHAT_IF
    state = WHAT_IF.field()
    pool = models.ForeignKey(ResourcePool, models.CASCADE, related_name="what_ifs")
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    basis = models.CharField(max_length=10, choices=WhatIfBasis.choices)
    hours = models.PositiveSmallIntegerField(default=0)
    """Of the past, whose work comes again; of a trace, in which all of it comes; 0: nothing comes."""
    trace = models.JSONField(null=True, editable=False)
    """The files of a trace, `tasks` and `nodes`; empty where nothing was uploaded."""
    changes = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    """As they were asked for: `services.what_ifs`."""
    began_at = models.DateTimeField(null=True, editable=False)
    result = models.JSONField(null=True, editable=False, encoder=DjangoJSONEncoder)
    """As the API shows it; empty until it has succeeded."""
    expires_at = models.DateTimeField()
    """When it is deleted."""

    objects = WhatIfQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            WHAT_IF.constraint("what_if_state"),
            models.CheckConstraint(condition=models.Q(basis__in=WhatIfBasis.values), name="what_if_basis"),
            models.CheckConstraint(condition=models.Q(hours__lte=168), name="what_if_hours"),
        ]
        indexes: ClassVar = [models.Index(fields=["pool", "-id"], name="what_if_pool")]

    def __str__(self) -> str:
        return f"{len(self.changes)} changes of {self.pool_id}"
