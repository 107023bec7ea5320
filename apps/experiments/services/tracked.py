"""Tracked runs: code that runs elsewhere and says how it goes. And which runs are out of sight, of every kind."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.access.models import User
from apps.common import audit, clock
from apps.common.audit import Actor
from apps.common.errors import Conflict, Invalid
from apps.common.events import emit
from apps.common.states import transition
from apps.experiments.models import Experiment, Run
from apps.experiments.services.run_facts import NAME_LABEL, labels_split, run_change
from apps.experiments.states import RunKind, RunState

_MANNERS = (
    "amber", "bold", "brisk", "calm", "clear", "deft", "eager", "fair", "fleet", "gentle", "glad", "keen", "light",
    "lively", "lucid", "mellow", "merry", "nimble", "patient", "quiet", "serene", "steady", "sunny", "swift", "warm",
)  # fmt: skip
_ANIMALS = (
    "badger", "beaver", "bison", "crane", "curlew", "deer", "dove", "falcon", "ferret", "finch", "fox", "gecko", "hare",
    "heron", "ibex", "lark", "lemur", "lynx", "marten", "newt", "otter", "owl", "plover", "quail", "robin", "seal",
)  # fmt: skip


def name_drawn() -> str:
    """A name for a run that was given none: `steady-otter-417`."""
    return f"{secrets.choice(_MANNERS)}-{secrets.choice(_ANIMALS)}-{secrets.randbelow(900) + 100}"


@transaction.atomic
def run_track(
    *,
    experiment: Experiment,
    actor: Actor,
    requested_by: User | None,
    name: str = "",
    labels: Mapping[str, str] | None = None,
    started_at: datetime | None = None,
    made_by_run: Run | None = None,
) -> Run:
    """A run that is running from now on, until its code says that it ended. Names may come twice.

    Args:
        name: empty: one is drawn.
        labels: `mlflow.runName` is its name, `mlflow.note.content` its notes.
        started_at: as its code says; now, where it does not.
        made_by_run: the run whose job makes it, and may write to it.

    Raises:
        Invalid: the experiment is deleted, or two names are given.
    """
    if experiment.deleted_at is not None:
        raise Invalid(f"The experiment {experiment.name} is deleted; restore it first.")
    put = labels_split(labels or {})
    named = put.columns.get("name", "")
    if name and named and name != named:
        raise Invalid(f"The run is given two names: {name!r} and, by the tag {NAME_LABEL}, {named!r}.")
    run: Run = Run.objects.create(
        project=experiment.project,
        experiment=experiment,
        name=name or named or name_drawn(),
        kind=RunKind.TRACKED,
        labels=put.labels,
        notes=put.columns.get("notes", ""),
        provenance={"made_by_run": str(made_by_run.pk)} if made_by_run is not None else {},
        requested_by=requested_by,
    )
    transition(run, RunState.RUNNING, actor=actor, started_at=started_at or clock.db_now())
    audit.record(actor, "run.tracked", run)
    return run


@transaction.atomic
def run_update(
    *, run_id: UUID, actor: Actor, state: RunState | None = None, ended_at: datetime | None = None, name: str = ""
) -> Run:
    """What its code says of a run. Of one with a workload only the name changes: the end of its job decides the rest.

    Args:
        state: running, or one of the ends; a tracked run that has ended goes on where it is running again.
        ended_at: as the code says; now, where it does not.

    Raises:
        Invalid: the run is deleted.
        Conflict: another run of the experiment has the name, and this one is no tracked run.
    """
    run = run_change(run_id)
    if name and name != run.name:
        _rename(run, name)
        emit("run.renamed", run, payload={"name": name})
    if run.kind == RunKind.TRACKED and state is not None:
        _move(run, state, ended_at, actor)
    return run


def _rename(run: Run, name: str) -> None:
    others = Run.objects.filter(experiment=run.experiment_id, name=name).exclude(kind=RunKind.TRACKED)
    if run.kind != RunKind.TRACKED and others.exists():
        raise Conflict(f"The experiment has a run {name!r} already.")
    run.name = name
    run.save(update_fields=["name"])


def _move(run: Run, state: RunState, ended_at: datetime | None, actor: Actor) -> None:
    ends = state in Run.machine.terminal
    if run.state == state:
        if ends and ended_at is not None and ended_at != run.ended_at:
            run.ended_at = ended_at
            run.save(update_fields=["ended_at"])
        return
    if run.is_terminal:
        transition(run, RunState.RUNNING, actor=actor, ended_at=None)
    if ends:
        transition(run, state, actor=actor, ended_at=ended_at or clock.db_now())


@transaction.atomic
def run_delete(*, run: Run, actor: Actor) -> Run:
    """Out of sight; it can be restored. One that is deleted stays as it is.

    Raises:
        Conflict: its job is not over.
    """
    locked = _locked(run)
    if locked.deleted_at is None:
        if locked.workload_id is not None and not locked.is_terminal:
            raise Conflict(f"run {locked.name} is {locked.state}; stop it, or wait until it ends")
        _put_away(locked, clock.db_now(), "deleted", actor)
    return locked


@transaction.atomic
def run_restore(*, run: Run, actor: Actor) -> Run:
    """Back in sight.

    Raises:
        Conflict: its experiment is deleted.
    """
    locked = _locked(run)
    if locked.deleted_at is not None:
        if locked.experiment.deleted_at is not None:
            raise Conflict(f"The experiment {locked.experiment.name} is deleted; restore it first.")
        _put_away(locked, None, "restored", actor)
    return locked


def _put_away(run: Run, deleted_at: datetime | None, verb: str, actor: Actor) -> None:
    run.deleted_at = deleted_at
    run.save(update_fields=["deleted_at"])
    audit.record(actor, f"run.{verb}", run)
    emit(f"run.{verb}", run)


def _locked(run: Run) -> Run:
    rows: Any = Run.objects.select_for_update(of=("self",), no_key=True).select_related("experiment", "project")
    found: Run = rows.get(pk=run.pk)
    return found
