"""What a sweep finds on the machine: processes, secrets and folders of jobs that are over, of this home only."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import until
from tests.workers.backends.jobs import alive, make_launch, shell
from tests.workers.backends.local_jobs import LocalJob, submit
from workers.backends.local import backend as backend_module
from workers.backends.local.backend import LocalBackend
from workers.contracts import environment as names
from workers.contracts.observation import Phase


@pytest.fixture
def temporary(backend: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the jobs' temporary folders are made."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(backend_module.tempfile, "gettempdir", lambda: str(folder))
    backend.__init__(tmp_path / "home")  # type: ignore[misc]
    return folder


@pytest.fixture
def strays() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for one in started:
        one.kill()
        one.wait()


def stray(strays: list[subprocess.Popen[bytes]], home: Path, attempt_id: str) -> subprocess.Popen[bytes]:
    """A process that freed itself from everything but its environment."""
    token = home / "jobs" / attempt_id / "token"
    own = {names.ATTEMPT_ID: attempt_id, names.TOKEN_FILE: str(token)}
    process = subprocess.Popen(["sleep", "1000"], env=own, start_new_session=True)
    strays.append(process)
    return process


def age(path: Path, seconds: float) -> None:
    for one in [path, *path.rglob("*")]:
        now = one.stat().st_mtime
        os.utime(one, (now - seconds, now - seconds))


def ended(backend: LocalBackend, home: Path) -> LocalJob:
    job = submit(backend, home, shell("true"), make_launch())
    job.end()
    until(lambda: not job.supervised())
    return job


def test_a_process_of_a_job_that_is_over_is_killed(
    backend: LocalBackend, tmp_path: Path, strays: list[subprocess.Popen[bytes]]
) -> None:
    home = tmp_path / "home"
    over = ended(backend, home)
    lives = submit(backend, home, shell("echo up; exec sleep 1000"), make_launch())
    lives.prints("up")
    of_the_ended = stray(strays, home, over.attempt_id)
    of_a_removed = stray(strays, home, "0198c0de-0000-7000-8000-000000000001")
    of_the_living = stray(strays, home, lives.attempt_id)
    of_another_home = stray(strays, tmp_path / "other", over.attempt_id)
    backend.sweep([over.attempt_id, lives.attempt_id])
    assert [of_the_ended.wait(10), of_a_removed.wait(10)] == [-signal.SIGKILL, -signal.SIGKILL]
    assert [of_the_living.poll(), of_another_home.poll()] == [None, None]
    assert lives.seen().phase is Phase.RUNNING


def test_secrets_and_drafts_of_a_job_that_is_over_are_removed(backend: LocalBackend, tmp_path: Path) -> None:
    home = tmp_path / "home"
    over, never = ended(backend, home), make_launch()
    lives = submit(backend, home, shell("echo up; exec sleep 1000"), make_launch(secrets={"key": b"value"}))
    lives.prints("up")
    backend.stop(backend.handle_for(shell(""), never), 0)
    stopped = home / "jobs" / never.attempt_id
    for folder in (over.path, stopped):
        (folder / "secrets").mkdir(exist_ok=True)
        for name in ("token", "secrets/key", "token.aa.new"):
            (folder / name).write_text("left by somebody who was killed")
    backend.sweep([over.attempt_id, lives.attempt_id, never.attempt_id])
    left = [str(path.relative_to(home / "jobs")) for path in sorted(home.rglob("*")) if path.name in ("token", "key")]
    assert left == sorted([f"{lives.attempt_id}/secrets/key", f"{lives.attempt_id}/token"])
    assert not list(home.rglob("*.new"))


def test_temporary_folders_of_jobs_that_are_over_are_removed_once_they_are_old(
    backend: LocalBackend, temporary: Path, tmp_path: Path
) -> None:
    lives = submit(backend, tmp_path / "home", shell("echo up; exec sleep 1000"), make_launch())
    lives.prints("up")
    used = Path(lives.state()["temporary"])
    prefix = used.name.rpartition("-")[0] + "-"
    left, young = temporary / f"{prefix}0a0a0a0a", temporary / f"{prefix}0b0b0b0b"
    others = [temporary / "bedplate-123456-0a0a0a0a", temporary / "bedplate-abc123"]
    for folder in (left, young, *others):
        (folder / "0").mkdir(parents=True)
        (folder / "0" / "file").write_text("x")
    for folder in (left, used, *others):
        age(folder, 3600)
    backend.sweep([lives.attempt_id])
    assert sorted(temporary.iterdir()) == sorted([used, young, *others])
    backend.sweep([lives.attempt_id], older_than_seconds=0)
    assert used.exists()


def test_a_clock_that_is_wrong_makes_no_young_job_old(
    backend: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The age of a job is what its file system says."""
    job = submit(backend, tmp_path / "home", shell("echo up; exec sleep 1000"), make_launch())
    job.prints("up")
    for wrong in (3600.0, -3600.0):
        real = backend_module.time.time
        with monkeypatch.context() as patch:
            patch.setattr(backend_module.time, "time", lambda real=real, wrong=wrong: real() + wrong)
            assert backend.sweep([]) == []
    assert job.seen().phase is Phase.RUNNING
    age(job.path, 3600)
    until(lambda: backend.sweep([]) == [job.attempt_id])
    assert alive(job.attempt_id) == []


def test_sweeping_an_empty_home_makes_nothing_of_it(tmp_path: Path) -> None:
    assert LocalBackend(tmp_path / "new").sweep([]) == []
    assert [path.name for path in (tmp_path / "new").rglob("*")] == ["jobs"]
