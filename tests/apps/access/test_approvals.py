"""Approval requests: another decides, in time, and the command runs once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from redis import Redis
from rest_framework.test import APIClient

from apps.access.models import ApprovalRequest, Project
from apps.access.services.approvals import (
    approval_applied,
    approval_approve,
    approval_deny,
    approval_request,
    approval_take,
    approval_withdraw,
    approvals_expire,
)
from apps.access.services.commands import command_names, command_register
from apps.common import clock, queues
from apps.common.audit import Actor
from apps.common.errors import Conflict, Forbidden, IllegalTransition, Invalid
from apps.common.models import AuditEvent, Event, Transition
from tests.support.concurrency import Thread, wait_until_blocked
from tests.support.factories.access import ApprovalRequestFactory, ProjectFactory, UserFactory, member

ACTOR = Actor("user", "u1", "Ann")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def arguments_of_paint(arguments: dict[str, Any]) -> dict[str, Any]:
    if "colour" not in arguments:
        raise Invalid("Which colour?", fields={"arguments.colour": ["missing"]})
    return {"colour": str(arguments["colour"]).lower()}


@pytest.fixture(autouse=True)
def commands() -> None:
    command_register("wall.paint", arguments_of_paint)
    command_register("wall.remove", f"{__name__}.arguments_of_paint", superuser_only=True)


@pytest.fixture
def broker() -> Iterator[Any]:
    with Redis.from_url(settings.BEDPLATE_REDIS_URL) as found:
        found.flushdb()
        yield found
        found.flushdb()


def asked(project: Project | None = None, command: str = "wall.paint") -> ApprovalRequest:
    project = project or ProjectFactory.create()
    return approval_request(
        project=project, command=command, arguments={"colour": "RED"}, requested_by=member(project), actor=ACTOR
    )


def test_what_is_stored_is_what_was_checked() -> None:
    with clock.fixed_at(NOW):
        approval = asked()
    stored = ApprovalRequest.objects.get(pk=approval.pk)
    assert (stored.state, stored.arguments, stored.expires_at) == (
        "pending",
        {"colour": "red"},
        NOW + timedelta(days=7),
    )
    assert AuditEvent.objects.get().action == "approval_request.requested"
    assert Event.objects.get().subject == f"approval_request.{approval.pk}"
    assert {"wall.paint", "wall.remove"} <= set(command_names())


def test_only_known_commands_with_good_arguments() -> None:
    project = ProjectFactory.create()
    for command, arguments, text in [("wall.eat", {}, "is no command"), ("wall.remove", {}, "Which colour")]:
        with pytest.raises(Invalid, match=text):
            approval_request(
                project=project, command=command, arguments=arguments, requested_by=member(project), actor=ACTOR
            )
    assert ApprovalRequest.objects.count() == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("service, state", [(approval_approve, "approved"), (approval_deny, "denied")])
def test_a_decision_is_told_once_it_is_committed(broker: Any, service: Any, state: str) -> None:
    approval = asked()
    decider = member(approval.project, "admin")
    service(approval=approval, decided_by=decider, comment="well", actor=Actor.user(decider))
    stored = ApprovalRequest.objects.get(pk=approval.pk)
    assert (stored.state, stored.decided_by, stored.state_detail) == (state, decider, "well")
    assert Transition.objects.get().actor_name == decider.username
    assert AuditEvent.objects.order_by("-id")[0].action == f"approval_request.{state}"
    assert queues.flush(5)
    assert broker.llen("control") == 1
    for again in (approval_approve, approval_deny):
        with pytest.raises(IllegalTransition):
            again(approval=stored, decided_by=decider, actor=ACTOR)
    assert queues.flush(5)
    assert broker.llen("control") == 1


def test_who_may_not_decide() -> None:
    approval, removal = asked(), asked(command="wall.remove")
    with pytest.raises(Forbidden, match="Who asked may not decide"):
        approval_approve(approval=approval, decided_by=approval.requested_by, actor=ACTOR)
    with pytest.raises(Forbidden, match="Only an administrator of the installation decides about wall"):
        approval_approve(approval=removal, decided_by=member(removal.project, "admin"), actor=ACTOR)
    approval_approve(approval=removal, decided_by=UserFactory.create(is_superuser=True), actor=ACTOR)
    assert ApprovalRequest.objects.get(pk=approval.pk).state == "pending"
    with pytest.raises(IntegrityError, match="approval_not_by_requester"), transaction.atomic():
        ApprovalRequest.objects.filter(pk=approval.pk).update(decided_by=approval.requested_by)


def test_the_time_to_decide_ends() -> None:
    with clock.fixed_at(NOW):
        approval = asked()
        fresh = asked(approval.project)
    ApprovalRequest.objects.filter(pk=fresh.pk).update(expires_at=NOW + timedelta(days=8))
    with clock.fixed_at(NOW + timedelta(days=7)):
        with pytest.raises(Conflict, match="time to decide is over"):
            approval_approve(approval=approval, decided_by=member(approval.project, "admin"), actor=ACTOR)
        assert [approvals_expire(), approvals_expire()] == [1, 0]
    assert ApprovalRequest.objects.get(pk=approval.pk).state == "expired"
    assert ApprovalRequest.objects.get(pk=fresh.pk).state == "pending"


def test_only_who_asked_may_withdraw() -> None:
    approval = asked()
    with pytest.raises(Forbidden, match="Only who asked"):
        approval_withdraw(approval=approval, user=member(approval.project, "admin"), actor=ACTOR)
    approval_withdraw(approval=approval, user=approval.requested_by, actor=ACTOR)
    assert ApprovalRequest.objects.get(pk=approval.pk).state == "withdrawn"


def test_only_an_approved_one_is_taken_and_once() -> None:
    approval = asked()
    assert approval_take(approval.pk) is None
    approval_approve(approval=approval, decided_by=member(approval.project, "admin"), actor=ACTOR)
    taken = approval_take(approval.pk)
    assert taken == approval
    assert taken is not None
    approval_applied(approval=taken, outcome="painted")
    assert approval_take(approval.pk) is None
    assert ApprovalRequest.objects.get(pk=approval.pk).outcome == "painted"


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_time_one_runs_the_command() -> None:
    approval = ApprovalRequestFactory.create(state="approved", command="wall.paint")

    @transaction.atomic
    def run() -> str:
        taken = approval_take(approval.pk)
        if taken is None:
            return "nothing to do"
        approval_applied(approval=taken, outcome="painted")
        return "painted"

    with transaction.atomic():
        mine = run()
        thread = Thread(run)
        wait_until_blocked()
    assert (mine, thread.join()) == ("painted", "nothing to do")
    assert Event.objects.filter(kind="approval_request.applied").count() == 1


def test_over_http() -> None:
    project = ProjectFactory.create()
    editor, admin = member(project), member(project, "admin")
    ask, decide = APIClient(), APIClient()
    ask.force_authenticate(editor)
    decide.force_authenticate(admin)
    body = {"project": str(project.pk), "command": "wall.paint", "arguments": {"colour": "Blue"}, "comment": "please"}
    made = ask.post("/api/v1/approvals", body)
    assert (made.status_code, made.json()["state"], made.json()["arguments"]) == (201, "pending", {"colour": "blue"})
    assert made.json()["requested_by"]["username"] == editor.username
    bad = ask.post("/api/v1/approvals", body | {"arguments": {}})
    assert (bad.status_code, bad.json()["fields"]) == (400, {"arguments.colour": ["missing"]})
    url = f"/api/v1/approvals/{made.json()['id']}"
    assert ask.post(f"{url}/approve").json()["code"] == "forbidden"
    done = decide.post(f"{url}/approve", {"comment": "go"})
    assert (done.status_code, done.json()["state"], done.json()["state_detail"]) == (200, "approved", "go")
    again = decide.post(f"{url}/deny")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    assert [row["id"] for row in ask.get("/api/v1/approvals?state=approved").json()["results"]] == [made.json()["id"]]
    assert ask.get("/api/v1/approvals?state=denied").json()["results"] == []
