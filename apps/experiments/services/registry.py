"""The registry of models: a version is what one succeeded run made, verified before anybody may use it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from apps.access.models import Project, User
from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid
from apps.common.states import transition
from apps.common.storage import store
from apps.datasets.services.lineage import edge_add
from apps.datasets.states import Relation
from apps.experiments.models import Artifact, ModelAlias, ModelVersion, RegisteredModel, Run
from apps.experiments.states import ArtifactKind, ModelVersionReason, ModelVersionState, RunState
from workers.contracts.sentences import say

VERIFY = Actor.system("registry")


@transaction.atomic
def model_create(*, project: Project, name: str, actor: Actor) -> RegisteredModel:
    """A name for versions.

    Raises:
        Invalid: the project has one of this name.
    """
    model: RegisteredModel
    model, made = RegisteredModel.objects.get_or_create(project=project, name=name)
    if not made:
        raise Invalid(f"The project has a model {name!r} already.", fields={"name": ["is taken"]})
    audit.record(actor, "registered_model.created", model)
    return model


@transaction.atomic
def model_version_create(*, model: RegisteredModel, run: Run, actor: Actor, registered_by: User | None) -> ModelVersion:
    """The next version of a model, from what a run left. It is *pending* until `model_version_verify`.

    Raises:
        Conflict: the run has not succeeded, or left no model.
    """
    if run.state != RunState.SUCCEEDED:
        raise Conflict(f"run {run.name} is {run.state}; a model version comes from a run that has succeeded")
    artifact, preprocessor = _model_files(run)
    locked: RegisteredModel = RegisteredModel.objects.select_for_update(of=("self",)).get(pk=model.pk)
    locked.versions_made += 1
    locked.save(update_fields=["versions_made"])
    result = run.result or {}
    version: ModelVersion = ModelVersion.objects.create(
        project=model.project,
        model=locked,
        number=locked.versions_made,
        run=run,
        artifact=artifact,
        preprocessor=preprocessor,
        metrics=_object(result.get("metrics")),
        evaluation=_object(result.get("evaluation")),
        digest=f"sha256:{artifact.sha256}",
        registered_by=registered_by,
    )
    _note_lineage(version, run)
    audit.record(actor, "model_version.registered", version, detail={"run": str(run.pk), "digest": version.digest})
    return version


def model_version_verify(version_id: UUID) -> ModelVersion:
    """Read the files of a pending version: *ready* when they are what the run announced, else *archived*.

    Reads from the store, so call it outside any transaction; what is not pending stays as it is.

    Raises:
        StorageUnavailable, OSError: the store could not be asked; the tick tries again.
    """
    version: ModelVersion = ModelVersion.objects.select_related("artifact", "preprocessor").get(pk=version_id)
    if version.state != ModelVersionState.PENDING:
        return version
    damaged = [
        file.name for file in (version.artifact, version.preprocessor) if file is not None and not _is_whole(file)
    ]
    with transaction.atomic():
        current: ModelVersion = ModelVersion.objects.select_for_update(of=("self",)).get(pk=version_id)
        if current.state != ModelVersionState.PENDING:
            return current
        if damaged:
            detail = say("files_damaged", files=", ".join(damaged))
            reason = ModelVersionReason.FILE_DAMAGED
            transition(current, ModelVersionState.ARCHIVED, actor=VERIFY, reason=reason, detail=detail)
        else:
            transition(current, ModelVersionState.READY, actor=VERIFY)
    return current


@transaction.atomic
def model_version_archive(*, version: ModelVersion, actor: Actor) -> ModelVersion:
    """Take a version out of use; nothing new can be deployed from it.

    Raises:
        Conflict: an alias points at it.
        IllegalTransition: it is archived already.
    """
    current: ModelVersion = ModelVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    names = list(current.aliases.values_list("name", flat=True))
    if names:
        raise Conflict(f"{', '.join(names)} points at this version; let it point elsewhere first")
    reason = ModelVersionReason.ARCHIVED_BY_USER
    transition(current, ModelVersionState.ARCHIVED, actor=actor, reason=reason)
    audit.record(actor, "model_version.archived", current)
    return current


@transaction.atomic
def model_alias_set(*, model: RegisteredModel, name: str, version: ModelVersion, actor: Actor) -> ModelAlias:
    """Let a name point at a version, in place of any that it pointed at.

    Raises:
        Invalid: the version is another model's.
        Conflict: the version is not ready.
    """
    if version.model_id != model.pk:
        raise Invalid("the version belongs to another model", fields={"version": ["is another model's"]})
    current: ModelVersion = ModelVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if current.state != ModelVersionState.READY:
        raise Conflict(f"version {current.number} is {current.state}; an alias points at a version that is ready")
    alias: ModelAlias
    made = {"project": model.project, "version": current}
    alias, _ = ModelAlias.objects.update_or_create(
        model=model, name=name, defaults={"version": current}, create_defaults=made
    )
    audit.record(actor, "model_alias.set", alias, detail={"version": str(current.pk), "number": current.number})
    return alias


@transaction.atomic
def model_alias_delete(*, alias: ModelAlias, actor: Actor) -> None:
    """Remove a name; its version stays."""
    audit.record(actor, "model_alias.deleted", alias, detail={"version": str(alias.version_id)})
    alias.delete()


def _model_files(run: Run) -> tuple[Artifact, Artifact | None]:
    """The model's file and the preprocessor beside it, of the last attempt that left a model."""
    named = _object((run.result or {}).get("model")).get("artifact")
    models = run.artifacts.filter(kind=ArtifactKind.MODEL).order_by("-attempt__number", "-id")
    artifact = models.filter(name=named).first() if named else models.first()
    if artifact is None:
        raise Conflict(f"run {run.name} left no artifact of kind model" + (f" named {named!r}" if named else ""))
    beside = run.artifacts.filter(kind=ArtifactKind.PREPROCESSOR, attempt=artifact.attempt_id)
    return artifact, beside.order_by("-id").first()


def _note_lineage(version: ModelVersion, run: Run) -> None:
    edges = [(Relation.REGISTERED_FROM, "run", run.pk)]
    if version.evaluation:
        edges.append((Relation.EVALUATED_ON, "dataset_version", run.dataset_version_id))
    for relation, to_kind, to_id in edges:
        edge_add(
            project=version.project,
            from_kind="model_version",
            from_id=version.pk,
            relation=relation,
            to_kind=to_kind,
            to_id=to_id,
        )


def _is_whole(file: Artifact) -> bool:
    try:
        stored = store().measure(file.path)
    except FileNotFoundError:
        return False
    return (stored.size_bytes, stored.sha256) == (file.size_bytes, file.sha256)


def _object(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}
