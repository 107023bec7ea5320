"""REST of the access app: authorise, validate, call one service, serialise."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.access.api.filters import ApprovalFilter
from apps.access.api.serializers import (
    ApprovalCreateSerializer,
    ApprovalSerializer,
    DecisionSerializer,
    MemberPutSerializer,
    MembersSerializer,
    NewTokenSerializer,
    OrganisationSerializer,
    ProjectCreateSerializer,
    ProjectSerializer,
    SecretSerializer,
    SecretSetSerializer,
    TeamCreateSerializer,
    TeamSerializer,
    TokenCreateSerializer,
    TokenSerializer,
)
from apps.access.models import ApiToken, ApprovalRequest, Organisation, Project, Secret, Team, User
from apps.access.permissions import caller, require, require_superuser
from apps.access.selectors import members_of, with_role
from apps.access.services.approvals import approval_approve, approval_deny, approval_request, approval_withdraw
from apps.access.services.deciding import with_bars
from apps.access.services.projects import project_create, team_create
from apps.access.services.roles import role_grant, role_revoke
from apps.access.services.secrets import secret_delete, secret_set
from apps.access.services.tokens import token_create, token_revoke
from apps.access.states import Role, TokenScope
from apps.common.api import CreateViewSet, ReadViewSet, is_uuid, once
from apps.common.audit import Actor
from apps.common.errors import NotFound
from apps.common.pages import SEARCHED


@extend_schema_view(
    list=extend_schema(summary="List organisations"), retrieve=extend_schema(summary="One organisation")
)
class OrganisationViewSet(ReadViewSet):
    """Your organisation."""

    queryset = Organisation.objects.all()
    serializer_class = OrganisationSerializer
    filterset_fields = ("name",)
    ordering_fields = ("created_at", "name")


@extend_schema_view(
    list=extend_schema(summary="List teams"),
    retrieve=extend_schema(summary="One team"),
    create=extend_schema(
        summary="Make a team (administrators of the installation)",
        request=TeamCreateSerializer,
        responses={201: TeamSerializer},
    ),
)
class TeamViewSet(CreateViewSet):
    """Teams of your organisation."""

    queryset = Team.objects.select_related("organisation")
    serializer_class = TeamSerializer
    create_serializer_class = TeamCreateSerializer
    filterset_fields = ("organisation", "name")
    ordering_fields = ("created_at", "name")
    write_scope = TokenScope.ADMIN

    def perform_service(self, data: dict[str, Any]) -> Team:
        require_superuser(self.request.user)
        return team_create(**data, actor=Actor.user(self.request.user))


@extend_schema_view(
    list=extend_schema(summary="List projects"),
    retrieve=extend_schema(summary="One project"),
    create=extend_schema(
        summary="Make a project; you become its admin",
        request=ProjectCreateSerializer,
        responses={201: ProjectSerializer},
        examples=[OpenApiExample("A project", {"name": "credit-risk", "title": "Credit risk"}, request_only=True)],
    ),
)
class ProjectViewSet(CreateViewSet):
    """Projects in which you have a role, and their members."""

    queryset = Project.objects.select_related("organisation", "team")
    filter_backends = SEARCHED
    search_fields = ("name", "title")
    serializer_class = ProjectSerializer
    create_serializer_class = ProjectCreateSerializer
    filterset_fields = ("organisation", "team", "name")
    ordering_fields = ("created_at", "name")
    action_scopes = {"members_put": TokenScope.ADMIN, "member_delete": TokenScope.ADMIN}

    def get_queryset(self) -> Any:
        return with_role(super().get_queryset(), self.request.user)

    def perform_service(self, data: dict[str, Any]) -> Project:
        user = caller(self.request)
        team = data.get("team")
        organisation = team.organisation if team else user.organisation
        return project_create(organisation=organisation, **data, owner=user, actor=Actor.user(user))

    @extend_schema(summary="Members of a project", responses={200: MembersSerializer})
    @action(detail=True, filter_backends=())
    def members(self, request: Request, pk: str) -> Response:
        """All on one page, by name."""
        return Response(_members(self.get_object()))

    @extend_schema(
        summary="Give a member a role",
        request=MemberPutSerializer,
        responses={200: MembersSerializer},
        examples=[OpenApiExample("An editor", {"user": "demo", "role": "editor"}, request_only=True)],
    )
    @members.mapping.put
    def members_put(self, request: Request, pk: str) -> Response:
        """Sets exactly this role; a second time changes nothing."""
        project = self.get_object()
        require(request.user, project, Role.ADMIN)
        wanted = MemberPutSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        user = _colleague(project, wanted.validated_data["user"])
        role_grant(project=project, user=user, role=wanted.validated_data["role"], actor=Actor.user(request.user))
        return Response(_members(project))

    @extend_schema(summary="Take a member's role away", responses={204: None})
    @action(detail=True, methods=["delete"], url_path=r"members/(?P<user>[^/]+)", filter_backends=())
    def member_delete(self, request: Request, pk: str, user: str) -> Response:
        """An admin removes anybody, and everybody may leave; one admin stays."""
        project = self.get_object()
        leaving = user in (str(request.user.pk), request.user.username)
        require(request.user, project, Role.VIEWER if leaving else Role.ADMIN)
        role_revoke(project=project, user=_colleague(project, user), actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(
    list=extend_schema(summary="List your tokens"),
    retrieve=extend_schema(summary="One of your tokens"),
    create=extend_schema(
        summary="Make a token; its text is shown this once",
        request=TokenCreateSerializer,
        responses={201: NewTokenSerializer},
        examples=[OpenApiExample("For a script", {"name": "nightly", "scopes": ["read", "write"]}, request_only=True)],
    ),
    destroy=extend_schema(summary="Revoke a token", responses={204: None}),
)
class TokenViewSet(CreateViewSet):
    """Your own API tokens."""

    queryset = ApiToken.objects.all()
    serializer_class = TokenSerializer
    create_serializer_class = TokenCreateSerializer
    filterset_fields = ("state", "name")
    write_scope = TokenScope.ADMIN

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)

        def produce() -> tuple[Any, int]:
            token, text = token_create(**wanted.validated_data, user=caller(request), actor=Actor.user(request.user))
            return {**self.represent(token), "token": text}, status.HTTP_201_CREATED

        return once(request, dict(wanted.validated_data), produce, shown_once=("token",))

    def destroy(self, request: Request, pk: str) -> Response:
        token_revoke(token=self.get_object(), actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(
    list=extend_schema(summary="List secrets, without their values"),
    retrieve=extend_schema(summary="One secret, without its value"),
    create=extend_schema(
        summary="Store a secret, in place of the one of that name",
        request=SecretSetSerializer,
        responses={201: SecretSerializer},
    ),
    destroy=extend_schema(summary="Delete a secret", responses={204: None}),
)
class SecretViewSet(CreateViewSet):
    """Secrets of a project: jobs find them as files, no answer ever holds a value."""

    queryset = Secret.objects.select_related("project").defer("nonce", "ciphertext")
    serializer_class = SecretSerializer
    create_serializer_class = SecretSetSerializer
    filterset_fields = ("project", "name")
    ordering_fields = ("created_at", "name")
    write_scope = TokenScope.ADMIN

    def perform_service(self, data: dict[str, Any]) -> Secret:
        require(self.request.user, data["project"], Role.ADMIN)
        return secret_set(**data | {"value": data["value"].encode()}, actor=Actor.user(self.request.user))

    def destroy(self, request: Request, pk: str) -> Response:
        secret = self.get_object()
        require(request.user, secret.project, Role.ADMIN)
        secret_delete(secret=secret, actor=Actor.user(request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(
    list=extend_schema(summary="List approval requests"),
    retrieve=extend_schema(summary="One approval request"),
    create=extend_schema(
        summary="Ask for approval of a command",
        request=ApprovalCreateSerializer,
        responses={201: ApprovalSerializer},
    ),
)
class ApprovalViewSet(CreateViewSet):
    """Requests for somebody's approval."""

    queryset = ApprovalRequest.objects.select_related("requested_by", "decided_by", "project")
    serializer_class = ApprovalSerializer
    create_serializer_class = ApprovalCreateSerializer
    filterset_class = ApprovalFilter
    ordering_fields = ("created_at", "expires_at", "state_at")
    action_scopes = {"approve": TokenScope.ADMIN, "deny": TokenScope.ADMIN}

    def get_queryset(self) -> Any:
        return with_bars(super().get_queryset(), self.request.user)

    def perform_service(self, data: dict[str, Any]) -> ApprovalRequest:
        user = caller(self.request)
        require(user, data["project"], Role.EDITOR)
        return approval_request(**data, requested_by=user, actor=Actor.user(user))

    @extend_schema(summary="Approve", request=DecisionSerializer, responses={200: ApprovalSerializer})
    @action(detail=True, methods=["post"], filter_backends=())
    def approve(self, request: Request, pk: str) -> Response:
        """The command is checked again and run. Who asked may not decide."""
        return self._decide(request, approval_approve)

    @extend_schema(summary="Deny", request=DecisionSerializer, responses={200: ApprovalSerializer})
    @action(detail=True, methods=["post"], filter_backends=())
    def deny(self, request: Request, pk: str) -> Response:
        """The command is dropped. Who asked may not decide."""
        return self._decide(request, approval_deny)

    @extend_schema(summary="Withdraw your own request", request=None, responses={200: ApprovalSerializer})
    @action(detail=True, methods=["post"], filter_backends=())
    def withdraw(self, request: Request, pk: str) -> Response:
        approval = self.get_object()
        approval_withdraw(approval=approval, user=caller(request), actor=Actor.user(request.user))
        return Response(self.represent(approval))

    def _decide(self, request: Request, service: Any) -> Response:
        approval = self.get_object()
        require(request.user, approval.project, Role.ADMIN)
        wanted = DecisionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        service(approval=approval, decided_by=request.user, **wanted.validated_data, actor=Actor.user(request.user))
        return Response(self.represent(approval))


def _members(project: Project) -> Any:
    return MembersSerializer({"next": None, "previous": None, "results": members_of(project)}).data


def _colleague(project: Project, name: str) -> User:
    """A person of the project's organisation, by name or id; raises NotFound."""
    by_id = is_uuid(name)
    found = User.objects.filter(
        organisation_id=project.organisation_id, **{"pk" if by_id else "username": name}
    ).first()
    if found is None:
        raise NotFound("user: not found")
    return found
