"""Who may do what with experiments, runs, their files and the registry."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from factory.django import DjangoModelFactory

from apps.access.states import Role
from apps.common import clock
from apps.common.storage import store
from apps.experiments.models import SourceBundle
from apps.quotas.models import PriorityClass
from tests.support.factories.datasets import DatasetVersionFactory, pool_ready
from tests.support.factories.experiments import (
    ArtifactFactory,
    CheckpointFactory,
    ExperimentFactory,
    ModelAliasFactory,
    ModelVersionFactory,
    RegisteredModelFactory,
    RunFactory,
    SavedViewFactory,
    SourceBundleFactory,
    run_of,
    started,
    succeeded_run,
)
from tests.support.permissions import ANY_USER, Case, Context, check
from tests.support.zips import zip_of

API = "/api/v1"
RESOURCES = {"cpu_millis": 1000, "memory_bytes": 64 << 20, "gpus": 0, "flavor": ""}


def one(path: str, made: type[DjangoModelFactory[Any]], suffix: str = "", **kwargs: Any) -> Any:
    """The address of a new object of the project."""
    return lambda ctx: f"{API}/{path}/{made.create(project=ctx.project, **kwargs).pk}{suffix}"


def listed(path: str, made: type[DjangoModelFactory[Any]]) -> Any:
    """The address of a list with an object of the project in it."""
    return lambda ctx: f"{API}/{path}?page_size={5 if made.create(project=ctx.project).pk else 0}"


def downloadable(path: str, made: Any) -> Any:
    return lambda ctx: f"{API}/{path}/{made.with_object(b'content', project=ctx.project).pk}/download"


def key(row: models.Model) -> str:
    return str(row.pk)


def run_body(ctx: Context) -> dict[str, Any]:
    return {
        "experiment": key(ExperimentFactory.create(project=ctx.project)),
        "name": "first",
        "script": "print(1)",
        "dataset_version": key(DatasetVersionFactory.create(project=ctx.project)),
    }


def bundle_body(ctx: Context) -> dict[str, Any]:
    return {"project": key(ctx.project), "archive": SimpleUploadedFile("code.zip", zip_of({"train.py": "print(1)"}))}


def stored_bundle(ctx: Context) -> str:
    file = {"name": "train.py", "size_bytes": 8, "sha256": "0" * 64, "is_executable": False}
    bundle: SourceBundle = SourceBundleFactory.create(project=ctx.project, files=[file])
    store().put(bundle.path, [zip_of({"train.py": "print(1)"})])
    return key(bundle)


def view_body(ctx: Context) -> dict[str, Any]:
    return {"project": key(ctx.project), "name": "best", "document": {"sort": "-metrics.auc"}}


def own_view(ctx: Context) -> str:
    return f"{API}/saved-views/{key(SavedViewFactory.create(project=ctx.project, owner=ctx.caller))}"


def version_body(ctx: Context) -> dict[str, Any]:
    run = succeeded_run(project=ctx.project)
    return {"model": key(RegisteredModelFactory.create(project=ctx.project)), "run": key(run)}


def alias_body(ctx: Context) -> dict[str, Any]:
    version = ModelVersionFactory.create(project=ctx.project)
    return {"model": key(version.model), "name": "champion", "version": key(version)}


def ended(ctx: Context, suffix: str, **more: Any) -> str:
    run = RunFactory.create(project=ctx.project, state="cancelled", ended_at=clock.now(), resources=RESOURCES, **more)
    return f"{API}/runs/{key(run)}{suffix}"


CASES = [
    Case("GET", listed("experiments", ExperimentFactory)),
    Case("GET", one("experiments", ExperimentFactory)),
    Case(
        "POST",
        f"{API}/experiments",
        body=lambda ctx: {"project": key(ctx.project), "name": "risk"},
        role=Role.EDITOR,
        status=201,
    ),
    Case("GET", listed("runs", RunFactory)),
    Case("GET", one("runs", RunFactory)),
    Case("POST", f"{API}/runs", body=run_body, role=Role.EDITOR, status=201),
    Case(
        "POST",
        f"{API}/runs",
        body=lambda ctx: {**run_body(ctx), "priority_class": "high"},
        role=Role.ADMIN,
        status=201,
        name="POST-runs-of-high-priority",
    ),
    Case(
        "POST",
        f"{API}/runs",
        body=lambda ctx: {**run_body(ctx), "priority_class": "low"},
        role=Role.EDITOR,
        status=201,
        name="POST-runs-of-low-priority",
    ),
    Case(
        "POST",
        lambda ctx: f"{API}/runs/{key(run_of(started(project=ctx.project)))}/stop",
        role=Role.EDITOR,
        name="stop",
    ),
    Case(
        "GET",
        lambda ctx: f"{API}/runs/metrics?run={key(RunFactory.create(project=ctx.project))}&key=loss",
        stranger=404,
        name="many-metrics",
    ),
    Case("GET", one("runs", RunFactory, "/system-metrics")),
    Case("GET", one("runs", RunFactory, "/attempts")),
    Case("GET", one("runs", RunFactory, "/as-request")),
    Case("POST", lambda ctx: ended(ctx, "/retry"), body=lambda ctx: {}, role=Role.EDITOR, status=201, name="retry"),
    Case(
        "POST",
        lambda ctx: ended(ctx, "/retry", priority_class=PriorityClass.objects.get(name="high")),
        body=lambda ctx: {},
        role=Role.ADMIN,
        status=201,
        name="retry-of-high-priority",
    ),
    Case("POST", lambda ctx: ended(ctx, "/repeat"), body=lambda ctx: {}, role=Role.EDITOR, status=201, name="repeat"),
    Case("GET", one("runs", RunFactory, "/provenance")),
    Case("GET", listed("source-bundles", SourceBundleFactory)),
    Case("GET", one("source-bundles", SourceBundleFactory)),
    Case("GET", lambda ctx: f"{API}/source-bundles/{stored_bundle(ctx)}/download"),
    Case("GET", lambda ctx: f"{API}/source-bundles/{stored_bundle(ctx)}/file?name=train.py"),
    Case("POST", f"{API}/source-bundles", body=bundle_body, role=Role.EDITOR, status=201, format="multipart"),
    Case("GET", lambda ctx: f"{API}/runs/compare?run={key(RunFactory.create(project=ctx.project))}", stranger=404),
    Case(
        "GET",
        lambda ctx: f"{API}/runs/member-metrics?run={key(RunFactory.create(project=ctx.project))}&key=loss",
        stranger=404,
    ),
    Case(
        "GET",
        lambda ctx: f"{API}/runs/metrics.csv?run={key(RunFactory.create(project=ctx.project))}",
        name="many-metrics-as-csv",
    ),
    Case("GET", one("runs", RunFactory, "/notes")),
    Case("PUT", one("runs", RunFactory, "/notes"), body=lambda ctx: {"notes": "flat"}, role=Role.EDITOR),
    Case("DELETE", one("runs", RunFactory), role=Role.EDITOR, status=204),
    Case("POST", one("runs", RunFactory, "/restore", deleted_at=clock.now()), role=Role.EDITOR),
    Case("PUT", one("runs", RunFactory, "/tags"), body=lambda ctx: {"tags": ["gold"]}, role=Role.EDITOR),
    Case("GET", f"{API}/run-kinds", role=ANY_USER),
    Case("GET", listed("saved-views", SavedViewFactory)),
    Case("GET", one("saved-views", SavedViewFactory, is_shared=True)),
    Case("POST", f"{API}/saved-views", body=view_body, status=201, name="view-for-oneself"),
    Case(
        "POST",
        f"{API}/saved-views",
        body=lambda ctx: {**view_body(ctx), "is_shared": True},
        role=Role.EDITOR,
        status=201,
        name="view-for-all",
    ),
    Case("PATCH", own_view, body=lambda ctx: {"name": "other"}),
    Case("PATCH", own_view, body=lambda ctx: {"is_shared": True}, role=Role.EDITOR, weaker=404, name="share-a-view"),
    Case("DELETE", own_view, status=204),
    Case(
        "DELETE",
        one("saved-views", SavedViewFactory, is_shared=True),
        role=Role.ADMIN,
        status=204,
        name="delete-what-others-share",
    ),
    Case("GET", listed("runs/table", RunFactory)),
    Case("GET", listed("runs/table.csv", RunFactory), stranger=200, name="table-as-csv"),
    Case("GET", listed("runs/columns", RunFactory)),
    Case("GET", listed("runs/summary", RunFactory)),
    Case("GET", one("runs", RunFactory, "/metrics")),
    Case("GET", one("runs", RunFactory, "/story")),
    Case("GET", listed("artifacts", ArtifactFactory)),
    Case("GET", one("artifacts", ArtifactFactory)),
    Case("GET", downloadable("artifacts", ArtifactFactory)),
    Case("GET", listed("checkpoints", CheckpointFactory)),
    Case("GET", one("checkpoints", CheckpointFactory)),
    Case("GET", downloadable("checkpoints", CheckpointFactory)),
    Case("GET", listed("models", RegisteredModelFactory)),
    Case("GET", one("models", RegisteredModelFactory)),
    Case(
        "POST",
        f"{API}/models",
        body=lambda ctx: {"project": key(ctx.project), "name": "risk"},
        role=Role.EDITOR,
        status=201,
    ),
    Case("GET", listed("model-versions", ModelVersionFactory)),
    Case("GET", one("model-versions", ModelVersionFactory)),
    Case("GET", one("model-versions", ModelVersionFactory, "/story")),
    Case("GET", one("model-versions", ModelVersionFactory, "/signature"), status=404),
    Case("POST", f"{API}/model-versions", body=version_body, role=Role.EDITOR, status=201),
    Case("POST", one("model-versions", ModelVersionFactory, "/archive"), role=Role.EDITOR),
    Case("GET", listed("model-aliases", ModelAliasFactory)),
    Case("GET", one("model-aliases", ModelAliasFactory)),
    Case("POST", f"{API}/model-aliases", body=alias_body, role=Role.EDITOR, status=201),
    Case("DELETE", one("model-aliases", ModelAliasFactory), role=Role.EDITOR, status=204),
]


@pytest.fixture(autouse=True)
def pool() -> None:
    pool_ready()


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_may(case: Case) -> None:
    check(case)
