"""The recipe of `bench.data_engine`: what `data_engine_peer.py` does by hand."""

from __future__ import annotations

from typing import Any

from bench.data_engine_rows import KEY, NUMBERS, TEXTS

EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
STEPS: list[dict[str, Any]] = [
    {"kind": "normalise_text", "columns": list(TEXTS), "trim": True},
    {"kind": "derive", "name": "email", "expression": f"if(matches(email, '{EMAIL}'), email, null)"},
    {"kind": "drop_duplicates", "columns": [KEY]},
    {"kind": "outliers", "columns": list(NUMBERS), "method": "iqr", "factor": 1.5},
    {"kind": "impute", "columns": [*NUMBERS, "city", "segment"], "numeric": "median", "categorical": "mode"},
]
