"""Stages of MLflow, of which our registry has none: an alias stands for each.

`production` and `staging` are aliases like any other, and what they point at is in that stage. *Archived* is a version
that is archived, which is for good. Everything else has no stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from django.db import transaction

from apps.common.audit import Actor
from apps.common.errors import Conflict
from apps.experiments.models import ModelAlias, ModelVersion
from apps.experiments.services.registry import model_alias_delete, model_alias_set, model_version_archive
from apps.experiments.states import ModelVersionState

NONE: Final = "None"
ARCHIVED: Final = "Archived"
ALIAS_OF: Final[Mapping[str, str]] = {"Production": "production", "Staging": "staging"}
"""Stage → the alias that stands for it."""
STAGES: Final = (NONE, *ALIAS_OF, ARCHIVED)


def stage_of(version: ModelVersion, aliases: Iterable[str]) -> str:
    """The stage of a version with these aliases. Pure."""
    if version.state == ModelVersionState.ARCHIVED:
        return ARCHIVED
    names = set(aliases)
    return next((stage for stage, alias in ALIAS_OF.items() if alias in names), NONE)


def stage_named(text: str) -> str | None:
    """The stage of a word, whatever its case; None: there is none."""
    return next((stage for stage in STAGES if stage.lower() == text.lower()), None)


@transaction.atomic
def stage_set(*, version: ModelVersion, stage: str, archive_existing: bool, actor: Actor) -> None:
    """Move a version to a stage: its alias points at this version from now on.

    Args:
        archive_existing: archive the version that was in that stage.

    Raises:
        Conflict: it is not ready; or it, or what was there, is to be archived and other aliases point at it.
    """
    model = version.model
    if version.state == ModelVersionState.ARCHIVED:
        if stage == ARCHIVED:
            return
        raise Conflict(f"version {version.number} is archived, which is for good; register it again")
    held = ModelAlias.objects.filter(model=model, version=version, name__in=ALIAS_OF.values())
    for alias in held.exclude(name=ALIAS_OF.get(stage, "")):
        model_alias_delete(alias=alias, actor=actor)
    if stage == ARCHIVED:
        model_version_archive(version=version, actor=actor)
        return
    if stage not in ALIAS_OF:
        return
    name = ALIAS_OF[stage]
    before = ModelAlias.objects.filter(model=model, name=name).exclude(version=version).first()
    model_alias_set(model=model, name=name, version=version, actor=actor)
    if archive_existing and before is not None:
        model_version_archive(version=before.version, actor=actor)
