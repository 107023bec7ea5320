"""The admin of quotas: every page opens for an administrator; what is not one's own is not there."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.access.states import Role
from apps.common.models import AuditEvent
from apps.quotas.models import Cohort, Quota, ResourceFlavor, ResourcePool
from apps.quotas.services.policies import BOUNDS
from tests.support.factories.access import UserFactory, member
from tests.support.factories.quotas import (
    AttemptFactory,
    CohortFactory,
    LogChunkFactory,
    NodeFactory,
    PriorityClassFactory,
    QueueFactory,
    QuotaFactory,
    ResourceFlavorFactory,
    ResourcePoolFactory,
    UsageRecordFactory,
    WorkloadFactory,
    make_pool,
    make_queue,
)

pytestmark = pytest.mark.django_db
FACTORIES = [
    AttemptFactory,
    CohortFactory,
    LogChunkFactory,
    NodeFactory,
    PriorityClassFactory,
    QueueFactory,
    QuotaFactory,
    ResourceFlavorFactory,
    ResourcePoolFactory,
    UsageRecordFactory,
    WorkloadFactory,
]
OWN = [AttemptFactory, QueueFactory, QuotaFactory, UsageRecordFactory, WorkloadFactory]


def opened(user: Any, path: str) -> int:
    browser = Client()
    browser.force_login(user)
    return browser.get(path).status_code


def address(row: Any) -> str:
    return f"/admin/quotas/{row._meta.model_name}/"


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory._meta.model.__name__)
def test_every_page_opens_for_an_administrator(factory: Any) -> None:
    row = factory.create()
    root = UserFactory.create(is_staff=True, is_superuser=True)
    assert opened(root, address(row)) == opened(root, f"{address(row)}{row.pk}/change/") == 200


@pytest.mark.parametrize("factory", OWN, ids=lambda factory: factory._meta.model.__name__)
def test_staff_see_what_their_projects_hold_and_no_more(factory: Any) -> None:
    row = factory.create()
    project = getattr(row, "project", None) or row.queue.project
    mine, stranger = member(project, Role.VIEWER, is_staff=True), UserFactory.create(is_staff=True)
    assert opened(mine, f"{address(row)}{row.pk}/change/") == 200
    assert opened(stranger, f"{address(row)}{row.pk}/change/") == 404


def test_what_a_service_writes_cannot_be_changed_by_hand() -> None:
    workload = WorkloadFactory.create()
    browser = Client()
    browser.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    assert browser.post(f"{address(workload)}{workload.pk}/change/", {"state": "succeeded"}).status_code == 403
    assert browser.post(f"{address(workload)}{workload.pk}/delete/", {"post": "yes"}).status_code == 403
    workload.refresh_from_db()
    assert workload.state == "pending"


def test_an_administrator_sets_a_quota_and_it_is_audited() -> None:
    quota = QuotaFactory.create(resource="gpus", flavor="", nominal=1)
    root = UserFactory.create(is_staff=True, is_superuser=True)
    browser = Client()
    browser.force_login(root)
    path = f"{address(quota)}{quota.pk}/change/"
    assert browser.post(path, {"nominal": "4", "resource": "memory_bytes"}).status_code == 302
    quota.refresh_from_db()
    assert (quota.resource, quota.nominal) == ("gpus", 4)
    event = AuditEvent.objects.get(action="quota.set")
    assert (event.actor_name, event.detail["was"], event.detail["nominal"]) == (root.username, 1, 4)
    for wrong in ("-1", "x", "", str(1 << 63)):
        assert b"errornote" in browser.post(path, {"nominal": wrong}).content
    assert AuditEvent.objects.filter(action="quota.set").count() == 1


def test_an_administrator_adds_a_quota_by_the_rules_of_the_service() -> None:
    queue = QueueFactory.create()
    browser = Client()
    browser.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    wanted = {"queue": str(queue.pk), "resource": "gpus", "flavor": "H200", "nominal": "2"}
    assert b"has no flavors" in browser.post("/admin/quotas/quota/add/", wanted | {"resource": "cpu_millis"}).content
    assert browser.post("/admin/quotas/quota/add/", wanted).status_code == 302
    assert b"already exists" in browser.post("/admin/quotas/quota/add/", wanted).content
    assert Quota.objects.get(queue=queue, flavor="H200").nominal == 2
    assert AuditEvent.objects.filter(action="quota.set").count() == 1


def test_staff_who_are_no_superusers_set_no_quota() -> None:
    quota = QuotaFactory.create(nominal=1000)
    browser = Client()
    browser.force_login(member(quota.queue.project, Role.ADMIN, is_staff=True))
    assert browser.post(f"{address(quota)}{quota.pk}/change/", {"nominal": "4"}).status_code == 403
    quota.refresh_from_db()
    assert quota.nominal == 1000


def test_priority_classes_are_audited_and_stay() -> None:
    browser = Client()
    browser.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    assert (
        browser.post(
            "/admin/quotas/priorityclass/add/", {"name": "urgent", "value": "9", "preemption": "never"}
        ).status_code
        == 302
    )
    assert (
        b"errornote"
        in browser.post(
            "/admin/quotas/priorityclass/add/", {"name": "x", "value": "1001", "preemption": "never"}
        ).content
    )
    event = AuditEvent.objects.get(action="priority_class.created")
    assert event.detail == {"after": {"name": "urgent", "value": 9, "preemption": "never"}}
    assert browser.post(f"/admin/quotas/priorityclass/{event.subject_id}/delete/", {"post": "yes"}).status_code == 403


def changed(browser: Client, path: str, typed: dict[str, Any]) -> str:
    answer = browser.post(f"/admin/quotas/{path}", typed, follow=True)
    assert answer.status_code in (200, 409), "a refusal comes back as a page"
    return unescape(answer.content.decode())


@pytest.fixture
def browser() -> Client:
    found = Client()
    found.force_login(UserFactory.create(username="root", is_staff=True, is_superuser=True))
    return found


def test_a_cohort_is_made_moved_and_removed(browser: Client) -> None:
    pool = make_pool()
    about = {"pool": str(pool.pk), "parent": "", "team": "", "weight": "1"}
    for name in ("research", "vision"):
        changed(browser, "cohort/add/", {**about, "name": name})
    research, vision = Cohort.objects.order_by("name")
    changed(browser, f"cohort/{vision.pk}/change/", {**about, "name": "vision", "parent": str(research.pk)})
    assert Cohort.objects.get(pk=vision.pk).parent == research
    own = changed(browser, f"cohort/{research.pk}/change/", {**about, "name": "research", "parent": str(vision.pk)})
    assert "Select a valid choice" in own, "what is below it is not offered"
    assert "research has 1 cohort below it: move them first." in changed(browser, f"cohort/{research.pk}/remove/", {})
    changed(browser, f"cohort/{vision.pk}/remove/", {})
    assert list(Cohort.objects.all()) == [research]
    events = AuditEvent.objects.filter(actor_name="root").order_by("id").values_list("action", flat=True)
    assert list(events) == ["cohort.created", "cohort.created", "cohort.changed", "cohort.deleted"]


def test_a_queue_is_put_into_a_cohort_of_its_pool_with_caps(browser: Client) -> None:
    queue = make_queue(make_pool())
    cohort, foreign = CohortFactory.create(pool=queue.pool), CohortFactory.create()
    typed = {"cohort": str(cohort.pk), "weight": "0.5", "running_most": "3", "gpus_per_run_most": ""}
    changed(browser, f"queue/{queue.pk}/change/", {**typed, "run_seconds_most": ""})
    queue.refresh_from_db()
    assert (queue.cohort, queue.weight, queue.running_most, queue.run_seconds_most) == (cohort, 0.5, 3, None)
    assert list(AuditEvent.objects.get(action="queue.changed").detail["after"]) == ["cohort", "weight", "running_most"]
    page = changed(browser, f"queue/{queue.pk}/change/", {**typed, "cohort": str(foreign.pk)})
    assert "Select a valid choice" in page
    assert browser.get("/admin/quotas/queue/add/").status_code == 403


def test_a_policy_is_changed_or_asked_for(browser: Client) -> None:
    pool = make_pool()
    UserFactory.create(is_superuser=True)
    policy = {name: str(getattr(pool, name)) for name in BOUNDS} | {"preemption": "on", "backfill": "on"}
    changed(browser, f"resourcepool/{pool.pk}/change/", {**policy, "half_life_seconds": "3600"})
    pool.refresh_from_db()
    assert (pool.half_life_seconds, pool.name) == (3600, "local")
    beyond = changed(browser, f"resourcepool/{pool.pk}/change/", {**policy, "half_life_seconds": "1"})
    assert "1 is not between 60 and" in beyond
    changed(browser, f"resourcepool/{pool.pk}/change/", {**policy, "changes_need_approval": "on"})
    page = changed(browser, f"resourcepool/{pool.pk}/change/", policy)
    assert "pool.change waits for the decision of another administrator." in page
    assert ResourcePool.objects.get().changes_need_approval


def test_a_share_of_a_gpu_is_made(browser: Client) -> None:
    make_pool(H200=1)
    whole = ResourceFlavor.objects.get()
    changed(browser, "resourceflavor/add/", {"share_of": str(whole.pk), "share_millis": "250", "name": ""})
    made = ResourceFlavor.objects.get(share_of=whole)
    assert (made.name, made.share_millis, made.isolated) == ("H200/4", 250, False)
    page = unescape(browser.get("/admin/quotas/resourceflavor/").content.decode())
    assert "no: 25 % of a H200 that others share" in page
    again = changed(browser, "resourceflavor/add/", {"share_of": str(whole.pk), "share_millis": "250", "name": ""})
    assert "local has a kind of GPU named H200/4 already" in again


def test_a_quota_of_a_cohort_is_set_and_removed(browser: Client) -> None:
    cohort = CohortFactory.create(pool=make_pool())
    typed = {"cohort": str(cohort.pk), "queue": "", "resource": "gpus", "flavor": "", "nominal": "4"}
    limits = {"borrowing_limit": "", "lending_limit": "2", "weight": ""}
    changed(browser, "quota/add/", {**typed, **limits})
    made = cohort.quotas.get()
    assert (made.nominal, made.borrowing_limit, made.lending_limit) == (4, None, 2)
    changed(browser, f"quota/{made.pk}/change/", {"nominal": "5", **limits, "borrowing_limit": "1"})
    made.refresh_from_db()
    assert (made.nominal, made.borrowing_limit, made.lending_limit) == (5, 1, 2)
    assert "Choose a queue or a cohort, not both." in changed(browser, "quota/add/", {**typed, **limits, "cohort": ""})
    changed(browser, f"quota/{made.pk}/remove/", {})
    assert not cohort.quotas.exists()
