"""What the access API takes and gives."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.access.models import ApiToken, ApprovalRequest, Organisation, Project, Secret, Team, User
from apps.access.permissions import PERMISSIONS, VERBS
from apps.access.selectors import with_role
from apps.access.services.deciding import bar_of
from apps.access.services.secrets import MOST_BYTES
from apps.access.states import ApprovalState, Barred, Role, TokenScope, Verb
from apps.common.api import VisibleRelatedField
from apps.common.models import AuditEvent


def verbs_of(role: str) -> list[str]:
    """What a role allows, with what it has from the weaker ones."""
    order = list(VERBS)
    mine = order[: order.index(role) + 1] if role in order else []
    return [str(verb) for one in mine for verb in VERBS[one]]


class PermissionsField(serializers.ListField):
    """Codenames of permissions on a project."""

    child = serializers.ChoiceField([(name, name) for name in PERMISSIONS[Role.ADMIN]])


class VerbsField(serializers.ListField):
    """What somebody may do, in few words."""

    child = serializers.ChoiceField(Verb.choices)


class OrganisationSerializer(serializers.ModelSerializer[Organisation]):
    class Meta:
        model = Organisation
        fields = ("id", "name", "title", "created_at")


class TeamSerializer(serializers.ModelSerializer[Team]):
    organisation_name = serializers.CharField(source="organisation.name", read_only=True)

    class Meta:
        model = Team
        fields = ("id", "organisation", "organisation_name", "name", "title", "created_at")


class TeamCreateSerializer(serializers.Serializer[Any]):
    organisation = VisibleRelatedField(Organisation)
    name = serializers.SlugField(max_length=60)
    title = serializers.CharField(max_length=120, required=False, allow_blank=True)


class ProjectSerializer(serializers.ModelSerializer[Project]):
    organisation_name = serializers.CharField(source="organisation.name", read_only=True)
    team_name = serializers.CharField(source="team.name", read_only=True)
    role = serializers.ChoiceField(Role.choices, read_only=True, help_text="Your own role in it.")
    permissions = serializers.SerializerMethodField(help_text="What your role allows you in it.")
    verbs = serializers.SerializerMethodField(help_text="The same in words; `GET /roles` has all of them.")

    class Meta:
        model = Project
        fields = (
            *("id", "organisation", "organisation_name", "team", "team_name", "name", "title"),
            *("role", "permissions", "verbs", "created_at"),
        )

    @extend_schema_field(PermissionsField())
    def get_permissions(self, project: Any) -> list[str]:
        return list(PERMISSIONS.get(project.role, ()))

    @extend_schema_field(VerbsField())
    def get_verbs(self, project: Any) -> list[str]:
        return verbs_of(project.role)


class ProjectCreateSerializer(serializers.Serializer[Any]):
    name = serializers.SlugField(max_length=60, help_text="Part of addresses; unique in the installation.")
    title = serializers.CharField(max_length=120, required=False, allow_blank=True)
    team = VisibleRelatedField(Team, required=False, help_text="Your first team by default.")


class UserSerializer(serializers.ModelSerializer[User]):
    full_name = serializers.CharField(source="get_full_name", read_only=True, help_text="May be empty.")

    class Meta:
        model = User
        fields = ("id", "username", "first_name", "last_name", "full_name")


class MeSerializer(serializers.ModelSerializer[User]):
    """Who is signed in, and where they may do what."""

    full_name = serializers.CharField(source="get_full_name", read_only=True, help_text="May be empty.")
    organisation = OrganisationSerializer(read_only=True)
    projects = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = (
            *("id", "username", "first_name", "last_name", "full_name", "email", "is_superuser", "is_staff"),
            *("organisation", "projects"),
        )
        read_only_fields = ("is_superuser", "is_staff")

    @extend_schema_field(ProjectSerializer(many=True))
    def get_projects(self, user: User) -> Any:
        projects = Project.objects.visible_to(user).select_related("organisation", "team")
        return ProjectSerializer(with_role(projects, user).order_by("name"), many=True).data


class MemberSerializer(serializers.Serializer[Any]):
    user = UserSerializer(read_only=True)
    role = serializers.ChoiceField(Role.choices)
    since = serializers.DateTimeField(allow_null=True, help_text="When the role was given; null: not known.")


class RoleMeaningSerializer(serializers.Serializer[Any]):
    """A role and what it allows, what it has from the weaker ones included."""

    role = serializers.ChoiceField([*Role.choices, ("superuser", "superuser")])
    permissions = PermissionsField()
    verbs = VerbsField()


class RolesSerializer(serializers.Serializer[Any]):
    """All roles on one page, the weakest first; the last one administers the installation."""

    next = serializers.URLField(read_only=True, allow_null=True)
    previous = serializers.URLField(read_only=True, allow_null=True)
    results = RoleMeaningSerializer(many=True)


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
    project_name = serializers.CharField(source="project.name", read_only=True)

    class Meta:
        model = Secret
        fields = ("id", "project", "project_name", "name", "replaced_at", "created_at")


class SecretSetSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    name = serializers.RegexField(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)
    value = serializers.CharField(max_length=MOST_BYTES, trim_whitespace=False, write_only=True)


class ApprovalSerializer(serializers.ModelSerializer[ApprovalRequest]):
    requested_by = UserSerializer(read_only=True)
    decided_by = UserSerializer(read_only=True, allow_null=True)
    project = serializers.UUIDField(
        source="project_id", read_only=True, allow_null=True, help_text="Null: it is the whole installation's matter."
    )
    project_name = serializers.CharField(source="project.name", read_only=True, allow_null=True)
    may_decide = serializers.SerializerMethodField(help_text="Whether you may approve or deny it now.")
    may_withdraw = serializers.SerializerMethodField(help_text="Whether you may take it back now.")
    barred = serializers.SerializerMethodField(help_text="Why you may not decide it; null: you may.")

    class Meta:
        model = ApprovalRequest
        fields = (
            "id",
            "project",
            "project_name",
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
            "may_decide",
            "may_withdraw",
            "barred",
            "created_at",
        )

    def get_may_decide(self, approval: ApprovalRequest) -> bool:
        return not bar_of(approval, self.context["request"].user)

    def get_may_withdraw(self, approval: ApprovalRequest) -> bool:
        own = approval.requested_by_id == self.context["request"].user.pk
        return own and approval.state == ApprovalState.PENDING

    @extend_schema_field(serializers.ChoiceField(Barred.choices, allow_null=True))
    def get_barred(self, approval: ApprovalRequest) -> str | None:
        return bar_of(approval, self.context["request"].user) or None


class ApprovalCreateSerializer(serializers.Serializer[Any]):
    project = VisibleRelatedField(Project)
    command = serializers.CharField(max_length=60)
    arguments = serializers.DictField()
    comment = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class DecisionSerializer(serializers.Serializer[Any]):
    comment = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    project_name = serializers.CharField(read_only=True, allow_null=True)

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
            "project_name",
            "request_id",
            "detail",
        )
