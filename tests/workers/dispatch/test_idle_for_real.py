"""A real job on this machine holds a GPU that does nothing, as a stand-in of nvidia-smi says: warned, and stopped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.common import clock
from apps.quotas.models import Attempt, MemberUsage, Workload
from apps.quotas.models.member_usage import packed
from apps.quotas.services.admission import pool_admit
from tests.support.factories.quotas import IdlePolicyFactory, WorkloadFactory, job_spec, make_pool, make_queue
from tests.support.jobs import fresh
from tests.support.waiting import until
from workers.backends.local.backend import LocalBackend
from workers.dispatch import registry
from workers.dispatch.idle import idle_watch
from workers.dispatch.launch import launch
from workers.dispatch.observe import observe_due
from workers.dispatch.stop import stop_due


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """Says what is in the file `busy` beside it: per cent, of the GPU that it is asked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "busy").write_text("95")
    tool = folder / "nvidia-smi"
    tool.write_text(f'#!/bin/sh\necho "0, $(cat {folder}/busy), 1024"\n')
    tool.chmod(0o755)
    return folder


@pytest.fixture
def local(
    tool: Path, tmp_path: Path, settings: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LocalBackend]:
    settings.BEDPLATE_BACKEND, settings.BEDPLATE_JOB_API_URL = "local", live_server.url
    monkeypatch.setenv("PATH", f"{tool}:{os.environ['PATH']}")
    before = registry._backends.copy()
    backend = LocalBackend(tmp_path / "home")
    registry.backend_use(backend)
    yield backend
    backend.stop_everything(0)
    registry._backends.clear()
    registry._backends.update(before)


def last(workload: Workload) -> float | None:
    """The last figure of its GPU that came with a heartbeat."""
    for usage in Attempt.objects.filter(workload=workload).values_list("usage", flat=True):
        for gpu in usage.get("0", {}).get("gpus", ()):
            return float(gpu["utilisation_ratio"])
    return None


def is_kept(workload: Workload) -> bool:
    """Whether its last heartbeat is among the samples: they are written after it."""
    at = Attempt.objects.get(workload=workload).heartbeat_at
    newest = MemberUsage.objects.get(attempt__workload=workload).samples()[-1]
    return at is not None and newest[0] >= at.timestamp() - 0.01


def aged(workload: Workload, seconds: int) -> None:
    """As if the samples had begun so much earlier, and the last one had been repeated since."""
    usage = MemberUsage.objects.get(attempt__workload=workload)
    *earlier, newest = usage.samples()
    moved = [[row[0] - seconds, *row[1:]] for row in [*earlier, newest]]
    since = [[newest[0] - ago, *newest[1:]] for ago in range(seconds - 5, 0, -5)]
    MemberUsage.objects.filter(pk=usage.pk).update(recent=packed([*moved, *since, newest]))
    Attempt.objects.filter(workload=workload).update(started_at=clock.db_now() - timedelta(hours=1))


@pytest.mark.django_db(transaction=True)
def test_a_job_that_leaves_its_gpu_idle_is_warned_and_stopped(local: LocalBackend, tool: Path) -> None:
    pool = make_pool(backend="local", H200=1)
    IdlePolicyFactory.create(pool=pool)
    spec = job_spec(0.01, 0.1, gpus=1, command=("sleep", "1000"))
    workload = WorkloadFactory.create(queue=make_queue(pool, gpus=1), spec_object=spec)
    assert pool_admit(pool.pk) == 1
    launch(workload.pk)
    until(lambda: last(workload) == 0.95, 60)
    observe_due()
    assert (fresh(workload).state, idle_watch()) == ("running", 0)

    (tool / "busy").write_text("0")
    until(lambda: last(workload) == 0.0 and is_kept(workload), 60)
    aged(workload, 70)
    assert idle_watch() == 1
    told = fresh(workload)
    assert (told.state, told.idle_warned_at is not None, told.idle_stops_at is not None) == ("running", True, True)

    assert told.idle_warned_at is not None
    earlier = told.idle_warned_at - timedelta(seconds=61)
    Workload.objects.filter(pk=workload.pk).update(idle_warned_at=earlier)
    assert idle_watch() == 1
    assert (fresh(workload).state, fresh(workload).state_reason) == ("stopping", "idle")
    stop_due()

    def gone() -> bool:
        observe_due()
        return fresh(workload).is_terminal

    until(gone, 60)
    assert (fresh(workload).state, fresh(workload).state_reason) == ("cancelled", "idle")
