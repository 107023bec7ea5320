"""Statistics are kept to 12 significant digits: enough for any use, and equal however the sums were ordered."""

from __future__ import annotations

DIGITS = 12


def significant(value: float) -> float:
    """The value to 12 significant digits."""
    return float(f"{value:.{DIGITS}g}")
