"""Classes that are of like weight where a model is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import daft
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from daft import DataType, Expression, Series, col, lit

from workers.runtime.cleaning.among import Ordinals, among
from workers.runtime.cleaning.keys import Keys, lowest
from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.projections import filtered
from workers.runtime.cleaning.reading import text_of
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.row_hash import split_key
from workers.runtime.cleaning.schema import ORDINAL, SPLIT, WEIGHT, Column
from workers.runtime.cleaning.steps.base import Outcome, Step

CLASSES_LIMIT = 1000
_KEY, _CLASS = "__key", "__class"
_COPIES = "__copies"


@dataclass(frozen=True)
class Balance(Step):
    """Only among training rows once there is a split; test rows stay as they are met.

    `undersample`: a class keeps as many rows as makes the smallest `ratio` of it. `oversample`: rows of a class are
    repeated until it has `ratio` of the rows of the largest; copies get ordinals behind the last that was ever given.
    Which rows, is decided by hashes of their content. `weights`: a column `__weight`, by which classes count alike; the
    weights of all training rows have the mean 1, and other rows 1 each. A missing class is a class.
    """

    kind: ClassVar[str] = "balance"
    column: str
    method: str
    ratio: float
    seed: int

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        label = text_of(self.column, plan.column(self.column).type)
        key = split_key([column for column in plan.columns if column.name not in (SPLIT, WEIGHT)], self.seed)
        part = [SPLIT] if plan.is_split else []
        table = plan.read([ORDINAL, key.alias(_KEY), label.alias(_CLASS), *part])
        last = max(plan.last_ordinal, pc.max(table.column(ORDINAL)).as_py() or 0)
        if plan.is_split:
            table = table.filter(pc.equal(table.column(SPLIT), "train"))
        encoded = pc.dictionary_encode(table.column(_CLASS).combine_chunks(), null_encoding="encode")
        names, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)
        if len(names) > CLASSES_LIMIT:
            detail = f"column {self.column!r} has {len(names)} values; at most {CLASSES_LIMIT} can be balanced"
            raise self.error(detail, self.column, "too_many_classes")
        counts = np.bincount(codes, minlength=len(names))
        order = sorted(range(len(names)), key=lambda code: (names[code] is None, names[code] or ""))
        self.learned.update(column=self.column, rows={_key(names[code]): int(counts[code]) for code in order})
        keys, ordinals = table.column(_KEY).to_numpy(), table.column(ORDINAL).to_numpy()
        if self.method == "weights":
            self._weigh(plan, label, names, counts)
        elif self.method == "undersample":
            self._thin(plan, codes, counts, keys, ordinals)
        else:
            rows, times = self._repeated(codes, counts, keys, ordinals)
            if len(rows):
                detail = f"{int(times.sum())} copies of rows were added, with ordinals from {last + 1} on"
                outcome.warn("rows_added", self.column, detail, rows=int(times.sum()), first=last + 1)
                add_copies(plan, rows, times, last + 1)
        return outcome

    def fitted(self) -> list[dict[str, Any]]:
        rows, after = self.learned["rows"], self.learned.get("after", {})
        return [
            {"column": self.column, "value": plain(value), "rows": count, **_more(after, value)}
            for value, count in rows.items()
        ]

    # Weights ------------------------------------------------------------------------------------------------

    def _weigh(self, plan: Plan, label: Expression, names: list[str | None], counts: npt.NDArray[np.intp]) -> None:
        weights = [significant(float(counts.sum() / (len(names) * count))) for count in counts]
        self.learned["after"] = {_key(name): weight for name, weight in zip(names, weights, strict=True)}
        values, found = pa.array(names, pa.large_string()), pa.array([*weights, 1.0], pa.float64())

        @daft.func.batch(return_dtype=DataType.float64())
        def weight_of(classes: Series, is_training: Series) -> pa.Array:
            # A class that no training row has is behind the last
            places = pc.fill_null(
                pc.index_in(classes.to_arrow().cast(pa.large_string()), value_set=values), len(weights)
            )
            return pc.if_else(is_training.to_arrow(), found.take(places), 1.0)

        is_training = col(SPLIT) == lit("train") if plan.is_split else ~(col(ORDINAL).is_null())
        plan.compute({WEIGHT: weight_of(label, is_training)})
        plan.columns = [*plan.columns, Column(WEIGHT, "float64", nullable=False)]

    # Rows ---------------------------------------------------------------------------------------------------

    def _thin(
        self, plan: Plan, codes: npt.NDArray[np.int64], counts: npt.NDArray[np.intp], keys: Keys, ordinals: Ordinals
    ) -> None:
        if not len(counts):
            return
        most = max(1, round(int(counts.min()) / self.ratio))
        gone: list[Ordinals] = []
        for code in np.flatnonzero(counts > most):
            rows = np.flatnonzero(codes == code)
            kept = np.zeros(len(rows), dtype=np.bool_)
            kept[lowest(keys[rows], ordinals[rows], most)] = True
            gone.append(ordinals[rows[~kept]])
        self._note({name: min(count, most) for name, count in self.learned["rows"].items()})
        if gone:
            plan.remove(np.sort(np.concatenate(gone)))

    def _repeated(
        self, codes: npt.NDArray[np.int64], counts: npt.NDArray[np.intp], keys: Keys, ordinals: Ordinals
    ) -> tuple[Ordinals, npt.NDArray[np.int64]]:
        """Ordinals, sorted, of the rows that are repeated, and how many times each."""
        least = round(int(counts.max(initial=0)) * self.ratio)
        times = np.zeros(len(codes), dtype=np.int64)
        for code in np.flatnonzero(counts < least):
            rows = np.flatnonzero(codes == code)
            whole, more = divmod(least - len(rows), len(rows))
            times[rows] = whole
            times[rows[lowest(keys[rows], ordinals[rows], more)]] += 1
        self._note({name: max(count, least) for name, count in self.learned["rows"].items()})
        chosen = np.flatnonzero(times)
        chosen = chosen[np.argsort(ordinals[chosen])]
        return ordinals[chosen], times[chosen]

    def _note(self, after: dict[str, int]) -> None:
        self.learned["after"] = after


def _key(value: str | None) -> str:
    return "" if value is None else value


def _more(after: dict[str, Any], value: str) -> dict[str, Any]:
    found = after.get(value)
    return {} if found is None else {"weight" if isinstance(found, float) else "rows_after": found}


def add_copies(plan: Plan, rows: Ordinals, times: npt.NDArray[np.int64], first: int) -> None:
    """Behind the others, copies of the rows of these ordinals, which are sorted, with ordinals from `first` on."""
    plan.settle()
    starts = first + np.concatenate([[0], np.cumsum(times)])

    @daft.func.batch(return_dtype=DataType.list(DataType.int64()))
    def new_ordinals(values: Series) -> pa.Array:
        places = np.searchsorted(rows, values.to_arrow().to_numpy(zero_copy_only=False))
        numbers = [np.arange(starts[place], starts[place + 1]) for place in places]
        offsets = np.concatenate([[0], np.cumsum(times[places])]).astype(np.int32)
        flat = np.concatenate([*numbers, np.zeros(0, dtype=np.int64)])
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat, pa.int64()))

    names = [name for name in plan.frame.column_names if name != ORDINAL]
    repeated = filtered(plan.frame, among(rows))
    made = repeated.with_columns({_COPIES: new_ordinals(col(ORDINAL))}).explode(col(_COPIES))
    copies = made.select(col(_COPIES).alias(ORDINAL), *names).select(*plan.frame.column_names)
    plan.frame = plan.frame.concat(copies)
    plan.row_count += int(times.sum())
    plan.last_ordinal = first + int(times.sum()) - 1
