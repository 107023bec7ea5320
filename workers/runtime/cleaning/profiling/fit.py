"""A profile that fits into what is kept of a job: of very wide data, columns say less."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

BYTES_MOST = 900_000
STAGES: Sequence[tuple[str, ...]] = (
    ("log_histogram", "patterns", "near_duplicates"),
    ("text_length", "fences"),
    ("histogram", "quantiles", "quantiles_error"),
    ("top_values", "findings", "mean", "std", "order", "distinct_is_exact"),
)
"""What is left out first, then what besides; all but a name, a type and what is missing and different."""


def fitted(profile: dict[str, Any], most: int = BYTES_MOST) -> dict[str, Any]:
    """The profile, without figures of columns where it would be too large; `left_out` names them."""
    found, left_out = profile, list[str]()
    for stage in STAGES:
        if len(json.dumps(found, ensure_ascii=False, allow_nan=False).encode()) <= most:
            break
        left_out += stage
        columns = [{name: value for name, value in column.items() if name not in stage} for column in found["columns"]]
        found = {**found, "columns": columns, "left_out": list(left_out)}
    return found
