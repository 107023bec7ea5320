"""Files, logged models and the registry over MLflow's protocol: what a client gets, and what is refused."""

from __future__ import annotations

import json
import math
import os
import pickle
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from apps.access.states import Role
from apps.common.models import AuditEvent
from apps.common.storage import store
from apps.experiments.models import Artifact, ArtifactUpload, LoggedModel, LoggedModelMetric, ModelVersion, Run
from apps.experiments.selectors import registry_search
from apps.experiments.services.contents import ARRIVING
from tests.support.factories.access import ProjectFactory, member, token_for
from tests.support.factories.experiments import LoggedModelFactory, RunFactory

pytestmark = pytest.mark.django_db
API, PROXY = "/api/2.0/mlflow", "/api/2.0/mlflow-artifacts"
SIGNATURE = json.dumps([{"type": "double", "name": "income", "required": True}])
PROMPT_TAG = {"key": "mlflow.prompt.is_prompt", "value": "true"}
MLMODEL = f"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\nsignature:\n  inputs: '{SIGNATURE}'\n"


class Client:
    """An editor of one project with a run."""

    def __init__(self) -> None:
        self.project = ProjectFactory.create()
        self.user = member(self.project, Role.EDITOR)
        self.api = APIClient(headers={"Authorization": f"Bearer {token_for(self.user)}"})
        self.run: Run = RunFactory.create(project=self.project)

    @property
    def root(self) -> str:
        return f"{self.run.experiment_id.hex}/{self.run.pk.hex}/artifacts"

    def put(self, name: str, content: bytes, root: str = "") -> Any:
        address = f"{PROXY}/artifacts/{root or self.root}/{name}"
        return self.api.put(address, content, content_type="application/octet-stream")

    def ask(self, method: str, path: str, /, **body: Any) -> Any:
        send = getattr(self.api, method)
        return send(f"{API}/{path}", body) if method == "get" else send(f"{API}/{path}", body, format="json")

    def model(self, name: str = "risk model", **files: bytes) -> Any:
        """A version of these files, `MLmodel` beside them."""
        for file, content in {"MLmodel": MLMODEL.encode(), **files}.items():
            assert self.put(f"model/{file}", content).status_code == 200
        self.ask("post", "registered-models/create", name=name)
        source = f"runs:/{self.run.pk.hex}/model"
        return self.ask("post", "model-versions/create", name=name, source=source)


def said_of(run: Run, name: str, key: str, value: float, step: int, *, at: int = 1000, dataset: str = "") -> None:
    """A point of the logged model of this name."""
    LoggedModelMetric.objects.create(
        model=LoggedModel.objects.get(name=name),
        run=run,
        key=key,
        value=value,
        step=step,
        time_ms=at,
        dataset_name=dataset,
        dataset_digest="x" if dataset else "",
        digest=os.urandom(16),
    )


@pytest.fixture
def client(db: None) -> Client:
    return Client()


@pytest.fixture
def own_store(settings: Any, tmp_path: Path) -> None:
    """A store in which nothing arrives for other tests."""
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


