"""Columns and their types, as a dataset version states them."""

# ruff: noqa: S608 - names and texts enter SQL through `schema.quoted` and `schema.literal`

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from workers.runtime.cleaning.errors import UserError

ORDINAL = "__ordinal"
"""Number of the row since ingestion, from 0; in every file, in no schema and in no digest."""
SPLIT = "__split"
"""`train` or `test`; a column of a cleaned version like any other."""
WEIGHT = "__weight"
"""How much a row counts where a model is trained; made by a step that balances classes."""
RESERVED = frozenset({ORDINAL, SPLIT, WEIGHT, "*"})
"""Names that a file may not bring: ours, and the one that means all columns to Daft."""
COLUMNS_MOST = 5_000
NAME_MOST = 200
"""Characters; a recipe can name no longer ones."""

SQL_TYPES = {
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "string": "VARCHAR",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "image": "BLOB",
}
DECLARABLE = tuple(kind for kind in SQL_TYPES if kind != "image")
"""Types that somebody may say a column of a table has; pictures come as files of their own."""
_HOUSE_TYPES = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), "int64"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "int64"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "float64"),
    **dict.fromkeys(("VARCHAR", "UUID", "JSON", "TIME", "INTERVAL"), "string"),
    "BOOLEAN": "bool",
    "DATE": "date",
    "BLOB": "image",
    '"NULL"': "string",  # a column that is missing in every row
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `type` is one of `SQL_TYPES`; `nullable` says whether a value is missing, not whether one may be."""

    name: str
    type: str
    nullable: bool = True

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "type": self.type, "nullable": self.nullable}

    @property
    def is_number(self) -> bool:
        return self.type in ("int64", "float64")


def house_type(sql_type: str) -> str | None:
    """The type that a DuckDB type is kept as; None for one that is not kept. Bytes are an encoded picture."""
    if sql_type in _HOUSE_TYPES:
        return _HOUSE_TYPES[sql_type]
    if sql_type.startswith("TIMESTAMP"):
        return "timestamp"
    if sql_type.startswith("DECIMAL"):
        return "float64"
    return "string" if is_nested(sql_type) or sql_type.startswith("ENUM") else None


def is_nested(sql_type: str) -> bool:
    return sql_type.endswith("]") or sql_type.startswith(("STRUCT", "MAP", "UNION"))


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def parquet_table(paths: Sequence[str]) -> str:
    """Parquet files as a table expression; a folder named `key=value` adds no column."""
    return f"read_parquet([{', '.join(literal(path) for path in paths)}], hive_partitioning=false)"


def check_names(names: Sequence[str], place: str) -> None:
    """Refuse names that cannot stand side by side.

    Raises:
        UserError: `too_many_columns`, `duplicate_column_names`, `empty_column_name`, `wrong_column_name` or
            `reserved_column_name`.
    """
    check_count(len(names), place)
    seen: dict[str, tuple[int, str]] = {}
    for number, name in enumerate(names, 1):
        _check_name(number, name, place)
        alike = unicodedata.normalize("NFC", name.strip()).lower()
        if alike in seen:
            first, other = seen[alike]
            how = "are both named" if other == name else f"differ only in {_how(other, name)}: {other!r} and"
            raise UserError("duplicate_column_names", f"columns {first} and {number} {how} {name!r} in {place}")
        seen[alike] = (number, name)


def check_count(count: int, place: str) -> None:
    """Refuse what no job of ordinary size gets through. Raises UserError `too_many_columns`."""
    if count > COLUMNS_MOST:
        raise UserError("too_many_columns", f"{place} has more than {COLUMNS_MOST} columns")


def _check_name(number: int, name: str, place: str) -> None:
    if not name.strip():
        raise UserError("empty_column_name", f"column {number} has no name in {place}")
    wrong = ""
    if len(name) > NAME_MOST:
        wrong = f"its name has {len(name)} characters, at most {NAME_MOST} are taken: {name[:40]!r}…"
    elif any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        wrong = f"its name has a control character: {name!r}"
    if wrong:
        raise UserError("wrong_column_name", f"column {number} in {place}: {wrong}")
    if name in RESERVED:
        raise UserError(
            "reserved_column_name", f"column {number} is named {name!r} in {place}; that name is kept for other use"
        )


def _how(one: str, other: str) -> str:
    if one.strip() == other.strip():
        return "blanks"
    return "case" if one.lower() == other.lower() else "how letters are written"


def described(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """DuckDB's type per column of a table or query."""
    return {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}


def columns_of(types: dict[str, str], place: str, *, pictures: bool = True) -> list[Column]:
    """Columns of DuckDB's types as house columns; `pictures` says whether bytes may be pictures.

    Raises:
        UserError: `unsupported_type`.
    """
    columns = []
    for name, sql_type in types.items():
        kept = house_type(sql_type)
        if kept is None or (kept == "image" and not pictures):
            raise UserError("unsupported_type", f"column {name!r} is {sql_type.lower()} in {place}; that is not kept")
        columns.append(Column(name, kept))
    return columns
