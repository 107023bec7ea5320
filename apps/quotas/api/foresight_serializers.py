"""What the API says of why something waits and until when, and of what would be if a pool were shared otherwise."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from apps.common.errors import Invalid
from apps.common.stories import StateMessageField
from apps.quotas.api.pool_serializers import PlaceSerializer, StartBandSerializer
from apps.quotas.models import StartEstimate, WhatIf
from apps.quotas.scheduling import blocked
from apps.quotas.scheduling.why import BEHIND, COHORT, POOL, QUEUE, in_units
from apps.quotas.services.what_if_changes import CHANGES_MOST
from apps.quotas.states import Reason, Resource, WhatIfBasis, WhatIfChange, WhatIfReason, WhatIfState, WorkloadState

PLACES = [(kind, kind) for kind in (QUEUE, COHORT, POOL)]
KINDS = [
    (kind, kind)
    for kind in (
        blocked.CAP,
        blocked.CAP_GPUS,
        blocked.NO_QUOTA,
        blocked.QUOTA,
        blocked.PROMISED,
        blocked.MACHINES,
        blocked.KEPT,
        BEHIND,
    )
]
HOURS_MOST = 168
TRACE_MOST = 2_000_000
"""Characters of a file."""


class _Amount(serializers.FloatField):
    """An amount in its own unit: cores in thousandths, bytes, devices."""

    def get_attribute(self, instance: Any) -> Any:
        amount = super().get_attribute(instance)
        return None if amount is None else in_units(instance.resource, amount)


class BoundSerializer(serializers.Serializer[Any]):
    """A limit that is in the way. Amounts in their own unit: thousandths of a core, bytes, devices."""

    kind = serializers.ChoiceField(PLACES, help_text="Whose limit it is; `pool`: all that the machines have.")
    id = serializers.UUIDField(allow_null=True, help_text="Of the queue or cohort.")
    name = serializers.CharField(allow_blank=True)
    resource = serializers.ChoiceField(Resource.choices)
    flavor = serializers.CharField(allow_blank=True)
    nominal = _Amount(help_text="Guaranteed.")
    limit = _Amount(allow_null=True, help_text="Most that it may hold; null: as much as others leave idle.")
    held = _Amount()
    left = _Amount(help_text="Of it, as much may still be taken.")
    needed = _Amount(help_text="By the members without which it does not start.")


class BorrowerSerializer(serializers.Serializer[Any]):
    """Who holds more than it is guaranteed of what is short."""

    kind = serializers.ChoiceField(PLACES)
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    amount = serializers.FloatField(help_text="Beyond its nominal, in the unit of the resource.")


class FreeSerializer(serializers.Serializer[Any]):
    """What is free on the machines, of a kind that would do."""

    flavor = serializers.CharField(allow_blank=True, help_text="Empty: it wants no GPU.")
    devices = serializers.IntegerField(help_text="Whole ones that nobody holds.")
    members = serializers.IntegerField(help_text="Of this workload, that would find room now.")


class NeverSerializer(serializers.Serializer[Any]):
    """It could not run even if nothing else did: why, and the largest that could."""

    reason = serializers.ChoiceField(Reason.choices)
    detail = serializers.CharField()
    message = StateMessageField(source="detail")


class StartEstimateSerializer(serializers.ModelSerializer[StartEstimate]):
    """When it was expected to start, and once it has started how far off that was."""

    class Meta:
        model = StartEstimate
        fields = [
            "made_at", "start_at", "low_at", "high_at", "is_first", "started_at", "error_seconds", "inside",
        ]  # fmt: skip


class AccuracySerializer(serializers.Serializer[Any]):
    """How good the first estimates for this queue have been."""

    count = serializers.IntegerField()
    median_error_seconds = serializers.FloatField(allow_null=True, help_text="Without its sign.")
    median_lateness_seconds = serializers.FloatField(
        allow_null=True, help_text="Above 0: work tends to start later than was said."
    )
    coverage_ratio = serializers.FloatField(
        allow_null=True, help_text="How often work started inside the band, which is made for 0.8."
    )
    since = serializers.DateTimeField()


class WhySerializer(serializers.Serializer[Any]):
    """Why a workload waits, what would have to change, and until when."""

    workload = serializers.UUIDField(source="workload.pk")
    state = serializers.ChoiceField(WorkloadState.choices, source="workload.state")
    reason = serializers.ChoiceField(Reason.choices, source="workload.state_reason", allow_blank=True)
    detail = serializers.CharField(source="workload.state_detail", allow_blank=True)
    message = StateMessageField(source="workload.state_detail")
    place = PlaceSerializer(allow_null=True, help_text="Null: it does not wait in the line.")
    kind = serializers.ChoiceField(
        KINDS,
        source="why.kind",
        default=None,
        allow_null=True,
        help_text="What is in its way, looked at alone; of what is held back, what will be.",
    )
    bound = BoundSerializer(source="why.bound", default=None, allow_null=True)
    borrowers = serializers.SerializerMethodField(help_text="Whose return of what they borrow would let it start.")
    free = FreeSerializer(source="why.free", many=True, default=[])
    possible_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When what is in its way is gone at the latest, by the time limits of what runs; null: nobody knows.",
    )
    never = NeverSerializer(
        source="why.never", default=None, allow_null=True, help_text="Not null: as things are it will not start at all."
    )
    avoids = serializers.ListField(
        source="why.avoids",
        child=serializers.CharField(),
        default=[],
        help_text="Machines on which its last start took too long: it is not placed there for a while.",
    )
    estimate = StartBandSerializer(allow_null=True)
    history = StartEstimateSerializer(many=True, help_text="Latest first, at most 50.")
    accuracy = AccuracySerializer()

    @extend_schema_field(BorrowerSerializer(many=True))
    def get_borrowers(self, obj: Any) -> list[dict[str, Any]]:
        if obj.why is None:
            return []
        resource = obj.why.bound.resource if obj.why.bound is not None else Resource.GPUS
        rows = [{**one._asdict(), "amount": in_units(resource, one.amount)} for one in obj.why.borrowers]
        return list(BorrowerSerializer(rows, many=True).data)


class ChangeSerializer(serializers.Serializer[Any]):
    """One change. `quota` of a queue or cohort: what it may hold of a resource; without `nominal` it loses the row.
    `weight` of a queue or cohort. `priority` of a workload. `add_nodes`: machines like one. `remove_nodes`."""

    kind = serializers.ChoiceField(WhatIfChange.choices)
    queue = serializers.UUIDField(required=False)
    cohort = serializers.UUIDField(required=False)
    resource = serializers.ChoiceField(Resource.choices, required=False)
    flavor = serializers.CharField(required=False, allow_blank=True, max_length=60)
    nominal = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    borrowing_limit = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, help_text="Null: all that others leave idle; 0 by default."
    )
    lending_limit = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    weight = serializers.FloatField(required=False, allow_null=True, min_value=0)
    workload = serializers.UUIDField(required=False)
    priority = serializers.IntegerField(required=False, min_value=-1_000_000, max_value=1_000_000)
    like = serializers.UUIDField(required=False, help_text="A machine of the pool.")
    count = serializers.IntegerField(required=False, min_value=1, max_value=1000)
    nodes = serializers.ListField(child=serializers.UUIDField(), required=False, allow_empty=False, max_length=1000)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """As it was asked for: a limit that was not named is not null, which would be none at all."""
        return {name: value for name, value in super().to_representation(instance).items() if name in instance}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """All that its kind needs is there."""
        needed = {
            WhatIfChange.QUOTA: ("resource",),
            WhatIfChange.WEIGHT: ("weight",),
            WhatIfChange.PRIORITY: ("workload", "priority"),
            WhatIfChange.ADD_NODES: ("like", "count"),
            WhatIfChange.REMOVE_NODES: ("nodes",),
        }[attrs["kind"]]
        missing = [name for name in needed if attrs.get(name) is None]
        if missing:
            raise Invalid(f"{missing[0]}: is missing", fields={missing[0]: ["is missing"]})
        return {name: str(value) if name in _IDS else value for name, value in attrs.items()} | (
            {"nodes": [str(node) for node in attrs["nodes"]]} if "nodes" in attrs else {}
        )


_IDS = ("queue", "cohort", "workload", "like")


class ChangesSerializer(serializers.Serializer[Any]):
    changes = ChangeSerializer(  # type: ignore[call-arg]  # `max_length` is of the list: before its rows are read
        many=True, allow_empty=False, max_length=CHANGES_MOST, help_text="In their order, at most 100."
    )


class WhatIfAskSerializer(ChangesSerializer):
    """`now`: what runs and waits goes on in both worlds, and with `hours` the work of the past hours comes again.
    `ledger`: both worlds begin empty, and the recorded work of the past hours is played in each. `trace`: the same with
    the tasks of an uploaded trace, all of which come within so many hours, on its machines or those of the pool."""

    basis = serializers.ChoiceField(WhatIfBasis.choices, default=WhatIfBasis.NOW)
    hours = serializers.IntegerField(min_value=0, max_value=HOURS_MOST, default=0)
    trace_tasks = serializers.CharField(
        required=False,
        max_length=TRACE_MOST,
        trim_whitespace=False,
        help_text="CSV: cpu_milli, memory_mib, num_gpu, gpu_milli, creation_time, deletion_time, and maybe project, the"
        " name of one with a queue in the pool; without it the queues come in turn. At most 10,000 tasks.",
    )
    trace_nodes = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=TRACE_MOST,
        trim_whitespace=False,
        help_text="CSV: sn, cpu_milli, memory_mib, gpu, model; without it, the machines of the pool. At most 2,000.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A trace has tasks; and only a trace."""
        is_trace = attrs["basis"] == WhatIfBasis.TRACE
        if is_trace and not attrs.get("trace_tasks"):
            raise Invalid("trace_tasks: is missing", fields={"trace_tasks": ["is missing"]})
        given = [name for name in ("trace_tasks", "trace_nodes") if attrs.get(name)]
        if given and not is_trace:
            raise Invalid(f"{given[0]}: is of the basis `trace`", fields={given[0]: ["is of the basis `trace`"]})
        return attrs


