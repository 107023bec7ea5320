"""The queue page: who runs, who waits, and why."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.models import Project, User
from apps.access.states import Role
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.quotas import (
    QueueFactory,
    WorkloadFactory,
    make_pool,
    make_queue,
)
from tests.support.jobs import admit, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(settings: Any) -> Project:
    settings.BEDPLATE_BACKEND = "fake"
    made: Project = ProjectFactory.create()
    return made


@pytest.fixture
def editor(project: Project) -> User:
    return member(project, Role.EDITOR)


def page(user: User | None) -> Any:
    browser = APIClient()
    if user is not None:
        browser.force_login(user)
    return browser.get("/queue")


def test_the_queue_page_asks_who_you_are() -> None:
    answer = page(None)
    assert (answer.status_code, answer.headers["Location"].endswith("?next=/queue")) == (302, True)


def test_the_queue_page_tells_position_who_what_and_why(project: Project, editor: User) -> None:
    pool = make_pool(cores=3)
    queue = make_queue(pool, project, cores=2)
    running = WorkloadFactory.create(queue=queue, state="running", name="first-run", requested_by=editor)
    WorkloadFactory.create(queue=make_queue(pool), name="of-another-project", priority=5, cpu_millis=3000)
    mine = WorkloadFactory.create(queue=queue, name="second-run", requested_by=editor, cpu_millis=2000)
    admit(mine)
    text = page(editor).content.decode()
    assert text.index("first-run") < text.index("second-run")
    assert "of-another-project" not in text
    assert f'<td class="number">{2}</td>' in text
    assert "2 cores · 1 GiB" in text
    assert fresh(mine).state_detail.replace("'", "&#x27;") in text
    assert text.count("▶") == 1
    assert text.count("◔") == 1
    assert editor.username in text
    assert fresh(running).state == "running"


def test_an_empty_queue_page_teaches(editor: User) -> None:
    text = page(editor).content.decode()
    assert "Nothing of yours runs." in text
    assert "curl -X POST http://testserver/api/v1/runs" in text


def test_the_queue_page_escapes_what_people_write(project: Project, editor: User) -> None:
    WorkloadFactory.create(project=project, name="<script>alert(1)</script>")
    assert b"<script>" not in page(editor).content


def test_the_queue_page_takes_the_same_queries_however_much_waits(
    project: Project, editor: User, django_assert_num_queries: Any
) -> None:
    queue = QueueFactory.create(project=project)
    for state in ("pending", "running"):
        WorkloadFactory.create_batch(12, queue=queue, state=state, requested_by=editor)
    browser = APIClient()
    browser.force_login(editor)
    with django_assert_num_queries(5):
        assert browser.get("/queue").status_code == 200
