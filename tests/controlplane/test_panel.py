"""The admin panel as a whole: what its first page and its health page say, to whom, and in how many queries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from redis import Redis

from apps.access.models import Project
from apps.access.services.approvals import approval_request
from apps.access.states import Role
from apps.common import clock, marks
from apps.common.audit import Actor
from apps.common.events import emit
from apps.common.publisher import HORIZON_KEY, LOCK
from controlplane.panel.navigation import GROUPS
from controlplane.panel.vitals import Tick, database_vitals, publisher_lag, redis_vitals
from tests.support.bulk import clone_many
from tests.support.factories.access import ProjectFactory, UserFactory, member
from tests.support.factories.quotas import NodeFactory, QueueFactory, WorkloadFactory, make_pool, make_queue
from tests.support.rows import everything, factories

pytestmark = pytest.mark.django_db
__all__ = ["everything"]
SINGLY = {
    *("ModelAlias", "Queue", "Quota", "LineageEdge", "User", "Organisation", "Team", "Project", "ResourceFlavor"),
    *("Cohort", "IdlePolicy", "KeepRule", "QualityHold", "QualityOverride", "Rate"),
    "FileRule",
}
"""Rows with a name of their own each: made one by one."""
CLONED_WITH: dict[str, dict[str, Any]] = {
    "Preview": {"is_closing": True},
    "Attempt": {"ended_at": clock.now()},
    "UsageRecord": {"closed_at": clock.now() + timedelta(days=1)},
}
"""At most one open one of a workload."""


def root() -> Client:
    browser = Client()
    browser.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    return browser


def text(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


@pytest.fixture
def redis() -> Iterator[Redis]:
    redis = Redis.from_url(django_settings.BEDPLATE_REDIS_URL)
    keys = (marks.KEY, HORIZON_KEY, "control")
    redis.delete(*keys)
    yield redis
    redis.delete(*keys)
    redis.close()


@pytest.fixture
def no_redis(settings: Any) -> None:
    settings.BEDPLATE_REDIS_URL = "redis://127.0.0.1:1/0"


def test_the_first_page_says_what_runs_waits_and_fails(redis: Redis) -> None:
    pool = make_pool(cores=16, H200=2)
    queue = make_queue(pool, ProjectFactory.create(name="credit-risk"))
    WorkloadFactory.create(queue=queue, state="running")
    WorkloadFactory.create_batch(2, queue=queue, state="pending")
    NodeFactory.create(pool=pool, name="node-away", ready=False, cpu_millis=0)
    wanted = {"queue": str(queue.pk), "resource": "gpus", "nominal": 8}
    asker = member(queue.project, Role.ADMIN, username="ann")
    approval_request(
        project=queue.project, command="quota.set", arguments=wanted, requested_by=asker, actor=Actor.user(asker)
    )
    page = text(root(), "/admin/")
    assert 'Running</span><span class="bp-value running">1<' in page
    assert 'Waiting</span><span class="bp-value waiting">2<' in page
    assert 'node-away</b></a> <span class="bp-soft">takes no new members of local' in page
    assert "asked by ann in credit-risk" in page
    assert "16 cores" in page


def test_who_is_no_superuser_sees_their_own_and_no_health(redis: Redis) -> None:
    ours = WorkloadFactory.create(state="failed", name="ours-failed", ended_at="2999-01-01T00:00Z")
    WorkloadFactory.create(state="failed", name="theirs-failed", ended_at="2999-01-01T00:00Z")
    browser = Client()
    browser.force_login(member(ours.project, Role.VIEWER, is_staff=True))
    page = text(browser, "/admin/")
    assert ("ours-failed" in page, "theirs-failed" in page, "Control plane" in page) == (True, False, False)
    assert browser.get("/admin/health/").status_code == 403
    for word in ("Health", "Outbox", ">Users<"):
        assert word not in page
    plain = Client()
    plain.force_login(member(ours.project, Role.ADMIN))
    assert plain.get("/admin/health/")["Location"].startswith("/admin/login/")


def test_every_page_of_the_navigation_opens(redis: Redis) -> None:
    browser = root()
    pages = [reverse(f"admin:{page}") for _, items in GROUPS for _, _, page, _ in items]
    assert {page: browser.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)
    marked = {page: text(browser, page).count("dark:text-primary-500 active") for page in pages}
    assert marked == dict.fromkeys(pages, 1), "it says where one is"


def test_no_page_has_a_script_inside(redis: Redis) -> None:
    answer = root().get("/admin/")
    assert "script-src 'self' 'unsafe-eval';" in answer["Content-Security-Policy"]
    page = answer.content.decode()
    assert page.count("<script") == page.count("<script src=")
    assert "onclick=" not in page


def test_the_health_page_without_redis_says_what_that_means(no_redis: None) -> None:
    page = text(root(), "/admin/health/")
    assert 'Redis</b> <span class="bp-word">look here' in page
    assert "Does not answer (ConnectionError). Runs go on and start" in page
    assert "They are shown again once it answers" in page
    assert 'PostgreSQL</b> <span class="bp-word">well' in page
    assert "Does not answer" in text(root(), "/admin/")


def test_queues_ticks_and_workers_are_told(redis: Redis) -> None:
    now: Any = redis.time()
    message = json.dumps({"headers": {"task": "control.admit"}, "body": ""})
    redis.lpush("control", json.dumps({"headers": {"task": "later"}}), message)
    redis.rpush("control", message)
    found = {"sent:control.tick_admit": now[0], "taken:control": now[0] - 50, "worker:celery@vm": now[0] - 3}
    redis.hset(marks.KEY, mapping=found)
    vitals = redis_vitals()
    line = vitals.queues[0]
    assert (line.name, line.waiting, line.first, line.stuck) == ("control", 3, "control.admit", True)
    assert [worker.gone for worker in vitals.workers] == [False]
    late = {tick.name: tick.late for tick in vitals.ticks}
    assert (late["control.tick_admit"], late["control.tick_expire"]) == (False, True)
    page = text(root(), "/admin/health/")
    assert "Messages pile up in control" in page
    assert "celery@vm" in page


@pytest.mark.parametrize(
    ("every", "ago", "late"), [(1, 9, False), (1, 11, True), (60, 179, False), (60, 181, True), (60, None, True)]
)
def test_a_tick_is_late_after_three_intervals(every: float, ago: float | None, late: bool) -> None:
    assert Tick("x", every, ago).late is late


@pytest.mark.alone  # the horizon is the server's: a transaction in any database of it holds it back
@pytest.mark.django_db(transaction=True)
def test_the_lag_of_the_publisher_is_what_was_committed_since() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        horizon = cursor.fetchone()[0]
    assert publisher_lag(horizon).events == 0
    for project in ProjectFactory.create_batch(2):
        emit("project.changed", project)
    lag = publisher_lag(horizon)
    assert (lag.known, lag.events, lag.late) == (True, 2, False)
    assert publisher_lag(None).known is False


@pytest.mark.django_db(transaction=True)
def test_a_publisher_is_known_by_its_lock() -> None:
    assert database_vitals().publisher_leads is False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        assert database_vitals().publisher_leads is True
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    assert database_vitals().publisher_leads is False


LISTED = [
    (model, page)
    for model, page in admin.site._registry.items()
    if model.__module__.startswith("apps.") and model.__name__ not in {"Event", "Transition", "IdempotencyKey", "Pulse"}
]


def queries(browser: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(url).status_code == 200
    return len(captured)


@pytest.mark.xdist_group("panel_lists")  # what is made once is made by one worker
class TestLists:
    @pytest.mark.parametrize("model", [model for model, _ in LISTED], ids=lambda model: model.__name__)
    def test_fifty_rows_cost_no_more_queries_than_one(
        self, everything: dict[type[models.Model], Any], model: Any, redis: Redis
    ) -> None:
        browser, url = root(), reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        queries(browser, url)  # the first page of a process looks things up that stay
        few = queries(browser, url)
        if model.__name__ in SINGLY:
            factories()[model].create_batch(50)
        elif model.__name__ == "LogChunk":
            return
        else:
            clone_many(everything[model], 49, **CLONED_WITH.get(model.__name__, {}))
        assert queries(browser, url) == few


def test_the_other_pages_cost_the_same_for_many_rows(redis: Redis) -> None:
    queue = make_queue(make_pool(cores=16, H200=2), ProjectFactory.create(name="first"))
    browser = root()
    urls = [
        "/admin/",
        reverse("admin:quotas_queue_tree"),
        reverse("admin:access_project_roles"),
        reverse("admin:quotas_resourcepool_quotas", args=[queue.pool_id]),
        reverse("admin:quotas_resourcepool_change", args=[queue.pool_id]),
    ]
    member(queue.project, Role.ADMIN)
    WorkloadFactory.create(queue=queue, state="failed", ended_at="2999-01-01T00:00Z")
    for url in urls:
        queries(browser, url)
    few = {url: queries(browser, url) for url in urls}
    ProjectFactory.create_batch(5)
    for project in Project.objects.all():
        member(project, Role.EDITOR)
        if project != queue.project:
            WorkloadFactory.create(queue=make_queue(queue.pool, project), state="running")
    QueueFactory.create_batch(3)
    assert {url: queries(browser, url) for url in urls} == few
