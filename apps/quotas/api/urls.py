"""Addresses of the quotas app below `/api/v1/`."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.quotas.api import budget_views, cluster_views, health_views, runtime, sharing_views, views
from apps.quotas.api.foresight_views import WhatIfViewSet

router = SimpleRouter(trailing_slash=False)
router.register("pools", views.PoolViewSet)
router.register("clusters", cluster_views.ClusterViewSet)
router.register("flavors", views.FlavorViewSet)
router.register("cohorts", sharing_views.CohortViewSet)
router.register("nodes", health_views.NodeViewSet)
router.register("incidents", health_views.NodeIncidentViewSet)
router.register("priority-classes", views.PriorityClassViewSet)
router.register("queues", views.QueueViewSet)
router.register("workloads", views.WorkloadViewSet)
router.register("attempts", views.AttemptViewSet)
router.register("usage-records", views.UsageRecordViewSet)
router.register("what-ifs", WhatIfViewSet)
router.register("budgets", budget_views.BudgetViewSet)
router.register("rates", budget_views.RateViewSet)

urlpatterns = [
    path("quotas", views.QuotaViewSet.as_view({"get": "list", "put": "set"}), name="quota-list"),
    path("quotas/usage", views.QuotaViewSet.as_view({"get": "usage"}), name="quota-usage"),
    path("quotas/<uuid:pk>", views.QuotaViewSet.as_view({"get": "retrieve", "delete": "destroy"}), name="quota-detail"),
    path("usage-report", budget_views.UsageReportView.as_view(), name="usage-report"),
    path("usage-report.csv", budget_views.UsageReportFileView.as_view(), name="usage-report-csv"),
    path(
        "idle-policies",
        health_views.IdlePolicyViewSet.as_view({"get": "list", "put": "set"}),
        name="idlepolicy-list",
    ),
    path(
        "idle-policies/<uuid:pk>",
        health_views.IdlePolicyViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="idlepolicy-detail",
    ),
    *router.urls,
    path("runtime/attempts/self/heartbeat", runtime.HeartbeatView.as_view(), name="runtime-heartbeat"),
    path("runtime/attempts/self/logs", runtime.LogsView.as_view(), name="runtime-logs"),
    path("runtime/attempts/self/exit", runtime.ExitView.as_view(), name="runtime-exit"),
    path("runtime/attempts/self/start", runtime.StartView.as_view(), name="runtime-start"),
    path("runtime/attempts/self/environment", runtime.EnvironmentView.as_view(), name="runtime-environment"),
    path("runtime/attempts/self/should-stop", runtime.ShouldStopView.as_view(), name="runtime-should-stop"),
]
