"""What the quotas app says and takes over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.access.states import Role
from apps.common.cursors import ID_MOST, cursor_text
from apps.common.stories import StateMessageField
from apps.quotas.api.cluster_serializers import ClusterHealthSerializer
from apps.quotas.api.pool_serializers import PlaceSerializer
from apps.quotas.api.sharing_serializers import QuotaSerializer
from apps.quotas.models import (
    Attempt,
    PriorityClass,
    Queue,
    ResourceFlavor,
    ResourcePool,
    UsageRecord,
    Workload,
)
from apps.quotas.scheduling.liveness import PHASES
from apps.quotas.selectors.line import place_of
from apps.quotas.selectors.logs import LogPage, LogPiece, without_escapes
from apps.quotas.services.liveness import liveness_of
from apps.quotas.services.policies import BOUNDS
from apps.quotas.services.priorities import priority_class_role

RANK_MOST = 1_000_000
POLICY = (*BOUNDS, "preemption", "backfill", "changes_need_approval")


class PoolSerializer(serializers.ModelSerializer[ResourcePool]):
    organisation_name = serializers.CharField(source="organisation.name", read_only=True, allow_null=True)
    cluster = ClusterHealthSerializer(
        read_only=True, allow_null=True, help_text="Null: its machines are of no Kubernetes cluster."
    )

    class Meta:
        model = ResourcePool
        fields = ["id", "name", "backend", "organisation", "organisation_name", "cluster", *POLICY, "created_at"]


class FlavorSerializer(serializers.ModelSerializer[ResourceFlavor]):
    class Meta:
        model = ResourceFlavor
        fields = [
            "id",
            "pool",
            "name",
            "gpu_model",
            "gpu_memory_bytes",
            "simulated",
            "share_of",
            "share_millis",
            "isolated",
            "created_at",
        ]
        extra_kwargs = {
            "share_of": {"help_text": "The kind of the whole device; null: devices of their own."},
            "share_millis": {"help_text": "Thousandths of one device."},
            "isolated": {"help_text": "Does the hardware keep its holders apart from others?"},
        }


class PriorityClassSerializer(serializers.ModelSerializer[PriorityClass]):
    role = serializers.SerializerMethodField(help_text="Least role in its project of who may submit a run with it")

    class Meta:
        model = PriorityClass
        fields = ["id", "name", "value", "preemption", "role", "created_at"]

    @extend_schema_field(serializers.ChoiceField(Role.choices))
    def get_role(self, one: PriorityClass) -> str:
        return priority_class_role(one)


class QueueSerializer(serializers.ModelSerializer[Queue]):
    quotas = QuotaSerializer(many=True, read_only=True)
    project_name = serializers.CharField(source="project.name", read_only=True)
    pool_name = serializers.CharField(source="pool.name", read_only=True)
    cohort_name = serializers.CharField(source="cohort.name", read_only=True, allow_null=True)

    class Meta:
        model = Queue
        fields = [
            "id",
            "project",
            "project_name",
            "pool",
            "pool_name",
            "cohort",
            "cohort_name",
            "is_main",
            "weight",
            "running_most",
            "gpus_per_run_most",
            "run_seconds_most",
            "quotas",
            "created_at",
        ]


class WorkloadSerializer(serializers.ModelSerializer[Workload]):
    """A workload without its spec, as lists show it."""

    state_message = StateMessageField(source="state_detail")
    project_name = serializers.CharField(source="project.name", read_only=True)
    pool_name = serializers.CharField(source="pool.name", read_only=True)
    requested_by_name = serializers.CharField(source="requested_by.username", read_only=True, allow_null=True)

    class Meta:
        model = Workload
        fields = [
            "id",
            "project",
            "project_name",
            "pool",
            "pool_name",
            "queue",
            "name",
            "kind",
            "state",
            "state_reason",
            "state_detail",
            "state_message",
            "state_at",
            "owner_kind",
            "owner_id",
            "priority",
            "cpu_millis",
            "memory_bytes",
            "gpus",
            "gpu_millis",
            "flavor",
            "topology",
            "preemption",
            "time_limit_seconds",
            "count_min",
            "count_max",
            "count_granted",
            "count_target",
            "flavor_granted",
            "assignments",
            "attempts_made",
            "max_attempts",
            "checkpoint_at",
            "preempted_for",
            "not_before",
            "is_held",
            "idle_since",
            "idle_warned_at",
            "idle_stops_at",
            "admitted_at",
            "started_at",
            "ended_at",
            "requested_by",
            "requested_by_name",
            "created_at",
        ]


class LivenessSerializer(serializers.Serializer[Any]):
    """The phase of what is not over yet, since when, and when it ends by itself."""

    phase = serializers.ChoiceField(PHASES)
    since = serializers.DateTimeField()
    limit_at = serializers.DateTimeField(allow_null=True, help_text="Null: it may stay so for ever.")


class WorkloadDetailSerializer(WorkloadSerializer):
    liveness = serializers.SerializerMethodField()
    place = serializers.SerializerMethodField()

    class Meta(WorkloadSerializer.Meta):
        fields = [*WorkloadSerializer.Meta.fields, "spec", "liveness", "place"]

    @extend_schema_field(PlaceSerializer(allow_null=True))
    def get_place(self, workload: Workload) -> Any:
        found = place_of(workload)
        return PlaceSerializer(found).data if found is not None else None

    @extend_schema_field(LivenessSerializer(allow_null=True))
    def get_liveness(self, workload: Workload) -> Any:
        found = liveness_of(workload)
        return LivenessSerializer(found).data if found is not None else None


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    class Meta:
        model = Attempt
        fields = [
            "id",
            "project",
            "workload",
            "number",
            "members",
            "submitted_at",
            "pulled_at",
            "started_at",
            "ended_at",
            "outcome",
            "exit_code",
            "result",
            "heartbeat_at",
            "usage",
            "created_at",
        ]


class UsageRecordSerializer(serializers.ModelSerializer[UsageRecord]):
    class Meta:
        model = UsageRecord
        fields = [
            "id",
            "project",
            "workload",
            "attempt",
            "pool",
            "members",
            "cpu_millis",
            "memory_bytes",
            "gpus",
            "flavor",
            "reserved_at",
            "used_at",
            "closed_at",
            "created_at",
        ]


class LogPieceSerializer(serializers.Serializer[Any]):
    """Lines of one chunk."""

    id = serializers.IntegerField()
    attempt = serializers.UUIDField()
    rank = serializers.IntegerField()
    sequence = serializers.IntegerField()
    first_line = serializers.IntegerField(help_text="Number of its first line in the member's output, from 1")
    lines = serializers.IntegerField()
    text = serializers.SerializerMethodField()

    def get_text(self, piece: LogPiece) -> str:
        return without_escapes(piece.text) if self.context.get("plain") else piece.text


class LogPageSerializer(serializers.Serializer[Any]):
    chunks = LogPieceSerializer(many=True)
    next_after = serializers.IntegerField()
    next_line = serializers.IntegerField(allow_null=True, help_text="Where a range goes on that did not fit")
    cursor = serializers.SerializerMethodField(
        help_text="Subscribe from here: nothing is missed. What comes with an id up to `next_after` is known already."
    )

    def get_cursor(self, page: LogPage) -> str:
        return cursor_text(page.live_from)


class LogMemberQuerySerializer(serializers.Serializer[Any]):
    """Whose output."""

    attempt = serializers.UUIDField(required=False, help_text="One attempt only; by its id.")
    rank = serializers.IntegerField(min_value=0, max_value=RANK_MOST, required=False, help_text="One member only.")
    plain = serializers.BooleanField(default=False, help_text="Without control sequences of terminals.")


class LogQuerySerializer(LogMemberQuerySerializer):
    """`after` reads on; `tail` and `from_line`, `to_line` are about one member of one attempt, by default the first
    member of the latest attempt."""

    after = serializers.IntegerField(
        min_value=0, max_value=ID_MOST, default=0, help_text="`next_after` of the answer before."
    )
    search = serializers.CharField(
        max_length=200, default="", trim_whitespace=False, help_text="Only lines that contain this, each on its own."
    )
    tail = serializers.IntegerField(min_value=1, max_value=10_000, required=False, help_text="The last lines.")
    from_line = serializers.IntegerField(min_value=1, max_value=ID_MOST, required=False, help_text="From 1.")
    to_line = serializers.IntegerField(min_value=1, max_value=ID_MOST, required=False, help_text="With it.")


class StopSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField(max_length=500, allow_blank=True, default="", help_text="Why, for people.")
