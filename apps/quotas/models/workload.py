"""The one unit of execution."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.access.models import Organisation, Project, ScopedStateful, Team, User
from apps.common.states import StateMachine
from apps.quotas.models.pool import ResourcePool
from apps.quotas.models.queue import Queue
from apps.quotas.states import OCCUPYING, WORKLOAD, Preemption, WorkloadKind, WorkloadState
from workers.contracts.specs import Spec, spec_from_json

if TYPE_CHECKING:
    from apps.quotas.models.attempt import Attempt


class Workload(ScopedStateful):
    """Everything that consumes compute: a spec, what each member asks for, how many members, for whom.

    It holds quota and places from admission until its last member is proven gone.
    """

    machine: ClassVar[StateMachine] = WORKLOAD
    told_to: ClassVar = {"pool": "pool_id"}
    # No index of their own: every step of every workload would have to keep it up, and those below serve as well.
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", editable=False, db_index=False)
    team = models.ForeignKey(Team, models.PROTECT, related_name="+", editable=False, db_index=False)
    project = models.ForeignKey(Project, models.PROTECT, related_name="+", db_index=False)
    pool = models.ForeignKey(ResourcePool, models.PROTECT, related_name="+", db_index=False)
    state = WORKLOAD.field()
    queue = models.ForeignKey(Queue, models.PROTECT, related_name="workloads")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=WorkloadKind.choices)
    spec = models.JSONField(encoder=DjangoJSONEncoder)
    """`workers.contracts.specs.spec_to_json`."""
    owner_kind = models.CharField(max_length=40)
    """`run`, `revision`, `ingestion`, …: key of the table in `workers/tasks/owners.py`."""
    owner_id = models.UUIDField()
    priority = models.IntegerField(default=0)
    """Higher is admitted first."""
    preemption = models.CharField(
        max_length=20, choices=Preemption.choices, default=Preemption.NEVER, db_default=Preemption.NEVER
    )
    """Whether it may take the place of what has a lower priority."""

    cpu_millis = models.BigIntegerField()
    memory_bytes = models.BigIntegerField()
    gpus = models.PositiveIntegerField(default=0)
    flavor = models.CharField(max_length=60, blank=True)
    """What one member asks for; an empty flavor means any one kind."""
    gpu_millis = models.PositiveIntegerField(default=1000, db_default=1000)
    """Of each device; less than the whole only of one device, whose kind is `flavor`: who asks for `H200/4` is stored
    as `H200` and 250."""
    topology = models.CharField(max_length=63, blank=True, default="", db_default="")
    """What all members must have in common: nothing, their `node`, or the value of this label of their nodes."""
    time_limit_seconds = models.PositiveIntegerField(default=0, db_default=0)
    """Declared limit of one attempt; 0: none."""
    shape = models.CharField(max_length=32, blank=True, default="", db_default="", editable=False)
    """Short for all that it asks for: of two with one shape, what fits the one fits the other."""

    count_min = models.PositiveIntegerField(default=1)
    count_max = models.PositiveIntegerField(default=1)
    """Members wanted; at least `count_min` start together or none does."""
    count_granted = models.PositiveIntegerField(default=0)
    count_target = models.PositiveIntegerField(null=True, editable=False)
    """Fewer than granted: replicas that stay while the others leave for another workload. Null: none is taken."""
    flavor_granted = models.CharField(max_length=60, blank=True)
    assignments = models.JSONField(default=list)
    """Per granted member, by rank: `{"node": name, "devices": [index, …]}`."""

    attempts_made = models.PositiveIntegerField(default=0)
    """Launches so far: the number of the last attempt."""
    max_attempts = models.PositiveIntegerField(default=3)
    """How many attempts may be lost before it fails."""
    retries = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), editable=False)
    """Which of its own ends are tried again: `{"reasons", "max_attempts", "backoff_seconds"}`; empty: none is."""
    losses = models.PositiveIntegerField(default=0)
    """Attempts lost in a row; an attempt that ran long counts as a fresh start."""
    back_offs = models.PositiveIntegerField(default=0)
    """Times put off in a row; an attempt that ran long, or was evicted while it ran, begins anew."""
    not_before = models.DateTimeField(null=True)
    """Database time before which it is not considered for admission."""
    is_held = models.BooleanField(default=False, db_default=False)
    """While it waits, its owner holds it back: admission does not consider it. Why: `state_reason`."""

    checkpoint_at = models.DateTimeField(null=True, editable=False)
    """When it last kept what it would need to go on from there."""
    avoids = models.JSONField(default=list, db_default=models.Value([], models.JSONField()), editable=False)
    """Nodes on which it did not start in time: `[{"node", "until"}]`, seconds since the epoch. It is not placed there
    until then as long as others could hold it."""
    nominated = models.JSONField(null=True, editable=False)
    """While it waits: places, as `assignments`, that are being freed for it."""
    nominated_flavor = models.CharField(max_length=60, blank=True, default="", db_default="", editable=False)
    nominated_at = models.DateTimeField(null=True, editable=False)
    preempted_for = models.UUIDField(null=True, editable=False)
    """The workload for which it was last stopped or made smaller."""
    making_way = models.TextField(blank=True, default="", db_default="", editable=False)
    """While it waits again after it had made way: for whom, and what was lost. Its other words come and go."""

    idle_since = models.DateTimeField(null=True, editable=False)
    """Since when its GPUs do nothing, once its owner was warned of that; empty: they work, or nobody was warned."""
    idle_warned_at = models.DateTimeField(null=True, editable=False)
    idle_stops_at = models.DateTimeField(null=True, editable=False)
    """When it is stopped unless they work again; empty: it is not."""

    admitted_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    """When it ran first."""
    ended_at = models.DateTimeField(null=True)
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+", null=True)

    class Meta:
        constraints: ClassVar = [
            WORKLOAD.constraint("workload_state"),
            models.CheckConstraint(
                condition=models.Q(count_min__gte=1, count_min__lte=models.F("count_max")), name="workload_counts"
            ),
            models.CheckConstraint(condition=models.Q(cpu_millis__gte=1, memory_bytes__gte=1), name="workload_request"),
            models.CheckConstraint(
                condition=~models.Q(state__in=sorted(OCCUPYING)) | models.Q(count_granted__gte=1),
                name="workload_occupies_something",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=WorkloadState.PENDING) | models.Q(count_granted=0),
                name="workload_waits_for_all",
            ),
            models.CheckConstraint(
                condition=models.Q(count_target=None) | models.Q(count_target__gte=1, state__in=sorted(OCCUPYING)),
                name="workload_target_of_what_holds",
            ),
            models.CheckConstraint(
                condition=models.Q(is_held=False) | models.Q(state=WorkloadState.PENDING), name="workload_held_waits"
            ),
            models.CheckConstraint(
                condition=models.Q(gpu_millis=1000) | models.Q(gpu_millis__range=(1, 999), gpus=1),
                name="workload_share_of_one_device",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-id"], name="workload_project"),
            models.Index(fields=["owner_kind", "owner_id"], name="workload_owner"),
            models.Index(
                fields=["pool", "-priority", "created_at", "id"],
                condition=models.Q(state=WorkloadState.PENDING),
                name="workload_pending",
            ),
            models.Index(
                fields=["pool", "state"],
                condition=models.Q(state__in=sorted(OCCUPYING)),
                name="workload_occupying",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def count_kept(self) -> int:
        """Members that stay: fewer than granted while some are wanted no more, or leave for another workload."""
        kept = min(self.count_granted, self.count_max)
        return kept if self.count_target is None else min(kept, self.count_target)

    def current_attempt(self) -> Attempt | None:
        """The last launch, running or over; None before the first. One query."""
        return self.attempts.order_by("-number").first()

    def spec_object(self) -> Spec:
        """The spec as the contracts have it."""
        return spec_from_json(self.spec)
