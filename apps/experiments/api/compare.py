"""`GET /runs/compare`, and `/runs/metrics` as a file: for the viewset of runs."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.experiments.api import examples
from apps.experiments.api.curves import RUNS_MOST
from apps.experiments.api.examples import shown_as
from apps.experiments.api.run_page import RunEnvironmentSerializer
from apps.experiments.api.run_shapes import EvaluationField
from apps.experiments.api.serializers import RunRowSerializer
from apps.experiments.api.table import BINARY, saved
from apps.experiments.api.table_shapes import FILE_KIND
from apps.experiments.models import Run
from apps.experiments.selectors.comparison import FILES_MOST, runs_compared
from apps.experiments.selectors.curves_export import COLUMNS, curves_export
from apps.experiments.states import ArtifactKind, GoalMode


class CompareQuerySerializer(serializers.Serializer[Any]):
    run = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=RUNS_MOST, help_text="Several times"
    )


class CurvesFileQuerySerializer(CompareQuerySerializer):
    key = serializers.ListField(
        child=serializers.CharField(max_length=250),
        required=False,
        default=list,
        max_length=100,
        help_text="Several times; all metrics by default",
    )


class ComparedSourceSerializer(serializers.Serializer[Any]):
    """What was executed: each is empty where the run has none of it."""

    script_sha256 = serializers.CharField(allow_blank=True)
    bundle = serializers.UUIDField(allow_null=True, help_text="A source bundle, whose files can be read")
    bundle_sha256 = serializers.CharField(allow_blank=True)
    command = serializers.ListField(child=serializers.CharField())
    image = serializers.CharField(allow_blank=True)
    git_commit = serializers.CharField(allow_blank=True)


class ComparedInputSerializer(serializers.Serializer[Any]):
    """Something that the run read, or said that it read."""

    name = serializers.CharField()
    reference = serializers.CharField(allow_blank=True)
    dataset_version = serializers.UUIDField(allow_null=True, help_text="Null: none that is kept here")
    dataset_name = serializers.CharField(allow_blank=True)
    dataset_version_number = serializers.IntegerField(allow_null=True)
    digest = serializers.CharField(allow_blank=True, help_text="As its code said it")


class ComparedArtifactSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(ArtifactKind.choices)
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    created_at = serializers.DateTimeField()


class ComparedRunSerializer(serializers.Serializer[Any]):
    run = RunRowSerializer()
    environment = RunEnvironmentSerializer(allow_null=True, help_text="Null: nobody has said")
    source = ComparedSourceSerializer()  # type: ignore[assignment]  # a field, which the class takes out of the way
    inputs = ComparedInputSerializer(many=True)
    artifacts = ComparedArtifactSerializer(many=True, help_text=f"The newest {FILES_MOST}, by name")
    evaluation = EvaluationField(allow_null=True)
    modes = serializers.DictField(
        child=serializers.ChoiceField(GoalMode.choices), help_text="By metric which way it is better"
    )


@shown_as(
    {
        "runs": [
            {
                "run": examples.RUN_ROW,
                "environment": None,
                "source": {
                    "script_sha256": "0" * 64, "bundle": None, "bundle_sha256": "", "command": [], "image": "",
                    "git_commit": "4f2c91",
                },
                "inputs": [
                    {
                        "name": "data",
                        "reference": "risk/loans@gold",
                        "dataset_version": examples.VERSION_ID,
                        "dataset_name": "loans",
                        "dataset_version_number": 3,
                        "digest": "",
                    }
                ],
                "artifacts": [],
                "evaluation": {"auc": 0.84},
                "modes": {"train/loss": "min"},
            }
        ]
    }
)  # fmt: skip
class ComparisonSerializer(serializers.Serializer[Any]):
    runs = ComparedRunSerializer(many=True, help_text="In the order in which they were asked for")


class CompareMixin:
    """What a comparison shows."""

    @extend_schema(
        summary="Runs side by side",
        parameters=[CompareQuerySerializer],
        responses=ComparisonSerializer,
        operation_id="runs_compare",
    )
    @action(detail=False, methods=["get"], filter_backends=(), pagination_class=None)
    def compare(self: Any, request: Request) -> Response:
        """Each with its environment, source, data, files and evaluation; `GET /runs/metrics` has their curves. 404
        names no run."""
        query = CompareQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = runs_compared(request.user, list(dict.fromkeys(query.validated_data["run"])))
        return Response(ComparisonSerializer({"runs": found}).data)

    @extend_schema(
        summary="Points of several runs as a file",
        parameters=[CurvesFileQuerySerializer, FILE_KIND],
        responses=BINARY,
        operation_id="runs_many_metrics_file",
    )
    @action(
        detail=False,
        methods=["get"],
        filter_backends=(),
        pagination_class=None,
        url_path=r"metrics\.(?P<kind>csv|parquet)",
    )
    def many_metrics_file(self: Any, request: Request, kind: str) -> StreamingHttpResponse:
        """A row for every point that counts: run, metric, attempt, member, step, time, value. 404 names no run."""
        query = CurvesFileQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = list(dict.fromkeys(query.validated_data["run"]))
        found = Run.objects.visible_to(request.user).only("id", "name", "attempt_starts").in_bulk(wanted)
        if len(found) < len(wanted):
            raise NotFound("run: not found")
        rows = curves_export([found[pk] for pk in wanted], query.validated_data["key"])
        return saved(request, "curves", kind, COLUMNS, rows)
