"""What the page of a run shows beside the run: attempts, and what they used."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.common.stories import StateMessageField
from apps.experiments.api import examples
from apps.experiments.api.examples import shown_as
from apps.experiments.models import Run
from apps.experiments.selectors.attempts import attempts_of
from apps.quotas.models import Attempt
from apps.quotas.selectors.member_usage import usage_of
from apps.quotas.states import Reason


class SystemMetricsQuerySerializer(serializers.Serializer[Any]):
    attempt = serializers.UUIDField(required=False, help_text="The latest by default")
    points = serializers.IntegerField(min_value=2, max_value=2000, default=300)


class UsedNumbersField(serializers.ListField):
    """A value for each of `times`; null: not measured."""

    child = serializers.FloatField(allow_null=True)


class GpuUsageSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    utilisation_ratio = UsedNumbersField()
    memory_bytes = UsedNumbersField()


class MemberUsageSerializer(serializers.Serializer[Any]):
    rank = serializers.IntegerField()
    times = serializers.ListField(child=serializers.FloatField(), help_text="Unix seconds")
    cpu_cores = UsedNumbersField(help_text="Kept busy")
    memory_bytes = UsedNumbersField()
    gpus = GpuUsageSerializer(many=True)


@shown_as(examples.SYSTEM_METRICS)
class SystemMetricsSerializer(serializers.Serializer[Any]):
    attempt = serializers.UUIDField(allow_null=True, help_text="Null: it was never launched")
    number = serializers.IntegerField(allow_null=True)
    members = MemberUsageSerializer(many=True)


class EnvironmentTorchShape(serializers.Serializer[Any]):
    version = serializers.CharField()
    cuda = serializers.CharField(allow_blank=True, help_text="That it was built for")


class EnvironmentGpuShape(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    name = serializers.CharField()
    memory_bytes = serializers.IntegerField()


class RunEnvironmentSerializer(serializers.Serializer[Any]):
    python = serializers.CharField(allow_blank=True, help_text="Empty: there is none")
    platform = serializers.CharField(allow_blank=True)
    hostname = serializers.CharField(allow_blank=True)
    cpu_count = serializers.IntegerField()
    torch = EnvironmentTorchShape(allow_null=True)
    gpus = EnvironmentGpuShape(many=True)
    driver = serializers.CharField(allow_blank=True, help_text="Of the GPUs")
    git_commit = serializers.CharField(allow_blank=True, help_text="Of its working copy, or as GIT_COMMIT says")
    packages = serializers.DictField(child=serializers.CharField(), help_text="Versions by name")


@shown_as(examples.RUN_ATTEMPT)
class RunAttemptSerializer(serializers.Serializer[Any]):
    """One launch: times in their order, how it ended, what it ran in."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    created_at = serializers.DateTimeField(help_text="When it was given to its backend")
    submitted_at = serializers.DateTimeField(allow_null=True)
    pulled_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    heartbeat_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.ChoiceField(Reason.choices, allow_blank=True)
    detail = serializers.CharField(allow_blank=True, help_text="How it ended, for people")
    message = StateMessageField(source="detail")
    error = serializers.CharField(allow_blank=True, help_text="What the job said, where it failed")
    exit_code = serializers.IntegerField(allow_null=True)
    members = serializers.IntegerField()
    continued_from_step = serializers.IntegerField(allow_null=True, help_text="Null: it began anew")
    environment = RunEnvironmentSerializer(allow_null=True, help_text="Null: the job has not said")


class RunPageMixin:
    """For the viewset of runs."""

    @extend_schema(
        summary="What a run used over time",
        parameters=[SystemMetricsQuerySerializer],
        responses=SystemMetricsSerializer,
    )
    @action(detail=True, methods=["get"], url_path="system-metrics", filter_backends=(), pagination_class=None)
    def system_metrics(self: Any, request: Request, pk: str) -> Response:
        """Cores, memory and GPUs of each member of one attempt, as its wrapper measured them every five seconds; of a
        long attempt in coarser steps."""
        query = SystemMetricsQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        attempt = _attempt(self.get_object(), asked.get("attempt"))
        if attempt is None:
            return Response({"attempt": None, "number": None, "members": []})
        members = usage_of(attempt, asked["points"])
        return Response({"attempt": str(attempt.pk), "number": attempt.number, "members": members})

    @extend_schema(summary="Attempts of a run", responses=RunAttemptSerializer(many=True))
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def attempts(self: Any, request: Request, pk: str) -> Response:
        """Oldest first."""
        return Response(RunAttemptSerializer(attempts_of(self.get_object()), many=True).data)


def _attempt(run: Run, asked: UUID | None) -> Attempt | None:
    """The attempt that was asked for; None where there is none yet. Raises NotFound."""
    attempts = Attempt.objects.filter(workload=run.workload_id) if run.workload_id else Attempt.objects.none()
    if asked is None:
        latest: Attempt | None = attempts.order_by("-number").first()
        return latest
    found: Attempt | None = attempts.filter(pk=asked).first()
    if found is None:
        raise NotFound("This run has no such attempt.")
    return found
