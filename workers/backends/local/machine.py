"""What this machine has: cores, memory, GPUs."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import psutil
import pynvml

from workers.backends.base import BackendUnavailable, GpuFacts, NodeFacts

CGROUP = Path("/sys/fs/cgroup")


def machine_name() -> str:
    """What the node is called."""
    return socket.gethostname()


def discover_machine(cgroup: Path = CGROUP) -> NodeFacts:
    """The machine, or as much of it as a container around this process may use.

    Raises:
        BackendUnavailable: there is a driver, and it does not say what all its GPUs are.
    """
    cores = len(os.sched_getaffinity(0)) * 1000
    memory = psutil.virtual_memory().total
    return NodeFacts(
        name=machine_name(),
        cpu_millis=min(cores, _cpu_limit(cgroup) or cores),
        memory_bytes=min(memory, _memory_limit(cgroup) or memory),
        gpus=_gpus(),
    )


def _cpu_limit(cgroup: Path) -> int:
    """Thousandths of a core that the container is held to; 0: none."""
    quota, period = [*_words(cgroup / "cpu.max"), "", ""][:2]
    if not quota:
        quota = "".join(_words(cgroup / "cpu/cpu.cfs_quota_us"))
        period = "".join(_words(cgroup / "cpu/cpu.cfs_period_us"))
    return int(quota) * 1000 // int(period) if quota.isdigit() and period.isdigit() and int(period) else 0


def _memory_limit(cgroup: Path) -> int:
    """Bytes that the container is held to; 0: none."""
    word = "".join(_words(cgroup / "memory.max") or _words(cgroup / "memory/memory.limit_in_bytes"))
    return int(word) if word.isdigit() else 0


def _words(path: Path) -> list[str]:
    with suppress(OSError):  # the other generation of control groups, or none
        return path.read_text(encoding="ascii").split()
    return []


def _gpus() -> tuple[GpuFacts, ...]:
    """All GPUs by NVML; none where there is no driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return tuple(
            GpuFacts(
                index=index,
                model=str(pynvml.nvmlDeviceGetName(handle)),
                uuid=str(pynvml.nvmlDeviceGetUUID(handle)),
                memory_bytes=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
            )
            for index, handle in enumerate(handles)
        )
    except pynvml.NVMLError as error:  # as of one that is lost: it is still one of the machine's
        raise BackendUnavailable(f"NVML does not tell the GPUs: {error}") from error
    finally:
        pynvml.nvmlShutdown()
