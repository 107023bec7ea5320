"""Rows for `bench.tracking`, past the services, in its environment; each command prints JSON.

`python -m bench.tracking_rows place JOBS` makes a project `bench` with an editor's token, and so many runs with an open
attempt; `runs COUNT` makes tracked runs to search; `settle` merges and packs all points as if they were old, and frees
what that left, as autovacuum does; `size` says how many bytes the table of points takes, and how many points it holds.
"""

from __future__ import annotations

import json
import random
import sys
from datetime import timedelta
from typing import Any

import django

from controlplane.env import choose_settings

choose_settings()
django.setup()

from django.db import connection  # noqa: E402 - models are importable only from here on
from django.db.models import Sum  # noqa: E402
from uuid6 import uuid7  # noqa: E402

from apps.access.models import Project  # noqa: E402
from apps.access.states import Role  # noqa: E402
from apps.common import clock  # noqa: E402
from apps.experiments.models import Experiment, MetricBatch, Run  # noqa: E402
from apps.experiments.models.packing import PLAIN  # noqa: E402
from apps.experiments.services.compaction import metrics_compact  # noqa: E402
from apps.experiments.services.summaries import Summary, summary_add  # noqa: E402
from apps.experiments.states import RunKind, RunState  # noqa: E402
from bench.live_rows import main as started_runs  # noqa: E402
from tests.support.factories.access import ProjectFactory, member, token_for  # noqa: E402

PROJECT = "bench"
TABLE = MetricBatch._meta.db_table


def place(jobs: int) -> dict[str, Any]:
    project = ProjectFactory.create(name=PROJECT)
    made = started_runs(jobs)
    return {"token": token_for(member(project, Role.EDITOR)), "admin": made["token"], "jobs": made["runs"]}


def runs(count: int) -> dict[str, str]:
    """Tracked runs that have ended, with the parameters and metrics that `bench.tracking` searches by."""
    chance = random.Random(8)
    project = Project.objects.get(name=PROJECT)
    scope: dict[str, Any] = {
        "project": project, "organisation_id": project.organisation_id, "team_id": project.team_id,
    }  # fmt: skip
    experiment = Experiment.objects.create(name="search", project=project)
    now = clock.now()
    made = []
    for number in range(count):
        summary: Summary = {}
        for key in ("auc", "loss", "train/loss"):
            summary_add(summary, key, [1, 2], [chance.random(), chance.random()], [1.0, 2.0])
        parameters = {
            "learning_rate": chance.choice(["0.1", "0.01", "0.001"]), "layers": str(number % 8), "seed": str(number),
        }  # fmt: skip
        at = now - timedelta(seconds=count - number)
        made.append(
            Run(
                id=uuid7(),
                experiment=experiment,
                name=f"run-{number}",
                kind=RunKind.TRACKED,
                parameters=parameters,
                summary=summary,
                labels={"team": "risk"},
                state=RunState.SUCCEEDED,
                state_at=at,
                started_at=at,
                ended_at=at,
                **scope,
            )
        )
    Run.objects.bulk_create(made, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # what autovacuum does within a minute of so many new rows
    return {"experiment": experiment.pk.hex}


def settle() -> dict[str, int]:
    """Until nothing is left to merge or to pack."""
    MetricBatch.objects.update(created_at=clock.now() - timedelta(hours=1))
    plain = MetricBatch.objects.filter(form=PLAIN)
    while True:
        before = plain.count()
        if not metrics_compact(seconds=600) and plain.count() == before:
            break
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM {TABLE}")
    return size()


def size() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s)", [TABLE])
        taken: int = cursor.fetchone()[0]
    return {"bytes": taken, "points": MetricBatch.objects.aggregate(all=Sum("count"))["all"] or 0}


COMMANDS: dict[str, Any] = {"place": place, "runs": runs, "settle": settle, "size": size}

if __name__ == "__main__":
    print(json.dumps(COMMANDS[sys.argv[1]](*map(int, sys.argv[2:]))))
