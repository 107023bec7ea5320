"""Processes of this machine: who is below whom, what they hold, which number still means whom. Linux.

Standard library only and light: the supervisor imports it.
"""
# Plain paths: pathlib is a good part of the start of a supervisor.
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Collection, Iterator

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PRCTL = ctypes.CDLL(None).prctl
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_HELD = (b"Pss_Anon:", b"Pss_Shmem:", b"SwapPss:")
_STILL: tuple[list[bytes], ...] = ([], [b"T"], [b"t"], [b"Z"], [b"X"])
"""States of a thread: gone, stopped (by a signal, by a debugger), dead."""


def adopt_orphans() -> None:
    """From now on what descendants abandon becomes a child of this process, not of init."""
    PRCTL(PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """This process is killed when its parent ends; at once, when it has."""
    PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def start_of(pid: int) -> str:
    """When this process started; with its number it means one process for ever. Empty: there is none."""
    fields = _stat(pid)
    return f"{boot_id()}/{fields[19].decode()}" if fields and fields[0] not in (b"Z", b"X") else ""


def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def children(pid: int) -> list[int]:
    """Its children now, zombies too."""
    found: list[bytes] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += file.read().split()
    except OSError:  # it ended, or the kernel has no such file
        return _parents().get(pid, [])
    return [int(each) for each in found]


def tree(pid: int, *, without: Collection[int] = ()) -> list[int]:
    """The process and every one below it, zombies too; not what is in `without`, nor what is below that. One scan."""
    found = [pid]
    if os.path.exists(f"/proc/self/task/{os.getpid()}/children"):  # noqa: PTH110
        for each in found:  # grows while it is walked
            found.extend(child for child in children(each) if child not in without)
        return found
    parents = _parents()
    for each in found:
        found.extend(child for child in parents.get(each, ()) if child not in without)
    return found


def kill_tree(pid: int, *, itself: bool) -> None:
    """SIGKILL to everything below a child of ours, and to the child `itself` if so asked."""
    for each in tree(pid):
        if each != pid or itself:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.kill(each, signal.SIGKILL)


def stands_still(pid: int) -> bool:
    """Whether none of its threads runs: it is stopped, or has ended. One that was just told to may be within a fork."""
    with contextlib.suppress(OSError):  # it ended
        states = [_stat(f"{pid}/task/{task}")[:1] for task in os.listdir(f"/proc/{pid}/task")]
        return all(state in _STILL for state in states)
    return True


def held_bytes(pids: list[int], enough_bytes: int) -> int:
    """Memory that processes hold together; a rough figure is returned while it is below `enough_bytes`.

    Shared pages are counted once, in parts. Mapped files are not counted: the kernel takes them back when it must.
    """
    resident = sum(_resident_bytes(each) for each in pids)
    return resident if resident < enough_bytes else sum(_proportional_bytes(each) for each in pids)


def tasks_of(uid: int) -> int:
    """Processes and threads of an account now: what its limit is held against."""
    found = 0
    for pid in _all():
        with contextlib.suppress(OSError):  # it ended, or is not ours to look into
            if os.stat(f"/proc/{pid}").st_uid == uid:  # noqa: PTH116
                found += len(os.listdir(f"/proc/{pid}/task"))
    return found


def memory_kills() -> int:
    """How many processes the kernel has killed for want of memory since it started; 0 where it does not say."""
    with contextlib.suppress(OSError), open("/proc/vmstat", "rb") as file:  # not this kernel
        for line in file:
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    return 0


def with_variable(name: str, value: str) -> Iterator[tuple[int, int]]:
    """Every living process that started with this environment variable: its number, and a pidfd to be closed."""
    wanted = f"{name}={value}".encode()
    for pid in _all():
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:  # it ended
            continue
        if wanted in _environment(pid) and start_of(pid):
            yield pid, descriptor
        else:
            os.close(descriptor)


def with_variables(*wanted: str) -> Iterator[tuple[int, int, list[str]]]:
    """Every living process that started with these environment variables: number, a pidfd to be closed, the values."""
    for pid in _all():
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:  # it ended
            continue
        found = dict(part.partition(b"=")[::2] for part in _environment(pid))
        values = [found.get(name.encode(), b"").decode(errors="replace") for name in wanted]
        if all(values) and start_of(pid):
            yield pid, descriptor, values
        else:
            os.close(descriptor)


def _environment(pid: int) -> list[bytes]:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:  # it ended, or is not ours
        return file.read().split(b"\0")
    return []


def _all() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid: int | str) -> list[bytes]:
    """Fields of `stat` from the third, the state, on; of a process, or of a thread as `<pid>/task/<thread>`."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:  # it ended
        return file.read().rpartition(b")")[2].split()
    return []


def _parents() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for pid in _all():
        fields = _stat(pid)
        if fields:
            found.setdefault(int(fields[1]), []).append(pid)
    return found


def _resident_bytes(pid: int) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/statm", "rb") as file:  # it ended
        return int(file.read().split()[1]) * PAGE_BYTES
    return 0


def _proportional_bytes(pid: int) -> int:
    total = 0
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:  # it ended
        for line in file:
            if line.startswith(_HELD):
                total += int(line.split()[1]) * 1024
    return total
