"""How delimited text is written: its delimiter, quote, and whether its first line names the columns."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.literal`

from __future__ import annotations

import contextlib
import csv
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from workers.runtime.cleaning.readers.base import bounds
from workers.runtime.cleaning.readers.options import Options
from workers.runtime.cleaning.readers.text_file import LINE_LIMIT_BYTES
from workers.runtime.cleaning.schema import literal
from workers.runtime.number_text import NUMBER

HEADER_LIMIT = 1 << 20
LOOKED_AT = 200
"""Rows by which a header is told from data."""
YEAR = re.compile(r"(19|20)\d\d")
_IS_NUMBER = re.compile(NUMBER)
_IS_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T].*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}|(?i:true|false)")


@dataclass(frozen=True, slots=True)
class Dialect:
    """Everything that decides where a field ends."""

    delimiter: str
    quote: str
    escape: str
    comment: str
    skip: int
    header: bool

    def to_json(self) -> dict[str, Any]:
        return {"delimiter": self.delimiter, "quote": self.quote, "header": self.header}

    def sql(self) -> str:
        """As options of `read_csv`."""
        options = {"delim": self.delimiter, "quote": self.quote, "escape": self.escape or self.quote}
        said = ", ".join(f"{name}={literal(value)}" for name, value in options.items())
        comment = f", comment={literal(self.comment)}" if self.comment else ""
        return f"{said}{comment}, skip={self.skip}, header={str(self.header).lower()}"

    def rows(self, lines: Iterable[str], *, strict: bool = False) -> Any:
        """The rows of some lines as Python reads them, for the beginning of a file and for its faults: a csv.reader."""
        kept = (line for line in itertools.islice(lines, self.skip, None) if not self._is_comment(line))
        quoting: Any = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        if self.escape and self.escape != self.quote:
            quoting |= {"escapechar": self.escape, "doublequote": False}
        csv.field_size_limit(LINE_LIMIT_BYTES)
        return csv.reader(kept, delimiter=self.delimiter, strict=strict, **quoting)

    def _is_comment(self, line: str) -> bool:
        return bool(self.comment) and line.startswith(self.comment)


def dialect_of(connection: duckdb.DuckDBPyConnection, path: Path, options: Options, default: str | None) -> Dialect:
    """What was said, else what is found in the file. `default` is the delimiter that the format has."""
    quote = options.quote if options.quote is not None else '"'
    found = Dialect(",", quote, options.escape or "", options.comment or "", options.skip_rows, header=True)
    delimiter = options.delimiter or default or _delimiter(connection, path, found)
    found = replace(found, delimiter=delimiter)
    if options.quote is None and _is_single_quoted(path, found):
        found = replace(found, quote="'")
    return replace(found, header=_has_header(path, found) if options.header is None else options.header)


def first_row(path: Path, dialect: Dialect) -> list[str]:
    """Its fields; none where there is no row, or none that can be read."""
    with path.open(encoding="utf-8-sig", newline="") as file, contextlib.suppress(csv.Error):
        lines = iter(lambda: file.readline(HEADER_LIMIT), "")
        return next((row for row in dialect.rows(lines) if row), [])
    return []


def _delimiter(connection: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect) -> str:
    comment = f", comment={literal(dialect.comment)}" if dialect.comment else ""
    quote = literal(dialect.quote)
    query = (
        f"SELECT Delimiter FROM sniff_csv({literal(str(path))}, quote={quote}, escape={quote}, ignore_errors=true, "
        f"strict_mode=false, skip={dialect.skip}{comment}, {bounds()})"
    )
    found = ","
    with contextlib.suppress(duckdb.Error):  # the file has worse than that, which is named when it is read
        found = str(connection.execute(query).fetchall()[0][0]) or ","
    first = "".join(_beginning(path, dialect, 1)[dialect.skip :])
    # One column of lines with commas is what it makes of a stray quote, which is to be named instead.
    return "," if found not in first and "," in first else found


def _beginning(path: Path, dialect: Dialect, lines: int) -> list[str]:
    """The first lines after those that are skipped, and those, up to `HEADER_LIMIT` characters."""
    found: list[str] = []
    size = 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line in itertools.islice(iter(lambda: file.readline(HEADER_LIMIT), ""), dialect.skip + lines):
            size += len(line)
            if found and size > HEADER_LIMIT:
                break
            found.append(line)
    return found


def _is_single_quoted(path: Path, dialect: Dialect) -> bool:
    """Whether fields stand in single quotes: none in double ones, and some with the delimiter within."""
    text = "".join(_beginning(path, dialect, LOOKED_AT)[dialect.skip :])
    if '"' in text or "'" not in text:
        return False
    mark = re.escape(dialect.delimiter)
    whole = re.findall(rf"(?m)(?:^|{mark})'(?:[^'\n]|'')*'(?={mark}|\r?$)", text)
    within = [field for field in whole if dialect.delimiter in field.lstrip(dialect.delimiter)]
    return bool(within) or len(whole) > text.count("'") * 0.45


def _has_header(path: Path, dialect: Dialect) -> bool:
    """Whether the first line names the columns. So it does unless it looks like the lines that follow: a number or a
    date where they have one, and no text where they have none. Years above numbers are names."""
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):  # a fault is named when the file is read
        rows.extend(row for row in dialect.rows(_beginning(path, dialect, LOOKED_AT)) if row)
    if len(rows) < 2:
        return not rows or not any(map(_kind, rows[0]))
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if not rest or not any(map(_kind, first)):
        return True
    for at, cell in enumerate(first):
        kinds = {_kind(row[at]) for row in rest if row[at].strip()}
        if len(kinds) == 1 and kinds != {""} and kinds != {_kind(cell)} and cell.strip():
            return True
    named = [cell for cell in first if _kind(cell)]
    below = [row[at] for row in rest for at, cell in enumerate(first) if _kind(cell)]
    return all(map(YEAR.fullmatch, named)) and len(set(named)) == len(named) and not all(map(YEAR.fullmatch, below))


def _kind(cell: str) -> str:
    """`number`, `date`, or nothing for text and for what is empty."""
    cell = cell.strip()
    if _IS_NUMBER.fullmatch(cell):
        return "number"
    return "date" if _IS_DATE.fullmatch(cell) else ""
