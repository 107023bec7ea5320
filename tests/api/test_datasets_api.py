"""Datasets over REST: what is asked for, shown, filtered, ordered, cancelled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.access.states import Role
from apps.datasets.api import examples
from apps.datasets.api.ingestion_example import INGESTION
from apps.datasets.models import CleaningRun, Ingestion, Profile
from apps.datasets.services.cleaning import cleaning_run_reconcile
from apps.datasets.services.ingestions import ingestion_reconcile
from apps.quotas.models import Workload
from apps.quotas.states import WorkloadState
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.datasets import (
    CleaningRunFactory,
    DatasetFactory,
    DatasetVersionFactory,
    IngestionFactory,
    LineageEdgeFactory,
    ProfileFactory,
    RecipeFactory,
    SourceFactory,
    dataset_result,
    pool_ready,
    succeeded,
    workload_to,
)

pytestmark = pytest.mark.django_db
FILES = {"part-00000.parquet": b"PAR1"}


@pytest.fixture(autouse=True)
def objects(settings: Settings, tmp_path: Path) -> None:
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"
    pool_ready()


@pytest.fixture
def project() -> Any:
    return ProjectFactory.create()


@pytest.fixture
def client(project: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(member(project, Role.EDITOR))
    return client


def _post(client: APIClient, path: str, body: dict[str, Any], status: int = 201, **headers: str) -> dict[str, Any]:
    answer = client.post(f"/api/v1{path}", body, headers=headers)
    assert answer.status_code == status, answer.content
    found: dict[str, Any] = answer.json()
    return found


def _ids(client: APIClient, path: str, **query: Any) -> list[str]:
    answer = client.get(f"/api/v1{path}", query)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_a_dataset_is_made_and_its_name_is_taken(client: APIClient, project: Any) -> None:
    body = {"project": str(project.pk), "name": "loans", "title": "Loans"}
    made = _post(client, "/datasets", body)
    assert (made["name"], made["title"], made["project"], made["description"]) == (
        "loans", "Loans", str(project.pk), "",
    )  # fmt: skip
    assert sorted(made) == sorted(examples.DATASET)
    refused = _post(client, "/datasets", body, 400)
    assert (refused["code"], refused["fields"]) == ("invalid", {"name": ["is taken"]})


def test_an_ingestion_is_shown_from_request_to_version(client: APIClient, project: Any) -> None:
    source = SourceFactory.create(project=project)
    body = {"dataset": str(source.dataset_id), "source": str(source.pk), "options": {"null_values": [""]}}
    made = _post(client, "/ingestions", body)
    assert (made["state"], made["version"], made["rejected"], made["options"]) == (
        "queued", None, {}, {"null_values": [""]},
    )  # fmt: skip
    assert (made["workload_state"], made["workload_reason"]) == ("pending", "")
    assert sorted(made) == sorted(INGESTION)

    ingestion = Ingestion.objects.get(pk=made["id"])
    succeeded(ingestion, dataset_result(FILES), FILES)
    ingestion_reconcile(ingestion.workload_id)
    shown = client.get(f"/api/v1/ingestions/{ingestion.pk}").json()
    assert (shown["state"], shown["state_reason"], shown["workload"]) == (
        "succeeded", "completed", str(ingestion.workload_id),
    )  # fmt: skip
    version = client.get(f"/api/v1/dataset-versions/{shown['version']}").json()
    assert sorted(version) == sorted(examples.DATASET_VERSION)
    assert (version["number"], version["row_count"], version["ingestion"]) == (1, 2, str(ingestion.pk))
    assert [file["name"] for file in version["files"]] == ["part-00000.parquet"]
    edge = client.get("/api/v1/lineage-edges", {"from_id": version["id"]}).json()["results"][0]
    assert (edge["relation"], edge["to_kind"], edge["to_id"]) == ("ingested_from", "source", str(source.pk))
    assert sorted(edge) == sorted(examples.LINEAGE_EDGE)


def test_wrong_options_are_refused_with_their_place(client: APIClient, project: Any) -> None:
    source = SourceFactory.create(project=project)
    body = {"dataset": str(source.dataset_id), "source": str(source.pk), "options": {"delimiter": "::"}}
    refused = _post(client, "/ingestions", body, 400)
    assert refused["fields"] == {"options.delimiter": ["Takes one ASCII character that is no quote and ends no line."]}
    assert (Ingestion.objects.count(), Workload.objects.count()) == (0, 0)


def test_a_reason_for_waiting_is_shown(client: APIClient, project: Any) -> None:
    ingestion = IngestionFactory.create(project=project)
    Workload.objects.filter(pk=ingestion.workload_id).update(
        state_reason="waiting_for_quota", state_detail="2 of 2 cores are in use"
    )
    shown = client.get(f"/api/v1/ingestions/{ingestion.pk}").json()
    assert (shown["state"], shown["workload_reason"], shown["workload_detail"]) == (
        "queued", "waiting_for_quota", "2 of 2 cores are in use",
    )  # fmt: skip


def test_a_recipe_without_a_kind_is_refused_with_its_place(client: APIClient, project: Any) -> None:
    body = {"project": str(project.pk), "name": "loans", "steps": [*examples.STEPS[:2], {"kind": "fold"}]}
    refused = _post(client, "/recipes", body, 400)
    assert list(refused["fields"]) == ["steps[2].kind"]
    made = _post(client, "/recipes", body | {"steps": examples.STEPS})
    assert (made["number"], made["steps"]) == (1, examples.RECIPE["steps"])
    assert sorted(made) == sorted(examples.RECIPE)
    assert _post(client, "/recipes", body | {"steps": examples.STEPS})["number"] == 2


@pytest.mark.parametrize("steps", [None, "split", {"kind": "split"}, [], [1]])
def test_steps_of_another_form_are_refused(client: APIClient, project: Any, steps: Any) -> None:
    refused = _post(client, "/recipes", {"project": str(project.pk), "name": "loans", "steps": steps}, 400)
    assert refused["code"] == "invalid"


def test_a_recipe_that_does_not_fit_a_version_is_refused_by_step_option_and_column(
    client: APIClient, project: Any
) -> None:
    version = DatasetVersionFactory.create(project=project)
    steps = [{"kind": "drop_duplicates"}, {"kind": "normalise_text", "columns": ["age"]}]
    recipe = RecipeFactory.create(project=project, steps=steps)
    answer = client.post("/api/v1/cleaning-runs", {"recipe": str(recipe.pk), "input_version": str(version.pk)})
    said = "Column 'age' is int64, not string."
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["fields"] == {"steps[1].columns": [said]}
    assert answer.json()["faults"] == [
        {"step": 1, "option": "columns", "code": "wrong_type", "detail": said, "column": "age"}
    ]
    assert not CleaningRun.objects.exists()


def test_a_cleaning_run_is_shown_with_its_report(client: APIClient, project: Any) -> None:
    version, recipe = DatasetVersionFactory.create(project=project), RecipeFactory.create(project=project)
    made = _post(client, "/cleaning-runs", {"recipe": str(recipe.pk), "input_version": str(version.pk)})
    assert (made["state"], made["output_version"], made["report"], made["output_dataset"]) == (
        "queued", None, None, str(version.dataset_id),
    )  # fmt: skip
    assert sorted(made) == sorted(examples.CLEANING_RUN)
    run = CleaningRun.objects.get(pk=made["id"])
    report = [{"step": 1, "kind": "split", "rows_in": 2, "rows_out": 2, "cells_changed": {}, "warnings": []}]
    succeeded(run, dataset_result(FILES, report=report, splits={"train": 2}), FILES)
    cleaning_run_reconcile(run.workload_id)
    shown = client.get(f"/api/v1/cleaning-runs/{run.pk}").json()
    output = client.get(f"/api/v1/dataset-versions/{shown['output_version']}").json()
    whole = [{**report[0], "parameters": {}, "cells_missing": {}, "columns_added": [], "columns_removed": []}]
    assert (shown["state"], shown["report"], output["report"]) == ("succeeded", whole, whole)
    assert (output["parent"], output["cleaning_run"], output["number"]) == (str(version.pk), str(run.pk), 2)


def test_a_profile_is_asked_for_once(client: APIClient, project: Any) -> None:
    version = DatasetVersionFactory.create(project=project)
    made = _post(client, "/profiles", {"version": str(version.pk)})
    again = _post(client, "/profiles", {"version": str(version.pk)}, 200)
    assert (made["state"], made["result"], again) == ("queued", None, made)
    assert sorted(made) == sorted(examples.PROFILE)
    assert (Profile.objects.count(), Workload.objects.count()) == (1, 1)


def test_the_same_key_makes_one_of_it(client: APIClient, project: Any) -> None:
    source = SourceFactory.create(project=project)
    body = {"dataset": str(source.dataset_id), "source": str(source.pk)}
    first = _post(client, "/ingestions", body, **{"Idempotency-Key": "i-1"})
    assert _post(client, "/ingestions", body, **{"Idempotency-Key": "i-1"}) == first
    assert (Ingestion.objects.count(), Workload.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    "path, factory", [("ingestions", IngestionFactory), ("cleaning-runs", CleaningRunFactory), ("profiles", None)]
)
def test_cancelling(client: APIClient, project: Any, path: str, factory: Any) -> None:
    job = factory.create(project=project) if factory else ProfileFactory.create(project=project, state="queued")
    shown = _post(client, f"/{path}/{job.pk}/cancel", {}, 200)
    assert (shown["id"], shown["state"], shown["workload_state"]) == (str(job.pk), "queued", "cancelled")
    assert Workload.objects.get(pk=job.workload_id).state_reason == "cancelled_by_user"
    type(job).objects.filter(pk=job.pk).update(state="cancelled")
    assert _post(client, f"/{path}/{job.pk}/cancel", {}, 409)["code"] == "conflict"


def test_deprecating_a_version(client: APIClient, project: Any) -> None:
    version = DatasetVersionFactory.create(project=project)
    shown = _post(client, f"/dataset-versions/{version.pk}/deprecate", {"detail": "bad branch"}, 200)
    assert (shown["state"], shown["state_detail"]) == ("deprecated", "bad branch")
    assert _post(client, f"/dataset-versions/{version.pk}/deprecate", {}, 409)["code"] == "illegal_transition"
    refused = _post(client, "/profiles", {"version": str(version.pk)}, 409)
    assert refused["detail"] == "version 1 is deprecated; a job reads published versions only"


def test_lists_show_versions_without_their_files(client: APIClient, project: Any) -> None:
    DatasetVersionFactory.create(project=project)
    (row,) = client.get("/api/v1/dataset-versions").json()["results"]
    assert set(examples.DATASET_VERSION) - set(row) == {"files", "report", "preprocessor"}


def test_filters(client: APIClient, project: Any) -> None:
    first = DatasetVersionFactory.create(project=project)
    second = DatasetVersionFactory.create(project=project, state="deprecated", parent=first)
    assert _ids(client, "/dataset-versions", state="published") == [str(first.pk)]
    assert _ids(client, "/dataset-versions", dataset=second.dataset_id) == [str(second.pk)]
    assert _ids(client, "/dataset-versions", parent=first.pk) == [str(second.pk)]
    assert _ids(client, "/datasets", name=first.dataset.name, project=project.pk) == [str(first.dataset_id)]
    profile = ProfileFactory.create(project=project, version=first)
    ProfileFactory.create(project=project, version=second)
    assert _ids(client, "/profiles", dataset=first.dataset_id) == [str(profile.pk)]
    assert _ids(client, "/profiles", version=first.pk, state="failed") == [str(profile.pk)]
    run = CleaningRunFactory.create(project=project, input_version=first)
    CleaningRunFactory.create(project=project, input_version=second)
    assert _ids(client, "/cleaning-runs", dataset=first.dataset_id) == [str(run.pk)]
    assert _ids(client, "/cleaning-runs", recipe=run.recipe_id, state="queued") == [str(run.pk)]
    ingestion = IngestionFactory.create(project=project)
    IngestionFactory.create(project=project)
    assert _ids(client, "/ingestions", dataset=ingestion.dataset_id) == [str(ingestion.pk)]
    assert _ids(client, "/ingestions", source=ingestion.source_id, project=project.pk) == [str(ingestion.pk)]
    assert _ids(client, "/sources", dataset=ingestion.dataset_id) == [str(ingestion.source_id)]
    edge = LineageEdgeFactory.create(project=project)
    LineageEdgeFactory.create(project=project)
    assert _ids(client, "/lineage-edges", to_id=edge.to_id) == [str(edge.pk)]
    assert client.get("/api/v1/ingestions", {"state": "asleep"}).status_code == 400
    assert _ids(client, "/ingestions", project=DatasetFactory.create().project_id) == []


def test_pages_and_ordering(client: APIClient, project: Any) -> None:
    names = [RecipeFactory.create(project=project, name=name).name for name in ("b", "c", "a")]
    page = client.get("/api/v1/recipes", {"ordering": "name", "page_size": 2}).json()
    assert [row["name"] for row in page["results"]] == ["a", "b"]
    assert [row["name"] for row in client.get(page["next"]).json()["results"]] == ["c"]
    newest = client.get("/api/v1/recipes").json()["results"]
    assert [row["name"] for row in newest] == names[::-1]


def test_strangers_references_are_404_as_if_they_were_not_there(client: APIClient, project: Any) -> None:
    own, strange = SourceFactory.create(project=project), SourceFactory.create()
    missing = "01936f2e-0000-7000-8000-000000000000"
    for source in (str(strange.pk), missing):
        body = {"dataset": str(own.dataset_id), "source": source}
        assert _post(client, "/ingestions", body, 404)["detail"] == "source: not found"
    assert Ingestion.objects.count() == 0


def test_a_job_asks_where_its_data_is(client: APIClient, project: Any) -> None:
    assert reverse("runtime-data-resolve") == "/api/v1/runtime/data/resolve"
    body = {"name": "dataset", "mode": "write"}
    assert client.post("/api/v1/runtime/data/resolve", body).status_code in (401, 403)
    assert APIClient().post("/api/v1/runtime/data/resolve", body).status_code == 401


def test_a_story_ends_where_the_workload_ended(client: APIClient, project: Any) -> None:
    ingestion = IngestionFactory.create(project=project)
    workload_to(ingestion.workload, WorkloadState.FAILED, reason="exceeds_quota", detail="too much")
    ingestion_reconcile(ingestion.workload_id)
    shown = client.get(f"/api/v1/ingestions/{ingestion.pk}").json()
    assert (shown["state"], shown["state_reason"], shown["state_detail"]) == ("failed", "exceeds_quota", "too much")
    (step,) = client.get(f"/api/v1/ingestions/{ingestion.pk}/story").json()
    assert (step["from_state"], step["to_state"], step["actor_name"]) == ("queued", "failed", "reconcile")


@pytest.mark.parametrize(
    "path, factory",
    [
        ("datasets", DatasetFactory),
        ("sources", SourceFactory),
        ("ingestions", IngestionFactory),
        ("dataset-versions", DatasetVersionFactory),
        ("profiles", ProfileFactory),
        ("recipes", RecipeFactory),
        ("cleaning-runs", CleaningRunFactory),
        ("lineage-edges", LineageEdgeFactory),
    ],
)
def test_a_list_is_one_query_however_long(client: APIClient, project: Any, path: str, factory: Any) -> None:
    for rows in (1, 8):
        while factory._meta.model.objects.count() < rows:
            factory.create(project=project)
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(f"/api/v1/{path}")
        assert (len(answer.json()["results"]), len(queries)) == (rows, 1)
