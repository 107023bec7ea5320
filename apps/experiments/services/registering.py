"""What becomes a version of a model: its files, fixed with their digests, what is known of it, and where it came from.

A version is *pending* until `verifying.model_version_verify` has read its files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from django.db import transaction

from apps.access.models import User
from apps.common import audit, clock
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid
from apps.datasets.services.lineage import edge_add
from apps.datasets.states import Relation
from apps.experiments.models import Artifact, LoggedModel, ModelVersion, RegisteredModel, Run
from apps.experiments.selectors.model_files import ModelFile, manifest_of
from apps.experiments.services.labels import labels_check
from apps.experiments.states import ArtifactKind, LoggedModelState, RunState

FILES_MOST: Final = 10_000
PRINCIPAL: Final = (".onnx", ".safetensors", ".pt2", ".pkl", ".pt", ".pth", ".joblib", ".bin")
"""Which file is the model, where there are several: the first ending that one of them has."""
DESCRIPTION_FILE: Final = "MLmodel"


@dataclass(frozen=True, slots=True)
class Made:
    """What a version is made of.

    Args:
        files: by the names that they have in it.
        run: that made them, where one did.
        source: as a client named where they were.
    """

    files: Mapping[str, Artifact]
    run: Run | None = None
    logged_model: LoggedModel | None = None
    source: str = ""
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def model_version_create(*, model: RegisteredModel, run: Run, actor: Actor, registered_by: User | None) -> ModelVersion:
    """The next version of a model, from what a run left. It is *pending* until it was verified.

    Raises:
        Conflict: the run has not succeeded, or left no model.
    """
    if run.state != RunState.SUCCEEDED:
        raise Conflict(f"run {run.name} is {run.state}; a model version comes from a run that has succeeded")
    artifact, preprocessor = _model_files(run)
    files = {file.name: file for file in (artifact, preprocessor) if file is not None}
    result = run.result or {}
    known = {"metrics": _object(result.get("metrics")), "evaluation": _object(result.get("evaluation"))}
    made = Made(files=files, run=run)
    return _create(model, made, artifact, preprocessor, known, actor=actor, registered_by=registered_by)


def model_version_register(
    *, model: RegisteredModel, made: Made, actor: Actor, registered_by: User | None
) -> ModelVersion:
    """The next version of a model, from files that came through the server. It is *pending* until it was verified.

    Raises:
        Invalid: no files, or too many.
        Conflict: the logged model is not ready.
    """
    if not made.files:
        raise Invalid("There are no files to make a version of.", fields={"source": ["has no files"]})
    if len(made.files) > FILES_MOST:
        raise Invalid(f"A version has at most {FILES_MOST} files.", fields={"source": ["has too many files"]})
    if made.logged_model is not None and made.logged_model.state == LoggedModelState.FAILED:
        raise Conflict(f"the logged model {made.logged_model.name} failed, and has no whole files")
    principal = _principal(made.files)
    beside = made.files.get("preprocessor.json") or made.files.get("preprocessor")
    known = {"metrics": _metrics(made)}
    return _create(model, made, principal, beside, known, actor=actor, registered_by=registered_by)


@transaction.atomic
def _create(
    model: RegisteredModel,
    made: Made,
    artifact: Artifact,
    preprocessor: Artifact | None,
    known: Mapping[str, Any],
    *,
    actor: Actor,
    registered_by: User | None,
) -> ModelVersion:
    _there_check(made.files)
    locked: RegisteredModel = RegisteredModel.objects.select_for_update(of=("self",)).get(pk=model.pk)
    if locked.deleted_at is not None:
        raise Conflict(f"the model {locked.name} is deleted")
    locked.versions_made += 1
    locked.changed_at = clock.db_now()
    locked.save(update_fields=["versions_made", "changed_at"])
    files = [ModelFile(name, one.path, one.sha256, one.size_bytes) for name, one in sorted(made.files.items())]
    version: ModelVersion = ModelVersion.objects.create(
        project=model.project,
        model=locked,
        number=locked.versions_made,
        run=made.run,
        logged_model=made.logged_model,
        artifact=artifact,
        preprocessor=preprocessor,
        digest=f"sha256:{artifact.sha256}",
        files=msgspec.to_builtins(files),
        manifest=manifest_of(files),
        source=made.source,
        description=made.description,
        labels=labels_check(made.labels),
        registered_by=registered_by,
        **known,
    )
    _note_lineage(version, made.run)
    detail = {"run": str(made.run.pk) if made.run else None, "digest": version.digest, "manifest": version.manifest}
    audit.record(actor, "model_version.registered", version, detail=detail)
    return version


def _there_check(files: Mapping[str, Artifact]) -> None:
    """Lock the rows of the files, so that none is collected before the version names it.

    Raises:
        Conflict: one was collected before.
    """
    ids = sorted(one.pk for one in files.values())
    rows = Artifact.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=ids).order_by("id")
    gone = [one.name for one in rows.only("name", "gone_at") if one.gone_at is not None]
    if gone:
        raise Conflict(f"not kept any more: {', '.join(gone[:20])}")


def _principal(files: Mapping[str, Artifact]) -> Artifact:
    """The file that is the model itself."""
    for ending in PRINCIPAL:
        found = [file for name, file in sorted(files.items()) if name.lower().endswith(ending)]
        if found:
            return max(found, key=lambda file: file.size_bytes)
    return files.get(DESCRIPTION_FILE) or max(files.values(), key=lambda file: file.size_bytes)


def _metrics(made: Made) -> dict[str, float]:
    """By name, the last that was said: of the logged model where it has any, else of the run."""
    told: Iterable[tuple[str, Any]] = ()
    if made.logged_model is not None:
        latest = made.logged_model.metrics.order_by("key", "-time_ms", "-step", "-id").distinct("key")
        told = list(latest.values_list("key", "value"))
    if not told and made.run is not None:
        told = ((key, one.get("last")) for key, one in made.run.summary.items() if not key.startswith("system/"))
    return {key: value for key, value in told if isinstance(value, int | float) and math.isfinite(value)}


def _model_files(run: Run) -> tuple[Artifact, Artifact | None]:
    """The model's file and the preprocessor beside it, of the last attempt that left a model."""
    named = _object((run.result or {}).get("model")).get("artifact")
    models = run.artifacts.filter(kind=ArtifactKind.MODEL, deleted_at=None).order_by("-attempt__number", "-id")
    artifact = models.filter(name=named).first() if named else models.first()
    if artifact is None:
        raise Conflict(f"run {run.name} left no artifact of kind model" + (f" named {named!r}" if named else ""))
    beside = run.artifacts.filter(kind=ArtifactKind.PREPROCESSOR, attempt=artifact.attempt_id, deleted_at=None)
    return artifact, beside.order_by("-id").first()


def _note_lineage(version: ModelVersion, run: Run | None) -> None:
    if run is None:
        return
    edges: Sequence[tuple[Relation, str, Any]] = [(Relation.REGISTERED_FROM, "run", run.pk)]
    if version.evaluation and run.dataset_version_id is not None:
        edges = [*edges, (Relation.EVALUATED_ON, "dataset_version", run.dataset_version_id)]
    for relation, to_kind, to_id in edges:
        edge_add(
            project=version.project,
            from_kind="model_version",
            from_id=version.pk,
            relation=relation,
            to_kind=to_kind,
            to_id=to_id,
        )


def _object(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}
