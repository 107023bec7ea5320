"""What a run was made of, and whether it can be run exactly again: `…/provenance`, `…/repeat` of a run."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.common.api import once
from apps.common.audit import Actor
from apps.experiments.api import serializers as shapes
from apps.experiments.api import submit_examples
from apps.experiments.api.again import RetrySerializer, versions_seen_check
from apps.experiments.api.examples import shown_as
from apps.experiments.api.run_page import RunEnvironmentSerializer
from apps.experiments.models import Run
from apps.experiments.selectors.provenance import provenance_shown
from apps.experiments.services.repeating import run_repeat
from apps.experiments.states import RunKind
from apps.quotas.services.priorities import priority_class_role


class ReadVersionSerializer(serializers.Serializer[Any]):
    """A dataset version that the job reads."""

    name = serializers.CharField(help_text="By which the job asks for it: `ctx.input(name)`")
    dataset_version = serializers.UUIDField()
    dataset_name = serializers.CharField()
    dataset_version_number = serializers.IntegerField()
    reference = serializers.CharField(allow_blank=True, help_text="By which words it was named; empty: by its id")
    digest = serializers.CharField(help_text="Of its content, when the run was submitted")


class DifferenceSerializer(serializers.Serializer[Any]):
    what = serializers.CharField(help_text="`python`, `driver`, `packages.numpy`, …")
    before = serializers.JSONField(allow_null=True, help_text="Of the run that is repeated; null: it was not there")
    after = serializers.JSONField(allow_null=True)


class ObstacleSerializer(serializers.Serializer[Any]):
    what = serializers.CharField(help_text="`inputs.data`, `bundle`, `image`, `secrets.<name>`, …")
    detail = serializers.CharField()


@shown_as(submit_examples.PROVENANCE)
class ProvenanceSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(RunKind.choices)
    script_sha256 = serializers.CharField(allow_blank=True)
    bundle = serializers.UUIDField(allow_null=True)
    bundle_sha256 = serializers.CharField(allow_blank=True, help_text="Of the names, modes and contents of its files")
    lock_sha256 = serializers.CharField(allow_blank=True, help_text="Of the packages of its environment")
    image_digest = serializers.CharField(
        allow_blank=True,
        help_text="Of the image it asked for: as it was named, else as its nodes said; empty: not known",
    )
    images_seen = serializers.ListField(
        child=serializers.CharField(),
        help_text="What nodes said that its members ran: `repository@digest`, or what no registry knows",
    )
    git_commit = serializers.CharField(
        allow_blank=True, help_text="Of its source, as the bundle was sent, else as its job said; empty: not known"
    )
    seed = serializers.IntegerField(allow_null=True)
    inputs = ReadVersionSerializer(many=True)
    environment = RunEnvironmentSerializer(allow_null=True, help_text="As the last attempt said; null: none has")
    repeats = serializers.UUIDField(allow_null=True, help_text="The run that this one is exactly the same as")
    repeats_name = serializers.CharField(allow_blank=True)
    differences = DifferenceSerializer(
        many=True, allow_null=True, help_text="Of its environment to that of the run it repeats; null: not known"
    )
    obstacles = ObstacleSerializer(many=True, help_text="Why it could not be run exactly again now; none: it can be")


class ProvenanceMixin:
    """For the viewset of runs."""

    @extend_schema(summary="What a run was made of", responses=ProvenanceSerializer)
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=None)
    def provenance(self: Any, request: Request, pk: str) -> Response:
        """Digests of its code and data, the environment that it reported, and what is in the way of a repetition."""
        return Response(ProvenanceSerializer(provenance_shown(self.get_object())).data)

    @extend_schema(summary="Run exactly the same again", request=RetrySerializer, responses={201: shapes.RunSerializer})
    @action(detail=True, methods=["post"])
    def repeat(self: Any, request: Request, pk: str) -> Response:
        """409 `cannot_repeat` where something is gone or is not the same: `fields` says what."""
        run: Run = self.get_object()
        user = caller(request)
        require(user, run.project, priority_class_role(run.priority_class))
        asked = RetrySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        versions_seen_check(user, run)
        name = asked.validated_data["name"]

        def repeated() -> tuple[Any, int]:
            made = run_repeat(run=run, name=name, actor=Actor.user(user), requested_by=user)
            return self.represent(made), status.HTTP_201_CREATED

        return once(request, {"run": str(run.pk), "name": name}, repeated)
