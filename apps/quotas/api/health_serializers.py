"""What the API says of machines and what is wrong with them, and of what is done about idle GPUs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.api import VisibleRelatedField
from apps.common.stories import StateMessageField
from apps.quotas.models import IdlePolicy, Node, NodeIncident, Queue, ResourcePool
from apps.quotas.models.health import SECONDS_MOST
from apps.quotas.services.idle_policies import DEFAULT
from apps.quotas.services.nodes import REASON_MOST
from apps.quotas.states import IdleAction, WorkloadKind

DEVICE_MOST = 1023


class EvidenceSerializer(serializers.Serializer[Any]):
    """What was reported: of a device its UUID, how bad it is and the XIDs; of a node when it went away."""

    uuid = serializers.CharField(required=False)
    mark = serializers.FloatField(
        required=False, help_text="Grows when it gets worse: a count; of an XID, when it was seen last."
    )
    codes = serializers.ListField(child=serializers.IntegerField(), required=False)
    times = serializers.ListField(
        child=serializers.FloatField(), required=False, help_text="In seconds since the epoch."
    )


class NodeIncidentSerializer(serializers.ModelSerializer[NodeIncident]):
    """Why a machine, or devices of it, are given no new work; open while `closed_at` is null."""

    node_name = serializers.CharField(source="node.name", read_only=True)
    pool = serializers.UUIDField(source="node.pool_id", read_only=True)
    devices = serializers.ListField(
        child=serializers.IntegerField(), read_only=True, help_text="Indices of its GPUs; empty: the whole machine."
    )
    message = StateMessageField(source="detail")
    evidence = EvidenceSerializer(read_only=True)

    class Meta:
        model = NodeIncident
        fields = [
            "id",
            "node",
            "node_name",
            "pool",
            "kind",
            "devices",
            "detail",
            "message",
            "evidence",
            "opened_at",
            "opened_by",
            "closed_at",
            "closed_by",
            "close_reason",
        ]


class IncidentQuerySerializer(serializers.Serializer[Any]):
    open = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only those that are open, or only those that are not."
    )


class GpuSerializer(serializers.Serializer[Any]):
    """One GPU of a machine, as its backend describes it."""

    index = serializers.IntegerField()
    model = serializers.CharField()
    uuid = serializers.CharField()
    memory_bytes = serializers.IntegerField()
    flavor = serializers.CharField()


class NodeSerializer(serializers.ModelSerializer[Node]):
    """A machine. It is given new work while it is `ready`: its backend has it and says so, and it is not drained."""

    gpus = serializers.SerializerMethodField()
    labels = serializers.DictField(child=serializers.CharField(), read_only=True)
    cordoned = serializers.ListField(
        child=serializers.IntegerField(), read_only=True, help_text="Indices of GPUs that are given to nobody new."
    )
    incidents = serializers.SerializerMethodField(help_text="Those that are open, oldest first.")

    class Meta:
        model = Node
        fields = [
            "id",
            "pool",
            "name",
            "cpu_millis",
            "memory_bytes",
            "gpus",
            "labels",
            "ready",
            "is_up",
            "seen_at",
            "changed_at",
            "lost_at",
            "drained_at",
            "drain_reason",
            "cordoned",
            "incidents",
            "created_at",
        ]

    @extend_schema_field(GpuSerializer(many=True))
    def get_gpus(self, node: Node) -> Any:
        return node.gpus

    @extend_schema_field(NodeIncidentSerializer(many=True))
    def get_incidents(self, node: Node) -> Any:
        return NodeIncidentSerializer(node.incidents_open, many=True).data  # type: ignore[attr-defined]  # prefetched


class NodeDrainSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=REASON_MOST, help_text="Why, for people.")
    devices = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=DEVICE_MOST),
        max_length=DEVICE_MOST,
        default=list,
        help_text="Indices of its GPUs; none: the whole machine.",
    )


class IdlePolicySerializer(serializers.ModelSerializer[IdlePolicy]):
    """What is done about GPUs that do nothing, in a pool or (with a queue) for one project in it."""

    project = serializers.UUIDField(source="queue.project_id", read_only=True, allow_null=True, default=None)
    kinds = serializers.ListField(child=serializers.ChoiceField(WorkloadKind.choices), read_only=True)

    class Meta:
        model = IdlePolicy
        fields = [
            "id",
            "pool",
            "queue",
            "project",
            "action",
            "threshold_ratio",
            "warn_seconds",
            "stop_seconds",
            "grace_seconds",
            "kinds",
            "created_at",
        ]


class IdlePolicySetSerializer(serializers.Serializer[Any]):
    """A policy named by what it is about; made when it is not there. What is left out has its default."""

    pool = VisibleRelatedField(ResourcePool)
    queue = VisibleRelatedField(Queue, allow_null=True, default=None, help_text="Only for the work of this project.")
    action = serializers.ChoiceField(IdleAction.choices)
    threshold_ratio = serializers.FloatField(
        min_value=0.001,
        max_value=1,
        default=DEFAULT.threshold_ratio,
        help_text="A GPU that works less than this share of the time is idle.",
    )
    warn_seconds = serializers.IntegerField(min_value=60, max_value=SECONDS_MOST, default=DEFAULT.warn_seconds)
    stop_seconds = serializers.IntegerField(
        min_value=60, max_value=SECONDS_MOST, default=DEFAULT.stop_seconds, help_text="After the warning."
    )
    grace_seconds = serializers.IntegerField(
        min_value=0,
        max_value=SECONDS_MOST,
        default=DEFAULT.grace_seconds,
        help_text="From its start, while no GPU has worked yet.",
    )
    kinds = serializers.ListField(
        child=serializers.ChoiceField(WorkloadKind.choices), default=sorted(DEFAULT.kinds), max_length=10
    )
