"""Fill a project `synthetic` with runs that nobody ran: `python -m bench.synthetic RUNS [POINTS]`, in its environment.

For benches and screenshots of a full dashboard: every row is of the project `synthetic`, and every run carries the tag
`synthetic`. Past the services, by bulk inserts, so that 10,000 runs with their curves are there within a minute. Says
the ids that a bench needs as JSON. Asked again, it adds runs.
"""

from __future__ import annotations

import json
import math
import random
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import django
from django.db import connection, transaction

from controlplane.env import choose_settings

choose_settings()
django.setup()

from uuid6 import uuid7  # noqa: E402 - models are importable only from here on

from apps.access.models import Organisation, Project, Team, User  # noqa: E402
from apps.access.services.projects import DEFAULT, project_create  # noqa: E402
from apps.common import clock  # noqa: E402
from apps.common.audit import Actor  # noqa: E402
from apps.datasets.models import DatasetVersion  # noqa: E402
from apps.experiments.models import Experiment, MetricBatch, MetricSender, Run  # noqa: E402
from apps.experiments.models.packing import columns_of  # noqa: E402
from apps.experiments.services.segments import SEGMENT_POINTS, segment_of  # noqa: E402
from apps.experiments.services.summaries import summary_add  # noqa: E402
from apps.quotas.models import Attempt, Workload  # noqa: E402
from tests.support.factories.datasets import DatasetVersionFactory  # noqa: E402
from tests.support.factories.quotas import WorkloadFactory  # noqa: E402

NAME = "synthetic"
EXPERIMENTS = ("baseline", "architecture", "learning rate", "regularisation", "data")
STATES = [("succeeded", "completed")] * 17 + [("failed", "exit_nonzero"), ("failed", "out_of_memory")]
STATES += [("cancelled", "cancelled_by_user")]
POINTS = 60
BATCH = 500
SEED = 7
ACTOR = Actor.system("synthetic")


@dataclass(frozen=True)
class Place:
    """Where the rows go, and what they copy."""

    project: Project
    experiments: list[Experiment]
    version: DatasetVersion
    workload: Workload
    user: User | None


def place() -> Place:
    """The project with its experiments; made when it is not there."""
    project = Project.objects.filter(name=NAME).first()
    user = User.objects.filter(is_superuser=True).order_by("id").first()
    if project is None:
        organisation = Organisation.objects.filter(name=DEFAULT).first() or Organisation.objects.get()
        project = project_create(
            organisation=organisation, team=Team.objects.filter(organisation=organisation).get(name=DEFAULT),
            name=NAME, title="Synthetic runs", owner=user, actor=ACTOR,
        )  # fmt: skip
    experiments = [
        Experiment.objects.get_or_create(project=project, name=name, defaults={"goal_metric": "validation/auc"})[0]
        for name in EXPERIMENTS
    ]
    version = DatasetVersion.objects.filter(project=project).first() or DatasetVersionFactory.create(project=project)
    workload = Workload.objects.filter(project=project, owner_kind=NAME).first()
    if workload is None:
        workload = WorkloadFactory.create(project=project, state="succeeded", owner_kind=NAME, ended_at=clock.now())
    return Place(project, experiments, version, workload, user)


@transaction.atomic
def fill(runs: int, points: int = POINTS, *, seed: int = SEED) -> dict[str, Any]:
    """Write so many runs, each with three curves of so many points. Returns the ids that a bench needs."""
    where, chance = place(), random.Random(seed)
    first = Run.objects.filter(project=where.project).count()
    made: list[Run] = []
    for start in range(0, runs, BATCH):
        numbers = range(first + start, first + min(start + BATCH, runs))
        made += _write([_rows(where, number, points, chance) for number in numbers])
    return {
        "project": str(where.project.pk),
        "experiments": [str(one.pk) for one in where.experiments],
        "runs": len(made),
        "some": [str(run.pk) for run in made[-20:]],
    }


def long_run(points: int, keys: int, *, seed: int = SEED) -> str:
    """One more run, with `keys` curves of so many points, as compaction leaves them; returns its id."""
    where, chance = place(), random.Random(seed)
    number = Run.objects.filter(project=where.project).count()
    workload, attempt, run, _ = _rows(where, number, 0, chance)
    curves = {f"layer-{key}/loss": _curve(points, 2.0, 0.1 + key / 50, 0.05, chance) for key in range(keys)}
    batches = [
        _batch(run, attempt, key, values, start, sequence)
        for key, values in curves.items()
        for sequence, start in enumerate(range(0, points, SEGMENT_POINTS))
    ]
    for key, values in curves.items():
        summary_add(run.summary, key, range(1, points + 1), values)
    with transaction.atomic():
        _write([(workload, attempt, run, batches)])
    return str(run.pk)


def _write(rows: list[tuple[Workload, Attempt, Run, list[MetricBatch]]]) -> list[Run]:
    Workload.objects.bulk_create(row[0] for row in rows)
    Attempt.objects.bulk_create(row[1] for row in rows)
    Run.objects.bulk_create(row[2] for row in rows)
    MetricSender.objects.bulk_create(
        MetricSender(attempt=row[1], rank=0, received=[[0, max(batch.sequence for batch in row[3]) + 1]])
        for row in rows
        if row[3]
    )
    MetricBatch.objects.bulk_create((batch for row in rows for batch in row[3]), batch_size=1000)
    return [row[2] for row in rows]


