"""Whatever is killed at whatever moment: one process, never two, and nothing alive of what is said to be over."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import until
from tests.workers.backends.jobs import alive, make_launch, shell
from tests.workers.backends.local_jobs import LocalJob, submit
from tests.workers.dispatch.killing import killed_after
from workers.backends.local import backend as backend_module
from workers.backends.local import layout
from workers.backends.local.backend import LocalBackend
from workers.contracts.launch import JobHandle
from workers.contracts.observation import ENDED, Observation, Phase

ESCAPING = "(setsid sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' &) ; echo up; sleep 1000"
"""A job whose children leave its session and its group, and lose their parent."""


@pytest.fixture
def escaping(backend: LocalBackend, tmp_path: Path) -> LocalJob:
    job = submit(backend, tmp_path / "home", shell(ESCAPING), make_launch())
    job.prints("up")
    until(lambda: len(alive(job.attempt_id)) >= 6, what="wrapper, shell and four that sleep")
    return job


def test_a_killed_supervisor_takes_all_with_it(escaping: LocalJob) -> None:
    temporary = Path(escaping.state()["temporary"])
    assert temporary.exists()
    os.kill(escaping.supervisor_pid(), signal.SIGKILL)
    until(lambda: not escaping.supervised())
    seen = escaping.end()
    assert alive(escaping.attempt_id) == []
    assert (seen.phase, seen.reason) == (Phase.LOST, "lost")
    assert [member.phase for member in seen.members] == [Phase.LOST]
    assert not temporary.exists()
    assert not (escaping.path / "token").exists()
    assert escaping.seen() == seen


def test_a_stop_works_without_its_supervisor(escaping: LocalJob) -> None:
    os.kill(escaping.supervisor_pid(), signal.SIGKILL)
    until(lambda: not escaping.supervised())
    escaping.backend.stop(escaping.handle, 1000)
    assert escaping.end().phase is Phase.LOST
    assert alive(escaping.attempt_id) == []


def test_a_supervisor_told_to_end_takes_all_with_it(escaping: LocalJob) -> None:
    os.kill(escaping.supervisor_pid(), signal.SIGTERM)
    seen = escaping.end()
    assert (seen.phase, seen.reason) == (Phase.LOST, "lost")
    assert alive(escaping.attempt_id) == []


def test_a_killed_wrapper_takes_all_with_it(escaping: LocalJob) -> None:
    os.kill(escaping.member_pid(), signal.SIGKILL)
    seen = escaping.end()
    assert alive(escaping.attempt_id) == []
    assert (seen.phase, seen.reason, seen.report) == (Phase.LOST, "lost", None), "ours, not the user's"
    assert seen.detail == "The wrapper of member 0 was killed by SIGKILL."
    assert [(member.phase, member.exit_code) for member in seen.members] == [(Phase.LOST, 137)]


def test_a_killed_command_takes_all_with_it(escaping: LocalJob) -> None:
    command = next(each for each in alive(escaping.attempt_id) if each.ppid() == escaping.member_pid())
    command.kill()
    seen = escaping.end()
    assert alive(escaping.attempt_id) == []
    assert (seen.phase, seen.reason, seen.members[0].exit_code) == (Phase.FAILED, "exit_nonzero", 137)
    assert seen.detail == "Member 0 was ended by SIGKILL (exit status 137)."
    assert seen.report == {"exit_code": 137, "reason": "", "result": None}


def test_what_a_job_leaves_behind_ends_with_it(backend: LocalBackend, tmp_path: Path) -> None:
    spec = shell("(setsid sleep 1000 &); exit 3")
    job = submit(backend, tmp_path / "home", spec, make_launch())
    assert job.end().members[0].exit_code == 3
    assert alive(job.attempt_id) == []


def test_a_number_that_means_another_process_now_is_left_alone(escaping: LocalJob) -> None:
    os.kill(escaping.supervisor_pid(), signal.SIGKILL)
    until(lambda: not escaping.supervised())
    state = escaping.state()
    state["supervisor"]["pid"] = state["members"][0]["pid"] = os.getpid()
    (escaping.path / "state.json").write_text(json.dumps(state))
    assert escaping.end().phase is Phase.LOST  # and this test is alive to see it


def test_a_torn_state_means_lost_and_never_a_second_start(backend: LocalBackend, tmp_path: Path) -> None:
    spec, launch = shell(f"echo ran >> {tmp_path / 'ran'}"), make_launch()
    job = submit(backend, tmp_path / "home", spec, launch)
    job.end()
    until(lambda: not job.supervised())
    (job.path / "state.json").write_text("")
    backend.submit(spec, launch)
    assert job.seen().phase is Phase.LOST
    assert (tmp_path / "ran").read_text() == "ran\n"


@pytest.mark.parametrize("scribble", ["[]", "{", '{"phase": 7}', '{"phase": "running", "members": [1, {}]}'])
def test_a_job_that_scribbles_on_its_state_harms_itself_only(escaping: LocalJob, tmp_path: Path, scribble: str) -> None:
    other = submit(escaping.backend, tmp_path / "home", shell("exec sleep 1000"), make_launch())
    other.runs()
    (escaping.path / "state.json").write_text(scribble)
    seen = escaping.backend.observe([escaping.handle, other.handle])
    assert [each.phase for each in seen] == [Phase.RUNNING, Phase.RUNNING]
    escaping.backend.stop(escaping.handle, 0)
    escaping.end()
    assert alive(escaping.attempt_id) == []


def test_a_removed_folder_ends_its_job(backend: LocalBackend, tmp_path: Path) -> None:
    job = submit(backend, tmp_path / "home", shell("sleep 1000"), make_launch())
    job.runs()
    job.path.rename(tmp_path / "elsewhere")
    until(lambda: alive(job.attempt_id) == [])
    assert job.seen() == Observation(Phase.NOT_FOUND)


# Submit, killed or raced -------------------------------------------------------------------------------------------


def test_eight_that_submit_at_once_start_one(backend: LocalBackend, tmp_path: Path) -> None:
    launch, ran = make_launch(), tmp_path / "ran"
    spec = shell(f"echo ran >> {ran}; sleep 0.3")
    children = [_in_child(lambda: LocalBackend(tmp_path / "home").submit(spec, launch)) for _ in range(8)]
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 8
    job = LocalJob(backend, backend.handle_for(spec, launch), tmp_path / "home" / "jobs" / launch.attempt_id)
    assert job.end().phase is Phase.SUCCEEDED
    assert ran.read_text() == "ran\n"


def test_a_worker_killed_between_any_two_statements_leaves_one_process(backend: LocalBackend, tmp_path: Path) -> None:
    handles: list[JobHandle] = []
    killed = True
    while killed:
        launch, spec = make_launch(secrets=SECRETS), shell(f"echo ran >> {tmp_path / f'ran-{len(handles)}'}")
        submit_it = partial(LocalBackend(backend.home).submit, spec, launch)
        killed = killed_after(len(handles), submit_it, TRACED)
        seen = backend.observe([backend.handle_for(spec, launch)])[0]
        assert seen.phase not in (Phase.LOST, Phase.FAILED), f"death number {len(handles)}"
        handles.append(backend.submit(spec, launch))
    assert len(handles) > 15, "what a submit does was not seen"
    until(lambda: all(seen.phase in ENDED for seen in backend.observe(handles)), 30)
    assert {seen.phase for seen in backend.observe(handles)} == {Phase.SUCCEEDED}
    assert [(tmp_path / f"ran-{number}").read_text() for number in range(len(handles))] == ["ran\n"] * len(handles)
    left = [path for path in (tmp_path / "home").rglob("*") if path.name in ("token", "key")]
    assert left == []


SECRETS = {"key": b"value"}
TRACED = (backend_module.__file__, layout.__file__)


def _in_child(act: Any) -> int:
    """Run it in a forked child; returns its pid."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    return pid
