"""Reading one split of a prepared dataset version into arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

ORDINAL = "__ordinal"
"""Column with the number of the row since ingestion."""
SPLIT = "__split"
"""Column with the part a row belongs to: `train`, `test`, and `validation` where the recipe made one."""
WEIGHT = "__weight"
"""Column with what a row counts in training, where the recipe balances classes by weights."""


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of one split, ordered by ordinal, so that two readings of one version are equal."""

    features: npt.NDArray[np.float32]
    """Shape (rows, features)."""
    labels: npt.NDArray[np.float32]
    """Shape (rows,)."""
    names: tuple[str, ...]
    """Names of the features, in the order of the columns."""
    ordinals: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32] | None = None
    """Shape (rows,): what each row counts in training; None where all count alike."""

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: npt.NDArray[np.int64]) -> Split:
        """The rows at these positions, in this order."""
        weights = None if self.weights is None else self.weights[rows]
        return Split(self.features[rows], self.labels[rows], self.names, self.ordinals[rows], weights)


def load_split(files: Sequence[str | Path], split: str, *, label: str, features: Sequence[str] | None = None) -> Split:
    """Read the rows of `split` from Parquet files of a cleaned dataset version.

    Args:
        files: the Parquet files; others (a preprocessor beside them) are skipped.
        label: column to predict.
        features: columns in the order the model takes them; all but the label and `__*` when None.

    Raises:
        ValueError: no Parquet file, no such column, no row, a value that is missing or not finite, or weights that
            cannot be.
    """
    paths = [Path(file) for file in files if Path(file).suffix == ".parquet"]
    if not paths:
        raise ValueError("the input has no Parquet file")
    parts = [pq.read_table(path, filters=[(SPLIT, "=", split)]) for path in paths]
    table = pa.concat_tables(parts).sort_by(ORDINAL)
    names = tuple(features) if features is not None else _feature_names(table.column_names, label)
    unknown = [name for name in (*names, label) if name not in table.column_names]
    if unknown:
        raise ValueError(f"the dataset has no column {', '.join(unknown)}; it has {', '.join(table.column_names)}")
    if table.num_rows == 0:
        raise ValueError(f"the dataset has no row of the split {split!r}")
    columns = [_numbers(table, name) for name in names]
    return Split(
        features=np.stack(columns, axis=1) if columns else np.empty((table.num_rows, 0), np.float32),
        labels=_numbers(table, label),
        names=names,
        ordinals=table.column(ORDINAL).to_numpy().astype(np.int64),
        weights=_weights(table),
    )


def has_split(files: Sequence[str | Path], split: str) -> bool:
    """Whether the Parquet files of a cleaned dataset version have a row of `split`."""
    paths = [Path(file) for file in files if Path(file).suffix == ".parquet"]
    return any(pq.read_table(path, columns=[SPLIT], filters=[(SPLIT, "=", split)]).num_rows for path in paths)


def split_off(split: Split, ratio: float, *, seed: int) -> tuple[Split, Split]:
    """Divide into (rest, part), `part` having `ratio` of each label's rows, rounded; the same for the same seed.

    Raises:
        ValueError: the ratio is not between 0 and 1.
    """
    if not 0 < ratio < 1:
        raise ValueError(f"a ratio is between 0 and 1, not {ratio}")
    random = np.random.default_rng(seed)
    chosen = np.zeros(len(split), dtype=bool)
    for value in np.unique(split.labels):
        rows = random.permutation(np.flatnonzero(split.labels == value))
        chosen[rows[: round(len(rows) * ratio)]] = True
    return split.take(np.flatnonzero(~chosen)), split.take(np.flatnonzero(chosen))


def _feature_names(columns: Sequence[str], label: str) -> tuple[str, ...]:
    return tuple(name for name in columns if name != label and not name.startswith("__"))


def _weights(table: pa.Table) -> npt.NDArray[np.float32] | None:
    if WEIGHT not in table.column_names:
        return None
    weights = _numbers(table, WEIGHT)
    if (weights < 0).any() or not weights.any():
        raise ValueError(f"column {WEIGHT} has negative values, or nothing but zeros: no row would count")
    return weights


def _numbers(table: pa.Table, name: str) -> npt.NDArray[np.float32]:
    column = table.column(name)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)):
        raise ValueError(f"column {name} holds {column.type}, not numbers: encode it in the recipe")
    values: npt.NDArray[np.float32] = column.cast(pa.float64()).to_numpy().astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"column {name} has values that are missing or not finite: impute it in the recipe")
    return values
