"""The model registry over REST."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet
from apps.common.audit import Actor
from apps.common.pages import SEARCHED
from apps.common.stories import StoryMixin
from apps.experiments.api import registry_shapes as shapes
from apps.experiments.api.signatures import SignatureMixin
from apps.experiments.api.version_files import VersionFilesMixin
from apps.experiments.models import ModelAlias, ModelVersion, RegisteredModel
from apps.experiments.selectors.registry import with_latest, with_names
from apps.experiments.services.registering import model_version_create
from apps.experiments.services.registry import (
    model_alias_delete,
    model_alias_set,
    model_change,
    model_create,
    model_delete,
    model_version_archive,
)
from apps.experiments.services.verifying import model_version_verify_soon


@extend_schema_view(
    list=extend_schema(summary="List registered models"),
    retrieve=extend_schema(summary="One registered model"),
    create=extend_schema(
        summary="Register a model's name",
        request=shapes.RegisteredModelCreateSerializer,
        responses={201: shapes.RegisteredModelSerializer},
    ),
)
class RegisteredModelViewSet(CreateViewSet):
    """Names under which versions of models are kept."""

    queryset = RegisteredModel.objects.filter(deleted_at=None)
    serializer_class = shapes.RegisteredModelSerializer
    create_serializer_class = shapes.RegisteredModelCreateSerializer
    filterset_fields = ("project", "name")
    filter_backends = SEARCHED
    search_fields = ("name",)
    ordering_fields: ClassVar = ("created_at", "name")

    def get_queryset(self) -> Any:
        return with_latest(super().get_queryset())

    def perform_service(self, data: dict[str, Any]) -> RegisteredModel:
        user = caller(self.request)
        require(user, data["project"], Role.EDITOR)
        return model_create(**data, actor=Actor.user(user))

    @extend_schema(
        summary="Rename or describe a registered model",
        request=shapes.RegisteredModelChangeSerializer,
        responses=shapes.RegisteredModelSerializer,
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What is not named stays."""
        model: RegisteredModel = self.get_object()
        require(request.user, model.project, Role.EDITOR)
        asked = shapes.RegisteredModelChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(
            self.represent(model_change(model=model, actor=Actor.user(request.user), **asked.validated_data))
        )

    @extend_schema(summary="Delete a registered model", responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """With its versions and their aliases; its name is free then. What serves them goes on."""
        model: RegisteredModel = self.get_object()
        require(request.user, model.project, Role.ADMIN)
        model_delete(model=model, actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(
    list=extend_schema(summary="List model versions"),
    retrieve=extend_schema(summary="One model version"),
)
class ModelVersionViewSet(VersionFilesMixin, SignatureMixin, StoryMixin, CreateViewSet):
    """What runs made, fixed and numbered."""

    queryset = ModelVersion.objects.filter(deleted_at=None)
    serializer_class = shapes.ModelVersionSerializer
    create_serializer_class = shapes.ModelVersionCreateSerializer
    filterset_fields = ("project", "model", "number", "run", "state", "digest")
    ordering_fields: ClassVar = ("created_at", "number")

    def get_queryset(self) -> Any:
        return with_names(super().get_queryset())

    def perform_service(self, data: dict[str, Any]) -> ModelVersion:
        user = caller(self.request)
        require(user, data["model"].project, Role.EDITOR)
        return model_version_create(**data, registered_by=user, actor=Actor.user(user))

    @extend_schema(
        summary="Register what a run made",
        request=shapes.ModelVersionCreateSerializer,
        responses={201: shapes.ModelVersionSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The next version of a model, from a succeeded run with an artifact of kind `model`.

        Its files are read and compared with what the run announced: the answer is `ready`, or `archived` with the
        reason `file_damaged`.
        """
        made = super().create(request, *args, **kwargs)
        # After the commit, because reading files has no place in a transaction; the tick does it where this is lost.
        version = model_version_verify_soon(ModelVersion.objects.get(pk=made.data["id"]))
        replayed = {name: value for name, value in made.headers.items() if name == "Idempotency-Replayed"}
        return Response(self.represent(version), status=status.HTTP_201_CREATED, headers=replayed)

    @extend_schema(summary="Take a version out of use", request=None, responses=shapes.ModelVersionSerializer)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: str) -> Response:
        """Nothing new can be deployed from it; what it holds stays. 409 while an alias points at it."""
        version: ModelVersion = self.get_object()
        require(request.user, version.project, Role.EDITOR)
        return Response(self.represent(model_version_archive(version=version, actor=Actor.user(request.user))))


@extend_schema_view(
    list=extend_schema(summary="List model aliases"),
    retrieve=extend_schema(summary="One model alias"),
    create=extend_schema(
        summary="Let a name point at a version",
        description="A name that points at another version of the model moves.",
        request=shapes.ModelAliasSetSerializer,
        responses={201: shapes.ModelAliasSerializer},
    ),
)
class ModelAliasViewSet(CreateViewSet):
    """Names that point at versions."""

    queryset = ModelAlias.objects.all()
    serializer_class = shapes.ModelAliasSerializer
    create_serializer_class = shapes.ModelAliasSetSerializer
    filterset_fields = ("project", "model", "name", "version")
    ordering_fields: ClassVar = ("created_at", "name")

    def perform_service(self, data: dict[str, Any]) -> ModelAlias:
        user = caller(self.request)
        require(user, data["model"].project, Role.EDITOR)
        return model_alias_set(**data, actor=Actor.user(user))

    @extend_schema(summary="Remove an alias", responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The name goes, the version stays."""
        alias: ModelAlias = self.get_object()
        require(request.user, alias.project, Role.EDITOR)
        model_alias_delete(alias=alias, actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)