class ReclaimSerializer(serializers.Serializer[Any]):
    """Something that runs and would have to give back what it holds, or some of its members."""

    workload = serializers.UUIDField()
    workload_name = serializers.CharField(allow_null=True)
    queue = serializers.UUIDField(allow_null=True)
    project_name = serializers.CharField(allow_null=True)
    members = serializers.IntegerField(help_text="How many go.")
    now = serializers.BooleanField(
        help_text="For what waits already; else once somebody wants what would then be theirs."
    )


class ReclaimsSerializer(serializers.Serializer[Any]):
    reclaims = ReclaimSerializer(many=True)


class WorldSerializer(serializers.Serializer[Any]):
    """A pool until the end of what was followed. Waits are those of what started, and so far of what did not."""

    mean_wait_seconds = serializers.FloatField()
    p50_wait_seconds = serializers.FloatField()
    p90_wait_seconds = serializers.FloatField()
    p99_wait_seconds = serializers.FloatField()
    utilisation_ratio = serializers.FloatField(help_text="Of the device time that there was.")
    preemptions = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="Workloads that could never run.")


class QueueFiguresSerializer(serializers.Serializer[Any]):
    started = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Still, at the end.")
    mean_wait_seconds = serializers.FloatField()
    p50_wait_seconds = serializers.FloatField()
    p90_wait_seconds = serializers.FloatField()
    p99_wait_seconds = serializers.FloatField()
    share_ratio = serializers.FloatField(help_text="Of all device time.")
    preemptions = serializers.IntegerField()


