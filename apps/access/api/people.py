"""People, roles, and what people did."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from apps.access.api.filters import AuditFilter
from apps.access.api.serializers import AuditEventSerializer, RolesSerializer, UserSerializer, verbs_of
from apps.access.models import User
from apps.access.permissions import PERMISSIONS, VERBS
from apps.access.selectors import administers_any, audit_visible_to, users_addable, with_project_name
from apps.access.states import Role
from apps.common.errors import Forbidden
from apps.common.models import AuditEvent
from apps.common.pages import SEARCHED, OrderingFilter, RowFilterBackend


@extend_schema_view(list=extend_schema(summary="People who can be given a role"))
class UserViewSet(mixins.ListModelMixin, GenericViewSet[User]):
    """The active people of your organisation, for those who may give roles in some project."""

    queryset = User.objects.all()
    serializer_class = UserSerializer
    filter_backends = SEARCHED
    filterset_fields = ("organisation", "username")
    search_fields = ("username", "first_name", "last_name")
    ordering_fields = ("username", "created_at")
    ordering = ("username",)

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return User.objects.none()
        if not administers_any(self.request.user):
            raise Forbidden("Only who administers a project may look people up.")
        return users_addable(self.request.user)


class RolesView(APIView):
    """What each role allows."""

    @extend_schema(summary="Roles and what they allow", tags=["roles"], responses={200: RolesSerializer})
    def get(self, request: Request) -> Response:
        """The same for everybody, the weakest role first."""
        whole = PERMISSIONS[Role.ADMIN]
        rows = [{"role": role, "permissions": PERMISSIONS.get(role, whole), "verbs": verbs_of(role)} for role in VERBS]
        return Response(RolesSerializer({"next": None, "previous": None, "results": rows}).data)


@extend_schema_view(
    list=extend_schema(summary="List what was done"), retrieve=extend_schema(summary="One thing that was done")
)
class AuditEventViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[AuditEvent]):
    """What people and policies did in the projects that you administer, and what you did yourself."""

    queryset = AuditEvent.objects.all()
    serializer_class = AuditEventSerializer
    filter_backends = (RowFilterBackend, OrderingFilter)
    filterset_class = AuditFilter
    ordering_fields = ("at",)

    def get_queryset(self) -> Any:
        return with_project_name(audit_visible_to(self.request.user))
