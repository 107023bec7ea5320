"""What a command runs in, told once: Python, packages, GPUs, commit. See `wrapper.py`, which loads this file late.

It is found out beside the command, and without importing any package: the interpreter that the command runs is asked
for its folders, and versions are read off the names in them. What cannot be known is left out. A command that is no
Python is looked at while it runs, for a Python below it.

Standard library only, and nothing from the rest of the project: it is copied into images that have neither.
"""
# Plain paths, as in `wrapper.py`.
# ruff: noqa: PTH109, PTH110, PTH112, PTH113, PTH115, PTH118, PTH119, PTH120, PTH123, PTH208

from __future__ import annotations

import contextlib
import importlib
import os
import platform
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.runtime.wrapper_reporting import Teller
    from workers.runtime.wrapper_system import System

RUN_ID = "BEDPLATE_RUN_ID"
DEVICES, VISIBLE, COMMIT = "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "GIT_COMMIT"
TELLS_ITSELF = "workers.runtime.source"
"""A module that makes the environment of its command, and says what is in it."""
PACKAGES_MOST = 500
GPU_SECONDS, PROBE_SECONDS = 5.0, 10.0
LAST_SECONDS = 3.0
"""How long the end of a command waits for what is not told yet."""
LOOKS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Pauses between the looks for a Python below a command that is none."""
REF_BYTES = 4 << 20
ABOVE_MOST = 5
_PYTHON = re.compile(r"python[0-9.]*")
_DISTRIBUTION = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)\.(?:dist-info|egg-info)")
_CUDA = re.compile(r"^cuda\b.*=\s*['\"]([0-9.]+)['\"]", re.MULTILINE)
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PROBE = """import os, sys, site
os.nice(19)
own = [] if sys.prefix != sys.base_prefix else [site.getusersitepackages()]
sys.stdout.write("\\0".join([sys.version.split()[0], *own, *sys.path]))
"""


class Facts(threading.Thread):
    """Finds out and tells; says nothing twice.

    Args:
        words: of the command.
        walk: the processes below the wrapper.
    """

    def __init__(self, words: Sequence[str], walk: Callable[[], list[int]], teller: Teller) -> None:
        super().__init__(daemon=True, name="facts")
        self._words, self._walk, self._teller = words, walk, teller
        self._ended = threading.Event()

    def run(self) -> None:
        report = report_of(*probed(self._interpreter(), os.environ), os.environ, self._words)
        while self._teller.tell("/environment", report) is None:
            self._ended.wait(0.1 * 2**self._teller.failures)

    def last(self) -> None:
        """The command has ended: what is not told yet has a moment left."""
        self._ended.set()
        if self._teller.failures == 0:
            self.join(LAST_SECONDS)

    def _interpreter(self) -> str:
        found = python_of(self._words)
        for seconds in () if found else LOOKS:
            if self._ended.wait(seconds):
                break
            found = next(filter(None, map(running_python, self._walk())), "")
            if found:
                break
        return found or shutil.which("python3") or shutil.which("python") or ""


class Both:
    """What goes on beside the command, as one."""

    def __init__(self, facts: Facts, system: System | None) -> None:
        self._facts, self._system = facts, system

    def start(self) -> None:
        self._facts.start()
        if self._system is not None:
            self._system.start()

    def last(self) -> None:
        self._facts.last()
        if self._system is not None:
            self._system.last()


def beside(
    system: Callable[[Teller], System] | None, words: Sequence[str], walk: Callable[[], list[int]]
) -> Callable[[Teller], Any] | None:
    """Tell what the command runs in, too, where it is the first member of a run and does not say so itself."""
    is_wanted = os.environ.get(RUN_ID) and (os.environ.get("BEDPLATE_RANK") or "0") == "0"
    if not is_wanted or TELLS_ITSELF in words[:3]:
        return system

    def made(teller: Teller) -> Both:
        own = type(teller)(teller.command)  # a connection of its own: each is used by one thread
        return Both(Facts(words, walk, own), system(teller) if system is not None else None)

    return made


def report_of(
    version: str, folders: Sequence[str], environment: Mapping[str, str], words: Sequence[str] = ()
) -> dict[str, Any]:
    """Body of `POST runtime/attempts/self/environment`. Blocks for some seconds at most.

    Args:
        version: of Python; empty where there is none.
        folders: where it finds packages.
        words: of the command.
    """
    packages = packages_in(folders)
    gpus, driver = gpus_of(environment)
    torch = packages.get("torch")
    return {
        "python": version,
        "platform": platform.platform()[:200],
        "hostname": platform.node()[:255],
        "cpu_count": os.cpu_count() or 0,
        "torch": {"version": torch, "cuda": torch_cuda(folders)} if torch else None,
        "gpus": gpus,
        "driver": driver,
        "git_commit": commit_of(environment, words),
        "packages": packages,
    }


def python_of(words: Sequence[str]) -> str:
    """The interpreter of a command that is one, or a script that names one in its first line; else nothing."""
    program = shutil.which(words[0]) or ""
    if _PYTHON.fullmatch(os.path.basename(words[0])):
        return program
    with contextlib.suppress(OSError, UnicodeDecodeError):
        with open(program, "rb") as file:
            first = file.readline(500)
        named = first[2:].decode().split() if first.startswith(b"#!") else []
        if named and os.path.basename(named[0]) == "env":
            named = [word for word in named[1:] if not word.startswith("-") and "=" not in word]
        if named and _PYTHON.fullmatch(os.path.basename(named[0])):
            return shutil.which(named[0]) or ""
    return ""


def running_python(pid: int) -> str:
    """The interpreter that a process runs, by the name that it was started with; nothing where it is no Python."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            name = file.read(4096).split(b"\0")[0].decode()
        if _PYTHON.fullmatch(os.path.basename(name)):
            with open(f"/proc/{pid}/environ", "rb") as file:
                said = dict(line.partition(b"=")[::2] for line in file.read(1 << 20).split(b"\0"))
            return shutil.which(name, path=said.get(b"PATH", b"").decode() or None) or os.readlink(f"/proc/{pid}/exe")
    return ""


