"""A recorded trace of a cluster, as CSV: its machines, and the tasks that came, each with what it asked for.

Machines: `sn, cpu_milli, memory_mib, gpu, model`. Tasks: `cpu_milli, memory_mib, num_gpu, gpu_milli, creation_time,
deletion_time` (seconds), and maybe `project`. Other columns are of no use here. A file with a line that cannot be read
is refused with the line and the reason.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from math import isfinite
from typing import Final, NamedTuple

from apps.quotas.scheduling.snapshot import WHOLE, Ask, Gpu, NodeView

NODE_COLUMNS: Final = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
TASK_COLUMNS: Final = ("cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "creation_time", "deletion_time")
MOST: Final = 1 << 40
"""More of anything is a mistake."""
GPUS_MOST: Final = 1024
"""Of one machine, or of one task."""


class BadTrace(ValueError):
    """A line that cannot be read; the text begins with it."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")


class Task(NamedTuple):
    """Times in seconds."""

    arrives_at: float
    seconds: float
    ask: Ask
    project: str = ""


def nodes_in(text: str, most: int) -> tuple[NodeView, ...]:
    """The machines of a file; raises BadTrace, also for more than `most`."""
    found: dict[str, NodeView] = {}
    for line, row in _rows(text, NODE_COLUMNS, most):
        name, count = row["sn"].strip(), _whole(line, row, "gpu", GPUS_MOST)
        if not name or name in found:
            raise BadTrace(line, f"sn: {name!r} names another machine" if name else "sn: a machine has a name")
        model = row["model"].strip()
        if count and not model:
            raise BadTrace(line, "model: GPUs are of a kind")
        gpus = tuple(Gpu(index, model) for index in range(count))
        cpu, memory = _whole(line, row, "cpu_milli"), _whole(line, row, "memory_mib", MOST >> 20) << 20
        found[name] = NodeView(name, cpu, memory, gpus)
    return tuple(found.values())


def tasks_in(text: str, most: int) -> list[Task]:
    """The tasks of a file in the order of their arrival; raises BadTrace, also for more than `most`."""
    return sorted(_task(line, row) for line, row in _rows(text, TASK_COLUMNS, most))


def _task(line: int, row: dict[str, str]) -> Task:
    gpus, millis = _whole(line, row, "num_gpu", GPUS_MOST), _whole(line, row, "gpu_milli", MOST)
    share = millis if gpus == 1 and 0 < millis < WHOLE else WHOLE
    cpu, memory = _whole(line, row, "cpu_milli"), _whole(line, row, "memory_mib", MOST >> 20) << 20
    created, deleted = _seconds(line, row, "creation_time"), _seconds(line, row, "deletion_time")
    if deleted < created:
        raise BadTrace(line, "deletion_time: is before creation_time")
    ask = Ask(cpu, memory, gpus, "", share)
    return Task(created, max(1.0, deleted - created), ask, (row.get("project") or "").strip())


def _rows(text: str, columns: Sequence[str], most: int) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise BadTrace(1, f"there is no column {', '.join(missing)}")
        count = 0
        for row in reader:
            count += 1
            if count > most:
                raise BadTrace(reader.line_num, f"more than {most} are not taken")
            if None in row or any(row[name] is None for name in columns):
                raise BadTrace(reader.line_num, f"has not {len(reader.fieldnames or ())} values")
            yield reader.line_num, row
    except csv.Error as error:
        raise BadTrace(max(1, reader.reader.line_num), str(error)) from error
    if not count:
        raise BadTrace(1, "nothing follows the names of the columns")


def _whole(line: int, row: dict[str, str], name: str, most: int = MOST) -> int:
    text = row[name].strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise BadTrace(line, f"{name}: {text[:40]!r} is no whole number")
    if int(text) > most:
        raise BadTrace(line, f"{name}: {text} is more than {most}")
    return int(text)


def _seconds(line: int, row: dict[str, str], name: str) -> float:
    text = row[name].strip()
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if not (isfinite(found) and 0 <= found <= MOST):
        raise BadTrace(line, f"{name}: {text[:40]!r} is no time in seconds")
    return found
