"""GPUs as the driver's own library tells of them: see `wrapper.py`, which loads this file late.

Standard library only, and nothing from the rest of the project: it is copied into images that have neither.
"""

from __future__ import annotations

import contextlib
import ctypes
from typing import Any

LIBRARY = "libnvidia-ml.so.1"
OK = 0
MEMORY_VERSION = 2
TEXT_BYTES = 96


class _Use(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_uint),
        ("total", ctypes.c_ulonglong),
        ("reserved", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class Nvml:
    """The devices that a job may use. Every question is answered in microseconds, or fails.

    Args:
        library: with the functions of the management library.
        devices: as `CUDA_VISIBLE_DEVICES` has them: indexes or UUIDs, separated by commas; `all`: those that are seen.

    Raises:
        OSError: the driver does not answer, or has no such device.
    """

    def __init__(self, library: Any, devices: str) -> None:
        self._library = library
        self._asked("nvmlInit_v2")
        names = map(str, range(self._count())) if devices == "all" else devices.split(",")
        self._handles = [self._handle(name.strip()) for name in names if name.strip()]

    def read(self) -> list[dict[str, Any]]:
        """`[{"index", "utilisation_ratio", "memory_bytes"}]`. Raises OSError."""
        found = []
        for handle in self._handles:
            index, use, memory = ctypes.c_uint(), _Use(), _Memory()
            memory.version = ctypes.sizeof(_Memory) | MEMORY_VERSION << 24
            self._asked("nvmlDeviceGetIndex", handle, ctypes.byref(index))
            self._asked("nvmlDeviceGetUtilizationRates", handle, ctypes.byref(use))
            self._asked("nvmlDeviceGetMemoryInfo_v2", handle, ctypes.byref(memory))
            found.append({"index": index.value, "utilisation_ratio": use.gpu / 100, "memory_bytes": int(memory.used)})
        return found

    def described(self) -> tuple[list[dict[str, Any]], str]:
        """`[{"index", "name", "memory_bytes"}]` and the version of the driver. Raises OSError."""
        found = []
        for handle in self._handles:
            index, memory, name = ctypes.c_uint(), _Memory(), ctypes.create_string_buffer(TEXT_BYTES)
            memory.version = ctypes.sizeof(_Memory) | MEMORY_VERSION << 24
            self._asked("nvmlDeviceGetIndex", handle, ctypes.byref(index))
            self._asked("nvmlDeviceGetName", handle, name, ctypes.c_uint(TEXT_BYTES))
            self._asked("nvmlDeviceGetMemoryInfo_v2", handle, ctypes.byref(memory))
            text = name.value.decode(errors="replace")
            found.append({"index": index.value, "name": text, "memory_bytes": int(memory.total)})
        driver = ctypes.create_string_buffer(TEXT_BYTES)
        self._asked("nvmlSystemGetDriverVersion", driver, ctypes.c_uint(TEXT_BYTES))
        return found, driver.value.decode(errors="replace")[:60]

    def _count(self) -> int:
        count = ctypes.c_uint()
        self._asked("nvmlDeviceGetCount_v2", ctypes.byref(count))
        return count.value

    def _handle(self, name: str) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        if name.isdigit():
            self._asked("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(int(name)), ctypes.byref(handle))
        else:
            self._asked("nvmlDeviceGetHandleByUUID", name.encode(), ctypes.byref(handle))
        return handle

    def _asked(self, function: str, *words: Any) -> None:
        try:
            status = getattr(self._library, function)(*words)
        except AttributeError as error:
            raise OSError(f"{LIBRARY} is too old: it has no {function}") from error
        if status != OK:
            raise OSError(f"{function} failed with {status}")


def opened(devices: str) -> Nvml | None:
    """The library of this machine's driver; None where there is none, or it does not know these devices."""
    with contextlib.suppress(OSError):  # no driver: then nvidia-smi is asked, which may be another's
        return Nvml(ctypes.CDLL(LIBRARY), devices)
    return None


def described(devices: str) -> tuple[list[dict[str, Any]], str] | None:
    """What the driver says of these devices, and its version; None where it does not. Blocks for some microseconds."""
    library = opened(devices)
    with contextlib.suppress(OSError):
        return library.described() if library is not None else None
    return None