def probed(python: str, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """Version of an interpreter, and the folders where it finds packages, in its order; nothing of one that does not
    answer. Code of the command is not run. Once more where it was killed: whoever ends the command clears what is
    below the wrapper."""
    for _ in (1, 2) if python else ():
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
            text = subprocess.run(
                [python, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False,
                stdin=subprocess.DEVNULL,
            ).stdout  # fmt: skip
            version, *folders = text.split("\0")
            if folders:
                first = environment.get("PYTHONPATH", "").split(os.pathsep)
                return version[:60], [folder for folder in dict.fromkeys([*first, *folders]) if os.path.isdir(folder)]
    return "", []


def packages_in(folders: Iterable[str]) -> dict[str, str]:
    """Versions by name, from the names of folders alone: reading the metadata of hundreds would take longer."""
    found: dict[str, str] = {}
    for folder in folders:
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(folder or ".")):
                match = _DISTRIBUTION.fullmatch(name)
                if match:
                    version = match["version"].partition("-py")[0]
                    found.setdefault(match["name"].replace("_", "-").lower()[:100], version[:60])
    return dict(sorted(found.items())[:PACKAGES_MOST])


def torch_cuda(folders: Iterable[str]) -> str:
    """Of which CUDA the torch in these folders was built; nothing where it says none."""
    for folder in folders:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            with open(os.path.join(folder, "torch", "version.py"), encoding="utf-8") as file:
                match = _CUDA.search(file.read(1 << 16))
            return match[1] if match else ""
    return ""


def gpus_of(environment: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
    """Those that the job may use, and the version of their driver: by the driver's own library, else by nvidia-smi. A
    container that was given some and is not told which sees its own only."""
    devices = environment.get(DEVICES)
    if devices is None:
        devices = "all" if environment.get(VISIBLE, "void") not in ("", "void", "none") else ""
    if not devices:
        return [], ""
    with contextlib.suppress(OSError, ImportError):
        found: tuple[list[dict[str, Any]], str] | None = _driver().described(devices)
        if found is not None:
            return found
    return _by_program(devices)


def _driver() -> Any:
    """The module that speaks to the driver's library: beside this one, in whatever package that is."""
    return importlib.import_module(f"{__name__.rpartition('wrapper_facts')[0]}wrapper_gpus")


def _by_program(devices: str) -> tuple[list[dict[str, Any]], str]:
    query = ["nvidia-smi", "--query-gpu=index,name,memory.total,driver_version", "--format=csv,noheader,nounits"]
    query += ["-i", devices] if devices != "all" else []
    with contextlib.suppress(OSError, ValueError, IndexError, subprocess.SubprocessError):
        text = subprocess.run(query, capture_output=True, text=True, timeout=GPU_SECONDS, check=True).stdout
        rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines()]
        gpus = [{"index": int(row[0]), "name": row[1][:200], "memory_bytes": int(row[2]) << 20} for row in rows]
        return gpus, rows[0][3][:60] if rows else ""
    return [], ""


def commit_of(environment: Mapping[str, str], words: Sequence[str]) -> str:
    """As the variable says; else of the working copy in which a file of the command lies, or that is the working
    folder itself. Above a folder that the command does not name nobody looks: that may be anybody's."""
    said = environment.get(COMMIT, "")[:64]
    named = next((word for word in words if word.startswith("/") and word.endswith((".py", ".sh"))), "")
    folders, folder = [os.getcwd()], os.path.dirname(named)
    for _ in range(ABOVE_MOST if folder else 0):
        folders.append(folder)
        folder = os.path.dirname(folder)
    return said or next(filter(None, map(_head_of, folders)), "")


def _head_of(folder: str) -> str:
    git = os.path.join(folder, ".git")
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if os.path.isfile(git):  # of a working copy that shares another's
            git = os.path.join(folder, _text(git).partition("gitdir:")[2].strip())
        head = _text(os.path.join(git, "HEAD")).strip()
        name = head.removeprefix("ref: ")
        if name == head:
            return head if _HASH.fullmatch(head) else ""
        common = os.path.join(git, "commondir")
        place = os.path.join(git, _text(common).strip()) if os.path.exists(common) else git
        for one in (git, place):
            with contextlib.suppress(OSError):
                text = _text(os.path.join(one, name)).strip()
                return text if _HASH.fullmatch(text) else ""
        lines = (line.split(" ") for line in _text(os.path.join(place, "packed-refs")).splitlines())
        return next((line[0] for line in lines if line[1:] == [name] and _HASH.fullmatch(line[0])), "")
    return ""


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read(REF_BYTES)
