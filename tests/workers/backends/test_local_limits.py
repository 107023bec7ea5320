"""What a job may use, how it is told to leave, and what is said of its end."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from apps.quotas.services.verdicts import Ended, Seen, judge
from tests.support.waiting import until
from tests.workers.backends.jobs import alive, make_launch, python, shell
from tests.workers.backends.local_jobs import submit
from tests.workers.wrapper.misbehaving_api import MisbehavingApi, answer
from workers.backends.local import backend as backend_module
from workers.backends.local.backend import LocalBackend
from workers.backends.local.gang import Gang
from workers.backends.local.layout import JobFolder
from workers.backends.local.member import Member
from workers.contracts.observation import Phase
from workers.contracts.specs import JobSpec, Resources

RUNNING = Seen("job", "running", "", "", submitted=True, stop_sent=False)
LITTLE = Resources(cpu_millis=1000, memory_bytes=100 << 20)


def test_too_much_memory_in_a_grandchild_ends_the_job(backend: LocalBackend, tmp_path: Path) -> None:
    script = "import os, time\nif os.fork() == 0:\n    held = bytearray(200 << 20)\n    time.sleep(1000)\nos.wait()"
    job = submit(backend, tmp_path / "home", python(script, resources=LITTLE), make_launch())
    seen = job.end()
    assert (seen.phase, seen.reason) == (Phase.FAILED, "out_of_memory")
    assert [(member.exit_code, member.reason) for member in seen.members] == [(137, "out_of_memory")]
    assert "its limit is 104857600" in seen.detail
    assert alive(job.attempt_id) == []


def test_memory_that_processes_share_counts_once(backend: LocalBackend, tmp_path: Path) -> None:
    script = (
        "import os, time\nheld = bytearray(b'1') * (60 << 20)\n"
        "pids = [os.fork() for _ in range(2)]\nprint('up', flush=True)\ntime.sleep(1.3)"
    )
    job = submit(backend, tmp_path / "home", python(script, resources=LITTLE), make_launch())
    assert job.end().phase is Phase.SUCCEEDED  # four processes with 60 MiB each, of 100 MiB


def test_too_much_time_ends_the_job(backend: LocalBackend, tmp_path: Path) -> None:
    spec = shell("trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done", time_limit_seconds=1)
    job = submit(backend, tmp_path / "home", spec, make_launch())
    seen = job.end()
    assert (seen.phase, seen.reason) == (Phase.FAILED, "time_limit")
    assert [(member.exit_code, member.reason) for member in seen.members] == [(0, "time_limit")]
    assert seen.detail == "The job ran for longer than its limit of 1 s."
    assert job.output() == "bye\n"


def test_a_command_that_ended_in_time_may_still_be_told_of(backend: LocalBackend, tmp_path: Path) -> None:
    with MisbehavingApi() as api:
        api.behave(answer(503, {}))
        spec = shell("exit 0", time_limit_seconds=1)
        job = submit(backend, tmp_path / "home", spec, make_launch(api_url=api.url))
        until(lambda: (job.path / "member-0" / "report.json").exists())
        until(
            lambda: time.time() > job.state()["started_at"] + 1.7, what="the time limit, and a turn of the supervisor"
        )
        assert job.supervised()
        api.behave(answer(200, {}))
        assert job.end().phase is Phase.SUCCEEDED
        assert [body["exit_code"] for body in api.bodies("/exit")][-1] == 0


def test_a_member_that_fails_ends_the_gang(backend: LocalBackend, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = (
        f"echo $BEDPLATE_RANK of $BEDPLATE_WORLD_SIZE; test $BEDPLATE_RANK = 1 || exec sleep 99; cat {gate}; exit 9"
    )
    os.mkfifo(gate)
    job = submit(backend, tmp_path / "home", shell(script), make_launch(count=3))
    for rank in range(3):
        job.prints(f"{rank} of 3", member=rank)
    gate.write_text("go")
    seen = job.end()
    assert (seen.phase, seen.reason) == (Phase.FAILED, "exit_nonzero")
    assert seen.detail == "Member 1 ended with exit status 9."
    assert [member.exit_code for member in seen.members] == [143, 9, 143]
    assert alive(job.attempt_id) == []


def test_a_gang_succeeds_when_all_do(backend: LocalBackend, tmp_path: Path) -> None:
    job = submit(backend, tmp_path / "home", shell("sleep 0.$BEDPLATE_RANK"), make_launch(count=3))
    seen = job.end()
    assert seen.phase is Phase.SUCCEEDED
    assert [member.exit_code for member in seen.members] == [0, 0, 0]


def test_the_status_of_a_preempted_job_is_its_own(backend: LocalBackend, tmp_path: Path) -> None:
    spec = shell("trap 'exit 83' TERM; echo up; while :; do sleep 0.05; done")
    job = submit(backend, tmp_path / "home", spec, make_launch())
    job.prints("up")
    backend.stop(job.handle, 10)
    assert [member.exit_code for member in job.end().members] == [83]


def test_a_member_that_left_takes_no_time_from_one_that_still_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rank may have nothing to store and leave at once: the grace of the others stays what was ordered."""
    graces: list[float] = []
    monkeypatch.setattr(Member, "leave", lambda self, grace_seconds, verdict="": graces.append(grace_seconds))
    folder = JobFolder(str(tmp_path))
    plan = {"attempt_id": "a", "count": 2, "time_limit_seconds": 0, "temporary": str(tmp_path), "temporary_prefix": "x"}
    gang = Gang(folder, plan)
    gang.stop_members(600)
    quick = gang.members[1]
    quick.phase, quick.reason, quick.detail = "failed", "exit_nonzero", "Member 1 ended with exit status 83."
    gang.member_ended(quick)
    assert graces == [600, 600]
    gang.stop_members(5)
    assert graces == [600, 600, 5, 5], "a shorter one that is ordered counts"


