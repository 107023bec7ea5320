"""Writing experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.access.models import Project
from apps.common import audit, clock
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.events import emit
from apps.experiments.models import Experiment, Run
from apps.experiments.states import RUN

LABELS_MOST = 10_000


@transaction.atomic
def experiment_create(
    *,
    project: Project,
    name: str,
    goal_metric: str = "",
    goal_mode: str = "",
    labels: Mapping[str, str] | None = None,
    actor: Actor,
) -> Experiment:
    """A question to answer by runs.

    Raises:
        Invalid: the project has one of this name.
    """
    values = {"goal_metric": goal_metric, "goal_mode": goal_mode, "labels": dict(labels or {})}
    experiment, made = Experiment.objects.get_or_create(project=project, name=name, defaults=values)
    if not made:
        raise Invalid(f"The project has an experiment {name!r} already.", fields={"name": ["is taken"]})
    audit.record(actor, "experiment.created", experiment)
    created: Experiment = experiment
    return created


@transaction.atomic
def experiment_rename(*, experiment: Experiment, name: str, actor: Actor) -> Experiment:
    """Another name.

    Raises:
        Invalid: the experiment is deleted, or the project has another of this name.
    """
    locked = _changed(experiment)
    if locked.name != name:
        if Experiment.objects.filter(project=locked.project_id, name=name).exists():
            raise Invalid(f"The project has an experiment {name!r} already.", fields={"name": ["is taken"]})
        audit.record(actor, "experiment.renamed", locked, detail={"name": name, "before": locked.name})
        locked.name = name
        _saved(locked, "renamed", ["name"])
    return locked


@transaction.atomic
def experiment_delete(*, experiment: Experiment, actor: Actor) -> Experiment:
    """Out of sight with its runs; it can be restored. One that is deleted stays as it is.

    Raises:
        Conflict: a job of one of its runs is not over.
    """
    locked = _locked(experiment)
    if locked.deleted_at is None:
        runs = Run.objects.filter(experiment=locked, deleted_at=None)
        if runs.filter(workload__isnull=False).exclude(state__in=sorted(RUN.terminal)).exists():
            raise Conflict(f"Runs of experiment {locked.name} are not over; stop them, or wait until they end.")
        locked.deleted_at = clock.db_now()
        runs.update(deleted_at=locked.deleted_at)
        audit.record(actor, "experiment.deleted", locked)
        _saved(locked, "deleted", ["deleted_at"])
    return locked


@transaction.atomic
def experiment_restore(*, experiment: Experiment, actor: Actor) -> Experiment:
    """Back in sight, with the runs that went with it."""
    locked = _locked(experiment)
    if locked.deleted_at is not None:
        Run.objects.filter(experiment=locked, deleted_at=locked.deleted_at).update(deleted_at=None)
        locked.deleted_at = None
        audit.record(actor, "experiment.restored", locked)
        _saved(locked, "restored", ["deleted_at"])
    return locked


@transaction.atomic
def experiment_label(*, experiment: Experiment, key: str, text: str, actor: Actor) -> Experiment:
    """Put a label on it, in the place of one of the same key.

    Raises:
        Invalid: the experiment is deleted, or has too many.
    """
    locked = _changed(experiment)
    if locked.labels.get(key) != text:
        if len(locked.labels) >= LABELS_MOST and key not in locked.labels:
            raise Invalid(f"An experiment has at most {LABELS_MOST} tags.")
        locked.labels = {**locked.labels, key: text}
        audit.record(actor, "experiment.labelled", locked, detail={"key": key})
        _saved(locked, "labelled", ["labels"])
    return locked


@transaction.atomic
def experiment_unlabel(*, experiment: Experiment, key: str, actor: Actor) -> Experiment:
    """Take a label off.

    Raises:
        Invalid: the experiment is deleted.
        NotFound: it has none of this key.
    """
    locked = _changed(experiment)
    if key not in locked.labels:
        raise NotFound(f"No tag with name: {key} in experiment with id {locked.pk.hex}")
    locked.labels = {name: text for name, text in locked.labels.items() if name != key}
    audit.record(actor, "experiment.unlabelled", locked, detail={"key": key})
    _saved(locked, "labelled", ["labels"])
    return locked


def _locked(experiment: Experiment) -> Experiment:
    rows: Any = Experiment.objects.select_for_update(of=("self",), no_key=True).select_related("project")
    found: Experiment = rows.get(pk=experiment.pk)
    return found


def _changed(experiment: Experiment) -> Experiment:
    """Locked for a change; raises Invalid for one that is deleted."""
    locked = _locked(experiment)
    if locked.deleted_at is not None:
        raise Invalid(
            f"The experiment {locked.pk.hex} must be in the 'active' state. Current state is deleted: restore it first."
        )
    return locked


def _saved(experiment: Experiment, verb: str, columns: list[str]) -> None:
    experiment.save(update_fields=columns)
    emit(f"experiment.{verb}", experiment)
