"""The admin of quotas: every page opens for an administrator; what is not one's own is not there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.access.states import Role
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
