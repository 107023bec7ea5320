"""What a profile looks like, for the API's document."""

from __future__ import annotations

from typing import Any

RESULT: dict[str, Any] = {
    "format": 2,
    "row_count": 4454,
    "left_out": [],
    "columns": [
        {
            "name": "Income",
            "type": "float64",
            "null_count": 381,
            "distinct_count": 353,
            "distinct_is_exact": True,
            "minimum": 6.0,
            "maximum": 99_999_999.0,
            "mean": 834_924.6,
            "std": 9_099_000.5,
            "quantiles": {"0.25": 90.0, "0.5": 125.0, "0.75": 170.0},
            "quantiles_error": 0.0,
            "histogram": {
                "edges": [0.0, 500.0, 1000.0],
                "counts": [4015, 24],
                "below": 0,
                "above": 34,
                "is_discrete": False,
            },
            "log_histogram": None,
            "fences": {"low": -30.0, "high": 290.0, "below": 0, "above": 233},
            "text_length": None,
            "patterns": None,
            "near_duplicates": None,
            "order": None,
            "top_values": [{"value": 150.0, "count": 142}],
            "findings": [
                {
                    "code": "far_extreme",
                    "severity": "warning",
                    "detail": "The maximum 99999999 is far beyond the other values.",
                    "figures": {"extreme": 99_999_999.0, "near": 360.0, "count": 34.0},
                    "examples": [],
                    "suggestion": {"kind": "missing_values", "columns": ["Income"], "sentinels": [99_999_999.0]},
                }
            ],
        }
    ],
    "table": {
        "rows_looked_at": 4454,
        "columns_left_out": 0,
        "keys": [],
        "duplicates": {"rows": 4, "ratio": 0.0009, "is_exact": True},
        "relations": {
            "columns": [{"name": "Income", "kind": "number"}, {"name": "Job", "kind": "category"}],
            "values": [[1.0, 0.21], [0.21, 1.0]],
            "ranks": [[1.0, None], [None, None]],
            "left_out": [],
            "strong": [],
        },
        "missing": {
            "columns": ["Income"],
            "together": [[1.0]],
            "patterns": [{"missing": [], "rows": 4073}, {"missing": [0], "rows": 381}],
            "rows": 4454,
            "left_out": 0,
        },
        "target": {
            "name": "Status",
            "is_guessed": True,
            "is_class": True,
            "classes": [
                {"value": "good", "count": 3200, "ratio": 0.718455},
                {"value": "bad", "count": 1254, "ratio": 0.281545},
            ],
            "leaks": [],
        },
        "images": None,
        "findings": [
            {
                "code": "duplicate_rows",
                "severity": "warning",
                "detail": "4 rows equal an earlier one.",
                "figures": {"count": 4.0},
                "examples": [],
                "suggestion": {"kind": "drop_duplicates"},
            }
        ],
    },
}
