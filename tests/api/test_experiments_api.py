"""Experiments, runs and the registry over REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.access.models import Project, User
from apps.access.states import Role
from apps.common.storage import store
from apps.experiments.models import ModelVersion, Run
from apps.quotas.models import Workload
from tests.support.bulk import clone_many
from tests.support.factories.access import ProjectFactory, SecretFactory, grant, member
from tests.support.factories.datasets import DatasetVersionFactory, pool_ready
from tests.support.factories.experiments import (
    RESULT,
    ArtifactFactory,
    CheckpointFactory,
    ExperimentFactory,
    MetricBatchFactory,
    ModelVersionFactory,
    RegisteredModelFactory,
    RunFactory,
    run_of,
    started,
    succeeded_run,
)

pytestmark = pytest.mark.django_db
API = "/api/v1"


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


def body_of(project: Project, **changes: Any) -> dict[str, Any]:
    return {
        "experiment": str(ExperimentFactory.create(project=project).pk),
        "name": "first",
        "script": "print(1)\n",
        "dataset_version": str(DatasetVersionFactory.create(project=project).pk),
        **changes,
    }


class TestExperiments:
    def test_one_is_made_and_found_by_its_name(self, client: APIClient, project: Project) -> None:
        body = {"project": str(project.pk), "name": "risk", "goal_metric": "validation/auc"}
        made = client.post(f"{API}/experiments", body)
        assert made.status_code == 201
        told = {"project_name": project.name, "goal_mode": "", "runs": 0}
        times = {name: made.json()[name] for name in ("id", "created_at")}
        assert made.json() == {**body, **told, **times}
        found = client.get(f"{API}/experiments", {"project": str(project.pk), "name": "risk"}).json()["results"]
        assert found == [made.json()]
        assert client.get(f"{API}/experiments", {"name": "other"}).json()["results"] == []

    def test_a_name_is_taken_once(self, client: APIClient, project: Project) -> None:
        body = {"project": str(project.pk), "name": "risk"}
        assert client.post(f"{API}/experiments", body).status_code == 201
        again = client.post(f"{API}/experiments", body)
        assert (again.status_code, again.json()["fields"]) == (400, {"name": ["is taken"]})


class TestSubmit:
    def test_the_answer_is_the_run(self, client: APIClient, project: Project, user: User) -> None:
        asked = {"cpu_millis": 250, "memory_bytes": 64 << 20, "gpus": 1, "flavor": "H200"}
        SecretFactory.create(project=project, name="key")
        body = body_of(
            project, parameters={"epochs": 2}, resources=asked, secrets=["key"], time_limit_seconds=90,
            count_min=2, count_max=4,
        )  # fmt: skip
        answer = client.post(f"{API}/runs", body)
        assert answer.status_code == 201, answer.content
        run = Run.objects.get()
        times = {name: answer.json()[name] for name in ("created_at", "state_at")}
        assert answer.json() == {
            "id": str(run.pk),
            "name": "first",
            "kind": "script",
            "tags": [],
            "retry_of": None,
            "labels": {},
            "logged_parameters": [],
            "bundle": None,
            "command": [],
            "image": "",
            "environment": {},
            "requirements": "",
            "seed": None,
            "retries": {},
            "deleted_at": None,
            "project_name": project.name,
            "experiment_name": run.experiment.name,
            "dataset_name": run.dataset_version.dataset.name,
            "dataset_version_number": 1,
            "dataset_reference": "",
            "requested_by_name": user.username,
            "project": str(project.pk),
            "experiment": body["experiment"],
            "dataset_version": body["dataset_version"],
            "workload": str(Workload.objects.get().pk),
            "state": "queued",
            "state_reason": "",
            "state_detail": "",
            "state_message": [],
            "summary": {},
            "parameters": {"epochs": 2},
            "resources": asked,
            "time_limit_seconds": 90,
            "count_min": 2,
            "count_max": 4,
            "priority_class": None,
            "requested_by": str(user.pk),
            "started_at": None,
            "ended_at": None,
            "script": "print(1)\n",
            "secrets": ["key"],
            "result": None,
            **times,
        }
        assert client.get(f"{API}/runs/{run.pk}").json() == answer.json()
        workload = Workload.objects.get()
        assert (workload.count_min, workload.count_max) == (2, 4)

    def test_what_is_left_out_has_its_default(self, client: APIClient, project: Project) -> None:
        answer = client.post(f"{API}/runs", body_of(project)).json()
        assert answer["resources"] == {"cpu_millis": 1000, "memory_bytes": 2 << 30, "gpus": 0, "flavor": ""}
        assert (answer["time_limit_seconds"], answer["parameters"], answer["secrets"]) == (3600, {}, [])
        assert (answer["count_min"], answer["count_max"]) == (1, 1)

    @pytest.mark.parametrize(
        "change, field",
        [
            ({"name": ""}, "name"),
            ({"name": "x" * 121}, "name"),
            ({"script": ""}, "script"),
            ({"script": "\x00"}, "script"),
            ({"parameters": []}, "parameters"),
            ({"parameters": {"a": "\x00"}}, "spec"),
            ({"resources": {"cpu_millis": 0}}, "resources.cpu_millis"),
            ({"resources": {"memory_bytes": 1}}, "resources.memory_bytes"),
            ({"resources": {"gpus": -1}}, "resources.gpus"),
            ({"resources": {"flavor": "H200"}}, "flavor"),
            ({"time_limit_seconds": 0}, "time_limit_seconds"),
            ({"time_limit_seconds": 10**9}, "time_limit_seconds"),
            ({"count_min": 0}, "count_min"),
            ({"count_min": 3, "count_max": 2}, "count_max"),
            ({"count_max": 10_001}, "count_max"),
            ({"kind": "tabular_classifier", "script": "", "count_max": 10_001}, "count_max"),
            ({"secrets": ["nobody-knows"]}, "secrets"),
            ({"experiment": "no id"}, "experiment"),
        ],
    )
    def test_a_wrong_value_is_named(
        self, client: APIClient, project: Project, change: dict[str, Any], field: str
    ) -> None:
        answer = client.post(f"{API}/runs", body_of(project, **change))
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
        assert (Run.objects.count(), Workload.objects.count()) == (0, 0)

    def test_a_hidden_dataset_version_is_not_found(self, client: APIClient, project: Project) -> None:
        hidden = str(DatasetVersionFactory.create().pk)
        answer = client.post(f"{API}/runs", body_of(project, dataset_version=hidden))
        assert (answer.status_code, Run.objects.count()) == (404, 0)

    def test_a_visible_version_of_another_project_may_be_trained_on(
        self, client: APIClient, project: Project, user: User
    ) -> None:
        version = DatasetVersionFactory.create()
        body = body_of(project, dataset_version=str(version.pk))
        assert client.post(f"{API}/runs", body).status_code == 404
        grant(user, version.project, Role.VIEWER)
        assert client.post(f"{API}/runs", body).status_code == 201

    def test_an_unpublished_version_is_a_conflict(self, client: APIClient, project: Project) -> None:
        draft = str(DatasetVersionFactory.create(project=project, state="rejected").pk)
        answer = client.post(f"{API}/runs", body_of(project, dataset_version=draft))
        assert (answer.status_code, answer.json()["code"], Run.objects.count()) == (409, "conflict", 0)

    def test_one_key_makes_one_run(self, client: APIClient, project: Project) -> None:
        body = body_of(project)
        first, again = (client.post(f"{API}/runs", body, headers={"Idempotency-Key": "k"}) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert (Run.objects.count(), Workload.objects.count()) == (1, 1)
        other = client.post(f"{API}/runs", body | {"name": "second"}, headers={"Idempotency-Key": "k"})
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")


class TestRuns:
    def test_a_queued_run_says_what_its_workload_waits_for(self, client: APIClient, project: Project) -> None:
        made = client.post(f"{API}/runs", body_of(project)).json()
        Workload.objects.filter(pk=made["workload"]).update(
            state_reason="waiting_for_quota", state_detail="Waiting: first in queue."
        )
        for shown in (client.get(f"{API}/runs/{made['id']}").json(), client.get(f"{API}/runs").json()["results"][0]):
            assert shown["state"] == "queued"
            assert (shown["state_reason"], shown["state_detail"]) == ("waiting_for_quota", "Waiting: first in queue.")

    def test_a_list_has_neither_scripts_nor_results(self, client: APIClient, project: Project) -> None:
        RunFactory.create(project=project, result={"a": 1})
        (row,) = client.get(f"{API}/runs").json()["results"]
        assert {"script", "result", "secrets"} & set(row) == set()
        assert row["summary"] == {}

    def test_lists_are_narrowed(self, client: APIClient, project: Project) -> None:
        first, second = RunFactory.create(project=project), RunFactory.create(project=project, state="queued")
        RunFactory.create()
        for query, expected in [
            ({}, [second, first]),
            ({"ordering": "created_at"}, [first, second]),
            ({"state": "queued"}, [second]),
            ({"experiment": str(first.experiment_id)}, [first]),
            ({"dataset_version": str(second.dataset_version_id)}, [second]),
            ({"project": str(project.pk), "name": first.name}, [first]),
            ({"project": str(ProjectFactory.create().pk)}, []),
        ]:
            found = client.get(f"{API}/runs", query).json()["results"]
            assert [row["id"] for row in found] == [str(run.pk) for run in expected], query

    def test_a_page_takes_as_many_queries_for_500_as_for_one(self, client: APIClient, project: Project) -> None:
        template = RunFactory.create(project=project)
        counts = []
        for more in (0, 500):
            clone_many(template, more, workload_id=None)
            with CaptureQueriesContext(connection) as queries:
                rows = client.get(f"{API}/runs", {"page_size": 500}).json()["results"]
            counts.append(len(queries))
            assert not any('"script"' in query["sql"] for query in queries)
        assert (len(rows), counts[0]) == (500, counts[1])

    def test_stop_answers_with_the_run_as_it_is_then(self, client: APIClient, project: Project) -> None:
        waiting = client.post(f"{API}/runs", body_of(project)).json()
        stopped = client.post(f"{API}/runs/{waiting['id']}/stop")
        assert (stopped.status_code, stopped.json()["state"]) == (200, "cancelled")
        assert stopped.json()["state_reason"] == "cancelled_by_user"
        assert client.post(f"{API}/runs/{waiting['id']}/stop").json() == stopped.json()
        running = run_of(started(project=project))
        assert client.post(f"{API}/runs/{running.pk}/stop").json()["state"] == "stopping"

    def test_the_story_is_told_oldest_first(self, client: APIClient, project: Project, user: User) -> None:
        run = client.post(f"{API}/runs", body_of(project)).json()
        client.post(f"{API}/runs/{run['id']}/stop")
        story = client.get(f"{API}/runs/{run['id']}/story").json()
        assert [{**step, "at": None} for step in story] == [
            {
                "from_state": "draft", "to_state": "queued", "reason": "", "detail": "", "message": [],
                "actor_kind": "user", "actor_name": user.username, "at": None,
            },
            {
                "from_state": "queued", "to_state": "cancelled", "reason": "cancelled_by_user",
                "detail": f"Stopped by {user.username}.",
                "message": [{"code": "stopped_by", "params": {"actor": user.username}}],
                "actor_kind": "system", "actor_name": "reconcile", "at": None,
            },
        ]  # fmt: skip


class TestMetrics:
    def test_curves_are_read_by_step(self, client: APIClient, project: Project) -> None:
        attempt = started(project=project)
        MetricBatchFactory.create(attempt=attempt, points=[(3, 0.1), (4, 0.0)])
        MetricBatchFactory.create(attempt=attempt, rank=1, points=[(1, 0.5), (2, 0.25)])
        MetricBatchFactory.create(attempt=attempt, key="auc", points=[(2, 0.9)])
        run = run_of(attempt)
        loss = {"steps": [1, 2, 3, 4], "values": [0.5, 0.25, 0.1, 0.0], "times": [1001.0, 1002.0, 1003.0, 1004.0]}
        answer = client.get(f"{API}/runs/{run.pk}/metrics", {"keys": "loss,none"}).json()
        assert answer["series"] == {"loss": loss, "none": {"steps": [], "values": [], "times": []}}
        assert (answer["reset"], answer["more"]) == (True, False)

    def test_without_keys_the_run_s_own_are_read(self, client: APIClient, project: Project) -> None:
        attempt = started(project=project)
        MetricBatchFactory.create(attempt=attempt)
        Run.objects.update(summary={"loss": {"last": 0.25}})
        assert list(client.get(f"{API}/runs/{run_of(attempt).pk}/metrics").json()["series"]) == ["loss"]

    def test_a_long_curve_is_thinned_and_keeps_its_peaks(self, client: APIClient, project: Project) -> None:
        attempt = started(project=project)
        for batch in range(20):
            points = [(step, 100.0 if step == 777 else -100.0 if step == 1234 else 1.0)
                      for step in range(batch * 100, batch * 100 + 100)]  # fmt: skip
            MetricBatchFactory.create(attempt=attempt, points=points)
        path = f"{API}/runs/{run_of(attempt).pk}/metrics"
        with CaptureQueriesContext(connection) as queries:
            series = client.get(path, {"keys": "loss", "points": 20}).json()["series"]["loss"]
        assert len(series["steps"]) <= 20
        assert {(777, 100.0), (1234, -100.0)} <= set(zip(series["steps"], series["values"], strict=True))
        assert (series["steps"][0], series["steps"][-1]) == (0, 1999)
        assert series["times"] == [1000.0 + step for step in series["steps"]]
        assert len([query for query in queries if "metricbatch" in query["sql"]]) == 1

    @pytest.mark.parametrize("query", [{"points": 3}, {"points": 10_001}, {"keys": ",".join("ab" * 51)}])
    def test_a_wrong_question_is_refused(self, client: APIClient, project: Project, query: dict[str, Any]) -> None:
        run = RunFactory.create(project=project)
        assert client.get(f"{API}/runs/{run.pk}/metrics", query).status_code == 400


class TestFiles:
    @pytest.mark.parametrize("path, made", [("artifacts", ArtifactFactory), ("checkpoints", CheckpointFactory)])
    def test_a_file_is_described_and_downloaded(
        self, client: APIClient, project: Project, path: str, made: Any
    ) -> None:
        file = made.with_object(b"content" * 1000, project=project)
        row = client.get(f"{API}/{path}/{file.pk}").json()
        assert (row["uri"], row["size_bytes"], row["sha256"]) == (f"bedplate://{file.path}", 7000, file.sha256)
        answer = client.get(f"{API}/{path}/{file.pk}/download")
        assert b"".join(answer.streaming_content) == b"content" * 1000
        name = file.path.rsplit("/", 1)[-1]
        assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
        assert (answer["Content-Length"], answer["ETag"]) == ("7000", f'"{file.sha256}"')
        store().delete(file.path)
        assert client.get(f"{API}/{path}/{file.pk}/download").status_code == 404

    def test_lists_are_narrowed(self, client: APIClient, project: Project) -> None:
        first, second = (ArtifactFactory.create(project=project, name=name) for name in ("a", "b"))
        found = client.get(f"{API}/artifacts", {"run": str(first.run_id)}).json()["results"]
        assert [row["id"] for row in found] == [str(first.pk)]
        found = client.get(f"{API}/artifacts", {"name": "b", "kind": "model"}).json()["results"]
        assert [row["id"] for row in found] == [str(second.pk)]


class TestRegistry:
    def test_a_run_is_registered_verified_and_ready(self, client: APIClient, project: Project, user: User) -> None:
        run = succeeded_run(project=project)
        model = client.post(f"{API}/models", {"project": str(project.pk), "name": "risk"}).json()
        body = {"model": model["id"], "run": str(run.pk)}
        answer = client.post(f"{API}/model-versions", body)
        assert answer.status_code == 201, answer.content
        artifact = run.artifacts.get(kind="model")
        times = {name: answer.json()[name] for name in ("created_at", "state_at")}
        assert answer.json() == {
            "id": str(ModelVersion.objects.get().pk),
            "project": str(project.pk),
            "project_name": project.name,
            "model": model["id"],
            "model_name": "risk",
            "run_name": run.name,
            "experiment_name": run.experiment.name,
            "dataset_version": str(run.dataset_version_id),
            "dataset_name": run.dataset_version.dataset.name,
            "dataset_version_number": 1,
            "registered_by_name": user.username,
            "aliases": [],
            "number": 1,
            "state": "ready",
            "state_reason": "",
            "state_detail": "",
            "state_message": [],
            "run": str(run.pk),
            "artifact": str(artifact.pk),
            "preprocessor": str(run.artifacts.get(kind="preprocessor").pk),
            "metrics": RESULT["metrics"],
            "evaluation": RESULT["evaluation"],
            "digest": f"sha256:{artifact.sha256}",
            "manifest": ModelVersion.objects.get().manifest,
            "description": "",
            "labels": {},
            "source": "",
            "logged_model": None,
            "approval": None,
            "registered_by": str(user.pk),
            **times,
        }
        assert client.get(f"{API}/models/{model['id']}").json()["versions_made"] == 1

    def test_one_key_registers_one_version(self, client: APIClient, project: Project) -> None:
        run, model = succeeded_run(project=project), RegisteredModelFactory.create(project=project)
        body = {"model": str(model.pk), "run": str(run.pk)}
        first, again = (client.post(f"{API}/model-versions", body, headers={"Idempotency-Key": "k"}) for _ in range(2))
        assert (again.status_code, again.json(), again["Idempotency-Replayed"]) == (201, first.json(), "true")
        assert ModelVersion.objects.count() == 1

    def test_a_damaged_file_is_said_at_once(self, client: APIClient, project: Project) -> None:
        run, model = succeeded_run(project=project), RegisteredModelFactory.create(project=project)
        store().put(run.artifacts.get(kind="model").path, [b"changed"])
        answer = client.post(f"{API}/model-versions", {"model": str(model.pk), "run": str(run.pk)})
        assert (answer.json()["state"], answer.json()["state_reason"]) == ("archived", "file_damaged")

    def test_a_run_that_has_not_succeeded_is_a_conflict(self, client: APIClient, project: Project) -> None:
        run, model = RunFactory.create(project=project), RegisteredModelFactory.create(project=project)
        answer = client.post(f"{API}/model-versions", {"model": str(model.pk), "run": str(run.pk)})
        assert (answer.status_code, ModelVersion.objects.count()) == (409, 0)

    def test_an_alias_is_set_moved_and_removed(self, client: APIClient, project: Project) -> None:
        version = ModelVersionFactory.create(project=project)
        body = {"model": str(version.model_id), "name": "champion", "version": str(version.pk)}
        made = client.post(f"{API}/model-aliases", body)
        assert (made.status_code, made.json()["version"]) == (201, str(version.pk))
        newer = ModelVersionFactory.create(project=project, model=version.model, number=2)
        moved = client.post(f"{API}/model-aliases", body | {"version": str(newer.pk)}).json()
        assert (moved["id"], moved["version"]) == (made.json()["id"], str(newer.pk))
        assert client.delete(f"{API}/model-aliases/{moved['id']}").status_code == 204
        assert client.get(f"{API}/model-aliases").json()["results"] == []

    @pytest.mark.parametrize("name", ["", "latest", "v1", "7", "a b", "a/b", "x" * 256])
    def test_an_alias_has_a_plain_name(self, client: APIClient, project: Project, name: str) -> None:
        version = ModelVersionFactory.create(project=project)
        body = {"model": str(version.model_id), "name": name, "version": str(version.pk)}
        assert client.post(f"{API}/model-aliases", body).json()["fields"].keys() == {"name"}

    def test_an_archived_version_cannot_be_archived_again(self, client: APIClient, project: Project) -> None:
        version = ModelVersionFactory.create(project=project)
        path = f"{API}/model-versions/{version.pk}/archive"
        assert client.post(path).json()["state_reason"] == "archived_by_user"
        assert (client.post(path).status_code, client.post(path).json()["code"]) == (409, "illegal_transition")
