"""The data of a cleaning run as it stands between two steps: one lazy Daft plan and what is known of it."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import daft
import numpy as np
import pyarrow as pa
from daft import DataType, Expression, col, lit
from daft.functions import eq_null_safe
from daft.functions import sum as total

from workers.runtime.cleaning.among import among
from workers.runtime.cleaning.changes import Change, Changes, Removal
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.projections import computed, filtered
from workers.runtime.cleaning.reading import Flags, Floats, Ordinals, Reading, text_of
from workers.runtime.cleaning.schema import ORDINAL, SPLIT, WEIGHT, Column
from workers.runtime.cleaning.watch import Watched

Told = Callable[[int], None]
Secrets = Callable[[str], bytes]


def _no_secret(name: str) -> bytes:
    raise UserError("no_secret", f"the secret {name!r} was not given to this job")


@dataclass(slots=True)
class Plan(Reading):
    """A step reads from it, and replaces `frame` and `columns` by what they are after it."""

    source: daft.DataFrame
    """The rows to begin with."""
    columns: list[Column]
    """Content columns in order: features, label, and `__split` once there is one; never `__ordinal`."""
    label: str | None
    row_count: int
    last_ordinal: int = -1
    """The highest that was ever given to a row."""
    watched: Watched | None = None
    """Some of the rows, to which is done what is done to all."""
    is_scattered: bool = False
    """The runner brings rows in any order: they are sorted by their ordinals at every read."""
    secrets: Secrets = _no_secret
    held: dict[str, tuple[Floats, Flags]] = field(default_factory=dict)
    coarse: list[str] = field(default_factory=list)
    """Columns whose values were made coarser, so that rows point to nobody."""
    _counting: dict[str, Told] = field(default_factory=dict)
    """Hidden columns of the frame whose true values are still to be counted, and who wants to know."""
    _gone: Counter[str] = field(default_factory=Counter)
    """Rows that were true of each and are no more, where they are not counted as they pass by."""
    _hidden: int = 0
    _frame: daft.DataFrame | None = None
    _changes: Changes = field(default_factory=Changes)

    # What it is ---------------------------------------------------------------------------------------------

    @property
    def frame(self) -> daft.DataFrame:
        """The rows as they stand, with hidden columns beside `columns`."""
        return self.source if self._frame is None else self._frame

    @frame.setter
    def frame(self, frame: daft.DataFrame) -> None:
        """Begin anew with other rows. What waited to be counted must be settled before."""
        self.source, self._frame, self._changes, self.held = frame, None, Changes(), {}

    @property
    def features(self) -> list[Column]:
        return [column for column in self.columns if column.name not in (self.label, SPLIT, WEIGHT)]

    @property
    def numbers(self) -> list[str]:
        """Names of the features that are numbers."""
        return [column.name for column in self.features if column.is_number]

    @property
    def texts(self) -> list[str]:
        """Names of the features that are text."""
        return [column.name for column in self.features if column.type == "string"]

    @property
    def categories(self) -> list[str]:
        """Names of the features that are text, or true and false."""
        return [column.name for column in self.features if column.type in ("string", "bool")]

    @property
    def is_split(self) -> bool:
        return any(column.name == SPLIT for column in self.columns)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    # Change -------------------------------------------------------------------------------------------------

    def replace(self, expressions: Mapping[str, Expression], kind: str | None = None) -> None:
        """Give columns new values, and, with `kind`, a new type."""
        self.compute(expressions)
        self._retype(expressions, kind)

    def compute(self, expressions: Mapping[str, Expression]) -> None:
        """Give columns of the frame values, the same to the watched rows; `columns` is the caller's."""
        if not expressions:
            return
        self._then(lambda frame: computed(frame, expressions))
        if self.watched is not None:
            self.watched.compute(expressions)

    def change(
        self, expressions: Mapping[str, Expression], told: Callable[[str, int], None], kind: str | None = None
    ) -> None:
        """As `replace`; how many values of each column are others now is told when all rows are written.

        Without `kind` the types stay as they are. With it, a value counts where it became missing or stopped being so,
        and where it reads otherwise as text.
        """
        if not expressions:
            return
        made = {name: f"__made {name}" for name in expressions}
        new = {made[name]: each for name, each in expressions.items()}
        self._then(lambda frame: computed(frame, new, once=True))
        others: list[tuple[Expression, Told]] = []
        for name in expressions:
            old, now = col(name), col(made[name])
            if kind is not None and kind != self.column(name).type:
                old, now = text_of(name, self.column(name).type), text_of(made[name], kind)
            others.append((~eq_null_safe(old, now), functools.partial(told, name)))
        self.count_later(others)
        self._then(lambda frame: frame.with_columns({name: col(each) for name, each in made.items()}))
        if self.watched is not None:
            self.watched.compute(expressions)
        self._retype(expressions, kind)

    def rename(self, names: dict[str, str]) -> None:
        """Give columns other names; the label follows."""
        self.compute({new: col(old) for old, new in names.items()})
        self.columns = [
            Column(names.get(column.name, column.name), column.type, column.nullable) for column in self.columns
        ]
        if self.label is not None:
            self.label = names.get(self.label, self.label)

    def filter(self, condition: Expression) -> None:
        """Keep the rows where the condition is true; one pass over the data, to count them."""
        kept = condition.fill_null(lit(False))
        self.settle()
        self.row_count = _sums(self.frame, {"kept": kept})["kept"]
        self._then(lambda frame: filtered(frame, kept))
        if self.watched is not None:
            self.watched.filter(kept)

    def remove(self, ordinals: Ordinals) -> None:
        """Leave out the rows with these ordinals."""
        if not len(ordinals):
            return
        gone = np.sort(ordinals)
        if self.is_scattered:
            self._take_leave(gone)
        self._then(Removal(gone))
        self.row_count -= len(ordinals)
        if self.watched is not None:
            self.watched.remove(ordinals)

    def _retype(self, names: Container[str], kind: str | None) -> None:
        if kind is not None:
            self.columns = [Column(column.name, kind) if column.name in names else column for column in self.columns]

    def _then(self, change: Change) -> None:
        """Go on with the frame."""
        self._changes.append(change)
        self._frame, self.held = change(self.frame), {}

    # Count --------------------------------------------------------------------------------------------------

    def count_later(self, wanted: Iterable[tuple[Expression, Told]]) -> None:
        """Have the rows counted where flags are true, as the rows are now, when all rows are written.

        So that a step which only looks for its report costs no pass of its own.
        """
        columns: dict[str, Expression] = {}
        for flags, told in wanted:
            self._hidden += 1
            name = f"__hidden {self._hidden}"
            columns[name] = flags.fill_null(lit(False))
            self._counting[name] = told
        self._then(lambda frame: computed(frame, columns))

    def settle(self) -> None:
        """Count what is still to be counted, in a pass of its own."""
        if self._counting:
            self.counted(_sums(self._telling(), {name: col(name) for name in self._counting}))

    def _take_leave(self, gone: Ordinals) -> None:
        """Count rows that are about to go, and only those: where a `Removal` sees nothing of what runs elsewhere."""
        if self._counting:
            leaving = self._changes.of(filtered(self.source, among(gone)))
            self._gone.update(_sums(leaving, {name: col(name) for name in self._counting}))

    def _telling(self) -> daft.DataFrame:
        """The frame, to be run once before `counted`."""
        if self.is_scattered or not self._counting:
            return self.frame
        return self._changes.telling(self.source, self._counting)

    # Read ---------------------------------------------------------------------------------------------------

    def stream(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows in the order of their ordinals, some at a time: `__ordinal`, these columns, and `counting`.

        Who takes them in tells what was counted, with `counted`.
        """
        self.held = {}
        wanted = [ORDINAL, *names, *self.counting]
        return self._selected(wanted, self._telling()).to_arrow_iter()

    @property
    def counting(self) -> list[str]:
        """Columns of true and false whose rows are still to be counted."""
        return list(self._counting)

    def counted(self, counts: Mapping[str, int]) -> None:
        """Tell how many rows are true of each column of `counting`, with those that are gone."""
        gone = self._gone if self.is_scattered else self._changes.left()
        for name, told in self._counting.items():
            told(counts[name] + gone[name])
        self._counting, self._gone = {}, Counter()


def _sums(frame: daft.DataFrame, flags: dict[str, Expression]) -> dict[str, int]:
    """How many rows are true of each; one pass."""
    kind = DataType.int64()
    shown = frame.select(*(flag.cast(kind).alias(name) for name, flag in flags.items()))
    found = shown.agg(*(total(col(name)) for name in flags)).to_pydict()
    return {name: int(found[name][0] or 0) for name in flags}
