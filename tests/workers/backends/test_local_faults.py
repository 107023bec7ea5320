"""What is wrong with GPUs, as a driver tells it that misbehaves on purpose: no GPU is needed."""

from __future__ import annotations

import socket
from collections import deque
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from workers.backends.base import BackendUnavailable, DeviceFault, ReportsFaults
from workers.backends.fake import FakeBackend
from workers.backends.local.backend import LocalBackend
from workers.backends.local.faults import FaultWatch

NOW = 1_700_000_000.0
NVML = pynvml.NVMLError


class Driver:
    """Stands in for NVML: two GPUs, whose handles are their indices."""

    def __init__(self) -> None:
        self.absent = False
        self.failing = ""
        """The call that gives an error of the driver."""
        self.events: deque[tuple[int, int]] = deque()
        """(index, XID) that wait."""
        self.registered: list[int] = []
        self.ecc: dict[int, int] = {}
        self.rows: dict[int, tuple[int, int]] = {}
        self.reset: dict[int, int] = {}
        self.lost: set[int] = set()
        self.old: set[int] = set()
        """Know no rows: they retire pages."""
        self.without_events: set[int] = set()
        self.open = 0

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"NVML is not asked for {name}")

    def nvmlInit(self) -> None:
        if self.absent:
            raise NVML(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        if self.absent:
            raise NVML(pynvml.NVML_ERROR_UNINITIALIZED)
        self._works("count")
        return 2

    def _works(self, call: str) -> None:
        if self.failing == call:
            raise NVML(pynvml.NVML_ERROR_UNKNOWN)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return self._there(index)

    def nvmlDeviceGetIndex(self, handle: int) -> int:
        return handle

    def nvmlDeviceGetSupportedEventTypes(self, handle: int) -> int:
        return 0 if handle in self.without_events else pynvml.nvmlEventTypeXidCriticalError | 1

    def nvmlEventSetCreate(self) -> str:
        self._works("events")
        return "events"

    def nvmlEventSetFree(self, events: str) -> None:
        self.registered.clear()

    def nvmlDeviceRegisterEvents(self, handle: int, types: int, events: str) -> None:
        assert (types, events) == (pynvml.nvmlEventTypeXidCriticalError, "events")
        self.registered.append(handle)

    def nvmlEventSetWait_v2(self, events: str, milliseconds: int) -> Any:
        assert milliseconds == 0, "a look waits for nothing"
        if not self.events:
            raise NVML(pynvml.NVML_ERROR_TIMEOUT)
        device, xid = self.events.popleft()
        return SimpleNamespace(device=device, eventType=pynvml.nvmlEventTypeXidCriticalError, eventData=xid)

    def nvmlDeviceGetTotalEccErrors(self, handle: int, kind: int, since: int) -> int:
        assert (kind, since) == (pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC)
        if handle in self.old:
            raise NVML(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return int(self.ecc.get(self._there(handle), 0))

    def nvmlDeviceGetRemappedRows(self, handle: int) -> tuple[int, int, int, int]:
        if handle in self.old:
            raise NVML(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return (3, 1, *self.rows.get(self._there(handle), (0, 0)))

    def nvmlDeviceGetRetiredPagesPendingStatus(self, handle: int) -> int:
        return int(bool(self.rows.get(handle)))

    def nvmlDeviceGetFieldValues(self, handle: int, fields: list[int]) -> list[Any]:
        assert fields == [pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION]
        known = handle in self.reset
        status = pynvml.NVML_SUCCESS if known else pynvml.NVML_ERROR_NOT_SUPPORTED
        return [SimpleNamespace(nvmlReturn=status, value=SimpleNamespace(uiVal=self.reset.get(handle, 7)))]

    def _there(self, handle: int) -> int:
        if handle in self.lost:
            raise NVML(pynvml.NVML_ERROR_GPU_IS_LOST)
        return handle


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()
    for name in [name for name in dir(Driver) if name.startswith("nvml")]:
        monkeypatch.setattr(pynvml, name, getattr(made, name))
    return made


def fault(device: int, kind: str, mark: float = 1.0, codes: tuple[int, ...] = ()) -> DeviceFault:
    return DeviceFault("box", device, kind, mark, codes)


def test_what_is_well_reports_nothing(driver: Driver) -> None:
    assert FaultWatch().look("box") == []
    assert driver.registered == [0, 1]


def test_an_xid_is_told_until_it_is_forgotten_with_the_process(driver: Driver) -> None:
    times = iter([NOW, NOW + 5])
    watch = FaultWatch(now=lambda: next(times))
    watch.look("box")
    driver.events += [(1, 79), (1, 48)]
    assert watch.look("box") == [fault(1, "xid", NOW + 5, (48, 79))]
    assert watch.look("box") == [fault(1, "xid", NOW + 5, (48, 79))]
    assert FaultWatch().look("box") == []
    assert driver.registered == [0, 1, 0, 1], "one event set is kept, and not made anew with each look"


@pytest.mark.parametrize("xid", [13, 31, 43, 45, 63, 94])
def test_the_mistakes_of_a_program_are_no_fault_of_the_device(driver: Driver, xid: int) -> None:
    watch = FaultWatch()
    watch.look("box")
    driver.events.append((0, xid))
    assert watch.look("box") == []


def test_errors_of_memory_and_rows_and_a_reset(driver: Driver) -> None:
    driver.ecc, driver.rows, driver.reset = {0: 2}, {0: (1, 0), 1: (1, 1)}, {0: 0, 1: 1}
    assert FaultWatch().look("box") == [
        fault(0, "ecc", 2),
        fault(0, "rows", 1),
        fault(1, "rows", 2),
        fault(1, "reset", 1),
    ]


def test_an_older_device_retires_pages(driver: Driver) -> None:
    driver.old, driver.rows = {0, 1}, {1: (1, 0)}
    assert FaultWatch().look("box") == [fault(1, "rows", 1)]


def test_a_device_that_is_lost_keeps_nobody_from_seeing_the_others(driver: Driver) -> None:
    driver.lost, driver.ecc = {0}, {0: 9, 1: 1}
    watch = FaultWatch()
    assert watch.look("box") == [fault(0, "gone"), fault(1, "ecc")]
    assert driver.registered == [1]
    driver.lost = {0, 1}
    assert watch.look("box") == [fault(0, "gone"), fault(1, "gone")]


def test_a_device_without_events_is_looked_at_all_the_same(driver: Driver) -> None:
    driver.without_events, driver.ecc = {0}, {0: 1}
    assert FaultWatch().look("box") == [fault(0, "ecc")]


def test_a_driver_that_comes_and_goes(driver: Driver) -> None:
    driver.absent, driver.ecc = True, {0: 1}
    watch = FaultWatch()
    assert watch.look("box") == []
    driver.absent = False
    assert watch.look("box") == [fault(0, "ecc")]
    driver.absent = True
    assert watch.look("box") == []
    driver.absent = False
    assert watch.look("box") == [fault(0, "ecc")]
    assert (driver.registered, driver.open) == ([0, 1], 1)


@pytest.mark.parametrize("call", ["events", "count"])
def test_an_error_of_the_driver_is_not_taken_for_health_and_leaves_nothing_open(driver: Driver, call: str) -> None:
    """What is reported no longer counts as mended, and would be new when it comes again."""
    driver.ecc, driver.failing = {0: 1}, call
    watch = FaultWatch()
    for _ in range(2):
        with pytest.raises(BackendUnavailable):
            watch.look("box")
        assert driver.open == 0
    driver.failing = ""
    assert watch.look("box") == [fault(0, "ecc")]


def test_backends_that_report_faults(driver: Driver, tmp_path: Any) -> None:
    driver.ecc = {1: 4}
    local = LocalBackend(tmp_path)
    assert isinstance(local, ReportsFaults)
    [found] = local.faults()
    assert (found.node, found.device, found.mark) == (socket.gethostname(), 1, 4)
    fake = FakeBackend()
    fake.broken = [fault(0, "xid", NOW, (79,))]
    assert fake.faults() == [fault(0, "xid", NOW, (79,))]
    assert fake.calls["faults"] == 1
