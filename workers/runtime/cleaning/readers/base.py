"""What a reader of uploads is."""

# ruff: noqa: S608 - texts enter SQL through `schema.literal`

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import duckdb

from workers.runtime.cleaning.errors import UserError, is_disk_full
from workers.runtime.cleaning.readers.options import Options
from workers.runtime.cleaning.readers.text_file import LINE_LIMIT_BYTES
from workers.runtime.cleaning.schema import literal

BUFFER_BYTES = 2 * LINE_LIMIT_BYTES
"""What DuckDB reads at once; by itself it would take sixteen lines of the longest kind, a quarter of a small job."""
KIND_OF_ERROR = re.compile(r"^[A-Za-z ]+ Error: ")
LINE = "\x01line"
"""Column of a table that says where in its file a row stands; no file can bring that name."""
_NO_DELIMITER = "\x01\x02\x03\x04"
"""Divides no line: DuckDB wants a delimiter, and one of those alone is what some programs separate fields by."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to read, and what people call it: an archive's member is not named by where it was unpacked."""

    path: Path
    name: str
    member: str = ""
    """Within an archive."""


@dataclass(frozen=True, slots=True)
class Usual:
    """A file whose beginning says what its columns are: a table of texts, and the house types that they seem to be."""

    table: str
    types: dict[str, str]


def bounds() -> str:
    """How long a line may be for DuckDB, and how much it reads at once, as options of `read_csv`."""
    return f"max_line_size={LINE_LIMIT_BYTES}, buffer_size={BUFFER_BYTES}"


def lines_of(path: Path) -> str:
    """A query for the lines of a text as they stand there: `number`, from 1, and `line`, NULL for an empty one."""
    return (
        f"SELECT row_number() OVER () AS number, line FROM read_csv({literal(str(path))}, "
        f"delim={literal(_NO_DELIMITER)}, quote='', escape='', header=false, auto_detect=false, "
        f"columns={{'line': 'VARCHAR'}}, strict_mode=false, null_padding=true, {bounds()}, hive_partitioning=false)"
    )


def blamed(error: duckdb.Error, upload: Upload, read: Path, code: str = "unreadable_file") -> Exception:
    """The UserError for what DuckDB says of an upload, which it read from `read`: without the kind of the error, its
    advice, and the place on this machine. The error itself where not the file is at fault but memory or disk."""
    if isinstance(error, duckdb.OutOfMemoryException) or is_disk_full(error):
        return error
    said = KIND_OF_ERROR.sub("", str(error).strip().splitlines()[0]).replace(str(read), upload.name)
    return UserError(code, f"{upload.name}: {said}")


class Reader(ABC):
    """Opens one uploaded file in DuckDB. Use: `open`, read the table it names once, `quarantined`, `again`."""

    format: ClassVar[str]

    def __init__(self, upload: Upload, options: Options, work_dir: Path) -> None:
        self.upload = upload
        self.options = options
        self.work_dir = work_dir
        self.detected: dict[str, Any] = {}
        """What was found out about the file, for people: encoding, delimiter, …"""

    @property
    def has_header(self) -> bool:
        """Whether its first line names the columns: then a file of one line has no row."""
        return False

    @abstractmethod
    def open(self, connection: duckdb.DuckDBPyConnection) -> str:
        """A table expression with the file's columns, rows in the file's order; with `LINE` where it can be told.

        Raises:
            UserError: the file cannot be read as this format; the detail names the place.
        """

    def usual(self, connection: duckdb.DuckDBPyConnection) -> Usual | None:
        """The file as it can be read in one go, if it holds what its beginning promises; None for others. It does not
        where reading the table fails, or a text is not that of its type (`spelled`); `open` then looks at all of it.

        Raises:
            UserError: as `open`.
        """
        return None

    def again(self, table: str) -> str:
        """The table that `open` gave, to be read once more after `quarantined`: the same rows in the same order."""
        return table

    def quarantined(self, connection: duckdb.DuckDBPyConnection) -> str | None:
        """A query for the rows that reading left out: `line`, `column`, `reason`, `text`; None where it leaves none."""
        return None

    def located(self, connection: duckdb.DuckDBPyConnection, rows: str) -> str:
        """`rows` (a query with the `LINE`s of rows, or with their numbers from 1 where the table has none), with
        `line` and `text` as the file has them, as a query of `key`, `line`, `text`."""
        return f"SELECT key, key AS line, NULL::VARCHAR AS text FROM ({rows})"
