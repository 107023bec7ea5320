"""What a job uses becomes metrics of its run, whatever the job does."""

from __future__ import annotations

import ctypes
import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.waiting import until
from tests.workers.wrapper.conftest import Wrapped
from tests.workers.wrapper.misbehaving_api import MisbehavingApi, answer
from workers.contracts import environment as names
from workers.runtime import wrapper_system
from workers.runtime.wrapper import descendants
from workers.runtime.wrapper_gpus import Nvml
from workers.runtime.wrapper_reporting import Usage
from workers.runtime.wrapper_system import FIRST_SEQUENCE, Meter, System, Totals, below, read_totals

METRICS = "/api/v1/runtime/metrics"
OFTEN = {names.SYSTEM_METRICS_SECONDS: "0.1"}
BUSY = """
import os
held = bytearray(64 << 20)
with open("written", "wb") as file:
    while True:
        file.write(held[: 1 << 20]); file.flush(); os.fsync(file.fileno()); file.seek(0)
"""


def points(api: MisbehavingApi) -> dict[str, list[float]]:
    """Values by metric, each batch once."""
    batches = {body["sequence"]: body for body in api.bodies(METRICS)}
    found: dict[str, list[float]] = {}
    for number in sorted(batches):
        for series in batches[number]["points"]:
            found.setdefault(series["key"], []).extend(series["values"])
    return found


def test_a_busy_job_is_seen_working(wrapped: Wrapped, api: MisbehavingApi) -> None:
    wrapped.environment = OFTEN
    wrapped.start(sys.executable, "-I", "-S", "-c", BUSY)
    until(lambda: max(points(api).get("system/disk_written_bytes_per_second", [0])) > 1 << 20)
    until(lambda: max(points(api)["system/memory_bytes"]) > 64 << 20)
    until(lambda: max(points(api)["system/cpu_cores"]) > 0.01)
    first = api.bodies(METRICS)[0]
    assert (first["rank"], first["sequence"]) == (2, FIRST_SEQUENCE)
    assert set(points(api)) == {
        "system/cpu_cores",
        "system/memory_bytes",
        "system/disk_read_bytes_per_second",
        "system/disk_written_bytes_per_second",
        "system/machine/network_received_bytes_per_second",
        "system/machine/network_sent_bytes_per_second",
    }
    series = first["points"][0]
    assert series["steps"] == [int(at) for at in series["times"]]


def test_it_can_be_turned_off_and_a_replica_has_none(wrapped: Wrapped, api: MisbehavingApi) -> None:
    wrapped.environment = {names.SYSTEM_METRICS_SECONDS: "0"}
    wrapped.sh("sleep 0.3")
    wrapped.environment = OFTEN
    wrapped.start("sleep", "1000", options=("--replica", "--heartbeat-seconds", "0.1"))
    until(lambda: len(api.bodies("/heartbeat")) > 5)
    assert api.bodies(METRICS) == []


def test_the_job_of_no_run_is_refused_once(wrapped: Wrapped, api: MisbehavingApi) -> None:
    api.behave(answer(403, {"code": "forbidden"}), METRICS)
    wrapped.environment = OFTEN
    wrapped.start("sleep", "1000", options=("--heartbeat-seconds", "0.1"))
    until(lambda: len(api.bodies("/heartbeat")) > 8)
    assert len(api.bodies(METRICS)) == 1


def test_while_the_control_plane_is_away_they_wait_and_the_rest_arrives_before_the_exit(
    wrapped: Wrapped, api: MisbehavingApi
) -> None:
    api.behave(answer(503, {}), METRICS)
    wrapped.environment = OFTEN
    process = wrapped.start("sh", "-c", "until [ -e enough ]; do sleep 0.02; done")
    until(lambda: len(api.bodies(METRICS)) > 5)
    assert len({str(body) for body in api.bodies(METRICS)}) == 1, "what was sent once is sent again as it was"
    api.behave(answer(200, {"accepted": 1}), METRICS)
    (wrapped.folder / "enough").touch()
    assert process.wait(60) == 0
    assert len(points(api)["system/memory_bytes"]) > 5
    paths = [path for path, _, _ in api.requests if path in (METRICS, "/exit")]
    assert paths.index("/exit") == len(paths) - 1


