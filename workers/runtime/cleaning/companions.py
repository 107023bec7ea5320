"""Small JSON files beside the data of a version: a sample, the report in full, statistics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from workers.runtime.cleaning.parts import Written
from workers.runtime.cleaning.profile import profiled
from workers.runtime.cleaning.sample import sample
from workers.runtime.cleaning.thumbnails import thumbnails
from workers.runtime.stored_file import hash_file, write_text_atomically

BYTES_MOST = 6 << 20
"""Of one file: the control plane reads it whole, up to 8 MiB."""
PROFILED_CELLS_MOST = 5_000_000
PROFILED_COLUMNS_MOST = 100
"""Up to there statistics are taken on the way, a few seconds of one core; beyond, when somebody asks for them."""


def write_companions(
    connection: duckdb.DuckDBPyConnection, folder: Path, written: Written, report: dict[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Write what is small enough beside the data; kind → `{"name", "sha256", "size_bytes"}`."""
    files = [str(folder / file["name"]) for file in written.files]
    found = {"sample": sample(connection, files, written.columns, written.last_ordinal)}
    shown = thumbnails(connection, files, written.columns, found["sample"])
    if shown is not None:
        found["thumbnails"] = shown
    if report is not None:
        found["report"] = _fitting(report)
    if _is_quick(written):
        found["profile"] = profiled(connection, files, written.columns)
    stored = {kind: _store(folder / f"{kind}.json", document) for kind, document in found.items()}
    return {kind: file for kind, file in stored.items() if file is not None}


def _is_quick(written: Written) -> bool:
    width = len(written.columns)
    return width <= PROFILED_COLUMNS_MOST and width * written.row_count <= PROFILED_CELLS_MOST


def _fitting(report: dict[str, Any]) -> dict[str, Any]:
    """The report without examples, then without fitted values, where it would be too large; it says so."""
    for left_out in ((), ("examples",), ("examples", "fitted")):
        steps: Sequence[dict[str, Any]] = [{**step, **{name: [] for name in left_out}} for step in report["steps"]]
        found = {**report, "steps": steps, "is_cut": bool(left_out)}
        if len(_text(found).encode()) <= BYTES_MOST:
            break
    return found


def _store(path: Path, document: dict[str, Any]) -> dict[str, Any] | None:
    text = _text(document)
    if len(text.encode()) > BYTES_MOST:
        return None
    write_text_atomically(path, text)
    return {"name": path.name, "sha256": hash_file(path), "size_bytes": path.stat().st_size}


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
