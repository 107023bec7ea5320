"""The data engine against Polars by hand: `python -m bench.data_engine [--rows N] [--large N] …`.

Figures, each beside the peer's of the same run where there is one: `clean_parquet_wall`, `clean_parquet_memory`,
`clean_csv_wall`, `profile_wall`, `rows_per_second_1m`, `rows_per_second_50m`, `clean_50m_peak_gb`, `ray_digest_equal`,
`repeat_digest_equal`; `overhead_seconds` is taken on an installation of its own (`data_engine_overhead`).
Every measurement is a process from its start to its end; of several rounds, ours and the peer's in turn, the best
counts.
A quick run: `--rows 1000000 --large 0 --rounds 1 --skip overhead`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import data_engine_overhead, figures
from bench.data_engine_recipe import STEPS
from tests.support.stack import ROOT

BENCH = "data_engine"
PEER = "polars"
VERSIONS = {"polars": "2.1.0", "ray": "2.60.0"}
ENVIRONMENT = ROOT / "var" / "bench" / "data_engine"
SMALL_ROWS = 1_000_000
RAY_ROWS = 300_000
LARGE_BYTES = 8 << 30
PARTS = ("parquet", "csv", "profile", "speed", "repeat", "ray", "overhead")


@dataclass(frozen=True)
class Took:
    """What a process took: seconds from start to end, the most memory it held at once, and what it left."""

    seconds: float
    peak_bytes: int
    result: dict[str, Any]


def main() -> None:
    options = _options()
    figures.say_machine(BENCH)
    python = environment()
    with tempfile.TemporaryDirectory(prefix="bedplate-data-", dir=options.folder, ignore_cleanup_errors=True) as folder:
        bench = Bench(Path(folder), python, options.rounds)
        for part in PARTS:
            if part not in options.skip and part != "overhead":
                getattr(bench, part)(options)
        if options.large:
            bench.large(options)
    if "overhead" not in options.skip:
        data_engine_overhead.measure(BENCH, options.runs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows beside Polars")
    parser.add_argument("--large", type=int, default=50_000_000, help="rows of the large run; 0 leaves it out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=10, help="cleaning runs of which the overhead is taken")
    parser.add_argument("--folder", type=Path, default=None, help="where the data lies meanwhile")
    parser.add_argument("--skip", nargs="*", default=[], choices=PARTS)
    return parser.parse_args()


def environment() -> str:
    """The interpreter of the peers' environment: Polars, Ray, and what ours has."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        print(f"installing {VERSIONS} into {ENVIRONMENT}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        wanted = [f"{name}=={version}" for name, version in VERSIONS.items()]
        subprocess.run([str(python), "-m", "pip", "install", "-q", *wanted], check=True)
        (ours,) = (path for path in map(Path, sys.path) if path.name == "site-packages")
        (theirs,) = ENVIRONMENT.glob("lib/python*/site-packages")
        (theirs / "ours.pth").write_text(f"{ours}\n")
    return str(python)


