"""What the benchmark of admission runs beside each other, in an environment with a database: one process a part.

    python -m bench.scheduling_load make  COHORTS QUEUES CORES     a pool with its tree; prints the pool's id
    python -m bench.scheduling_load submit POOL COUNT FIRST STEP   submits every STEP-th as quickly as it is taken
    python -m bench.scheduling_load admit POOL COUNT               admission cycles until so many have been admitted
    python -m bench.scheduling_load finish POOL COUNT SECONDS      ends what was admitted so long ago, in bulk

All but the first say that they are ready, and begin when they are told to by a line on their input.
The mix is that of Kueue's own performance test: of ten workloads seven ask for one core, two for five, one for twenty.
There is no launching here: the last part stands for the fake backend that has run a job, past the services.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from uuid import UUID

import django

from controlplane.env import choose_settings

choose_settings()
django.setup()

from django.db import connection, transaction  # noqa: E402 - models are importable only from here on
from uuid6 import uuid7  # noqa: E402

from apps.access.models import Project  # noqa: E402
from apps.common import clock  # noqa: E402
from apps.common.audit import Actor  # noqa: E402
from apps.quotas.models import Cohort, Node, Queue, Quota, ResourcePool, Workload  # noqa: E402
from apps.quotas.services.admission import REST_SECONDS, pool_admit  # noqa: E402
from apps.quotas.services.workloads import workload_submit  # noqa: E402
from apps.quotas.states import OCCUPYING, WorkloadState  # noqa: E402
from tests.support.factories.access import OrganisationFactory, ProjectFactory, TeamFactory  # noqa: E402
from workers.contracts.specs import JobSpec, Resources  # noqa: E402

GIB = 1 << 30
MIX = (1,) * 7 + (5, 5) + (20,)
NODE_CORES = 96
ACTOR = Actor.system("bench")


@transaction.atomic
def make(cohorts: int, queues: int, cores: int) -> str:
    """So many cohorts with so many queues each; every queue is guaranteed its part and may borrow all that is idle."""
    pool = ResourcePool.objects.create(name="bench", backend="fake")
    at = clock.db_now()
    nodes = -(-cores // NODE_CORES)
    Node.objects.bulk_create(
        Node(pool=pool, name=f"node-{n:04}", cpu_millis=NODE_CORES * 1000, memory_bytes=512 * GIB, seen_at=at)
        for n in range(nodes)
    )
    organisation = OrganisationFactory.create()
    team = TeamFactory.create(organisation=organisation)
    part = nodes * NODE_CORES * 1000 // (cohorts * queues)
    for number in range(cohorts):
        cohort = Cohort.objects.create(pool=pool, name=f"cohort-{number}")
        for _ in range(queues):
            project = ProjectFactory.create(organisation=organisation, team=team)
            queue = Queue.objects.create(project=project, pool=pool, cohort=cohort, is_main=True)
            Quota.objects.create(queue=queue, resource="cpu_millis", nominal=part)
            Quota.objects.create(queue=queue, resource="memory_bytes", nominal=0)
    return str(pool.pk)


def submit(pool: str, count: int, first: int = 0, step: int = 1) -> None:
    projects = list(
        Project.objects.filter(pk__in=Queue.objects.filter(pool=UUID(pool)).values("project")).order_by("pk")
    )
    _begin()
    for number in range(first, count, step):
        cores = MIX[number // len(projects) % len(MIX)]
        spec = JobSpec(command=("true",), resources=Resources(cores * 1000, GIB), time_limit_seconds=3600)
        workload_submit(
            project=projects[number % len(projects)],
            spec=spec,
            owner_kind="bench",
            owner_id=uuid7(),
            name=f"load-{number}",
            requested_by=None,
            actor=ACTOR,
        )


def admit(pool: str, count: int) -> None:
    """As the worker does: a cycle as soon as there is something to decide, and a rest after it."""
    _begin()
    done = cycles = 0
    while done < count:
        began = time.monotonic()
        admitted = pool_admit(UUID(pool))
        done += admitted
        cycles += bool(admitted)
        time.sleep(max(0.0, began + REST_SECONDS - time.monotonic()) if admitted else 0.02)
    print(cycles)


def finish(pool: str, count: int, seconds: float) -> None:
    """Past the services, in two statements a time: what a backend and dispatch would have said of each."""
    _begin()
    done = 0
    while done < count:
        at = clock.db_now()
        with transaction.atomic():
            due = list(
                Workload.objects.filter(
                    pool=UUID(pool), state__in=OCCUPYING, admitted_at__lte=at - timedelta(seconds=seconds)
                ).values_list("pk", flat=True)
            )
            if due:
                with connection.cursor() as cursor:
                    cursor.execute(
                        "UPDATE quotas_usagerecord SET used_at = reserved_at, closed_at = %s"
                        " WHERE workload_id = ANY(%s) AND closed_at IS NULL",
                        [at, due],
                    )
                Workload.objects.filter(pk__in=due).update(state=WorkloadState.SUCCEEDED, ended_at=at)
        done += len(due)
        time.sleep(0.25)


def _begin() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    part, *words = sys.argv[1:]
    if part == "make":
        print(make(*map(int, words)))
    elif part == "submit":
        submit(words[0], *map(int, words[1:]))
    elif part == "admit":
        admit(words[0], int(words[1]))
    else:
        finish(words[0], int(words[1]), float(words[2]))
