"""Many rows to the database in one value: a JSON document, which the server takes apart by the table's own types.

Django's INSERT names every value of every row apart, which takes longer to put together than to store.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

Values = Mapping[str, Any]
"""Column → a value that JSON can carry: text, numbers, booleans, None, UUIDs, aware datetimes, lists and dicts."""


class Encoder(DjangoJSONEncoder):
    """Times to the microsecond: Django's own encoder cuts them to milliseconds."""

    def default(self, o: Any) -> Any:
        if isinstance(o, UUID):
            return str(o)
        return o.isoformat() if isinstance(o, datetime) else super().default(o)


def document(rows: Any) -> str:
    """Rows as the JSON that statements take."""
    return json.dumps(rows, cls=Encoder)


def rows_insert(model: type[models.Model], rows: Sequence[Values]) -> None:
    """Insert rows, in their order; all name the same columns. One statement, none without a row.

    Columns that are not named get the database's default. Nothing of the model's own runs: no `save`, no defaults.
    """
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_statement(model, tuple(rows[0])), [document(rows)])


@lru_cache(maxsize=64)
def _statement(model: type[models.Model], columns: tuple[str, ...]) -> str:
    quote = connection.ops.quote_name
    table, names = quote(model._meta.db_table), ", ".join(map(quote, columns))
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb)"  # noqa: S608 - names from models
