"""Kubernetes clusters: read by all who see their pools, kept by administrators of the installation."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import require_superuser
from apps.access.states import TokenScope
from apps.common.api import ReadViewSet, once
from apps.common.audit import Actor
from apps.common.pages import SEARCHED
from apps.quotas.api import cluster_serializers as s
from apps.quotas.models import Cluster
from apps.quotas.services.clusters import cluster_change, cluster_check_request, cluster_create, cluster_delete


@extend_schema_view(list=extend_schema(summary="List clusters"), retrieve=extend_schema(summary="One cluster"))
class ClusterViewSet(ReadViewSet):
    """Kubernetes clusters on which jobs run. No answer holds a credential."""

    queryset = Cluster.objects.select_related("pool").defer("nonce", "ciphertext")
    serializer_class = s.ClusterSerializer
    filter_backends: Any = SEARCHED
    filterset_fields = ["name", "kind", "healthy"]
    search_fields = ["name"]
    write_scope = TokenScope.ADMIN

    @extend_schema(summary="Add a cluster", request=s.ClusterCreateSerializer, responses={201: s.ClusterSerializer})
    def create(self, request: Request) -> Response:
        """With a pool of its name. Whether it answers and allows what is needed is checked at once, beside this."""
        require_superuser(request.user)
        wanted = self._validated(s.ClusterCreateSerializer, request)

        def make() -> tuple[Any, int]:
            made = cluster_create(**wanted, actor=Actor.user(request.user))
            return self.represent(made), status.HTTP_201_CREATED

        return once(request, wanted, make)

    @extend_schema(summary="Change a cluster", request=s.ClusterChangeSerializer, responses=s.ClusterSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Jobs that run go on. Other credentials replace those before; it is checked anew."""
        cluster = self.get_object()
        require_superuser(request.user)
        wanted = self._validated(s.ClusterChangeSerializer, request)
        return Response(self.represent(cluster_change(cluster=cluster, **wanted, actor=Actor.user(request.user))))

    @extend_schema(summary="Remove a cluster", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Refused while anything in its pool runs or waits. The pool keeps its past."""
        cluster = self.get_object()
        require_superuser(request.user)
        cluster_delete(cluster=cluster, actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Check a cluster", request=None, responses={202: s.ClusterSerializer})
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> Response:
        """Ask it now whether it is well and allows what is needed. What it says is there some seconds later."""
        cluster = self.get_object()
        require_superuser(request.user)
        cluster_check_request(cluster)
        return Response(self.represent(cluster), status=status.HTTP_202_ACCEPTED)

    def _validated(self, serializer: Any, request: Request) -> dict[str, Any]:
        taken = serializer(data=request.data, context=self.get_serializer_context())
        taken.is_valid(raise_exception=True)
        return dict(taken.validated_data)
