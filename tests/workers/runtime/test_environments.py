"""Environments of packages: made once, shared, whole or not there, swept when they are too many."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import until
from tests.support.wheels import wheel
from workers.contracts.package_lock import lock_read
from workers.runtime import environments
from workers.runtime.environments import EnvironmentFailed, environment_ready, key_of, python_of, sweep


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    wheel(folder, "bpl_alpha", "1.0", requires=["bpl-beta>=2"])
    wheel(folder, "bpl_alpha", "1.1", requires=["bpl-beta>=2"])
    wheel(folder, "bpl_beta", "2.0")
    return folder


@pytest.fixture
def variables(wheels: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONFIG_FILE": os.devnull,
    }


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """No test holds what another one made."""
    yield
    while environments._held:
        environments._held.pop().close()


def said_by(folder: Path, program: str) -> str:
    return subprocess.run([python_of(folder), "-c", program], capture_output=True, text=True, check=True).stdout.strip()


LOCK = "bpl-alpha==1.0\nbpl-beta==2.0\n"


def test_one_is_made_with_the_locked_packages_before_those_of_the_runtime(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    place = tmp_path / "kept"
    folder = environment_ready(LOCK, place, variables)
    assert said_by(folder, "import bpl_alpha; print(bpl_alpha.VERSION)") == "1.0"
    assert said_by(folder, "import httpx, bpl_beta; print(bpl_beta.__file__)").startswith(str(folder))
    made_at = (folder / "pyvenv.cfg").stat().st_mtime_ns
    assert environment_ready("# the same\nbpl-beta==2.0\nbpl-alpha==1.0", place, variables) == folder
    assert (folder / "pyvenv.cfg").stat().st_mtime_ns == made_at
    assert environment_ready("bpl-alpha==1.1\nbpl-beta==2.0", place, variables) != folder


def test_two_that_ask_at_once_make_one(
    tmp_path: Path, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    plain = environments._make

    def counted(*args: object) -> None:
        made.append("one")
        plain(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(environments, "_make", counted)
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(environment_ready(LOCK, tmp_path / "kept", variables)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert (len(found), len(set(found)), made) == (3, 1, ["one"])


def test_what_pip_cannot_find_is_said_in_its_words_and_nothing_is_left(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    place = tmp_path / "kept"
    with pytest.raises(EnvironmentFailed) as failed:
        environment_ready("bpl-gamma==9.9", place, variables)
    assert str(failed.value).startswith("pip could not install the packages: ERROR: ")
    assert "bpl-gamma==9.9" in str(failed.value)
    assert [path.name for path in place.iterdir() if path.is_dir()] == []
    folder = environment_ready(LOCK, place, variables)  # and the next one is not kept waiting by it
    assert folder.is_dir()


def test_without_a_network_it_says_that_the_index_is_away(tmp_path: Path, variables: dict[str, str]) -> None:
    away = {**variables, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1", "PIP_FIND_LINKS": ""}
    del away["PIP_NO_INDEX"]
    with pytest.raises(EnvironmentFailed, match="the package index cannot be reached from this machine"):
        environment_ready("bpl-gamma==9.9", tmp_path / "kept", away)


def test_a_lock_that_does_not_name_what_its_packages_need_is_not_complete(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    with pytest.raises(EnvironmentFailed, match=r"the lock is not complete: bpl.alpha 1.0 requires bpl-beta"):
        environment_ready("bpl-alpha==1.0", tmp_path / "kept", variables)


def test_hashes_are_held_to(tmp_path: Path, variables: dict[str, str]) -> None:
    lock = f"bpl-beta==2.0 --hash=sha256:{'0' * 64}"
    with pytest.raises(EnvironmentFailed, match=r"(?i)hash"):
        environment_ready(lock, tmp_path / "kept", variables)


def test_half_a_folder_is_made_anew(tmp_path: Path, variables: dict[str, str]) -> None:
    place = tmp_path / "kept"
    folder = environment_ready(LOCK, place, variables)
    environments._held.pop().close()
    (folder / environments.READY).unlink()
    (folder / "bin" / "python").unlink()
    assert environment_ready(LOCK, place, variables) == folder
    assert said_by(folder, "print(1)") == "1"


def test_those_not_used_for_longest_go_and_those_in_use_stay(tmp_path: Path, variables: dict[str, str]) -> None:
    place = tmp_path / "kept"
    locks = [LOCK, "bpl-beta==2.0", "bpl-alpha==1.1\nbpl-beta==2.0"]
    folders = [environment_ready(lock, place, variables) for lock in locks]
    for age, folder in zip((300, 200, 100), folders, strict=True):
        at = folder.stat().st_mtime - age
        os.utime(folder / environments.READY, (at, at))
    environments._held[0].close()
    environments._held[2].close()
    assert sweep(place, 0, keep=folders[2]) == [(folders[0].name, "space")]
    assert [folder.is_dir() for folder in folders] == [False, True, True]
    environments._held[1].close()
    assert sweep(place, 1 << 40, keep=folders[2]) == []
    assert sweep(place, 0, keep=folders[2]) == [(folders[1].name, "space")]
    environments._held.clear()


def aged(folder: Path, seconds: float) -> None:
    """Let it have been used so long ago."""
    at = time.time() - seconds
    os.utime(folder / environments.READY, (at, at))


def test_what_is_not_used_for_a_month_goes_when_another_is_used(tmp_path: Path, variables: dict[str, str]) -> None:
    place = tmp_path / "kept"
    old, used = (environment_ready(lock, place, variables) for lock in (LOCK, "bpl-beta==2.0"))
    environments._held.pop().close()
    aged(old, environments.UNUSED_SECONDS + 60)
    aged(used, environments.UNUSED_SECONDS + 60)
    environment_ready("bpl-beta==2.0", place, variables)
    assert (old.is_dir(), used.is_dir()) == (True, True), "a job of this process uses both"
    environments._held[0].close()
    aged(used, environments.UNUSED_SECONDS - 60)
    assert sweep(place, 1 << 40, goes=environments.is_free) == [(old.name, "unused")]
    assert old.is_dir(), "it was only asked"
    environment_ready("bpl-beta==2.0", place, variables)
    assert (old.exists(), used.is_dir()) == (False, True)


def test_what_a_killed_job_left_half_made_goes(tmp_path: Path, variables: dict[str, str]) -> None:
    place = tmp_path / "kept"
    half, making = place / ("a" * 32), place / ("b" * 32)
    for folder in (half, making):
        (folder / "bin").mkdir(parents=True)
    with environments._opened(making) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert sweep(place, 1 << 40) == [(half.name, "unfinished")]
        assert (half.exists(), making.exists()) == (False, True)
    assert sweep(place, 1 << 40) == [(making.name, "unfinished")]
    assert environments.kept(place) == []


def test_a_process_that_became_another_still_holds_it(tmp_path: Path, variables: dict[str, str]) -> None:
    place = tmp_path / "kept"
    folder = environment_ready(LOCK, place, variables)
    environments._held.pop().close()
    program = (
        "import os, sys, pathlib\n"
        "from workers.runtime.environments import environment_ready\n"
        f"environment_ready({LOCK!r}, pathlib.Path({str(place)!r}), dict(os.environ))\n"
        "os.execvp('sh', ['sh', '-c', 'echo ready; read line'])\n"
    )
    root = str(Path(environments.__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={**variables, "PYTHONPATH": root}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        assert sweep(place, 0, keep=place) == []
        process.stdin.write("\n")
    until(lambda: sweep(place, 0, keep=place) == [(folder.name, "space")])


def test_the_key_is_of_the_packages_and_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = lock_read(LOCK)
    before = key_of(lock)
    assert before == key_of(lock_read(f"# x\n{LOCK}\n"))
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    assert key_of(lock) != before
