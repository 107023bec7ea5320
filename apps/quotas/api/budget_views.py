"""Budgets, rates and reports over REST. Set by administrators of the installation, read by who sees the projects."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.conf import settings
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.access.permissions import require_superuser
from apps.common import clock
from apps.common.api import CreateViewSet
from apps.common.audit import Actor
from apps.quotas.api import budget_serializers as s
from apps.quotas.api.usage_csv import usage_csv
from apps.quotas.models import Budget, Rate
from apps.quotas.selectors.budgets import Active, budget_burn_down, budgets_active
from apps.quotas.selectors.usage_report import Asked, usage_report
from apps.quotas.services.budgets import budget_change, budget_create, budget_remove, rate_add
from apps.quotas.states import BudgetUnit


@extend_schema_view(
    list=extend_schema(summary="List budgets"),
    retrieve=extend_schema(summary="One budget"),
    create=extend_schema(summary="Set a budget", responses={201: s.BudgetSerializer}),
)
class BudgetViewSet(CreateViewSet):
    """How much may be spent, and how far it is."""

    queryset = Budget.objects.select_related("organisation", "team", "project")
    serializer_class = s.BudgetSerializer
    create_serializer_class = s.BudgetCreateSerializer
    filterset_fields = ["organisation", "team", "project", "unit", "period", "name"]
    ordering_fields = ["created_at", "name"]

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "standings": _Standings()}

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """All rows of a page are looked at together."""
        made = super().get_serializer(*args, **kwargs)
        rows = made.instance if kwargs.get("many") else [made.instance] if made.instance is not None else []
        made.context["standings"].look_at(rows)
        return made

    def perform_service(self, data: dict[str, Any]) -> Budget:
        require_superuser(self.request.user)
        return budget_create(**data, actor=Actor.user(self.request.user))

    @extend_schema(summary="Change a budget", request=s.BudgetChangeSerializer, responses=s.BudgetSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """What runs is left alone; what waits for it is looked at again. Repeating it changes nothing."""
        budget = self.get_object()
        require_superuser(request.user)
        serializer = s.BudgetChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changed = budget_change(budget=budget, **serializer.validated_data, actor=Actor.user(request.user))
        return Response(self.represent(changed))

    @extend_schema(summary="Remove a budget", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """What it counted stays in the ledger, and what it held back is let in."""
        budget = self.get_object()
        require_superuser(request.user)
        budget_remove(budget=budget, actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="How a budget burns down", parameters=[s.BurnDownQuerySerializer], responses=s.BurnDownSerializer
    )
    @action(detail=True, url_path="burn-down", pagination_class=None, filter_backends=[])
    def burn_down(self, request: Request, pk: str) -> Response:
        """By day of UTC: what was spent, what is reserved, and where it leads; of one period, by default the last."""
        budget = self.get_object()
        query = s.BurnDownQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = budget_burn_down(budget, clock.db_now(), query.validated_data.get("on"))
        told = {
            "budget": budget.pk,
            "unit": budget.unit,
            "currency": settings.BEDPLATE_CURRENCY if budget.unit == BudgetUnit.MONEY else None,
            "amount": budget.amount,
            "period_begins": found.period.begins,
            "period_ends": found.period.ends,
            "at": found.at,
            "daily": found.burnt.daily,
            "exhausted_on": found.burnt.exhausted_on,
            "days": found.burnt.days,
        }
        return Response(s.BurnDownSerializer(told).data)


class _Standings:
    """How far the budgets of an answer are, read for all of them at once."""

    def __init__(self) -> None:
        self._found: dict[Any, Active] = {}

    def look_at(self, rows: Any) -> None:
        known = [row for row in rows or () if isinstance(row, Budget)]
        if known:
            self._found |= {one.row.pk: one for one in budgets_active(known, clock.db_now())}

    def __call__(self, budget: Budget) -> Active | None:
        return self._found.get(budget.pk)


@extend_schema_view(
    list=extend_schema(summary="List rates"),
    retrieve=extend_schema(summary="One rate"),
    create=extend_schema(summary="Add a rate", responses={201: s.RateSerializer}),
)
class RateViewSet(CreateViewSet):
    """What an hour costs, and from when. Rates are only added: what was used keeps its price."""

    queryset = Rate.objects.select_related("pool")
    serializer_class = s.RateSerializer
    create_serializer_class = s.RateCreateSerializer
    filterset_fields = ["pool", "resource", "flavor"]
    ordering_fields = ["created_at", "valid_from"]

    def perform_service(self, data: dict[str, Any]) -> Rate:
        require_superuser(self.request.user)
        return rate_add(**data, actor=Actor.user(self.request.user))


class UsageReportView(APIView):
    """What was requested, used and paid."""

    @extend_schema(
        summary="What was requested, used and paid",
        parameters=[s.ReportPageQuerySerializer],
        responses=s.UsageReportSerializer,
    )
    def get(self, request: Request) -> Response:
        """By any of project, user, kind of GPU, pool and day of UTC: of the projects that you see."""
        query = s.ReportPageQuerySerializer(data=request.query_params, context={"request": request})
        query.is_valid(raise_exception=True)
        wanted = dict(query.validated_data)
        limit = wanted.pop("limit")
        asked = Asked(**wanted)
        rows = list(islice(usage_report(request.user, asked), limit + 1))
        told = {"since": asked.since, "until": asked.until, "zone": "UTC", "by": asked.by, "rows": rows[:limit]}
        told |= {"currency": settings.BEDPLATE_CURRENCY, "is_complete": len(rows) <= limit}
        return Response(s.UsageReportSerializer(told).data)


class UsageReportFileView(APIView):
    """The same as a file."""

    @extend_schema(
        summary="What was requested, used and paid, as CSV",
        parameters=[s.ReportQuerySerializer],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Every row, with a header. Names that a spreadsheet would take for a formula begin with an apostrophe."""
        query = s.ReportQuerySerializer(data=request.query_params, context={"request": request})
        query.is_valid(raise_exception=True)
        return usage_csv(request, Asked(**query.validated_data))
