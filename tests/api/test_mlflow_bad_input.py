"""What no client should send over MLflow's protocol: refused with its code, and nothing half-written."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.states import Role
from apps.experiments.models import Experiment, Run
from tests.support.factories.access import ProjectFactory, member, token_for
from tests.support.factories.experiments import ExperimentFactory, RunFactory

pytestmark = pytest.mark.django_db
API = "/api/2.0/mlflow"
DATASET = {"name": "n", "digest": "d", "source_type": "local", "source": "{}"}


@pytest.fixture
def run() -> Run:
    made: Run = RunFactory.create(parameters={"lr": "0.1"}, labels={"a": "b"})
    return made


@pytest.fixture
def client(run: Run) -> APIClient:
    return APIClient(headers={"Authorization": f"Bearer {token_for(member(run.project, Role.EDITOR))}"})


def facts(run: Run) -> tuple[Any, ...]:
    run.refresh_from_db()
    return run.name, run.parameters, run.labels, run.notes, run.outputs, run.inputs.count(), run.deleted_at


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("set-tag", {"key": "k" * 251, "value": "v"}),
        ("set-tag", {"key": "k", "value": "v" * 8001}),
        ("set-tag", {"key": "k", "value": 7}),
        ("set-tag", {"key": "k", "value": "a\x00b"}),
        ("set-tag", {"key": "", "value": "v"}),
        ("set-tag", {"value": "v"}),
        ("set-tag", {"key": "../k", "value": "v"}),
        ("set-tag", {"key": "/k", "value": "v"}),
        ("set-tag", {"key": "a//b", "value": "v"}),
        ("set-tag", {"key": "k;drop", "value": "v"}),
        ("set-tag", {"key": "mlflow.runName", "value": ""}),
        ("set-tag", {"key": "mlflow.runName", "value": "n" * 251}),
        ("delete-tag", {"key": "mlflow.runName"}),
        ("log-parameter", {"key": "lr", "value": "0.2"}),
        ("log-parameter", {"key": "p", "value": "v" * 6001}),
        ("log-parameter", {"key": "p", "value": ["v"]}),
        ("log-parameter", {"key": "p\n", "value": "v"}),
        ("update", {"status": "DONE"}),
        ("update", {"status": 9}),
        ("update", {"status": ["FINISHED"]}),
        ("update", {"end_time": "soon"}),
        ("update", {"end_time": -1}),
        ("update", {"end_time": 10**18}),
        ("update", {"run_name": "n" * 251}),
        ("log-inputs", {"datasets": {}}),
        ("log-inputs", {"datasets": [1]}),
        ("log-inputs", {"datasets": [{"dataset": {**DATASET, "name": "n" * 501}}]}),
        ("log-inputs", {"datasets": [{"dataset": DATASET}, {"dataset": {**DATASET, "digest": ""}}]}),
        ("log-inputs", {"datasets": [{"dataset": DATASET, "tags": [{"key": "k", "value": "v" * 501}]}]}),
        ("log-inputs", {"datasets": [{"dataset": DATASET}] * 1001}),
        ("log-model", {"model_json": "{"}),
        ("log-model", {"model_json": "[]"}),
    ],
)
def test_a_run_stays_as_it_is(client: APIClient, run: Run, path: str, body: dict[str, Any]) -> None:
    before = facts(run)
    answer = client.post(f"{API}/runs/{path}", {"run_id": run.pk.hex, **body}, format="json")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert facts(run) == before


@pytest.mark.parametrize(
    ("run_id", "status", "code"),
    [
        ("0" * 32, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("nothing", 404, "RESOURCE_DOES_NOT_EXIST"),
        ("../x", 400, "INVALID_PARAMETER_VALUE"),
        ("r" * 300, 400, "INVALID_PARAMETER_VALUE"),
        (7, 400, "INVALID_PARAMETER_VALUE"),
        (None, 400, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_runs_that_cannot_be(client: APIClient, run_id: Any, status: int, code: str) -> None:
    answer = client.post(f"{API}/runs/set-tag", {"run_id": run_id, "key": "k", "value": "v"}, format="json")
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


@pytest.mark.parametrize(
    "body",
    [
        {"tags": [{"key": "k" * 251, "value": "v"}]},
        {"tags": [{"value": "v"}]},
        {"tags": [{"key": f"k{n}", "value": "v"} for n in range(1001)]},
        {"start_time": "yesterday"},
        {"start_time": 1.5},
        {"run_name": "n" * 251},
        {"run_name": {"a": 1}},
        {"user_id": "u" * 251},
        {"experiment_id": "../0"},
    ],
)
def test_no_run_comes_of_it(client: APIClient, run: Run, body: dict[str, Any]) -> None:
    asked = {"experiment_id": run.experiment_id.hex, **body}
    answer = client.post(f"{API}/runs/create", asked, format="json")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": 7}, {"name": "n" * 501}, {"name": "n", "tags": [{"key": "k", "value": "v" * 20_001}]}],
)
def test_no_experiment_comes_of_it(client: APIClient, body: dict[str, Any]) -> None:
    before = Experiment.objects.count()
    answer = client.post(f"{API}/experiments/create", body, format="json")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert Experiment.objects.count() == before


@pytest.mark.parametrize(
    "body",
    [
        {"filter": "metrics.a ~ 3"},
        {"filter": "params.a = 3"},
        {"filter": 3},
        {"order_by": ["metrics.a SIDEWAYS"]},
        {"order_by": ["metrics.a"] * 21},
        {"max_results": 50_001},
        {"max_results": 0},
        {"max_results": "many"},
        {"page_token": "no token"},
        {"page_token": "e30="},
        {"run_view_type": "SOME"},
        {"experiment_ids": ["0"] * 1001},
        {"experiment_ids": [1]},
    ],
)
def test_searches_that_cannot_be(client: APIClient, run: Run, body: dict[str, Any]) -> None:
    asked = {"experiment_ids": [run.experiment_id.hex], **body}
    answer = client.post(f"{API}/runs/search", asked, format="json")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("body", ["{", "[1]", "7", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 300 + "]" * 300])
def test_bodies_that_are_no_object(client: APIClient, body: str) -> None:
    answer = client.post(f"{API}/runs/set-tag", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error_code"] in ("BAD_REQUEST", "INVALID_PARAMETER_VALUE")


def test_unicode_and_slashes_are_names_like_others(client: APIClient, run: Run) -> None:
    for key in ("α/β", "a b:c", "Ü.x-1_2"):
        answer = client.post(f"{API}/runs/set-tag", {"run_id": run.pk.hex, "key": key, "value": "≈"}, format="json")
        assert answer.status_code == 200
    run.refresh_from_db()
    assert run.labels == {"a": "b", "α/β": "≈", "a b:c": "≈", "Ü.x-1_2": "≈"}


def test_a_search_asks_as_much_whatever_it_finds(client: APIClient, run: Run, django_assert_num_queries: Any) -> None:
    """Token and user, experiment, runs, inputs; and the person, where no label says who it is."""
    asked = {"experiment_ids": [run.experiment_id.hex]}
    client.post(f"{API}/runs/search", asked, format="json")
    for count in (1, 20):
        while Run.objects.filter(experiment=run.experiment_id).count() < count:
            RunFactory.create(project=run.project, experiment=run.experiment, requested_by=member(run.project))
        with django_assert_num_queries(4 if count == 1 else 5):
            answer = client.post(f"{API}/runs/search", asked, format="json")
        assert len(answer.json()["runs"]) == count


def test_experiments_of_several_projects_are_found_without_a_name(client: APIClient, run: Run) -> None:
    ExperimentFactory.create(project=ProjectFactory.create())
    found = client.get(f"{API}/experiments/search", {"max_results": 10}).json()["experiments"]
    assert [each["experiment_id"] for each in found] == [run.experiment_id.hex]
