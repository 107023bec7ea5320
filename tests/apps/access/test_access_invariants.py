"""What `manage.py verify` says of roles, tokens, secrets and approvals: nothing while all is well, else by name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.access.invariants import CHECKS
from apps.access.models import ApiToken, ApprovalRequest, Organisation, Project, Secret, Team, User
from apps.access.services.projects import organisation_create, project_create
from apps.access.services.roles import role_grant, role_revoke
from apps.access.services.secrets import secret_set
from apps.access.services.tokens import token_create, token_revoke
from apps.access.services.users import user_create
from apps.common import clock
from apps.common.audit import Actor
from tests.support.damage import damage, everything, warnings, wrong
from tests.support.factories.access import PASSWORD, ApprovalRequestFactory

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")


class World:
    """People, a project and what belongs to it, made by services only."""

    def __init__(self) -> None:
        self.organisation: Organisation = organisation_create(name="acme", actor=ACTOR)
        team = Team.objects.get()
        self.ann, self.bob = (
            user_create(username=name, password=PASSWORD, organisation=self.organisation, team=team, actor=ACTOR)
            for name in ("ann", "bob")
        )
        self.project: Project = project_create(
            organisation=self.organisation, name="risk", owner=self.ann, actor=Actor.user(self.ann)
        )
        role_grant(project=self.project, user=self.bob, role="editor", actor=ACTOR)
        self.secret: Secret = secret_set(project=self.project, name="s", value=b"v", actor=ACTOR)
        self.token: ApiToken
        self.token, _ = token_create(user=self.ann, name="t", scopes=["read"], actor=ACTOR)


@pytest.fixture
def world(db: None) -> World:
    return World()


def test_what_the_services_made_is_well(world: World) -> None:
    secret_set(project=world.project, name="s", value=b"w", actor=ACTOR)
    role_grant(project=world.project, user=world.bob, role="viewer", actor=ACTOR)
    role_revoke(project=world.project, user=world.bob, actor=ACTOR)
    token_revoke(token=world.token, actor=ACTOR)
    assert everything(CHECKS) == []


def test_a_role_with_a_part_missing_is_named(world: World) -> None:
    damage(
        f"DELETE FROM access_projectuserpermission WHERE user_id = '{world.ann.pk}' AND permission_id ="
        " (SELECT id FROM auth_permission WHERE codename = 'view_project')"
    )
    assert wrong(CHECKS, "project.roles") == [
        f"user {world.ann.pk} has 2 permissions in project {world.project.pk}, which make no whole role"
    ]


def test_a_role_that_nobody_granted_and_one_that_is_gone_are_named(world: World) -> None:
    damage(
        f"UPDATE access_projectuserpermission SET user_id = '{world.bob.pk}' WHERE user_id = '{world.ann.pk}'"
        f" AND permission_id = (SELECT id FROM auth_permission WHERE codename = 'administer_project')",
        f"DELETE FROM access_projectuserpermission WHERE user_id = '{world.ann.pk}'",
    )
    told = f"in project {world.project.pk}; the audit trail says"
    assert sorted(wrong(CHECKS, "project.last_word")) == sorted(
        [f"user {world.ann.pk} has no role {told} admin", f"user {world.bob.pk} has admin {told} editor"]
    )


def test_a_project_that_nobody_can_administer_is_told(world: World) -> None:
    User.objects.filter(pk=world.ann.pk).update(is_active=False)
    assert warnings(CHECKS, "project.roles") == [f"project {world.project.pk} has no active admin"]


def test_a_row_of_another_organisation_is_named(world: World) -> None:
    other = organisation_create(name="other", actor=ACTOR)
    Secret.objects.update(organisation=other)
    assert wrong(CHECKS, "project.rows") == [
        f"Secret {world.secret.pk} says organisation {other.pk} and team {world.project.team_id}; "
        f"its project {world.project.pk} is of another"
    ]


def test_a_secret_that_no_key_opens_is_named(world: World) -> None:
    damage("UPDATE access_secret SET ciphertext = ciphertext || 'x'::bytea")
    assert wrong(CHECKS, "secret.opens") == [
        f"secret {world.secret.pk} (s) does not open: The key k1 does not open what was stored."
    ]


def test_a_token_that_expired_before_its_time_is_named_and_a_late_one_is_told(world: World) -> None:
    later = clock.now() + timedelta(days=1)
    ApiToken.objects.update(state="expired", expires_at=later)
    assert wrong(CHECKS, "api_token.expiry") == [f"token {world.token.pk} is expired, and its time is {later}"]
    ApiToken.objects.update(state="active", expires_at=clock.now() - timedelta(days=1), digest="plain")
    assert [text for text in everything(CHECKS) if "expiry" in text] == [
        f"api_token.expiry: token {world.token.pk} holds no SHA-256"
    ]


def test_an_approval_that_nobody_decided_is_named(world: World) -> None:
    approval = ApprovalRequestFactory.create(project=world.project, requested_by=world.bob)
    ApprovalRequest.objects.update(state="denied")
    assert wrong(CHECKS, "approval_request.decided") == [
        f"request {approval.pk} is denied; decided by None, applied at None"
    ]


@pytest.mark.parametrize(
    ("name", "table", "noun"),
    [
        ("organisation.audited.created", "access_organisation", "organisation"),
        ("project.audited.created", "access_project", "project"),
        ("secret.audited.created", "access_secret", "secret"),
        ("api_token.audited.created", "access_apitoken", "api_token"),
    ],
)
def test_what_is_not_in_the_audit_trail_is_named(world: World, name: str, table: str, noun: str) -> None:
    damage(f"DELETE FROM common_auditevent WHERE action = '{noun}.created'")
    row = {"organisation": world.organisation, "project": world.project, "secret": world.secret}.get(noun, world.token)
    assert wrong(CHECKS, name) == [f"{noun} {row.pk} has no audit row {noun}.created"]


def test_an_account_made_past_the_service_is_told(world: World) -> None:
    made = User.objects.create_user("made", password=None)
    assert warnings(CHECKS, "user.audited.created") == [f"user {made.pk} has no audit row user.created"]
