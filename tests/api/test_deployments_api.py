"""Endpoints and revisions over REST, and what the gateway asks."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from uuid6 import uuid7

from apps.access.models import Project, User
from apps.access.states import Role
from apps.deployments.models import Endpoint, Revision
from apps.quotas.models import Workload
from tests.support.bulk import clone_many
from tests.support.factories.access import ProjectFactory, UserFactory, grant, member, token_for
from tests.support.factories.datasets import pool_ready
from tests.support.factories.deployments import EndpointFactory, RevisionFactory
from tests.support.factories.experiments import ModelVersionFactory

pytestmark = pytest.mark.django_db
API = "/api/v1"
GATEWAY = f"{API}/runtime/gateway"


@pytest.fixture
def project() -> Project:
    pool_ready()
    return ProjectFactory.create()


@pytest.fixture
def user(project: Project) -> User:
    return member(project, Role.EDITOR)


@pytest.fixture
def client(user: User) -> APIClient:
    made = APIClient()
    made.force_authenticate(user)
    return made


@pytest.fixture
def gateway() -> APIClient:
    made = APIClient()
    made.credentials(HTTP_AUTHORIZATION=f"Bearer {settings.BEDPLATE_GATEWAY_TOKEN}")
    return made


def serving(project: Project, **kwargs: Any) -> Revision:
    """A revision that takes the requests with one replica."""
    made: Revision = RevisionFactory.create(
        project=project, state="ready", weight=100, ready_replicas=1, addresses=["127.0.0.1:41001"], **kwargs
    )
    return made


def body_of(project: Project, **changes: Any) -> dict[str, Any]:
    version = ModelVersionFactory.create(project=project)
    return {"project": str(project.pk), "name": "risk", "model_version": str(version.pk), **changes}


class TestEndpoints:
    def test_the_answer_has_the_address_and_the_first_revision(
        self, client: APIClient, project: Project, user: User
    ) -> None:
        body = body_of(project, replicas=2)
        answer = client.post(f"{API}/endpoints", body)
        assert answer.status_code == 201, answer.content
        endpoint, revision = Endpoint.objects.get(), Revision.objects.get()
        (shown,) = answer.json()["revisions"]
        assert answer.json() == {
            "id": str(endpoint.pk),
            "project": str(project.pk),
            "project_name": project.name,
            "name": "risk",
            "health": {
                "status": "loading",
                "wanted_replicas": 2,
                "ready_replicas": 0,
                "last_error": "",
                "last_error_at": None,
            },
            "url": f"{settings.BEDPLATE_GATEWAY_URL}/{project.name}/risk/predict",
            "state": "loading",
            "ready_replicas": 0,
            "requests_per_second": 0.0,
            "revisions": [shown],
            "created_at": answer.json()["created_at"],
        }
        assert shown == {
            "id": str(revision.pk),
            "project": str(project.pk),
            "endpoint": str(endpoint.pk),
            "number": 1,
            "model": str(revision.model_version.model_id),
            "model_name": revision.model_version.model.name,
            "model_version": body["model_version"],
            "model_version_number": 1,
            "requested_by_name": user.username,
            "trouble": "",
            "state_message": [],
            "workload": str(Workload.objects.get(owner_kind="revision").pk),
            "state": "pending",
            "state_reason": "",
            "state_detail": "",
            "state_at": shown["state_at"],
            "replicas": 2,
            "ready_replicas": 0,
            "weight": 0,
            "requested_by": str(user.pk),
            "created_at": shown["created_at"],
        }
        assert client.get(f"{API}/endpoints/{endpoint.pk}").json() == answer.json()
        found = client.get(f"{API}/endpoints", {"project": str(project.pk), "name": "risk"}).json()["results"]
        assert found == [answer.json()]

    def test_one_key_makes_one(self, client: APIClient, project: Project) -> None:
        body = body_of(project)
        first, again = (client.post(f"{API}/endpoints", body, headers={"Idempotency-Key": "k"}) for _ in range(2))
        assert (first.status_code, again.json()) == (201, first.json())
        assert (Endpoint.objects.count(), Workload.objects.filter(owner_kind="revision").count()) == (1, 1)

    @pytest.mark.parametrize(
        "change, field",
        [
            ({"name": "a/b"}, "name"),
            ({"name": ""}, "name"),
            ({"name": "x" * 61}, "name"),
            ({"replicas": 0}, "replicas"),
            ({"replicas": 101}, "replicas"),
        ],
    )
    def test_a_wrong_value_is_named(
        self, client: APIClient, project: Project, change: dict[str, Any], field: str
    ) -> None:
        answer = client.post(f"{API}/endpoints", body_of(project, **change))
        assert (answer.status_code, list(answer.json()["fields"]), Endpoint.objects.count()) == (400, [field], 0)

    def test_a_hidden_model_version_is_not_found(self, client: APIClient, project: Project) -> None:
        answer = client.post(
            f"{API}/endpoints", body_of(project) | {"model_version": str(ModelVersionFactory.create().pk)}
        )
        assert (answer.status_code, Endpoint.objects.count()) == (404, 0)

    def test_stop_answers_with_what_is_left(self, client: APIClient, project: Project) -> None:
        made = client.post(f"{API}/endpoints", body_of(project)).json()
        answer = client.post(f"{API}/endpoints/{made['id']}/stop")
        assert (answer.status_code, answer.json()["state"]) == (200, "stopped")
        assert [one["state"] for one in answer.json()["revisions"]] == ["retired"]

    def test_it_shows_the_active_revisions_and_the_newest(self, client: APIClient, project: Project) -> None:
        current = serving(project, number=2)
        endpoint = current.endpoint
        Endpoint.objects.update(revisions_made=4)
        for number, state in ((1, "retired"), (3, "failed"), (4, "failed")):
            RevisionFactory.create(project=project, endpoint=endpoint, number=number, state=state)
        shown = client.get(f"{API}/endpoints/{endpoint.pk}").json()
        assert [one["number"] for one in shown["revisions"]] == [4, 2]
        assert (shown["state"], shown["ready_replicas"]) == ("serving", 1)
        found = client.get(f"{API}/revisions", {"endpoint": str(endpoint.pk)}).json()["results"]
        assert sorted(one["number"] for one in found) == [1, 2, 3, 4]

    def test_a_page_takes_as_many_queries_for_many_as_for_one(self, client: APIClient, project: Project) -> None:
        serving(project)
        counts = []
        for more in (0, 40):
            for endpoint in clone_many(Endpoint.objects.first(), more):
                serving(project, endpoint=endpoint)
            with CaptureQueriesContext(connection) as queries:
                rows = client.get(f"{API}/endpoints", {"page_size": 100}).json()["results"]
            counts.append(len(queries))
        assert (len(rows), counts[0]) == (41, counts[1])
        assert {row["state"] for row in rows} == {"serving"}


class TestRevisions:
    def test_another_version_is_served_next(self, client: APIClient, project: Project) -> None:
        endpoint = serving(project).endpoint
        version = ModelVersionFactory.create(project=project)
        answer = client.post(f"{API}/revisions", {"endpoint": str(endpoint.pk), "model_version": str(version.pk)})
        assert answer.status_code == 201, answer.content
        assert (answer.json()["number"], answer.json()["state"], answer.json()["weight"]) == (2, "pending", 0)
        story = client.get(f"{API}/revisions/{answer.json()['id']}/story")
        assert (story.status_code, story.json()) == (200, [])

    def test_a_version_that_is_not_ready_is_a_conflict(self, client: APIClient, project: Project) -> None:
        endpoint = EndpointFactory.create(project=project)
        version = ModelVersionFactory.create(project=project, state="archived")
        answer = client.post(f"{API}/revisions", {"endpoint": str(endpoint.pk), "model_version": str(version.pk)})
        assert (answer.status_code, Revision.objects.count()) == (409, 0)


class TestGateway:
    def test_routes_carry_a_tag_and_are_not_sent_twice(self, gateway: APIClient, project: Project) -> None:
        revision = serving(project)
        first = gateway.get(f"{GATEWAY}/routes")
        assert first.json() == {
            "endpoints": [
                {
                    "project": project.name,
                    "endpoint": revision.endpoint.name,
                    "endpoint_id": str(revision.endpoint_id),
                    "revisions": [
                        {"revision_id": str(revision.pk), "number": 1, "weight": 100, "replicas": ["127.0.0.1:41001"]}
                    ],
                }
            ]
        }
        again = gateway.get(f"{GATEWAY}/routes", headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again["ETag"], again.content) == (304, first["ETag"], b"")
        Revision.objects.update(addresses=["127.0.0.1:41002"])
        changed = gateway.get(f"{GATEWAY}/routes", headers={"If-None-Match": first["ETag"]})
        assert (changed.status_code, changed["ETag"] == first["ETag"]) == (200, False)

    def test_routes_take_one_query(self, gateway: APIClient, project: Project) -> None:
        serving(project)
        for endpoint in clone_many(Endpoint.objects.first(), 30):
            serving(project, endpoint=endpoint)
        with CaptureQueriesContext(connection) as queries:
            assert len(gateway.get(f"{GATEWAY}/routes").json()["endpoints"]) == 31
        assert len(queries) == 1

    @pytest.mark.parametrize("role, allowed", [(None, False), (Role.VIEWER, True), (Role.EDITOR, True)])
    def test_who_sees_the_endpoint_may_call_it(
        self, gateway: APIClient, project: Project, role: str | None, allowed: bool
    ) -> None:
        caller = UserFactory.create(organisation=project.organisation)
        if role:
            grant(caller, project, role)
        body = {"token": token_for(caller, "infer"), "endpoint_id": str(serving(project).endpoint_id)}
        answer = gateway.post(f"{GATEWAY}/authorize", body)
        expected = {"allowed": allowed, "user": caller.username if allowed else "", "ttl_seconds": 10}
        assert (answer.status_code, answer.json()) == (200, expected)

    def test_nobody_else_may(self, gateway: APIClient, project: Project, user: User) -> None:
        endpoint = str(serving(project).endpoint_id)
        inactive = member(project, is_active=False)
        refused = {"allowed": False, "user": "", "ttl_seconds": 10}
        for token, asked in [
            (token_for(user, "read", "write", "admin"), endpoint),
            (token_for(inactive, "infer"), endpoint),
            (token_for(user, "infer")[:-1], endpoint),
            ("nonsense", endpoint),
            (token_for(user, "infer"), str(uuid7())),
        ]:
            answer = gateway.post(f"{GATEWAY}/authorize", {"token": token, "endpoint_id": asked})
            assert (answer.status_code, answer.json()) == (200, refused), token

    def test_a_question_takes_as_many_queries_whoever_asks(self, gateway: APIClient, project: Project) -> None:
        endpoint = str(serving(project).endpoint_id)
        counts = []
        for _ in range(2):
            token = token_for(member(project), "infer")
            with CaptureQueriesContext(connection) as queries:
                gateway.post(f"{GATEWAY}/authorize", {"token": token, "endpoint_id": endpoint})
            counts.append(len(queries))
            for _ in range(20):
                grant(member(project), ProjectFactory.create(), Role.VIEWER)
        assert counts == [2, 2]

    @pytest.mark.parametrize("method, path", [("get", "routes"), ("post", "authorize")])
    def test_only_the_gateway_asks(self, project: Project, user: User, method: str, path: str) -> None:
        body = {"token": "x", "endpoint_id": str(uuid7())}
        for token in (None, "wrong", token_for(user)):
            caller = APIClient()
            if token:
                caller.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
            assert getattr(caller, method)(f"{GATEWAY}/{path}", body).status_code == 401
