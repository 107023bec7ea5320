"""CSV and TSV. The whole file decides the types, so that they do not depend on where a value stands."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import ClassVar

import duckdb

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.base import Reader, Usual, blamed, bounds, lines_of
from workers.runtime.cleaning.readers.dialect import Dialect, dialect_of, first_row
from workers.runtime.cleaning.readers.spelled import STRICT
from workers.runtime.cleaning.readers.text_file import Text, as_utf8
from workers.runtime.cleaning.schema import SQL_TYPES, check_count, check_names, house_type, literal, quoted

SAMPLE_ROWS = 20_480
"""By which types are guessed; whether they are those of the whole file shows when it is read."""
FILLED_ROWS = 2_048
"""Of which one must have a value, for a column to be text without a look at the whole file."""

NOTING = "store_rejects=true"
"""Leaves out lines that cannot be read, and notes them."""


class CsvReader(Reader):
    """Comma-separated text, or separated by whatever is said or found in the file."""

    format = "csv"
    delimiter: ClassVar[str | None] = None
    """That of the format, where it has one."""
    _text: Text | None = None
    _path: Path
    _dialect: Dialect
    _base: str

    @property
    def has_header(self) -> bool:
        return self._dialect.header

    def open(self, connection: duckdb.DuckDBPyConnection) -> str:
        names = self._looked_at(connection)
        try:
            types = self._types(connection, names)
        except duckdb.Error as error:
            if isinstance(error, duckdb.InvalidInputException):
                self._refuse_unclosed()
            raise blamed(error, self.upload, self._path) from None
        return f"read_csv({self._base}, {self._columns(types)}, auto_detect=false, {NOTING})"

    def again(self, table: str) -> str:
        """Nothing is noted twice."""
        return f"{table.removesuffix(f'{NOTING})')}ignore_errors=true)"

    def usual(self, connection: duckdb.DuckDBPyConnection) -> Usual | None:
        if not self.options.is_usual:
            return None
        names = self._looked_at(connection)
        try:
            found = self._sniffed(connection, names, SAMPLE_ROWS)
            types = {name: found.get(name) or "string" for name in names}
            table = f"read_csv({self._base}, {self._columns(dict.fromkeys(names, 'string'))}, auto_detect=false)"
            texts = [name for name, kind in types.items() if kind == "string"]
            return Usual(table, types) if _are_filled(connection, table, texts) else None
        except duckdb.Error:  # it is named when the file is read whole
            return None

    def _looked_at(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """Find out how the file is written, once; the names of its columns."""
        if self._text is None:
            self._text = as_utf8(self.upload.path, self.upload.name, self.options.encoding, self.work_dir)
            self._path = self._text.path
            self._dialect = dialect_of(connection, self._path, self.options, self.delimiter)
            self.detected = {**self._text.to_json(), **self._dialect.to_json()}
            self._base = self._options()
        return self._names()

    def quarantined(self, connection: duckdb.DuckDBPyConnection) -> str | None:
        """Raises UserError `unclosed_quote`: what was left out may be more than one row."""
        self._refuse_swallowed(connection)
        return (
            'SELECT line, arg_min(column_name, column_idx) AS "column", '
            "arg_min(lower(error_type::VARCHAR) || ': ' || error_message, column_idx) AS reason, "
            f"ltrim(any_value(csv_line), chr(10) || chr(13)) AS text {self._errors()} GROUP BY line"
        )

    def located(self, connection: duckdb.DuckDBPyConnection, rows: str) -> str:
        """A row has as many lines before it as the quotes on them leave closed; what was rejected is none."""
        quote = literal(self._dialect.quote)
        count = f"len(line) - len(replace(line, {quote}, ''))" if self._dialect.quote else "0"
        mark = f"AND NOT starts_with(line, {literal(self._dialect.comment)})" if self._dialect.comment else ""
        rejected = f"SELECT line {self._errors()}"
        counted = (
            f"SELECT number, line, number IN ({rejected}) AS is_out, "
            f"CASE WHEN number IN ({rejected}) THEN 0 ELSE {count} END AS quotes FROM ({lines_of(self._path)}) "
            f"WHERE number > {self._dialect.skip}"
        )
        begins = (
            "SELECT number, line, is_out, coalesce(sum(quotes) OVER (ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING "
            f"AND 1 PRECEDING), 0) % 2 AS within FROM ({counted})"
        )
        kept = (
            f"SELECT row_number() OVER (ORDER BY number) - {int(self._dialect.header)} AS key, number AS line, "
            f"line AS text FROM ({begins}) WHERE within = 0 AND NOT is_out AND coalesce(line, '') <> '' {mark}"
        )
        return f"SELECT kept.key, kept.line, kept.text FROM ({kept}) AS kept SEMI JOIN ({rows}) AS asked USING (key)"

    def _errors(self) -> str:
        """Of this file alone: an archive has several."""
        files = f"SELECT scan_id, file_id FROM reject_scans WHERE file_path = {literal(str(self._path))}"
        return f"FROM reject_errors SEMI JOIN ({files}) AS files USING (scan_id, file_id)"

    def _options(self) -> str:
        options = self.options
        # DuckDB wants at least one; a control character is one that no field is.
        wrong = next((value for value in options.null_values if self._dialect.delimiter in value), None)
        if wrong is not None:
            raise UserError("invalid_parameters", f"null_values: {wrong!r} has the delimiter in it")
        nulls = ", ".join(literal(value) for value in options.null_values or ("\x01",))
        said = {
            "decimal_separator": options.decimal if options.decimal != "." else None,
            "thousands": options.thousands,
            "dateformat": options.date_format,
            "timestampformat": options.timestamp_format,
        }  # fmt: skip
        numbers = "".join(f", {name}={literal(value)}" for name, value in said.items() if value)
        return (
            f"{literal(str(self._path))}, {self._dialect.sql()}, nullstr=[{nulls}]::VARCHAR[], {bounds()}, "
            f"hive_partitioning=false{numbers}"
        )

    def _names(self) -> list[str]:
        first = first_row(self._path, self._dialect)
        if not first:
            after = f" after line {self._dialect.skip}" if self._dialect.skip else ""
            raise UserError("no_rows", f"{self.upload.name} has no row{after}")
        if not self._dialect.header:
            check_count(len(first), self.upload.name)
            return [f"column_{number}" for number in range(1, len(first) + 1)]
        names = [name.strip() for name in first]
        check_names(names, f"line {self._dialect.skip + 1} of {self.upload.name}")
        return names

    def _types(self, connection: duckdb.DuckDBPyConnection, names: list[str]) -> dict[str, str]:
        """House type per column: text for what has one that was declared, else what every value agrees with."""
        found = {} if set(names) <= set(self.options.declared) else self._sniffed(connection, names)
        textual = {*self.options.declared, *self.options.as_text}
        types = {name: "string" if name in textual else found.get(name) or "string" for name in names}
        types |= self._grouped(connection, [name for name in names if types[name] == "string" and name not in textual])
        known = {"date": self.options.date_format, "timestamp": self.options.timestamp_format}
        doubtful = {name: STRICT[types[name]] for name in names if types[name] in STRICT and not known.get(types[name])}
        holds = self._all_match(connection, doubtful)
        return {name: "string" if name in doubtful and not holds[name] else kind for name, kind in types.items()}

    def _grouped(self, connection: duckdb.DuckDBPyConnection, names: list[str]) -> dict[str, str]:
        """Numbers written with a comma or in groups, which DuckDB reads when told to and does not look for."""
        options = self.options
        if options.decimal == "." and not options.thousands:
            return {}
        group = rf"{re.escape(options.thousands)}?" if options.thousands else ""
        whole = rf"[+-]?[0-9]+({group}[0-9]{{3}})*"
        number = rf"{whole}({re.escape(options.decimal)}[0-9]*)?([eE][+-]?[0-9]+)?"
        numbers = [name for name, holds in self._all_match(connection, dict.fromkeys(names, number)).items() if holds]
        wholes = self._all_match(connection, dict.fromkeys(numbers, whole))
        return {name: "int64" if wholes[name] else "float64" for name in numbers}

    def _all_match(self, connection: duckdb.DuckDBPyConnection, patterns: dict[str, str]) -> dict[str, bool]:
        """Whether every value of a column is written so; false for one without any."""
        if not patterns:
            return {}
        columns = self._columns(dict.fromkeys(self._names(), "string"))
        text = f"read_csv({self._base}, {columns}, auto_detect=false, ignore_errors=true)"
        checks = ", ".join(
            f"bool_and(regexp_full_match({quoted(name)}, {literal(pattern)}))" for name, pattern in patterns.items()
        )
        answers = connection.execute(f"SELECT {checks} FROM {text}").fetchall()[0]
        return dict(zip(patterns, map(bool, answers), strict=True))

    def _sniffed(
        self, connection: duckdb.DuckDBPyConnection, names: list[str], rows: int = -1
    ) -> dict[str, str | None]:
        listed = ", ".join(literal(name) for name in names)
        query = f"SELECT Columns FROM sniff_csv({self._base}, names=[{listed}], sample_size={rows}, "
        # A line with a stray quote is left out when it is read; it does not decide here.
        query += "ignore_errors=true, strict_mode=false)"
        sniffed = connection.execute(query).fetchall()[0][0]
        return {each["name"]: house_type(each["type"]) for each in sniffed}

    def _columns(self, types: dict[str, str]) -> str:
        # A time is read with its zone, UTC where it has none; as a plain TIMESTAMP DuckDB would drop the offset.
        sql = SQL_TYPES | ({} if self.options.timestamp_format else {"timestamp": "TIMESTAMPTZ"})
        pairs = ", ".join(f"{literal(name)}: '{sql[kind]}'" for name, kind in types.items())
        return f"columns={{{pairs}}}"

    def _refuse_unclosed(self) -> None:
        """Read on as far as DuckDB would not: to where a quoted field begins that has no end."""
        with self._path.open(encoding="utf-8-sig", newline="") as file:
            rows = self._dialect.rows(file, strict=True)
            begins, more = 1, True
            while more:
                begins = rows.line_num + 1 + self._dialect.skip
                try:
                    more = next(rows, None) is not None
                except csv.Error as error:
                    if "unexpected end" in str(error) or "field limit" in str(error):
                        raise self._unclosed(begins) from None

    def _unclosed(self, line: int) -> UserError:
        return UserError("unclosed_quote", f"{self.upload.name}: line {line}: a quote is opened and not closed")

    def _refuse_swallowed(self, connection: duckdb.DuckDBPyConnection) -> None:
        """A quote that is never closed takes the lines that follow into its field: those must not get lost."""
        query = (
            f"SELECT line {self._errors()} WHERE error_type IN ('UNQUOTED VALUE', 'LINE SIZE OVER MAXIMUM') "
            "AND contains(trim(csv_line, chr(10) || chr(13)), chr(10)) ORDER BY line LIMIT 1"
        )
        for (line,) in connection.execute(query).fetchall():
            raise self._unclosed(line)


def _are_filled(connection: duckdb.DuckDBPyConnection, table: str, names: list[str]) -> bool:
    """Whether each has a value near the beginning: a column without any tells nothing of its type."""
    counts = ", ".join(f"count({quoted(name)})" for name in names)
    query = f"SELECT {counts} FROM (SELECT * FROM {table} LIMIT {FILLED_ROWS})"
    return not names or all(connection.execute(query).fetchall()[0])


class TsvReader(CsvReader):
    """Tab-separated text."""

    format = "tsv"
    delimiter = "\t"