@pytest.mark.parametrize("grace_seconds, status", [(0.2, 83), (0, 137)])
def test_without_a_control_plane_a_stop_is_as_quick_and_says_the_same(
    backend: LocalBackend, tmp_path: Path, grace_seconds: float, status: int
) -> None:
    stubborn = "trap 'exit 83' TERM" if grace_seconds else "trap '' TERM"
    spec = shell(f"{stubborn}; echo up; while :; do sleep 0.02; done")
    job = submit(backend, tmp_path / "home", spec, make_launch(api_url="http://127.0.0.1:9"))
    job.prints("up")
    began = time.monotonic()
    backend.stop(job.handle, grace_seconds)
    seen = job.end()
    assert [member.exit_code for member in seen.members] == [status]
    assert time.monotonic() - began < 4  # not the ten seconds of a wrapper that nobody hurries


def test_a_script_that_raises_says_what(backend: LocalBackend, tmp_path: Path) -> None:
    seen = submit(backend, tmp_path / "home", python("raise ValueError(7)"), make_launch()).end()
    assert (seen.phase, seen.reason) == (Phase.FAILED, "exit_nonzero")
    assert seen.report is not None
    assert seen.report["result"] == {"error": {"code": "exit_nonzero", "detail": "ValueError: 7"}}
    assert judge(RUNNING, seen) == Ended("failed", "exit_nonzero", "Member 0 ended with exit status 1. ValueError: 7")


def test_a_command_that_does_not_exist_is_a_launch_error(backend: LocalBackend, tmp_path: Path) -> None:
    spec = JobSpec(command=("no-such-command", "x"), resources=LITTLE)
    seen = submit(backend, tmp_path / "home", spec, make_launch()).end()
    assert (seen.phase, seen.reason) == (Phase.FAILED, "launch_error")
    assert seen.detail == "cannot start no-such-command: No such file or directory"
    assert [member.exit_code for member in seen.members] == [127]


def test_a_command_that_is_no_program_is_a_launch_error(backend: LocalBackend, tmp_path: Path) -> None:
    spec = JobSpec(command=("./notes.txt",), resources=LITTLE, files={"notes.txt": "hello"})
    seen = submit(backend, tmp_path / "home", spec, make_launch()).end()
    assert (seen.phase, seen.reason) == (Phase.FAILED, "launch_error")
    assert seen.detail == "cannot start ./notes.txt: Permission denied"
    assert [member.exit_code for member in seen.members] == [126]


def test_an_end_by_a_signal_is_said_as_shells_say_it(backend: LocalBackend, tmp_path: Path) -> None:
    seen = submit(backend, tmp_path / "home", shell(f"kill -{signal.SIGSEGV} $$"), make_launch()).end()
    assert [member.exit_code for member in seen.members] == [128 + signal.SIGSEGV]


def test_everything_is_stopped_and_gone(backend: LocalBackend, tmp_path: Path) -> None:
    jobs = [submit(backend, tmp_path / "home", shell("sleep 1000"), make_launch()) for _ in range(3)]
    stubborn = submit(backend, tmp_path / "home", shell("trap '' TERM; echo up; sleep 1000"), make_launch())
    stubborn.prints("up")
    LocalBackend(tmp_path / "home").stop_everything(0.2)
    assert [alive(job.attempt_id) for job in [*jobs, stubborn]] == [[], [], [], []]
    assert not any(job.supervised() for job in [*jobs, stubborn])
    seen = [job.seen() for job in [*jobs, stubborn]]
    told = (Phase.FAILED, "evicted", "The installation was stopped while it ran.")
    assert {(one.phase, one.reason, one.detail) for one in seen} == {told}
    backend.stop_everything(0.2)


def test_what_was_told_to_stop_before_is_not_evicted(backend: LocalBackend, tmp_path: Path) -> None:
    job = submit(backend, tmp_path / "home", shell("trap '' TERM; echo up; sleep 1000"), make_launch())
    job.prints("up")
    backend.stop(job.handle, 60)
    until(lambda: job.seen().phase is Phase.STOPPING)
    backend.stop_everything(0.1)
    assert (job.seen().phase, job.seen().reason) == (Phase.FAILED, "exit_nonzero")


def test_a_supervisor_that_does_not_answer_is_killed(
    backend: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_module, "PATIENCE_SECONDS", 0.3)
    job = submit(backend, tmp_path / "home", shell("sleep 1000"), make_launch())
    job.runs()
    os.kill(job.supervisor_pid(), signal.SIGSTOP)
    backend.stop_everything(0)
    assert not job.supervised()
    assert alive(job.attempt_id) == []
    until(lambda: job.seen().phase is Phase.LOST)
