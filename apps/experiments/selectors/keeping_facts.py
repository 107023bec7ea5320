"""The facts about files from which is decided whether they are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.common.storage import SCHEME
from apps.datasets.models import LineageEdge
from apps.datasets.states import Relation
from apps.experiments.models import Artifact, Checkpoint, FileHold, FileRule, ModelAlias, ModelVersion, Run
from apps.experiments.selectors.goals import mode_of
from apps.experiments.selectors.keeping import Facts
from apps.experiments.selectors.model_files import files_of
from apps.experiments.states import RUN, ModelVersionState
from apps.quotas.models import Workload


@dataclass(frozen=True, slots=True)
class _Versions:
    """Paths of files of model versions, by what is so of the version."""

    registered: set[str]
    aliased: set[str]
    served: set[str]
    held: set[str]


def facts_of(files: Sequence[Artifact | Checkpoint], now: datetime) -> dict[UUID, Facts]:
    """The facts about files that are there, of one kind. Nine queries at most."""
    rules = {rule.project_id: rule for rule in FileRule.objects.filter(project__in={one.project_id for one in files})}
    versions, read = _versions(files), paths_read()
    runs = {one.run_id for one in files if one.run_id is not None}
    held = set(FileHold.objects.filter(run__in=runs, lifted_at=None).values_list("run_id", flat=True))
    latest, best = _checkpoints(runs, rules) if files and isinstance(files[0], Checkpoint) else (set(), set())
    found: dict[UUID, Facts] = {}
    for one in files:
        rule = rules.get(one.project_id)
        days = rule.keep_days if rule is not None else None
        found[one.pk] = Facts(
            is_checkpoint=isinstance(one, Checkpoint),
            is_deleted=_is_deleted(one),
            has_rule=rule is not None,
            keeps_artifacts=rule is not None and days is None,
            is_live=one.run is not None and one.run.state not in RUN.terminal,
            is_registered=one.path in versions.registered,
            is_aliased=one.path in versions.aliased,
            is_served=one.path in versions.served,
            is_held=one.run_id in held or one.path in versions.held,
            is_read=one.path in read or f"{one.path.rpartition('/')[0]}/" in read,
            is_latest=one.pk in latest,
            is_best=one.pk in best,
            is_young=days is not None and one.created_at > now - timedelta(days=days),
        )
    return found


def paths_read() -> set[str]:
    """Paths and folders that inputs of work name which has not ended. One query."""
    active = Workload.objects.exclude(state__in=sorted(Workload.machine.terminal))
    found: set[str] = set()
    for inputs in active.values_list("spec__inputs", flat=True):
        for ref in inputs or ():
            found |= {*(ref.get("paths") or ()), str(ref["uri"]).removeprefix(SCHEME)}
    return found


def _is_deleted(file: Artifact | Checkpoint) -> bool:
    """A run that was deleted, and its files with it, can be restored while their grace lasts."""
    if file.run is not None and file.run.deleted_at is not None:
        return True
    if isinstance(file, Checkpoint):
        return False
    model = file.logged_model
    return file.deleted_at is not None or (model is not None and model.deleted_at is not None)


def _versions(files: Sequence[Artifact | Checkpoint]) -> _Versions:
    """Of the versions that are made of files of the same runs and logged models. Four queries."""
    ids = [one.pk for one in files]
    models = {one.logged_model_id for one in files if isinstance(one, Artifact) and one.logged_model_id is not None}
    runs = {one.run_id for one in files if one.run_id is not None}
    which = Q(run__in=runs) | Q(logged_model__in=models) | Q(artifact__in=ids) | Q(preprocessor__in=ids)
    rows = list(
        ModelVersion.objects.filter(which)
        .select_related("artifact", "preprocessor")
        .only("state", "files", "artifact", "preprocessor", "artifact__path", "preprocessor__path")
    )
    numbers = [one.pk for one in rows]
    aliased = set(ModelAlias.objects.filter(version__in=numbers).values_list("version_id", flat=True))
    edges = LineageEdge.objects.filter(to_id__in=numbers, relation=Relation.SERVES)
    served = set(edges.values_list("to_id", flat=True))
    held = set(
        FileHold.objects.filter(model_version__in=numbers, lifted_at=None).values_list("model_version", flat=True)
    )
    paths = {one.pk: {file.path for file in files_of(one)} for one in rows}

    def of(which: Iterable[UUID]) -> set[str]:
        return {path for pk in which for path in paths[pk]}

    there = [one.pk for one in rows if one.state != ModelVersionState.ARCHIVED]
    return _Versions(of(there), of(aliased & paths.keys()), of(served & paths.keys()), of(held & paths.keys()))


def _checkpoints(runs: Iterable[Any], rules: Mapping[UUID, FileRule]) -> tuple[set[UUID], set[UUID]]:
    """Which checkpoints of these runs are among the newest, and which are the best. Two queries."""
    there = Checkpoint.objects.filter(run__in=runs, gone_at=None).order_by("-attempt__number", "-step", "-id")
    by_run: dict[UUID, list[tuple[UUID, int]]] = defaultdict(list)
    for pk, run_id, step in there.values_list("pk", "run_id", "step"):
        by_run[run_id].append((pk, step))
    latest: set[UUID] = set()
    best: set[UUID] = set()
    for run in (
        Run.objects.filter(pk__in=by_run).select_related("experiment").only("project_id", "summary", "experiment")
    ):
        rule, own = rules.get(run.project_id), by_run[run.pk]
        if rule is None:
            continue
        latest |= {pk for pk, _ in own[: rule.keep_checkpoints]}
        step = best_step(run) if rule.keep_best else None
        if step is not None:
            best.add(min(own, key=lambda one: (one[1] < step, abs(one[1] - step)))[0])
    return latest, best


def best_step(run: Run) -> int | None:
    """The step at which the metric of its experiment was best; None: nobody said which metric, or it has none."""
    key = run.experiment.goal_metric
    entry = run.summary.get(key) if key else None
    if not isinstance(entry, dict):
        return None
    step = entry.get(f"{mode_of(key, run.experiment.goal_mode)}_step")
    return int(step) if step is not None else None
