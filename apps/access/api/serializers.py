"""What the access API takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.access.models import ApiToken, ApprovalRequest, Organisation, Project, Secret, Team, User
from apps.access.selectors import with_role
from apps.access.services.secrets import MOST_BYTES
from apps.access.states import Role, TokenScope
from apps.common.api import VisibleRelatedField
from apps.common.models import AuditEvent


class OrganisationSerializer(serializers.ModelSerializer[Organisation]):
    class Meta:
        model = Organisation
        fields = ("id", "name", "title", "created_at")


class TeamSerializer(serializers.ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ("id", "organisation", "name", "title", "created_at")


class TeamCreateSerializer(serializers.Serializer[Any]):
    organisation = VisibleRelatedField(Organisation)
    name = serializers.SlugField(max_length=60)
    title = serializers.CharField(max_length=120, required=False, allow_blank=True)


class ProjectSerializer(serializers.ModelSerializer[Project]):
    role = serializers.ChoiceField(Role.choices, read_only=True, help_text="Your own role in it.")

    class Meta:
        model = Project
        fields = ("id", "organisation", "team", "name", "title", "role", "created_at")


class ProjectCreateSerializer(serializers.Serializer[Any]):
    name = serializers.SlugField(max_length=60, help_text="Part of addresses; unique in the installation.")
    title = serializers.CharField(max_length=120, required=False, allow_blank=True)
    team = VisibleRelatedField(Team, required=False, help_text="Your first team by default.")


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("id", "username", "first_name", "last_name")


class MeSerializer(serializers.ModelSerializer[User]):
    """Who is signed in, and where they may do what."""

    organisation = OrganisationSerializer(read_only=True)
    projects = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = (
            *("id", "username", "first_name", "last_name", "email", "is_superuser", "is_staff"),
            *("organisation", "projects"),
        )
        read_only_fields = ("is_superuser", "is_staff")

    @extend_schema_field(ProjectSerializer(many=True))
    def get_projects(self, user: User) -> Any:
        return ProjectSerializer(with_role(Project.objects.visible_to(user), user).order_by("name"), many=True).data


class MemberSerializer(serializers.Serializer[Any]):
    user = UserSerializer(read_only=True)
    role = serializers.ChoiceField(Role.choices)


class MembersSerializer(serializers.Serializer[Any]):
    """All members on one page."""

    next = serializers.URLField(read_only=True, allow_null=True)
    previous = serializers.URLField(read_only=True, allow_null=True)
    results = MemberSerializer(many=True)


class MemberPutSerializer(serializers.Serializer[Any]):
    user = serializers.CharField(max_length=150, help_text="A user's name or id, of the project's organisation.")
    role = serializers.ChoiceField(Role.choices)


class LoginSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    class Meta:
        model = ApiToken
        fields = ("id", "name", "prefix", "scopes", "state", "expires_at", "last_used_at", "created_at")


class TokenCreateSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(child=serializers.ChoiceField(TokenScope.choices), allow_empty=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Never, unless given.")


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(read_only=True, help_text="Shown this once.")

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "token")  # type: ignore[assignment]  # one more than the base


class SecretSerializer(serializers.ModelSerializer[Secret]):
    class Meta:
        model = Secret
        fields = ("id", "project", "name", "replaced_at", "created_at")


class SecretSetSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    name = serializers.RegexField(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)
    value = serializers.CharField(max_length=MOST_BYTES, trim_whitespace=False, write_only=True)


class ApprovalSerializer(serializers.ModelSerializer[ApprovalRequest]):
    requested_by = UserSerializer(read_only=True)
    decided_by = UserSerializer(read_only=True, allow_null=True)

    class Meta:
        model = ApprovalRequest
        fields = (
            "id",
            "project",
            "command",
            "arguments",
            "comment",
            "state",
            "state_detail",
            "state_at",
            "requested_by",
            "decided_by",
            "expires_at",
            "applied_at",
            "outcome",
            "created_at",
        )


class ApprovalCreateSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    command = serializers.CharField(max_length=60)
    arguments = serializers.DictField()
    comment = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class DecisionSerializer(serializers.Serializer[Any]):
    comment = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    class Meta:
        model = AuditEvent
        fields = (
            "id",
            "at",
            "action",
            "actor_kind",
            "actor_id",
            "actor_name",
            "subject_kind",
            "subject_id",
            "subject_name",
            "project_id",
            "request_id",
            "detail",
        )
