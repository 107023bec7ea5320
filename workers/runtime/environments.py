"""Environments of Python packages, made once per machine and lock, and used by every job that asks for the same.

    PLACE/<key>/            a virtual environment; the key is of the lock, the interpreter and the platform
    PLACE/<key>/ready.json  it is whole: {"bytes"}; its date is when it was used last
    PLACE/<key>.lock        held alone by who makes or removes it, together by the jobs that use it

What the lock does not name is found behind it, in the packages of the runtime. Whoever uses an environment holds its
lock as long as it lives: a lock goes to whatever a process turns into.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from workers.contracts.package_lock import PackageLock, lock_read

READY: Final = "ready.json"
BYTES_DEFAULT: Final = 20 << 30
UNUSED_SECONDS: Final = 30 * 86_400.0
"""After so long without a job an environment goes, whatever room there is."""
SAID_MOST: Final = 1500
OVERLAY: Final = "zz_bedplate_runtime.pth"
_AWAY: Final = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|Network is unreachable"
    r"|Temporary failure in name resolution|Could not fetch URL|Failed to establish a new connection"
)


class EnvironmentFailed(Exception):
    """The packages cannot be installed; `str()` says it in pip's words."""


def environment_ready(
    lock_text: str, place: Path, variables: Mapping[str, str], *, most_bytes: int = BYTES_DEFAULT
) -> Path:
    """The folder of the environment of a lock, made if need be. This process, and what it turns into, keeps it from
    being removed. Blocks for as long as pip takes, and while another job makes the same one.

    Args:
        variables: of the job: pip finds its settings among them.

    Raises:
        EnvironmentFailed: nothing is left of it.
        BadLock: it is no lock.
    """
    lock = lock_read(lock_text)
    place.mkdir(parents=True, exist_ok=True)
    folder = place / key_of(lock)
    held = _opened(folder)
    try:
        _ready(lock, folder, held, variables, most_bytes)
    except BaseException:
        held.close()
        raise
    os.set_inheritable(held.fileno(), True)
    _held.append(held)
    return folder


def _ready(lock: PackageLock, folder: Path, held: IO[bytes], variables: Mapping[str, str], most_bytes: int) -> None:
    """Have it, and its lock together with others."""
    if not _locked(held):
        _wait(held, folder)
    if not (folder / READY).exists():
        _make(lock, folder, _without_path(variables))
    sweep(folder.parent, most_bytes, keep=folder)
    os.utime(folder / READY)
    fcntl.flock(held, fcntl.LOCK_SH)


_held: list[IO[bytes]] = []
"""What is closed lets go of its lock."""


def key_of(lock: PackageLock) -> str:
    """The same wherever the same packages would be installed."""
    parts = (lock.digest, platform.python_implementation(), platform.python_version(), sysconfig.get_platform())
    return hashlib.sha256("\n".join((*parts, sys.prefix)).encode()).hexdigest()[:32]


def python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def site_of(folder: Path) -> Path:
    """Where its packages are."""
    return folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """An environment on the disk, or what is left of one. The one that was used longest ago is the least."""

    used_at: float
    """Unix seconds."""
    size_bytes: int
    """0 of one that is not whole."""
    folder: Path
    is_whole: bool


def kept(place: Path) -> list[Kept]:
    """What is there, used longest ago first."""
    found: list[Kept] = []
    for folder in place.glob("*/"):
        ready = folder / READY
        with contextlib.suppress(OSError, ValueError, KeyError):  # another job removes it
            is_whole = ready.exists()
            size = int(json.loads(ready.read_text())["bytes"]) if is_whole else 0
            found.append(Kept((ready if is_whole else folder).stat().st_mtime, size, folder, is_whole))
    return sorted(found)


def sweep(
    place: Path, most_bytes: int, *, keep: Path | None = None, goes: Callable[[Path], bool] | None = None
) -> list[tuple[str, str]]:
    """Remove what nobody uses: environments that were not used for a month, what a job left that was killed while it
    made one, and, of the rest, those that were not used for longest, until they take no more than that.

    Args:
        keep: stays whatever it is.
        goes: removes a folder, and says whether it could; that of an environment that a job uses cannot go.

    Returns:
        The key of each, and why: `unfinished`, `unused`, `space`.
    """
    found, removed = [one for one in kept(place) if one.folder != keep], []
    total = sum(one.size_bytes for one in kept(place))
    for one in found:
        is_old = one.used_at < time.time() - UNUSED_SECONDS
        why = "unfinished" if not one.is_whole else "unused" if is_old else "space" if total > most_bytes else ""
        if why and (goes or _remove)(one.folder):
            total -= one.size_bytes
            removed.append((one.folder.name, why))
    return removed


