"""Every kind of step, by family. The classes of `workers/runtime/cleaning/steps` do what they say."""

from __future__ import annotations

from workers.contracts.recipes.kind import Kind
from workers.contracts.recipes.kinds import (
    columns,
    dates,
    encodings,
    expressions,
    impute,
    missing,
    numbers,
    outliers,
    privacy,
    rows,
    splits,
    text,
)

FAMILIES: dict[str, dict[str, Kind]] = {
    "columns": columns.KINDS,
    "text": text.KINDS,
    "dates": dates.KINDS,
    "expressions": expressions.KINDS,
    "missing": {**missing.KINDS, **impute.KINDS},
    "rows": rows.KINDS,
    "privacy": privacy.KINDS,
    "numbers": {**outliers.KINDS, **numbers.KINDS},
    "split": splits.KINDS,
    "encode": encodings.KINDS,
}
"""Family → its kinds, in the order in which a page offers them."""
KINDS: dict[str, Kind] = {name: kind for family in FAMILIES.values() for name, kind in family.items()}
FAMILY_OF: dict[str, str] = {name: family for family, kinds in FAMILIES.items() for name in kinds}
NAMES = tuple(KINDS)
