"""Experiments and runs over MLflow's protocol."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.access.models import Project
from apps.access.states import Role
from apps.common.models import AuditEvent
from apps.experiments.models import Experiment, Run
from apps.experiments.states import RunKind, RunState
from tests.support.factories.access import ProjectFactory, grant, member, token_for
from tests.support.factories.experiments import ExperimentFactory, RunFactory
from tests.support.factories.quotas import WorkloadFactory

pytestmark = pytest.mark.django_db
API = "/api/2.0/mlflow"


class Caller:
    """A member of one project, with a token."""

    def __init__(self, role: str = Role.EDITOR, project: Project | None = None) -> None:
        self.project = project or ProjectFactory.create()
        self.user = member(self.project, role)
        self.client = APIClient(headers={"Authorization": f"Bearer {token_for(self.user)}"})

    def post(self, path: str, body: Any = None, *, base: str = API) -> Any:
        return self.client.post(f"{base}/{path}", body or {}, format="json")

    def get(self, path: str, query: Any = None, *, base: str = API) -> Any:
        return self.client.get(f"{base}/{path}", query)

    def experiment(self, name: str = "risk") -> str:
        return str(self.post("experiments/create", {"name": name}).json()["experiment_id"])

    def run(self, experiment: str = "", **more: Any) -> str:
        asked = {"experiment_id": experiment or self.experiment(), **more}
        return str(self.post("runs/create", asked).json()["run"]["info"]["run_id"])

    def read(self, run: str) -> Any:
        return self.get("runs/get", {"run_id": run}).json()["run"]


@pytest.fixture
def caller(db: None) -> Caller:
    return Caller()


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


class TestExperiments:
    def test_one_is_made_when_get_by_name_finds_none(self, caller: Caller) -> None:
        """What `set_experiment` does."""
        absent = caller.get("experiments/get-by-name", {"experiment_name": "credit/risk α"})
        assert refused(absent) == (404, "RESOURCE_DOES_NOT_EXIST")

        tags = [{"key": "team", "value": "risk"}]
        made = caller.post("experiments/create", {"name": "credit/risk α", "tags": tags})
        number = made.json()["experiment_id"]
        assert len(number) == 32

        found = caller.get("experiments/get-by-name", {"experiment_name": "credit/risk α"}).json()["experiment"]
        kept = Experiment.objects.get(pk=number)
        ms = int(kept.created_at.timestamp() * 1000)
        assert found == {
            "experiment_id": number,
            "name": "credit/risk α",
            "artifact_location": f"mlflow-artifacts:/{number}",
            "lifecycle_stage": "active",
            "creation_time": ms,
            "last_update_time": ms,
            "tags": tags,
        }
        assert caller.get("experiments/get", {"experiment_id": number}).json()["experiment"] == found
        assert AuditEvent.objects.get(action="experiment.created").actor_name == caller.user.username

    def test_a_name_is_there_once(self, caller: Caller) -> None:
        number = caller.experiment()
        assert refused(caller.post("experiments/create", {"name": "risk"})) == (400, "RESOURCE_ALREADY_EXISTS")
        caller.post("experiments/delete", {"experiment_id": number})
        again = caller.post("experiments/create", {"name": "risk"})
        assert refused(again) == (400, "RESOURCE_ALREADY_EXISTS")
        assert again.json()["message"] == "Experiment 'risk' already exists in deleted state."

    def test_it_goes_with_its_runs_and_comes_back_with_them(self, caller: Caller) -> None:
        number = caller.experiment()
        first, second = caller.run(number), caller.run(number)
        caller.post("runs/delete", {"run_id": first})

        assert caller.post("experiments/delete", {"experiment_id": number}).status_code == 200
        assert caller.read(second)["info"]["lifecycle_stage"] == "deleted"
        found = caller.get("experiments/get", {"experiment_id": number}).json()["experiment"]
        assert found["lifecycle_stage"] == "deleted"
        assert refused(caller.post("experiments/update", {"experiment_id": number, "new_name": "x"}))[0] == 400
        assert refused(caller.post("runs/create", {"experiment_id": number})) == (400, "INVALID_PARAMETER_VALUE")
        assert refused(caller.post("runs/restore", {"run_id": first})) == (409, "RESOURCE_CONFLICT")
        again = caller.post("experiments/delete", {"experiment_id": number})
        assert refused(again) == (404, "RESOURCE_DOES_NOT_EXIST")

        assert caller.post("experiments/restore", {"experiment_id": number}).status_code == 200
        again = caller.post("experiments/restore", {"experiment_id": number})
        assert refused(again) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert caller.read(second)["info"]["lifecycle_stage"] == "active"
        assert caller.read(first)["info"]["lifecycle_stage"] == "deleted", "it was deleted before"
        assert caller.post("runs/restore", {"run_id": first}).status_code == 200

    def test_files_lie_where_they_lie(self, caller: Caller) -> None:
        """A place that is asked for and is not given would be searched in vain."""
        for place in ("s3://bucket/x", "file:///tmp", "mlflow-artifacts:/elsewhere"):
            answer = caller.post("experiments/create", {"name": "placed", "artifact_location": place})
            assert refused(answer) == (400, "INVALID_PARAMETER_VALUE")
        assert not Experiment.objects.exists()
        for name, place in (("a", ""), ("b", "mlflow-artifacts:/")):
            made = caller.post("experiments/create", {"name": name, "artifact_location": place})
            assert made.status_code == 200

    def test_it_is_renamed_and_tagged(self, caller: Caller) -> None:
        number = caller.experiment()
        caller.experiment("other")
        assert caller.post("experiments/update", {"experiment_id": number, "new_name": "new"}).status_code == 200
        taken = caller.post("experiments/update", {"experiment_id": number, "new_name": "other"})
        assert refused(taken) == (400, "RESOURCE_ALREADY_EXISTS")
        tag = {"experiment_id": number, "key": "mlflow.note.content", "value": "Über α"}
        assert caller.post("experiments/set-experiment-tag", tag).status_code == 200
        found = caller.get("experiments/get", {"experiment_id": number}).json()["experiment"]
        assert (found["name"], found["tags"]) == ("new", [{"key": "mlflow.note.content", "value": "Über α"}])
        gone = {"experiment_id": number, "key": "mlflow.note.content"}
        assert caller.post("experiments/delete-experiment-tag", gone).status_code == 200
        assert refused(caller.post("experiments/delete-experiment-tag", gone)) == (404, "RESOURCE_DOES_NOT_EXIST")

    def test_zero_is_the_one_called_default(self, caller: Caller) -> None:
        before = caller.get("experiments/get", {"experiment_id": "0"}).json()["experiment"]
        assert (before["experiment_id"], before["name"]) == ("0", "Default")
        assert not Experiment.objects.exists()

        run = caller.run("0")
        made = Experiment.objects.get(name="Default", project=caller.project)
        assert caller.read(run)["info"]["experiment_id"] == made.pk.hex
        assert (
            caller.get("experiments/get", {"experiment_id": "0"}).json()["experiment"]["experiment_id"] == made.pk.hex
        )
        found = caller.post("runs/search", {"experiment_ids": ["0"]}).json()["runs"]
        assert [each["info"]["run_id"] for each in found] == [run]

    def test_they_are_searched_by_name_tag_and_page(self, caller: Caller) -> None:
        for name in ("alpha", "Beta", "gamma"):
            caller.post("experiments/create", {"name": name, "tags": [{"key": "kind", "value": name.lower()}]})
        gone = caller.experiment("gone")
        caller.post("experiments/delete", {"experiment_id": gone})

        def names(**asked: Any) -> list[str]:
            return [each["name"] for each in caller.post("experiments/search", asked).json().get("experiments", [])]

        assert names(max_results=10) == ["gamma", "Beta", "alpha"]
        assert names(view_type="DELETED_ONLY") == ["gone"]
        assert names(view_type=3, order_by=["name ASC"]) == ["Beta", "alpha", "gamma", "gone"]
        assert names(filter="name ILIKE 'b%'") == ["Beta"]
        assert names(filter="tags.kind = 'alpha' AND name != 'x'") == ["alpha"]
        first = caller.post("experiments/search", {"max_results": 2, "order_by": ["name"]}).json()
        rest = {"max_results": 2, "order_by": ["name"], "page_token": first["next_page_token"]}
        second = caller.post("experiments/search", rest).json()
        assert [each["name"] for each in first["experiments"] + second["experiments"]] == ["Beta", "alpha", "gamma"]
        assert "next_page_token" not in second


class TestRuns:
    def test_one_runs_from_its_creation_until_it_says_that_it_ended(self, caller: Caller) -> None:
        number = caller.experiment()
        asked = {
            "experiment_id": number,
            "user_id": "ada",
            "run_name": "first",
            "start_time": 1_700_000_000_123,
            "tags": [{"key": "mlflow.source.name", "value": "train.py"}],
        }
        made = caller.post("runs/create", asked).json()["run"]
        run = Run.objects.get()
        assert made["info"] == {
            "run_id": run.pk.hex,
            "run_uuid": run.pk.hex,
            "run_name": "first",
            "experiment_id": number,
            "user_id": "ada",
            "status": "RUNNING",
            "start_time": 1_700_000_000_123,
            "artifact_uri": f"mlflow-artifacts:/{number}/{run.pk.hex}/artifacts",
            "lifecycle_stage": "active",
        }
        assert (run.kind, run.state, run.workload_id, run.dataset_version_id) == (
            RunKind.TRACKED,
            "running",
            None,
            None,
        )
        assert run.requested_by == caller.user
        assert AuditEvent.objects.get(action="run.tracked").subject_id == str(run.pk)

        ended = {"run_id": run.pk.hex, "status": "FINISHED", "end_time": 1_700_000_009_000}
        info = caller.post("runs/update", ended).json()["run_info"]
        assert (info["status"], info["end_time"]) == ("FINISHED", 1_700_000_009_000)
        run.refresh_from_db()
        assert (run.state, run.ended_at) == (RunState.SUCCEEDED, datetime.fromtimestamp(1_700_000_009, UTC))
        assert [step.to_state for step in run.story()] == ["running", "succeeded"]

    @pytest.mark.parametrize(
        ("status", "state"), [("FAILED", "failed"), ("KILLED", "cancelled"), (3, "succeeded"), ("SCHEDULED", "running")]
    )
    def test_its_state_is_what_it_says(self, caller: Caller, status: Any, state: str) -> None:
        run = caller.run()
        assert caller.post("runs/update", {"run_id": run, "status": status}).status_code == 200
        found = Run.objects.get(pk=run)
        assert (found.state, found.ended_at is not None) == (state, state != "running")

    def test_one_that_ended_goes_on(self, caller: Caller) -> None:
        run = caller.run()
        for status in ("FINISHED", "RUNNING", "FAILED", "FINISHED"):
            info = caller.post("runs/update", {"run_id": run, "status": status}).json()["run_info"]
            assert (info["status"], "end_time" in info) == (status, status != "RUNNING")
        steps = [step.to_state for step in Run.objects.get().story()]
        assert steps == ["running", "succeeded", "running", "failed", "running", "succeeded"]

    def test_a_run_of_a_job_keeps_the_state_of_its_job(self, caller: Caller) -> None:
        run = RunFactory.create(project=caller.project, state=RunState.RUNNING)
        answer = caller.post("runs/update", {"run_id": run.pk.hex, "status": "FINISHED", "run_name": "renamed"})
        assert (answer.status_code, answer.json()["run_info"]["status"]) == (200, "RUNNING")
        run.refresh_from_db()
        assert (run.state, run.name) == ("running", "renamed")

    def test_names_may_come_twice_and_one_is_drawn_where_none_is_given(self, caller: Caller) -> None:
        number = caller.experiment()
        same = [caller.run(number, run_name="same") for _ in range(2)]
        assert [caller.read(run)["info"]["run_name"] for run in same] == ["same", "same"]
        drawn = caller.read(caller.run(number))["info"]["run_name"]
        assert drawn.count("-") == 2
        tagged = caller.run(number, tags=[{"key": "mlflow.runName", "value": "tagged"}])
        assert caller.read(tagged)["info"]["run_name"] == "tagged"
        both = {"experiment_id": number, "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]}
        assert refused(caller.post("runs/create", both)) == (400, "INVALID_PARAMETER_VALUE")

    def test_parameters_are_written_once(self, caller: Caller) -> None:
        run = caller.run()
        param = {"run_id": run, "key": "model/lr", "value": "0.01"}
        assert caller.post("runs/log-parameter", param).json() == {}
        assert caller.post("runs/log-parameter", param).status_code == 200
        changed = caller.post("runs/log-parameter", {**param, "value": "0.02"})
        assert refused(changed) == (400, "INVALID_PARAMETER_VALUE")
        assert changed.json()["message"].startswith("Changing param values is not allowed. Param with key='model/lr'")
        caller.post("runs/update", {"run_id": run, "status": "FINISHED"})
        assert caller.post("runs/log-parameter", {"run_id": run, "key": "late", "value": ""}).status_code == 200
        assert caller.read(run)["data"]["params"] == [
            {"key": "late", "value": ""},
            {"key": "model/lr", "value": "0.01"},
        ]

    def test_parameters_of_a_job_are_those_it_was_submitted_with(self, caller: Caller) -> None:
        run = RunFactory.create(project=caller.project, parameters={"lr": 0.01, "deep": True}, state=RunState.RUNNING)
        asked = {"run_id": run.pk.hex, "key": "lr"}
        assert caller.post("runs/log-parameter", {**asked, "value": "0.01"}).status_code == 200
        assert refused(caller.post("runs/log-parameter", {**asked, "value": "0.02"}))[0] == 400
        assert caller.post("runs/log-parameter", {**asked, "key": "more", "value": "1"}).status_code == 200
        run.refresh_from_db()
        assert run.parameters == {"lr": 0.01, "deep": True, "more": "1"}
        assert run.provenance == {"logged_parameters": ["more"]}
        ended = RunFactory.create(
            project=caller.project, state=RunState.SUCCEEDED, ended_at=datetime(2026, 1, 1, tzinfo=UTC)
        )
        late = caller.post("runs/log-parameter", {"run_id": ended.pk.hex, "key": "late", "value": "1"})
        assert refused(late) == (409, "RESOURCE_CONFLICT")

    def test_tags_name_and_notes(self, caller: Caller) -> None:
        run = caller.run(run_name="one")
        for key, value in (
            ("team", "risk"),
            ("mlflow.runName", "two"),
            ("mlflow.note.content", "# Why"),
            ("team", "x"),
        ):
            assert caller.post("runs/set-tag", {"run_id": run, "key": key, "value": value}).status_code == 200
        found = Run.objects.get()
        assert (found.name, found.notes, found.labels) == ("two", "# Why", {"team": "x"})
        assert caller.read(run)["data"]["tags"] == [
            {"key": "mlflow.note.content", "value": "# Why"},
            {"key": "mlflow.runName", "value": "two"},
            {"key": "team", "value": "x"},
        ]
        assert caller.post("runs/delete-tag", {"run_id": run, "key": "mlflow.note.content"}).status_code == 200
        assert caller.post("runs/delete-tag", {"run_id": run, "key": "team"}).status_code == 200
        assert refused(caller.post("runs/delete-tag", {"run_id": run, "key": "team"}))[0] == 404
        assert [tag["key"] for tag in caller.read(run)["data"]["tags"]] == ["mlflow.runName"]

    def test_a_deleted_run_takes_nothing_until_it_is_restored(self, caller: Caller) -> None:
        run = caller.run()
        assert caller.post("runs/delete", {"run_id": run}).status_code == 200
        for path, more in (
            ("runs/set-tag", {"key": "a", "value": "b"}),
            ("runs/log-parameter", {"key": "a", "value": "b"}),
            ("runs/update", {"status": "FINISHED"}),
        ):
            assert refused(caller.post(path, {"run_id": run, **more})) == (400, "INVALID_PARAMETER_VALUE")
        assert caller.post("runs/restore", {"run_id": run}).status_code == 200
        assert caller.post("runs/set-tag", {"run_id": run, "key": "a", "value": "b"}).status_code == 200
        assert AuditEvent.objects.filter(action__in=("run.deleted", "run.restored")).count() == 2

    def test_a_run_whose_job_goes_on_is_not_deleted(self, caller: Caller) -> None:
        workload = WorkloadFactory.create(project=caller.project)
        run = RunFactory.create(project=caller.project, state=RunState.RUNNING, workload=workload)
        assert refused(caller.post("runs/delete", {"run_id": run.pk.hex})) == (409, "RESOURCE_CONFLICT")
        gone = caller.post("experiments/delete", {"experiment_id": run.experiment_id.hex})
        assert refused(gone) == (409, "RESOURCE_CONFLICT")

    def test_inputs_are_there_once_by_name_and_digest(self, caller: Caller) -> None:
        run = caller.run()
        dataset = {
            "name": "loans",
            "digest": "abc",
            "source_type": "local",
            "source": "{}",
            "schema": "{}",
            "profile": "{}",
        }
        more = {"key": "more", "value": "1"}
        first = {"tags": [{"key": "mlflow.data.context", "value": "training"}], "dataset": dataset}
        second = {"tags": [{"key": "mlflow.data.context", "value": "eval"}, more], "dataset": dataset}
        other = {"dataset": {**dataset, "digest": "def"}}
        for datasets in ([first, other], [second]):
            assert caller.post("runs/log-inputs", {"run_id": run, "datasets": datasets}).status_code == 200
        found = caller.read(run)["inputs"]["dataset_inputs"]
        assert found == [{"tags": [*first["tags"], more], "dataset": dataset}, {"tags": [], **other}]

    def test_models_that_a_run_read_and_made(self, caller: Caller) -> None:
        """The other half of inputs and outputs: logged models, which the caller must see."""
        experiment = caller.experiment()
        run = caller.run(experiment)
        made = [
            caller.post("logged-models", {"experiment_id": experiment, "name": name}).json()["model"]["info"][
                "model_id"
            ]
            for name in ("read", "made")
        ]
        for _ in range(2):
            inputs = {"run_id": run, "models": [{"model_id": made[0]}]}
            assert caller.post("runs/log-inputs", inputs).status_code == 200
        for step in (3, 4):
            outputs = {"run_id": run, "models": [{"model_id": made[1], "step": step}]}
            assert caller.post("runs/outputs", outputs).status_code == 200
        found = caller.read(run)
        assert found["inputs"] == {"dataset_inputs": [], "model_inputs": [{"model_id": made[0]}]}
        assert found["outputs"] == {"model_outputs": [{"model_id": made[1], "step": 4}]}

        other = Caller()
        strange = other.post("logged-models", {"experiment_id": other.experiment(), "name": "m"}).json()["model"][
            "info"
        ]
        for wrong in (strange["model_id"], "m-" + "0" * 32, "nothing"):
            for path in ("runs/log-inputs", "runs/outputs"):
                answer = caller.post(path, {"run_id": run, "models": [{"model_id": made[0]}, {"model_id": wrong}]})
                assert refused(answer) == (404, "RESOURCE_DOES_NOT_EXIST")
        for body in ({"models": [{}]}, {"models": "m"}, {"models": [{"model_id": made[0], "step": "x"}]}):
            assert refused(caller.post("runs/outputs", {"run_id": run, **body})) == (400, "INVALID_PARAMETER_VALUE")
        assert caller.read(run) == found

    def test_models_of_client_2_are_kept_as_a_tag(self, caller: Caller) -> None:
        run = caller.run()
        told = {"run_id": run, "artifact_path": "model", "utc_time_created": "now", "flavors": {}}
        for _ in range(2):
            answer = caller.post("runs/log-model", {"run_id": run, "model_json": json.dumps(told)})
            assert answer.status_code == 200
        assert json.loads(Run.objects.get().labels["mlflow.log-model.history"]) == [told]
        bad = caller.post("runs/log-model", {"run_id": run, "model_json": "{}"})
        assert refused(bad) == (400, "INVALID_PARAMETER_VALUE")


class TestAddresses:
    def test_a_project_in_the_address_or_the_header_says_which(self, caller: Caller) -> None:
        second = ProjectFactory.create()
        grant(caller.user, second, Role.EDITOR)
        unnamed = caller.post("experiments/create", {"name": "a"})
        assert refused(unnamed) == (400, "INVALID_PARAMETER_VALUE")
        assert "/mlflow/<project>" in unnamed.json()["message"]

        base = f"/mlflow/{second.name}{API}"
        assert caller.post("experiments/create", {"name": "a"}, base=base).status_code == 200
        headers = {"X-MLFLOW-WORKSPACE": caller.project.name}
        there = caller.client.post(f"{API}/experiments/create", {"name": "a"}, format="json", headers=headers)
        assert there.status_code == 200
        assert {each.project for each in Experiment.objects.filter(name="a")} == {caller.project, second}
        strange = ProjectFactory.create()
        hidden = caller.post("experiments/create", {"name": "a"}, base=f"/mlflow/{strange.name}{API}")
        assert refused(hidden) == (404, "RESOURCE_DOES_NOT_EXIST")

    def test_ids_are_found_wherever_they_are_visible(self, caller: Caller) -> None:
        second = ProjectFactory.create()
        grant(caller.user, second, Role.VIEWER)
        run = RunFactory.create(project=second)
        assert caller.read(run.pk.hex)["info"]["run_id"] == run.pk.hex
        denied = caller.post("runs/set-tag", {"run_id": run.pk.hex, "key": "a", "value": "b"})
        assert refused(denied) == (403, "PERMISSION_DENIED")

    @pytest.mark.parametrize(
        "base", ["/api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/2.0/mlflow", "/ajax-api/3.0/mlflow"]
    )
    def test_all_prefixes_answer(self, caller: Caller, base: str) -> None:
        experiment = ExperimentFactory.create(project=caller.project)
        for prefix in ("", f"/mlflow/{caller.project.name}"):
            answer = caller.get("experiments/get", {"experiment_id": str(experiment.pk)}, base=prefix + base)
            assert answer.json()["experiment"]["experiment_id"] == experiment.pk.hex

    def test_the_server_says_what_it_is(self) -> None:
        client = APIClient()
        assert client.get("/health").content == b"OK"
        assert client.get("/mlflow/any/version").content.startswith(b"3.")
        info = client.get("/api/3.0/mlflow/server-info").json()
        truths = {name for name, value in info.items() if value is True}
        assert truths == {"workspaces_enabled", "multipart_uploads_enabled"}
        lies = {name for name, value in info.items() if value is False}
        assert {"multipart_downloads_enabled", "trace_archival_enabled", "presigned_upload_run_id_supported"} < lies
        assert info["features_enabled"] == {"gateway": False}

    @pytest.mark.parametrize(
        ("path", "status", "code"),
        [
            ("traces", 501, "NOT_IMPLEMENTED"),
            ("traces/search", 501, "NOT_IMPLEMENTED"),
            ("webhooks", 501, "NOT_IMPLEMENTED"),
            ("nothing/like-this", 404, "ENDPOINT_NOT_FOUND"),
        ],
    )
    def test_what_is_not_offered_is_refused_with_a_sentence(
        self, caller: Caller, path: str, status: int, code: str
    ) -> None:
        answer = caller.post(path, {"a": 1}, base="/api/3.0/mlflow")
        assert refused(answer) == (status, code)
        assert answer.json()["message"].endswith(".")


class TestAuthentication:
    def test_basic_has_the_token_as_the_password(self, caller: Caller) -> None:
        token = token_for(caller.user)
        words = base64.b64encode(f"anybody:{token}".encode()).decode()
        client = APIClient(headers={"Authorization": f"Basic {words}"})
        assert client.post(f"{API}/experiments/search", {}, format="json").status_code == 200

    @pytest.mark.parametrize("header", ["", "Bearer bp_1_2", "Basic !!!", "Basic bm86dG9rZW4=", "Bearer bpa_x"])
    def test_anything_else_is_refused_as_mlflow_would(self, header: str) -> None:
        client = APIClient(headers={"Authorization": header} if header else {})
        answer = client.post(f"{API}/experiments/search", {}, format="json")
        assert refused(answer) == (401, "UNAUTHENTICATED")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
