"""What a run's job calls with its attempt token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.common import clock
from apps.common.storage import store
from apps.experiments.models import Artifact, Checkpoint
from apps.quotas.models import Attempt
from apps.quotas.services.attempt_tokens import issue
from tests.support.factories.access import UserFactory, member, token_for
from tests.support.factories.experiments import next_attempt, run_of, started
from tests.support.factories.quotas import AttemptFactory

pytestmark = pytest.mark.django_db
RUNTIME = "/api/v1/runtime"


def job(attempt: Attempt) -> APIClient:
    client = APIClient()
    token = issue(attempt.pk, clock.now() + timedelta(hours=1))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def written(attempt: Attempt, name: str, content: bytes = b"content") -> dict[str, Any]:
    stored = store().put(f"attempts/{attempt.pk}/{name}", [content])
    return {"uri": f"bedplate://{stored.path}", "sha256": stored.sha256, "size_bytes": stored.size_bytes}


def test_an_artifact_is_acknowledged_once() -> None:
    attempt = started()
    body = {"name": "model", "kind": "model", **written(attempt, "artifacts/model/model.onnx")}
    first, again = (job(attempt).post(f"{RUNTIME}/artifacts", body) for _ in range(2))
    artifact = Artifact.objects.get()
    assert (first.status_code, first.json()) == (201, {"id": str(artifact.pk)})
    assert (again.status_code, again.json()) == (201, {"id": str(artifact.pk)})
    assert (artifact.run_id, artifact.metadata) == (run_of(attempt).pk, {})


@pytest.mark.parametrize(
    "change, field",
    [
        ({"kind": "picture"}, "kind"),
        ({"name": "../model"}, "name"),
        ({"sha256": "A" * 64}, "sha256"),
        ({"size_bytes": -1}, "size_bytes"),
        ({"metadata": []}, "metadata"),
    ],
)
def test_a_wrong_value_is_named(change: dict[str, Any], field: str) -> None:
    attempt = started()
    body = {"name": "model", "kind": "model", **written(attempt, "artifacts/model/model.onnx")}
    answer = job(attempt).post(f"{RUNTIME}/artifacts", body | change)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


def test_another_file_than_announced_is_a_conflict() -> None:
    attempt = started()
    body = {"step": 5, **written(attempt, "checkpoints/step-5.pt"), "size_bytes": 1}
    answer = job(attempt).post(f"{RUNTIME}/checkpoints", body)
    assert (answer.status_code, answer.json()["code"], Checkpoint.objects.count()) == (409, "file_differs", 0)


def test_the_next_attempt_is_given_the_last_checkpoint() -> None:
    first = started()
    assert job(first).get(f"{RUNTIME}/checkpoints/latest").status_code == 404
    said = written(first, "checkpoints/step-5.pt")
    made = job(first).post(f"{RUNTIME}/checkpoints", {"step": 5, "metadata": {"epoch": 1}, **said})
    assert (made.status_code, made.json()) == (201, {"id": str(Checkpoint.objects.get().pk)})
    second = next_attempt(first)
    answer = job(second).get(f"{RUNTIME}/checkpoints/latest")
    path = store().local_path(f"attempts/{first.pk}/checkpoints/step-5.pt")
    assert answer.json() == {"step": 5, **said, "path": str(path), "url": None, "metadata": {"epoch": 1}}
    assert run_of(second).attempt_starts == {"2": 5}


@pytest.mark.parametrize("path", ["artifacts", "checkpoints"])
def test_only_an_open_attempt_of_a_run_gets_in(path: str) -> None:
    attempt = started()
    body = {"name": "m", "kind": "model", "step": 1, **written(attempt, "artifacts/m")}
    assert APIClient().post(f"{RUNTIME}/{path}", body).status_code == 401
    person = APIClient()
    person.credentials(HTTP_AUTHORIZATION=f"Bearer {token_for(UserFactory.create())}")
    assert person.post(f"{RUNTIME}/{path}", body).status_code == 401
    other = AttemptFactory.create()
    theirs = {**body, **written(other, "artifacts/m")}
    assert job(other).post(f"{RUNTIME}/{path}", theirs).json()["code"] == "forbidden"
    assert job(started()).post(f"{RUNTIME}/{path}", body).json()["code"] == "forbidden"
    next_attempt(attempt)
    superseded = job(attempt).post(f"{RUNTIME}/{path}", body)
    assert (superseded.status_code, superseded.json()["code"]) == (401, "attempt_superseded")
    assert (Artifact.objects.count(), Checkpoint.objects.count()) == (0, 0)


def test_parameters_that_the_code_chose_are_the_runs_and_written_once() -> None:
    attempt = started()
    given = {"optimiser": "adamw", "warmup": 500, "fused": True, "note": None}
    answers = [job(attempt).post(f"{RUNTIME}/parameters", {"parameters": given}, format="json") for _ in range(2)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"parameters": given})] * 2
    run = run_of(attempt)
    assert {name: run.parameters[name] for name in given} == given
    assert run.provenance["logged_parameters"] == sorted(given)
    reader = APIClient()
    reader.force_authenticate(member(run.project))
    assert reader.get(f"/api/v1/runs/{run.pk}").json()["logged_parameters"] == sorted(given)
    other = {"parameters": {"fresh": 1, "warmup": 501}}
    assert job(attempt).post(f"{RUNTIME}/parameters", other, format="json").status_code == 400
    assert "fresh" not in run_of(attempt).parameters


@pytest.mark.parametrize(
    "given",
    [{}, {"": 1}, {"a\n": 1}, {"a": [1]}, {"a": {"b": 1}}, {"a": "x" * 6001}, {str(n): n for n in range(101)}, [1]],
    ids=lambda given: str(given)[:20],
)
def test_parameters_that_cannot_be_are_refused(given: Any) -> None:
    attempt = started()
    before = run_of(attempt).parameters
    answer = job(attempt).post(f"{RUNTIME}/parameters", {"parameters": given}, format="json")
    assert (answer.status_code, next(iter(answer.json()["fields"])).split(".")[0]) == (400, "parameters")
    assert run_of(attempt).parameters == before


def test_only_a_run_has_parameters() -> None:
    answer = job(AttemptFactory()).post(f"{RUNTIME}/parameters", {"parameters": {"a": 1}}, format="json")
    assert answer.status_code == 403
