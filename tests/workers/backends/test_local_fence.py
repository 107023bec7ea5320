"""Fork bombs and those who ignore everything: they end, they say why, and nobody else is hurt."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.waiting import until
from tests.workers.backends.jobs import alive, make_launch, python, shell
from tests.workers.backends.local_jobs import LocalJob, groups_can_be_made, submit
from workers.backends.local import fence as module
from workers.backends.local.backend import LocalBackend
from workers.backends.local.fence import Fence, end_group, groups_here, processes_most
from workers.backends.local.layout import write_json
from workers.contracts.observation import Phase
from workers.contracts.specs import Resources

# A bomb against a counting loop is a race, which another test beside it would decide.
pytestmark = pytest.mark.alone

ROOMY = Resources(cpu_millis=1000, memory_bytes=8 << 30)
BOMB = "b() { b | b & }; trap '' TERM INT HUP; b; wait; sleep 1000"
PYTHON_BOMB = (
    "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\n"
    "while True:\n    try:\n        os.fork()\n    except OSError:\n        continue"
)
FUSE = "import os, time\nprint('waits', flush=True)\nwhile not os.path.exists('now'):\n    time.sleep(0.01)\n"
QUICK_SECONDS = 20.0


@pytest.fixture
def few(backend: LocalBackend) -> LocalBackend:
    """Where a member may have 300 processes."""
    backend._site = _with(backend._site, processes_most=300)
    return backend


@pytest.fixture
def fewer(backend: LocalBackend) -> LocalBackend:
    """Where it may have 40."""
    backend._site = _with(backend._site, processes_most=40)
    return backend


def _with(site: object, **changes: object) -> object:
    return replace(site, **changes)  # type: ignore[type-var]


@pytest.mark.parametrize("bomb", [shell(BOMB, resources=ROOMY), python(PYTHON_BOMB, resources=ROOMY)])
def test_a_fork_bomb_ends_says_so_and_leaves_nothing(few: LocalBackend, tmp_path: Path, bomb: object) -> None:
    other = submit(few, tmp_path / "home", shell("echo up; exec sleep 1000"), make_launch())
    other.prints("up")
    began = time.monotonic()
    job = submit(few, tmp_path / "home", bomb, make_launch())  # type: ignore[arg-type]
    seen = job.end()
    assert time.monotonic() - began < QUICK_SECONDS
    assert (seen.phase, seen.reason) == (Phase.FAILED, "exit_nonzero")
    assert seen.detail == "Member 0 wanted more than 300 processes and threads at once."
    assert alive(job.attempt_id) == []
    assert groups_here(job.attempt_id) == []
    assert other.seen().phase is Phase.RUNNING
    assert len(alive(other.attempt_id)) == 2


def lit(backend: LocalBackend, tmp_path: Path) -> LocalJob:
    """A bomb that went off once its supervisor stood still, who would have ended it."""
    job = submit(backend, tmp_path / "home", python(FUSE + PYTHON_BOMB, resources=ROOMY), make_launch())
    job.prints("waits")
    job.supervisor().suspend()
    (Path(job.folder.member(0).work) / "now").touch()
    until(lambda: len(alive(job.attempt_id)) > 25, 20)
    return job


def test_a_fork_bomb_whose_supervisor_is_killed_ends_too(fewer: LocalBackend, tmp_path: Path) -> None:
    job = lit(fewer, tmp_path)
    job.supervisor().kill()
    assert job.end().phase is Phase.LOST
    assert alive(job.attempt_id) == []
    assert groups_here(job.attempt_id) == []


def test_one_is_ended_whose_supervisor_was_killed_before_it_could_say_where_it_is(
    fewer: LocalBackend, tmp_path: Path
) -> None:
    """A supervisor says it when it has started its members; a bomb needs no longer than that."""
    job = lit(fewer, tmp_path)
    state, supervisor = job.state(), job.supervisor()
    first = {**state, "phase": "pending", "members": [{**state["members"][0], "pid": 0, "group": ""}]}
    write_json(job.folder.state, first)
    supervisor.kill()
    assert job.end().phase is Phase.LOST
    assert alive(job.attempt_id) == []
    assert groups_here(job.attempt_id) == []


def test_a_quick_hog_is_ended_for_its_memory(backend: LocalBackend, tmp_path: Path) -> None:
    little = Resources(cpu_millis=1000, memory_bytes=64 << 20)
    script = "held = []\nwhile True:\n    held.append(bytearray(b'1') * (16 << 20))"
    job = submit(backend, tmp_path / "home", python(script, resources=little), make_launch())
    seen = job.end()
    assert (seen.phase, seen.reason) == (Phase.FAILED, "out_of_memory")
    assert "its limit is 67108864" in seen.detail
    held = int(seen.detail.split(" held ")[1].split()[0])
    assert held < (4 << 30), "it is looked at often enough for what a machine can spare"
    assert alive(job.attempt_id) == []


def test_a_job_that_ignores_every_signal_is_gone_after_the_grace(backend: LocalBackend, tmp_path: Path) -> None:
    script = "trap '' TERM INT HUP QUIT; (trap '' TERM; setsid sleep 1000 &) ; echo up; while :; do sleep 0.05; done"
    job = submit(backend, tmp_path / "home", shell(script), make_launch())
    job.prints("up")
    began = time.monotonic()
    backend.stop(job.handle, 0.5)
    seen = job.end()
    assert 0.5 <= time.monotonic() - began < 5
    assert [member.exit_code for member in seen.members] == [137]
    assert alive(job.attempt_id) == []


def test_as_many_as_it_may_have_are_no_bomb(few: LocalBackend, tmp_path: Path) -> None:
    script = (
        "import os, time\npids = [os.fork() or time.sleep(1.5) or os._exit(0) for _ in range(250)]\n"
        "print(len(pids), flush=True)\n[os.waitpid(pid, 0) for pid in pids]"
    )
    job = submit(few, tmp_path / "home", python(script, resources=ROOMY), make_launch())
    assert job.end().phase is Phase.SUCCEEDED
    assert job.output() == "250\n"


def test_the_bound_follows_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, most in ((2, 512), (64, 4096), (1024, 8192)):
        monkeypatch.setattr(module.os, "cpu_count", lambda cores=cores: cores)
        assert processes_most() == min(most, int(Path("/proc/sys/kernel/pid_max").read_text()) // 4)


# Without control groups -------------------------------------------------------------------------------------------


@pytest.fixture
def bomb() -> Iterator[subprocess.Popen[bytes]]:
    """Below a process that reaps, as a wrapper does: a bomb that the test itself holds to 60."""
    if not groups_can_be_made():
        pytest.skip("no control groups can be made here to hold the bomb")
    guard = Fence("test-of-the-fence", 60)
    entered = f"import os, sys\nopen({guard.group!r} + '/cgroup.procs', 'w').write('0')\n"
    reaps = "import ctypes\nctypes.CDLL(None).prctl(36, 1)\nwhile os.fork():\n    while True:\n        os.wait()\n"
    code = f"{entered}{reaps}{PYTHON_BOMB}"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    yield process
    process.kill()
    process.wait()
    until(lambda: end_group(guard.group) == 0, 20)
    until(lambda: not _exists(guard), 20)


def _exists(guard: Fence) -> bool:
    guard.remove()
    return Path(guard.group).exists()


def test_a_bomb_is_counted_and_ended_without_a_group(
    bomb: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_own_group", lambda: "")
    fence = Fence("x", 30)
    assert fence.group == ""
    until(lambda: fence.is_hit(bomb.pid), 20)
    began = time.monotonic()
    fence.end(bomb.pid)
    until(lambda: len(module.processes.tree(bomb.pid)) < 10, 20)
    assert time.monotonic() - began < QUICK_SECONDS


def test_an_account_that_is_not_root_is_held_by_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    monkeypatch.setattr(module, "_own_group", lambda: "")
    pid = os.fork()
    if pid == 0:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        fence = Fence("x", 20)
        fence.enter()
        limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
        os._exit(_forks_until_refused(limit))
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def _forks_until_refused(limit: int) -> int:
    """0: the kernel refused one within the limit."""
    children = []
    try:
        for _ in range(limit + 1):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
        return 1
    except BlockingIOError:
        return 0
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
