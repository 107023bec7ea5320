"""What is wrong with machines, and what is done about work that leaves its GPUs idle."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.access.models import Project
from apps.common.models import BaseModel
from apps.quotas.models.pool import Node, ResourcePool
from apps.quotas.models.queue import Queue
from apps.quotas.states import IdleAction, IncidentKind

SECONDS_MOST = 31_536_000


class NodeIncidentQuerySet(models.QuerySet["NodeIncident"]):
    def visible_to(self, user: Any) -> NodeIncidentQuerySet:
        """Those of the pools that the user sees."""
        return self.filter(node__pool__in=ResourcePool.objects.visible_to(user).values("pk"))


class NodeIncident(BaseModel):
    """Why a machine, or a device of it, is given no new members; open until somebody says that it is mended.

    What is withheld follows from the open ones: the whole node by those without devices, except `lost`, which is over
    when its backend has it again.
    """

    node = models.ForeignKey(Node, models.PROTECT, related_name="incidents")
    kind = models.CharField(max_length=20, choices=IncidentKind.choices)
    devices = models.JSONField(default=list)
    """Indices; empty: the whole node."""
    detail = models.TextField(blank=True)
    """A sentence for people."""
    evidence = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    """What was reported: `{"uuid", "mark", "codes"}` of a device, `{"times"}` of a node that comes and goes."""
    opened_at = models.DateTimeField()
    opened_by = models.CharField(max_length=150)
    """A part of the system, or the name of a user."""
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True, default="")
    close_reason = models.TextField(blank=True, default="")

    objects = NodeIncidentQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(kind__in=IncidentKind.values), name="incident_kind"),
            models.CheckConstraint(
                condition=models.Q(closed_at=None) | models.Q(closed_at__gte=models.F("opened_at")),
                name="incident_forward",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["node", "-id"], name="incident_node"),
            models.Index(fields=["node"], condition=models.Q(closed_at=None), name="incident_open"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.node_id}"


class IdlePolicyQuerySet(models.QuerySet["IdlePolicy"]):
    def visible_to(self, user: Any) -> IdlePolicyQuerySet:
        """Those of the pools that the user sees, and of queues of projects in which the user has a role."""
        seen = self.filter(pool__in=ResourcePool.objects.visible_to(user).values("pk"))
        own = models.Q(queue=None) | models.Q(queue__project__in=Project.objects.visible_to(user).values("pk"))
        return seen if user.is_authenticated and user.is_superuser else seen.filter(own)


class IdlePolicy(BaseModel):
    """What is done about work of a pool, or of one queue in it, that leaves its GPUs idle: see `scheduling.idle`.

    The row of a queue holds instead of that of its pool. Without any, the defaults of `scheduling.idle` hold.
    """

    pool = models.ForeignKey(ResourcePool, models.PROTECT, related_name="idle_policies")
    queue = models.ForeignKey(Queue, models.CASCADE, related_name="idle_policies", null=True, blank=True)
    action = models.CharField(max_length=10, choices=IdleAction.choices)
    threshold_ratio = models.FloatField()
    warn_seconds = models.PositiveIntegerField()
    stop_seconds = models.PositiveIntegerField()
    grace_seconds = models.PositiveIntegerField()
    kinds = models.JSONField(default=list)
    """`WorkloadKind` values for which it holds."""

    objects = IdlePolicyQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pool", "queue"], nulls_distinct=False, name="idle_policy_once"),
            models.CheckConstraint(condition=models.Q(action__in=IdleAction.values), name="idle_policy_action"),
            models.CheckConstraint(
                condition=models.Q(threshold_ratio__gt=0, threshold_ratio__lte=1), name="idle_policy_threshold"
            ),
            models.CheckConstraint(
                condition=models.Q(warn_seconds__range=(60, SECONDS_MOST), stop_seconds__range=(60, SECONDS_MOST))
                & models.Q(grace_seconds__lte=SECONDS_MOST),
                name="idle_policy_seconds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} in {self.pool.name}"
