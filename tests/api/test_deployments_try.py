"""Trying an endpoint from a page: in the caller's name, through a gateway that answers, refuses, is silent or gone."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from apps.access.models import Project, User
from apps.access.states import Role
from apps.deployments.models import Revision
from apps.deployments.services import trying
from tests.support.factories.access import ProjectFactory, UserFactory, member
from tests.support.factories.deployments import EndpointFactory, RevisionFactory

pytestmark = pytest.mark.django_db
API = "/api/v1"
MODEL_VERSION = "01936f2e-0000-7000-8000-000000000106"
RECORDS = [{"Income": 129, "Home": "rent"}]


class Gateway(ThreadingHTTPServer):
    """Answers every POST alike, and keeps what it was asked."""

    answer: tuple[int, bytes] = (200, b"{}")
    revision = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        token = self.headers["Authorization"].removeprefix("Bearer ")
        self.server.asked.append({"path": self.path, "token": token, **json.loads(body)})
        status, content = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-bedplate-revision", self.server.revision)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def gateway(settings: Any) -> Iterator[Gateway]:
    with Gateway() as server:
        settings.BEDPLATE_GATEWAY_URL = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def project() -> Project:
    found: Project = ProjectFactory.create(name="lending")
    return found


@pytest.fixture
def user(project: Project) -> User:
    return member(project, Role.VIEWER)


@pytest.fixture
def client(user: User) -> APIClient:
    made = APIClient()
    made.force_authenticate(user)
    return made


@pytest.fixture
def revision(project: Project) -> Revision:
    endpoint = EndpointFactory.create(project=project, name="risk", revisions_made=1)
    found: Revision = RevisionFactory.create(
        project=project, endpoint=endpoint, state="ready", weight=100, ready_replicas=1, addresses=["127.0.0.1:1"]
    )
    return found


def tried(client: APIClient, revision: Revision, records: Any = RECORDS) -> Any:
    return client.post(f"{API}/endpoints/{revision.endpoint_id}/try", {"records": records})


def authorized(token: str, endpoint_id: object) -> dict[str, Any]:
    """What the gateway is told of a token."""
    asks = APIClient()
    asks.credentials(HTTP_AUTHORIZATION=f"Bearer {settings.BEDPLATE_GATEWAY_TOKEN}")
    body = {"token": token, "endpoint_id": str(endpoint_id)}
    found: dict[str, Any] = asks.post(f"{API}/runtime/gateway/authorize", body).json()
    return found


def test_the_answer_is_the_gateways_with_the_revision(
    client: APIClient, user: User, revision: Revision, gateway: Gateway
) -> None:
    predictions = [{"score": 0.8134, "label": "bad"}]
    gateway.answer = (200, json.dumps({"predictions": predictions, "model_version": MODEL_VERSION}).encode())
    gateway.revision = "1"
    answer = tried(client, revision)
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "predictions": predictions,
        "model_version": MODEL_VERSION,
        "revision": {"id": str(revision.pk), "number": 1},
        "latency_ms": answer.json()["latency_ms"],
    }
    assert answer.json()["latency_ms"] > 0
    (asked,) = gateway.asked
    assert (asked["path"], asked["records"]) == ("/lending/risk/predict", RECORDS)
    assert authorized(asked["token"], revision.endpoint_id)["user"] == user.get_username()


def test_a_pass_is_for_its_endpoint_its_time_and_who_may_see_it(
    user: User, revision: Revision, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = trying.pass_of(user, revision.endpoint_id)
    assert authorized(token, revision.endpoint_id)["allowed"]
    assert not authorized(token, RevisionFactory.create().endpoint_id)["allowed"]
    assert not authorized(token[:-1] + ("A" if token[-1] != "A" else "B"), revision.endpoint_id)["allowed"]
    stranger = trying.pass_of(UserFactory.create(), revision.endpoint_id)
    assert not authorized(stranger, revision.endpoint_id)["allowed"]
    this = trying._minute()
    monkeypatch.setattr(trying, "_minute", lambda: this + 1)
    assert authorized(token, revision.endpoint_id)["allowed"]
    monkeypatch.setattr(trying, "_minute", lambda: this + 2)
    assert not authorized(token, revision.endpoint_id)["allowed"]
    monkeypatch.setattr(trying, "_minute", lambda: this)
    user.is_active = False
    user.save()
    assert not authorized(token, revision.endpoint_id)["allowed"]


def test_a_record_that_does_not_fit_is_named(client: APIClient, revision: Revision, gateway: Gateway) -> None:
    said = {"code": "invalid_record", "title": "Invalid", "detail": "record 0: Income is 'x'", "record": 0}
    gateway.answer = (422, json.dumps({**said, "field": "Income"}).encode())
    answer = tried(client, revision)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_record")
    assert answer.json()["fields"] == {"records[0].Income": ["record 0: Income is 'x'"]}
    assert answer.json()["retryable"] is False


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ((503, b'{"code": "no_ready_replica", "detail": "none"}'), 503, "no_ready_replica"),
        ((504, b'{"code": "upstream_timeout", "detail": "late"}'), 504, "upstream_timeout"),
        ((200, b"<html>a proxy's page</html>"), 502, "gateway_problem"),
        ((500, b"[]"), 500, "gateway_problem"),
    ],
    ids=str,
)
def test_problems_are_passed_on(
    client: APIClient, revision: Revision, gateway: Gateway, answer: tuple[int, bytes], status: int, code: str
) -> None:
    gateway.answer = answer
    found = tried(client, revision)
    assert (found.status_code, found.json()["code"], found.json()["retryable"]) == (status, code, True)


def test_a_gateway_that_is_gone_is_a_problem_to_try_again(client: APIClient, revision: Revision, settings: Any) -> None:
    with socket.socket() as nobody:  # bound, and not listening
        nobody.bind(("127.0.0.1", 0))
        settings.BEDPLATE_GATEWAY_URL = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        answer = tried(client, revision)
    assert (answer.status_code, answer.json()["code"]) == (503, "gateway_unavailable")


def test_nothing_is_sent_where_no_replica_can_answer(client: APIClient, revision: Revision, gateway: Gateway) -> None:
    Revision.objects.filter(pk=revision.pk).update(ready_replicas=0, addresses=[], trouble="The model is too large.")
    answer = tried(client, revision)
    assert (answer.status_code, answer.json()["code"]) == (503, "no_ready_replica")
    assert answer.json()["detail"] == "Revision 1 is ready; 0 of 1 replicas can answer. The model is too large."
    assert gateway.asked == []


@pytest.mark.parametrize("records", [[], "no", [1], [{}] * 101])
def test_what_is_no_list_of_records_is_refused(client: APIClient, revision: Revision, records: Any) -> None:
    assert tried(client, revision, records).status_code == 400


def test_the_health_says_what_is_wrong(client: APIClient, revision: Revision) -> None:
    def health() -> dict[str, Any]:
        found: dict[str, Any] = client.get(f"{API}/endpoints/{revision.endpoint_id}").json()["health"]
        return found

    fine = {"wanted_replicas": 1, "ready_replicas": 1, "last_error": "", "last_error_at": None}
    assert health() == {"status": "healthy", **fine}
    failed = RevisionFactory.create(
        project=revision.project, endpoint=revision.endpoint, number=2, state="failed", state_detail="No such file."
    )
    Revision.objects.get(pk=failed.pk)
    revision.endpoint.revisions_made = 2
    revision.endpoint.save()
    found = health()
    assert (found["status"], found["last_error"]) == ("degraded", "No such file.")
    assert found["last_error_at"] is not None
    Revision.objects.filter(pk=revision.pk).update(ready_replicas=0, addresses=[])
    assert health()["status"] == "unhealthy"
    numbers = client.get(f"{API}/endpoints/summary", {"project": str(revision.project_id)}).json()
    assert numbers == {"total": 1, "healthy": 0, "degraded": 0, "unhealthy": 1, "loading": 0, "stopped": 0}


def test_endpoints_are_found_by_name_and_by_what_they_serve(client: APIClient, revision: Revision) -> None:
    def found(**asked: Any) -> list[str]:
        rows = client.get(f"{API}/endpoints", asked).json()["results"]
        return [row["name"] for row in rows]

    version = revision.model_version
    EndpointFactory.create(project=revision.project, name="other")
    assert found(search="ris") == ["risk"]
    assert found(model_version=str(version.pk)) == ["risk"]
    assert found(model=str(version.model_id)) == ["risk"]
    assert found(model=str(version.pk)) == []
    (row,) = client.get(f"{API}/endpoints", {"search": "risk"}).json()["results"]
    assert row["revisions"][0]["model_name"] == version.model.name
