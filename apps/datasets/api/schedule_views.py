"""Schedules of ingestions, and from where a project may fetch, over REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import F
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.models import Project
from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet, VisibleRelatedField, once
from apps.common.audit import Actor
from apps.common.stories import StateMessageField, StoryMixin
from apps.datasets.api.examples import AT, DATASET_ID, PROJECT_ID, USER_ID, shown_as
from apps.datasets.api.ingestion_shapes import IngestionOptionsField, OptionsField
from apps.datasets.api.job_serializers import IngestionSerializer
from apps.datasets.api.origin_shapes import OriginField, ScheduledShape, SeenShape
from apps.datasets.models import AllowedOrigin, Dataset, IngestionSchedule
from apps.datasets.selectors.shown import ingestions_shown, schedules_shown
from apps.datasets.services.origins import allowed_origin_create, allowed_origin_delete
from apps.datasets.services.schedules import (
    schedule_create,
    schedule_pause,
    schedule_resume,
    schedule_retire,
    schedule_run,
)
from apps.datasets.states import ScheduleMode

ORIGIN = {"kind": "url", "url": "https://data.example.org/loans.csv"}
ALLOWED = {
    "id": "01936f2e-0000-7000-8000-000000000021",
    "project": PROJECT_ID,
    "project_name": "risk",
    "pattern": "data.example.org",
    "is_private": False,
    "created_by": USER_ID,
    "created_by_name": "ada",
    "created_at": AT,
}
SCHEDULE: dict[str, Any] = {
    "id": "01936f2e-0000-7000-8000-000000000022",
    "project": PROJECT_ID,
    "project_name": "risk",
    "dataset": DATASET_ID,
    "dataset_name": "loans",
    "origin": ORIGIN,
    "options": {},
    "mode": "replace",
    "cron": "30 5 * * 1-5",
    "every_seconds": None,
    "time_zone": "Europe/Berlin",
    "failures_most": 3,
    "next_at": "2026-03-03T04:30:00Z",
    "last_at": "2026-03-02T04:30:00Z",
    "skipped_count": 0,
    "seen": {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "etag": '"6a8"'},
    "newest_ingestion": None,
    "state": "active",
    "state_reason": "",
    "state_detail": "",
    "state_message": [],
    "state_at": AT,
    "created_by": USER_ID,
    "created_by_name": "ada",
    "created_at": AT,
}


@shown_as(ALLOWED)
class AllowedOriginSerializer(serializers.ModelSerializer[AllowedOrigin]):
    project_name = serializers.CharField(read_only=True)
    created_by_name = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = AllowedOrigin
        fields = (
            "id", "project", "project_name", "pattern", "is_private", "created_by", "created_by_name", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class AllowedOriginCreateSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    pattern = serializers.CharField(
        max_length=255,
        help_text="`data.example.org`, `*.example.org`, `example.org:8443`, `s3://bucket`, `gs://bucket`",
    )
    is_private = serializers.BooleanField(
        required=False, default=False, help_text="May have private addresses; for administrators of the installation"
    )


@extend_schema_view(
    list=extend_schema(summary="List from where projects may fetch"),
    retrieve=extend_schema(summary="One host or bucket"),
    create=extend_schema(
        summary="Let a project fetch from a host or bucket",
        request=AllowedOriginCreateSerializer,
        responses={201: AllowedOriginSerializer},
        examples=[OpenApiExample("A host", {"project": PROJECT_ID, "pattern": "data.example.org"}, request_only=True)],
    ),
)
class AllowedOriginViewSet(CreateViewSet):
    """Hosts and buckets from which ingestions of a project may fetch."""

    queryset = AllowedOrigin.objects.annotate(
        project_name=F("project__name"), created_by_name=F("created_by__username")
    )
    serializer_class = AllowedOriginSerializer
    create_serializer_class = AllowedOriginCreateSerializer
    filterset_fields = ("project", "pattern", "is_private")
    ordering_fields = ("created_at", "pattern")

    def perform_service(self, data: dict[str, Any]) -> AllowedOrigin:
        user = caller(self.request)
        require(user, data["project"], Role.ADMIN)
        return allowed_origin_create(**data, created_by=user, actor=Actor.user(user))

    @extend_schema(summary="Take a host or bucket off the list", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Jobs that run go on; schedules that need it pause when they come next."""
        row: AllowedOrigin = self.get_object()
        require(request.user, row.project, Role.ADMIN)
        allowed_origin_delete(row, actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


@shown_as(SCHEDULE)
class IngestionScheduleSerializer(serializers.ModelSerializer[IngestionSchedule]):
    project_name = serializers.CharField(read_only=True)
    dataset_name = serializers.CharField(read_only=True)
    created_by_name = serializers.CharField(read_only=True, allow_null=True)
    state_message = StateMessageField(source="state_detail")
    origin = OriginField(read_only=True)
    options = OptionsField(read_only=True)
    seen = SeenShape(read_only=True)
    newest_ingestion = ScheduledShape(read_only=True, allow_null=True)

    class Meta:
        model = IngestionSchedule
        fields = (
            "id", "project", "project_name", "dataset", "dataset_name", "origin", "options", "mode", "cron",
            "every_seconds", "time_zone", "failures_most", "next_at", "last_at", "skipped_count", "seen",
            "newest_ingestion", "state", "state_reason", "state_detail", "state_message", "state_at", "created_by",
            "created_by_name", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class IngestionScheduleCreateSerializer(serializers.Serializer[Any]):
    dataset = VisibleRelatedField(Dataset)
    origin = OriginField()
    options = IngestionOptionsField(required=False, default=dict)
    mode = serializers.ChoiceField(
        choices=ScheduleMode.choices,
        required=False,
        default=ScheduleMode.REPLACE,
        help_text="`replace`: the next version has what came; `append`: the newest version's rows and what came",
    )
    cron = serializers.CharField(
        max_length=100, required=False, default="", help_text="Minute, hour, day, month, weekday: `30 5 * * 1-5`"
    )
    every_seconds = serializers.IntegerField(
        required=False, allow_null=True, default=None, help_text="In place of `cron`; at least 60"
    )
    time_zone = serializers.CharField(max_length=60, required=False, default="UTC", help_text="`Europe/Berlin`")
    failures_most = serializers.IntegerField(
        min_value=1, max_value=100, required=False, default=3, help_text="So many failures in a row pause it"
    )


@extend_schema_view(
    list=extend_schema(summary="List schedules of ingestions"),
    retrieve=extend_schema(summary="One schedule"),
    create=extend_schema(
        summary="Fetch and ingest again and again",
        request=IngestionScheduleCreateSerializer,
        responses={201: IngestionScheduleSerializer},
        examples=[
            OpenApiExample(
                "Workdays at half past five",
                {"dataset": DATASET_ID, "origin": ORIGIN, "cron": "30 5 * * 1-5", "time_zone": "Europe/Berlin"},
                request_only=True,
            )
        ],
    ),
)
class IngestionScheduleViewSet(StoryMixin, CreateViewSet):
    """Ingestions that come by the clock; what has not changed makes no version."""

    queryset = schedules_shown()
    serializer_class = IngestionScheduleSerializer
    create_serializer_class = IngestionScheduleCreateSerializer
    filterset_fields = ("project", "dataset", "state")
    ordering_fields = ("created_at", "next_at", "last_at")

    def perform_service(self, data: dict[str, Any]) -> IngestionSchedule:
        user = caller(self.request)
        require(user, data["dataset"].project, Role.EDITOR)
        return schedule_create(**data, created_by=user, actor=Actor.user(user))

    def _do(self, service: Callable[..., None]) -> Response:
        schedule: IngestionSchedule = self.get_object()
        require(self.request.user, schedule.project, Role.EDITOR)
        service(schedule, actor=Actor.user(self.request.user))
        return Response(self.represent(schedule))

    @extend_schema(summary="Pause a schedule", request=None)
    @action(detail=True, methods=["post"], filter_backends=())
    def pause(self, request: Request, pk: str) -> Response:
        """It does not come any more; an ingestion that runs goes on."""
        return self._do(schedule_pause)

    @extend_schema(summary="Resume a schedule", request=None)
    @action(detail=True, methods=["post"], filter_backends=())
    def resume(self, request: Request, pk: str) -> Response:
        """It comes again, at its next time from now."""
        return self._do(schedule_resume)

    @extend_schema(summary="Retire a schedule", request=None)
    @action(detail=True, methods=["post"], filter_backends=())
    def retire(self, request: Request, pk: str) -> Response:
        """It ends for good; what it asked for stays."""
        return self._do(schedule_retire)

    @extend_schema(summary="Run a schedule now", request=None, responses={201: IngestionSerializer})
    @action(detail=True, methods=["post"], filter_backends=())
    def run(self, request: Request, pk: str) -> Response:
        """Out of turn, in the caller's name; 409 while the ingestion before still runs, what it made is kept back, or
        something else is appended to the dataset."""
        schedule: IngestionSchedule = self.get_object()
        user = caller(request)
        require(user, schedule.project, Role.EDITOR)

        def produce() -> tuple[Any, int]:
            ingestion = schedule_run(schedule, requested_by=user, actor=Actor.user(user))
            shown = ingestions_shown().get(pk=ingestion.pk)
            return IngestionSerializer(shown, context=self.get_serializer_context()).data, status.HTTP_201_CREATED

        return once(request, {"schedule": schedule}, produce)
