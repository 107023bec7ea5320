"""What a job may do over MLflow's protocol with its attempt token: its own run, what it makes, and to read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.common import clock
from apps.experiments.models import Experiment, Run
from apps.experiments.states import RunState
from apps.quotas.models import Attempt
from apps.quotas.services.attempt_tokens import issue
from tests.support.factories.experiments import ExperimentFactory, RunFactory, run_of, started

pytestmark = pytest.mark.django_db
API = "/api/2.0/mlflow"


class Job:
    """The job of a run."""

    def __init__(self) -> None:
        self.attempt: Attempt = started()
        self.run: Run = run_of(self.attempt)
        token = issue(self.attempt.pk, clock.now() + timedelta(hours=1))
        self.client = APIClient(headers={"Authorization": f"Bearer {token}"})

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(f"{API}/{path}", body or {}, format="json")

    def get(self, path: str, query: Any = None) -> Any:
        return self.client.get(f"{API}/{path}", query)


@pytest.fixture
def job() -> Job:
    return Job()


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


def test_it_finds_its_run_and_writes_to_it(job: Job) -> None:
    number = job.run.pk.hex
    assert job.get("runs/get", {"run_id": number}).json()["run"]["info"]["status"] == "RUNNING"
    assert job.post("runs/set-tag", {"run_id": number, "key": "a", "value": "b"}).status_code == 200
    assert job.post("runs/log-parameter", {"run_id": number, "key": "lr", "value": "0.1"}).status_code == 200
    job.run.refresh_from_db()
    assert (job.run.labels, job.run.parameters) == ({"a": "b"}, {"lr": "0.1"})


def test_its_end_is_not_what_its_code_says(job: Job) -> None:
    answer = job.post("runs/update", {"run_id": job.run.pk.hex, "status": "FINISHED"})
    assert (answer.status_code, answer.json()["run_info"]["status"]) == (200, "RUNNING")
    job.run.refresh_from_db()
    assert job.run.state == RunState.RUNNING


def test_it_makes_runs_in_the_experiment_of_its_own_and_writes_to_them(job: Job) -> None:
    made = job.post("runs/create", {"experiment_id": "0", "run_name": "child"}).json()["run"]["info"]
    child = Run.objects.get(pk=made["run_id"])
    assert (child.experiment_id, child.requested_by) == (job.run.experiment_id, job.run.requested_by)
    assert job.post("runs/set-tag", {"run_id": made["run_id"], "key": "a", "value": "b"}).status_code == 200
    assert job.post("runs/update", {"run_id": made["run_id"], "status": "FINISHED"}).status_code == 200


def test_a_name_that_nothing_has_means_the_experiment_of_its_run(job: Job) -> None:
    """`set_experiment` first, then `start_run`: a client logs to its run only where that is of this experiment."""
    found = job.get("experiments/get-by-name", {"experiment_name": "my experiment"}).json()["experiment"]
    assert found["experiment_id"] == job.run.experiment_id.hex
    other = ExperimentFactory.create(project=job.run.project, name="other")
    there = job.get("experiments/get-by-name", {"experiment_name": "other"}).json()["experiment"]
    assert there["experiment_id"] == other.pk.hex


def test_it_reads_its_project_and_changes_nothing_of_others(job: Job) -> None:
    other = RunFactory.create(project=job.run.project, labels={"a": "b"})
    assert job.get("runs/get", {"run_id": other.pk.hex}).status_code == 200
    for path, body in (
        ("runs/set-tag", {"key": "a", "value": "c"}),
        ("runs/delete-tag", {"key": "a"}),
        ("runs/log-parameter", {"key": "a", "value": "c"}),
        ("runs/update", {"run_name": "mine"}),
        ("runs/delete", {}),
    ):
        assert refused(job.post(path, {"run_id": other.pk.hex, **body})) == (403, "PERMISSION_DENIED"), path
    for path, body in (("experiments/delete", {}), ("experiments/update", {"new_name": "mine"})):
        answer = job.post(path, {"experiment_id": other.experiment_id.hex, **body})
        assert refused(answer) == (403, "PERMISSION_DENIED"), path
    other.refresh_from_db()
    assert (other.labels, other.deleted_at) == ({"a": "b"}, None)


def test_other_projects_are_not_there(job: Job) -> None:
    strange = RunFactory.create()
    assert refused(job.get("runs/get", {"run_id": strange.pk.hex})) == (404, "RESOURCE_DOES_NOT_EXIST")
    there = {"experiment_id": strange.experiment_id.hex}
    assert refused(job.post("runs/create", there)) == (404, "RESOURCE_DOES_NOT_EXIST")
    found = job.post("experiments/search", {}).json()["experiments"]
    assert [each["experiment_id"] for each in found] == [job.run.experiment_id.hex]
    address = f"/mlflow/{strange.project.name}{API}/experiments/create"
    assert refused(job.client.post(address, {"name": "a"}, format="json")) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert not Experiment.objects.filter(name="a").exists()


def test_a_token_of_an_attempt_that_is_over_is_refused(job: Job) -> None:
    Attempt.objects.filter(pk=job.attempt.pk).update(ended_at=clock.now())
    assert refused(job.post("experiments/search", {})) == (401, "UNAUTHENTICATED")
