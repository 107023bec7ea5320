"""JSON lines: one object per line. Nested values are kept as JSON text."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import json

import duckdb

from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.readers.base import SAMPLES, Reader, Rejected, blamed, bounds, sample
from workers.runtime.cleaning.readers.text_file import as_utf8
from workers.runtime.cleaning.schema import COLUMNS_MOST, check_names, literal, quoted

LINES = "json_lines"
_IS_OBJECT = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
_WHOLE, _NESTED = {"UBIGINT", "BIGINT"}, {"ARRAY", "OBJECT"}


class JsonLinesReader(Reader):
    """Reads lines as text first, because only so can a bad one be named."""

    format = "jsonl"

    def open(self, connection: duckdb.DuckDBPyConnection) -> str:
        path = as_utf8(self.path, self.options.encoding, self.work_dir)
        # U+0001 cannot stand in JSON, so it never divides a line.
        connection.execute(
            f"CREATE TEMP VIEW {LINES} AS SELECT row_number() OVER () AS number, line FROM read_csv("
            f"{literal(str(path))}, delim='\x01', quote='', escape='', header=false, auto_detect=false, "
            f"columns={{'line': 'VARCHAR'}}, strict_mode=false, null_padding=true, {bounds()}, "
            "hive_partitioning=false)"
        )
        try:
            names = self._names(connection)
            check_names(names, self.path.name)
            return self._table(self._types(connection, names))
        except duckdb.Error as error:
            raise blamed(error, self.path, path) from None

    def rejected(self, connection: duckdb.DuckDBPyConnection) -> Rejected:
        bad = f"FROM {LINES} WHERE trim(line) <> '' AND NOT {_IS_OBJECT}"
        count = connection.execute(f"SELECT count(*) {bad}").fetchall()[0][0]
        rows = connection.execute(f"SELECT number, line {bad} ORDER BY number LIMIT {SAMPLES}").fetchall()
        return Rejected(count=count, samples=tuple(sample(line, None, why_not(text), text) for line, text in rows))

    def _names(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """Keys of any object, in order of first appearance."""
        keys = f"SELECT number, unnest(json_keys(line)) AS key FROM {LINES} WHERE {_IS_OBJECT}"
        query = f"SELECT key FROM (SELECT key, row_number() OVER () AS place, number FROM ({keys})) GROUP BY key "
        query += f"ORDER BY min(number), min(place) LIMIT {COLUMNS_MOST + 1}"
        names = [name for (name,) in connection.execute(query).fetchall()]
        if not names:
            raise self._nothing(connection)
        return names

    def _nothing(self, connection: duckdb.DuckDBPyConnection) -> UserError:
        objects = connection.execute(f"SELECT count(*) FROM {LINES} WHERE {_IS_OBJECT}").fetchall()[0][0]
        if objects:
            return UserError("no_columns", f"no object in {self.path.name} has a key")
        first = self.rejected(connection).samples[0]
        said = f"line {first['line']}: {first['reason']}"
        return UserError("no_rows", f"no line of {self.path.name} is a JSON object; {said}")

    def _types(self, connection: duckdb.DuckDBPyConnection, names: list[str]) -> dict[str, str]:
        """SQL type per key: one that holds all its values, else text. Memory grows with the keys, not with the rows."""
        pointers = ", ".join(literal(pointer(name)) for name in names)
        each = f"unnest(json_type(line, [{pointers}])) AS type, unnest(range({len(names)})) AS place"
        query = f"SELECT DISTINCT place, type FROM (SELECT {each} FROM {LINES} WHERE {_IS_OBJECT}) WHERE type <> 'NULL'"
        found: dict[int, set[str]] = {}
        for place, kind in connection.execute(query).fetchall():
            found.setdefault(place, set()).add(kind)
        return {name: _sql_type(found.get(place, set())) for place, name in enumerate(names)}

    def _table(self, structure: dict[str, str]) -> str:
        transformed = f"json_transform(line::JSON, {literal(json.dumps(structure))})"
        nulls = ", ".join(literal(value) for value in self.options.null_values)
        columns = ", ".join(
            f"CASE WHEN row.{quoted(name)} IN ({nulls}) THEN NULL ELSE row.{quoted(name)} END AS {quoted(name)}"
            if kind == "VARCHAR" and nulls
            else f"row.{quoted(name)}"
            for name, kind in structure.items()
        )
        inner = f"SELECT number, {transformed} AS row FROM {LINES} WHERE {_IS_OBJECT}"
        return f"(SELECT {columns} FROM ({inner}))"


def pointer(name: str) -> str:
    """The JSON pointer to a key of an object."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def why_not(line: str) -> str:
    """Why a line is no JSON object that is kept, in words, with the column where it breaks."""
    try:
        value = json.loads(line)
    except ValueError as error:
        return f"not JSON: {error}"
    except RecursionError:
        return "not JSON: lists or objects inside each other that are not closed"
    if isinstance(value, dict):
        return "it has half of a character (a surrogate escape without the other) or a number that JSON does not have"
    return f"not an object but {type(value).__name__}"


def _sql_type(kinds: set[str]) -> str:
    """The type for values of these JSON types; those that have no common one are kept as text."""
    if not kinds:
        return "VARCHAR"
    if kinds <= _WHOLE:
        return "UBIGINT" if kinds == {"UBIGINT"} else "BIGINT"
    if kinds <= _WHOLE | {"DOUBLE"}:
        return "DOUBLE"
    if kinds <= _NESTED:
        return "JSON"
    return "BOOLEAN" if kinds == {"BOOLEAN"} else "VARCHAR"
