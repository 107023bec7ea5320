"""Saved views of the table of runs over REST."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.models import Project
from apps.access.permissions import caller, require
from apps.access.states import Role
from apps.common.api import CreateViewSet, VisibleRelatedField
from apps.common.audit import Actor
from apps.common.errors import Forbidden
from apps.experiments.api import examples
from apps.experiments.api.examples import asked_as, shown_as
from apps.experiments.models import SavedView
from apps.experiments.services.saved_views import view_change, view_delete, view_save

DOCUMENT = {"where": ["metrics.val_auc>0.8"], "columns": ["state", "params.lr"], "sort": "-metrics.val_auc"}


class ViewDocumentSerializer(serializers.Serializer[Any]):
    """What the table shows, as its address says it. What is not set is as usual."""

    search = serializers.CharField(required=False, max_length=200)
    state = serializers.ListField(child=serializers.CharField(max_length=20), required=False, max_length=20)
    where = serializers.ListField(child=serializers.CharField(max_length=500), required=False, max_length=50)
    filter = serializers.CharField(required=False, max_length=4000, help_text="Conditions as one text")
    columns = serializers.ListField(child=serializers.CharField(max_length=500), required=False, max_length=100)
    widths = serializers.ListField(
        child=serializers.RegexField(r"^\d{2,4}:.{1,500}$"), required=False, max_length=100, help_text="`180:params.lr`"
    )
    pinned = serializers.CharField(required=False, max_length=3, help_text="How many columns stay at the left")
    sort = serializers.CharField(required=False, max_length=300)
    experiment = serializers.CharField(required=False, max_length=36)
    deleted = serializers.CharField(required=False, max_length=1, help_text="`1`: the deleted ones")


@shown_as(
    {
        "id": "01936f2e-0000-7000-8000-000000000031",
        "project": examples.PROJECT_ID,
        "project_name": "credit-risk",
        "name": "best of the week",
        "owner": "01936f2e-0000-7000-8000-000000000007",
        "owner_name": "demo",
        "is_shared": True,
        "is_default": False,
        "is_mine": True,
        "document": DOCUMENT,
        "created_at": examples.AT,
    }
)
class SavedViewSerializer(serializers.ModelSerializer[SavedView]):
    project_name = serializers.CharField(source="project.name", read_only=True)
    owner_name = serializers.CharField(source="owner.username", read_only=True)
    document = ViewDocumentSerializer(read_only=True)
    is_default = serializers.SerializerMethodField(help_text="Shown to its owner where the table is opened plainly")
    is_mine = serializers.SerializerMethodField()

    class Meta:
        model = SavedView
        fields = (
            "id", "project", "project_name", "name", "owner", "owner_name", "is_shared", "is_default", "is_mine",
            "document", "created_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_is_mine(self, view: SavedView) -> bool:
        return bool(view.owner_id == self.context["request"].user.pk)

    def get_is_default(self, view: SavedView) -> bool:
        return view.is_default and self.get_is_mine(view)


class ViewFieldsSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    is_shared = serializers.BooleanField(default=False, help_text="Everybody in the project sees it")
    is_default = serializers.BooleanField(
        default=False, help_text="Yours in this project; the one before is so no more"
    )
    document = ViewDocumentSerializer()


@asked_as({"project": examples.PROJECT_ID, "name": "best of the week", "is_shared": True, "document": DOCUMENT})
class ViewCreateSerializer(ViewFieldsSerializer):
    project = VisibleRelatedField(Project)


@asked_as({"is_shared": False})
class ViewChangeSerializer(ViewFieldsSerializer):
    """What is named is changed."""

    name = serializers.CharField(max_length=120, required=False)
    is_shared = serializers.BooleanField(required=False, help_text="Everybody in the project sees it")
    is_default = serializers.BooleanField(required=False)
    document = ViewDocumentSerializer(required=False)


@extend_schema_view(
    list=extend_schema(summary="List saved views"),
    retrieve=extend_schema(summary="One saved view"),
    create=extend_schema(summary="Save a view", request=ViewCreateSerializer, responses={201: SavedViewSerializer}),
)
class SavedViewViewSet(CreateViewSet):
    """Columns, filters and order of the table of runs, under names: one's own, and those that others share."""

    queryset = SavedView.objects.all()
    serializer_class = SavedViewSerializer
    create_serializer_class = ViewCreateSerializer
    filterset_fields = ("project", "name", "is_shared")
    ordering_fields: ClassVar = ("created_at", "name")

    def get_queryset(self) -> Any:
        found = super().get_queryset().select_related("project", "owner")
        if getattr(self, "swagger_fake_view", False):
            return found
        return found.filter(Q(owner=self.request.user.pk) | Q(is_shared=True))

    def perform_service(self, data: dict[str, Any]) -> SavedView:
        user = caller(self.request)
        require(user, data["project"], Role.EDITOR if data["is_shared"] else Role.VIEWER)
        return view_save(**data, owner=user, actor=Actor.user(user))

    @extend_schema(summary="Change a saved view", request=ViewChangeSerializer, responses=SavedViewSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Its owner only."""
        view, user = self.get_object(), caller(request)
        if view.owner_id != user.pk:
            raise Forbidden("Only its owner changes a view. Save it under a name of your own.")
        asked = ViewChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        changes = asked.validated_data
        require(user, view.project, Role.EDITOR if changes.get("is_shared") else Role.VIEWER)
        return Response(self.represent(view_change(view=view, actor=Actor.user(user), changes=dict(changes))))

    @extend_schema(summary="Delete a saved view", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Its owner; one that is shared also an administrator of the project."""
        view, user = self.get_object(), caller(request)
        if view.owner_id != user.pk:
            require(user, view.project, Role.ADMIN)
        view_delete(view=view, actor=Actor.user(user))
        return Response(status=status.HTTP_204_NO_CONTENT)
