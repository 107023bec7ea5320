"""What people see and do: pools, queues, quotas, workloads, attempts, usage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import require
from apps.access.states import Role
from apps.common.api import ReadViewSet
from apps.common.audit import Actor
from apps.common.errors import NotFound
from apps.common.pages import SEARCHED
from apps.common.stories import StoryStepSerializer
from apps.quotas.api import serializers as s
from apps.quotas.api.foresight_views import PoolForesight, WorkloadWhy
from apps.quotas.api.log_reading import log_download, log_page
from apps.quotas.api.pool_views import PoolReads, QuotaUsage, WorkloadNumbers
from apps.quotas.api.sharing_serializers import QuotaSerializer
from apps.quotas.api.sharing_views import FlavorSharing, PoolSharing, PriorityChanges, QueueSharing, QuotaSharing
from apps.quotas.models import (
    Attempt,
    PriorityClass,
    Queue,
    Quota,
    ResourceFlavor,
    ResourcePool,
    UsageRecord,
    Workload,
)
from apps.quotas.selectors import projects_without_queue, story_of
from apps.quotas.selectors.logs import attempt_asked
from apps.quotas.services.queues import queues_ensure
from apps.quotas.services.workloads import workload_stop
from apps.quotas.states import Reason


def named(one: str, many: str) -> Callable[[type[ReadViewSet]], type[ReadViewSet]]:
    """Titles of list and retrieve in the API's document."""
    return extend_schema_view(list=extend_schema(summary=f"List {many}"), retrieve=extend_schema(summary=f"One {one}"))


@named("pool", "pools")
class PoolViewSet(PoolForesight, PoolReads, PoolSharing, ReadViewSet):
    """Nodes that are scheduled together."""

    queryset = ResourcePool.objects.select_related("organisation", "cluster").defer(
        "cluster__nonce", "cluster__ciphertext", "cluster__ca_pem"
    )
    serializer_class = s.PoolSerializer
    filter_backends: Any = SEARCHED
    filterset_fields = ["name", "backend"]
    search_fields = ["name"]


@named("kind of GPU", "kinds of GPU")
class FlavorViewSet(FlavorSharing, ReadViewSet):
    """Kinds of GPU."""

    queryset = ResourceFlavor.objects.all()
    serializer_class = s.FlavorSerializer
    filterset_fields = ["pool", "name"]


@named("priority class", "priority classes")
class PriorityClassViewSet(PriorityChanges, ReadViewSet):
    """Named priorities."""

    queryset = PriorityClass.objects.all()
    serializer_class = s.PriorityClassSerializer
    filterset_fields = ["name"]
    ordering_fields = ["created_at", "value"]


@named("queue", "queues")
class QueueViewSet(QueueSharing, ReadViewSet):
    """A project's place in a pool, with its quotas. A project that has none yet gets it when the list is read."""

    queryset = Queue.objects.select_related("project", "pool", "cohort").prefetch_related("quotas")
    serializer_class = s.QueueSerializer
    filterset_fields = ["project", "pool"]

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        queues_ensure(projects_without_queue(request.user))
        return super().list(request, *args, **kwargs)


@named("quota", "quotas")
class QuotaViewSet(QuotaUsage, QuotaSharing, ReadViewSet):
    """How much a queue, or all below a cohort, may hold at once.

    Set by administrators of the installation; others ask by an approval.
    """

    queryset = Quota.objects.select_related("queue")
    serializer_class = QuotaSerializer
    filterset_fields = ["queue", "queue__project", "cohort", "resource", "flavor"]


@named("workload", "workloads")
class WorkloadViewSet(WorkloadWhy, WorkloadNumbers, ReadViewSet):
    """Everything that runs or waits to run."""

    queryset = Workload.objects.all()
    serializer_class = s.WorkloadSerializer
    filterset_fields = ["project", "pool", "queue", "state", "kind", "owner_kind", "owner_id", "requested_by"]
    ordering_fields = ["created_at", "priority", "state_at"]

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        rows = rows.select_related("project", "pool", "requested_by")
        return rows.defer("spec") if self.action == "list" else rows

    def get_serializer_class(self) -> Any:
        return s.WorkloadDetailSerializer if self.action == "retrieve" else s.WorkloadSerializer

    @extend_schema(summary="Stop a workload", request=s.StopSerializer, responses=s.WorkloadSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """End it: at once while it waits, else once its job has written its checkpoint and left."""
        workload = self.get_object()
        require(request.user, workload.project, Role.EDITOR)
        serializer = s.StopSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        detail = serializer.validated_data["detail"]
        with transaction.atomic():
            workload_stop(workload, reason=Reason.CANCELLED_BY_USER, detail=detail, actor=Actor.user(request.user))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary="Output of a workload", parameters=[s.LogQuerySerializer], responses=s.LogPageSerializer)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def logs(self, request: Request, pk: str) -> Response:
        """Output after a cursor, oldest first: come back with `next_after` for more. Or lines of one member."""
        query = s.LogQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        page = log_page(self.get_object(), query.validated_data)
        return Response(s.LogPageSerializer(page, context=query.validated_data).data)

    @extend_schema(
        summary="All output of a member",
        parameters=[s.LogMemberQuerySerializer],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    @action(detail=True, url_path="logs/download", pagination_class=None, filter_backends=[])
    def logs_download(self, request: Request, pk: str) -> StreamingHttpResponse:
        """As a text file, by default of the first member of the latest attempt; it says where lines are missing."""
        query = s.LogMemberQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        workload, asked = self.get_object(), query.validated_data
        attempt = attempt_asked(workload, asked.get("attempt"))
        if attempt is None:
            raise NotFound("This workload has no such attempt.")
        return log_download(request, attempt, asked.get("rank", 0), name=workload.name, plain=asked["plain"])

    @extend_schema(summary="Story of a workload", responses=StoryStepSerializer(many=True))
    @action(detail=True, pagination_class=None, filter_backends=[])
    def story(self, request: Request, pk: str) -> Response:
        """Every step it took, oldest first: when, why, by whom."""
        return Response(StoryStepSerializer(story_of(self.get_object()), many=True).data)


@named("attempt", "attempts")
class AttemptViewSet(ReadViewSet):
    """Launches of workloads."""

    queryset = Attempt.objects.all()
    serializer_class = s.AttemptSerializer
    filterset_fields = ["project", "workload", "outcome"]
    ordering_fields = ["created_at", "number"]


@named("usage interval", "usage intervals")
class UsageRecordViewSet(ReadViewSet):
    """Intervals in which something was held and used."""

    queryset = UsageRecord.objects.all()
    serializer_class = s.UsageRecordSerializer
    filterset_fields = ["project", "workload", "pool"]
    ordering_fields = ["created_at", "reserved_at"]