@pytest.mark.usefixtures("own_store")
class TestFiles:
    def test_what_is_put_is_listed_and_read_back(self, client: Client) -> None:
        for name in ("a.txt", "deep/er/ü x.txt"):
            assert client.put(name, name.encode()).status_code == 200
        listed = client.api.get(f"{PROXY}/artifacts", {"path": client.root}).json()["files"]
        assert listed == [{"path": "a.txt", "is_dir": False, "file_size": 5}, {"path": "deep", "is_dir": True}]
        below = client.ask("get", "artifacts/list", run_id=client.run.pk.hex, path="deep/er").json()
        assert below["files"] == [{"path": "deep/er/ü x.txt", "is_dir": False, "file_size": 16}]
        read = client.api.get(f"{PROXY}/artifacts/{client.root}/deep/er/ü x.txt")
        assert b"".join(read.streaming_content) == "deep/er/ü x.txt".encode()

    def test_the_same_content_is_kept_once_and_another_takes_its_name(self, client: Client) -> None:
        for name, content in (("a", b"1"), ("b", b"1"), ("a", b"1"), ("a", b"2")):
            client.put(name, content)
        rows = Artifact.objects.order_by("id")
        assert [(row.name, row.deleted_at is None) for row in rows] == [("a", False), ("b", True), ("a", True)]
        assert rows[0].path == rows[1].path != rows[2].path
        assert store().folders(ARRIVING) == []

    @pytest.mark.parametrize(
        "name",
        [
            "../x",
            "a/../../x",
            "./x",
            "a//x",
            "a\\x",
            "%2e%2e/x",
            "..%2fx",
            "%252e%252e/x",
            "a%25252f..%25252fx",
            "x" * 501,
            "a\x01b",
            "a/" * 40 + "x",
        ],
    )
    def test_names_that_lead_elsewhere_are_refused_and_nothing_is_kept(self, client: Client, name: str) -> None:
        assert refused(client.put(name, b"x")) in {(400, "INVALID_PARAMETER_VALUE"), (404, "RESOURCE_DOES_NOT_EXIST")}
        assert (Artifact.objects.count(), store().folders(ARRIVING)) == (0, [])

    @pytest.mark.parametrize("name", ["a%step%3%00ab%x.png", "100%", "a%2fb", "%5cx", "a..b", "ü%20ß"])
    def test_a_name_with_a_percent_sign_is_a_name(self, client: Client, name: str) -> None:
        assert client.put(quote(name), b"x").status_code == 200
        assert Artifact.objects.get().name == name

    def test_a_file_is_no_folder(self, client: Client) -> None:
        client.put("a", b"x")
        client.put("b/c", b"x")
        assert refused(client.put("a/b", b"x")) == (409, "RESOURCE_CONFLICT")
        assert refused(client.put("b", b"x")) == (409, "RESOURCE_CONFLICT")

    def test_of_a_file_that_is_too_large_nothing_is_kept(self, client: Client, settings: Any) -> None:
        settings.BEDPLATE_OUTPUT_MOST_BYTES = 3
        assert refused(client.put("a", b"1234"))[1] == "INVALID_PARAMETER_VALUE"
        assert (Artifact.objects.count(), store().folders(ARRIVING)) == (0, [])

    def test_deleting_a_folder_unlists_what_is_in_it(self, client: Client) -> None:
        client.put("a/b", b"x")
        client.put("ab", b"x")
        assert client.api.delete(f"{PROXY}/artifacts/{client.root}/a").status_code == 200
        listed = client.api.get(f"{PROXY}/artifacts", {"path": client.root}).json()["files"]
        assert [one["path"] for one in listed] == ["ab"]
        assert refused(client.api.delete(f"{PROXY}/artifacts/{client.root}/a"))[1] == "RESOURCE_DOES_NOT_EXIST"
        assert AuditEvent.objects.filter(action="artifacts.deleted").count() == 1

    def test_a_file_in_parts_goes_on_where_it_broke_off(self, client: Client) -> None:
        create = client.api.post(
            f"{PROXY}/mpu/create/{client.root}/big", {"path": "/home/me/x.bin", "num_parts": 2}, format="json"
        ).json()
        first, second = (one["url"].partition("/api/v1")[2] for one in create["credentials"])
        anybody = APIClient()
        said = {"path": "x.bin", "upload_id": create["upload_id"], "parts": []}
        complete = f"{PROXY}/mpu/complete/{client.root}/big"
        assert anybody.put(f"/api/v1{second}", b"def", content_type="application/octet-stream").status_code == 200
        missing = client.api.post(complete, said, format="json")
        assert (missing.status_code, missing.json()["message"]) == (409, "1 of 2 parts are missing: 1")
        assert anybody.put(f"/api/v1{first}", b"abc", content_type="application/octet-stream").status_code == 200
        for _ in range(2):
            assert client.api.post(complete, said, format="json").status_code == 200
        (made,) = Artifact.objects.all()
        assert (made.name, store().open(made.path).read()) == ("big/x.bin", b"abcdef")
        assert store().folders(ARRIVING) == []
        late = anybody.put(f"/api/v1{first}", b"abc", content_type="application/octet-stream")
        assert (late.status_code, late.json()["code"]) == (410, "upload_gone")

    def test_an_address_of_a_part_is_for_that_part(self, client: Client) -> None:
        create = client.api.post(
            f"{PROXY}/mpu/create/{client.root}", {"path": "x.bin", "num_parts": 2}, format="json"
        ).json()
        url = create["credentials"][0]["url"].partition("/api/v1")[2]
        other = url.replace("/1?", "/2?")
        assert APIClient().put(f"/api/v1{other}", b"x", content_type="application/octet-stream").status_code == 403
        client.api.post(
            f"{PROXY}/mpu/abort/{client.root}", {"path": "x.bin", "upload_id": create["upload_id"]}, format="json"
        )
        assert ArtifactUpload.objects.get().state == "cancelled"
        assert APIClient().put(f"/api/v1{url}", b"x", content_type="application/octet-stream").status_code == 410


