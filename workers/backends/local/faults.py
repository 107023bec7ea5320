"""What the driver says is wrong with the GPUs of this machine: by NVML, of which one event set stays open.

XIDs are events: only a process that waits for them hears them. What is left of a failure in the device (errors of its
memory, rows to be replaced, a reset that it needs) is read anew each time, so a restart forgets nothing that lasts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import pynvml

from workers.backends.base import ECC, GONE, RESET, ROWS, XID, BackendUnavailable, DeviceFault
from workers.backends.xids import FATAL_XIDS

log = logging.getLogger(__name__)

NO_DRIVER: Final = frozenset(
    {pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED, pynvml.NVML_ERROR_UNINITIALIZED}
)
EVENTS_MOST: Final = 1000
"""Taken in one look."""


@dataclass(slots=True)
class Heard:
    """XIDs of one device."""

    codes: set[int] = field(default_factory=set)
    at: float = 0.0


class FaultWatch:
    """Looks at all GPUs of this machine. Safe to use from several threads.

    Args:
        now: seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._events: Any = None
        self._heard: dict[int, Heard] = {}

    def look(self, node: str) -> list[DeviceFault]:
        """What is wrong now; nothing where there is no driver. Does not wait for events.

        Raises:
            BackendUnavailable: the driver answers with an error of its own.
        """
        with self._lock:
            try:
                if self._events is None:
                    self._open()
                self._hear()
                return [DeviceFault(node, *found) for found in self._all()]
            except pynvml.NVMLError as error:  # no driver, or it was loaded anew
                log.debug("NVML does not answer: %s", error)
                self._close()
                if error.value in NO_DRIVER:
                    return []
                raise BackendUnavailable(f"NVML does not tell what is wrong: {error}") from error

    def _open(self) -> None:
        pynvml.nvmlInit()
        try:
            self._events = pynvml.nvmlEventSetCreate()
        except pynvml.NVMLError:
            pynvml.nvmlShutdown()  # which `_close` does where there is a set
            raise
        for index in range(pynvml.nvmlDeviceGetCount()):
            with suppress(pynvml.NVMLError):  # one that is gone, or tells no events
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                if pynvml.nvmlDeviceGetSupportedEventTypes(handle) & pynvml.nvmlEventTypeXidCriticalError:
                    pynvml.nvmlDeviceRegisterEvents(handle, pynvml.nvmlEventTypeXidCriticalError, self._events)

    def _close(self) -> None:
        if self._events is None:
            return
        events, self._events = self._events, None
        for undo in (lambda: pynvml.nvmlEventSetFree(events), pynvml.nvmlShutdown):
            with suppress(pynvml.NVMLError):
                undo()

    def _hear(self) -> None:
        """Take the events that wait."""
        for _ in range(EVENTS_MOST):
            try:
                event = pynvml.nvmlEventSetWait_v2(self._events, 0)
                index = int(pynvml.nvmlDeviceGetIndex(event.device))
            except pynvml.NVMLError as error:
                if error.value in (pynvml.NVML_ERROR_TIMEOUT, pynvml.NVML_ERROR_GPU_IS_LOST):
                    return
                raise
            if event.eventData in FATAL_XIDS:
                heard = self._heard.setdefault(index, Heard())
                heard.codes.add(int(event.eventData))
                heard.at = self._now()

    def _all(self) -> Iterator[tuple[int, str, float, tuple[int, ...]]]:
        for index in range(pynvml.nvmlDeviceGetCount()):
            if index in self._heard:
                heard = self._heard[index]
                yield index, XID, heard.at, tuple(sorted(heard.codes))
            try:
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                for kind, read in READ.items():
                    mark = _or_none(read, handle)
                    if mark:
                        yield index, kind, float(mark), ()
            except pynvml.NVMLError as error:
                if error.value != pynvml.NVML_ERROR_GPU_IS_LOST:
                    raise
                yield index, GONE, 1.0, ()


def _or_none(read: Callable[[Any], int], handle: Any) -> int:
    """What is read; 0 where the device or the driver does not know it."""
    try:
        return read(handle)
    except pynvml.NVMLError as error:
        if error.value in (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_UNINITIALIZED):
            raise
        return 0


def _ecc(handle: Any) -> int:
    kind, since = pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC
    return int(pynvml.nvmlDeviceGetTotalEccErrors(handle, kind, since))


def _rows(handle: Any) -> int:
    """Rows where the device replaces rows, pages where it is older."""
    try:
        _, _, pending, failed = pynvml.nvmlDeviceGetRemappedRows(handle)
    except pynvml.NVMLError as error:
        if error.value == pynvml.NVML_ERROR_GPU_IS_LOST:
            raise
        return int(pynvml.nvmlDeviceGetRetiredPagesPendingStatus(handle) == pynvml.NVML_FEATURE_ENABLED)
    return 2 if failed else int(bool(pending))


def _reset(handle: Any) -> int:
    [found] = pynvml.nvmlDeviceGetFieldValues(handle, [pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION])
    return int(found.value.uiVal) if found.nvmlReturn == pynvml.NVML_SUCCESS else 0


READ: Final[dict[str, Callable[[Any], int]]] = {ECC: _ecc, ROWS: _rows, RESET: _reset}
