"""How every benchmark prints its figures: one JSON line each, after one line about the machine."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    names = (
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    return {
        "cpu": next(names, platform.machine()),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


def say_machine(bench: str) -> None:
    print(json.dumps({"bench": bench, "machine": machine()}), flush=True)


def say(
    bench: str, metric: str, value: float, unit: str, *, peer: str = "", peer_value: float | None = None, **more: Any
) -> None:
    """Print one figure; `ratio` is ours divided by the peer's."""
    line: dict[str, Any] = {"bench": bench, "metric": metric, "value": round(value, 4), "unit": unit}
    if peer_value is not None:
        line |= {"peer": peer, "peer_value": round(peer_value, 4), "ratio": round(value / peer_value, 3)}
    else:
        line |= {"peer": None, "ratio": None}
    print(json.dumps(line | more), flush=True)


def percentile(values: list[float], percent: int) -> float:
    """The inclusive percentile of at least two values."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]