class Deaf:
    """A control plane that is away, and then is not."""

    rank, refused, taken = 0, False, False

    def __init__(self) -> None:
        self.batches: list[bytes] = []

    def tell_points(self, batch: bytes) -> bool:
        if self.taken:
            self.batches.append(batch)
        return self.taken


def test_no_more_waits_than_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    teller = Deaf()
    meter: Any = SimpleNamespace(measure=lambda: {"cpu_cores": 1.0})
    system = System(meter, teller, 10.0)  # type: ignore[arg-type]  # a teller of a test
    for at in range(wrapper_system.KEPT + 500):
        system._waiting.append((float(at), {"cpu_cores": 1.0}))
    system.send()
    assert len(system._waiting) == wrapper_system.KEPT - wrapper_system.BATCH_SAMPLES
    teller.taken = True
    system.send()
    assert len(teller.batches) == wrapper_system.KEPT // wrapper_system.BATCH_SAMPLES
    assert len(system._waiting) == 0


def test_figures_are_differences_over_time_and_never_negative(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [Totals(4.0, 100, 1000, 2000, 50, None), Totals(6.0, 300, 500, 6000, 90, None)]
    clock = iter([10.0, 14.0])
    monkeypatch.setattr(wrapper_system, "read_totals", lambda _: looks.pop(0))
    monkeypatch.setattr(wrapper_system, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    usage = Usage(list)
    usage.gpus = [{"index": 3, "utilisation_ratio": 0.5, "memory_bytes": 1 << 30}]
    assert Meter(list, usage, is_alone=True).measure() == {
        "cpu_cores": 0.5,
        "memory_bytes": 300.0,
        "disk_read_bytes_per_second": 0.0,
        "disk_written_bytes_per_second": 1000.0,
        "network_received_bytes_per_second": 10.0,
        "gpu/3/utilisation_ratio": 0.5,
        "gpu/3/memory_bytes": float(1 << 30),
    }


def test_the_short_way_finds_the_processes_that_the_long_one_does() -> None:
    child = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "1000")
    try:
        assert child in below(list)
        assert set(below(list)) == set(descendants())
        assert read_totals([child]).memory_bytes > 0
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert read_totals([child]).memory_bytes == 0


class Library:
    """The driver's library as it is called: fills in what it is given."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.opened: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("nvml"):
            raise AttributeError(name)
        return lambda *words: 9 if name == self.failing else self.answered(name, [_plain(word) for word in words])

    def answered(self, name: str, words: list[Any]) -> int:
        if "Handle" in name:
            self.opened.append(words[0])
        elif name == "nvmlDeviceGetIndex":
            words[1].value = 3
        elif name == "nvmlDeviceGetUtilizationRates":
            words[1].gpu = 25
        elif name == "nvmlDeviceGetMemoryInfo_v2":
            assert words[1].version == 40 | 2 << 24
            words[1].used = 5 << 30
        return 0


def _plain(word: Any) -> Any:
    return word._obj if hasattr(word, "_obj") else word.value if isinstance(word, ctypes.c_uint) else word


def test_the_drivers_library_is_asked_for_the_devices_of_the_job() -> None:
    library = Library()
    nvml = Nvml(library, "3, GPU-8a2b")
    assert library.opened == [3, b"GPU-8a2b"]
    assert nvml.read() == [{"index": 3, "utilisation_ratio": 0.25, "memory_bytes": 5 << 30}] * 2
    with pytest.raises(OSError, match="nvmlInit_v2 failed with 9"):
        Nvml(Library("nvmlInit_v2"), "0")
