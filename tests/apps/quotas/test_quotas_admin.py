"""The admin of quotas: every page opens for an administrator; what is not one's own is not there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.access.states import Role
from apps.common.models import AuditEvent
from apps.quotas.models import Quota
from tests.support.factories.access import UserFactory, member
from tests.support.factories.quotas import (
    AttemptFactory,
    LogChunkFactory,
    NodeFactory,
    PriorityClassFactory,
    QueueFactory,
    QuotaFactory,
    ResourceFlavorFactory,
    ResourcePoolFactory,
    UsageRecordFactory,
    WorkloadFactory,
)

pytestmark = pytest.mark.django_db
FACTORIES = [
    AttemptFactory,
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
    assert browser.post("/admin/quotas/priorityclass/add/", {"name": "urgent", "value": "9"}).status_code == 302
    assert b"errornote" in browser.post("/admin/quotas/priorityclass/add/", {"name": "x", "value": "1001"}).content
    event = AuditEvent.objects.get(action="priority_class.created")
    assert event.detail == {"after": {"name": "urgent", "value": 9, "preemption": "never"}}
    assert browser.post(f"/admin/quotas/priorityclass/{event.subject_id}/delete/", {"post": "yes"}).status_code == 403
