"""Quantities of resources: `500m`, `2Gi`, `1e3`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

_SUFFIXES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1), "k": Decimal(1000),
    "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}  # fmt: skip
_SHAPE = re.compile(r"^([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:([eE][+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)$")
PATTERN = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"


def is_quantity(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and _SHAPE.match(value) is not None)


def amount(value: str | int | float) -> Decimal:
    """In units of the resource.

    Raises:
        ValueError: it is no quantity.
    """
    found = _SHAPE.match(str(value))
    if found is None:
        raise ValueError(value)
    number, exponent, suffix = found.groups()
    return Decimal(number + exponent) if exponent else Decimal(number) * _SUFFIXES[suffix or ""]


def canonical(value: str | int | float) -> str:
    """As the server stores it: no fractions, and the largest unit of its kind (`0.5` → `500m`, `1024Mi` → `1Gi`)."""
    text, number = str(value), amount(value)
    if text.endswith("i"):
        for suffix in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
            if number % _SUFFIXES[suffix] == 0 and number:
                return f"{int(number / _SUFFIXES[suffix])}{suffix}"
        return str(int(number))
    if re.search(r"[eE][+-]?[0-9]+$", text):
        return text
    for suffix in ("E", "P", "T", "G", "M", "k", "", "m", "u", "n"):
        if number % _SUFFIXES[suffix] == 0 and (number or not suffix):
            return f"{int(number / _SUFFIXES[suffix])}{suffix}"
    return text


def shown(value: Decimal, like: str = "") -> str:
    """As the server writes a sum: in the kind of unit that its parts have."""
    if like.endswith("i") or like in {"memory", "storage"}:
        for suffix in ("Ti", "Gi", "Mi", "Ki"):
            if value and value % _SUFFIXES[suffix] == 0:
                return f"{int(value / _SUFFIXES[suffix])}{suffix}"
        return str(int(value))
    if value == value.to_integral_value():
        return str(int(value))
    return f"{int(value * 1000)}m"


def requested(pod_spec: Mapping[str, Any], part: str = "requests") -> dict[str, Decimal]:
    """What a pod asks for: the sum of its containers, or the largest of its init containers."""
    total = _sum(container.get("resources", {}).get(part) or {} for container in pod_spec.get("containers") or ())
    for container in pod_spec.get("initContainers") or ():
        for name, value in (container.get("resources", {}).get(part) or {}).items():
            total[name] = max(total.get(name, Decimal(0)), amount(value))
    return total


def _sum(parts: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, Decimal(0)) + amount(value)
    return total