def _rows(
    where: Place, number: int, points: int, chance: random.Random
) -> tuple[Workload, Attempt, Run, list[MetricBatch]]:
    project = where.project
    scope: dict[str, Any] = {
        "project": project, "organisation_id": project.organisation_id, "team_id": project.team_id,
    }  # fmt: skip
    state, reason = chance.choice(STATES)
    began = clock.now() - timedelta(days=30) + timedelta(seconds=number % 10_000 * 240)
    ended = began + timedelta(seconds=chance.lognormvariate(6, 1))
    parameters = _parameters(chance)
    run_id, name = uuid7(), f"{NAME}-{number:05}"
    workload = _workload(where.workload, scope, name, (state, reason), (began, ended), run_id)
    attempt = Attempt(
        id=uuid7(), workload=workload, number=1, handle={}, members=[], submitted_at=began, started_at=began,
        ended_at=ended, swept_at=ended, outcome=reason, exit_code=0 if state == "succeeded" else 1,
        created_at=began, **scope,
    )  # fmt: skip
    curves = _curves(parameters, points, chance)
    summary: dict[str, Any] = {}
    for key, values in curves.items():
        summary_add(summary, key, range(1, points + 1), values)
    run = Run(
        id=run_id, experiment=where.experiments[number % len(EXPERIMENTS)], name=name,
        script="print('synthetic: nobody ran this')\n", dataset_version=where.version, parameters=parameters,
        resources={"cpu_millis": 1000, "memory_bytes": 2 << 30, "gpus": 0, "flavor": ""}, time_limit_seconds=3600,
        tags=sorted({NAME, chance.choice(["sweep", "nightly", "manual"])}), workload=workload, summary=summary,
        attempt_starts={"1": None}, result={"metrics": {key: values[-1] for key, values in curves.items()}},
        state=state, state_reason=reason, state_at=ended, created_at=began, started_at=began, ended_at=ended,
        requested_by=where.user, **scope,
    )  # fmt: skip
    batches = [_batch(run, attempt, key, values, 0, 0) for key, values in curves.items()]
    return workload, attempt, run, batches


def _workload(
    like: Workload, scope: dict[str, Any], name: str, why: tuple[str, str], times: tuple[datetime, datetime], run: UUID
) -> Workload:
    (state, reason), (began, ended) = why, times
    return Workload(
        id=uuid7(), pool_id=like.pool_id, queue_id=like.queue_id, name=name, kind=like.kind,
        spec=like.spec, owner_kind="run", owner_id=run, cpu_millis=1000, memory_bytes=2 << 30, attempts_made=1,
        state=state, state_reason=reason, state_at=ended, created_at=began, admitted_at=began, started_at=began,
        ended_at=ended, **scope,
    )  # fmt: skip


def _parameters(chance: random.Random) -> dict[str, Any]:
    return {
        "learning_rate": float(f"{10 ** chance.uniform(-4, -1):.3g}"),
        "batch_size": chance.choice([32, 64, 128, 256]),
        "hidden": chance.choice([64, 128, 256, 512]),
        "layers": chance.randint(1, 4),
        "dropout": round(chance.uniform(0, 0.5), 2),
        "optimiser": chance.choice(["adam", "adamw", "sgd"]),
        "augment": chance.random() < 0.3,
        "seed": chance.randint(0, 999),
    }


def _curves(parameters: dict[str, Any], points: int, chance: random.Random) -> dict[str, list[float]]:
    if not points:
        return {}
    off = abs(math.log10(parameters["learning_rate"]) + 2.5)  # how far from the best learning rate
    best = 0.9 - 0.05 * off - 0.05 * parameters["dropout"] + chance.gauss(0, 0.01)
    return {
        "train/loss": _curve(points, 0.7, 0.2 + 0.05 * off, 0.02, chance),
        "validation/loss": _curve(points, 0.7, 0.25 + 0.06 * off, 0.02, chance),
        "validation/auc": [min(value, 1.0) for value in _curve(points, 0.5, best, 0.005, chance)],
    }


def _curve(points: int, first: float, last: float, noise: float, chance: random.Random) -> list[float]:
    """From one value towards another, faster in the beginning."""
    pace = 5 / max(points, 1)
    return [last + (first - last) * math.exp(-pace * step) + chance.gauss(0, noise) for step in range(points)]


def _batch(run: Run, attempt: Attempt, key: str, values: list[float], start: int, sequence: int) -> MetricBatch:
    """A row as compaction leaves it: with a preview where it is full."""
    part = values[start : start + SEGMENT_POINTS]
    steps = range(start + 1, start + 1 + len(part))
    began = run.started_at.timestamp() if run.started_at else 0.0
    made = segment_of(columns_of(steps, part, [began + step for step in steps]))
    return MetricBatch(run=run, attempt=attempt, rank=0, sequence=sequence, key=key, **made)


if __name__ == "__main__":
    told = fill(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else POINTS)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # what autovacuum does within a minute of so many new rows
    print(json.dumps(told))
