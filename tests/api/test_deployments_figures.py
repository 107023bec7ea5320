"""Figures over REST: sent by the gateway and by replicas, read by people."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from uuid6 import uuid7

from apps.access.models import Project, User
from apps.access.states import Role
from apps.common import clock
from apps.deployments.api.figures import FIGURES
from apps.deployments.models import Endpoint, EndpointSecond, Revision
from apps.quotas.services.attempt_tokens import issue
from tests.support.bulk import clone_many
from tests.support.factories.access import ProjectFactory, UserFactory, member, token_for
from tests.support.factories.deployments import RevisionFactory
from tests.support.factories.quotas import WorkloadFactory, serving_spec
from tests.support.figures import SOURCE, packed, second

pytestmark = pytest.mark.django_db
API = "/api/v1"
GATEWAY, REPLICA = f"{API}/runtime/gateway/figures", f"{API}/runtime/attempts/self/figures"


@pytest.fixture
def revision() -> Revision:
    workload = WorkloadFactory.create(spec_object=serving_spec(), state="running")
    made: Revision = RevisionFactory.create(
        project=workload.project, workload=workload, state="ready", weight=100, ready_replicas=1
    )
    return made


@pytest.fixture
def viewer(revision: Revision) -> User:
    return member(revision.project, Role.VIEWER)


def bearer(token: str) -> APIClient:
    made = APIClient()
    made.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return made


def signed_in(user: User) -> APIClient:
    made = APIClient()
    made.force_authenticate(user)
    return made


def gateway() -> APIClient:
    return bearer(settings.BEDPLATE_GATEWAY_TOKEN)


def replica(revision: Revision) -> APIClient:
    attempt = revision.workload.attempts.get()
    return bearer(issue(attempt.pk, clock.now() + timedelta(hours=1)))


def body_of(revision: Revision | None, *seconds: float, number: int | None = None, **figure: Any) -> dict[str, Any]:
    """One second, which ended just now."""
    now = clock.db_now().timestamp()
    whose = {"endpoint": str(revision.endpoint_id), "revision": str(revision.pk)} if revision else {}
    counts = {
        "requests": len(seconds),
        "caller_errors": 0,
        "server_errors": 0,
        "latencies": base64.b64encode(packed(*seconds)).decode(),
    }
    numbered = {"number": int(now) - 1 if number is None else number, "figures": [{**counts, **whose, **figure}]}
    return {"source": str(SOURCE), "sent_at": now, "seconds": [numbered]}


class TestSending:
    def test_the_gateway_is_told_what_was_new(self, revision: Revision) -> None:
        body = body_of(revision, 0.01, 0.02)
        assert [gateway().post(GATEWAY, body).json() for _ in range(2)] == [{"accepted": 1}, {"accepted": 0}]
        row = EndpointSecond.objects.get()
        assert (row.endpoint_id, row.revision_id, row.seen_by, row.requests, row.number) == (
            revision.endpoint_id,
            revision.pk,
            "gateway",
            2,
            body["seconds"][0]["number"],
        )

    def test_a_replica_sends_with_its_attempts_token(self, revision: Revision) -> None:
        body = body_of(None, 0.002) | {"rank": 0}
        assert [replica(revision).post(REPLICA, body).json() for _ in range(2)] == [{"accepted": 1}, {"accepted": 0}]
        assert EndpointSecond.objects.get().seen_by == "replicas"

    def test_nobody_else_sends(self, revision: Revision, viewer: User) -> None:
        token = token_for(member(revision.project, Role.ADMIN), "read", "write", "admin")
        attempts = issue(revision.workload.attempts.get().pk, clock.now() + timedelta(hours=1))
        for address, wrong in ((GATEWAY, attempts), (REPLICA, settings.BEDPLATE_GATEWAY_TOKEN)):
            for client in (APIClient(), bearer(token), bearer("wrong"), bearer(wrong)):
                assert client.post(address, body_of(revision, 0.01)).status_code == 401
        assert EndpointSecond.objects.count() == 0

    def test_a_replica_of_an_ended_attempt_sends_no_more(self, revision: Revision) -> None:
        client = replica(revision)
        revision.workload.attempts.update(ended_at=clock.now())
        answer = client.post(REPLICA, body_of(None, 0.002))
        assert (answer.status_code, answer.json()["code"]) == (401, "attempt_superseded")

    @pytest.mark.parametrize(
        "change, says",
        [
            (lambda body: body.pop("source"), "Object missing required field `source`"),
            (lambda body: body.update(source="me"), "Invalid UUID - at `$.source`"),
            (lambda body: body.update(sent_at=-1), "at `$.sent_at`"),
            (lambda body: figure_of(body).update(requests=-1), "at `$.seconds[0].figures[0].requests`"),
            (lambda body: figure_of(body).update(requests=7), "seconds[0].figures[0]: 7 requests, 1 times, 0 errors"),
            (lambda body: figure_of(body).update(latencies="?"), "at `$.seconds[0].figures[0].latencies`"),
            (lambda body: figure_of(body).update(endpoint="x"), "seconds[0].figures[0].endpoint: not an id"),
            (lambda body: body["seconds"][0].update(number=0), "seconds[0].figures[0]: the second is "),
        ],
    )
    def test_what_cannot_be_is_refused_by_place(self, revision: Revision, change: Any, says: str) -> None:
        body = body_of(revision, 0.01)
        change(body)
        answer = gateway().post(GATEWAY, body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert says in answer.json()["detail"]
        assert EndpointSecond.objects.count() == 0

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
    def test_what_is_no_json_is_refused(self, content: bytes) -> None:
        answer = gateway().post(GATEWAY, content, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) in ((400, "parse_error"), (400, "invalid"))

    def test_too_many_at_once_are_refused(self, revision: Revision) -> None:
        body = body_of(revision, 0.01)
        body["seconds"] = body["seconds"] * 3601
        answer = gateway().post(GATEWAY, json.dumps(body), content_type="application/json")
        assert (answer.status_code, EndpointSecond.objects.count()) == (413, 0)


class TestTrouble:
    ADDRESS = f"{API}/runtime/attempts/self/trouble"

    def test_a_replica_says_why_it_cannot_start(self, revision: Revision) -> None:
        answer = replica(revision).post(self.ADDRESS, {"rank": 0, "detail": "no model"})
        assert (answer.status_code, Revision.objects.get().trouble) == (200, "no model")

    def test_nobody_else_does(self, revision: Revision, viewer: User) -> None:
        for client in (APIClient(), bearer(token_for(viewer)), gateway(), bearer("wrong")):
            assert client.post(self.ADDRESS, {"rank": 0, "detail": "no model"}).status_code == 401
        assert replica(revision).post(self.ADDRESS, {"rank": 1, "detail": "no model"}).status_code == 400
        assert Revision.objects.get().trouble == ""


def figure_of(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["seconds"][0]["figures"][0]
    return found


class TestReading:
    def test_whoever_sees_the_endpoint_sees_its_figures(self, revision: Revision, viewer: User) -> None:
        now = clock.db_now().replace(microsecond=0)
        second(revision, now - timedelta(seconds=20), 0.01, 0.01)
        asked = {"since": (now - timedelta(seconds=30)).isoformat(), "step": 10}
        answer = signed_in(viewer).get(f"{API}/endpoints/{revision.endpoint_id}/figures", asked)
        assert answer.status_code == 200, answer.content
        found = answer.json()
        assert found["step_seconds"] == 10
        assert found.keys() == FIGURES.keys()
        (one,), (shown,) = found["gateway"]["revisions"], FIGURES["gateway"]["revisions"]
        assert (one.keys(), found["gateway"]["total"].keys()) == (shown.keys(), FIGURES["gateway"]["total"].keys())
        assert sum(found["gateway"]["total"]["requests_per_second"]) == pytest.approx(0.2)
        assert [one["number"] for one in found["gateway"]["revisions"]] == [1]
        assert found["replicas"]["revisions"] == []

    def test_who_goes_on_too_early_is_told_that_there_is_nothing_yet(self, revision: Revision, viewer: User) -> None:
        client, address = signed_in(viewer), f"{API}/endpoints/{revision.endpoint_id}/figures"
        second(revision, clock.db_now().replace(microsecond=0) - timedelta(seconds=20), 0.01)
        first = client.get(address, {"step": 1}).json()
        again = client.get(address, {"step": 1, "since": first["until"]})
        assert again.status_code == 200, again.content
        assert again.json()["until"] >= first["until"]
        assert again.json()["gateway"]["total"]["requests_per_second"] == [0.0] * len(again.json()["times"])

    def test_strangers_find_nothing(self, revision: Revision) -> None:
        stranger = UserFactory.create(organisation=revision.organisation)
        hidden = signed_in(stranger).get(f"{API}/endpoints/{revision.endpoint_id}/figures")
        missing = signed_in(stranger).get(f"{API}/endpoints/{uuid7()}/figures")
        assert (hidden.status_code, missing.status_code) == (404, 404)

    @pytest.mark.parametrize(
        "asked, field",
        [
            ({"step": 0}, "step"),
            ({"step": 3601}, "step"),
            ({"step": "x"}, "step"),
            ({"since": "yesterday"}, "since"),
            ({"since": "2020-01-01T00:00:00Z"}, "since"),
            ({"since": "2999-01-01T00:00:00Z"}, "since"),
            ({"until": "1970-01-01T00:00:00Z"}, "since"),
        ],
    )
    def test_a_wrong_question_is_refused_by_name(
        self, revision: Revision, viewer: User, asked: dict[str, Any], field: str
    ) -> None:
        answer = signed_in(viewer).get(f"{API}/endpoints/{revision.endpoint_id}/figures", asked)
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])

    def test_as_many_queries_for_many_figures_as_for_few(self, revision: Revision, viewer: User) -> None:
        client, counts = signed_in(viewer), []
        first = second(revision, clock.db_now() - timedelta(seconds=20), 0.01)
        for more in (0, 500):
            clone_many(first, more)
            with CaptureQueriesContext(connection) as queries:
                client.get(f"{API}/endpoints/{revision.endpoint_id}/figures")
            counts.append(len(queries))
        assert counts == [3, 3]

    def test_lists_show_the_mean_of_the_last_ten_seconds(self, revision: Revision, viewer: User) -> None:
        now = clock.db_now()
        for age in (1, 5, 10, 14):  # too new, in, in, too old
            second(revision, now - timedelta(seconds=age), *[0.01] * 20)
        second(revision, now - timedelta(seconds=5), 0.01, seen_by="replicas")
        clone_many(Endpoint.objects.get(), 3)
        rows = signed_in(viewer).get(f"{API}/endpoints").json()["results"]
        assert sorted(row["requests_per_second"] for row in rows) == [0.0, 0.0, 0.0, 4.0]


def test_the_project_of_another_shows_none(revision: Revision) -> None:
    other: Project = ProjectFactory.create(organisation=revision.organisation)
    rows = signed_in(member(other)).get(f"{API}/endpoints").json()["results"]
    assert rows == []
