"""Computing columns of a frame without mixing up functions of ours.

Daft 0.7 merges projections that follow each other, and gives two Python functions that stand in one expression under
different operators the same inner name: the second is then taken for the first, and values are silently wrong. So
projections are not merged across one that has such functions, and an expression has one of them at most. Filters are
merged alike: see `filtered`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import daft
from daft import Expression, col

from workers.runtime.cleaning.batches import ByBatch, together

_FUNCTION: Final = re.compile(r"<locals>\.[\w<>.]+-\d+-\d+")
"""How Daft writes a function that was made inside another one, with a number of its own."""
BATCH_ROWS: Final = 131_072
APART_MOST: Final = 16
"""Functions that are computed apart, each only where its column is asked for."""
KEPT: Final = "__kept"


def computed(frame: daft.DataFrame, expressions: Mapping[str, Expression], *, once: bool = False) -> daft.DataFrame:
    """The frame with these columns.

    Args:
        once: they are wanted more than once: where projections are merged each is computed every time.

    Raises:
        ValueError: an expression has two functions of ours.
    """
    made = _with_columns(frame, expressions)
    found = {name: set(_FUNCTION.findall(str(each))) for name, each in expressions.items()}
    for name, functions in found.items():
        if len(functions) > 1:
            raise ValueError(f"column {name!r}: {len(functions)} functions in one expression, which Daft mixes up")
    # Nothing is merged across batches; columns that nobody asks for are still left out.
    return made.into_batches(BATCH_ROWS) if once or any(found.values()) else made


def _with_columns(frame: daft.DataFrame, expressions: Mapping[str, Expression]) -> daft.DataFrame:
    """Of very many functions some are computed together; a reader that asks for one then has those beside it, too."""
    many = [(name, each) for name, each in expressions.items() if isinstance(each, ByBatch)]
    if len(many) <= APART_MOST:
        return frame.with_columns(dict(expressions))
    size = -(-len(many) // APART_MOST)
    packs = {f"__pack {start}": many[start : start + size] for start in range(0, len(many), size)}
    packed = {pack: together([each for _, each in parts]) for pack, parts in packs.items()}
    taken = {name for name, _ in many}
    others = {name: each for name, each in expressions.items() if name not in taken}
    made = frame.with_columns({**others, **packed}).into_batches(BATCH_ROWS)
    parts = {
        name: col(pack).get(str(place)) for pack, inside in packs.items() for place, (name, _) in enumerate(inside)
    }
    return made.with_columns(parts).exclude(*packs)


def filtered(frame: daft.DataFrame, condition: Expression) -> daft.DataFrame:
    """The rows where the condition is true, for a frame that others are made of.

    Filters that meet, also where Daft moves one down to another, become one expression. So a condition with a function
    of ours becomes a column first, and the filter asks for that.

    Raises:
        ValueError: the condition has two functions of ours.
    """
    if not _FUNCTION.search(str(condition)):
        return frame.where(condition)
    return computed(frame, {KEPT: condition}).where(col(KEPT)).exclude(KEPT)
