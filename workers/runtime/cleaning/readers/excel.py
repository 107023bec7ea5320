"""Sheets of Excel: a cell's own type is the type of its value; a formula is what it came to when it was saved."""

# ruff: noqa: S608 - names enter SQL through `schema.quoted`

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import duckdb
import fastexcel
import pyarrow as pa
import pyarrow.compute as pc

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.archives import RATIO_MOST, names_in
from workers.runtime.cleaning.readers.base import LINE, Reader
from workers.runtime.cleaning.schema import check_count, check_names, quoted

OPENED_BYTES_MOST = 512 << 20
"""Of a workbook unpacked: a sheet is held in memory whole."""
CELLS_MOST = 20_000_000
"""From the first to the last cell of a sheet, empty ones too: they are held as a grid."""
CHUNK_BYTES = 1 << 20
_CELL = re.compile(rb'<(?:x:)?c [^>]*?r="([A-Z]{1,3})([0-9]{1,7})"')
_OLD = b"\xd0\xcf\x11\xe0"


class ExcelReader(Reader):
    """One sheet: by its name, else the first that people see and that has something in it."""

    format = "excel"

    @property
    def has_header(self) -> bool:
        return self._header

    def open(self, connection: duckdb.DuckDBPyConnection) -> str:
        self._header = self.options.header is not False
        _check_size(self.upload.path, self.upload.name)
        book = self._guarded(lambda: fastexcel.read_excel(str(self.upload.path)))
        sheet = self._sheet(book)
        batch = self._guarded(lambda: self._load(book, sheet))
        names = self._names(batch)
        self.detected = {"sheet": sheet, "sheets": book.sheet_names, "header": self._header}
        table = pa.Table.from_batches([batch]).rename_columns(names)
        self._name = f"sheet_{id(self)}"
        connection.register(self._name, _cleared(table, self.options.null_values))
        first = self.options.skip_rows + 1 + int(self._header)
        filled = " OR ".join(f"{quoted(name)} IS NOT NULL" for name in names)
        number = f"row_number() OVER () + {first - 1} AS {quoted(LINE)}"
        return f"(SELECT * FROM (SELECT {number}, * FROM {self._name}) WHERE {filled})"

    def _sheet(self, book: Any) -> str:
        names: list[str] = book.sheet_names
        if not names:
            raise UserError("no_rows", f"{self.upload.name} has no sheet")
        if self.options.sheet is not None:
            if self.options.sheet not in names:
                known = ", ".join(map(repr, names[:20]))
                raise UserError(
                    "no_such_sheet", f"{self.upload.name} has no sheet {self.options.sheet!r}; it has {known}"
                )
            return self.options.sheet
        for name in names:
            sheet = self._guarded(lambda name=name: book.load_sheet(name, header_row=None, n_rows=1))
            if sheet.visible == "visible" and sheet.width and sheet.total_height:
                return name
        raise UserError("no_rows", f"{self.upload.name} has nothing in any sheet")

    def _load(self, book: Any, sheet: str) -> pa.RecordBatch:
        skip = self.options.skip_rows
        return book.load_sheet(
            sheet,
            header_row=None if not self._header else skip,
            skip_rows=None if self._header else skip,
            schema_sample_rows=None,  # all of them decide a type: it must not depend on where a value stands
            eager=True,
        )

    def _names(self, batch: pa.RecordBatch) -> list[str]:
        place = f"row {self.options.skip_rows + 1} of {self.upload.name}"
        if batch.num_columns == 0:
            raise UserError("no_rows", f"{self.upload.name} has no row")
        if not self._header:
            check_count(batch.num_columns, self.upload.name)
            return [f"column_{number}" for number in range(1, batch.num_columns + 1)]
        names = [name.strip() for name in batch.schema.names]
        unnamed = next((at for at, name in enumerate(names) if name == f"__UNNAMED__{at}"), None)
        if unnamed is not None:
            raise UserError("empty_column_name", f"column {unnamed + 1} has no name in {place}")
        check_names(names, place)
        return names

    def _guarded(self, work: Any) -> Any:
        """Whatever the library makes of a file that is none, as a sentence."""
        try:
            return work()
        except (MemoryError, UserError):
            raise
        except BaseException as error:  # a panic of the library is no Exception
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            said = str(error).strip().splitlines()[0].replace(str(self.upload.path), self.upload.name)
            raise UserError("unreadable_file", f"{self.upload.name} cannot be read as Excel: {said}") from None


def _check_size(path: Path, name: str) -> None:
    """Refuse what would fill the memory once it is open, before it is opened."""
    with path.open("rb") as file:
        start = file.read(4)
    if start == _OLD:
        return  # at most 65,536 rows of 256 columns
    if not start.startswith(b"PK"):
        raise UserError("not_excel", f"{name} is no workbook of Excel")
    if "EncryptedPackage" in names_in(path, name):
        raise UserError("encrypted_file", f"{name} needs a password: upload it without one")
    try:
        with ZipFile(path) as archive:
            listed = archive.infolist()
            size = sum(info.file_size for info in listed)
            if size > OPENED_BYTES_MOST or size > max(RATIO_MOST * path.stat().st_size, 16 << 20):
                raise UserError("swells", f"{name} is {size} bytes unpacked; at most {OPENED_BYTES_MOST} are opened")
            for info in listed:
                if re.fullmatch(r"xl/worksheets/[^/]+\.xml", info.filename):
                    _check_grid(archive, info.filename, name)
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise UserError("damaged_archive", f"{name} cannot be unpacked: {error}") from None


def _check_grid(archive: ZipFile, sheet: str, name: str) -> None:
    """Two cells at opposite corners are a grid of 17 billion."""
    columns: set[bytes] = set()
    row, rest, size = 0, b"", 0
    with archive.open(sheet) as file:
        while chunk := file.read(CHUNK_BYTES):
            size += len(chunk)
            if size > OPENED_BYTES_MOST:  # more than it said
                raise UserError("swells", f"{name} is larger unpacked than it says")
            text = rest + chunk
            for letters, number in _CELL.findall(text):
                columns.add(letters)
                row = max(row, int(number))
            rest = text[-128:]
    width = max((_number(letters) for letters in columns), default=0)
    if width * row > CELLS_MOST:
        raise UserError(
            "sheet_too_large",
            f"{name}: {Path(sheet).name} spans {row} rows and {width} columns; at most {CELLS_MOST} cells are read",
        )


def _number(letters: bytes) -> int:
    found = 0
    for letter in letters:
        found = found * 26 + letter - 64
    return found


def _cleared(table: pa.Table, nulls: tuple[str, ...]) -> pa.Table:
    """Texts that stand for a missing value as one; durations as text."""
    columns = []
    for column in table.columns:
        if pa.types.is_duration(column.type):
            column = pc.cast(pc.cast(column, pa.int64()), pa.string())
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            missing = pc.is_in(column, value_set=pa.array(list(nulls), column.type))
            column = pc.if_else(missing, pa.scalar(None, column.type), column)
        columns.append(column)
    return pa.table(columns, names=table.column_names)
