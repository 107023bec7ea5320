"""Cancelling and requeueing from the panel: by the state table, with the effect named, only by who may."""

from __future__ import annotations

from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from apps.access.states import Role
from apps.common.audit import Actor
from apps.common.errors import Conflict
from apps.common.models import AuditEvent, Transition
from apps.quotas.models import UsageRecord, Workload
from apps.quotas.services.workloads import workload_requeue
from tests.support.factories.access import ProjectFactory, UserFactory, member
from tests.support.factories.quotas import WorkloadFactory

pytestmark = pytest.mark.django_db
ACTOR = Actor("user", "1", "root")


def page(workload: Workload, verb: str) -> str:
    return reverse(f"admin:quotas_workload_{verb}", args=[workload.pk])


def signed_in(user: object) -> Client:
    browser = Client()
    browser.force_login(user)  # type: ignore[arg-type]
    return browser


def root() -> Client:
    return signed_in(UserFactory.create(username="root", is_staff=True, is_superuser=True))


def now(workload: Workload) -> tuple[str, str]:
    workload.refresh_from_db()
    return workload.state, workload.state_reason


@pytest.mark.parametrize(("state", "to"), [("admitted", "pending"), ("launching", "stopping"), ("running", "stopping")])
def test_what_holds_something_goes_back_by_the_state_table(state: str, to: str) -> None:
    workload = WorkloadFactory.create(state=state)
    workload_requeue(workload, detail="for maintenance", actor=ACTOR)
    assert now(workload) == (to, "evicted")
    step = Transition.objects.get(object_id=workload.pk)
    assert (step.from_state, step.to_state, step.reason, step.detail) == (state, to, "evicted", "for maintenance")
    assert AuditEvent.objects.get(action="workload.requeued").detail == {"detail": "for maintenance"}
    assert UsageRecord.objects.filter(workload=workload, closed_at=None).exists() == (to == "stopping")


@pytest.mark.parametrize("state", ["pending", "stopping", "succeeded", "failed", "cancelled"])
def test_what_holds_nothing_is_left_alone(state: str) -> None:
    workload = WorkloadFactory.create(state=state)
    with pytest.raises(Conflict):
        workload_requeue(workload, actor=ACTOR)
    assert now(workload)[0] == state
    assert not AuditEvent.objects.filter(action="workload.requeued").exists()


def test_the_page_names_the_effect_and_asks_before_it_does_it() -> None:
    workload = WorkloadFactory.create(state="running", name="train-7")
    browser = root()
    shown = unescape(browser.get(page(workload, "requeue")).content.decode())
    assert "releases 1 core, 1 GiB, and waits again" in shown
    assert now(workload)[0] == "running", "looking does nothing"
    answer = browser.post(page(workload, "requeue"), {"detail": "maintenance"})
    assert (answer.status_code, answer["Location"]) == (302, page(workload, "change"))
    assert now(workload) == ("stopping", "evicted")
    told = unescape(browser.get(page(workload, "requeue")).content.decode())
    assert "It is leaving already." in told
    assert browser.post(page(workload, "cancel"), {"detail": "not wanted"}).status_code == 302
    assert now(workload) == ("stopping", "cancelled_by_user"), "a wish to end it overrides"
    assert [one.action for one in AuditEvent.objects.order_by("id")] == ["workload.requeued", "workload.stopped"]


def test_cancelling_what_waits_ends_it_at_once() -> None:
    workload = WorkloadFactory.create(state="pending")
    browser = root()
    assert "It leaves the queue and is cancelled." in browser.get(page(workload, "cancel")).content.decode()
    browser.post(page(workload, "cancel"), {"detail": "wrong data"})
    assert now(workload) == ("cancelled", "cancelled_by_user")
    assert workload.state_detail == "wrong data"
    assert browser.post(page(workload, "cancel"), {"detail": ""}).status_code == 409


def test_many_at_once_say_what_is_left_alone() -> None:
    running, over = WorkloadFactory.create(state="running", name="runs"), WorkloadFactory.create(state="failed")
    browser, listed = root(), reverse("admin:quotas_workload_changelist")
    chosen = {"action": "verb_cancel", "_selected_action": [str(running.pk), str(over.pk)], "index": "0"}
    asked = unescape(browser.post(listed, chosen).content.decode())
    assert "Cancel workload: 1 row" in asked
    assert "left alone: It has ended already." in asked
    assert now(running)[0] == "running"
    done = browser.post(listed, chosen | {"confirmed": "1", "detail": "cleaning up"}, follow=True)
    assert "done for 1 row." in done.content.decode()
    assert (now(running)[0], now(over)[0]) == ("stopping", "failed")


def test_a_viewer_may_look_and_an_editor_may_do_it() -> None:
    workload = WorkloadFactory.create(state="running")
    viewer = signed_in(member(workload.project, Role.VIEWER, is_staff=True))
    assert page(workload, "cancel") not in viewer.get(page(workload, "change")).content.decode()
    for verb in ("cancel", "requeue"):
        assert viewer.get(page(workload, verb)).status_code == 403
        assert viewer.post(page(workload, verb), {"detail": ""}).status_code == 403
    chosen = {"action": "verb_cancel", "_selected_action": [str(workload.pk)], "index": "0", "confirmed": "1"}
    viewer.post(reverse("admin:quotas_workload_changelist"), chosen | {"detail": ""})
    assert now(workload)[0] == "running"
    editor = signed_in(member(workload.project, Role.EDITOR, is_staff=True))
    assert page(workload, "cancel") in editor.get(page(workload, "change")).content.decode()
    assert editor.post(page(workload, "requeue"), {"detail": ""}).status_code == 302
    assert now(workload)[0] == "stopping"


def test_an_admin_of_another_project_finds_nothing() -> None:
    workload = WorkloadFactory.create(state="running")
    stranger = signed_in(member(ProjectFactory.create(), Role.ADMIN, is_staff=True))
    for verb in ("cancel", "requeue", "change"):
        assert stranger.get(page(workload, verb)).status_code == 404
        assert stranger.post(page(workload, verb), {"detail": ""}).status_code == 404
    chosen = {"action": "verb_cancel", "_selected_action": [str(workload.pk)], "index": "0", "confirmed": "1"}
    stranger.post(reverse("admin:quotas_workload_changelist"), chosen | {"detail": ""})
    assert now(workload)[0] == "running"
    outside = signed_in(member(workload.project, Role.ADMIN))
    assert outside.get(page(workload, "cancel")).status_code == 302, "not staff: to the sign-in page"
