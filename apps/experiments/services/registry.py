"""The registry of models: names, the versions below them, and names that point at a version."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from apps.access.models import Project
from apps.common import audit, clock
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid
from apps.common.states import transition
from apps.experiments.models import ModelAlias, ModelVersion, RegisteredModel
from apps.experiments.services.labels import labels_check
from apps.experiments.states import ModelVersionReason, ModelVersionState

DESCRIPTION_MOST = 100_000


class NameTaken(Invalid):
    """The project has a model of this name."""


@transaction.atomic
def model_create(
    *, project: Project, name: str, actor: Actor, description: str = "", labels: dict[str, str] | None = None
) -> RegisteredModel:
    """A name for versions.

    Raises:
        NameTaken: the project has one of this name.
    """
    Project.objects.select_for_update(of=("self",), no_key=True).get(pk=project.pk)
    _free_check(project.pk, name)
    words = {"description": _description(description), "labels": labels_check(labels or {})}
    model: RegisteredModel = RegisteredModel.objects.create(project=project, name=name, **words)
    audit.record(actor, "registered_model.created", model)
    return model


@transaction.atomic
def model_change(
    *,
    model: RegisteredModel,
    actor: Actor,
    name: str | None = None,
    description: str | None = None,
    labels: dict[str, str] | None = None,
) -> RegisteredModel:
    """Rename or describe a model, or put other labels on it; what is None stays.

    Raises:
        NameTaken: the project has another one of this name.
    """
    current: RegisteredModel = RegisteredModel.objects.select_for_update(of=("self",)).get(pk=model.pk)
    changes: dict[str, Any] = {}
    if name is not None and name != current.name:
        Project.objects.select_for_update(of=("self",), no_key=True).get(pk=current.project_id)
        _free_check(current.project_id, name)
        changes["name"] = name
    if description is not None:
        changes["description"] = _description(description)
    if labels is not None:
        changes["labels"] = labels_check(labels)
    _put(current, changes, "registered_model.changed", actor)
    return current


@transaction.atomic
def model_delete(*, model: RegisteredModel, actor: Actor) -> None:
    """Take a model and its versions out of sight, with the names that point at them; its name is free then.

    What runs of it goes on; its files go by the rules for files.
    """
    current: RegisteredModel = RegisteredModel.objects.select_for_update(of=("self",)).get(pk=model.pk)
    for alias in current.aliases.select_related("version"):
        model_alias_delete(alias=alias, actor=actor)
    for version in current.versions.filter(deleted_at=None):
        model_version_delete(version=version, actor=actor)
    current.deleted_at = clock.db_now()
    current.save(update_fields=["deleted_at"])
    audit.record(actor, "registered_model.deleted", current)


@transaction.atomic
def model_version_change(
    *, version: ModelVersion, actor: Actor, description: str | None = None, labels: dict[str, str] | None = None
) -> ModelVersion:
    """Describe a version, or put other labels on it; what is None stays. What it is made of never changes."""
    current: ModelVersion = ModelVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    changes: dict[str, Any] = {}
    if description is not None:
        changes["description"] = _description(description)
    if labels is not None:
        changes["labels"] = labels_check(labels)
    _put(current, changes, "model_version.changed", actor)
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
def model_version_delete(*, version: ModelVersion, actor: Actor) -> None:
    """Take a version out of sight, with the names that point at it; its number is not given again."""
    current: ModelVersion = ModelVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    for alias in current.aliases.all():
        model_alias_delete(alias=alias, actor=actor)
    if current.state != ModelVersionState.ARCHIVED:
        reason = ModelVersionReason.ARCHIVED_BY_USER
        transition(current, ModelVersionState.ARCHIVED, actor=actor, reason=reason)
        audit.record(actor, "model_version.archived", current)
    current.deleted_at = clock.db_now()
    current.save(update_fields=["deleted_at"])
    audit.record(actor, "model_version.deleted", current)


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
    if current.state != ModelVersionState.READY or current.deleted_at is not None:
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


def _free_check(project_id: UUID, name: str) -> None:
    if RegisteredModel.objects.filter(project=project_id, name=name, deleted_at=None).exists():
        raise NameTaken(f"The project has a model {name!r} already.", fields={"name": ["is taken"]})


def _put(current: RegisteredModel | ModelVersion, changes: dict[str, Any], event: str, actor: Actor) -> None:
    real = {name: value for name, value in changes.items() if getattr(current, name) != value}
    if not real:
        return
    for name, value in real.items():
        setattr(current, name, value)
    current.changed_at = clock.db_now()
    current.save(update_fields=[*real, "changed_at"])
    audit.record(actor, event, current, detail={name: str(value)[:500] for name, value in real.items()})


def _description(text: str) -> str:
    if len(text) > DESCRIPTION_MOST:
        raise Invalid(f"description: more than {DESCRIPTION_MOST} characters", fields={"description": ["is too long"]})
    return text
