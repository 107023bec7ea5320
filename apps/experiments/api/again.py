"""Submitting again: `…/as-request`, `…/retry` and `…/tags` of a run; `GET /run-kinds`, what forms are built from."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.access.models import User
from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import once
from apps.common.audit import Actor
from apps.common.errors import NotFound
from apps.datasets.models import DatasetVersion
from apps.experiments.api import examples
from apps.experiments.api import serializers as shapes
from apps.experiments.api.examples import asked_as, shown_as
from apps.experiments.api.run_forms import request_form, run_kinds
from apps.experiments.api.run_shapes import ParametersField, RetriesField
from apps.experiments.api.submit_shapes import TagsField
from apps.experiments.models import Run
from apps.experiments.selectors.provenance import versions_read
from apps.experiments.services.again import NAME_CHARACTERS_MOST, run_request, run_retry, run_tags_set
from apps.experiments.states import RunKind
from apps.quotas.services.priorities import priority_class_role


class RequestInputSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    dataset_version = serializers.UUIDField()


@shown_as(
    {
        "experiment": examples.EXPERIMENT_ID,
        "name": "risk-2",
        "bundle": None,
        "command": [],
        "image": "",
        "requirements": "",
        "environment": {},
        "seed": None,
        "inputs": [],
        "retries": {},
        "kind": "tabular_classifier",
        "script": "",
        "dataset_version": examples.VERSION_ID,
        "parameters": {"epochs": 15, "learning_rate": 0.001},
        "resources": examples.RESOURCES,
        "secrets": [],
        "time_limit_seconds": 600,
        "count_min": 1,
        "count_max": 1,
        "priority_class": "high",
        "tags": ["baseline"],
        "pool": "main",
    }
)
class RunRequestSerializer(serializers.Serializer[Any]):
    """The body of `POST /runs` that asks for the same again."""

    experiment = serializers.UUIDField()
    name = serializers.CharField(help_text="One that is free")
    kind = serializers.ChoiceField(RunKind.choices)
    script = serializers.CharField(allow_blank=True)
    bundle = serializers.UUIDField(allow_null=True)
    command = serializers.ListField(child=serializers.CharField())
    image = serializers.CharField(allow_blank=True)
    requirements = serializers.CharField(allow_blank=True)
    environment = serializers.DictField(child=serializers.CharField(allow_blank=True))
    seed = serializers.IntegerField(allow_null=True)
    dataset_version = serializers.UUIDField(allow_null=True)
    inputs = RequestInputSerializer(many=True)
    retries = RetriesField()
    parameters = ParametersField()
    resources = shapes.ResourcesSerializer()
    secrets = serializers.ListField(child=serializers.CharField())
    time_limit_seconds = serializers.IntegerField()
    count_min = serializers.IntegerField()
    count_max = serializers.IntegerField()
    priority_class = serializers.CharField(allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    pool = serializers.CharField(allow_null=True, help_text="Where it ran; null: where the project's work runs")


@asked_as({"name": "risk-1 again"})
class RetrySerializer(serializers.Serializer[Any]):
    name = serializers.CharField(
        max_length=NAME_CHARACTERS_MOST, required=False, default="", allow_blank=True, help_text="A free one by default"
    )


@asked_as({"tags": ["baseline", "gold"]})
class TagsSerializer(serializers.Serializer[Any]):
    tags = TagsField()


def versions_seen_check(user: User, run: Run) -> None:
    """Raise NotFound where the caller does not see all that a run reads. Two queries."""
    read = {version.pk for _, version, _ in versions_read(run)}
    if DatasetVersion.objects.visible_to(user).filter(pk__in=read).count() < len(read):
        raise NotFound("dataset_version: not found")


class AgainMixin:
    """For the viewset of runs."""

    @extend_schema(summary="The request of a run", responses=RunRequestSerializer)
    @action(detail=True, methods=["get"], url_path="as-request", filter_backends=(), pagination_class=None)
    def as_request(self: Any, request: Request, pk: str) -> Response:
        """To be edited and sent as a new run."""
        return Response(RunRequestSerializer(run_request(self.get_object())).data)

    @extend_schema(summary="Run the same again", request=RetrySerializer, responses={201: shapes.RunSerializer})
    @action(detail=True, methods=["post"])
    def retry(self: Any, request: Request, pk: str) -> Response:
        """A new run with the request of one that has ended; the answer says what it takes. 409 while it is active."""
        run: Run = self.get_object()
        user = caller(request)
        require(user, run.project, priority_class_role(run.priority_class))
        asked = RetrySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        versions_seen_check(user, run)
        name = asked.validated_data["name"]

        def retried() -> tuple[Any, int]:
            made = run_retry(run=run, name=name, actor=Actor.user(user), requested_by=user)
            return self.represent(made), status.HTTP_201_CREATED

        return once(request, {"run": str(run.pk), "name": name}, retried)

    @extend_schema(summary="Tag a run", request=TagsSerializer, responses=shapes.RunSerializer)
    @action(detail=True, methods=["put"])
    def tags(self: Any, request: Request, pk: str) -> Response:
        """In the place of the tags that it has."""
        run: Run = self.get_object()
        require(request.user, run.project, Role.EDITOR)
        asked = TagsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        run_tags_set(run=run, tags=asked.validated_data["tags"], actor=Actor.user(request.user))
        return Response(self.represent(run))


class WordsSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    description = serializers.CharField()


class RunKindFormSerializer(serializers.Serializer[Any]):
    """One kind of run, with words for people and the schema of its parameters."""

    def get_fields(self) -> dict[str, Any]:
        return {
            "kind": serializers.ChoiceField(RunKind.choices),
            "title": serializers.CharField(),
            "description": serializers.CharField(),
            "x-zh-hans": WordsSerializer(),
            "takes_script": serializers.BooleanField(),
            "takes": serializers.ListField(
                child=serializers.ChoiceField(["script", "bundle", "command", "requirements", "image"]),
                help_text="Fields of the request that say what it executes",
            ),
            "needs_data": serializers.BooleanField(help_text="It cannot do without a dataset version"),
            "parameters": serializers.DictField(help_text="JSON Schema 2020-12 of `parameters`"),
        }


class RunFormsSerializer(serializers.Serializer[Any]):
    kinds = RunKindFormSerializer(many=True)
    request = serializers.DictField(help_text="JSON Schema 2020-12 of what every run asks for")


class RunKindsView(APIView):
    """What a form for a run is built from."""

    @extend_schema(summary="Kinds of runs and their parameters", responses=RunFormsSerializer)
    def get(self, request: Request) -> Response:
        """JSON Schemas with words in English, and in Simplified Chinese under `x-zh-hans`."""
        return Response({"kinds": run_kinds(), "request": request_form()})
