"""How many processes and threads one member may have, so that a fork bomb takes itself down and nothing else.

Where this process may make control groups (version 1 or 2), the kernel holds the bound. Else a limit of the account
does, which root is free of; and in any case the supervisor counts. Standard library only and light: the supervisor
imports it.
"""
# Plain paths: pathlib is a good part of the start of a supervisor.
# ruff: noqa: PTH102, PTH106, PTH110, PTH118, PTH119, PTH120, PTH123, PTH208

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time

from workers.backends.local import processes

GROUPS = "/sys/fs/cgroup"
PREFIX = "bedplate-"
LEAST_PROCESSES = 512
PROCESSES_PER_CORE = 64
SPARE = 16
"""Threads that a wrapper may need when its command is gone."""
STOP_SECONDS = 2.0
"""For so long processes are looked for that came while the others were stopped."""
LEAVE_SECONDS = 1.0
"""For so long the group of a member is waited for that has ended; a later sweep removes what stays."""


def processes_most() -> int:
    """The bound on this machine: what a large program on all its cores needs, and a quarter of all at most."""
    with open("/proc/sys/kernel/pid_max", encoding="ascii") as file:
        there_are = int(file.read())
    return min(max(LEAST_PROCESSES, PROCESSES_PER_CORE * (os.cpu_count() or 1)), there_are // 4)


class Fence:
    """Around one member, through all its starts. `group` is the path of its control group; empty: there is none."""

    def __init__(self, name: str, most: int) -> None:
        self.most = most
        self.group = _make_group(group_for(name), most)
        self._hits_before = _refusals(self.group)

    def enter(self) -> None:
        """In the member, before it becomes its command: stay inside from here on. Raises OSError."""
        if self.group:
            with contextlib.suppress(OSError), open(os.path.join(self.group, "cgroup.procs"), "w") as file:  # counted
                file.write("0")
        elif os.geteuid() != 0:
            most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
            own = processes.tasks_of(os.geteuid()) + self.most + SPARE
            bound = own if most == resource.RLIM_INFINITY else min(own, most)
            resource.setrlimit(resource.RLIMIT_NPROC, (bound, bound))

    def is_hit(self, root: int) -> bool:
        """Whether it wanted more than it may have. Cheap where there is a group: a bomb leaves little time to look."""
        if self.group:
            return _refusals(self.group) > self._hits_before
        return len(processes.tree(root)) >= self.most

    def end(self, root: int) -> None:
        """Kill everything inside but `root`, which may still start a thread or two for its last words."""
        if _refusals(self.group) > self._hits_before:
            end_group(self.group, spared=root, room=SPARE)
        end_tree(root)

    def clear(self) -> None:
        """Kill what is left inside, once its root has ended."""
        if self.group:
            end_group(self.group)

    def remove(self) -> None:
        """When nothing is inside any more; who dies is out of it a moment after that is seen."""
        deadline = time.monotonic() + LEAVE_SECONDS
        while self.group and not remove_group(self.group) and time.monotonic() < deadline:
            time.sleep(0.002)


def end_group(group: str, *, spared: int = 0, room: int = 0) -> int:
    """Let no more than `room` be in a control group and kill what is in it; returns how many processes there were."""
    with contextlib.suppress(OSError), open(os.path.join(group, "pids.max"), "r+") as file:  # it is gone
        file.write(str(room))
    inside = [pid for pid in _inside(group) if pid != spared]
    for pid in inside:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself
            os.kill(pid, signal.SIGKILL)
    return len(inside)


def end_tree(root: int) -> None:
    """Kill everything below a process: all are stopped first, so that none is born while they die."""
    stopped: set[int] = set()
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        # Asked before it is looked again: who was within a fork when it was told to stop has a child after that.
        all_stand = all(processes.stands_still(pid) for pid in stopped)
        fresh = [pid for pid in processes.tree(root) if pid != root and pid not in stopped]
        if not fresh:
            if all_stand:
                break
            time.sleep(0.001)  # they need a core to come to a stand, which whoever runs ahead of them would keep
        for pid in fresh:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.kill(pid, signal.SIGSTOP)
        stopped.update(fresh)
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself
            os.kill(pid, signal.SIGKILL)


def remove_group(group: str) -> bool:
    """Remove a control group of a member with those that its job made below; returns whether there is none (any more).

    One that is in use stays. So does, for a moment, one in which somebody dies whom it does not list any more.
    """
    if os.path.basename(group).startswith(PREFIX):
        for path in _with_below(group):
            with contextlib.suppress(OSError):  # in use, or removed before
                os.rmdir(path)
    return not os.path.exists(group)


def groups_here(attempt_id: str = "") -> list[str]:
    """Every control group of a member, of this attempt if one is named, that lies where this process makes its own."""
    own, prefix = _own_group(), f"{PREFIX}{attempt_id}-" if attempt_id else PREFIX
    with contextlib.suppress(OSError):  # no control groups here
        return [os.path.join(own, name) for name in os.listdir(own) if own and name.startswith(prefix)]
    return []


def group_for(name: str) -> str:
    """Where the control group of this member is, or would be made; empty: nowhere here."""
    own = _own_group()
    return os.path.join(own, PREFIX + name) if own else ""


def _make_group(group: str, most: int) -> str:
    """A control group with this bound; empty where none can be made."""
    if not group:
        return ""
    own = os.path.dirname(group)
    try:
        with contextlib.suppress(OSError), open(os.path.join(own, "cgroup.subtree_control"), "w") as file:  # version 1
            file.write("+pids")
        with contextlib.suppress(FileExistsError):  # of an earlier start of this replica
            os.mkdir(group)
        with open(os.path.join(group, "pids.max"), "r+") as file:
            file.write(str(most))
    except OSError:
        remove_group(group)
        return ""
    return group


def _own_group() -> str:
    """The folder of this process's control group that counts processes; empty: there is none."""
    found = ""
    with contextlib.suppress(OSError), open("/proc/self/cgroup", encoding="ascii") as file:  # not this kernel
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if "pids" in controllers.split(","):  # version 1, which has the controller where both are there
                found = f"{GROUPS}/pids{path}".rstrip("/")
                break
            if not controllers:
                found = f"{GROUPS}{path}".rstrip("/")
    return found if found and os.path.exists(f"{found}/cgroup.procs") else ""


def _inside(group: str) -> list[int]:
    """What is in it and below; not what the kernel calls 0, which is of a machine around this container."""
    found: list[int] = []
    for path in _with_below(group):
        with contextlib.suppress(OSError), open(os.path.join(path, "cgroup.procs"), encoding="ascii") as file:  # gone
            found.extend(pid for line in file if (pid := int(line)))
    return found


def _with_below(group: str) -> list[str]:
    """The group and all below it, the lowest first."""
    return [path for path, _, _ in os.walk(group, topdown=False)]


def _refusals(group: str) -> int:
    """How often a process of the group was refused another one."""
    with contextlib.suppress(OSError), open(os.path.join(group, "pids.events"), encoding="ascii") as file:  # gone
        for line in file:
            name, _, count = line.partition(" ")
            if name == "max":
                return int(count)
    return 0
