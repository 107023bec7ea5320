"""Amounts and explanations in words."""

from __future__ import annotations

from functools import lru_cache

from apps.quotas.scheduling.snapshot import CPU_MILLIS, GPUS, MEMORY_BYTES, WHOLE, Ask

_UNITS = ((1 << 50, "PiB"), (1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def amount(resource: str, value: int, flavor: str = "") -> str:
    """`2 cores`, `1.5 GiB of memory`, `4 × H200`, `0.25 × H200` of 250 thousandths."""
    if resource == CPU_MILLIS:
        return f"{short(value / 1000)} core{'' if value == 1000 else 's'}"
    if resource == MEMORY_BYTES:
        return f"{size(value)} of memory"
    return f"{short(value / WHOLE)} × {flavor or 'GPU'}"


@lru_cache(maxsize=4096)
def asked(ask: Ask, count: int = 1) -> str:
    """`2 cores, 4 GiB of memory and 1 × H200`: what members ask for together."""
    parts = [amount(CPU_MILLIS, ask.cpu_millis * count), amount(MEMORY_BYTES, ask.memory_bytes * count)]
    if ask.gpus:
        parts.append(amount(GPUS, ask.gpus * ask.gpu_millis * count, ask.flavor))
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def amount_held(ask: Ask, flavor: str, count: int) -> str:
    """What makes a workload dear: its GPUs of that kind, or its cores."""
    if ask.gpus:
        return amount(GPUS, ask.gpus * ask.gpu_millis * count, flavor)
    return amount(CPU_MILLIS, ask.cpu_millis * count)


def duration(seconds: float) -> str:
    """`1 h 30 min`, `45 s`."""
    whole = int(seconds)
    parts = [(whole // 3600, "h"), (whole % 3600 // 60, "min"), (whole % 60, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def counted(number: int, noun: str) -> str:
    """`1 workload`, `2 workloads`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def short(number: float) -> str:
    """`2`, `0.25`."""
    return f"{number:.3f}".rstrip("0").rstrip(".")


def size(value: int) -> str:
    """`1.5 GiB`."""
    for least, unit in _UNITS:
        if value >= least:
            return f"{short(round(value / least, 1))} {unit}"
    return f"{value} B"
