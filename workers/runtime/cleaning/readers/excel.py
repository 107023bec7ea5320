"""Sheets of Excel: a cell's own type is the type of its value; a formula is what it came to when it was saved."""

# ruff: noqa: S608 - names enter SQL through `schema.quoted`

from __future__ import annotations

import datetime
import html
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from workers.runtime.cleaning.readers.options import Options
from workers.runtime.cleaning.schema import check_count, check_names, quoted

OPENED_BYTES_MOST = 512 << 20
"""Of a workbook unpacked: a sheet is held in memory whole."""
CELLS_MOST = 8_000_000
"""From the first to the last cell of a sheet, empty ones too: they are held as a grid."""
CHUNK_BYTES = 1 << 20
_CELL = re.compile(rb'<(?:x:)?c [^>]*?r="([A-Z]{1,3})([0-9]{1,7})"')
_LISTED = re.compile(r"<(?:\w+:)?sheet ([^>]*)>")
_NAME, _KEY = re.compile(r'name="([^"]*)"'), re.compile(r'r:id="([^"]*)"')
_LINK = re.compile(r'<Relationship [^>]*?Id="([^"]*)"[^>]*?Target="([^"]*)"')
_KNIL = re.compile(r'<Relationship [^>]*?Target="([^"]*)"[^>]*?Id="([^"]*)"')
_NO_DAY = (datetime.date(1899, 12, 30), datetime.date(1899, 12, 31))
"""What a time of day has for a day."""
EXACT_BELOW = 2.0**53
"""Beyond it a float stands for several whole numbers."""
_OLD = b"\xd0\xcf\x11\xe0"


class ExcelReader(Reader):
    """One sheet: by its name, else the first that people see and that has something in it."""

    format = "excel"

    @property
    def has_header(self) -> bool:
        return self._header

    def open(self, connection: duckdb.DuckDBPyConnection) -> str:
        self._header = self.options.header is not False
        sheets = _checked(self.upload.path, self.upload.name)
        book = self._guarded(lambda: fastexcel.read_excel(str(self.upload.path)))
        sheet = self._sheet(book, sheets)
        grid = sheets.get(sheet, Grid())
        if grid.cells > CELLS_MOST:
            spans = f"{grid.rows} rows and {grid.columns} columns; at most {CELLS_MOST} cells are read"
            raise UserError("sheet_too_large", f"{self.upload.name}: {sheet!r} spans {spans}")
        self._skip = max(self.options.skip_rows, grid.first - 1)
        names = self._names(book, sheet)
        batch = self._guarded(lambda: self._load(book, sheet))
        self.detected = {"sheet": sheet, "sheets": book.sheet_names, "header": self._header}
        table = pa.table([_cleared(column, self.options) for column in batch.columns], names=names)
        self._name = f"sheet_{id(self)}"
        connection.register(self._name, table)
        number = f"row_number() OVER () + {self._skip + int(self._header)} AS {quoted(LINE)}"
        filled = " OR ".join(f"{quoted(name)} IS NOT NULL" for name in names)
        return f"(SELECT * FROM (SELECT {number}, * FROM {self._name}) WHERE {filled})"

    def _sheet(self, book: Any, sheets: Mapping[str, Grid]) -> str:
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
            if name in sheets:
                if sheets[name].cells and not sheets[name].is_hidden:
                    return name
                continue
            sheet = self._guarded(lambda name=name: book.load_sheet(name, header_row=None, n_rows=1))
            if sheet.visible == "visible" and sheet.width and sheet.total_height:
                return name
        raise UserError("no_rows", f"{self.upload.name} has nothing in any sheet")

    def _load(self, book: Any, sheet: str) -> pa.RecordBatch:
        return book.load_sheet(
            sheet,
            header_row=None,
            column_names=None,
            skip_rows=self._skip + int(self._header),
            schema_sample_rows=None,  # all of them decide a type: it must not depend on where a value stands
            eager=True,
        )

    def _names(self, book: Any, sheet: str) -> list[str]:
        top = self._guarded(
            lambda: book.load_sheet(sheet, header_row=None, skip_rows=self._skip, n_rows=1, dtypes="string", eager=True)
        )
        if top.num_columns == 0 or top.num_rows == 0:
            raise UserError("no_rows", f"{self.upload.name} has no row")
        if not self._header:
            check_count(top.num_columns, self.upload.name)
            return [f"column_{number}" for number in range(1, top.num_columns + 1)]
        names = [(column[0].as_py() or "").strip() for column in top.columns]
        check_names(names, f"row {self._skip + 1} of {self.upload.name}")
        return names

    def _guarded(self, work: Any) -> Any:
        """Whatever the library makes of a file that is none, as a sentence."""
        try:
            return work()
        except (MemoryError, UserError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of the library is no Exception
            said = next(iter(str(error).strip().splitlines()), type(error).__name__).replace(
                str(self.upload.path), self.upload.name
            )
            if "password" in said.lower():
                detail = f"{self.upload.name} needs a password: upload it without one"
                raise UserError("encrypted_file", detail) from None
            raise UserError("unreadable_file", f"{self.upload.name} cannot be read as Excel: {said}") from None


@dataclass(frozen=True, slots=True)
class Grid:
    """What a sheet spans: two cells at opposite corners are a grid of 17 billion."""

    first: int = 1
    """Row with the first cell."""
    rows: int = 0
    columns: int = 0
    is_hidden: bool = False

    @property
    def cells(self) -> int:
        return self.rows * self.columns


def _checked(path: Path, name: str) -> dict[str, Grid]:
    """Refuse what would fill the memory once it is open, before it is opened; its sheets, as far as they are told."""
    with path.open("rb") as file:
        start = file.read(4)
    if start == _OLD:
        return {}  # at most 65,536 rows of 256 columns
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
            known = {info.filename for info in listed}
            return {
                sheet: replace(_grid(archive, part, name), is_hidden=is_hidden)
                for sheet, (part, is_hidden) in _parts(archive).items()
                if part in known
            }
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, KeyError, zlib.error) as error:
        raise UserError("damaged_archive", f"{name} cannot be unpacked: {error}") from None


