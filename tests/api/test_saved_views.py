"""Views of the table of runs: whose they are, who sees them, which is shown first."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.models import User
from apps.access.states import Role
from apps.experiments.models import SavedView
from apps.experiments.services import saved_views
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.experiments import SavedViewFactory

pytestmark = pytest.mark.django_db
VIEWS = "/api/v1/saved-views"
DOCUMENT = {"where": ["metrics.auc>0.8"], "columns": ["state", "params.lr"], "widths": ["180:params.lr"], "pinned": "2"}


@pytest.fixture
def project() -> Any:
    return ProjectFactory.create(name="risk")


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def user(project: Any) -> User:
    return member(project, Role.EDITOR)


@pytest.fixture
def client(user: User) -> APIClient:
    return client_of(user)


def saved(client: APIClient, project: Any, **fields: Any) -> dict[str, Any]:
    answer = client.post(VIEWS, {"project": project.pk, "name": "best", "document": DOCUMENT, **fields}, format="json")
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def test_a_view_comes_back_as_it_was_saved(client: APIClient, user: User, project: Any) -> None:
    made = saved(client, project)
    assert (made["document"], made["is_mine"], made["owner_name"]) == (DOCUMENT, True, user.username)
    assert client.get(f"{VIEWS}?project={project.pk}").json()["results"] == [made]


def test_others_see_what_is_shared_and_nothing_else(client: APIClient, project: Any) -> None:
    other = client_of(member(project, Role.VIEWER))
    private = saved(client, project, name="mine")
    shared = saved(client, project, name="ours", is_shared=True, is_default=True)
    (seen,) = other.get(VIEWS).json()["results"]
    assert (seen["name"], seen["is_mine"], seen["is_default"]) == ("ours", False, False)
    assert other.get(f"{VIEWS}/{private['id']}").status_code == 404
    refused = other.patch(f"{VIEWS}/{shared['id']}", {"name": "theirs"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert other.delete(f"{VIEWS}/{shared['id']}").status_code == 403
    client.patch(f"{VIEWS}/{shared['id']}", {"is_shared": False}, format="json")
    assert other.get(VIEWS).json()["results"] == []


def test_one_view_is_the_default_of_somebody_in_a_project(client: APIClient, user: User, project: Any) -> None:
    first = saved(client, project, name="first", is_default=True)
    second = saved(client, project, name="second", is_default=True)
    elsewhere = SavedViewFactory.create(owner=user, is_default=True)
    state = dict(SavedView.objects.values_list("name", "is_default"))
    assert state == {"first": False, "second": True, elsewhere.name: True}
    client.patch(f"{VIEWS}/{first['id']}", {"is_default": True}, format="json")
    assert client.get(f"{VIEWS}/{second['id']}").json()["is_default"] is False
    assert client.patch(f"{VIEWS}/{first['id']}", {"is_default": False}, format="json").json()["is_default"] is False


def test_a_change_keeps_what_it_does_not_name(client: APIClient, project: Any) -> None:
    made = saved(client, project, is_shared=True, is_default=True)
    changed = client.patch(f"{VIEWS}/{made['id']}", {"document": {"sort": "name"}}, format="json").json()
    assert changed == {**made, "document": {"sort": "name"}}


def test_a_name_is_free_once(client: APIClient, project: Any) -> None:
    saved(client, project)
    answer = client.post(VIEWS, {"project": project.pk, "name": "best", "document": {}}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    other = saved(client, project, name="other")
    assert client.patch(f"{VIEWS}/{other['id']}", {"name": "best"}, format="json").status_code == 409
    saved(client_of(member(project, Role.VIEWER)), project)


@pytest.mark.parametrize(
    "document",
    [{"where": "text"}, {"columns": ["x"] * 101}, {"widths": ["wide:params.lr"]}, {"where": ["x" * 500] * 40}, "text"],
    ids=["no-list", "many-columns", "no-width", "large", "no-object"],
)
def test_what_no_table_shows_is_refused(client: APIClient, project: Any, document: Any) -> None:
    answer = client.post(VIEWS, {"project": project.pk, "name": "best", "document": document}, format="json")
    assert answer.status_code == 400
    assert not SavedView.objects.exists()


def test_there_is_an_end_to_views(client: APIClient, project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_views, "VIEWS_MOST", 1)
    saved(client, project)
    answer = client.post(VIEWS, {"project": project.pk, "name": "more", "document": {}}, format="json")
    assert answer.status_code == 400
