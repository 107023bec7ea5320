"""What the API says of a pool as a whole: its map, its line, its history, and usage against quotas."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from apps.access.models import Project
from apps.common import clock
from apps.common.api import VisibleRelatedField
from apps.common.errors import Invalid
from apps.common.stories import StateMessageField
from apps.quotas.models import ResourcePool
from apps.quotas.selectors.history import BUCKETS_MOST, SCOPES
from apps.quotas.states import Reason, Resource, WorkloadKind, WorkloadState

LONG = timedelta(days=7)


class HolderSerializer(serializers.Serializer[Any]):
    """Who holds something. Of what the caller does not see, `visible` is false and all else null."""

    visible = serializers.BooleanField()
    workload = serializers.UUIDField(allow_null=True)
    workload_name = serializers.CharField(allow_null=True)
    kind = serializers.ChoiceField(WorkloadKind.choices, allow_null=True)
    state = serializers.ChoiceField(WorkloadState.choices, allow_null=True)
    state_reason = serializers.CharField(allow_null=True)
    state_detail = serializers.CharField(allow_null=True)
    state_message = StateMessageField(source="state_detail", allow_null=True)
    owner_kind = serializers.CharField(allow_null=True)
    owner_id = serializers.UUIDField(allow_null=True)
    project = serializers.UUIDField(allow_null=True)
    project_name = serializers.CharField(allow_null=True)
    queue = serializers.UUIDField(allow_null=True)
    requested_by = serializers.UUIDField(allow_null=True)
    requested_by_name = serializers.CharField(allow_null=True)


class DeviceSerializer(serializers.Serializer[Any]):
    """A GPU; figures are null unless its job, which the caller sees, has sent some."""

    index = serializers.IntegerField()
    flavor = serializers.CharField()
    gpu_model = serializers.CharField()
    memory_bytes = serializers.IntegerField()
    simulated = serializers.BooleanField()
    utilisation_ratio = serializers.FloatField(allow_null=True)
    memory_used_bytes = serializers.IntegerField(allow_null=True)
    sampled_at = serializers.DateTimeField(allow_null=True)
    holder = HolderSerializer(allow_null=True, help_text="Null: it is free.")
    cordoned = serializers.BooleanField(help_text="It is given to nobody new.")


class ShareSerializer(serializers.Serializer[Any]):
    """What the members of one workload hold of one machine."""

    holder = HolderSerializer()
    members = serializers.IntegerField()
    cpu_millis = serializers.IntegerField()
    memory_bytes = serializers.IntegerField()
    devices = serializers.ListField(child=serializers.IntegerField(), help_text="Indices of its GPUs here.")


class MapNodeSerializer(serializers.Serializer[Any]):
    """A machine and who holds what of it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    ready = serializers.BooleanField()
    seen_at = serializers.DateTimeField()
    lost_at = serializers.DateTimeField(allow_null=True, help_text="Since when its backend does not have it.")
    drained_at = serializers.DateTimeField(allow_null=True)
    drain_reason = serializers.CharField(allow_blank=True)
    cpu_millis = serializers.IntegerField()
    cpu_millis_reserved = serializers.IntegerField()
    memory_bytes = serializers.IntegerField()
    memory_bytes_reserved = serializers.IntegerField()
    devices = DeviceSerializer(many=True)
    shares = ShareSerializer(many=True)


class PoolMapSerializer(serializers.Serializer[Any]):
    pool = serializers.UUIDField()
    pool_name = serializers.CharField()
    nodes = MapNodeSerializer(many=True)


class EntrySerializer(serializers.Serializer[Any]):
    """Something in a pool's line: who it is, and what it asks for, which everybody sees."""

    holder = HolderSerializer()
    priority = serializers.IntegerField(source="ask.priority")
    cpu_millis = serializers.IntegerField(source="ask.cpu_millis", help_text="Of one member, as memory and GPUs are.")
    memory_bytes = serializers.IntegerField(source="ask.memory_bytes")
    gpus = serializers.IntegerField(source="ask.gpus")
    flavor = serializers.CharField(source="ask.flavor", help_text="The kind of GPU; empty: any, or none.")
    count_min = serializers.IntegerField(source="ask.count_min")
    count_max = serializers.IntegerField(source="ask.count_max")


