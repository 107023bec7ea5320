"""Steps that say which rows a model learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from daft import Expression, col, lit
from daft.functions import when

from workers.runtime.cleaning.among import Ordinals, among
from workers.runtime.cleaning.keys import lowest
from workers.runtime.cleaning.plan import Plan, text_of
from workers.runtime.cleaning.row_hash import split_key
from workers.runtime.cleaning.schema import ORDINAL, SPLIT, Column
from workers.runtime.cleaning.steps.base import Outcome, Step

CLASSES_LIMIT = 1000
_KEY, _OTHER = "__key", "__other"


@dataclass(frozen=True)
class Split(Step):
    """Adds `__split`: of each class the first `round(n * test_ratio)` rows by a hash of their content are `test`.

    The same content falls on the same side at every run, on every machine, in every order of rows; rows of equal
    content are told apart by their ordinals.
    """

    kind: ClassVar[str] = "split"
    test_ratio: float
    seed: int
    stratify: str | None
    """Column whose values each keep their share of both sides; None means the rows as a whole."""
    positive: str | None
    """The value of it that a model is asked about; only noted in the preprocessor."""

    def apply(self, plan: Plan) -> Outcome:
        key = split_key(plan.columns, self.seed)
        label = [] if self.stratify is None else [self._spelled(plan, self.stratify).alias(_OTHER)]
        table = plan.read([ORDINAL, key.alias(_KEY), *label])
        keys, ordinals = table.column(_KEY).to_numpy(), table.column(ORDINAL).to_numpy()
        values, codes = self._classes(table)
        outcome = Outcome()
        tests: list[Ordinals] = []
        for code, value in enumerate(values):
            rows = np.flatnonzero(codes == code)
            wanted = round(len(rows) * self.test_ratio)
            if wanted in (0, len(rows)):
                side = "training" if wanted == 0 else "test"
                of = "" if self.stratify is None else f" of {value!r}"
                detail = f"all {len(rows)} rows{of} are {side} rows"
                outcome.warn(
                    "class_not_split",
                    self.stratify or "",
                    detail,
                    rows=len(rows),
                    side=side,
                    value="" if value is None else str(value),
                )
            tests.append(ordinals[rows[lowest(keys[rows], ordinals[rows], wanted)]])
        tested = np.sort(np.concatenate([*tests, np.zeros(0, dtype=np.int64)]))
        if len(tested) == len(keys):
            detail = (
                f"no row is left for training: all {len(tested)} are test rows at a test_ratio of {self.test_ratio}"
            )
            raise self.error(detail, code="no_training_rows")
        plan.compute({SPLIT: when(among(tested), lit("test")).otherwise(lit("train"))})
        plan.columns = [*plan.columns, Column(SPLIT, "string", nullable=False)]
        return outcome

    def _classes(self, table: pa.Table) -> tuple[list[Any], npt.NDArray[np.int64]]:
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
