"""Addresses of the deployments app, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from apps.deployments.api.runtime import GatewayAuthorizeView, GatewayRoutesView
from apps.deployments.api.runtime_figures import GatewayFiguresView, ReplicaFiguresView
from apps.deployments.api.runtime_trouble import ReplicaTroubleView
from apps.deployments.api.views import EndpointViewSet, RevisionViewSet

router = SimpleRouter(trailing_slash=False)
router.register("endpoints", EndpointViewSet, basename="endpoint")
router.register("revisions", RevisionViewSet, basename="revision")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("runtime/gateway/routes", GatewayRoutesView.as_view(), name="runtime-gateway-routes"),
    path("runtime/gateway/authorize", GatewayAuthorizeView.as_view(), name="runtime-gateway-authorize"),
    path("runtime/gateway/figures", GatewayFiguresView.as_view(), name="runtime-gateway-figures"),
    path("runtime/attempts/self/figures", ReplicaFiguresView.as_view(), name="runtime-attempt-figures"),
    path("runtime/attempts/self/trouble", ReplicaTroubleView.as_view(), name="runtime-attempt-trouble"),
]
