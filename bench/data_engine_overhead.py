"""What the control plane adds to a cleaning run: `overhead_seconds` of `bench.data_engine`.

From the POST until the new version is published, less what the same job takes alone, from the start of its process to
its end, on the same rows. One run at a time on an installation of its own; the median of the differences.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bench import figures
from bench.control_plane import post
from tests.support.stack import ROOT, finished, running_stack
from tests.support.waiting import until

LOANS = ROOT / "examples" / "credit_risk" / "credit_data.csv"
STEPS: list[dict[str, Any]] = [
    {"kind": "missing_values", "markers": ["", "NA"]},
    {"kind": "drop_duplicates"},
    {"kind": "split", "test_ratio": 0.2, "seed": 42, "stratify": "Status"},
    {"kind": "encode_label", "column": "Status", "mapping": {"good": 0, "bad": 1}},
    {"kind": "outliers", "method": "iqr", "factor": 1.5},
    {"kind": "impute"},
    {"kind": "standardise"},
    {"kind": "one_hot"},
]


def measure(bench: str, runs: int) -> None:
    """Print the figure."""
    with running_stack() as stack, stack.client() as client:
        project, version = _version(client)
        recipe = post(client, "/recipes", {"project": project, "name": "loans", "steps": STEPS})["id"]
        with tempfile.TemporaryDirectory(prefix="bedplate-data-") as folder:
            place = _prepared(Path(folder))
            # In turn, so that whatever else the machine does meanwhile is in both.
            pairs = [(_clean(client, recipe, version), _job("clean", place)) for _ in range(runs)]
    whole, alone = ([pair[side] for pair in pairs] for side in (0, 1))
    figures.say(
        bench,
        "overhead_seconds",
        median(one - other for one, other in pairs),
        "s",
        run_seconds=round(median(whole), 3),
        engine_seconds=round(median(alone), 3),
        worst=round(max(one - other for one, other in pairs), 3),
    )


def _version(client: httpx.Client) -> tuple[str, str]:
    project = post(client, "/projects", {"name": "bench", "title": "Benchmark"})["id"]
    dataset = post(client, "/datasets", {"project": project, "name": "loans"})["id"]
    sent = client.post("/sources", data={"dataset": dataset}, files={"file": (LOANS.name, LOANS.read_bytes())})
    source = sent.raise_for_status().json()["id"]
    asked = post(client, "/ingestions", {"dataset": dataset, "source": source, "options": {"format": "csv"}})
    return project, str(finished(client, f"/ingestions/{asked['id']}")["version"])


def _clean(client: httpx.Client, recipe: str, version: str) -> float:
    """Seconds from the POST until the version that the run makes is published."""
    start = time.perf_counter()
    asked = post(client, "/cleaning-runs", {"recipe": recipe, "input_version": version})
    found: dict[str, Any] = {}

    def is_over() -> bool:
        found.update(client.get(f"/cleaning-runs/{asked['id']}").raise_for_status().json())
        return found["state"] in ("succeeded", "failed", "cancelled")

    until(is_over, timeout_seconds=120)
    seconds = time.perf_counter() - start
    output = client.get(f"/dataset-versions/{found['output_version']}").raise_for_status().json()
    if output["state"] != "published":
        raise RuntimeError(f"the cleaning run ended as {found['state']}, its version is {output['state']}")
    return seconds


def _prepared(place: Path) -> Path:
    """A folder in which the same job finds the same rows, without a control plane."""
    local = place / "bedplate-local"
    (local / "source").mkdir(parents=True)
    shutil.copy(LOANS, local / "source")
    (local / "parameters.json").write_text(json.dumps({"format": "csv"}))
    _job("ingest", place)
    (local / "parameters.json").write_text(json.dumps({"steps": STEPS}))
    return place


def _job(verb: str, place: Path) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-m", "bench.data_engine_job", verb, str(place)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
