"""Why something waits and until when; what would be if a pool were shared otherwise."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require_superuser
from apps.common.api import ReadViewSet
from apps.quotas.api import what_if_serializers as s
from apps.quotas.api.foresight_serializers import WhySerializer
from apps.quotas.models import WhatIf
from apps.quotas.services.explanations import explanation_of
from apps.quotas.services.what_if_answers import reclaims_as_json
from apps.quotas.services.what_ifs import reclaims_of, what_if_ask


class WorkloadWhy:
    """For the viewset of workloads."""

    @extend_schema(summary="Why a workload waits, and until when", responses=WhySerializer)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def why(self, request: Request, pk: str) -> Response:
        """The limit that is in its way and who borrows, what is free, when it is expected to start, and how far
        such estimates have been off."""
        view: Any = self
        return Response(WhySerializer(explanation_of(view.get_object())).data)


class PoolForesight:
    """For the viewset of pools."""

    @extend_schema(
        summary="Ask what would be if a pool were shared otherwise",
        request=s.WhatIfAskSerializer,
        responses={202: s.WhatIfSerializer},
    )
    @action(detail=True, methods=["post"], url_path="what-if", pagination_class=None, filter_backends=[])
    def what_if(self, request: Request, pk: str) -> Response:
        """The answer is worked out in the background within seconds: read it at `/what-ifs/{id}`; it is kept for a
        day. Administrators of the installation only, since it tells of everybody's work."""
        view: Any = self
        pool = view.get_object()
        require_superuser(request.user)
        asked = s.WhatIfAskSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = what_if_ask(pool=pool, requested_by=caller(request), **_plain(asked.validated_data))
        return Response(s.WhatIfSerializer(made).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        summary="What changes of a pool would take back", request=s.ChangesSerializer, responses=s.ReclaimsSerializer
    )
    @action(detail=True, methods=["post"], pagination_class=None, filter_backends=[])
    def reclaims(self, request: Request, pk: str) -> Response:
        """What runs and would have to go, at once or once somebody wants what would be theirs. Changes nothing."""
        view: Any = self
        pool = view.get_object()
        require_superuser(request.user)
        asked = s.ChangesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found = reclaims_of(pool, _plain(asked.validated_data)["changes"])
        return Response(s.ReclaimsSerializer({"reclaims": reclaims_as_json(found)}).data)


@extend_schema_view(
    list=extend_schema(summary="List what-ifs"),
    retrieve=extend_schema(summary="One what-if, with its answer once it is there"),
)
class WhatIfViewSet(ReadViewSet):
    """Questions about pools and their answers, for administrators of the installation."""

    queryset = WhatIf.objects.select_related("requested_by").defer("trace")
    serializer_class = s.WhatIfSerializer
    filterset_fields = ["pool", "state", "requested_by"]


def _plain(asked: Any) -> dict[str, Any]:
    return {**asked, "changes": [dict(change) for change in asked["changes"]]}