class TestRegistry:
    def test_a_version_is_a_fixed_list_of_files_that_are_looked_at(self, client: Client) -> None:
        answer = client.model(**{"model.pkl": pickle.dumps({"w": 1})})
        assert answer.status_code == 200, answer.content
        made = answer.json()["model_version"]
        assert (made["name"], made["version"], made["status"]) == ("risk model", "1", "READY")
        version = ModelVersion.objects.get()
        assert [file["name"] for file in version.files] == ["MLmodel", "model.pkl"]
        assert (version.inspection["verdict"], version.signature["source"]) == ("listed", "mlflow")
        assert version.signature["inputs"] == [{"name": "income", "type": "double", "required": True}]
        client.put("model/model.pkl", b"other")
        uri = client.ask("get", "model-versions/get-download-uri", name="risk model", version="1").json()[
            "artifact_uri"
        ]
        assert uri == f"mlflow-artifacts:/versions/{version.pk.hex}"
        read = client.api.get(f"{PROXY}/artifacts/versions/{version.pk.hex}/model.pkl")
        assert pickle.loads(b"".join(read.streaming_content)) == {"w": 1}

    def test_a_model_that_runs_code_is_not_ready_and_not_loaded(self, client: Client) -> None:
        made = client.model(**{"model.pkl": b"cos\nsystem\n(S'id'\ntR."}).json()["model_version"]
        assert (made["status"], "model.pkl" in made["status_message"]) == ("FAILED_REGISTRATION", True)
        version = ModelVersion.objects.get()
        assert (version.state, version.state_reason) == ("pending", "runs_code")
        for path in ("", "/model.pkl"):
            answer = client.api.get(f"{PROXY}/artifacts/versions/{version.pk.hex}{path}")
            assert answer.status_code in (404, 409) if not path else answer.status_code == 409
        answer = client.ask("get", "model-versions/get-download-uri", name="risk model", version="1")
        assert refused(answer) == (409, "RESOURCE_CONFLICT")
        alias = client.ask("post", "registered-models/alias", name="risk model", alias="champion", version="1")
        assert refused(alias) == (409, "RESOURCE_CONFLICT")

    def test_a_damaged_file_is_refused_with_the_reason_and_the_version_archived(self, client: Client) -> None:
        client.model(**{"model.pkl": pickle.dumps({"w": 1})})
        version = ModelVersion.objects.get()
        client.ask("post", "registered-models/alias", name="risk model", alias="champion", version="1")
        path = next(file["path"] for file in version.files if file["name"] == "model.pkl")
        store().put(path, [b"damaged"])
        answer = client.api.get(f"{PROXY}/artifacts/versions/{version.pk.hex}/model.pkl")
        assert (refused(answer), "model.pkl" in answer.json()["message"]) == ((409, "RESOURCE_CONFLICT"), True)
        version.refresh_from_db()
        assert (version.state, version.state_reason) == ("archived", "file_damaged")
        told = client.ask("get", "registered-models/alias", name="risk model", alias="champion").json()["model_version"]
        assert (told["status"], "model.pkl" in told["status_message"]) == ("FAILED_REGISTRATION", True)

    @pytest.mark.parametrize(
        "name, status",
        [("ü mlaut 模型 v1.2 (x)", 200), ("a/b", 400), ("a:b", 400), ("", 400), (" a", 400), ("x" * 257, 400)],
    )
    def test_names_that_clients_use_are_taken(self, client: Client, name: str, status: int) -> None:
        answer = client.ask("post", "registered-models/create", name=name)
        assert answer.status_code == status
        if status == 200:
            assert client.ask("get", "registered-models/get", name=name).json()["registered_model"]["name"] == name

    def test_a_taken_name_has_the_code_that_clients_wait_for(self, client: Client) -> None:
        client.ask("post", "registered-models/create", name="a")
        assert refused(client.ask("post", "registered-models/create", name="a")) == (400, "RESOURCE_ALREADY_EXISTS")
        assert refused(client.ask("get", "registered-models/get", name="b")) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert client.ask("delete", "registered-models/delete", name="a").status_code == 200
        assert client.ask("post", "registered-models/create", name="a").status_code == 200

    def test_stages_are_aliases(self, client: Client) -> None:
        for _ in range(2):
            client.model(**{"model.pkl": pickle.dumps(1)})
        move = {"name": "risk model", "stage": "production", "archive_existing_versions": True}
        client.ask("post", "model-versions/transition-stage", version="1", **move)
        assert client.ask("get", "registered-models/alias", name="risk model", alias="production").status_code == 200
        client.ask("post", "model-versions/transition-stage", version="2", **move)
        latest = client.ask("get", "registered-models/get-latest-versions", name="risk model").json()["model_versions"]
        assert [(one["version"], one["current_stage"]) for one in latest] == [("2", "Production")]
        first = client.ask("get", "model-versions/get", name="risk model", version="1").json()["model_version"]
        assert first["current_stage"] == "Archived"
        bad = client.ask("post", "model-versions/transition-stage", name="risk model", version="2", stage="x")
        assert refused(bad) == (400, "INVALID_PARAMETER_VALUE")

    def test_searches(self, client: Client) -> None:
        client.model(**{"model.pkl": pickle.dumps(1)})
        client.ask("post", "registered-models/create", name="other", tags=[{"key": "team", "value": "a"}])
        found = client.ask("get", "registered-models/search", filter="name ILIKE 'RISK%'").json()["registered_models"]
        assert [one["name"] for one in found] == ["risk model"]
        refused_prompt = client.ask("post", "registered-models/create", name="p", tags=[PROMPT_TAG])
        assert refused(refused_prompt) == (501, "NOT_IMPLEMENTED")
        prompts = "tags.`mlflow.prompt.is_prompt` != 'true' AND tags.team = 'a'"
        found = client.ask("get", "registered-models/search", filter=prompts).json()["registered_models"]
        assert [one["name"] for one in found] == ["other"]
        page = client.ask("get", "registered-models/search", max_results=1, order_by=["name DESC"]).json()
        assert ([one["name"] for one in page["registered_models"]], "next_page_token" in page) == (["risk model"], True)
        text = f"run_id = '{client.run.pk.hex}' AND version_number >= 1"
        found = client.ask("get", "model-versions/search", filter=text).json()["model_versions"]
        assert [one["version"] for one in found] == ["1"]
        for wrong in ("metrics.a > 1", "name", "name = 'a' OR name = 'b'", "version_number > 'x'"):
            assert refused(client.ask("get", "model-versions/search", filter=wrong)) == (400, "INVALID_PARAMETER_VALUE")

    @pytest.mark.parametrize(
        "source",
        ["s3://bucket/x", "/etc/passwd", "file:///etc", "runs:/abc/x", "models:/none/1", "mlflow-artifacts:/../x"],
    )
    def test_sources_elsewhere_are_refused(self, client: Client, source: str) -> None:
        client.ask("post", "registered-models/create", name="a")
        answer = client.ask("post", "model-versions/create", name="a", source=source)
        assert answer.json()["error_code"] in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")
        assert ModelVersion.objects.count() == 0


