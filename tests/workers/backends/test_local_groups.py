"""Control groups of jobs: whose they are, and that none stays behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.waiting import until
from tests.workers.backends.jobs import alive, make_launch, shell
from tests.workers.backends.local_jobs import LocalJob, groups_can_be_made, submit
from workers.backends.local import fence as module
from workers.backends.local import leftovers
from workers.backends.local.backend import LocalBackend
from workers.backends.local.fence import PREFIX, Fence, end_group, groups_here, remove_group
from workers.backends.local.layout import JobFolder
from workers.backends.local.member import Member
from workers.contracts.observation import Phase


@pytest.fixture(autouse=True)
def _groups() -> None:
    if not groups_can_be_made():
        pytest.skip("no control groups can be made here")


def test_a_job_names_its_groups_before_there_are_any(tmp_path: Path) -> None:
    """Who finds its supervisor dead may be in another control group, and looks for them elsewhere."""
    plan = {"attempt_id": "a", "count": 1}
    member = Member(JobFolder(str(tmp_path)), plan, 3, str(tmp_path))
    group = member.to_json()["group"]
    assert (Path(group).name, Path(group).exists()) == ("bedplate-a-3", False)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Control groups that cannot be removed although nobody is seen in them, until they are taken off this list."""
    groups: list[str] = []
    remove = os.rmdir

    def rmdir(path: str) -> None:
        if path in groups:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), path)
        remove(path)

    monkeypatch.setattr(module.os, "rmdir", rmdir)
    return groups


def orphaned(backend: LocalBackend, home: Path) -> LocalJob:
    """A job of which only its control group is left."""
    job = submit(backend, home, shell("echo up; exec sleep 1000"), make_launch())
    job.prints("up")
    os.kill(job.supervisor_pid(), signal.SIGKILL)
    until(lambda: not job.supervised() and alive(job.attempt_id) == [])
    return job


def test_a_job_is_lost_only_when_its_control_group_is_gone(
    backend: LocalBackend, tmp_path: Path, busy: list[str]
) -> None:
    """The kernel holds on to a group for a moment after it stopped listing who dies in it."""
    job = orphaned(backend, tmp_path / "home")
    busy += groups_here(job.attempt_id)
    assert len(busy) == 1
    assert [job.seen().phase for _ in range(3)] == [Phase.STOPPING] * 3
    busy.clear()
    assert job.seen().phase is Phase.LOST
    assert groups_here(job.attempt_id) == []
    assert leftovers._busy_since == {}


def test_a_control_group_that_somebody_else_uses_keeps_no_job_from_its_end(
    backend: LocalBackend, tmp_path: Path, busy: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = orphaned(backend, tmp_path / "home")
    busy += groups_here(job.attempt_id)
    assert job.seen().phase is Phase.STOPPING
    monkeypatch.setattr(leftovers, "BUSY_SECONDS", 0.0)
    assert job.seen().phase is Phase.LOST
    assert groups_here(job.attempt_id) == busy
    assert backend.sweep([], older_than_seconds=-1) == []
    assert job.path.exists()
    busy.clear()
    assert backend.sweep([], older_than_seconds=-1) == [job.attempt_id]
    assert (groups_here(job.attempt_id), job.path.exists()) == ([], False)


def test_the_group_of_a_member_that_ended_is_waited_for(busy: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    fence = Fence(f"wait-of-{os.getpid()}", 10)
    busy.append(fence.group)
    monkeypatch.setattr(module, "LEAVE_SECONDS", 0.01)
    fence.remove()
    assert Path(fence.group).exists()
    monkeypatch.setattr(module, "LEAVE_SECONDS", 20.0)
    monkeypatch.setattr(module.time, "sleep", lambda _: busy.clear())
    fence.remove()
    assert not Path(fence.group).exists()


def test_groups_that_a_job_made_in_its_own_end_with_it(backend: LocalBackend, tmp_path: Path) -> None:
    job = submit(backend, tmp_path / "home", shell("echo up; exec sleep 1000"), make_launch())
    job.prints("up")
    (group,) = groups_here(job.attempt_id)
    below = Path(group) / "of-the-job" / "below"
    below.mkdir(parents=True)
    hidden = subprocess.Popen(["sleep", "1000"])  # carries no attempt id
    (below / "cgroup.procs").write_text(str(hidden.pid))
    os.kill(job.supervisor_pid(), signal.SIGKILL)
    assert job.end().phase is Phase.LOST
    assert hidden.wait(20) == -signal.SIGKILL
    assert groups_here(job.attempt_id) == []


def test_who_is_outside_of_this_container_is_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel writes 0 for them, and 0 means this very process group to `kill`."""
    (tmp_path / "cgroup.procs").write_text("0\n123\n0\n")
    killed: list[int] = []
    monkeypatch.setattr(module.os, "kill", lambda pid, _: killed.append(pid))
    assert end_group(str(tmp_path)) == 1
    assert killed == [123]


def test_only_groups_of_ours_are_ever_removed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / f"{PREFIX}mine").mkdir()
    assert [remove_group(str(path)) for path in sorted(tmp_path.iterdir())] == [True, False]
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
