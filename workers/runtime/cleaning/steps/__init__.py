"""The steps that a recipe may have, by kind."""

from __future__ import annotations

from workers.runtime.cleaning.steps.base import Outcome, Step
from workers.runtime.cleaning.steps.columns import DropColumns, EncodeLabel, OneHot
from workers.runtime.cleaning.steps.missing import Impute, MissingValues
from workers.runtime.cleaning.steps.numbers import Outliers, Standardise
from workers.runtime.cleaning.steps.rows import DropDuplicates, Split

STEPS: dict[str, type[Step]] = {
    step.kind: step
    for step in (
        MissingValues,
        DropDuplicates,
        Split,
        EncodeLabel,
        Outliers,
        Impute,
        Standardise,
        OneHot,
        DropColumns,
    )
}

__all__ = ["STEPS", "DropColumns", "EncodeLabel", "Outcome", "Split", "Step"]
