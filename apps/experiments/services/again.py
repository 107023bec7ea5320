"""Runs made from runs: the same request again; and the tags that people put on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from apps.access.models import User
from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Conflict
from apps.common.events import emit
from apps.common.tags import tags_checked
from apps.experiments.models import Run
from apps.experiments.selectors.provenance import inputs_of
from apps.experiments.services.asked import Asked, NamedVersion
from apps.experiments.services.runs import run_submit
from apps.experiments.states import RunKind
from apps.quotas.models import ResourcePool
from apps.quotas.models.pool import REMOVED
from workers.contracts.specs import Resources

NAME_CHARACTERS_MOST = 120
REPEATED: tuple[str, ...] = (
    "kind", "command", "image", "requirements", "parameters", "environment", "seed", "secrets", "time_limit_seconds",
    "count_min", "count_max", "retries", "tags",
)  # fmt: skip
"""Columns that are asked for as they are."""
_NUMBERED = re.compile(r"-(\d{1,3})$")


def run_request(run: Run) -> dict[str, Any]:
    """What was asked for by a run, with a name that is free: the body of `POST /runs`. Three queries.

    Objects are said by their ids, dataset versions too: what an alias meant then. A run of a built-in trainer has no
    script of its own.
    """
    return {
        **{name: getattr(run, name) for name in REPEATED},
        "experiment": run.experiment_id,
        "name": free_name(run),
        "script": run.script if run.kind == RunKind.SCRIPT else "",
        "bundle": run.bundle_id,
        "dataset_version": run.dataset_version_id,
        "inputs": [{"name": each.name, "dataset_version": each.dataset_version_id} for each in inputs_of(run)],
        "resources": run.resources,
        "priority_class": run.priority_class.name if run.priority_class else None,
        "pool": pool.name if (pool := pool_of(run)) is not None else None,
    }


def run_asked(run: Run) -> Asked:
    """What was asked for by a run, for `run_submit`; where it ran says `pool_of`. Two queries."""
    read = [NamedVersion(each.name, each.dataset_version) for each in inputs_of(run) if each.dataset_version]
    return {
        **{name: getattr(run, name) for name in REPEATED},  # type: ignore[typeddict-item]  # columns of these names
        "script": run.script if run.kind == RunKind.SCRIPT else "",
        "bundle": run.bundle,
        "dataset_version": run.dataset_version,
        "inputs": read,
        "resources": Resources(**run.resources),
        "priority_class": run.priority_class,
    }


def pool_of(run: Run) -> ResourcePool | None:
    """Where a run ran, and where its like can run too: an image of a cluster runs nowhere else. None: the pool is no
    more, or it ran nowhere. Two queries."""
    pool = run.workload.pool if run.workload is not None else None
    return pool if pool is not None and pool.backend != REMOVED else None


def free_name(run: Run) -> str:
    """`risk` → `risk-2`, `risk-2` → `risk-3`: the number after the highest that the experiment has. One query."""
    stem = _NUMBERED.sub("", run.name)[: NAME_CHARACTERS_MOST - 8]
    names = Run.objects.filter(experiment=run.experiment_id, name__startswith=f"{stem}-").values_list("name", flat=True)
    taken = [int(name.removeprefix(f"{stem}-")) for name in names if re.fullmatch(r"\d{1,6}", name[len(stem) + 1 :])]
    return f"{stem}-{max(taken, default=1) + 1}"


@transaction.atomic
def run_retry(*, run: Run, name: str, actor: Actor, requested_by: User | None) -> Run:
    """A new run with the request of one that has ended.

    Raises:
        Conflict: it has not ended, or ran elsewhere.
        Invalid: the name is taken, a secret is gone, …: as for `run_submit`.
    """
    again_check(run)
    return run_submit(
        experiment=run.experiment, name=name or free_name(run), retry_of=run, actor=actor, requested_by=requested_by,
        pool=pool_of(run), **run_asked(run),
    )  # fmt: skip


def again_check(run: Run) -> None:
    """Raise Conflict for a run that cannot be submitted again, or not yet."""
    if run.kind == RunKind.TRACKED:
        raise Conflict(f"run {run.name} ran elsewhere and was tracked here: there is nothing that could be started")
    if not run.is_terminal:
        raise Conflict(f"run {run.name} is {run.state}; stop it, or wait until it ends")


@transaction.atomic
def run_tags_set(*, run: Run, tags: Sequence[str], actor: Actor) -> Run:
    """Put these tags on a run in the place of those it has.

    Raises:
        Invalid: too many, or one that is empty or too long.
    """
    wanted = tags_checked(tags)
    locked: Run = Run.objects.select_for_update(of=("self",), no_key=True).get(pk=run.pk)
    if locked.tags != wanted:
        audit.record(actor, "run.tagged", locked, detail={"tags": wanted, "before": locked.tags})
        locked.tags = wanted
        locked.save(update_fields=["tags"])
        emit("run.tagged", locked, payload={"tags": wanted})
    return locked