def _parts(archive: ZipFile) -> dict[str, tuple[str, bool]]:
    """The file of each sheet, by its name, and whether it is hidden; those that are written as Excel does."""
    listed = _read(archive, "xl/_rels/workbook.xml.rels")
    links = dict(_LINK.findall(listed)) | {key: target for target, key in _KNIL.findall(listed)}
    found = {}
    for attributes in _LISTED.findall(_read(archive, "xl/workbook.xml")):
        name, key = _NAME.search(attributes), _KEY.search(attributes)
        if name and key and key[1] in links:
            part = "xl/" + links[key[1]].removeprefix("/xl/")
            found[html.unescape(name[1])] = (part, re.search(r'state="(hidden|veryHidden)"', attributes) is not None)
    return found


def _read(archive: ZipFile, part: str) -> str:
    with archive.open(part) as file:
        return file.read(CHUNK_BYTES).decode("utf-8", "replace")


def _grid(archive: ZipFile, sheet: str, name: str) -> Grid:
    columns: set[bytes] = set()
    first, last, rest, size = 0, 0, b"", 0
    with archive.open(sheet) as file:
        while chunk := file.read(CHUNK_BYTES):
            size += len(chunk)
            if size > OPENED_BYTES_MOST:  # more than it said
                raise UserError("swells", f"{name} is larger unpacked than it says")
            text = rest + chunk
            found = _CELL.findall(text)
            columns.update({letters for letters, _ in found})
            rows = {int(number) for number in {number for _, number in found}}
            last = max(rows | {last})
            first = min(rows | ({first} if first else set()), default=0)
            rest = text[-128:]
    width = max((_number(letters) for letters in columns), default=0)
    return Grid(max(first, 1), last - first + 1 if last else 0, width)


def _number(letters: bytes) -> int:
    found = 0
    for letter in letters:
        found = found * 26 + letter - 64
    return found


def _cleared(column: Any, options: Options) -> Any:
    """Texts that stand for a missing value as one; numbers that are whole throughout as such, since a cell knows only
    floats; days without a time as days; durations as text."""
    kind = column.type
    if pa.types.is_duration(kind):
        return pc.cast(pc.cast(column, pa.int64()), pa.string())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        missing = pc.is_in(column, value_set=pa.array(list(options.null_values), kind))
        return pc.if_else(missing, pa.scalar(None, kind), column)
    if pa.types.is_floating(kind):
        fits = pc.and_(pc.equal(pc.trunc(column), column), pc.less(pc.abs(column), EXACT_BELOW))
        return pc.cast(column, pa.int64()) if pc.all(fits, min_count=0).as_py() else column
    if pa.types.is_timestamp(kind):
        days = pc.unique(pc.cast(pc.drop_null(column), pa.date32()))
        if len(days) and all(day in _NO_DAY for day in days.to_pylist()[:3]) and len(days) <= len(_NO_DAY):
            return pc.strftime(pc.cast(column, pa.timestamp("s"), safe=False), format="%H:%M:%S")
        whole = pc.equal(pc.floor_temporal(column, unit="day"), column)
        return pc.cast(column, pa.date32()) if pc.all(whole, min_count=0).as_py() else column
    return column
