"""Which columns lack a value in the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workers.runtime.cleaning.profiling.frame import Framed
from workers.runtime.cleaning.profiling.relations import listed, pearson

COLUMNS_MOST = 30
"""Those with the most missing values."""
PATTERNS = 12


def missing_together(frame: Sequence[Framed]) -> dict[str, Any]:
    """`{"columns", "together", "patterns": [{"missing", "rows"}], "rows", "left_out"}`, of the rows drawn.

    `columns`: those with a missing value, in the table's order. `together`: φ of every two of them, None where one
    has none or nothing else. `patterns`: the most frequent sets of columns that a row lacks, as places in `columns`;
    `[]` is a row that lacks none. `left_out`: how many columns with missing values are not looked at.
    """
    lacking = [(place, int(column.missing.sum())) for place, column in enumerate(frame)]
    most = sorted((each for each in lacking if each[1]), key=lambda each: (-each[1], each[0]))
    chosen = [frame[place] for place, _ in sorted(most[:COLUMNS_MOST])]
    rows = len(frame[0].missing) if frame else 0
    if not chosen:
        return {"columns": [], "together": [], "patterns": [], "rows": rows, "left_out": 0}
    table = np.column_stack([column.missing for column in chosen])
    together = pearson(table.astype(np.float64))
    packed = table @ (1 << np.arange(len(chosen), dtype=np.int64))
    values, counts = np.unique(packed, return_counts=True)
    order = np.lexsort((values, -counts))[:PATTERNS]
    return {
        "columns": [column.name for column in chosen],
        "together": listed(together),
        "patterns": [
            {
                "missing": [place for place in range(len(chosen)) if int(values[each]) >> place & 1],
                "rows": int(counts[each]),
            }
            for each in order
        ],
        "rows": rows,
        "left_out": max(0, len(most) - COLUMNS_MOST),
    }
