"""The quota grid shows what of that which runs a change would take back, and saves it once that was seen."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from apps.access.models import ApprovalRequest
from apps.common import clock
from apps.quotas.models import Queue, ResourcePool, Workload
from apps.quotas.services.admission import pool_admit
from tests.support.factories.access import ProjectFactory, UserFactory
from tests.support.factories.quotas import WorkloadFactory, job_spec, make_pool, make_queue

pytestmark = pytest.mark.django_db


@pytest.fixture
def vision() -> Queue:
    """Two devices, guaranteed to vision, which holds both with work that has run for an hour."""
    queue = make_queue(make_pool(cores=64, memory=512, H200=2), ProjectFactory.create(name="vision"), gpus=2)
    for name in ("first", "second"):
        wants(queue, name)
    pool_admit(queue.pool_id)
    Workload.objects.filter(queue=queue).update(admitted_at=clock.db_now() - timedelta(hours=1))
    return queue


def wants(queue: Queue, name: str) -> Workload:
    work: Workload = WorkloadFactory.create(queue=queue, spec_object=job_spec(gpus=1), name=name)
    return work


@pytest.fixture
def browser() -> Client:
    made = Client()
    made.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    return made


def address(queue: Queue) -> str:
    return reverse("admin:quotas_resourcepool_quotas", args=[queue.pool_id])


def lowered(queue: Queue, to: int) -> dict[str, str]:
    return {f"q|{queue.pk}|gpus|2|": str(to)}


def seen_in(page: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found is not None
    return found[1]


def gpus(queue: Queue) -> int:
    return int(queue.quotas.get(resource="gpus").nominal)


def test_what_it_takes_back_is_shown_before_it_is_saved(vision: Queue, browser: Client) -> None:
    answer = browser.post(address(vision), lowered(vision, 1))
    page = unescape(answer.content.decode())
    assert answer.status_code == 200
    assert "Nothing was saved yet. These quotas would take back:" in page
    assert re.search(r"<li>(first|second) · vision · 1 member · once somebody wants", page)
    assert page.count("· vision · ") == 1, "one of two is within what stays guaranteed"
    assert gpus(vision) == 2
    assert f'name="q|{vision.pk}|gpus|2|" value="1"' in page
    again = browser.post(address(vision), lowered(vision, 1) | {"seen": seen_in(page)})
    assert again.status_code == 302
    assert gpus(vision) == 1
    assert Workload.objects.filter(queue=vision, state="admitted").count() == 2, "what was admitted stays"


def test_what_was_seen_of_one_change_is_not_that_of_another(vision: Queue, browser: Client) -> None:
    page = browser.post(address(vision), lowered(vision, 1)).content.decode()
    other = browser.post(address(vision), lowered(vision, 0) | {"seen": seen_in(page)})
    assert other.status_code == 200
    assert unescape(other.content.decode()).count("· vision · ") == 2
    assert gpus(vision) == 2


def test_what_waits_already_takes_it_at_once(vision: Queue, browser: Client) -> None:
    other = make_queue(vision.pool, ProjectFactory.create(name="speech"), gpus=1)
    other.quotas.update(borrowing_limit=None)
    wants(other, "third")
    page = unescape(browser.post(address(vision), lowered(vision, 1)).content.decode())
    assert "at once, for what waits already" in page


def test_a_change_that_takes_nothing_back_is_saved_at_once(vision: Queue, browser: Client) -> None:
    assert browser.post(address(vision), lowered(vision, 3)).status_code == 302
    assert gpus(vision) == 3


def test_it_is_shown_also_before_it_is_asked_for(vision: Queue, browser: Client) -> None:
    ResourcePool.objects.filter(pk=vision.pool_id).update(changes_need_approval=True)
    page = browser.post(address(vision), lowered(vision, 1)).content.decode()
    assert "Ask for these quotas" in page
    assert not ApprovalRequest.objects.exists()
    assert browser.post(address(vision), lowered(vision, 1) | {"seen": seen_in(page)}).status_code == 302
    assert ApprovalRequest.objects.count() == 1
