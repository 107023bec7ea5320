"""Where the files of one local job are, and how they are read and written.

    HOME/jobs/<attempt id>/
        spec.json           for the job: the stored spec
        launch.json         for the supervisor: what to start (no secrets)
        token, secrets/*    mode 0400, removed when the job ends
        supervisor.lock     held for as long as the supervisor lives
        supervisor.log      what the supervisor has to say; normally empty
        state.json          written by the supervisor before it starts anything: this attempt has begun
        stop.json           the order to stop; before `state.json`, the order never to start
        resize.json         the order to have so many replicas
        control             a FIFO: a byte in it means, look at the orders now
        member-<rank>/      work/ (working folder), output.log, result.json, report.json; of the wrapper: log_position,
                            log_spool/ (output that nobody has taken yet)

Standard library only and light: the supervisor imports it.
"""
# Plain paths: pathlib is a good part of the start of a supervisor.
# ruff: noqa: PTH105, PTH106, PTH108, PTH114, PTH118, PTH119, PTH123

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
from typing import Any

MEMBER_PREFIX = "member-"
_LOCK = struct.Struct("hhqqi4x")  # struct flock where off_t has 64 bits


class MemberFolder:
    """Paths of one member."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.work = os.path.join(path, "work")
        self.output = os.path.join(path, "output.log")
        self.result = os.path.join(path, "result.json")
        self.report = os.path.join(path, "report.json")


class JobFolder:
    """Paths of one job."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.attempt_id = os.path.basename(path)
        self.spec = os.path.join(path, "spec.json")
        self.launch = os.path.join(path, "launch.json")
        self.token = os.path.join(path, "token")
        self.secrets = os.path.join(path, "secrets")
        self.lock = os.path.join(path, "supervisor.lock")
        self.log = os.path.join(path, "supervisor.log")
        self.state = os.path.join(path, "state.json")
        self.stop = os.path.join(path, "stop.json")
        self.resize = os.path.join(path, "resize.json")
        self.control = os.path.join(path, "control")

    def member(self, index: int) -> MemberFolder:
        return MemberFolder(os.path.join(self.path, f"{MEMBER_PREFIX}{index}"))

    def remove_secrets(self) -> None:
        """Remove token and secrets; nothing happens when they are gone."""
        with contextlib.suppress(FileNotFoundError):  # removed before
            os.unlink(self.token)
        remove_tree(self.secrets)

    def poke(self) -> None:
        """Make a living supervisor look at its orders now; it looks by itself twice a second."""
        with contextlib.suppress(OSError):  # nobody reads: no supervisor lives, or it has a poke already
            control = os.open(self.control, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(control, b"!")
            finally:
                os.close(control)


def read_json(path: str) -> dict[str, Any] | None:
    """The object in a file; None when there is no file, empty when what is in it is no object (a torn disk)."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: str, value: dict[str, Any]) -> None:
    """Replace a file as a whole. Raises OSError."""
    write_file(path, json.dumps(value, ensure_ascii=False).encode(), 0o600)


def write_file(path: str, content: bytes, mode: int) -> None:
    """Replace a file as a whole, readable by nobody else at any moment. Raises OSError."""
    partial = f"{path}.{os.urandom(6).hex()}.new"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):  # the name is what failed
            os.unlink(partial)
        raise


def remove_tree(path: str) -> None:
    """Remove a folder and all below it, as far as that is possible; follows no link."""
    for folder, folders, files in os.walk(path, topdown=False):
        with contextlib.suppress(OSError):  # somebody else removes it too, or it is not ours
            for name in files:
                os.unlink(os.path.join(folder, name))
            for name in folders:
                below = os.path.join(folder, name)
                if os.path.islink(below):
                    os.unlink(below)
                else:
                    os.rmdir(below)
    with contextlib.suppress(OSError):  # not there, or not empty: see above
        os.rmdir(path)


def take_lock(path: str) -> int | None:
    """Take the lock of a job; returns the descriptor that holds it, or None when another process does.

    It belongs to the open file, ends with its holder whatever happens, and can be looked at without being taken
    (unlike `flock`, which an observer would have to take for a moment, in the way of a supervisor that starts).
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES: held
        os.close(descriptor)
        return None
    return descriptor


def is_locked(path: str) -> bool:
    """True while a supervisor lives."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        asked = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind: int = _LOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, asked))[0]
        return kind != fcntl.F_UNLCK
    finally:
        os.close(descriptor)