class QueueWorldsSerializer(serializers.Serializer[Any]):
    queue = serializers.UUIDField()
    project = serializers.UUIDField()
    project_name = serializers.CharField()
    before = QueueFiguresSerializer()
    after = QueueFiguresSerializer()


class MovedSerializer(serializers.Serializer[Any]):
    """Something that waits now; null: it does not start before the end."""

    workload = serializers.UUIDField()
    workload_name = serializers.CharField(allow_null=True)
    queue = serializers.UUIDField(allow_null=True)
    project_name = serializers.CharField(allow_null=True)
    start_before_at = serializers.DateTimeField(allow_null=True)
    start_after_at = serializers.DateTimeField(allow_null=True)


class WhatIfResultSerializer(serializers.Serializer[Any]):
    """Both worlds. Running times are guesses from like work, the same in both."""

    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(help_text="Until when both worlds were followed.")
    is_cut = serializers.BooleanField(help_text="They were followed no further because that would have taken too long.")
    waiting_now = serializers.IntegerField()
    arrivals = serializers.IntegerField(help_text="Workloads that came in both worlds.")
    arrivals_left_out = serializers.IntegerField(help_text="Beyond 5,000, the oldest.")
    before = WorldSerializer()
    after = WorldSerializer()
    queues = QueueWorldsSerializer(many=True)
    workloads = MovedSerializer(many=True, help_text="At most 500: those whose start moves most.")
    reclaims = ReclaimSerializer(many=True)


@extend_schema_serializer(component_name="WhatIf")
class WhatIfSerializer(serializers.ModelSerializer[WhatIf]):
    state = serializers.ChoiceField(WhatIfState.choices, read_only=True)
    state_reason = serializers.ChoiceField(WhatIfReason.choices, read_only=True, allow_blank=True)
    changes = ChangeSerializer(many=True, read_only=True)
    result = WhatIfResultSerializer(read_only=True, allow_null=True)
    requested_by_name = serializers.CharField(source="requested_by.username", read_only=True)

    class Meta:
        model = WhatIf
        fields = [
            "id", "pool", "state", "state_reason", "state_at", "basis", "hours", "changes", "result", "requested_by",
            "requested_by_name", "expires_at", "created_at",
        ]  # fmt: skip
