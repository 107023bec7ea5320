"""CSV and TSV. The whole file decides the types, so that they do not depend on where a value stands."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import contextlib
import csv
from pathlib import Path

import duckdb

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.base import SAMPLES, Reader, Rejected, blamed, bounds, sample
from workers.runtime.cleaning.readers.text_file import LINE_LIMIT_BYTES, as_utf8
from workers.runtime.cleaning.schema import SQL_TYPES, check_count, check_names, house_type, literal, quoted

HEADER_LIMIT = 1 << 20
# DuckDB guesses generously ("yes" is a truth, "1 2 3" a time). These types are kept only where every value says so.
STRICT = {
    "bool": "(?i)true|false",
    "date": r"\d{4}-\d{2}-\d{2}",
    "timestamp": r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?",
}


class CsvReader(Reader):
    """Comma-separated text, or separated by whatever is said or found in the file."""

    format = "csv"

    def open(self, connection: duckdb.DuckDBPyConnection) -> str:
        path = as_utf8(self.path, self.options.encoding, self.work_dir)
        csv.field_size_limit(LINE_LIMIT_BYTES)
        delimiter = self._delimiter(connection, path)
        base = self._base(path, delimiter)
        names = self._names(path, delimiter)
        try:
            types = self._types(connection, base, names)
        except duckdb.Error as error:
            if isinstance(error, duckdb.InvalidInputException):
                self._refuse_unclosed(path, delimiter)
            raise blamed(error, self.path, path) from None
        return f"read_csv({base}, {_columns(types)}, auto_detect=false, store_rejects=true)"

    def rejected(self, connection: duckdb.DuckDBPyConnection) -> Rejected:
        """Raises UserError `unclosed_quote`: what was left out may be more than one row."""
        self._refuse_swallowed(connection)
        count = connection.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchall()[0][0]
        rows = connection.execute(
            "SELECT line, arg_min(column_name, column_idx), "
            "arg_min(lower(error_type::VARCHAR) || ': ' || error_message, column_idx), any_value(csv_line) "
            f"FROM reject_errors GROUP BY line ORDER BY line LIMIT {SAMPLES}"
        ).fetchall()
        samples = tuple(sample(line, column, reason, text) for line, column, reason, text in rows)
        return Rejected(count=count, samples=samples)

    def _delimiter(self, connection: duckdb.DuckDBPyConnection, path: Path) -> str:
        if self.options.delimiter:
            return self.options.delimiter
        query = (
            f"SELECT Delimiter FROM sniff_csv({literal(str(path))}, quote='\"', escape='\"', ignore_errors=true, "
            f"strict_mode=false, {bounds()})"
        )
        found = ","
        with contextlib.suppress(duckdb.Error):  # the file has worse than that, which is named when it is read
            found = str(connection.execute(query).fetchall()[0][0]) or ","
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(HEADER_LIMIT)
        # One column of lines with commas is what it makes of a stray quote, which is to be named instead.
        return "," if found not in first and "," in first else found

    def _base(self, path: Path, delimiter: str) -> str:
        # DuckDB wants at least one; a control character is one that no field is.
        wrong = next((value for value in self.options.null_values if delimiter in value or '"' in value), None)
        if wrong is not None:
            raise UserError("invalid_parameters", f"null_values: {wrong!r} has the delimiter or a quote in it")
        nulls = ", ".join(literal(value) for value in self.options.null_values or ("\x01",))
        header = str(self.options.header).lower()
        return (
            f"{literal(str(path))}, delim={literal(delimiter)}, quote='\"', escape='\"', header={header}, "
            f"nullstr=[{nulls}]::VARCHAR[], {bounds()}, hive_partitioning=false"
        )

    def _names(self, path: Path, delimiter: str) -> list[str]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next(csv.reader(iter(lambda: file.readline(HEADER_LIMIT), ""), delimiter=delimiter), [])
        if not self.options.header:
            check_count(len(first), self.path.name)
            return [f"column_{number}" for number in range(1, len(first) + 1)]
        names = [name.strip() for name in first]
        check_names(names, f"line 1 of {self.path.name}")
        unknown = sorted(set(self.options.types) - set(names))
        if unknown:
            raise UserError("invalid_parameters", f"types: {self.path.name} has no column {unknown[0]!r}")
        return names

    def _types(self, connection: duckdb.DuckDBPyConnection, base: str, names: list[str]) -> dict[str, str]:
        """House type per column: what the user insists on, else what every value of the file agrees with."""
        listed = ", ".join(literal(name) for name in names)
        query = f"SELECT Columns FROM sniff_csv({base}, names=[{listed}], sample_size=-1, ignore_errors=true, "
        query += "strict_mode=false)"  # a line with a stray quote is left out when it is read; it does not decide here
        sniffed = connection.execute(query).fetchall()[0][0]
        found = {each["name"]: house_type(each["type"]) for each in sniffed}
        types = {name: self.options.types.get(name) or found.get(name) or "string" for name in names}
        doubtful = [name for name in names if types[name] in STRICT and name not in self.options.types]
        if doubtful:
            text = (
                f"read_csv({base}, {_columns(dict.fromkeys(names, 'string'))}, auto_detect=false, ignore_errors=true)"
            )
            checks = ", ".join(
                f"bool_and(regexp_full_match({quoted(name)}, {literal(STRICT[types[name]])}))" for name in doubtful
            )
            answers = connection.execute(f"SELECT {checks} FROM {text}").fetchall()[0]
            types.update({name: "string" for name, holds in zip(doubtful, answers, strict=True) if not holds})
        return types

    def _refuse_unclosed(self, path: Path, delimiter: str) -> None:
        """Read on as far as DuckDB would not: to where a quoted field begins that has no end."""
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, delimiter=delimiter, strict=True)
            begins, more = 1, True
            while more:
                begins = rows.line_num + 1
                try:
                    more = next(rows, None) is not None
                except csv.Error as error:
                    if "unexpected end" in str(error) or "field limit" in str(error):
                        raise self._unclosed(begins) from None

    def _unclosed(self, line: int) -> UserError:
        return UserError("unclosed_quote", f"{self.path.name}: line {line}: a quote is opened and not closed")

    def _refuse_swallowed(self, connection: duckdb.DuckDBPyConnection) -> None:
        """A quote that is never closed takes the lines that follow into its field: those must not get lost."""
        query = (
            "SELECT line FROM reject_errors WHERE error_type IN ('UNQUOTED VALUE', 'LINE SIZE OVER MAXIMUM') "
            "AND contains(rtrim(csv_line, chr(10) || chr(13)), chr(10)) ORDER BY line LIMIT 1"
        )
        for (line,) in connection.execute(query).fetchall():
            raise self._unclosed(line)


class TsvReader(CsvReader):
    """Tab-separated text."""

    format = "tsv"

    def _delimiter(self, connection: duckdb.DuckDBPyConnection, path: Path) -> str:
        return self.options.delimiter or "\t"


def _columns(types: dict[str, str]) -> str:
    # A time is read with its zone, UTC where it has none; as a plain TIMESTAMP DuckDB would drop the offset.
    sql = SQL_TYPES | {"timestamp": "TIMESTAMPTZ"}
    pairs = ", ".join(f"{literal(name)}: '{sql[kind]}'" for name, kind in types.items())
    return f"columns={{{pairs}}}"
