"""What the API takes and says of what would be if a pool were shared otherwise."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from apps.common.errors import Invalid
from apps.quotas.models import WhatIf
from apps.quotas.services.what_if_changes import CHANGES_MOST
from apps.quotas.states import Resource, WhatIfBasis, WhatIfChange, WhatIfReason, WhatIfState

HOURS_MOST = 168
TRACE_MOST = 2_000_000
"""Characters of a file."""


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
