"""CSV and TSV. The whole file decides the types, so that they do not depend on where a value stands."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import csv
from pathlib import Path

import duckdb

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.base import SAMPLES, Reader, Rejected, sample
from workers.runtime.cleaning.readers.text_file import as_utf8
from workers.runtime.cleaning.schema import SQL_TYPES, check_names, house_type, literal, quoted

LINE_LIMIT_BYTES = 16 << 20
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
        try:
            delimiter = self._delimiter(connection, path)
            base = self._base(path, delimiter)
            names = self._names(path, delimiter)
            types = self._types(connection, base, names)
        except duckdb.Error as error:
            raise UserError("unreadable_file", f"{self.path.name}: {first_line(error)}") from None
        return f"read_csv({base}, {_columns(types)}, auto_detect=false, store_rejects=true)"

    def rejected(self, connection: duckdb.DuckDBPyConnection) -> Rejected:
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
        query = f"SELECT Delimiter FROM sniff_csv({literal(str(path))}, quote='\"', escape='\"', ignore_errors=true)"
        return str(connection.execute(query).fetchall()[0][0]) or ","

    def _base(self, path: Path, delimiter: str) -> str:
        # DuckDB wants at least one; a control character is one that no field is.
        nulls = ", ".join(literal(value) for value in self.options.null_values or ("\x01",))
        header = str(self.options.header).lower()
        return (
            f"{literal(str(path))}, delim={literal(delimiter)}, quote='\"', escape='\"', header={header}, "
            f"nullstr=[{nulls}]::VARCHAR[], max_line_size={LINE_LIMIT_BYTES}, hive_partitioning=false"
        )

    def _names(self, path: Path, delimiter: str) -> list[str]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next(csv.reader(iter(lambda: file.readline(HEADER_LIMIT), ""), delimiter=delimiter), [])
        if not self.options.header:
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
        query = f"SELECT Columns FROM sniff_csv({base}, names=[{listed}], sample_size=-1, ignore_errors=true)"
        found = {each["name"]: house_type(each["type"]) for each in connection.execute(query).fetchall()[0][0]}
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


class TsvReader(CsvReader):
    """Tab-separated text."""

    format = "tsv"

    def _delimiter(self, connection: duckdb.DuckDBPyConnection, path: Path) -> str:
        return self.options.delimiter or "\t"


def first_line(error: Exception) -> str:
    """What an error of DuckDB says, without its advice."""
    return str(error).strip().splitlines()[0]


def _columns(types: dict[str, str]) -> str:
    # A time is read with its zone, UTC where it has none; as a plain TIMESTAMP DuckDB would drop the offset.
    sql = SQL_TYPES | {"timestamp": "TIMESTAMPTZ"}
    pairs = ", ".join(f"{literal(name)}: '{sql[kind]}'" for name, kind in types.items())
    return f"columns={{{pairs}}}"
