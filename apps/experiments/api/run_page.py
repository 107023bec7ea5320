"""What the page of a run and a comparison show beside the run: attempts, what they used, curves of many runs."""

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
from apps.experiments.api.run_shapes import SeriesSerializer
from apps.experiments.api.serializers import SPAN, FiniteField
from apps.experiments.models import Run
from apps.experiments.models.metric import STEP_MOST
from apps.experiments.selectors.attempts import attempts_of
from apps.experiments.selectors.many_curves import POINTS_MOST, many_curves
from apps.experiments.selectors.series import Span
from apps.quotas.models import Attempt
from apps.quotas.selectors.member_usage import usage_of
from apps.quotas.states import Reason

RUNS_MOST = 50
KEYS_MOST = 20


class ManyCurvesQuerySerializer(serializers.Serializer[Any]):
    run = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=RUNS_MOST, help_text="Several times"
    )
    key = serializers.ListField(
        child=serializers.CharField(max_length=200), min_length=1, max_length=KEYS_MOST, help_text="Several times"
    )
    buckets = serializers.IntegerField(
        min_value=2, max_value=POINTS_MOST // 2, default=100, help_text="Two points of each: its least and its greatest"
    )
    from_step = serializers.IntegerField(min_value=-STEP_MOST, max_value=STEP_MOST, required=False)
    to_step = serializers.IntegerField(min_value=-STEP_MOST, max_value=STEP_MOST, required=False)
    from_time = FiniteField(required=False, help_text="Unix seconds")
    to_time = FiniteField(required=False, help_text="Unix seconds")


class RunCurvesSerializer(serializers.Serializer[Any]):
    run = serializers.UUIDField()
    name = serializers.CharField()
    series = serializers.DictField(child=SeriesSerializer(), help_text="By key; empty lists where it has no points")


@shown_as({"runs": [{"run": examples.RUN_ID, "name": "risk-1", "series": examples.SERIES["series"]}]})
class ManyCurvesSerializer(serializers.Serializer[Any]):
    runs = RunCurvesSerializer(many=True, help_text="In the order in which they were asked for")


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
        summary="Metric curves of several runs",
        parameters=[ManyCurvesQuerySerializer],
        responses=ManyCurvesSerializer,
        operation_id="runs_many_metrics",
    )
    @action(detail=False, methods=["get"], url_path="metrics", filter_backends=(), pagination_class=None)
    def many_metrics(self: Any, request: Request) -> Response:
        """Thinned so that every minimum and maximum stays; superseded points are left out. 404 names no run."""
        query = ManyCurvesQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        wanted = list(dict.fromkeys(asked["run"]))
        found = Run.objects.visible_to(request.user).only("id", "name", "attempt_starts").in_bulk(wanted)
        if len(found) < len(wanted):
            raise NotFound("run: not found")
        runs: list[Run] = [found[pk] for pk in wanted]
        keys = list(dict.fromkeys(asked["key"]))
        span = Span(**{name: asked[name] for name in SPAN if name in asked})
        series = many_curves(runs, keys, 2 * asked["buckets"], span)
        rows = [{"run": str(run.pk), "name": run.name, "series": each} for run, each in zip(runs, series, strict=True)]
        return Response({"runs": rows})

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