class Bench:
    """Measures in a folder; what it wrote there goes when the next figure needs room."""

    def __init__(self, folder: Path, python: str, rounds: int) -> None:
        self.folder = folder
        self._python = python
        self._rounds = rounds
        self._count = 0

    # Figures ------------------------------------------------------------------------------------------------

    def parquet(self, options: argparse.Namespace) -> None:
        data = self.data("parquet", options.rows)
        ours, theirs = self.rounds(lambda: self.clean(data), lambda: self.peer("clean", data))
        figures.say(BENCH, "clean_parquet_wall", **_walls(ours, theirs), rows=options.rows)
        peaks = [min(each.peak_bytes for each in side) / 1e9 for side in (ours, theirs)]
        figures.say(BENCH, "clean_parquet_memory", peaks[0], "GB", peer=PEER, peer_value=peaks[1], rows=options.rows)

    def csv(self, options: argparse.Namespace) -> None:
        data = self.data("csv", options.rows)
        ours, theirs = self.rounds(lambda: self.ingest_and_clean(data), lambda: self.peer("clean", data))
        figures.say(BENCH, "clean_csv_wall", **_walls(ours, theirs), rows=options.rows)

    def profile(self, options: argparse.Namespace) -> None:
        data = self.data("parquet", options.rows)
        ours, theirs = self.rounds(
            lambda: self.job("profile", "dataset", data, {}), lambda: self.peer("profile", data, reads=True)
        )
        figures.say(BENCH, "profile_wall", **_walls(ours, theirs), rows=options.rows)

    def speed(self, options: argparse.Namespace) -> None:
        data = self.data("parquet", SMALL_ROWS)
        best = min(self.clean(data).seconds for _ in range(self._rounds))
        figures.say(BENCH, "rows_per_second_1m", SMALL_ROWS / best, "rows/s")

    def repeat(self, options: argparse.Namespace) -> None:
        data = self.data("parquet", SMALL_ROWS)
        one, other = self.clean(data).result, self.clean(data).result
        same = one["digest"] == other["digest"] and one["files"] == other["files"]
        figures.say(BENCH, "repeat_digest_equal", int(same), "")

    def ray(self, options: argparse.Namespace) -> None:
        data = self.data("parquet", RAY_ROWS)
        native, ray = self.clean(data), self.clean(data, runner="ray")
        equal = native.result["digest"] == ray.result["digest"]
        figures.say(BENCH, "ray_digest_equal", int(equal), "", rows=RAY_ROWS, seconds=round(ray.seconds, 2))

    def large(self, options: argparse.Namespace) -> None:
        data = self.data("csv", options.large)
        size = data.stat().st_size
        ingested = self.job("ingest", "source", data, {"format": "csv"}, memory=LARGE_BYTES, keep=True)
        data.unlink()
        parts = self.folder / f"job-{self._count}" / "bedplate-local" / "dataset"
        cleaned = self.clean(parts, memory=LARGE_BYTES)
        peak = max(ingested.peak_bytes, cleaned.peak_bytes) / 1e9
        more = {"rows": options.large, "csv_gb": round(size / 1e9, 2), "rows_left": cleaned.result["row_count"]}
        figures.say(BENCH, "clean_50m_peak_gb", peak, "GB", **more, ingest_gb=round(ingested.peak_bytes / 1e9, 2))
        figures.say(
            BENCH,
            "rows_per_second_50m",
            options.large / cleaned.seconds,
            "rows/s",
            **more,
            ingest_rows_per_second=round(options.large / ingested.seconds),
        )

    # What runs ----------------------------------------------------------------------------------------------

    def data(self, kind: str, rows: int) -> Path:
        """A folder of Parquet files, or a CSV file; the last one of either is kept."""
        path = self.folder / f"{kind}-{rows}" if kind == "parquet" else self.folder / f"rows-{rows}.csv"
        if not path.exists():
            command = [sys.executable, "-m", "bench.data_engine_rows", kind, str(rows), str(path)]
            subprocess.run(command, cwd=ROOT, check=True)
        return path

    def rounds(self, ours: Callable[[], Took], theirs: Callable[[], Took]) -> tuple[list[Took], list[Took]]:
        found: tuple[list[Took], list[Took]] = ([], [])
        for _ in range(self._rounds):
            found[1].append(theirs())
            found[0].append(ours())
        return found

    def clean(self, data: Path, *, runner: str = "native", memory: int = 0) -> Took:
        return self.job("clean", "dataset", data, {"steps": STEPS}, runner=runner, memory=memory)

    def ingest_and_clean(self, data: Path) -> Took:
        ingested = self.job("ingest", "source", data, {"format": "csv"}, keep=True)
        place = self.folder / f"job-{self._count}"
        cleaned = self.clean(place / "bedplate-local" / "dataset")
        shutil.rmtree(place)
        peak = max(ingested.peak_bytes, cleaned.peak_bytes)
        return Took(ingested.seconds + cleaned.seconds, peak, cleaned.result)

    def job(
        self,
        verb: str,
        name: str,
        data: Path,
        parameters: dict[str, Any],
        *,
        runner: str = "native",
        memory: int = 0,
        keep: bool = False,
    ) -> Took:
        self._count += 1
        place = self.folder / f"job-{self._count}"
        given = place / "bedplate-local" / name
        given.mkdir(parents=True)
        for file in sorted(data.glob("*.parquet")) if data.is_dir() else [data]:
            (given / file.name).symlink_to(file)
        (place / "bedplate-local" / "parameters.json").write_text(json.dumps(parameters))
        python = sys.executable if runner == "native" else self._python
        took = _run([python, "-m", "bench.data_engine_job", verb, str(place), runner, str(memory)])
        result = json.loads((place / "bedplate-local" / "result.json").read_text())
        if not keep:
            shutil.rmtree(place)
        return Took(took.seconds, took.peak_bytes, result)

    def peer(self, verb: str, data: Path, *, reads: bool = False) -> Took:
        target = self.folder / "peer"
        script = str(ROOT / "bench" / "data_engine_peer.py")
        took = _run([self._python, script, verb, str(data), *([] if reads else [str(target)])])
        shutil.rmtree(target, ignore_errors=True)
        return took


def _run(command: Sequence[str]) -> Took:
    start = time.perf_counter()
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return Took(seconds, used.ru_maxrss * 1024, {})


def _walls(ours: list[Took], theirs: list[Took]) -> dict[str, Any]:
    rounds = {"rounds": [[round(each.seconds, 2) for each in side] for side in (ours, theirs)]}
    best, peers = (min(each.seconds for each in side) for side in (ours, theirs))
    return {"value": best, "unit": "s", "peer": PEER, "peer_value": peers, **rounds}


if __name__ == "__main__":
    main()
