"""Values that stand in an expectation: numbers, texts, truth values, moments as text."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from workers.contracts.recipes.options import is_number, is_text


def moment_of(text: str) -> date | datetime | None:
    """`2026-01-31` as a date, `2026-01-31T08:30:00` as a time in UTC; None for anything else."""
    try:
        if len(text) == len("2026-01-31"):
            return date.fromisoformat(text)
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is None else None


def is_moment(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 40 and moment_of(value) is not None


def is_scalars(value: Any, most: int) -> bool:
    """Different texts, or numbers, or truth values."""
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        return False
    kinds = (is_text, is_number, lambda each: isinstance(each, bool))
    return any(all(map(holds, value)) for holds in kinds) and len(set(value)) == len(value)
