"""What is said of a table as a whole, and what of it catches the eye."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from workers.runtime.cleaning.findings import Finding, dropped, finding
from workers.runtime.cleaning.profiling.frame import FRAMED_MOST, Framed
from workers.runtime.cleaning.profiling.keys import keys
from workers.runtime.cleaning.profiling.media import images
from workers.runtime.cleaning.profiling.missing import missing_together
from workers.runtime.cleaning.profiling.relations import relations
from workers.runtime.cleaning.profiling.source import Source
from workers.runtime.cleaning.profiling.target import target_of

IMBALANCED = 10.0
"""Times that the most frequent class has as many rows as the rarest, from which on it is worth a word."""
ALIKE = 0.98
PAIRS_TOLD = 5


def whole_table(
    source: Source, frame: Sequence[Framed], columns: Sequence[dict[str, Any]], target: str | None
) -> dict[str, Any]:
    """`{"rows_looked_at", "columns_left_out", "keys", "duplicates", "relations", "missing", "target", "images",
    "findings"}`.

    `rows_looked_at`: of which relations, missingness and leaks are told; they lie all over the data, the same at every
    run. `columns_left_out`: how many columns are not looked at together.
    """
    found: dict[str, Any] = {
        "rows_looked_at": source.drawn,
        "columns_left_out": max(0, sum(column["type"] != "image" for column in columns) - FRAMED_MOST),
        **keys(source, columns, frame),
        "relations": relations(frame),
        "missing": missing_together(frame),
        "target": target_of(source, frame, columns, target),
        "images": images(source),
    }
    return {**found, "findings": sorted(_findings(found), key=lambda each: each["severity"] != "warning")}


def _findings(table: dict[str, Any]) -> Iterator[Finding]:
    duplicates = table["duplicates"]
    if duplicates["rows"]:
        detail = f"{duplicates['rows']} rows equal an earlier one."
        step = {"kind": "drop_duplicates"}
        yield finding("duplicate_rows", "warning", detail, suggestion=step, count=duplicates["rows"])
    for pair in (each for each in table["keys"] if len(each["columns"]) > 1):
        detail = f"{' and '.join(pair['columns'])} together name the rows."
        yield finding("key_pair", "info", detail, examples=pair["columns"])
    for pair in table["relations"]["strong"][:PAIRS_TOLD]:
        if abs(pair["value"]) >= ALIKE:
            one, other = pair["columns"]
            detail = f"{one} and {other} say the same: {pair['measure']} {pair['value']:g}."
            yield finding(
                "same_twice", "info", detail, suggestion=dropped(other), examples=[one, other], value=pair["value"]
            )
    yield from _of_target(table["target"])
    yield from _of_images(table["images"])


def _of_target(target: dict[str, Any] | None) -> Iterator[Finding]:
    if target is None:
        return
    for leak in target["leaks"]:
        detail = f"{leak['name']} alone predicts {target['name']}: {leak['measure']} {leak['score']:g}."
        severity = "warning" if leak["is_certain"] else "info"
        step = dropped(leak["name"])
        names = [leak["name"], target["name"]]
        yield finding("leak", severity, detail, suggestion=step, examples=names, score=leak["score"])
    classes = target["classes"]
    if len(classes) > 1 and classes[0]["count"] >= IMBALANCED * classes[-1]["count"]:
        ratio = classes[0]["count"] / classes[-1]["count"]
        detail = f"The most frequent class of {target['name']} has {ratio:.0f} times the rows of the rarest."
        yield finding("imbalanced", "info", detail, examples=[target["name"]], ratio=ratio)


def _of_images(pictures: dict[str, Any] | None) -> Iterator[Finding]:
    if pictures is None:
        return
    if pictures["corrupt"]:
        detail = f"{pictures['corrupt']} pictures cannot be read."
        step: dict[str, Any] = {"kind": "filter_rows", "expression": "not is_corrupt"}
        yield finding("corrupt_images", "warning", detail, suggestion=step, count=pictures["corrupt"])
    if pictures["equal"]:
        detail = f"{pictures['equal']} pictures have the bytes of an earlier one."
        step = {"kind": "drop_duplicates", "columns": ["content_sha256"]}
        yield finding("equal_images", "warning", detail, suggestion=step, count=pictures["equal"])
    near = pictures["near"]
    if near["rows"] > pictures["equal"]:
        detail = f"{near['rows']} pictures look like another."
        step = {"kind": "near_duplicate_images", "distance": near["distance"]}
        yield finding("near_images", "info", detail, suggestion=step, count=near["rows"], distance=near["distance"])
