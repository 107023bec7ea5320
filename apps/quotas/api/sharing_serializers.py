"""What the API says and takes about how a pool is shared: its tree, quotas, queues, priorities and policy."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from apps.access.models import ApprovalRequest, Project, Team
from apps.common.api import VisibleRelatedField
from apps.quotas.models import Cohort, Queue, Quota, ResourceFlavor, ResourcePool
from apps.quotas.models.cohort import WEIGHT_MOST
from apps.quotas.selectors import pool_named
from apps.quotas.selectors.pool_tree import Excess
from apps.quotas.services.policies import BOUNDS
from apps.quotas.services.queues import CAP_MOST
from apps.quotas.services.quotas import NOMINAL_MOST
from apps.quotas.services.requests import PRIORITY_MOST
from apps.quotas.states import Preemption, Resource


def weight(**kwargs: Any) -> serializers.FloatField:
    """Of a share."""
    said = "Of its share beside its siblings; 0: nothing above its nominal while anybody else wants it."
    return serializers.FloatField(min_value=0, max_value=WEIGHT_MOST, help_text=said, **kwargs)


class AskedApprovalSerializer(serializers.ModelSerializer[ApprovalRequest]):
    class Meta:
        model = ApprovalRequest
        fields = ("id", "command", "state", "expires_at", "created_at")


class AskedSerializer(serializers.Serializer[Any]):
    """Nothing was changed yet: somebody else decides, see `GET /approvals/{id}`."""

    approval = AskedApprovalSerializer()


class CommentedSerializer(serializers.Serializer[Any]):
    comment = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=2000,
        write_only=True,
        help_text="Why, for who decides it where a second person does.",
    )


class QuotaSerializer(serializers.ModelSerializer[Quota]):
    """Of a queue or of a cohort; the other is null. Amounts in the unit of the resource."""

    class Meta:
        model = Quota
        fields = (
            "id",
            "queue",
            "cohort",
            "resource",
            "flavor",
            "nominal",
            "borrowing_limit",
            "lending_limit",
            "weight",
            "created_at",
        )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Four GPUs of one kind, and two more of what others leave idle",
            value={
                "queue": "0198c0de-0000-7000-8000-000000000000",
                "resource": "gpus",
                "flavor": "H200",
                "nominal": 4,
                "borrowing_limit": 2,
            },
            request_only=True,
        )
    ]
)
class QuotaSetSerializer(CommentedSerializer):
    """A quota named by what it is about: a queue or a cohort, a resource, a kind of GPU. Made when it is not there.

    What is not named stays as it is; a new quota borrows nothing and lends all it leaves idle.
    """

    queue = VisibleRelatedField(Queue, required=False)
    cohort = VisibleRelatedField(Cohort, required=False)
    resource = serializers.ChoiceField(Resource.choices)
    flavor = serializers.CharField(max_length=60, allow_blank=True, default="")
    nominal = serializers.IntegerField(
        min_value=0, max_value=NOMINAL_MOST, help_text="Guaranteed; of a cohort, to all below it together."
    )
    borrowing_limit = serializers.IntegerField(
        min_value=0,
        max_value=NOMINAL_MOST,
        allow_null=True,
        required=False,
        help_text="How much more of what others leave idle; null: all of it.",
    )
    lending_limit = serializers.IntegerField(
        min_value=0,
        max_value=NOMINAL_MOST,
        allow_null=True,
        required=False,
        help_text="How much of what it leaves idle others may hold, at most its nominal; null: all of it.",
    )
    weight = weight(allow_null=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("queue" in attrs) == ("cohort" in attrs):
            raise serializers.ValidationError({"queue": ["name a queue or a cohort, and not both"]})
        return attrs


class CohortSerializer(serializers.ModelSerializer[Cohort]):
    pool_name = serializers.CharField(source="pool.name", read_only=True)
    team_name = serializers.CharField(source="team.name", read_only=True, allow_null=True)
    quotas = QuotaSerializer(many=True, read_only=True)

    class Meta:
        model = Cohort
        fields = ("id", "pool", "pool_name", "parent", "name", "team", "team_name", "weight", "quotas", "created_at")


class CohortChangeSerializer(CommentedSerializer):
    """What is not named stays as it is."""

    name = serializers.CharField(max_length=60, required=False)
    parent = VisibleRelatedField(  # type: ignore[assignment]
        Cohort, required=False, allow_null=True, help_text="Null: directly below the pool. What is below moves along."
    )
    team = VisibleRelatedField(Team, required=False, allow_null=True)
    weight = weight(required=False)


class CohortCreateSerializer(CohortChangeSerializer):
    """A cohort without quotas: it guarantees nothing and limits nothing."""

    pool = VisibleRelatedField(ResourcePool)
    name = serializers.CharField(max_length=60)


class QueueOpenSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    pool = serializers.SlugField(max_length=60, help_text="Its name.")
    is_main = serializers.BooleanField(default=False, help_text="Shall the project's work run there from now on?")

    def validate_pool(self, name: str) -> ResourcePool:
        """Of all that the caller sees."""
        return pool_named(self.context["request"].user, name)


class QueueChangeSerializer(CommentedSerializer):
    """What is not named stays as it is; a cap of null caps nothing."""

    cohort = VisibleRelatedField(Cohort, required=False, allow_null=True, help_text="Null: directly below the pool.")
    weight = weight(required=False)
    running_most = serializers.IntegerField(
        min_value=1, max_value=CAP_MOST, allow_null=True, required=False, help_text="Workloads that hold something."
    )
    gpus_per_run_most = serializers.IntegerField(
        min_value=1, max_value=CAP_MOST, allow_null=True, required=False, help_text="Devices of all its members."
    )
    run_seconds_most = serializers.IntegerField(
        min_value=1, max_value=CAP_MOST, allow_null=True, required=False, help_text="Declared limit of one attempt."
    )


def bounded(name: str, said: str) -> serializers.IntegerField:
    """A number of the policy within its bounds."""
    least, most = BOUNDS[name]
    return serializers.IntegerField(min_value=least, max_value=most, required=False, help_text=said)


class PolicySerializer(CommentedSerializer):
    """How a pool is shared. What is not named stays as it is."""

    half_life_seconds = bounded("half_life_seconds", "After so long, what a queue has held counts half.")
    entry_penalty_seconds = bounded("entry_penalty_seconds", "Each admission counts as if held this long already.")
    ageing_seconds = bounded("ageing_seconds", "Each time something has waited so long it gains `ageing_points`.")
    ageing_points = bounded("ageing_points", "Priority; 0: waiting gains nothing.")
    min_run_seconds = bounded("min_run_seconds", "What has run shorter is not preempted.")
    reclaim_after_seconds = bounded(
        "reclaim_after_seconds", "What is guaranteed is taken back only for who has waited so long."
    )
    preemption_grace_seconds = bounded(
        "preemption_grace_seconds", "What makes way has so long to write its checkpoint; 0: as the installation says."
    )
    preemption = serializers.BooleanField(required=False, help_text="May what runs be stopped for what waits?")
    backfill = serializers.BooleanField(
        required=False, help_text="May later work start first where that delays nothing?"
    )
    changes_need_approval = serializers.BooleanField(
        required=False, help_text="Does a second person decide changes of what shares it?"
    )


class FlavorShareSerializer(serializers.Serializer[Any]):
    """A part of one device. Nothing isolates the holders of one device from each other."""

    share_of = VisibleRelatedField(ResourceFlavor, help_text="The kind of the whole device.")
    share_millis = serializers.IntegerField(min_value=1, max_value=999, help_text="Thousandths of a device.")
    name = serializers.CharField(
        max_length=60, required=False, help_text="By default one that says how much: `H200/4`."
    )


class PriorityChangeSerializer(CommentedSerializer):
    name = serializers.SlugField(max_length=60, required=False)
    value = serializers.IntegerField(
        min_value=-PRIORITY_MOST, max_value=PRIORITY_MOST, required=False, help_text="The higher is admitted first."
    )
    preemption = serializers.ChoiceField(
        Preemption.choices, required=False, help_text="May its work take the place of what has a lower priority?"
    )


class PriorityCreateSerializer(PriorityChangeSerializer):
    name = serializers.SlugField(max_length=60)
    value = serializers.IntegerField(min_value=-PRIORITY_MOST, max_value=PRIORITY_MOST)


class TreeAmountSerializer(serializers.Serializer[Any]):
    """One resource of one node, in its unit; of shared GPUs, parts of devices count as such."""

    resource = serializers.ChoiceField(Resource.choices)
    flavor = serializers.CharField(allow_blank=True, help_text="The kind of GPU; empty: all kinds together.")
    quota = serializers.UUIDField(allow_null=True, help_text="Its own quota; null: it has none of this.")
    nominal = serializers.IntegerField(allow_null=True, help_text="Of its own quota.")
    subtree_nominal = serializers.IntegerField(
        help_text="Guaranteed: the more of its own and what is guaranteed below it; of the pool, the sum of that."
    )
    borrowing_limit = serializers.IntegerField(allow_null=True, help_text="Null, with a quota: no limit.")
    lending_limit = serializers.IntegerField(allow_null=True, help_text="Null, with a quota: no limit.")
    weight = serializers.FloatField(allow_null=True, help_text="Null for the pool.")
    reserved = serializers.FloatField(help_text="Held by all below it.")
    used = serializers.FloatField(help_text="Of it, by what runs.")
    borrowed = serializers.FloatField(help_text="Held beyond what it is guaranteed.")
    lent = serializers.FloatField(help_text="Of what it is guaranteed and leaves idle, held by its siblings.")
    capacity = serializers.IntegerField(help_text="What the machines of the pool that take members have.")
    warning = serializers.ChoiceField(
        [(one.value, one.value) for one in Excess],
        allow_null=True,
        help_text="What the guarantees below it are more than.",
    )


class TreeCohortSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="cohort.pk")
    name = serializers.CharField(source="cohort.name")
    parent = serializers.UUIDField(  # type: ignore[assignment]
        source="cohort.parent_id", allow_null=True, help_text="Null: below the pool."
    )
    team = serializers.UUIDField(source="cohort.team_id", allow_null=True)
    team_name = serializers.CharField(source="cohort.team.name", default=None, allow_null=True)
    weight = serializers.FloatField(source="cohort.weight")
    amounts = TreeAmountSerializer(many=True)


class TreeQueueSerializer(serializers.Serializer[Any]):
    """Of a project that you do not see, `visible` is false, and neither its id nor its name is told."""

    visible = serializers.BooleanField()
    id = serializers.SerializerMethodField()
    cohort = serializers.UUIDField(source="queue.cohort_id", allow_null=True, help_text="Null: below the pool.")
    project = serializers.SerializerMethodField()
    project_name = serializers.SerializerMethodField()
    weight = serializers.FloatField(source="queue.weight")
    running_most = serializers.IntegerField(source="queue.running_most", allow_null=True)
    gpus_per_run_most = serializers.IntegerField(source="queue.gpus_per_run_most", allow_null=True)
    run_seconds_most = serializers.IntegerField(source="queue.run_seconds_most", allow_null=True)
    running = serializers.IntegerField(help_text="Workloads that hold something.")
    waiting = serializers.IntegerField()
    amounts = TreeAmountSerializer(many=True)

    def get_id(self, node: Any) -> UUID | None:
        return node.queue.pk if node.visible else None

    def get_project(self, node: Any) -> UUID | None:
        return node.queue.project_id if node.visible else None

    def get_project_name(self, node: Any) -> str | None:
        return str(node.queue.project.name) if node.visible else None


class PoolTreeSerializer(serializers.Serializer[Any]):
    """A pool, its cohorts (a parent before what is below it) and its queues, each with a number per resource."""

    pool = serializers.UUIDField(source="pool.pk")
    pool_name = serializers.CharField(source="pool.name")
    amounts = TreeAmountSerializer(many=True, help_text="Of the pool as a whole.")
    cohorts = TreeCohortSerializer(many=True)
    queues = TreeQueueSerializer(many=True)
