"""Which part a row belongs to: training, test, validation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from daft import DataType, Expression, col, lit
from daft.functions import when

from workers.runtime.cleaning.among import Ordinals, among
from workers.runtime.cleaning.keys import lowest
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.reading import text_of
from workers.runtime.cleaning.rounding import significant
from workers.runtime.cleaning.row_hash import split_key
from workers.runtime.cleaning.schema import ORDINAL, SPLIT, Column
from workers.runtime.cleaning.steps.base import Outcome, Step

CLASSES_LIMIT = 1000
TEST, VALIDATION, TRAIN = "test", "validation", "train"
_KEY, _OTHER = "__key", "__other"
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split(Step):
    """Adds `__split`.

    By content: of each class the first `round(n * test_ratio)` rows by a hash of their content are `test`, the next
    `round(n * validation_ratio)` rows `validation`. The same content falls on the same side at every run, on every
    machine, in every order of rows; rows of equal content are told apart by their ordinals.

    By group: all rows that have one value in `column` are on one side; the values by their hashes until a side has its
    share of rows. By time: what is not before `test_from` is `test`, else the last share of rows by `column`, with all
    rows of the same time; before it `validation`. A row without a time is a training row.
    """

    kind: ClassVar[str] = "split"
    test_ratio: float
    seed: int
    stratify: str | None
    """Column whose values each keep their share of both sides; None means the rows as a whole."""
    positive: str | None
    """The value of it that a model is asked about; only noted in the preprocessor."""
    validation_ratio: float | None
    by: str
    column: str | None
    test_from: str | None

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        if self.by == "time":
            test, validation = self._by_time(plan, outcome)
        elif self.by == "group":
            test, validation = self._by_group(plan, outcome)
        else:
            test, validation = self._by_content(plan, outcome)
        held = len(test) + len(validation)
        if held == plan.row_count:
            shares = f"a test_ratio of {self.test_ratio}"
            detail = f"no row is left for training: all {held} are test rows at {shares}"
            raise self.error(detail, code="no_training_rows")
        plan.compute({SPLIT: when(among(test), lit(TEST)).otherwise(lit(TRAIN))})
        if self.validation_ratio is not None:
            plan.compute({SPLIT: when(among(validation), lit(VALIDATION)).otherwise(col(SPLIT))})
        plan.columns = [*plan.columns, Column(SPLIT, "string", nullable=False)]
        return outcome

    def fitted(self) -> list[dict[str, Any]]:
        cuts: dict[str, Any] = {
            name: self.learned[name] for name in ("validation_from", "test_from") if name in self.learned
        }
        return [{"column": self.column, **cuts}] if cuts else []

    # By content ---------------------------------------------------------------------------------------------

    def _by_content(self, plan: Plan, outcome: Outcome) -> tuple[Ordinals, Ordinals]:
        key = split_key(plan.columns, self.seed)
        label = [] if self.stratify is None else [self._spelled(plan, self.stratify).alias(_OTHER)]
        table = plan.read([ORDINAL, key.alias(_KEY), *label])
        keys, ordinals = table.column(_KEY).to_numpy(), table.column(ORDINAL).to_numpy()
        values, codes = self._classes(table)
        tests: list[Ordinals] = []
        validations: list[Ordinals] = []
        for code, value in enumerate(values):
            rows = np.flatnonzero(codes == code)
            wanted = round(len(rows) * self.test_ratio)
            held = min(len(rows), wanted + round(len(rows) * (self.validation_ratio or 0)))
            if wanted in (0, len(rows)):
                self._warn(outcome, len(rows), "training" if wanted == 0 else "test", value)
            tested = lowest(keys[rows], ordinals[rows], wanted)
            tests.append(ordinals[rows[tested]])
            if held > wanted:
                both = lowest(keys[rows], ordinals[rows], held)
                validations.append(ordinals[rows[np.setdiff1d(both, tested)]])
        return _joined(tests), _joined(validations)

    def _warn(self, outcome: Outcome, rows: int, side: str, value: Any) -> None:
        of = "" if self.stratify is None else f" of {value!r}"
        named = "" if value is None else str(value)
        detail = f"all {rows} rows{of} are {side} rows"
        outcome.warn("class_not_split", self.stratify or "", detail, rows=rows, side=side, value=named)

    def _classes(self, table: pa.Table) -> tuple[list[Any], Places]:
        """The classes, and per row the place of its class among them."""
        if self.stratify is None:
            return [None], np.zeros(table.num_rows, dtype=np.int64)
        encoded = pc.dictionary_encode(table.column(_OTHER).combine_chunks(), null_encoding="encode")
        values = encoded.dictionary.to_pylist()
        if len(values) > CLASSES_LIMIT:
            detail = f"column {self.stratify!r} has {len(values)} values; at most {CLASSES_LIMIT} can be stratified"
            raise self.error(detail, self.stratify, "too_many_classes")
        return values, encoded.indices.to_numpy().astype(np.int64)

    def _spelled(self, plan: Plan, name: str) -> Expression:
        return text_of(name, "bool") if plan.column(name).type == "bool" else col(name)

    # By group -----------------------------------------------------------------------------------------------

    def _by_group(self, plan: Plan, outcome: Outcome) -> tuple[Ordinals, Ordinals]:
        assert self.column is not None  # noqa: S101 - the contract asks for it
        key = split_key([plan.column(self.column)], self.seed)
        table = plan.read([ORDINAL, key.alias(_KEY)])
        keys, ordinals = table.column(_KEY).to_numpy(), table.column(ORDINAL).to_numpy()
        groups, counts = np.unique(keys, return_counts=True)
        wanted = [round(len(keys) * self.test_ratio), round(len(keys) * (self.validation_ratio or 0))]
        first, second = _filled(counts, wanted)
        test, validation = groups[:first], groups[first:second]
        if not first:
            self._warn(outcome, len(keys), "training", None)
        return np.sort(ordinals[np.isin(keys, test)]), np.sort(ordinals[np.isin(keys, validation)])

    # By time ------------------------------------------------------------------------------------------------

    def _by_time(self, plan: Plan, outcome: Outcome) -> tuple[Ordinals, Ordinals]:
        assert self.column is not None  # noqa: S101 - the contract asks for it
        kind = plan.column(self.column).type
        value = col(self.column).cast(DataType.timestamp("us")) if kind in ("date", "timestamp") else col(self.column)
        number = DataType.int64() if kind != "float64" else DataType.float64()
        table = plan.read([ORDINAL, value.cast(number).alias(_OTHER)])
        column = table.column(_OTHER)
        known = pc.is_valid(column).to_numpy() & ~np.isnan(pc.cast(column, pa.float64(), safe=False).to_numpy())
        if not known.all():
            missing = int(np.count_nonzero(~known))
            outcome.warn("no_time", self.column, f"{missing} rows have no time: they are training rows", rows=missing)
        times, ordinals = column.filter(pa.array(known)).to_numpy(), table.column(ORDINAL).to_numpy()[known]
        if not len(times):
            raise self.error(f"no row has a time in column {self.column!r}", self.column, "no_training_rows")
        ordered = np.sort(times)
        count = len(ordered)
        place = count - round(count * self.test_ratio)
        if self.test_from is not None:
            place = int(np.searchsorted(ordered, self._start()))
        cut = ordered[place] if place < count else None
        is_test = times >= cut if cut is not None else np.zeros(count, dtype=np.bool_)
        before = ordered if cut is None else ordered[ordered < cut]
        held = min(len(before), round(count * (self.validation_ratio or 0)))
        is_validation = np.zeros(count, dtype=np.bool_)
        if held:
            start = before[len(before) - held]
            is_validation = (times >= start) & ~is_test
            self.learned["validation_from"] = _said(start, kind)
        if cut is not None:
            self.learned["test_from"] = _said(cut, kind)
        if not is_test.any() or is_test.all():
            self._warn(outcome, count, "test" if is_test.any() else "training", None)
        return np.sort(ordinals[is_test]), np.sort(ordinals[is_validation])

    def _start(self) -> int:
        moment = datetime.fromisoformat(str(self.test_from)).replace(tzinfo=UTC)
        return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000


def _filled(counts: npt.NDArray[np.intp], wanted: list[int]) -> tuple[int, int]:
    """How many groups, in their order, the first side takes, and both sides: each until it has as many rows as wanted.

    The group that would go beyond is taken where that comes nearer to what is wanted; the last is left for training.
    """
    ends = []
    start = 0
    for rows in wanted:
        sums = np.concatenate([[0], np.cumsum(counts[start:-1])])
        start += int(np.argmin(np.abs(sums - rows)))
        ends.append(start)
    return ends[0], ends[1]


def _joined(parts: list[Ordinals]) -> Ordinals:
    return np.sort(np.concatenate([*parts, np.zeros(0, dtype=np.int64)]))


def _said(value: Any, kind: str) -> str | float:
    if kind not in ("date", "timestamp"):
        return significant(float(value))
    moment: date = datetime.fromtimestamp(0, UTC).replace(tzinfo=None) + np.timedelta64(int(value), "us").item()
    return moment.date().isoformat() if kind == "date" and isinstance(moment, datetime) else moment.isoformat()
