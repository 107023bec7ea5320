"""Who may do what with datasets."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django.fixtures import Settings
from uuid6 import uuid7

from apps.access.states import Role
from apps.common.storage import store
from apps.datasets.api.examples import STEPS
from apps.datasets.models import AllowedOrigin, Dataset, Source
from tests.support.factories.datasets import (
    AllowedOriginFactory,
    CleaningRunFactory,
    ClosingPreviewFactory,
    DatasetFactory,
    DatasetVersionFactory,
    ExpectationFactory,
    IngestionFactory,
    IngestionScheduleFactory,
    KeepRuleFactory,
    LineageEdgeFactory,
    ProfileFactory,
    QualityHoldFactory,
    RecipeFactory,
    SourceFactory,
    UploadFactory,
    ValidationRunFactory,
    VersionAliasFactory,
    VersionComparisonFactory,
    pool_ready,
)
from tests.support.permissions import ANY_USER, Case, Context, check

API = "/api/v1"


@pytest.fixture(autouse=True)
def objects(settings: Settings, tmp_path: Path, db: None) -> None:
    settings.BEDPLATE_STORAGE_URL = f"file://{tmp_path / 'objects'}"
    pool_ready()


def _one(factory: Any, path: str, suffix: str = "", **values: Any) -> Any:
    """The address of an object made in the project."""
    return lambda ctx: f"{API}/{path}/{factory.create(project=ctx.project, **values).pk}{suffix}"


def _source_file(ctx: Context) -> str:
    return f"{API}/sources/{SourceFactory.with_object(b'a', project=ctx.project).pk}/download"


def _version_file(ctx: Context) -> str:
    version = DatasetVersionFactory.with_objects({"part-00000.parquet": b"PAR1"}, project=ctx.project)
    return f"{API}/dataset-versions/{version.pk}/files/part-00000.parquet"


def _quarantine(ctx: Context) -> str:
    stored = store().put(f"attempts/{uuid7()}/dataset/quarantine.csv.gz", [b"line"])
    file = {"path": stored.path, "size_bytes": stored.size_bytes, "sha256": stored.sha256}
    return f"{API}/ingestions/{IngestionFactory.create(project=ctx.project, quarantine=file).pk}/quarantine"


def _dataset(ctx: Context) -> dict[str, Any]:
    return {"project": str(ctx.project.pk), "name": "loans"}


def _upload(ctx: Context) -> dict[str, Any]:
    dataset = DatasetFactory.create(project=ctx.project)
    return {"dataset": str(dataset.pk), "file": SimpleUploadedFile("people.csv", b"a,b\n1,2\n")}


def _ingestion(ctx: Context) -> dict[str, Any]:
    source: Source = SourceFactory.create(project=ctx.project)
    return {"dataset": str(source.dataset_id), "source": str(source.pk)}


def _profile(ctx: Context) -> dict[str, Any]:
    return {"version": str(DatasetVersionFactory.create(project=ctx.project).pk)}


def _recipe(ctx: Context) -> dict[str, Any]:
    return {"project": str(ctx.project.pk), "name": "loans", "steps": STEPS}


def _cleaning_run(ctx: Context) -> dict[str, Any]:
    version = DatasetVersionFactory.create(project=ctx.project)
    return {"recipe": str(RecipeFactory.create(project=ctx.project).pk), "input_version": str(version.pk)}


def _diff(ctx: Context) -> str:
    before, after = (DatasetVersionFactory.create(project=ctx.project) for _ in range(2))
    return f"{API}/dataset-versions/{after.pk}/diff?with={before.pk}"


def _keep_rule(ctx: Context) -> dict[str, Any]:
    return {"project": str(ctx.project.pk), "dataset": None, "keep_last": 2}


def _would_keep(ctx: Context) -> str:
    return f"{API}/keep-rules/would-keep?keep_last=1&dataset={DatasetFactory.create(project=ctx.project).pk}"


def _comparison(ctx: Context) -> dict[str, Any]:
    before, after = (DatasetVersionFactory.create(project=ctx.project) for _ in range(2))
    return {"before": str(before.pk), "after": str(after.pk), "key": ["age"]}


def _alias(ctx: Context) -> dict[str, Any]:
    version = DatasetVersionFactory.create(project=ctx.project)
    return {"dataset": str(version.dataset_id), "name": "gold", "version": str(version.pk)}


def _reference(ctx: Context) -> str:
    version = DatasetVersionFactory.create(project=ctx.project)
    return f"{API}/datasets/resolve?ref={ctx.project.name}/{version.dataset.name}@1"


def _lineage(ctx: Context) -> str:
    return f"{API}/lineage?of=source:{SourceFactory.create(project=ctx.project).pk}"


def _upload_address(ctx: Context) -> str:
    DatasetFactory.create(project=ctx.project)
    return f"{API}/uploads"


def _upload_headers(ctx: Context) -> dict[str, str]:
    dataset = Dataset.objects.filter(project=ctx.project).latest("id")
    said = {"filename": "people.csv", "dataset": str(dataset.pk)}
    texts = (f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in said.items())
    return {"Tus-Resumable": "1.0.0", "Upload-Length": "3", "Upload-Metadata": ",".join(texts)}


def _patch_headers(ctx: Context) -> dict[str, str]:
    return {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}


def _wanted() -> dict[str, Any]:
    return {"kind": "row_count", "parameters": {"minimum": 1}}


def _expectation(ctx: Context) -> dict[str, Any]:
    return {"dataset": str(DatasetFactory.create(project=ctx.project).pk), **_wanted()}


def _expectations(ctx: Context) -> dict[str, Any]:
    return {"dataset": str(DatasetFactory.create(project=ctx.project).pk), "expectations": [_wanted()]}


def _validating(suffix: str) -> Any:
    """The address of a version that is validating, with an expectation."""

    def address(ctx: Context) -> str:
        version = DatasetVersionFactory.create(project=ctx.project, state="validating")
        ExpectationFactory.create(dataset=version.dataset)
        return f"{API}/dataset-versions/{version.pk}{suffix}"

    return address


def _allow(ctx: Context) -> None:
    if not AllowedOrigin.objects.filter(project=ctx.project).exists():
        AllowedOriginFactory.create(project=ctx.project, pattern="data.example.org")


def _fetched(ctx: Context) -> dict[str, Any]:
    dataset = DatasetFactory.create(project=ctx.project)
    _allow(ctx)
    return {"dataset": str(dataset.pk), "origin": {"kind": "url", "url": "https://data.example.org/a.csv"}}


def _schedule(ctx: Context) -> dict[str, Any]:
    return {**_fetched(ctx), "every_seconds": 3600}


def _runnable(ctx: Context) -> str:
    _allow(ctx)
    return f"{API}/ingestion-schedules/{IngestionScheduleFactory.create(project=ctx.project).pk}/run"


def _allowed(ctx: Context) -> dict[str, Any]:
    return {"project": str(ctx.project.pk), "pattern": "data.example.org"}


NOUNS = {
    "allowed-origins": AllowedOriginFactory,
    "ingestion-schedules": IngestionScheduleFactory,
    "uploads": UploadFactory,
    "datasets": DatasetFactory,
    "sources": SourceFactory,
    "ingestions": IngestionFactory,
    "dataset-versions": DatasetVersionFactory,
    "version-aliases": VersionAliasFactory,
    "keep-rules": KeepRuleFactory,
    "version-comparisons": VersionComparisonFactory,
    "profiles": ProfileFactory,
    "previews": ClosingPreviewFactory,
    "recipes": RecipeFactory,
    "expectations": ExpectationFactory,
    "validation-runs": ValidationRunFactory,
    "quality-holds": QualityHoldFactory,
    "cleaning-runs": CleaningRunFactory,
    "lineage-edges": LineageEdgeFactory,
}

JOBS = ("ingestions", "profiles", "previews", "cleaning-runs", "validation-runs", "version-comparisons")
STATEFUL = (*JOBS, "dataset-versions", "uploads", "ingestion-schedules")

CASES = [
    *(Case("GET", f"{API}/{path}") for path in NOUNS),
    *(Case("GET", _one(factory, path), name=f"GET-{path}/id") for path, factory in NOUNS.items()),
    *(
        Case("GET", _one(factory, path, "/story"), name=f"GET-{path}/id/story")
        for path, factory in NOUNS.items()
        if path in STATEFUL
    ),
    Case("GET", _source_file, name="GET-sources/id/download"),
    Case("GET", _version_file, name="GET-dataset-versions/id/files/name"),
    Case("GET", _quarantine, name="GET-ingestions/id/quarantine"),
    *(
        Case("GET", _one(DatasetVersionFactory, "dataset-versions", f"/{what}"), name=f"GET-dataset-versions/id/{what}")
        for what in ("sample", "thumbnails", "profile", "report", "manifest", "quality", "proposed-expectations")
    ),
    Case("GET", _diff, name="GET-dataset-versions/id/diff"),
    Case("GET", _lineage, stranger=404, name="GET-lineage"),
    Case("GET", f"{API}/datasets/summary"),
    Case("GET", f"{API}/recipe-steps", role=ANY_USER),
    Case("GET", f"{API}/expression-functions", role=ANY_USER),
    Case("POST", f"{API}/expressions/check", lambda _: {"expression": "a > 1", "columns": []}, ANY_USER),
    Case("GET", f"{API}/ingestion-options", role=ANY_USER),
    Case("GET", f"{API}/expectation-kinds", role=ANY_USER),
    Case("POST", f"{API}/expectations", _expectation, Role.EDITOR, 201),
    Case("POST", f"{API}/expectations/bulk", _expectations, Role.EDITOR, 201),
    Case(
        "PATCH", _one(ExpectationFactory, "expectations"), lambda _: {"severity": "warn"}, Role.EDITOR,
        name="PATCH-expectations/id",
    ),
    *(
        Case(
            "POST", _validating(f"/{verb}"), lambda _: {"comment": "Known."}, Role.EDITOR,
            name=f"POST-dataset-versions/id/{verb}",
        )
        for verb in ("validate", "reject", "override")
    ),
    Case("POST", f"{API}/datasets", _dataset, Role.EDITOR, 201),
    Case("POST", f"{API}/sources", _upload, Role.EDITOR, 201, format="multipart"),
    Case("POST", f"{API}/ingestions", _fetched, Role.EDITOR, 201, name="POST-ingestions-origin"),
    Case("POST", f"{API}/ingestion-schedules", _schedule, Role.EDITOR, 201),
    *(
        Case(
            "POST", _one(IngestionScheduleFactory, "ingestion-schedules", f"/{verb}", **values), role=Role.EDITOR,
            name=f"POST-ingestion-schedules/id/{verb}",
        )
        for verb, values in {"pause": {}, "retire": {}, "resume": {"state": "paused", "next_at": None}}.items()
    ),
    Case("POST", _runnable, role=Role.EDITOR, status=201, name="POST-ingestion-schedules/id/run"),
    Case("POST", f"{API}/allowed-origins", _allowed, Role.ADMIN, 201),
    Case(
        "DELETE", _one(AllowedOriginFactory, "allowed-origins"), role=Role.ADMIN, status=204,
        name="DELETE-allowed-origins/id",
    ),
    Case("POST", _upload_address, role=Role.EDITOR, status=201, headers=_upload_headers, name="POST-uploads"),
    *(
        Case(
            method, _one(UploadFactory, "uploads"), role=Role.EDITOR, status=204, headers=_patch_headers,
            name=f"{method}-uploads/id",
        )
        for method in ("PATCH", "DELETE")
    ),
    Case("POST", f"{API}/ingestions", _ingestion, Role.EDITOR, 201),
    Case("POST", f"{API}/keep-rules", _keep_rule, Role.ADMIN, 201),
    Case("DELETE", _one(KeepRuleFactory, "keep-rules"), role=Role.ADMIN, status=204, name="DELETE-keep-rules/id"),
    Case("GET", _would_keep, name="GET-keep-rules/would-keep", stranger=404),
    Case(
        "PUT", _one(DatasetVersionFactory, "dataset-versions", "/pin"), lambda _: {"is_pinned": True}, Role.EDITOR,
        name="PUT-dataset-versions/id/pin",
    ),
    Case("POST", f"{API}/version-comparisons", _comparison, Role.EDITOR, 201),
    Case("POST", f"{API}/version-aliases", _alias, Role.EDITOR, 201),
    Case(
        "DELETE", _one(VersionAliasFactory, "version-aliases"), role=Role.EDITOR, status=204,
        name="DELETE-version-aliases/id",
    ),
    Case("GET", _one(VersionAliasFactory, "version-aliases", "/history"), name="GET-version-aliases/id/history"),
    Case("GET", _reference, name="GET-datasets/resolve", stranger=404),
    Case(
        "PUT", _one(DatasetVersionFactory, "dataset-versions", "/tags"), lambda _: {"tags": ["q1"]}, Role.EDITOR,
        name="PUT-dataset-versions/id/tags",
    ),
    Case("POST", f"{API}/profiles", _profile, Role.EDITOR, 201),
    Case("POST", f"{API}/recipes", _recipe, Role.EDITOR, 201),
    Case("POST", f"{API}/previews", _profile, Role.EDITOR, 201),
    Case(
        "POST", _one(ClosingPreviewFactory, "previews", "/apply"), lambda _: {"steps": []}, Role.EDITOR, 409,
        name="POST-previews/id/apply",
    ),
    Case("POST", f"{API}/cleaning-runs", _cleaning_run, Role.EDITOR, 201),
    Case(
        "POST", _one(DatasetVersionFactory, "dataset-versions", "/deprecate"), role=Role.EDITOR,
        name="POST-dataset-versions/id/deprecate",
    ),
    *(
        Case("POST", _one(factory, path, "/cancel", state="queued"), role=Role.EDITOR, name=f"POST-{path}/id/cancel")
        for path, factory in NOUNS.items() if path in JOBS
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_may(case: Case) -> None:
    check(case)
