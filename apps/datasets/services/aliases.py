"""What people call versions: aliases, which move, and tags."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from apps.access.models import User
from apps.common import clock
from apps.common.audit import Actor, record
from apps.common.errors import Conflict, Invalid
from apps.common.events import emit
from apps.common.tags import tags_checked
from apps.datasets.models import Dataset, DatasetVersion, VersionAlias
from apps.datasets.selectors import data_check
from apps.datasets.selectors.quality import kept_back_through
from apps.datasets.services.deciders import decider_wanted, may_decide
from apps.datasets.states import VersionState


@transaction.atomic
def version_alias_set(
    *, dataset: Dataset, name: str, version: DatasetVersion, moved_by: User | None = None, actor: Actor
) -> VersionAlias:
    """Let a name point at a version, in place of any that it pointed at. Setting it again changes nothing.

    Raises:
        Invalid: the version is of another dataset.
        Conflict: the version is not published.
        ApprovalRequired: it moves, and an expectation keeps a version back by what it points at; `moved_by` may not
            approve that.
    """
    if version.dataset_id != dataset.pk:
        raise Invalid("The version belongs to another dataset.", fields={"version": ["is of another dataset"]})
    Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)  # so that who moves it last has the last word
    current: DatasetVersion = DatasetVersion.objects.get(pk=version.pk)
    data_check(current)
    if current.state != VersionState.PUBLISHED:
        raise Conflict(f"version {current.number} is {current.state}; an alias points at a published version")
    before: VersionAlias | None = (
        VersionAlias.objects.filter(dataset=dataset, name=name).select_related("version").first()
    )
    if before is not None and before.version_id == current.pk:
        return before
    if before is not None:
        _require_decider(moved_by, before)
    alias: VersionAlias
    moved = {"version": current, "moved_by": moved_by, "moved_at": clock.db_now()}
    alias, _ = VersionAlias.objects.update_or_create(
        dataset=dataset, name=name, defaults=moved, create_defaults={"project": dataset.project, **moved}
    )
    detail = {
        "dataset": dataset.name,
        "version": str(current.pk),
        "number": current.number,
        "before": str(before.version_id) if before else None,
        "number_before": before.version.number if before else None,
    }
    record(actor, "version_alias.moved" if before else "version_alias.set", alias, detail=detail)
    emit("dataset_version.aliased", current, payload={"alias": name})
    return alias


@transaction.atomic
def version_alias_delete(alias: VersionAlias, *, deleted_by: User | None = None, actor: Actor) -> None:
    """Remove a name; its version stays.

    Args:
        deleted_by: who, for what only some may do; None is the installation itself.

    Raises:
        ApprovalRequired: as `version_alias_set`.
    """
    _require_decider(deleted_by, alias)
    detail = {"dataset": alias.dataset.name, "version": str(alias.version_id), "number": alias.version.number}
    record(actor, "version_alias.deleted", alias, detail=detail)
    alias.delete()


@transaction.atomic
def version_tags_set(version: DatasetVersion, *, tags: Sequence[str], actor: Actor) -> DatasetVersion:
    """Put these tags on a version in the place of those it has. What it holds stays as it is.

    Raises:
        Invalid: too many, or one that is empty or too long.
    """
    wanted = tags_checked(tags)
    locked: DatasetVersion = DatasetVersion.objects.select_for_update(of=("self",), no_key=True).get(pk=version.pk)
    if locked.tags != wanted:
        record(actor, "dataset_version.tagged", locked, detail={"tags": wanted, "before": locked.tags})
        locked.tags = wanted
        locked.save(update_fields=["tags"])
        emit("dataset_version.tagged", locked, payload={"tags": wanted})
    return locked


def _require_decider(user: User | None, alias: VersionAlias) -> None:
    """Who may not loosen a rule may not have it hold the data against another version instead."""
    if may_decide(user, alias.project):
        return
    version = kept_back_through(alias.dataset, alias.name)
    if version is not None:
        kept = f"version {version.number} of {version.dataset.name}"
        why = f"An expectation that refers to {alias.name} keeps {kept} back."
        raise decider_wanted(version, why, "move or remove the alias")
