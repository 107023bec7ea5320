"""Runs side by side, and what people do with runs that they keep: notes, deleting, restoring."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import User
from apps.access.states import Role
from apps.common.models import AuditEvent, Event
from apps.experiments.models import Run, RunInput
from apps.quotas.models import Attempt
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.experiments import (
    RESULT,
    ArtifactFactory,
    RunFactory,
    next_attempt,
    run_of,
    started,
    succeeded_run,
)

pytestmark = pytest.mark.django_db
COMPARE = "/api/v1/runs/compare"
ENVIRONMENT = {
    "python": "3.11.7", "platform": "linux", "hostname": "node-1", "cpu_count": 8, "torch": None, "gpus": [],
    "driver": "", "git_commit": "4f2c91", "packages": {"numpy": "2.1.0"},
}  # fmt: skip


@pytest.fixture
def project() -> Any:
    return ProjectFactory.create(name="risk")


@pytest.fixture
def user(project: Any) -> User:
    return member(project, Role.EDITOR)


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def compared(client: APIClient, *runs: Run) -> list[dict[str, Any]]:
    answer = client.get(COMPARE, {"run": [run.pk for run in runs]})
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["runs"]
    return found


def test_each_run_brings_what_can_be_set_beside_the_others(client: APIClient, project: Any) -> None:
    run = succeeded_run(project=project, parameters={"lr": 0.1})
    attempt = Attempt.objects.get(workload=run.workload_id)
    Attempt.objects.filter(pk=attempt.pk).update(environment=ENVIRONMENT)
    Run.objects.filter(pk=run.pk).update(summary={"val/loss": {"last": 0.1}, "auc": {"last": 0.9}})
    RunInput.objects.create(run=run, project=run.project, name="extra", document={"digest": "9f86d081"})
    bare = RunFactory.create(
        project=project, kind="tracked", script="", dataset_version=None, labels={"mlflow.source.git.commit": "abc"}
    )
    first, second = compared(client, run, bare)
    assert (first["run"]["id"], first["run"]["parameters"]) == (str(run.pk), {"lr": 0.1})
    assert first["environment"]["packages"] == {"numpy": "2.1.0"}
    assert first["source"] == {
        "script_sha256": hashlib.sha256(run.script.encode()).hexdigest(),
        "bundle": None,
        "bundle_sha256": "",
        "command": [],
        "image": "",
        "git_commit": "4f2c91",
    }
    data, extra = first["inputs"]
    assert (data["name"], data["dataset_version"]) == ("data", str(run.dataset_version_id))
    assert (extra["name"], extra["dataset_version"], extra["digest"]) == ("extra", None, "9f86d081")
    assert [(each["name"], each["kind"]) for each in first["artifacts"]] == [
        ("model", "model"),
        ("preprocessor", "preprocessor"),
    ]
    assert first["evaluation"] == RESULT["evaluation"]
    assert first["modes"] == {"val/loss": "min", "auc": "max"}
    assert (second["environment"], second["inputs"], second["artifacts"], second["evaluation"]) == (None, [], [], None)
    assert (second["source"]["script_sha256"], second["source"]["git_commit"]) == ("", "abc")


def test_the_environment_is_that_of_the_latest_attempt_that_has_said_so(client: APIClient, project: Any) -> None:
    first = started(project=project)
    second = next_attempt(first)
    next_attempt(second)
    for attempt, python in ((first, "3.10.1"), (second, "3.11.7")):
        Attempt.objects.filter(pk=attempt.pk).update(environment={**ENVIRONMENT, "python": python})
    (found,) = compared(client, run_of(first))
    assert found["environment"]["python"] == "3.11.7"


def test_the_same_queries_for_two_runs_and_for_ten(client: APIClient, project: Any) -> None:
    runs = [run_of(started(project=project)) for _ in range(10)]
    for run in runs:
        ArtifactFactory.create(project=project, run=run)
    counts = []
    for some in (runs[:2], runs):
        with CaptureQueriesContext(connection) as queries:
            assert [each["run"]["id"] for each in compared(client, *some)] == [str(run.pk) for run in some]
        counts.append(len(queries))
    assert counts == [4, 4]


def test_one_that_is_hidden_makes_it_not_found(client: APIClient, project: Any) -> None:
    mine, other = RunFactory.create(project=project), RunFactory.create()
    answer = client.get(COMPARE, {"run": [mine.pk, other.pk]})
    assert answer.status_code == 404
    assert str(other.pk) not in answer.content.decode()


@pytest.mark.parametrize("number", [0, 51])
def test_no_more_than_fifty(client: APIClient, project: Any, number: int) -> None:
    run = RunFactory.create(project=project)
    assert client.get(COMPARE, {"run": [run.pk] * number}).status_code == 400


def test_notes_are_kept_as_written_and_shown_as_safe_html(client: APIClient, project: Any) -> None:
    run = RunFactory.create(project=project)
    path = f"/api/v1/runs/{run.pk}/notes"
    assert client.get(path).json() == {"notes": "", "html": ""}
    shown = {"notes": "**flat** <b>", "html": "<p><strong>flat</strong> &lt;b&gt;</p>\n"}
    for _ in range(2):
        assert client.put(path, {"notes": " **flat** <b>\n"}, format="json").json() == shown
    assert client.get(path).json() == shown
    assert AuditEvent.objects.filter(action="run.noted").count() == 1, "what changes nothing is no event"
    assert client.put(path, {"notes": "x" * 20_001}, format="json").status_code == 400


def test_notes_are_not_written_over_those_that_the_writer_has_not_seen(client: APIClient, project: Any) -> None:
    run = RunFactory.create(project=project, notes="first")
    path = f"/api/v1/runs/{run.pk}/notes"
    assert client.put(path, {"notes": "mine", "before": "first"}, format="json").json()["notes"] == "mine"
    refused = client.put(path, {"notes": "theirs", "before": "first"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "stale_state")
    assert client.get(path).json()["notes"] == "mine"
    assert AuditEvent.objects.filter(action="run.noted").count() == 1
    same = client.put(path, {"notes": "mine", "before": "first"}, format="json")
    assert same.status_code == 200, "what an answer that was lost has written is no conflict"
    assert client.put(path, {"notes": "theirs", "before": " mine\n"}, format="json").json()["notes"] == "theirs"


def test_what_is_deleted_is_out_of_the_lists_and_can_be_restored(client: APIClient, project: Any) -> None:
    run = RunFactory.create(project=project)
    path = f"/api/v1/runs/{run.pk}"
    assert client.delete(path).status_code == 204
    assert client.get("/api/v1/runs/table").json()["total"] == 0
    assert client.get(path).json()["deleted_at"] is not None
    assert client.delete(path).status_code == 204
    assert client.post(f"{path}/restore").json()["deleted_at"] is None
    assert client.get("/api/v1/runs/table").json()["total"] == 1
    assert list(Event.objects.filter(kind__startswith="run.").order_by("id").values_list("kind", flat=True)) == [
        "run.deleted",
        "run.restored",
    ]


def test_a_run_whose_job_goes_on_is_not_deleted(client: APIClient, project: Any) -> None:
    run = run_of(started(project=project))
    assert client.delete(f"/api/v1/runs/{run.pk}").status_code == 409
    run.refresh_from_db()
    assert run.deleted_at is None
