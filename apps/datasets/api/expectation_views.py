"""Expectations, validation runs and what waits for versions, over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet, ReadViewSet, once
from apps.common.audit import Actor
from apps.common.stories import StoryMixin
from apps.datasets.api import expectation_serializers as shapes
from apps.datasets.api.examples import DATASET_ID
from apps.datasets.api.expectation_examples import BETWEEN, WANTED
from apps.datasets.api.expectation_shapes import ExpectationFormsShape
from apps.datasets.api.filters import ValidationRunFilter
from apps.datasets.models import Dataset, Expectation, ValidationRun
from apps.datasets.recipes.expectation_forms import expectation_forms
from apps.datasets.selectors.quality_shown import expectations_shown, quality_holds_shown, validation_runs_shown
from apps.datasets.services.expectations import expectation_change, expectations_create
from apps.datasets.services.validation_runs import validation_run_cancel


@extend_schema_view(
    list=extend_schema(summary="List expectations"),
    retrieve=extend_schema(summary="One expectation"),
    create=extend_schema(
        summary="Expect something of a dataset's versions",
        request=shapes.ExpectationCreateSerializer,
        responses={201: shapes.ExpectationSerializer},
        examples=[OpenApiExample("Adults only", {"dataset": DATASET_ID, **WANTED}, request_only=True)],
    ),
)
class ExpectationViewSet(CreateViewSet):
    """What versions of a dataset have to fulfil. Nothing is deleted: one that is not active does not count."""

    queryset = expectations_shown()
    serializer_class = shapes.ExpectationSerializer
    create_serializer_class = shapes.ExpectationCreateSerializer
    filterset_fields = ("project", "dataset", "kind", "severity", "is_active")
    ordering_fields = ("created_at", "changed_at", "kind")

    def perform_service(self, data: dict[str, Any]) -> Expectation:
        """400 with the places where the parameters are wrong; of an expression, with the position."""
        return self._create(data.pop("dataset"), [data])[0]

    def _create(self, dataset: Dataset, wanted: list[dict[str, Any]]) -> list[Expectation]:
        user = caller(self.request)
        require(user, dataset.project, Role.EDITOR)
        return expectations_create(dataset=dataset, wanted=wanted, created_by=user, actor=Actor.user(user))

    @extend_schema(
        summary="Expect several things at once",
        request=shapes.ExpectationsCreateSerializer,
        responses={201: shapes.ExpectationSerializer(many=True)},
        examples=[OpenApiExample("Two", {"dataset": DATASET_ID, "expectations": [WANTED, WANTED]}, request_only=True)],
    )
    @action(detail=False, methods=["post"], filter_backends=(), pagination_class=None)
    def bulk(self, request: Request) -> Response:
        """All or none: 400 names the places, `expectations[2].parameters.column`."""
        asked = shapes.ExpectationsCreateSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        data = dict(asked.validated_data)

        def produce() -> tuple[Any, int]:
            made = self._create(data["dataset"], [dict(one) for one in data["expectations"]])
            rows = self.get_queryset().filter(pk__in=[one.pk for one in made]).order_by("id")
            return shapes.ExpectationSerializer(rows, many=True).data, status.HTTP_201_CREATED

        return once(request, data, produce)

    @extend_schema(
        summary="Change an expectation, or put it out of use",
        request=shapes.ExpectationChangeSerializer,
        responses=shapes.ExpectationSerializer,
        examples=[OpenApiExample("Wider", {"parameters": {**BETWEEN, "minimum": 16}}, request_only=True)],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """The audit trail keeps what was before. Versions that wait are not judged anew until they are validated. 403
        (`approval_required`): it keeps a version back, and who is no administrator of the project would loosen it."""
        expectation: Expectation = self.get_object()
        user = caller(request)
        require(user, expectation.project, Role.EDITOR)
        asked = shapes.ExpectationChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        expectation_change(expectation, changes=asked.validated_data, changed_by=user, actor=Actor.user(user))
        return Response(self.represent(expectation))


@extend_schema_view(
    list=extend_schema(summary="List validation runs, without their results", responses=shapes.ValidationRunSerializer),
    retrieve=extend_schema(summary="One validation run"),
)
class ValidationRunViewSet(StoryMixin, ReadViewSet):
    """Evaluations of expectations over versions. `POST /dataset-versions/{id}/validate` asks for one."""

    queryset = validation_runs_shown()
    serializer_class = shapes.ValidationRunDetailSerializer
    filterset_class = ValidationRunFilter
    tells_faults = True
    ordering_fields = ("created_at", "state_at")

    def get_queryset(self) -> Any:
        found = super().get_queryset()
        return found.defer("results") if self.action == "list" else found

    def get_serializer_class(self) -> Any:
        return shapes.ValidationRunSerializer if self.action == "list" else super().get_serializer_class()

    @extend_schema(summary="Cancel", request=None, responses=shapes.ValidationRunDetailSerializer)
    @action(detail=True, methods=["post"], filter_backends=())
    def cancel(self, request: Request, pk: str) -> Response:
        """Ask for its end. The version stays as it is; 409 when it has ended already."""
        run: ValidationRun = self.get_object()
        require(request.user, run.project, Role.EDITOR)
        validation_run_cancel(run, actor=Actor.user(request.user))
        return Response(self.represent(run))


@extend_schema_view(
    list=extend_schema(summary="List what waits, or waited, for versions"),
    retrieve=extend_schema(summary="What waits for a version"),
)
class QualityHoldViewSet(ReadViewSet):
    """Workloads that are held back until a version is published."""

    queryset = quality_holds_shown()
    serializer_class = shapes.QualityHoldSerializer
    filterset_fields = ("project", "workload", "version")


class ExpectationKindsView(APIView):
    """Kinds of expectations."""

    @extend_schema(
        summary="The kinds of expectations, with a schema of their parameters each",
        responses=ExpectationFormsShape,
        examples=[OpenApiExample("The first", {"kinds": expectation_forms()[:1]}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """For forms: title and description in English, beside them in Simplified Chinese."""
        return Response({"kinds": expectation_forms()})
