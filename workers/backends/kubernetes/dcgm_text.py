"""What NVIDIA's exporter of GPU figures says on one page, as far as it is needed here. Pure.

A page is Prometheus text: a line per figure and device, with labels. What is no such line, or no number that could
be, is left out; others' figures are not even looked at.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Final

UTILISATION: Final = "DCGM_FI_DEV_GPU_UTIL"
"""Per cent of the time. Not of a part of a device."""
ENGINE: Final = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
"""Share of the time, also of a part of a device; not every device counts it."""
MEMORY: Final = "DCGM_FI_DEV_FB_USED"
"""MiB."""
LAST_XID: Final = "DCGM_FI_DEV_XID_ERRORS"
"""The number of the last one; it stays until the exporter starts anew."""
UNCORRECTED: Final = "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"
"""Errors since the driver was loaded."""
ROWS_FAILED: Final = "DCGM_FI_DEV_ROW_REMAP_FAILURE"
ROWS_PENDING: Final = "DCGM_FI_DEV_ROW_REMAP_PENDING"
WANTED: Final = frozenset({UTILISATION, ENGINE, MEMORY, LAST_XID, UNCORRECTED, ROWS_FAILED, ROWS_PENDING})
NUMBER_MOST: Final = float(1 << 53)
"""What is larger is a mark for a figure that is not there."""
MIB: Final = 1 << 20
_LINE: Final = re.compile(r'(DCGM_[A-Z0-9_]+)\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\}\s+(\S+)(?:\s+-?\d+)?\s*')
_LABEL: Final = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')
_DEVICE_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one device, or of a part of one, and of the pod that holds it. None: not said."""

    gpu: int
    """Its index on the node."""
    instance: str = ""
    """Of a part of a device (MIG); empty: the whole."""
    namespace: str = ""
    pod: str = ""
    """Who holds it; empty: nobody, or it is not said."""
    utilisation_ratio: float | None = None
    memory_bytes: int | None = None
    xid: int | None = None
    uncorrected: int | None = None
    rows_failed: bool = False
    rows_pending: bool = False


def figures_in(text: str) -> list[Figures]:
    """By device, part and pod, in this order. A figure that is said twice counts as it was said last."""
    found: defaultdict[tuple[int, str, str, str], dict[str, float]] = defaultdict(dict)
    for name, labels, number in _lines(text):
        gpu = labels.get("gpu", "")
        if gpu.isascii() and gpu.isdigit() and len(gpu) <= _DEVICE_DIGITS:
            key = (int(gpu), labels.get("GPU_I_ID", ""), labels.get("namespace", ""), labels.get("pod", ""))
            found[key][name] = number
    return [_figures(key, said) for key, said in sorted(found.items())]


def _lines(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in text.splitlines():
        if not line.startswith("DCGM_") or line.partition("{")[0] not in WANTED:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        try:
            number = float(match[3])
        except ValueError:
            continue
        if isfinite(number) and 0 <= number < NUMBER_MOST:
            yield match[1], dict(_LABEL.findall(match[2])), number


def _figures(key: tuple[int, str, str, str], said: dict[str, float]) -> Figures:
    memory = said.get(MEMORY)
    return Figures(
        *key,
        utilisation_ratio=_busy(key[1], said),
        memory_bytes=None if memory is None else int(memory * MIB),
        xid=_whole(said.get(LAST_XID)),
        uncorrected=_whole(said.get(UNCORRECTED)),
        rows_failed=said.get(ROWS_FAILED, 0) > 0,
        rows_pending=said.get(ROWS_PENDING, 0) > 0,
    )


def _busy(instance: str, said: dict[str, float]) -> float | None:
    whole, engine = said.get(UTILISATION), said.get(ENGINE)
    if whole is not None and not instance:
        return min(whole / 100, 1.0)
    return None if engine is None else min(engine, 1.0)


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
