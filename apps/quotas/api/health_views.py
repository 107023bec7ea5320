"""Machines, what is wrong with them, and what is done about idle GPUs: reads for all, writes for superusers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from django.db.models import Prefetch
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import require_superuser
from apps.common.api import ReadViewSet
from apps.common.audit import Actor
from apps.quotas.api import health_serializers as s
from apps.quotas.models import IdlePolicy, Node, NodeIncident
from apps.quotas.services.idle_policies import idle_policy_remove, idle_policy_set
from apps.quotas.services.nodes import node_drain, node_undrain

OPEN = NodeIncident.objects.filter(closed_at=None).select_related("node").order_by("opened_at", "pk")


@extend_schema_view(list=extend_schema(summary="List machines"), retrieve=extend_schema(summary="One machine"))
class NodeViewSet(ReadViewSet):
    """Machines, what they offer, and what is wrong with them."""

    queryset = Node.objects.prefetch_related(Prefetch("incidents", OPEN, to_attr="incidents_open"))
    serializer_class = s.NodeSerializer
    filterset_fields = ["pool", "name", "ready"]

    @extend_schema(summary="Drain a machine", request=s.NodeDrainSerializer, responses=s.NodeSerializer)
    @action(detail=True, methods=["post"])
    def drain(self, request: Request, pk: str) -> Response:
        """Give it, or some of its GPUs, no new work; what runs there writes its checkpoint and waits again."""
        return self._do(request, node_drain)

    @extend_schema(summary="Let a machine work again", request=s.NodeDrainSerializer, responses=s.NodeSerializer)
    @action(detail=True, methods=["post"])
    def undrain(self, request: Request, pk: str) -> Response:
        """Close what is open on it, or on these GPUs: what they had reported until now is dealt with."""
        return self._do(request, node_undrain)

    def _do(self, request: Request, service: Callable[..., object]) -> Response:
        node = self.get_object()
        require_superuser(request.user)
        serializer = s.NodeDrainSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        reason: str = serializer.validated_data["reason"]
        devices: Collection[int] = serializer.validated_data["devices"]
        service(node, reason=reason, devices=devices, actor=Actor.user(request.user))
        return Response(self.represent(node))


@extend_schema_view(
    list=extend_schema(summary="List incidents of machines", parameters=[s.IncidentQuerySerializer]),
    retrieve=extend_schema(summary="One incident of a machine"),
)
class NodeIncidentViewSet(ReadViewSet):
    """Why machines, or GPUs of them, are or were given no new work."""

    queryset = NodeIncident.objects.select_related("node")
    serializer_class = s.NodeIncidentSerializer
    filterset_fields = ["node", "node__pool", "kind"]
    ordering_fields = ["created_at", "opened_at", "closed_at"]

    def filter_queryset(self, queryset: Any) -> Any:
        rows = super().filter_queryset(queryset)
        if self.action != "list":
            return rows
        query = s.IncidentQuerySerializer(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data["open"]
        return rows if wanted is None else rows.filter(closed_at__isnull=wanted)


@extend_schema_view(
    list=extend_schema(summary="List policies for idle GPUs"), retrieve=extend_schema(summary="One policy")
)
class IdlePolicyViewSet(ReadViewSet):
    """What is done about work whose GPUs do nothing. Where there is none, its owner is warned after half an hour."""

    queryset = IdlePolicy.objects.select_related("queue", "pool")
    serializer_class = s.IdlePolicySerializer
    filterset_fields = ["pool", "queue", "queue__project", "action"]

    @extend_schema(
        summary="Set a policy for idle GPUs", request=s.IdlePolicySetSerializer, responses=s.IdlePolicySerializer
    )
    def set(self, request: Request) -> Response:
        """Set the policy of a pool, or of one queue in it. Repeating it changes nothing."""
        require_superuser(request.user)
        serializer = s.IdlePolicySetSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        policy = idle_policy_set(**serializer.validated_data, actor=Actor.user(request.user))
        return Response(self.represent(policy))

    @extend_schema(summary="Remove a policy for idle GPUs", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """What is above holds again: the policy of the pool, or the defaults."""
        policy = self.get_object()
        require_superuser(request.user)
        idle_policy_remove(policy, actor=Actor.user(request.user))
        return Response(status=204)
