"""What every database gives that is read in three ranges of a column: see `people` in the tests of each."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq


def check_thirds(path: Path | None) -> None:
    """A thousand rows, each once: the ranges of `part` in their order, rows without one at the end."""
    assert path is not None
    table = pq.read_table(path)
    assert sorted(table["id"].to_pylist()) == list(range(1, 1001))
    assert table["part"].null_count == 142
    thirds = [value // 334 for value in table["part"].to_pylist() if value is not None]
    assert thirds == sorted(thirds)
