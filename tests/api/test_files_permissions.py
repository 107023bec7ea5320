"""Who may do what with files, uploads, logged models, rules for files and what versions are made of."""

from __future__ import annotations

from typing import Any

import pytest

from apps.access.states import Role
from apps.common.audit import Actor
from apps.experiments.models import Artifact, LoggedModel, ModelVersion, RegisteredModel, Run
from apps.experiments.services.artifact_uploads import artifact_upload_begin, part_put
from apps.experiments.services.artifacts import Owner, artifact_put
from apps.experiments.states import ModelVersionReason, ModelVersionState
from tests.support.factories.experiments import (
    ArtifactFactory,
    ArtifactUploadFactory,
    FileHoldFactory,
    FileRuleFactory,
    LoggedModelFactory,
    ModelAliasFactory,
    ModelVersionFactory,
    RegisteredModelFactory,
    RunFactory,
)
from tests.support.permissions import Case, Context, check

API = "/api/v1"
MLFLOW = "/api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts"
ACTOR = Actor.system("test")


def key(row: Any) -> str:
    return str(row.pk)


def file_of(ctx: Context, name: str = "a/b.txt") -> Artifact:
    run: Run = RunFactory.create(project=ctx.project)
    return artifact_put(owner=Owner(run=run), name=name, chunks=[b"content"], actor=ACTOR)


def proxied(ctx: Context, name: str = "a/b.txt") -> str:
    """The address of a file of a run, below the proxy."""
    run = file_of(ctx, name).run
    assert run is not None
    return f"{run.experiment_id.hex}/{run.pk.hex}/artifacts/{name}"


def logged(ctx: Context, **more: Any) -> LoggedModel:
    made: LoggedModel = LoggedModelFactory.create(project=ctx.project, **more)
    return made


def logged_id(ctx: Context, **more: Any) -> str:
    return f"m-{logged(ctx, **more).pk.hex}"


def version(ctx: Context, **more: Any) -> ModelVersion:
    artifact = ArtifactFactory.with_object(b"\x08\x08", project=ctx.project)
    made: ModelVersion = ModelVersionFactory.create(project=ctx.project, artifact=artifact, preprocessor=None, **more)
    return made


def waiting(ctx: Context) -> ModelVersion:
    return version(ctx, state=ModelVersionState.PENDING, state_reason=ModelVersionReason.RUNS_CODE, manifest="sha256:a")


def model(ctx: Context) -> RegisteredModel:
    made: RegisteredModel = RegisteredModelFactory.create(project=ctx.project)
    return made


def numbered(ctx: Context, **more: Any) -> dict[str, Any]:
    made = version(ctx)
    return {"name": made.model.name, "version": "1", **more}


def aliased(ctx: Context) -> dict[str, str]:
    alias = ModelAliasFactory.create(project=ctx.project)
    return {"name": alias.model.name, "alias": alias.name}


def query(values: dict[str, Any]) -> str:
    return "?" + "&".join(f"{name}={value}" for name, value in values.items())


def named(ctx: Context) -> dict[str, str]:
    return {"X-MLFLOW-WORKSPACE": ctx.project.name}


def uploading(ctx: Context, verb: str) -> tuple[str, dict[str, Any]]:
    run: Run = RunFactory.create(project=ctx.project)
    upload = artifact_upload_begin(owner=Owner(run=run), name="a/b.txt", parts=1)
    part_put(upload_id=upload.pk, number=1, chunks=[b"content"])
    return (
        f"{PROXY}/mpu/{verb}/{run.experiment_id.hex}/{run.pk.hex}/artifacts/a",
        {"path": "b.txt", "upload_id": upload.pk.hex},
    )


class Paired:
    """An address and a body of the same object, made once for both."""

    def __init__(self, verb: str) -> None:
        self.verb, self.said = verb, dict[str, Any]()

    def path(self, ctx: Context) -> str:
        address, self.said = uploading(ctx, self.verb)
        return address

    def body(self, ctx: Context) -> Any:
        return self.said


COMPLETE, ABORT = Paired("complete"), Paired("abort")


