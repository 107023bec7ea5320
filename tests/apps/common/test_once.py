"""Idempotency keys: a request that comes twice makes one thing."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.models import ApiToken, Project, Secret, User
from apps.common import clock
from apps.common.idempotency import keys_forget
from apps.common.models import AuditEvent, IdempotencyKey
from tests.support.concurrency import Thread
from tests.support.factories.access import ProjectFactory, TeamFactory, UserFactory, grant, member

KEY = {"Idempotency-Key": "k-1"}


def client(user: User) -> APIClient:
    found = APIClient()
    found.force_authenticate(user)
    return found


@pytest.fixture
def ann() -> User:
    user = UserFactory.create()
    user.teams.add(TeamFactory.create(organisation=user.organisation))
    return user


def post(user: User, key: str = "k-1", **body: Any) -> Any:
    return client(user).post("/api/v1/projects", body, headers={"Idempotency-Key": key})


@pytest.mark.django_db
def test_a_second_request_gets_the_first_answer(ann: User) -> None:
    first = post(ann, name="risk")
    second = post(ann, name="risk")
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert Project.objects.count() == 1
    assert AuditEvent.objects.filter(action="project.created").count() == 1


@pytest.mark.django_db
def test_the_key_of_another_request_is_refused(ann: User) -> None:
    post(ann, name="risk")
    answer = post(ann, name="churn")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_mismatch")
    assert list(Project.objects.values_list("name", flat=True)) == ["risk"]


@pytest.mark.django_db
def test_keys_of_different_callers_do_not_meet(ann: User) -> None:
    other = ProjectFactory.create()
    bo = member(other)
    bo.teams.add(TeamFactory.create(organisation=bo.organisation))
    assert post(ann, name="risk").status_code == post(bo, name="safe").status_code == 201
    assert sorted(Project.objects.values_list("name", flat=True).exclude(pk=other.pk)) == ["risk", "safe"]


@pytest.mark.django_db
def test_a_refusal_is_not_kept(ann: User) -> None:
    ProjectFactory.create(organisation=ann.organisation, name="risk")
    assert post(ann, name="risk").status_code == 409
    assert IdempotencyKey.objects.count() == 0
    Project.objects.update(name="older")
    assert post(ann, name="risk").status_code == 201


@pytest.mark.django_db
def test_too_long_a_key_is_refused(ann: User) -> None:
    answer = post(ann, key="k" * 201, name="risk")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert Project.objects.count() == 0


@pytest.mark.django_db
def test_what_is_shown_once_is_not_stored(ann: User) -> None:
    body = {"name": "ci", "scopes": ["read"]}
    first = client(ann).post("/api/v1/tokens", body, headers=KEY)
    second = client(ann).post("/api/v1/tokens", body, headers=KEY)
    text = first.json()["token"]
    assert first.json() == {**second.json(), "token": text}
    assert "token" not in second.json()
    assert ApiToken.objects.count() == 1
    assert text not in str(IdempotencyKey.objects.values_list("response_body", "request_digest"))


@pytest.mark.django_db
def test_the_digest_of_a_secret_cannot_be_tried_out(ann: User, settings: Any) -> None:
    project = ProjectFactory.create(organisation=ann.organisation)
    grant(ann, project, "admin")
    body = {"project": str(project.pk), "name": "pin", "value": "1234"}
    digests = set()
    for number, secret_key in enumerate(("a" * 50, "b" * 50)):
        settings.SECRET_KEY = secret_key
        answer = client(ann).post("/api/v1/secrets", body, headers={"Idempotency-Key": f"k-{number}"})
        assert answer.status_code == 201
        digests.add(IdempotencyKey.objects.get(key=f"k-{number}").request_digest)
    assert len(digests) == 2
    assert Secret.objects.count() == 1


@pytest.mark.django_db
def test_a_key_is_forgotten_after_two_days(ann: User) -> None:
    post(ann, key="old", name="risk")
    post(ann, key="new", name="churn")
    IdempotencyKey.objects.filter(key="old").update(created_at=clock.now() - timedelta(days=2, seconds=1))
    assert [keys_forget(), keys_forget()] == [1, 0]
    assert [row.key for row in IdempotencyKey.objects.all()] == ["new"]


@pytest.mark.django_db(transaction=True)
def test_twins_at_the_same_time_make_one(ann: User) -> None:
    barrier = threading.Barrier(4)

    def send() -> Any:
        barrier.wait(10)
        return post(ann, name="risk")

    answers = [thread.join() for thread in [Thread(partial(send)) for _ in range(4)]]
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 3
    assert Project.objects.count() == IdempotencyKey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_twins_without_a_key_leave_one_and_a_conflict(ann: User) -> None:
    barrier = threading.Barrier(2)

    def send() -> Any:
        barrier.wait(10)
        return client(ann).post("/api/v1/projects", {"name": "risk"})

    answers = [thread.join() for thread in [Thread(partial(send)) for _ in range(2)]]
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert Project.objects.count() == 1
