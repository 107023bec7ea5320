"""Writes the small trace that ships, in the form of a recorded one; the same rows from the same seed.

Many short tasks on parts of a device, some long ones, few that want many devices; bursts of the same ask; pauses.

    python -m bench.replay_sample bench/data
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from random import Random

NODES = "replay_nodes.csv"
TASKS = "replay_tasks.csv"
KINDS = (("G8", 8, 96_000, 393_216, 24), ("G4", 4, 32_000, 131_072, 12), ("G2", 2, 16_000, 122_880, 24))
"""Model, devices, thousandths of cores, MiB, how many such nodes."""
ASKS = (
    (8_000, 16_384, 1, 1000, 45),
    (6_000, 12_288, 1, 500, 15),
    (4_000, 8_192, 1, 250, 15),
    (3_000, 6_144, 1, 100, 5),
    (16_000, 65_536, 2, 1000, 4),
    (88_000, 262_144, 8, 1000, 2),
    (8_000, 32_768, 0, 0, 14),
)
"""Thousandths of cores, MiB, devices, thousandths of a device, weight."""
COUNT, SEED = 1200, 7


def nodes() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for model, devices, cores, memory, count in KINDS:
        for _ in range(count):
            name = f"node-{len(rows):03}"
            rows.append({"sn": name, "cpu_milli": cores, "memory_mib": memory, "gpu": devices, "model": model})
    return rows


def tasks() -> list[dict[str, object]]:
    random = Random(SEED)
    rows: list[dict[str, object]] = []
    at = 0.0
    while len(rows) < COUNT:
        cores, memory, devices, millis, _ = random.choices(ASKS, [ask[-1] for ask in ASKS])[0]
        for _ in range(1 + int(random.expovariate(0.5))):
            at += random.expovariate(1 / 240)
            rows.append(
                {
                    "name": f"task-{len(rows):04}",
                    "cpu_milli": cores,
                    "memory_mib": memory,
                    "num_gpu": devices,
                    "gpu_milli": millis,
                    "creation_time": round(at),
                    "deletion_time": round(at + random.lognormvariate(6.4, 1.6)) + 1,
                }
            )
        if random.random() < 0.01:
            at += random.uniform(4_000, 40_000)
    return rows[:COUNT]


def write(folder: Path) -> None:
    for name, rows in ((NODES, nodes()), (TASKS, tasks())):
        with (folder / name).open("w", newline="") as lines:
            writer = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "bench/data"))
