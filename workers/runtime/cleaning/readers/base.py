"""What a reader of uploads is."""

from __future__ import annotations

import io
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import duckdb

from workers.runtime.cleaning.errors import UserError, is_disk_full
from workers.runtime.cleaning.readers.text_file import LINE_LIMIT_BYTES
from workers.runtime.cleaning.schema import DECLARABLE

SAMPLES = 20
TEXT_LIMIT = 200
BUFFER_BYTES = 2 * LINE_LIMIT_BYTES
"""What DuckDB reads at once; by itself it would take sixteen lines of the longest kind, a quarter of a small job."""
NO_DELIMITERS = ('"', "\n", "\r", "\0")
KIND_OF_ERROR = re.compile(r"^[A-Za-z ]+ Error: ")


@dataclass(frozen=True, slots=True)
class Options:
    """Parameters of an ingestion."""

    delimiter: str | None = None
    """One character; None means to look."""
    null_values: tuple[str, ...] = ("",)
    """Fields that stand for a missing value."""
    header: bool = True
    encoding: str = "utf-8"
    types: dict[str, str] = field(default_factory=dict)
    """House types that the user insists on, by column; a field that does not parse rejects its line."""

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> Self:
        """Raises UserError `invalid_parameters`."""
        known = {"delimiter", "null_values", "header", "encoding", "types"}
        options = cls(**{key: value for key, value in parameters.items() if key in known and value is not None})
        options._check()
        return options

    def _check(self) -> None:
        delimiter, nulls = self.delimiter, self.null_values
        if not isinstance(nulls, list | tuple) or not all(isinstance(value, str) for value in nulls):
            raise UserError("invalid_parameters", f"null_values is a list of texts, not {nulls!r}")
        if not isinstance(self.header, bool):
            raise UserError("invalid_parameters", f"header is true or false, not {self.header!r}")
        if not isinstance(self.types, dict):
            raise UserError("invalid_parameters", "types is an object: column → type")
        if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter.encode()) != 1):
            raise UserError("invalid_parameters", f"delimiter must be one ASCII character, not {delimiter!r}")
        if delimiter in NO_DELIMITERS:
            raise UserError("invalid_parameters", f"delimiter cannot be {delimiter!r}: a quote or the end of a line")
        try:
            io.TextIOWrapper(io.BytesIO(), encoding=self.encoding)  # refuses codecs that give no text: base64, rot13
        except (LookupError, TypeError, ValueError):
            raise UserError("invalid_parameters", f"encoding {self.encoding!r} is not known") from None
        for name, kind in self.types.items():
            if kind not in DECLARABLE:
                raise UserError(
                    "invalid_parameters", f"types: {name!r} cannot be {kind!r}; one of {', '.join(DECLARABLE)}"
                )


@dataclass(frozen=True, slots=True)
class Rejected:
    """Lines that were left out: how many, and the first of them."""

    count: int = 0
    samples: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"count": self.count, "samples": list(self.samples)}


def sample(line: int, column: str | None, reason: str, text: str | None) -> dict[str, Any]:
    """One left-out line for people; `line` counts from 1 in the file."""
    return {"line": line, "column": column, "reason": reason, "text": (text or "")[:TEXT_LIMIT]}


def bounds() -> str:
    """How long a line may be for DuckDB, and how much it reads at once, as options of `read_csv`."""
    return f"max_line_size={LINE_LIMIT_BYTES}, buffer_size={BUFFER_BYTES}"


def blamed(error: duckdb.Error, upload: Path, read: Path, code: str = "unreadable_file") -> Exception:
    """The UserError for what DuckDB says of an upload, which it read from `read`: without the kind of the error, its
    advice, and the place on this machine. The error itself where not the file is at fault but memory or disk."""
    if isinstance(error, duckdb.OutOfMemoryException) or is_disk_full(error):
        return error
    said = KIND_OF_ERROR.sub("", str(error).strip().splitlines()[0]).replace(str(read), upload.name)
    return UserError(code, f"{upload.name}: {said}")


class Reader(ABC):
    """Opens one uploaded file in DuckDB. Use: `open`, read the table it names once, then `rejected`."""

    format: ClassVar[str]

    def __init__(self, path: Path, options: Options, work_dir: Path) -> None:
        self.path = path
        self.options = options
        self.work_dir = work_dir

    @property
    def has_header(self) -> bool:
        return self.format in ("csv", "tsv") and self.options.header

    @abstractmethod
    def open(self, connection: duckdb.DuckDBPyConnection) -> str:
        """A table expression with the file's columns, rows in the file's order.

        Raises:
            UserError: the file cannot be read as this format; the detail names the place.
        """

    def rejected(self, connection: duckdb.DuckDBPyConnection) -> Rejected:
        """The lines that reading left out."""
        return Rejected()
