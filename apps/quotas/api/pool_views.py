"""Pools as a whole, and workloads and quotas in numbers: what the pages Overview and Quotas show."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import clock
from apps.common.pages import CursorPagination
from apps.quotas.api import pool_serializers as s
from apps.quotas.models import Queue, ResourcePool, Workload
from apps.quotas.selectors import projects_without_queue
from apps.quotas.selectors.history import pool_history
from apps.quotas.selectors.line import pool_line
from apps.quotas.selectors.pool_map import pool_map
from apps.quotas.selectors.usage import queue_usages, workload_summary
from apps.quotas.services.queues import queues_ensure


class PoolReads:
    """For the viewset of pools."""

    @extend_schema(summary="Who holds what of a pool's machines", responses=s.PoolMapSerializer)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def map(self, request: Request, pk: str) -> Response:
        """Every machine with its GPUs. Who else holds something is told only where you see their project."""
        pool = _pool(self)
        told = {"pool": pool.pk, "pool_name": pool.name, "nodes": pool_map(pool, request.user)}
        return Response(s.PoolMapSerializer(told).data)

    @extend_schema(summary="What runs in a pool, and what waits for it", responses=s.PoolLineSerializer)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def queue(self, request: Request, pk: str) -> Response:
        """What waits is in the order of admission. Of what you do not see, the size and the place are told."""
        pool = _pool(self)
        line = pool_line(pool, request.user)
        totals = {"running_total": line.running_total, "waiting_total": line.waiting_total}
        told = {"pool": pool.pk, "pool_name": pool.name, **totals, "running": line.running, "waiting": line.waiting}
        return Response(s.PoolLineSerializer(told).data)

    @extend_schema(
        summary="What was held and used of a pool over time",
        parameters=[s.HistoryQuerySerializer],
        responses=s.PoolHistorySerializer,
    )
    @action(detail=True, pagination_class=None, filter_backends=[])
    def history(self, request: Request, pk: str) -> Response:
        """Means per bucket. `project` asks for one project's share, `by=project` for a series per project."""
        pool = _pool(self)
        query = s.HistoryQuerySerializer(data=request.query_params, context={"request": request})
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        found = pool_history(
            pool,
            request.user,
            since=asked["since"],
            until=asked["until"],
            buckets=asked["buckets"],
            project=asked.get("project"),
            by_project="by" in asked,
        )
        over = {"starts": found.starts, "until": found.until, "bucket_seconds": found.bucket_seconds}
        told = {"pool": pool.pk, "pool_name": pool.name, **over, "series": found.series}
        return Response(s.PoolHistorySerializer(told).data)


class WorkloadNumbers:
    """For the viewset of workloads."""

    @extend_schema(
        summary="Workloads in numbers", parameters=[s.SummaryQuerySerializer], responses=s.WorkloadSummarySerializer
    )
    @action(detail=False, pagination_class=None, filter_backends=[])
    def summary(self, request: Request) -> Response:
        """What waits and why, what runs, what failed in the last 24 hours, and how much of the machines is held."""
        query = s.SummaryQuerySerializer(data=request.query_params, context={"request": request})
        query.is_valid(raise_exception=True)
        asked: dict[str, Any] = query.validated_data
        mine = Workload.objects.visible_to(request.user).filter(**asked)
        pools = ResourcePool.objects.visible_to(request.user)
        if "pool" in asked:
            pools = pools.filter(pk=asked["pool"].pk)
        return Response(s.WorkloadSummarySerializer(workload_summary(mine, pools, clock.db_now())).data)


class QuotaUsage:
    """For the viewset of quotas."""

    @extend_schema(
        summary="Quotas, and what of them is held now",
        parameters=[s.UsageQuerySerializer],
        responses=s.QueueUsagePageSerializer,
    )
    def usage(self, request: Request) -> Response:
        """A row per queue, oldest last. A project that has no queue yet gets it when this is read."""
        query = s.UsageQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        queues_ensure(projects_without_queue(request.user))
        rows = Queue.objects.visible_to(request.user).filter(**query.validated_data)
        pages = CursorPagination()
        page = pages.paginate_queryset(
            rows.select_related("project", "pool").prefetch_related("quotas"), request, view=None
        )
        return pages.get_paginated_response(s.QueueUsageSerializer(queue_usages(page or []), many=True).data)


def _pool(view: Any) -> ResourcePool:
    found: ResourcePool = view.get_object()
    return found
