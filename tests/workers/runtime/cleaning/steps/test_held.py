"""What a step leaves in memory for the next is what the rows have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.workers.runtime.cleaning.jobs import Jobs
from workers.runtime.cleaning import reading

ROWS = 300


def steps(replace: str, *, is_split: bool) -> list[dict[str, Any]]:
    names = ["a", "b", "flat"]
    return [
        *([{"kind": "split", "test_ratio": 0.3, "seed": 5}] if is_split else []),
        {"kind": "outliers", "columns": names, "replace": replace},
        {"kind": "impute", "columns": names, "numeric": "mean"},
        {"kind": "standardise", "columns": names},
    ]


@pytest.mark.parametrize("is_split", [False, True])
@pytest.mark.parametrize("replace", ["median", "mean", "null", "winsorise", "flag", "drop"])
def test_the_next_step_learns_the_same_from_what_is_held(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, replace: str, is_split: bool
) -> None:
    random = np.random.default_rng(3)
    number = random.standard_t(2, ROWS)
    columns = {
        "a": [None if each < -2 else float(each) for each in number],
        "b": random.integers(0, 40, ROWS) ** 2,
        "flat": [7] * ROWS,
    }
    files = jobs.parquet(columns)

    held = jobs.clean(files, steps(replace, is_split=is_split))
    monkeypatch.setattr(reading, "HELD_BYTES", 0)
    read = jobs.clean(files, steps(replace, is_split=is_split))

    assert held.result["digest"] == read.result["digest"]
    assert (held.folder / "preprocessor.json").read_text() == (read.folder / "preprocessor.json").read_text()
    assert [one["cells_changed"] for one in held.result["report"]] == [
        one["cells_changed"] for one in read.result["report"]
    ]