class TestPointsOfLoggedModels:
    """How metrics find and order models: the latest that was measured counts for the order, any for a filter."""

    @pytest.fixture
    def models(self, client: Client) -> Client:
        for name in ("a", "b", "c"):
            LoggedModelFactory.create(project=client.project, run=client.run, name=name)
        said_of(client.run, "a", "acc", 0.5, 1, at=1000)
        said_of(client.run, "a", "acc", 0.7, 2, at=2000)
        said_of(client.run, "a", "acc", 0.9, 0, at=500, dataset="held-out")
        said_of(client.run, "b", "acc", 0.6, 1, at=1000)
        said_of(client.run, "b", "acc", math.nan, 2, at=500)
        return client

    def found(self, client: Client, **asked: Any) -> list[str]:
        ids = [client.run.experiment_id.hex]
        answer = client.ask("post", "logged-models/search", experiment_ids=ids, **asked).json()
        return [one["info"]["name"] for one in answer["models"]]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("metrics.acc > 0.5", ["b", "a"]),
            ("metrics.acc > 0.8", ["a"]),
            ("metrics.acc = 0.6", ["b"]),
            ("metrics.acc < 0.1", []),
            ("metrics.none > 0", []),
            ("metrics.acc > 0.5 AND metrics.acc < 0.6", ["a"]),
        ],
    )
    def test_a_filter_holds_of_any_point(self, models: Client, text: str, expected: list[str]) -> None:
        assert self.found(models, filter=text) == expected

    def test_datasets_say_which_points_count(self, models: Client) -> None:
        held = [{"dataset_name": "held-out"}]
        assert self.found(models, datasets=held) == ["a"]
        assert self.found(models, datasets=held, filter="metrics.acc > 0.8") == ["a"]
        assert self.found(models, datasets=held, filter="metrics.acc < 0.8") == []
        assert self.found(models, datasets=[{"dataset_name": "held-out", "dataset_digest": "other"}]) == []

    def test_the_latest_point_gives_the_order(self, models: Client) -> None:
        by = {"field_name": "metrics.acc"}
        assert self.found(models, order_by=[by]) == ["b", "a", "c"]
        assert self.found(models, order_by=[{**by, "ascending": False}]) == ["a", "b", "c"]
        assert self.found(models, order_by=[{**by, "dataset_name": "held-out"}]) == ["a", "c", "b"]

    def test_a_model_is_shown_with_them(self, models: Client, django_assert_num_queries: Any) -> None:
        model = LoggedModel.objects.get(name="b")
        path = f"logged-models/m-{model.pk.hex}"
        models.ask("get", path)
        with django_assert_num_queries(3):  # token and user, model, points
            data = models.ask("get", path).json()["model"]["data"]
        known = {"key": "acc", "model_id": f"m-{model.pk.hex}", "run_id": models.run.pk.hex}
        assert data["metrics"] == [
            {**known, "value": 0.6, "timestamp": 1000, "step": 1},
            {**known, "value": "NaN", "timestamp": 500, "step": 2},
        ]
        held = models.ask("get", f"logged-models/m-{LoggedModel.objects.get(name='a').pk.hex}").json()
        assert [one.get("dataset_name") for one in held["model"]["data"]["metrics"]] == [None, None, "held-out"]

    def test_of_many_points_the_newest_are_shown(self, models: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registry_search, "METRIC_POINTS_MOST", 1)
        found = models.ask("get", f"logged-models/m-{LoggedModel.objects.get(name='a').pk.hex}").json()["model"]["data"]
        assert [(one["step"], one["value"]) for one in found["metrics"]] == [(2, 0.7), (0, 0.9)]

    def test_a_version_of_it_has_the_latest(self, models: Client) -> None:
        model = LoggedModel.objects.get(name="a")
        root = f"{model.experiment_id.hex}/models/m-{model.pk.hex}/artifacts"
        models.put("MLmodel", MLMODEL.encode(), root)
        models.ask("post", "registered-models/create", name="risk")
        models.ask("post", "model-versions/create", name="risk", source=f"models:/m-{model.pk.hex}")
        assert ModelVersion.objects.get().metrics == {"acc": 0.7}

    def test_rest_shows_the_newest_of_each(self, models: Client) -> None:
        found = models.api.get("/api/v1/logged-models", {"run": str(models.run.pk)}).json()["results"]
        shown = {
            one["name"]: [(point["value"], point["step"], point["dataset_name"]) for point in one["metrics"]]
            for one in found
        }
        assert shown == {"a": [(0.7, 2, ""), (0.9, 0, "held-out")], "b": [("NaN", 2, "")], "c": []}

    def test_searches_that_cannot_be(self, models: Client) -> None:
        ask = partial(models.ask, "post", "logged-models/search")
        assert refused(ask()) == (400, "INVALID_PARAMETER_VALUE")
        assert refused(ask(experiment_ids=["x"], max_results=0)) == (400, "INVALID_PARAMETER_VALUE")
        assert ask(experiment_ids=["x", "0" * 32]).json() == {"models": []}
        many = ask(experiment_ids=[models.run.experiment_id.hex], max_results=5000).json()
        assert len(many["models"]) == 3


