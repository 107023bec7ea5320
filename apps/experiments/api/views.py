"""Experiments and runs over REST."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet, ReadViewSet
from apps.common.audit import Actor
from apps.common.cursors import cursor_of, cursor_text
from apps.common.downloads import download
from apps.common.errors import Invalid
from apps.common.pages import SEARCHED
from apps.common.stories import StoryMixin
from apps.experiments.api import serializers as shapes
from apps.experiments.api.again import AgainMixin
from apps.experiments.api.artifact_files import FilesMixin
from apps.experiments.api.compare import CompareMixin
from apps.experiments.api.curves import ManyCurvesMixin
from apps.experiments.api.keeping import KeepingMixin
from apps.experiments.api.provenance import ProvenanceMixin
from apps.experiments.api.run_page import RunPageMixin
from apps.experiments.api.submit_shapes import RunCreateSerializer
from apps.experiments.api.table import RunTableMixin
from apps.experiments.models import Artifact, Checkpoint, Experiment, Run
from apps.experiments.selectors.metrics import KEYS_MOST, run_curves, run_points_after
from apps.experiments.selectors.runs import with_names
from apps.experiments.selectors.series import Span
from apps.experiments.services.experiments import experiment_create
from apps.experiments.services.runs import run_stop, run_submit
from apps.quotas.services.priorities import priority_class_role

LONG = ("script", "result", "secrets", "attempt_starts", "requirements", "environment", "command", "provenance")
"""Columns that no list of runs shows."""
BINARY = {(200, "application/octet-stream"): OpenApiTypes.BINARY}


@extend_schema_view(
    list=extend_schema(summary="List experiments"),
    retrieve=extend_schema(summary="One experiment"),
    create=extend_schema(
        summary="Make an experiment",
        request=shapes.ExperimentCreateSerializer,
        responses={201: shapes.ExperimentSerializer},
    ),
)
class ExperimentViewSet(CreateViewSet):
    """Questions that runs answer."""

    queryset = Experiment.objects.all()
    serializer_class = shapes.ExperimentSerializer
    create_serializer_class = shapes.ExperimentCreateSerializer
    filterset_fields = ("project", "name")
    filter_backends = SEARCHED
    search_fields = ("name",)
    ordering_fields: ClassVar = ("created_at", "name")

    def get_queryset(self) -> Any:
        runs = Run.objects.filter(experiment=OuterRef("pk")).order_by().values("experiment")
        counted = runs.annotate(made=Count("pk")).values("made")
        return super().get_queryset().select_related("project").annotate(run_count=Coalesce(Subquery(counted), 0))

    def perform_service(self, data: dict[str, Any]) -> Experiment:
        user = caller(self.request)
        require(user, data["project"], Role.EDITOR)
        return experiment_create(**data, actor=Actor.user(user))


@extend_schema_view(
    list=extend_schema(summary="List runs", responses=shapes.RunRowSerializer(many=True)),
    retrieve=extend_schema(summary="One run"),
    create=extend_schema(summary="Submit a run", request=RunCreateSerializer, responses={201: shapes.RunSerializer}),
)
class RunViewSet(
    FilesMixin,
    RunTableMixin,
    CompareMixin,
    ManyCurvesMixin,
    RunPageMixin,
    KeepingMixin,
    AgainMixin,
    ProvenanceMixin,
    StoryMixin,
    CreateViewSet,
):
    """Executions of training scripts."""

    queryset = Run.objects.all()
    serializer_class = shapes.RunSerializer
    create_serializer_class = RunCreateSerializer
    filterset_fields = ("project", "experiment", "dataset_version", "state", "name", "kind", "retry_of")
    filter_backends = SEARCHED
    search_fields = ("name",)
    ordering_fields: ClassVar = ("created_at", "name", "state_at", "started_at", "ended_at")

    def get_queryset(self) -> Any:
        found = with_names(super().get_queryset())
        if self.action != "list":
            return found
        return found.filter(deleted_at__isnull=True).defer(*LONG)

    def get_serializer_class(self) -> Any:
        return shapes.RunRowSerializer if self.action == "list" else super().get_serializer_class()

    def perform_service(self, data: dict[str, Any]) -> Run:
        user = caller(self.request)
        require(user, data["experiment"].project, priority_class_role(data["priority_class"]))
        return run_submit(**data, requested_by=user, actor=Actor.user(user))

    @extend_schema(summary="Stop a run", request=None, responses=shapes.RunSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Ask for its end. The state follows once its processes are gone; a run that has ended stays as it is."""
        run: Run = self.get_object()
        require(request.user, run.project, Role.EDITOR)
        run_stop(run=run, actor=Actor.user(request.user))
        return Response(self.represent(run))

    @extend_schema(
        summary="Metric curves of a run",
        parameters=[shapes.RunMetricsQuerySerializer],
        responses=shapes.RunMetricsSerializer,
    )
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def metrics(self, request: Request, pk: str) -> Response:
        """Curves by ascending step, thinned so that every minimum and maximum stays; superseded points are left out.

        Without `keys` those that a job's wrapper measures, `system/…`, are left out too. With `after` the raw
        points that came later, in the order in which they came, a page at a time.
        """
        run: Run = self.get_object()
        query = shapes.RunMetricsQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        keys = [key for key in asked["keys"].split(",") if key]
        if len(keys) > KEYS_MOST:
            raise Invalid(f"keys: at most {KEYS_MOST} at once", fields={"keys": ["too many"]})
        member = asked.get("member")
        if "after" in asked:
            curves = run_points_after(run, keys, cursor_of(asked["after"]), asked["points"], member)
        else:
            span = Span(**{name: asked[name] for name in shapes.SPAN if name in asked})
            curves = run_curves(run, keys, asked["points"], span, member)
        ends = {"cursor": cursor_text(curves.live_from), "next_after": cursor_text(curves.next_after)}
        return Response({"series": curves.series, **ends, "reset": curves.reset, "more": curves.more})


class StoredFileViewSet(ReadViewSet):
    """Base: files that jobs left, to read and to download."""

    ordering_fields: ClassVar[Sequence[str]] = ("created_at", "size_bytes")

    @extend_schema(summary="Download the file", responses=BINARY)
    @action(detail=True, methods=["get"])
    def download(self, request: Request, pk: str) -> StreamingHttpResponse:
        """The file as the job wrote it."""
        file: Artifact | Checkpoint = self.get_object()
        name = file.path.rsplit("/", 1)[-1]
        return download(request, file.path, name=name, size_bytes=file.size_bytes, tag=file.sha256)


@extend_schema_view(list=extend_schema(summary="List artifacts"), retrieve=extend_schema(summary="One artifact"))
class ArtifactViewSet(StoredFileViewSet):
    """Models, preprocessors, reports and other files of runs."""

    queryset = Artifact.objects.filter(deleted_at=None)
    serializer_class = shapes.ArtifactSerializer
    filterset_fields = ("project", "run", "kind", "name", "sha256")


@extend_schema_view(list=extend_schema(summary="List checkpoints"), retrieve=extend_schema(summary="One checkpoint"))
class CheckpointViewSet(StoredFileViewSet):
    """States of training loops, from which later attempts continue."""

    queryset = Checkpoint.objects.all()
    serializer_class = shapes.CheckpointSerializer
    filterset_fields = ("project", "run", "step")
    ordering_fields: ClassVar = ("created_at", "size_bytes", "step")
