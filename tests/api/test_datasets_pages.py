"""What pages of datasets ask for: figures beside each dataset, samples, profiles, reports, differences, counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from apps.access.states import Role
from apps.common.storage import store
from apps.datasets.api import examples, version_examples
from apps.datasets.models import DatasetVersion, Source
from tests.support.factories.access import ProjectFactory, member
from tests.support.factories.datasets import (
    CleaningRunFactory,
    DatasetFactory,
    DatasetVersionFactory,
    IngestionFactory,
    ProfileFactory,
    RecipeFactory,
    SourceFactory,
    pool_ready,
)
from workers.contracts.recipes import KINDS

pytestmark = pytest.mark.django_db
COLUMN = {"name": "age", "type": "int64", "null_count": 1, "distinct_count": 2, "minimum": 1, "maximum": 3, "mean": 2.0}


@pytest.fixture(autouse=True)
def objects(settings: Settings, tmp_path: Path) -> None:
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"
    pool_ready()


@pytest.fixture
def project() -> Any:
    return ProjectFactory.create(name="risk")


@pytest.fixture
def client(project: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(member(project, Role.EDITOR, username="ada"))
    return client


def _get(client: APIClient, path: str, **query: Any) -> Any:
    answer = client.get(f"/api/v1{path}", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def _names(client: APIClient, **query: Any) -> list[str]:
    return [row["name"] for row in _get(client, "/datasets", **query)["results"]]


def _with_companions(project: Any, documents: dict[str, Any], **values: Any) -> DatasetVersion:
    files = {kind: {"name": f"{kind}.json", "size_bytes": 1, "sha256": "0" * 64} for kind in documents}
    version: DatasetVersion = DatasetVersionFactory.create(project=project, companions=files, **values)
    for kind, document in documents.items():
        store().put(f"{version.manifest['prefix']}{kind}.json", [json.dumps(document).encode()])
    return version


# Lists ----------------------------------------------------------------------------------------------------------


def test_a_dataset_shows_its_latest_published_version_and_newest_job(client: APIClient, project: Any) -> None:
    dataset = DatasetFactory.create(project=project, name="loans", created_by=member(project, username="bob"))
    empty = _get(client, f"/datasets/{dataset.pk}")
    assert (empty["latest_version"], empty["newest_job"], empty["version_count"]) == (None, None, 0)
    assert (empty["created_by_name"], empty["project_name"]) == ("bob", "risk")

    _, latest, _ = (
        DatasetVersionFactory.create(
            project=project, dataset=dataset, number=number, state=state, row_count=number, size_bytes=10 * number
        )
        for number, state in ((1, "published"), (2, "published"), (3, "deprecated"))
    )
    ingestion = IngestionFactory.create(source=SourceFactory.create(project=project, dataset=dataset), project=project)
    shown = _get(client, f"/datasets/{dataset.pk}")
    assert shown["version_count"] == 3
    assert shown["latest_version"] == {
        "id": str(latest.pk), "number": 2, "row_count": 2, "column_count": 2, "size_bytes": 20,
        "sensitivity": "unclassified", "published_at": shown["latest_version"]["published_at"],
    }  # fmt: skip
    assert (shown["newest_job"]["kind"], shown["newest_job"]["id"]) == ("ingestion", str(ingestion.pk))

    run = CleaningRunFactory.create(project=project, input_version=latest, state="failed", state_reason="exit_nonzero")
    profile = ProfileFactory.create(project=project, version=latest, workload=run.workload)
    (row,) = _get(client, "/datasets")["results"]
    job = row["newest_job"]
    assert (job["kind"], job["id"], job["state"], job["state_reason"]) == (
        "cleaning_run", str(run.pk), "failed", "exit_nonzero",
    ), "a profile that its workload took on the way is no job of its own"  # fmt: skip
    assert profile.workload.owner_kind == "cleaning_run"
    assert sorted(row) == sorted(examples.DATASET)
    assert sorted(job) == sorted(examples.DATASET["newest_job"])  # type: ignore[arg-type]
    assert sorted(row["latest_version"]) == sorted(examples.DATASET["latest_version"])  # type: ignore[arg-type]


def test_datasets_are_found_by_words(client: APIClient, project: Any) -> None:
    DatasetFactory.create(project=project, name="loans", title="Credit applications")
    DatasetFactory.create(project=project, name="churn", description="贷款客户 who left")
    DatasetFactory.create(name="loans-of-others")

    assert _names(client, search="LOAN") == ["loans"]
    assert _names(client, search="credit appl") == ["loans"]
    assert _names(client, search="客户") == ["churn"]
    assert _names(client, search="100%") == []
    assert client.get("/api/v1/datasets", {"search": "a\0"}).status_code == 400


def test_datasets_are_ordered_by_figures_of_their_latest_version(client: APIClient, project: Any) -> None:
    for name, rows in (("b", 5), ("a", 50), ("c", 5)):
        dataset = DatasetFactory.create(project=project, name=name)
        DatasetVersionFactory.create(project=project, dataset=dataset, row_count=rows, size_bytes=100 - rows)
    DatasetFactory.create(project=project, name="empty")

    assert _names(client, ordering="-row_count") == ["a", "c", "b", "empty"]
    assert _names(client, ordering="size_bytes") == ["a", "c", "b", "empty"]
    assert _names(client, ordering="version_count,name") == ["empty", "a", "b", "c"]
    page = _get(client, "/datasets", ordering="-row_count", page_size=2)
    following = client.get(page["next"]).json()
    assert [row["name"] for row in page["results"] + following["results"]] == ["a", "c", "b", "empty"]


def test_a_full_list_of_datasets_is_one_query(client: APIClient, project: Any) -> None:
    for _ in range(3):
        version = DatasetVersionFactory.create(project=project)
        CleaningRunFactory.create(project=project, input_version=version)
        ProfileFactory.create(project=project, version=version)
    with CaptureQueriesContext(connection) as queries:
        assert len(_names(client)) == 3
    assert len(queries) == 1


def test_names_stand_beside_ids(client: APIClient, project: Any) -> None:
    ada = member(project, username="grace")
    recipe = RecipeFactory.create(project=project, name="clean", created_by=ada)
    parent = DatasetVersionFactory.create(project=project, dataset__name="raw", number=4)
    target = DatasetFactory.create(project=project, name="tidy", title="Tidy")
    run = CleaningRunFactory.create(
        project=project, recipe=recipe, input_version=parent, output_dataset=target, requested_by=ada
    )
    made = DatasetVersionFactory.create(project=project, dataset=target, parent=parent, cleaning_run=run, number=2)
    shown = _get(client, f"/dataset-versions/{made.pk}")
    expected = {
        "project_name": "risk", "dataset_name": "tidy", "dataset_title": "Tidy", "parent_number": 4,
        "parent_dataset": str(parent.dataset_id), "parent_dataset_name": "raw", "recipe": str(recipe.pk),
        "recipe_name": "clean", "recipe_number": 1, "created_by_name": "grace", "created_by": str(ada.pk),
        "source": None, "has_sample": False, "newest_profile": None,
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == expected
    of_run = _get(client, f"/cleaning-runs/{run.pk}")
    assert (of_run["recipe_name"], of_run["input_dataset_name"], of_run["input_version_number"]) == ("clean", "raw", 4)
    assert (of_run["output_dataset_name"], of_run["output_version_number"]) == ("tidy", 2)
    assert (of_run["output_version"], of_run["requested_by_name"]) == (str(made.pk), "grace")
    assert _get(client, f"/recipes/{recipe.pk}")["created_by_name"] == "grace"
    source = SourceFactory.create(project=project, dataset=target, uploaded_by=ada)
    assert _get(client, f"/sources/{source.pk}")["uploaded_by_name"] == "grace"
    ingestion = IngestionFactory.create(project=project, source=source)
    of_ingestion = _get(client, f"/ingestions/{ingestion.pk}")
    assert (of_ingestion["source_name"], of_ingestion["dataset_name"]) == ("people.csv", "tidy")
    assert (of_ingestion["version_number"], of_ingestion["requested_by_name"]) == (None, None)


# A version ------------------------------------------------------------------------------------------------------


def test_a_sample_is_shown_as_the_job_wrote_it(client: APIClient, project: Any) -> None:
    rows = {"columns": [{"name": "age", "type": "int64"}], "first": [{"ordinal": 0, "values": [None]}], "random": []}
    version = _with_companions(project, {"sample": rows})

    found = _get(client, f"/dataset-versions/{version.pk}/sample")

    assert found == {"version": str(version.pk), "is_available": True, "row_count": 2, **rows}
    assert sorted(found) == sorted(version_examples.SAMPLE)
    assert _get(client, f"/dataset-versions/{version.pk}")["has_sample"] is True


def test_without_a_sample_there_are_no_rows_and_a_lost_one_is_named(client: APIClient, project: Any) -> None:
    version = DatasetVersionFactory.create(project=project)
    found = _get(client, f"/dataset-versions/{version.pk}/sample")
    assert (found["is_available"], found["first"], found["random"]) == (False, [], [])

    lost = _with_companions(project, {"sample": {}})
    store().delete(f"{lost.manifest['prefix']}sample.json")
    answer = client.get(f"/api/v1/dataset-versions/{lost.pk}/sample")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "sample.json of version 1 is not in the object store.",
    )


def test_the_newest_profile_of_a_version(client: APIClient, project: Any) -> None:
    version = DatasetVersionFactory.create(project=project)
    path = f"/dataset-versions/{version.pk}/profile"
    assert _get(client, path) == {"version": str(version.pk), "profile": None, "succeeded": None}

    ProfileFactory.create(project=project, version=version)
    newest = ProfileFactory.create(
        project=project, version=version, state="succeeded", result={"row_count": 2, "columns": [COLUMN]}
    )
    found = _get(client, path)["profile"]
    assert (found["id"], found["state"]) == (str(newest.pk), "succeeded")
    whole = found["result"]
    assert (whole["format"], whole["table"], whole["left_out"]) == (1, None, []), "of earlier times, made whole"
    assert sorted(whole["columns"][0]) == sorted(examples.PROFILE["result"]["columns"][0])
    assert {name: whole["columns"][0][name] for name in COLUMN if name != "histogram"} == {
        name: value for name, value in COLUMN.items() if name != "histogram"
    }
    assert sorted(found) == sorted(examples.PROFILE)
    shown = _get(client, f"/dataset-versions/{version.pk}")
    assert shown["newest_profile"] == {"id": str(newest.pk), "state": "succeeded"}

    asked = ProfileFactory.create(project=project, version=version, state="queued", target="age")
    both = _get(client, path)
    assert (both["profile"]["id"], both["succeeded"]["id"]) == (str(asked.pk), str(newest.pk)), "kept in sight"


def test_a_report_in_full(client: APIClient, project: Any) -> None:
    run = CleaningRunFactory.create(project=project)
    step = {**examples.STEP_REPORT, "step": 1}
    beside = {"step": 1, "fitted": [{"column": "Income", "low": 1.0}], "examples": []}
    version = _with_companions(
        project,
        {"report": {"rows_watched": 7, "is_cut": True, "steps": [beside]}},
        report=[step],
        cleaning_run=run,
        parent=run.input_version,
    )

    found = _get(client, f"/dataset-versions/{version.pk}/report")

    assert found == {
        "version": str(version.pk), "recipe": str(run.recipe_id), "recipe_name": run.recipe.name, "recipe_number": 1,
        "input_version": str(run.input_version_id), "input_version_number": 1, "rows_watched": 7, "is_cut": True,
        "steps": [{**step, **beside}],
    }  # fmt: skip
    assert sorted(found) == sorted(version_examples.REPORT)


def test_a_report_of_earlier_times_and_of_none(client: APIClient, project: Any) -> None:
    step = {
        "step": 1,
        "kind": "split",
        "rows_in": 2,
        "rows_out": 2,
        "cells_changed": {},
        "warnings": [],
        "seconds": 0.1,
    }
    version = DatasetVersionFactory.create(project=project, report=[step])
    (found,) = _get(client, f"/dataset-versions/{version.pk}/report")["steps"]
    assert found == {
        **step, "parameters": {}, "cells_missing": {}, "columns_added": [], "columns_removed": [], "fitted": [],
        "examples": [],
    }  # fmt: skip

    ingested = DatasetVersionFactory.create(project=project)
    report = _get(client, f"/dataset-versions/{ingested.pk}/report")
    assert (report["steps"], report["recipe"], report["rows_watched"]) == ([], None, 0)


def test_versions_differ_in_columns_and_statistics(client: APIClient, project: Any) -> None:
    dataset = DatasetFactory.create(project=project)
    kinds = [{"age": "int64", "name": "string", "gone": "bool"}, {"new": "date", "age": "int64", "name": "int64"}]
    before, after = (
        DatasetVersionFactory.create(
            project=project, dataset=dataset, number=number, digest=f"sha256:{number}",
            schema=[{"name": name, "type": kind, "nullable": True} for name, kind in columns.items()],
        )
        for number, columns in enumerate(kinds, 1)
    )  # fmt: skip
    path = f"/dataset-versions/{after.pk}/diff"
    found = _get(client, path, **{"with": before.pk})
    assert sorted(found) == sorted(version_examples.DIFF)
    changes = [(each["name"], each["change"], each["type_before"], each["type_after"]) for each in found["columns"]]
    assert changes == [
        ("new", "added", None, "date"), ("age", "same", "int64", "int64"), ("name", "type_changed", "string", "int64"),
        ("gone", "removed", "bool", None),
    ]  # fmt: skip
    assert (found["is_same_content"], found["before"]["number"], found["after"]["number"]) == (False, 1, 2)

    for version, missing, mean in ((before, 1, 2.0), (after, 0, 2.5)):
        column = {**COLUMN, "null_count": missing, "mean": mean, "quantiles": {"0.5": 2.0}, "text_length": None}
        result = {"row_count": 2, "columns": [column]}
        ProfileFactory.create(project=project, version=version, state="succeeded", result=result)
    age = next(each for each in _get(client, path, **{"with": before.pk})["columns"] if each["name"] == "age")
    assert (age["change"], age["statistics"]) == (
        "changed",
        [{"name": "null_ratio", "before": 0.5, "after": 0.0}, {"name": "mean", "before": 2.0, "after": 2.5}],
    )


def test_a_difference_needs_two_visible_versions(client: APIClient, project: Any) -> None:
    version, strange = DatasetVersionFactory.create(project=project), DatasetVersionFactory.create()
    path = f"/api/v1/dataset-versions/{version.pk}/diff"
    assert client.get(path, {"with": strange.pk}).status_code == 404
    missing = client.get(path)
    assert (missing.status_code, list(missing.json()["fields"])) == (400, ["with"])
    assert client.get(path, {"with": "x"}).status_code == 400


# Counts, forms, upload ------------------------------------------------------------------------------------------


def test_a_summary_counts_what_the_caller_sees(client: APIClient, project: Any) -> None:
    version = DatasetVersionFactory.create(project=project, row_count=7, size_bytes=70)
    DatasetVersionFactory.create(project=project, dataset=version.dataset, number=2, state="deprecated", row_count=9)
    IngestionFactory.create(project=project, state="running", source=SourceFactory.create(project=project))
    CleaningRunFactory.create(project=project, input_version=version, state="failed")
    DatasetVersionFactory.create()
    found = _get(client, "/datasets/summary")
    assert found == {
        "datasets": 2, "versions": 1, "row_count": 7, "size_bytes": 70, "sources": 1, "source_bytes": 3,
        "jobs": [
            {"kind": "ingestion", "queued": 0, "running": 1, "failed": 0},
            {"kind": "profile", "queued": 0, "running": 0, "failed": 0},
            {"kind": "cleaning_run", "queued": 0, "running": 0, "failed": 1},
        ],
    }  # fmt: skip
    assert _get(client, "/datasets/summary", project=project.pk) == found
    assert client.get("/api/v1/datasets/summary", {"project": ProjectFactory.create().pk}).status_code == 404


def test_forms_are_served(client: APIClient) -> None:
    steps = _get(client, "/recipe-steps")["steps"]
    assert [step["kind"] for step in steps] == list(KINDS)
    assert steps[0]["schema"]["properties"]["kind"] == {"const": steps[0]["kind"]}
    assert _get(client, "/ingestion-options")["properties"]["header"]["default"] is None


def test_a_browser_uploads_with_its_session_and_csrf_token(project: Any) -> None:
    dataset, user = DatasetFactory.create(project=project), member(project, Role.EDITOR)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    browser.cookies["bedplate_csrf"] = token = "a" * 32

    def send(**headers: str) -> Any:
        body = {"dataset": str(dataset.pk), "file": SimpleUploadedFile("people.csv", b"a,b\n1,2\n" * 500_000)}
        return browser.post("/api/v1/sources", body, headers=headers)

    refused = send()
    assert (refused.status_code, Source.objects.count()) == (403, 0)
    made = send(**{"X-CSRFToken": token})
    assert made.status_code == 201, made.content
    assert (made.json()["size_bytes"], made.json()["uploaded_by_name"]) == (4_000_000, user.username)
