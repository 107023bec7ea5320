"""What the local backend says of its machine."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psutil
import pynvml
import pytest

from workers.backends.base import BackendUnavailable, GpuFacts
from workers.backends.local.machine import discover_machine

CORES = len(os.sched_getaffinity(0)) * 1000
MEMORY = psutil.virtual_memory().total


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    "files, cpu_millis, memory_bytes",
    [
        ({}, CORES, MEMORY),
        ({"cpu.max": "max 100000\n", "memory.max": "max\n"}, CORES, MEMORY),
        ({"cpu.max": "50000 100000\n", "memory.max": "1048576\n"}, 500, 1 << 20),
        (
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            CORES,
            MEMORY,
        ),
        (
            {
                "cpu/cpu.cfs_quota_us": "25000\n",
                "cpu/cpu.cfs_period_us": "100000\n",
                "memory/memory.limit_in_bytes": "2097152\n",
            },
            250,
            2 << 20,
        ),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, CORES, MEMORY),
    ],
)
def test_a_container_counts_as_far_as_it_goes(
    tmp_path: Path, files: dict[str, str], cpu_millis: int, memory_bytes: int
) -> None:
    facts = discover_machine(write(tmp_path, files))
    assert (facts.cpu_millis, facts.memory_bytes) == (cpu_millis, memory_bytes)
    assert (facts.name, facts.simulated) == (socket.gethostname(), False)


def test_without_a_driver_there_are_no_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def absent() -> None:
        raise pynvml.NVMLError_LibraryNotFound()

    monkeypatch.setattr(pynvml, "nvmlInit", absent)
    assert discover_machine(tmp_path).gpus == ()


def test_a_gpu_that_is_lost_does_not_make_the_machine_smaller(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is said: what is known of the machine stays, and what is wrong with it is told elsewhere."""

    def lost(index: int) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    shut: list[bool] = []
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: shut.append(True))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 1)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lost)
    with pytest.raises(BackendUnavailable):
        discover_machine(tmp_path)
    assert shut == [True]


def test_gpus_are_told_as_the_driver_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Memory:
        total = 80 << 30

    answers = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: "NVIDIA H100",
        "nvmlDeviceGetUUID": lambda handle: f"GPU-{handle}",
        "nvmlDeviceGetMemoryInfo": lambda handle: Memory,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    assert discover_machine(tmp_path).gpus == (
        GpuFacts(0, "NVIDIA H100", "GPU-0", 80 << 30),
        GpuFacts(1, "NVIDIA H100", "GPU-1", 80 << 30),
    )