def is_free(folder: Path) -> bool:
    """Nobody makes or uses it now."""
    with _opened(folder) as held:
        return _locked(held)


def _locked(held: IO[bytes]) -> bool:
    """Have the lock alone, if nobody has it."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(folder: Path) -> bool:
    with _opened(folder) as held:
        if not _locked(held):
            return False
        (folder / READY).unlink(missing_ok=True)  # first: half of it must not be taken for all
        shutil.rmtree(folder, ignore_errors=True)
        return True


def _opened(folder: Path) -> IO[bytes]:
    return folder.with_name(f"{folder.name}.lock").open("ab")


def _wait(held: IO[bytes], folder: Path) -> None:
    """Until it is free, or ready: then it is shared with those that use it."""
    if not (folder / READY).exists():
        _say("another job on this machine makes the same environment; waiting for it")
    fcntl.flock(held, fcntl.LOCK_SH)
    if not (folder / READY).exists():  # whoever made it has failed
        fcntl.flock(held, fcntl.LOCK_EX)


def _make(lock: PackageLock, folder: Path, variables: dict[str, str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _say(f"installing {len(lock.packages)} packages into an environment of their own")
    try:
        venv = [sys.executable, "-I", "-m", "venv", "--without-pip", str(folder)]
        _run(venv, "the environment could not be made", variables)
        with tempfile.TemporaryDirectory() as there:
            file = Path(there) / "packages.lock"
            file.write_text(lock.text, encoding="utf-8")
            install = [*_pip(folder), "install", *_manner(lock), "-r", str(file)]
            _run(install, "pip could not install the packages", variables)
        (site_of(folder) / OVERLAY).write_text("".join(f"{path}\n" for path in _runtime_sites()), encoding="utf-8")
        _complete_check(lock, folder, variables)
        size = sum(path.lstat().st_size for path in folder.rglob("*"))
        (folder / f"{READY}.new").write_text(json.dumps({"bytes": size}), encoding="utf-8")
        (folder / f"{READY}.new").replace(folder / READY)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _pip(folder: Path) -> list[str]:
    return [sys.executable, "-m", "pip", "--python", str(python_of(folder))]


def _manner(lock: PackageLock) -> list[str]:
    """What is not named is not installed: or two environments of one lock would differ."""
    options = ["--no-deps", "--no-input", "--no-cache-dir", "--progress-bar", "off", "--disable-pip-version-check"]
    return [*options, *(["--require-hashes"] if lock.has_hashes else [])]


def _runtime_sites() -> list[str]:
    paths = sysconfig.get_paths()
    return list(dict.fromkeys((paths["purelib"], paths["platlib"])))


def _complete_check(lock: PackageLock, folder: Path, variables: dict[str, str]) -> None:
    """Raise EnvironmentFailed where a package of the lock needs one that is nowhere, or in another version."""
    done = subprocess.run([*_pip(folder), "check"], capture_output=True, text=True, env=variables, check=False)
    names = {name for name, _ in lock.packages}
    lines = [line for line in done.stdout.splitlines() if line and _name(line.split()[0]) in names]
    if lines:
        more = "The lock must name every package that its packages need, as pip freeze and pip-compile write it."
        raise EnvironmentFailed(f"the lock is not complete: {'; '.join(lines)[:SAID_MOST]}. {more}")


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def _run(command: list[str], what: str, variables: dict[str, str]) -> None:
    """Run it, its output being the job's. Raises EnvironmentFailed with the last of its words."""
    said: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=variables
    ) as process:
        for line in _lines(process.stdout):
            print(line, flush=True)
            said.append(line)
    if process.returncode:
        raise EnvironmentFailed(f"{what}: {_words(said) or f'it ended with status {process.returncode}'}")


def _lines(output: IO[bytes] | None) -> Iterator[str]:
    for raw in output or ():
        yield raw.decode("utf-8", "replace").rstrip()


def _words(said: list[str]) -> str:
    errors = [line for line in said if line.startswith("ERROR:") or "error:" in line.lower()] or said[-5:]
    away = next((line for line in said if _AWAY.search(line)), "")
    text = " ".join(dict.fromkeys(line.strip() for line in errors))[:SAID_MOST]
    if not away:
        return text
    return f"the package index cannot be reached from this machine ({away.strip()[:300]}). {text}"


def _without_path(variables: Mapping[str, str]) -> dict[str, str]:
    """Without the path by which the project's modules would be found before those of pip."""
    return {name: value for name, value in variables.items() if name != "PYTHONPATH"}


def _say(text: str) -> None:
    print(f"bedplate: {text}", file=sys.stderr, flush=True)
