"""What a real API server said; see README.md."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
Line = dict[str, Any]


SERVING = "serving_deployment+serving_bad_update+serving_good_update+serving_delete"
"""One run, cut in four."""


@cache
def lines(scenario: str) -> tuple[Line, ...]:
    """Every line of a scenario, in its order; treat them as read-only. `a+b`: a run that was cut, put together."""
    if "+" in scenario:
        found: list[Line] = []
        for part in scenario.split("+"):
            end = found[-1]["t"] if found else -1.0
            found += [line for line in lines(part) if line["t"] > end or (line["t"] == end and line not in found)]
        return tuple(found)
    with gzip.open(FOLDER / f"{scenario}.jsonl.gz", "rt", encoding="utf-8") as file:
        return tuple(json.loads(line) for line in file)


def watched(scenario: str, resource: str) -> list[tuple[float, str, Line]]:
    """Time, type and object of what a scenario's watches of a resource said; bookmarks and errors are left out."""
    return [
        (line["t"], line["type"], line["object"])
        for line in lines(scenario)
        if line["kind"] == "watch" and line["resource"] == resource and line["type"] in {"ADDED", "MODIFIED", "DELETED"}
    ]