class RunningSerializer(EntrySerializer):
    """Something that holds a place."""

    count_granted = serializers.IntegerField(source="ask.count_granted")
    flavor_granted = serializers.CharField(source="ask.flavor_granted")
    admitted_at = serializers.DateTimeField(source="ask.admitted_at", allow_null=True)
    started_at = serializers.DateTimeField(source="ask.started_at", allow_null=True)
    expected_end_at = serializers.DateTimeField(
        allow_null=True, help_text="When its time limit ends it at the latest; null: it has none, or does not run yet."
    )


class StartBandSerializer(serializers.Serializer[Any]):
    """When something is expected to start: in four of five cases between `low_at` and `high_at`."""

    made_at = serializers.DateTimeField()
    start_at = serializers.DateTimeField()
    low_at = serializers.DateTimeField()
    high_at = serializers.DateTimeField()


class WaitingSerializer(EntrySerializer):
    """Something that waits, and where it stands."""

    position = serializers.IntegerField(source="place.position", help_text="From 1, among all in the pool.")
    queue_position = serializers.IntegerField(source="place.queue_position", help_text="From 1, in its own queue.")
    waiting_since = serializers.DateTimeField(source="place.since")
    not_before = serializers.DateTimeField(source="ask.not_before", allow_null=True)
    is_held = serializers.BooleanField(
        source="ask.is_held", help_text="Its owner holds it back: it is not in the line, and has no place in it yet."
    )
    estimate = StartBandSerializer(allow_null=True, help_text="Null: none has been made yet.")


class PoolLineSerializer(serializers.Serializer[Any]):
    """What runs in a pool and what waits for it; at most 500 of each, the totals are of all."""

    pool = serializers.UUIDField()
    pool_name = serializers.CharField()
    running_total = serializers.IntegerField()
    waiting_total = serializers.IntegerField()
    running = RunningSerializer(many=True)
    waiting = WaitingSerializer(many=True)


class PlaceSerializer(serializers.Serializer[Any]):
    """Where something stands that waits."""

    position = serializers.IntegerField(help_text="From 1, among all that wait in the pool.")
    queue_position = serializers.IntegerField(help_text="From 1, among what waits in its own queue.")
    since = serializers.DateTimeField()