class TestLoggedModels:
    def made(self, client: Client, **more: Any) -> Any:
        body = {"experiment_id": client.run.experiment_id.hex, "name": "m", "source_run_id": client.run.pk.hex, **more}
        return client.ask("post", "logged-models", **body).json()["model"]["info"]

    def test_its_life(self, client: Client) -> None:
        info = self.made(client, params=[{"key": "depth", "value": "4"}])
        assert (info["status"], info["source_run_id"]) == ("LOGGED_MODEL_PENDING", client.run.pk.hex)
        root = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
        assert client.put("MLmodel", MLMODEL.encode(), root).status_code == 200
        path = f"logged-models/{info['model_id']}"
        assert (
            client.ask("patch", path, status="LOGGED_MODEL_READY").json()["model"]["info"]["status"]
            == "LOGGED_MODEL_READY"
        )
        assert refused(client.ask("patch", path, status="LOGGED_MODEL_UPLOAD_FAILED")) == (409, "RESOURCE_CONFLICT")
        assert refused(client.ask("patch", path, status="x")) == (400, "INVALID_PARAMETER_VALUE")
        client.ask("patch", f"{path}/tags", tags=[{"key": "a/b", "value": "c"}])
        assert LoggedModel.objects.get().labels == {"a/b": "c"}
        assert client.ask("delete", f"{path}/tags/a/b").status_code == 200
        changed = client.ask("post", f"{path}/params", params=[{"key": "depth", "value": "5"}])
        assert refused(changed) == (400, "INVALID_PARAMETER_VALUE")
        client.ask("post", "registered-models/create", name="a")
        version = client.ask("post", "model-versions/create", name="a", source=f"models:/{info['model_id']}").json()
        assert (version["model_version"]["status"], version["model_version"]["model_id"]) == ("READY", info["model_id"])
        for _ in range(2):  # as a client that heard no answer
            assert client.ask("delete", path).status_code == 200
        assert refused(client.ask("get", path)) == (404, "RESOURCE_DOES_NOT_EXIST")

    def test_searches(self, client: Client) -> None:
        first, second = self.made(client), self.made(client, name="n", tags=[{"key": "t", "value": "1"}])
        said_of(client.run, "m", "auc", 0.9, 1)
        ids = [client.run.experiment_id.hex]

        def names(**asked: Any) -> list[str]:
            found = client.ask("post", "logged-models/search", experiment_ids=ids, **asked).json()["models"]
            return [one["info"]["name"] for one in found]

        assert names() == ["n", "m"]
        assert names(filter="metrics.auc > 0.8") == ["m"]
        assert names(filter="tags.t = '1' AND status = 'PENDING'") == ["n"]
        assert names(order_by=[{"field_name": "metrics.auc", "ascending": False}]) == ["m", "n"]
        assert names(filter=f"model_id = '{first['model_id']}'") == ["m"]
        assert second["model_id"] != first["model_id"]
        wrong = client.ask("post", "logged-models/search", experiment_ids=ids, filter="name >")
        assert refused(wrong) == (400, "INVALID_PARAMETER_VALUE")
