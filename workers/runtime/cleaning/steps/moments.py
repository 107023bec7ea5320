"""What steps on numbers share: a column as numbers, and moments that do not depend on the order of rows."""

from __future__ import annotations

import numpy as np
from daft import DataType, Expression, col, lit
from daft.functions import fill_nan

from workers.runtime.cleaning.plan import Floats
from workers.runtime.cleaning.rounding import significant

ZERO_SPREAD = "zero_spread"
ALL_MISSING = "all_missing"


def number(name: str) -> Expression:
    """A column as floats, NaN as the missing value that it is: to Daft it is above every number."""
    made: Expression = fill_nan(col(name).cast(DataType.float64()), lit(None).cast(DataType.float64()))
    return made


def moments(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation (of the population), the same for the same values in any order: summed sorted."""
    ordered = np.sort(values)
    if ordered[0] == ordered[-1]:
        return significant(float(ordered[0])), 0.0
    mean = np.mean(ordered)
    deviations = ordered - mean
    rest = np.mean(deviations)  # what rounding left of the mean; it matters for 1e9 ± 1e-3
    variance = np.mean(np.sort(deviations**2)) - rest**2
    return significant(float(mean)), significant(float(np.sqrt(variance)))