class HistoryQuerySerializer(serializers.Serializer[Any]):
    """`from` and `to` default to the last seven days, `buckets` to 168 of them."""

    to = serializers.DateTimeField(required=False, help_text="Now by default; never later than now.")
    buckets = serializers.IntegerField(min_value=1, max_value=BUCKETS_MOST, default=168)
    project = VisibleRelatedField(Project, required=False, help_text="Only this project's.")
    by = serializers.ChoiceField([("project", "project")], required=False, help_text="A series per project.")

    def get_fields(self) -> Any:
        """With `from`, which Python keeps for itself."""
        since = serializers.DateTimeField(required=False, source="since", help_text="Seven days before `to` by default")
        return {"from": since, **super().get_fields()}

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Both ends, in order."""
        now = clock.db_now()
        until = min(asked.get("to") or now, now)
        since = asked.get("since") or until - LONG
        if since >= until:
            raise Invalid("from: lies not before `to`", fields={"from": ["lies not before `to`"]})
        return {**asked, "since": since, "until": until}


class UsageSeriesSerializer(serializers.Serializer[Any]):
    """One resource over time, in its own unit; one value per bucket, the mean over it."""

    resource = serializers.ChoiceField(Resource.choices)
    flavor = serializers.CharField(allow_blank=True, help_text="The kind of GPU; empty for other resources.")
    simulated = serializers.BooleanField()
    scope = serializers.ChoiceField(
        [(scope, scope) for scope in SCOPES], help_text="Everybody's, a project's, or that of all you do not see."
    )
    project = serializers.UUIDField(allow_null=True)
    project_name = serializers.CharField(allow_null=True)
    capacity = serializers.IntegerField(help_text="Of the whole pool, as it is now.")
    reserved = serializers.ListField(child=serializers.FloatField())
    used = serializers.ListField(child=serializers.FloatField())


class PoolHistorySerializer(serializers.Serializer[Any]):
    pool = serializers.UUIDField()
    pool_name = serializers.CharField()
    starts = serializers.ListField(child=serializers.DateTimeField(), help_text="Beginning of each bucket.")
    until = serializers.DateTimeField(help_text="End of the last bucket.")
    bucket_seconds = serializers.FloatField()
    series = UsageSeriesSerializer(many=True)


class AmountSerializer(serializers.Serializer[Any]):
    """One resource of a queue, in its own unit."""

    resource = serializers.ChoiceField(Resource.choices)
    flavor = serializers.CharField(allow_blank=True, help_text="The kind of GPU; empty: all kinds together.")
    nominal = serializers.IntegerField(allow_null=True, help_text="Null: held, without a quota of its own.")
    borrowing_limit = serializers.IntegerField(
        allow_null=True, help_text="How much more of what others leave idle; null, with a quota: all of it."
    )
    reserved = serializers.IntegerField(help_text="Held by what is admitted.")
    used = serializers.IntegerField(help_text="Of it, what runs.")


class QueueUsageSerializer(serializers.Serializer[Any]):
    """A project's place in a pool: how much it may hold, how much it holds."""

    queue = serializers.UUIDField(source="queue.pk")
    project = serializers.UUIDField(source="queue.project_id")
    project_name = serializers.CharField(source="queue.project.name")
    pool = serializers.UUIDField(source="queue.pool_id")
    pool_name = serializers.CharField(source="queue.pool.name")
    weight = serializers.FloatField(source="queue.weight")
    running = serializers.IntegerField(help_text="Workloads that hold something.")
    waiting = serializers.IntegerField()
    amounts = AmountSerializer(many=True)


class QueueUsagePageSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = QueueUsageSerializer(many=True)


class ReasonCountSerializer(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(Reason.choices, allow_blank=True)
    count = serializers.IntegerField()


class HoldingCountSerializer(serializers.Serializer[Any]):
    owner_kind = serializers.CharField(help_text="What it is for: `run`, `revision`, `ingestion`, …")
    state = serializers.ChoiceField(WorkloadState.choices)
    count = serializers.IntegerField()


class CapacitySerializer(serializers.Serializer[Any]):
    """One resource of the pools, in its own unit."""

    resource = serializers.ChoiceField(Resource.choices)
    flavor = serializers.CharField(allow_blank=True)
    simulated = serializers.BooleanField()
    capacity = serializers.IntegerField()
    reserved = serializers.IntegerField(help_text="By everybody.")
    used = serializers.IntegerField(help_text="Of it, by what runs.")
    own_reserved = serializers.IntegerField(help_text="By the projects that you see, or the one you ask for.")
    own_used = serializers.IntegerField()


class WorkloadSummarySerializer(serializers.Serializer[Any]):
    """Workloads in numbers: those of the projects that you see, or of the one you ask for."""

    waiting_total = serializers.IntegerField()
    waiting = ReasonCountSerializer(many=True)
    running_total = serializers.IntegerField()
    running = HoldingCountSerializer(many=True)
    failed_total = serializers.IntegerField(help_text="In the last 24 hours.")
    failed = ReasonCountSerializer(many=True)
    failed_since = serializers.DateTimeField()
    capacity = CapacitySerializer(many=True, help_text="Of the pools that you see.")


class SummaryQuerySerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project, required=False, help_text="Only this project's.")
    pool = VisibleRelatedField(ResourcePool, required=False, help_text="Only in this pool.")


class UsageQuerySerializer(serializers.Serializer[Any]):
    project = serializers.UUIDField(required=False)
    pool = serializers.UUIDField(required=False)
