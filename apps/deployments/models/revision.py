"""One model version being served by one workload."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.access.models import ScopedStateful, User
from apps.common.states import StateMachine
from apps.deployments.models.endpoint import Endpoint
from apps.deployments.states import REVISION, RevisionState
from apps.experiments.models import ModelVersion
from apps.quotas.models import Workload


class Revision(ScopedStateful):
    """A model version, how many replicas serve it, and its share of the endpoint's requests."""

    machine: ClassVar[StateMachine] = REVISION
    told_to: ClassVar = {"endpoint": "endpoint_id"}
    state = REVISION.field()
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    """From 1, by endpoint."""
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, related_name="+")
    workload = models.ForeignKey(Workload, models.PROTECT, related_name="+", null=True, editable=False)
    replicas = models.PositiveIntegerField(default=1)
    """Wanted."""
    weight = models.PositiveIntegerField(default=0, editable=False)
    """Share of the requests, relative to the endpoint's other revisions."""
    ready_replicas = models.PositiveIntegerField(default=0, editable=False)
    addresses = models.JSONField(default=list, editable=False)
    """`host:port` of each replica that is ready, in order of rank."""
    trouble = models.TextField(blank=True, default="", editable=False)
    """Why a replica could not start, as the last one said; forgotten once one is ready."""
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True, editable=False)

    class Meta:
        constraints: ClassVar = [
            REVISION.constraint("revision_state"),
            models.UniqueConstraint(fields=["endpoint", "number"], name="revision_number_once"),
            models.UniqueConstraint(
                fields=["workload"], condition=models.Q(workload__isnull=False), name="revision_workload_once"
            ),
            models.UniqueConstraint(
                fields=["endpoint"], condition=models.Q(weight__gt=0), name="revision_one_takes_requests"
            ),
            models.CheckConstraint(
                condition=models.Q(weight=0) | models.Q(state=RevisionState.READY), name="revision_weight"
            ),
            models.CheckConstraint(condition=models.Q(replicas__gte=1), name="revision_replicas"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="revision_project"),
            models.Index(
                fields=["endpoint"], condition=models.Q(state__in=sorted(REVISION.active)), name="revision_active"
            ),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.endpoint_id}"