def write(method: str, path: Any, body: Any = None, **more: Any) -> Case:
    name = more.pop("name", "") or f"{method}-{path if isinstance(path, str) else path.__code__.co_firstlineno}"
    return Case(method, path, body, role=more.pop("role", Role.EDITOR), name=name, **more)


CASES = [
    Case("GET", lambda ctx: f"{API}/runs/{key(RunFactory.create(project=ctx.project))}/files"),
    Case("GET", lambda ctx: f"{API}/runs/{file_of(ctx).run_id}/files/a/b.txt"),
    write("PUT", lambda ctx: f"{API}/runs/{key(RunFactory.create(project=ctx.project))}/files/c.txt", status=201),
    write("DELETE", lambda ctx: f"{API}/runs/{file_of(ctx).run_id}/files/a/b.txt", status=204),
    Case("GET", lambda ctx: f"{API}/logged-models?page_size={5 if logged(ctx).pk else 0}"),
    Case("GET", lambda ctx: f"{API}/logged-models/{key(logged(ctx))}"),
    Case("GET", lambda ctx: f"{API}/logged-models/{key(logged(ctx))}/files"),
    Case(
        "GET",
        lambda ctx: f"{API}/logged-models/{_logged_file(ctx)}/files/a.txt",
        name="GET-logged-model-file",
    ),
    write("PUT", lambda ctx: f"{API}/logged-models/{key(logged(ctx))}/files/c.txt", status=201),
    write("DELETE", lambda ctx: f"{API}/logged-models/{_logged_file(ctx)}/files/a.txt", status=204),
    Case(
        "GET",
        lambda ctx: f"{API}/artifact-uploads?page_size={5 if ArtifactUploadFactory.create(project=ctx.project) else 0}",
    ),
    Case("GET", lambda ctx: f"{API}/artifact-uploads/{key(ArtifactUploadFactory.create(project=ctx.project))}"),
    write(
        "POST",
        f"{API}/artifact-uploads",
        lambda ctx: {"run": key(RunFactory.create(project=ctx.project)), "name": "a", "parts": 1},
        status=201,
    ),
    write("GET", lambda ctx: f"{API}/artifact-uploads/{key(ArtifactUploadFactory.create(project=ctx.project))}/parts"),
    write("POST", lambda ctx: f"{API}/artifact-uploads/{_uploaded(ctx)}/complete", name="complete-upload"),
    write(
        "DELETE",
        lambda ctx: f"{API}/artifact-uploads/{key(ArtifactUploadFactory.create(project=ctx.project))}",
        status=204,
    ),
    Case("GET", lambda ctx: f"{API}/file-rules?page_size={5 if FileRuleFactory.create(project=ctx.project) else 0}"),
    Case("GET", lambda ctx: f"{API}/file-rules/{key(FileRuleFactory.create(project=ctx.project))}"),
    Case("GET", lambda ctx: f"{API}/file-rules/report?project={key(ctx.project)}", stranger=404, name="report"),
    write("POST", f"{API}/file-rules", lambda ctx: {"project": key(ctx.project)}, role=Role.ADMIN, status=201),
    write(
        "DELETE",
        lambda ctx: f"{API}/file-rules/{key(FileRuleFactory.create(project=ctx.project))}",
        role=Role.ADMIN,
        status=204,
    ),
    Case("GET", lambda ctx: f"{API}/file-holds?page_size={5 if FileHoldFactory.create(project=ctx.project) else 0}"),
    Case("GET", lambda ctx: f"{API}/file-holds/{key(FileHoldFactory.create(project=ctx.project))}"),
    write(
        "POST",
        f"{API}/file-holds",
        lambda ctx: {"run": key(RunFactory.create(project=ctx.project)), "reason": "audit"},
        role=Role.ADMIN,
        status=201,
    ),
    write(
        "POST",
        lambda ctx: f"{API}/file-holds/{key(FileHoldFactory.create(project=ctx.project))}/lift",
        role=Role.ADMIN,
        name="lift",
    ),
    write("PATCH", lambda ctx: f"{API}/models/{key(model(ctx))}", lambda ctx: {"description": "words"}),
    write("DELETE", lambda ctx: f"{API}/models/{key(model(ctx))}", role=Role.ADMIN, status=204),
    write("PATCH", lambda ctx: f"{API}/model-versions/{key(version(ctx))}", lambda ctx: {"labels": {"a": "b"}}),
    Case("GET", lambda ctx: f"{API}/model-versions/{key(version(ctx))}/files"),
    Case("GET", lambda ctx: f"{API}/model-versions/{key(version(ctx))}/download?name=model"),
    Case("GET", lambda ctx: f"{API}/model-versions/{key(version(ctx))}/card"),
    write(
        "POST",
        lambda ctx: f"{API}/model-versions/{key(waiting(ctx))}/request-approval",
        lambda ctx: {"comment": "mine"},
        name="request-approval",
    ),
    # MLflow's protocol
    write("POST", f"{MLFLOW}/registered-models/create", lambda ctx: {"name": "new one"}, headers=named),
    Case("GET", lambda ctx: f"{MLFLOW}/registered-models/get?name={model(ctx).name}", stranger=404, name="get-model"),
    write("POST", f"{MLFLOW}/registered-models/rename", lambda ctx: {"name": model(ctx).name, "new_name": "other"}),
    write("PATCH", f"{MLFLOW}/registered-models/update", lambda ctx: {"name": model(ctx).name, "description": "x"}),
    write("DELETE", f"{MLFLOW}/registered-models/delete", lambda ctx: {"name": model(ctx).name}),
    Case("GET", lambda ctx: f"{MLFLOW}/registered-models/search?max_results={1 if model(ctx) else 0}", name="models"),
    Case("POST", f"{MLFLOW}/registered-models/search", lambda ctx: {}, scope="read", stranger=200, name="models-post"),
    Case(
        "GET",
        lambda ctx: f"{MLFLOW}/registered-models/get-latest-versions?name={model(ctx).name}",
        stranger=404,
        name="la",
    ),
    Case(
        "POST",
        f"{MLFLOW}/registered-models/get-latest-versions",
        lambda ctx: {"name": model(ctx).name},
        scope="read",
        name="latest-post",
    ),
    write(
        "POST", f"{MLFLOW}/registered-models/set-tag", lambda ctx: {"name": model(ctx).name, "key": "a", "value": "b"}
    ),
    write("DELETE", f"{MLFLOW}/registered-models/delete-tag", lambda ctx: {"name": model(ctx).name, "key": "a"}),
    Case("GET", lambda ctx: f"{MLFLOW}/registered-models/alias{query(aliased(ctx))}", stranger=404, name="alias"),
    write("POST", f"{MLFLOW}/registered-models/alias", lambda ctx: numbered(ctx, alias="champion")),
    write("DELETE", f"{MLFLOW}/registered-models/alias", aliased),
    write(
        "POST",
        f"{MLFLOW}/model-versions/create",
        lambda ctx: {"name": model(ctx).name, "source": f"runs:/{_run_with_file(ctx)}/a"},
    ),
    Case("GET", lambda ctx: f"{MLFLOW}/model-versions/get{query(numbered(ctx))}", stranger=404, name="get-version"),
    write("PATCH", f"{MLFLOW}/model-versions/update", lambda ctx: numbered(ctx, description="x")),
    write("DELETE", f"{MLFLOW}/model-versions/delete", numbered),
    Case("GET", lambda ctx: f"{MLFLOW}/model-versions/search?max_results={1 if version(ctx) else 0}", name="versions"),
    Case("POST", f"{MLFLOW}/model-versions/search", lambda ctx: {}, scope="read", stranger=200, name="versions-post"),
    write("POST", f"{MLFLOW}/model-versions/set-tag", lambda ctx: numbered(ctx, key="a", value="b")),
    write("DELETE", f"{MLFLOW}/model-versions/delete-tag", lambda ctx: numbered(ctx, key="a")),
    write("POST", f"{MLFLOW}/model-versions/transition-stage", lambda ctx: numbered(ctx, stage="Production")),
    Case(
        "GET",
        lambda ctx: f"{MLFLOW}/model-versions/get-download-uri{query(numbered(ctx))}",
        stranger=404,
        name="download-uri",
    ),
    write(
        "POST", f"{MLFLOW}/logged-models", lambda ctx: {"experiment_id": logged(ctx).experiment.pk.hex, "name": "fresh"}
    ),
    Case(
        "POST",
        f"{MLFLOW}/logged-models/search",
        lambda ctx: {"experiment_ids": [logged(ctx).experiment.pk.hex]},
        scope="read",
        stranger=200,  # of what is not seen there are no models
        name="logged-search",
    ),
    Case("GET", lambda ctx: f"{MLFLOW}/logged-models/{logged_id(ctx)}", name="get-logged"),
    write(
        "PATCH", lambda ctx: f"{MLFLOW}/logged-models/{logged_id(ctx)}", lambda ctx: {"status": "LOGGED_MODEL_READY"}
    ),
    write("DELETE", lambda ctx: f"{MLFLOW}/logged-models/{logged_id(ctx)}"),
    write("PATCH", lambda ctx: f"{MLFLOW}/logged-models/{logged_id(ctx)}/tags", lambda ctx: {"tags": []}),
    write("POST", lambda ctx: f"{MLFLOW}/logged-models/{logged_id(ctx)}/tags", lambda ctx: {"tags": []}),
    write("DELETE", lambda ctx: f"{MLFLOW}/logged-models/{logged_id(ctx, labels={'a': 'b'})}/tags/a"),
    write("POST", lambda ctx: f"{MLFLOW}/logged-models/{logged_id(ctx)}/params", lambda ctx: {"params": []}),
    Case("GET", lambda ctx: f"{MLFLOW}/logged-models/{logged_id(ctx)}/artifacts/directories", name="logged-dirs"),
    Case(
        "GET",
        lambda ctx: (
            f"{MLFLOW}/logged-models/m-{_logged_file(ctx).replace('-', '')}/artifacts/files?artifact_file_path=a.txt"
        ),
        name="logged-file",
    ),
    Case("GET", lambda ctx: f"{MLFLOW}/artifacts/list?run_id={_run_with_file(ctx)}", stranger=404, name="list"),
    Case(
        "GET", lambda ctx: f"{MLFLOW}/get-artifact?run_id={_run_with_file(ctx)}&path=a/b.txt", stranger=404, name="ga"
    ),
    Case(
        "GET",
        lambda ctx: f"{PROXY}/artifacts?path={proxied(ctx).removesuffix('/b.txt')}",
        stranger=404,
        name="proxy-list",
    ),
    Case("GET", lambda ctx: f"{PROXY}/artifacts/{proxied(ctx)}", name="proxy-get"),
    write("PUT", lambda ctx: f"{PROXY}/artifacts/{proxied(ctx)}"),
    write("DELETE", lambda ctx: f"{PROXY}/artifacts/{proxied(ctx)}"),
    Case("GET", lambda ctx: f"{PROXY}/presigned/{proxied(ctx)}", status=501, name="presigned"),
    write("POST", lambda ctx: f"{PROXY}/mpu/create/{proxied(ctx)}.d", lambda ctx: {"path": "c.txt", "num_parts": 2}),
    write("POST", COMPLETE.path, COMPLETE.body, name="mpu-complete"),
    write("POST", ABORT.path, ABORT.body, name="mpu-abort"),
]


def _logged_file(ctx: Context) -> str:
    made = logged(ctx)
    artifact_put(owner=Owner(logged_model=made), name="a.txt", chunks=[b"content"], actor=ACTOR)
    return key(made)


def _run_with_file(ctx: Context) -> str:
    run = file_of(ctx).run
    assert run is not None
    return run.pk.hex


def _uploaded(ctx: Context) -> str:
    run: Run = RunFactory.create(project=ctx.project)
    upload = artifact_upload_begin(owner=Owner(run=run), name="a", parts=1)
    part_put(upload_id=upload.pk, number=1, chunks=[b"content"])
    return key(upload)


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_who_may(case: Case) -> None:
    check(case)
