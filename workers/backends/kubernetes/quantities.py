"""Amounts as a cluster writes them: `500m`, `16Gi`, `1e3`. Pure."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from typing import Final

_FORM: Final = re.compile(r"([+-]?[0-9]*\.?[0-9]+|[+-]?[0-9]+\.)(?:([eE][+-]?[0-9]+)|(m|u|n|[kMGTPE]|[KMGTPE]i))?")
_BINARY: Final = {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL: Final = {letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)}
_SMALL: Final = {"m": Decimal("0.001"), "u": Decimal("0.000001"), "n": Decimal("0.000000001")}
_FACTORS: Final = {**_BINARY, **_DECIMAL, **_SMALL}


def quantity(text: str) -> Decimal:
    """Raises ValueError: this is none."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no quantity")
    number, exponent, suffix = found.groups()
    return Decimal(number + (exponent or "")) * _FACTORS.get(suffix or "", Decimal(1))


def whole(amount: Decimal) -> int:
    """Rounded up, as the cluster's scheduler does."""
    return int(amount.to_integral_value(ROUND_CEILING))
