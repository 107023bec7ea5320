"""`GET /runs/metrics` and `/runs/member-metrics`: curves of several runs, for the viewset of runs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.experiments.api import examples
from apps.experiments.api.examples import shown_as
from apps.experiments.api.run_shapes import SeriesSerializer
from apps.experiments.api.serializers import SPAN, FiniteField
from apps.experiments.models import Run
from apps.experiments.models.metric import STEP_MOST
from apps.experiments.selectors.curve_rows import Spans
from apps.experiments.selectors.many_curves import MEMBERS_MOST, POINTS_MOST, many_curves, member_curves
from apps.experiments.selectors.series import Span

RUNS_MOST = 50
KEYS_MOST = 20
SINCE = ("from_second", "to_second")
"""A part of each curve by its own clock."""


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
    from_second = FiniteField(required=False, help_text="Of each run since it began; 1970 where it has not")
    to_second = FiniteField(required=False, help_text="Likewise")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if any(name in attrs for name in SINCE) and any(name in attrs for name in ("from_time", "to_time")):
            raise serializers.ValidationError("a range of times, or of seconds since each run began: one of the two")
        return attrs


class RunCurvesSerializer(serializers.Serializer[Any]):
    run = serializers.UUIDField()
    name = serializers.CharField()
    series = serializers.DictField(child=SeriesSerializer(), help_text="By key; empty lists where it has no points")


@shown_as({"runs": [{"run": examples.RUN_ID, "name": "risk-1", "series": examples.SERIES["series"]}]})
class ManyCurvesSerializer(serializers.Serializer[Any]):
    runs = RunCurvesSerializer(many=True, help_text="In the order in which they were asked for")


class MemberCurvesSerializer(serializers.Serializer[Any]):
    member = serializers.IntegerField(help_text="Its number in the job, from 0")
    series = serializers.DictField(child=SeriesSerializer(), help_text="By key; without those of which it has none")


class RunMembersSerializer(serializers.Serializer[Any]):
    run = serializers.UUIDField()
    name = serializers.CharField()
    member_count = serializers.IntegerField(help_text="How many logged any of these metrics")
    members = MemberCurvesSerializer(many=True, help_text=f"The first {MEMBERS_MOST} of them")


@shown_as(
    {
        "runs": [
            {
                "run": examples.RUN_ID,
                "name": "risk-1",
                "member_count": 1,
                "members": [{"member": 0, "series": examples.SERIES["series"]}],
            }
        ]
    }
)
class ManyMembersSerializer(serializers.Serializer[Any]):
    runs = RunMembersSerializer(many=True, help_text="In the order in which they were asked for")


class ManyCurvesMixin:
    """What a comparison draws."""

    @extend_schema(
        summary="Metric curves of several runs",
        parameters=[ManyCurvesQuerySerializer],
        responses=ManyCurvesSerializer,
        operation_id="runs_many_metrics",
    )
    @action(detail=False, methods=["get"], url_path="metrics", filter_backends=(), pagination_class=None)
    def many_metrics(self: Any, request: Request) -> Response:
        """Thinned so that every minimum and maximum stays; superseded points are left out. 404 names no run."""
        runs, keys, points, spans = _asked(request)
        series = many_curves(runs, keys, points, spans)
        rows = [{"run": str(run.pk), "name": run.name, "series": each} for run, each in zip(runs, series, strict=True)]
        return Response({"runs": rows})

    @extend_schema(
        summary="Metric curves of several runs, member by member",
        parameters=[ManyCurvesQuerySerializer],
        responses=ManyMembersSerializer,
        operation_id="runs_member_metrics",
    )
    @action(detail=False, methods=["get"], url_path="member-metrics", filter_backends=(), pagination_class=None)
    def member_metrics(self: Any, request: Request) -> Response:
        """What each member of a run logged by itself, thinned likewise. 404 names no run."""
        runs, keys, points, spans = _asked(request)
        found = member_curves(runs, keys, points, spans)
        rows = [
            {
                "run": str(run.pk),
                "name": run.name,
                "member_count": each.member_count,
                "members": [{"member": number, "series": series} for number, series in each.members.items()],
            }
            for run, each in zip(runs, found, strict=True)
        ]
        return Response({"runs": rows})


def _asked(request: Request) -> tuple[list[Run], list[str], int, Spans]:
    """The runs, which are visible, the metrics, how many points of a curve, and which part. Raises NotFound."""
    query = ManyCurvesQuerySerializer(data=request.query_params)
    query.is_valid(raise_exception=True)
    asked = query.validated_data
    wanted: list[UUID] = list(dict.fromkeys(asked["run"]))
    seen = Run.objects.visible_to(request.user).only("id", "name", "attempt_starts", "started_at").in_bulk(wanted)
    if len(seen) < len(wanted):
        raise NotFound("run: not found")
    runs: list[Run] = [seen[pk] for pk in wanted]
    return runs, list(dict.fromkeys(asked["key"])), 2 * asked["buckets"], _spans(runs, asked)


def _spans(runs: list[Run], asked: dict[str, Any]) -> Spans:
    span = Span(**{name: asked[name] for name in SPAN if name in asked})
    if not any(name in asked for name in SINCE):
        return span

    def since(run: Run, name: str) -> float | None:
        zero = run.started_at.timestamp() if run.started_at else 0.0
        return zero + asked[name] if name in asked else None

    return {
        run.pk: Span(span.from_step, span.to_step, since(run, "from_second"), since(run, "to_second")) for run in runs
    }
