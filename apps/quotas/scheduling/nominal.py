"""Who stays inside what is guaranteed to it, and who borrows."""

from __future__ import annotations

from collections.abc import Sequence

from apps.quotas.scheduling.snapshot import GPUS, Ask, Key
from apps.quotas.scheduling.tree import ALL_GPUS, CPU, MEMORY, Amounts, Place


def measured(amounts: Amounts) -> list[Key]:
    """The resources by which a workload is inside its nominal or borrows: its GPUs, or cores and memory without."""
    gpus = [key for key in amounts if key[0] == GPUS]
    return gpus or [CPU, MEMORY]


def kinds(place: Place) -> list[str]:
    """The kinds of GPU of which a place may be guaranteed some; empty: those of which it is not said."""
    return ["", *(flavor for resource, flavor in place.nominal if resource == GPUS and flavor)]


def is_inside(place: Place, ask: Ask, flavor: str, count: int) -> bool:
    """Whether so many members come on top of what a place holds without going beyond its nominal, by what a workload
    is measured by."""
    nominal, held = place.nominal, place.held
    if not ask.gpus:
        cpu, memory = nominal.get(CPU) or None, nominal.get(MEMORY) or None
        if cpu is not None and held.get(CPU, 0) + ask.cpu_millis * count > cpu:
            return False
        if memory is not None and held.get(MEMORY, 0) + ask.memory_bytes * count > memory:
            return False
        return cpu is not None or memory is not None
    need = ask.gpus * ask.gpu_millis * count
    every, own = nominal.get(ALL_GPUS), nominal.get((GPUS, flavor)) if flavor else None
    if own is not None and held.get((GPUS, flavor), 0) + need > own:
        return False
    if every is None or (not every and own is not None):
        return own is not None
    return held.get(ALL_GPUS, 0) + need <= every


def borrows(place: Place, keys: Sequence[Key]) -> bool:
    """Whether a place holds more of these resources than it is guaranteed."""
    stated = [key for key in keys if key in place.nominal]
    some = [key for key in stated if key not in (CPU, MEMORY, ALL_GPUS) or place.nominal[key]]
    return any(place.over(key) for key in some or stated or keys)
