"""What is to be predicted: how its values are spread, and columns that give it away almost alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.plain import plain
from workers.runtime.cleaning.profiling.frame import Codes, Floats, Framed, binned, quantile_edges, spelled
from workers.runtime.cleaning.profiling.relations import crossed, ranked
from workers.runtime.cleaning.profiling.source import Source

NAMES = (
    "target", "label", "class", "y", "outcome", "status", "churn", "churned", "exited", "default", "defaulted", "fraud",
    "is_fraud", "survived", "species", "diagnosis", "response", "converted", "result", "loan_status", "标签", "类别",
    "目标", "是否违约", "是否流失",
)  # fmt: skip
"""Of a column that is taken for the target where none is given; the first of them that fits."""
CLASSES_MOST = 20
BINS = 20
ROWS_LEAST = 50
VALUES_ROWS = 20
"""A category with fewer rows a value on average may tell rows apart, and so the target, by chance."""
SHOWN = 10
SUSPECT, LEAK = 0.9, 0.98
"""Scores from which on a column is named, and from which on it hardly can be something that is known beforehand."""
PEEKS = 3
DIGITS = 4


def target_of(
    source: Source, frame: Sequence[Framed], columns: Sequence[dict[str, Any]], wanted: str | None
) -> dict[str, Any] | None:
    """`{"name", "is_guessed", "classes", "leaks"}`, None where no column is one.

    `classes`: `[{"value", "count", "ratio"}]` of all rows, the most frequent first, none for a target that is a number.
    `leaks`: see `_leaks`.

    Raises:
        UserError: `unknown_target`: `wanted` is no column, or one of pictures.
    """
    chosen = _chosen(frame, wanted)
    if chosen is None:
        return None
    figures = next(column for column in columns if column["name"] == chosen.name)
    present = sum(each["count"] for each in figures["top_values"])
    is_class = chosen.distinct <= CLASSES_MOST
    return {
        "name": chosen.name,
        "is_guessed": wanted is None,
        "is_class": is_class,
        "classes": [
            {"value": each["value"], "count": each["count"], "ratio": round(each["count"] / present, 6)}
            for each in (figures["top_values"] if is_class else [])
        ],
        "leaks": _leaks(source, frame, chosen, is_class=is_class),
    }


def _chosen(frame: Sequence[Framed], wanted: str | None) -> Framed | None:
    if wanted is not None:
        found = next((column for column in frame if column.name == wanted), None)
        if found is None:
            raise UserError("unknown_target", f"the dataset has no column {wanted!r} that could be predicted")
        return found
    able = {
        column.name.strip().lower(): column
        for column in frame
        if column.kind != "time" and 2 <= column.distinct <= CLASSES_MOST
    }
    return next((able[name] for name in NAMES if name in able), None)


def _leaks(source: Source, frame: Sequence[Framed], target: Framed, *, is_class: bool) -> list[dict[str, Any]]:
    """Columns that predict the target almost alone, the best first: `[{"name", "measure", "score", "evidence"}]`.

    A column is turned into at most 20 bins or its categories, missing values one of them; what each says of the target
    is learned from every other row of those drawn, and scored on the rest, so that chance does not count.
    `measure`: `auc` for two classes; `accuracy_gain` for more: how much of the error of always saying the most frequent
    class goes away; `r_squared` for a number. `evidence`: up to three bins or values of the column,
    `{"low", "high", "value", "rows", "class", "share"}` for classes.
    """
    there = ~target.missing
    if np.count_nonzero(there) < ROWS_LEAST or target.distinct < 2:
        return []
    if not is_class and not len(target.values):  # text of too many values to be classes, and no number either
        return []
    answers = _classes(target)[there] if is_class else target.values[there]
    found = []
    for column in frame:
        if column is target or not _tells(column):
            continue
        score = _score(binned(column, BINS)[there], answers, is_class=is_class)
        if score is not None and score[1] >= SUSPECT:
            found.append((score, column))
    found.sort(key=lambda each: -each[0][1])
    return [
        {
            "name": column.name,
            "measure": measure,
            "score": round(score, DIGITS),
            "is_certain": score >= LEAK,
            "evidence": _evidence(
                source, column, target, binned(column, BINS)[there], np.asarray(answers, dtype=np.int64)
            )
            if is_class
            else [],
        }
        for (measure, score), column in found[:SHOWN]
    ]


def _tells(column: Framed) -> bool:
    """Whether rows differ in it, be it in having a value, and it has few enough values; a number has bins."""
    missing = int(column.missing.sum())
    if column.distinct + bool(missing) < 2:
        return False
    return column.kind in ("number", "time") or column.distinct * VALUES_ROWS <= len(column.missing) - missing


def _classes(target: Framed) -> Codes:
    """Codes per row, -1 where missing."""
    if len(target.codes):
        return target.codes
    found = np.full(len(target.values), -1, dtype=np.int64)
    found[~target.missing] = np.unique(target.values[~target.missing], return_inverse=True)[1]
    return found


def _score(codes: Codes, answers: Any, *, is_class: bool) -> tuple[str, float] | None:
    learned, asked = (codes[0::2], answers[0::2]), (codes[1::2], answers[1::2])
    width = int(codes.max()) + 1
    if not is_class:
        return "r_squared", _r_squared(learned, asked, width)
    if len(np.unique(answers)) == 2:
        return "auc", _auc(learned, asked, width)
    counts = crossed(learned[0], learned[1])
    common = int(np.bincount(learned[1]).argmax())
    said = np.full(width, common)
    said[: len(counts)] = np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), common)
    base = float(np.mean(asked[1] != common))
    return None if base == 0 else ("accuracy_gain", 1 - float(np.mean(said[asked[0]] != asked[1])) / base)


def _auc(learned: tuple[Codes, Codes], asked: tuple[Codes, Codes], width: int) -> float:
    rows = np.bincount(learned[0], minlength=width)
    positive = np.bincount(learned[0], weights=learned[1] == learned[1].max(), minlength=width)
    rate = (positive + 0.5) / (rows + 1)
    ranks = ranked(rate[asked[0]].astype(np.float64))
    is_positive = asked[1] == learned[1].max()
    ones = int(is_positive.sum())
    zeros = len(is_positive) - ones
    if not ones or not zeros:
        return 0.5
    return float((ranks[is_positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _r_squared(learned: tuple[Codes, Floats], asked: tuple[Codes, Floats], width: int) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(np.mean(learned[1]))
        rows = np.bincount(learned[0], minlength=width)
        sums = np.bincount(learned[0], weights=learned[1], minlength=width)
        means = np.where(rows > 0, sums / np.maximum(rows, 1), mean)
        total = float(((asked[1] - asked[1].mean()) ** 2).sum())
        found = 1 - float(((asked[1] - means[asked[0]]) ** 2).sum()) / total if total > 0 else 0.0
    return found if np.isfinite(found) else 0.0


def _evidence(source: Source, column: Framed, target: Framed, codes: Codes, answers: Codes) -> list[dict[str, Any]]:
    """The bins that say most: of many rows, nearly all of one class."""
    counts = crossed(codes, answers)
    rows = counts.sum(axis=1)
    best = counts.argmax(axis=1)
    share = counts.max(axis=1) / np.maximum(rows, 1)
    usual = counts.sum(axis=0) / rows.sum()
    order = np.argsort(-(share - usual[best]) * rows, kind="stable")[:PEEKS]
    chosen = [int(code) for code in order if rows[code]]
    classes = _class_names(source, target, [int(best[code]) for code in chosen])
    return [
        {
            **found,
            "rows": int(rows[code]),
            "class": classes[int(best[code])],
            "share": round(float(share[code]), DIGITS),
        }
        for code, found in zip(chosen, _meanings(source, column, chosen), strict=True)
    ]


def _class_names(source: Source, target: Framed, codes: Sequence[int]) -> dict[int, Any]:
    if len(target.codes):
        return spelled(source, target, codes)
    values = np.unique(target.values[~target.missing])
    return {code: plain(float(values[code])) for code in codes}


def _meanings(source: Source, column: Framed, codes: Sequence[int]) -> list[dict[str, Any]]:
    """What codes mean: a value, or bounds, above `low` and up to `high`; all None where the value is missing."""
    nothing: dict[str, Any] = {"low": None, "high": None, "value": None}
    if column.kind in ("category", "other"):
        values = spelled(source, column, [code for code in codes if code < column.distinct])
        return [{**nothing, "value": values.get(code)} for code in codes]
    edges = [plain(float(edge)) for edge in quantile_edges(column.values[~column.missing], BINS)]
    ends = [None, *edges, None]
    return [
        {**nothing, "low": ends[code], "high": ends[code + 1]} if code <= len(edges) else dict(nothing)
        for code in codes
    ]
