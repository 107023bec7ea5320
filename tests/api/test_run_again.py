"""Submitting again: the request of a run, the same run once more, tags, and what forms are built from."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.models import Project, User
from apps.access.states import Role
from apps.common import clock
from apps.common.models import AuditEvent
from apps.experiments.api.trainer_forms import PARAMETERS
from apps.experiments.models import Run
from apps.experiments.specs import trainer_script
from apps.quotas.models import Workload
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.datasets import DatasetVersionFactory, pool_ready
from tests.support.factories.experiments import ExperimentFactory
from workers.contracts.trainers import TABULAR_CLASSIFIER, TRAINERS

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def project() -> Project:
    pool_ready()
    found: Project = ProjectFactory.create()
    return found


@pytest.fixture
def user(project: Project) -> User:
    return member(project, Role.EDITOR)


@pytest.fixture
def client(user: User) -> APIClient:
    made = APIClient()
    made.force_authenticate(user)
    return made


def body_of(project: Project, **changes: Any) -> dict[str, Any]:
    return {
        "experiment": str(ExperimentFactory.create(project=project).pk),
        "name": "risk",
        "dataset_version": str(DatasetVersionFactory.create(project=project).pk),
        "script": "print(1)\n",
        **changes,
    }


def submitted(client: APIClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(f"{API}/runs", body)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def end(run: dict[str, Any]) -> None:
    Run.objects.filter(pk=run["id"]).update(state="failed", ended_at=clock.now())


def test_the_request_of_a_run_can_be_sent_again(client: APIClient, project: Project) -> None:
    asked = {"cpu_millis": 500, "memory_bytes": 64 << 20, "gpus": 0, "flavor": ""}
    body = body_of(
        project,
        parameters={"lr": 0.1},
        resources=asked,
        time_limit_seconds=90,
        tags=["b", "a", "b"],
        count_min=2,
        count_max=3,
    )
    run = submitted(client, body)
    again = client.get(f"{API}/runs/{run['id']}/as-request").json()
    assert again == {
        **body,
        "name": "risk-2",
        "kind": "script",
        "secrets": [],
        "tags": ["a", "b"],
        "priority_class": None,
        "bundle": None,
        "command": [],
        "image": "",
        "requirements": "",
        "environment": {},
        "seed": None,
        "inputs": [],
        "retries": {},
        "pool": "local",
    }
    second = submitted(client, again)
    assert second["parameters"] == {"lr": 0.1}
    assert client.get(f"{API}/runs/{second['id']}/as-request").json()["name"] == "risk-3"
    assert client.get(f"{API}/runs/{run['id']}/as-request").json()["name"] == "risk-3"


def test_a_run_that_has_ended_runs_again(client: APIClient, project: Project, user: User) -> None:
    run = submitted(client, body_of(project, parameters={"lr": 0.1}, tags=["gold"]))
    active = client.post(f"{API}/runs/{run['id']}/retry")
    assert (active.status_code, active.json()["code"]) == (409, "conflict")
    end(run)
    answer = client.post(f"{API}/runs/{run['id']}/retry", {}, headers={"Idempotency-Key": "once"})
    assert answer.status_code == 201, answer.content
    again = answer.json()
    assert (again["retry_of"], again["name"], again["state"]) == (run["id"], "risk-2", "queued")
    for name in (
        "parameters",
        "resources",
        "script",
        "time_limit_seconds",
        "tags",
        "dataset_version",
        "experiment",
        "count_max",
    ):
        assert again[name] == run[name]
    assert again["requested_by"] == str(user.pk)
    repeated = client.post(f"{API}/runs/{run['id']}/retry", {}, headers={"Idempotency-Key": "once"})
    assert repeated.json()["id"] == again["id"]
    named = client.post(f"{API}/runs/{run['id']}/retry", {"name": "by hand"}).json()
    assert named["name"] == "by hand"
    assert client.post(f"{API}/runs/{run['id']}/retry", {"name": "by hand"}).status_code == 400


def test_a_run_keeps_its_priority_when_it_is_run_again(project: Project) -> None:
    client = APIClient()
    client.force_authenticate(member(project, Role.ADMIN))
    run = submitted(client, body_of(project, priority_class="high"))
    assert run["priority_class"] == "high"
    assert client.get(f"{API}/runs/{run['id']}/as-request").json()["priority_class"] == "high"
    workload = Workload.objects.get(pk=run["workload"])
    assert (workload.priority, workload.preemption) == (100, "lower_priority")
    end(run)
    again = client.post(f"{API}/runs/{run['id']}/retry", {}).json()
    assert (again["priority_class"], Workload.objects.get(pk=again["workload"]).priority) == ("high", 100)


def test_a_priority_that_nobody_named_is_refused(client: APIClient, project: Project) -> None:
    answer = client.post(f"{API}/runs", body_of(project, priority_class="urgent"))
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["priority_class"])
    assert not Run.objects.exists()


def test_a_dataset_that_the_caller_does_not_see_is_not_trained_on_again(client: APIClient, project: Project) -> None:
    run = submitted(client, body_of(project))
    end(run)
    Run.objects.filter(pk=run["id"]).update(dataset_version=DatasetVersionFactory.create())
    assert client.post(f"{API}/runs/{run['id']}/retry").status_code == 404
    assert Run.objects.count() == 1


def test_tags_take_the_place_of_tags(client: APIClient, project: Project) -> None:
    run = submitted(client, body_of(project))
    answer = client.put(f"{API}/runs/{run['id']}/tags", {"tags": [" gold ", "a", "gold"]})
    assert answer.json()["tags"] == ["a", "gold"]
    client.put(f"{API}/runs/{run['id']}/tags", {"tags": ["gold", "a"]})
    assert AuditEvent.objects.filter(action="run.tagged").count() == 1
    assert client.put(f"{API}/runs/{run['id']}/tags", {"tags": []}).json()["tags"] == []


@pytest.mark.parametrize("tags", [["x" * 41], [""], [" "], [str(number) for number in range(21)], "gold"], ids=str)
def test_what_is_no_tag_is_refused(client: APIClient, project: Project, tags: Any) -> None:
    run = submitted(client, body_of(project))
    assert client.put(f"{API}/runs/{run['id']}/tags", {"tags": tags}).status_code == 400


def test_a_built_in_trainer_brings_its_script_and_defaults(client: APIClient, project: Project) -> None:
    body = body_of(project, kind="tabular_classifier", parameters={"epochs": 3}, count_max=2)
    del body["script"]
    run = submitted(client, body)
    assert (run["count_min"], run["count_max"]) == (1, 2)
    assert (run["kind"], run["script"]) == ("tabular_classifier", trainer_script("tabular_classifier"))
    assert run["parameters"] == {**{name: one.default for name, one in TABULAR_CLASSIFIER.items()}, "epochs": 3}
    again = client.get(f"{API}/runs/{run['id']}/as-request").json()
    assert (again["script"], again["kind"]) == ("", "tabular_classifier")
    end(run)
    assert client.post(f"{API}/runs/{run['id']}/retry").json()["parameters"] == run["parameters"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "tabular_classifier", "script": "print(1)"}, "script"),
        ({"kind": "tabular_classifier", "script": "", "parameters": {"epochs": 0}}, "parameters.epochs"),
        ({"kind": "tabular_classifier", "script": "", "parameters": {"rate": 1}}, "parameters.rate"),
        ({"kind": "tabular_regressor", "script": ""}, "parameters.target"),
        ({"kind": "text_classifier", "script": "", "parameters": {"precision": "half"}}, "parameters.precision"),
        ({"kind": "none"}, "kind"),
        ({"script": ""}, "script"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_for_is_refused_by_field(
    client: APIClient, project: Project, changes: dict[str, Any], field: str
) -> None:
    answer = client.post(f"{API}/runs", body_of(project, **changes))
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


def test_forms_have_words_in_both_languages_and_the_bounds_that_are_checked(client: APIClient) -> None:
    found = client.get(f"{API}/run-kinds").json()
    kinds = {one["kind"]: one for one in found["kinds"]}
    assert list(kinds) == [*TRAINERS, "script", "bundle", "image"]
    for kind, known in TRAINERS.items():
        form = kinds[kind]["parameters"]
        assert list(form["properties"]) == list(known)
        assert form["required"] == (["target"] if kind == "tabular_regressor" else [])
        for one in form["properties"].values():
            assert all([one["title"], one["description"], *one["x-zh-hans"].values()])
    properties = kinds["tabular_classifier"]["parameters"]["properties"]
    assert (properties["precision"]["enum"][0], properties["precision"]["default"]) == ("auto", "auto")
    assert set(PARAMETERS) == {name for known in TRAINERS.values() for name in known}
    rate = properties["learning_rate"]
    assert (rate["type"], rate["default"], rate["exclusiveMinimum"], rate["maximum"]) == ("number", 1e-3, 0, 10)
    for one in [*kinds.values(), *properties.values(), *found["request"]["properties"].values()]:
        assert one["title"]
        assert one["description"]
        assert one["x-zh-hans"]["title"]
        assert one["x-zh-hans"]["description"]
    assert found["request"]["required"] == ["name"]
