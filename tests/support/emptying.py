"""Emptying the database after a test that commits: what Django's `flush` leaves, at a tenth of its cost.

`flush` truncates every table, which is work for each of some hundred files and indexes, and then makes content types
and permissions anew. Here only the tables with rows are emptied, and what the migrations made of those two stays. Other
rows that migrations made are put back: workers have tests in any order, and each finds what the first one found.
"""

from __future__ import annotations

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection
from django.test import TransactionTestCase

KEPT = ("django_migrations", "django_content_type", "auth_permission")
EMPTY = """
DO $$
DECLARE
    one regclass;
    has_rows boolean;
    tables text := (
        SELECT string_agg(oid::regclass::text, ', ' ORDER BY oid) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> ALL ('{KEPT}')
    );
BEGIN
    -- As TRUNCATE: waits for everybody who still writes.
    EXECUTE 'LOCK TABLE ' || tables || ' IN EXCLUSIVE MODE';
    -- Neither triggers, which forbid it, nor the order of foreign keys.
    SET LOCAL session_replication_role = replica;
    FOREACH one IN ARRAY string_to_array(tables, ', ')::regclass[] LOOP
        CONTINUE WHEN pg_relation_size(one) = 0;
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one) INTO has_rows;
        CONTINUE WHEN NOT has_rows;
        EXECUTE format('DELETE FROM %s', one);
    END LOOP;
END $$
""".replace("{KEPT}", "{" + ",".join(KEPT) + "}")

FILLED = """
SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
AND relname <> ALL ('{KEPT}') AND pg_relation_size(oid) > 0
""".replace("{KEPT}", "{" + ",".join(KEPT) + "}")

_made: tuple[int, ...] = ()
"""Of content types and permissions, how many there are and the last number."""
_rows: dict[str, bytes] = {}
"""Of other tables the rows that migrations made, as COPY writes them."""


def _kept() -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM django_content_type), (SELECT max(id) FROM django_content_type),"
            " (SELECT count(*) FROM auth_permission), (SELECT max(id) FROM auth_permission)"
        )
        return tuple(cursor.fetchone() or ())


def remember_what_is_kept() -> None:
    """Once the database is there and before a test had it."""
    global _made
    _made = _kept()
    with connection.cursor() as cursor:
        cursor.execute(FILLED)
        for (table,) in cursor.fetchall():
            with cursor.copy(f"COPY {table} TO STDOUT") as copy:
                _rows[table] = b"".join(copy)


def empty_database(test_case: TransactionTestCase) -> None:
    """In the place of `TransactionTestCase._fixture_teardown`."""
    global _made
    if _kept() != _made:  # a test has changed what stays
        call_command("flush", verbosity=0, interactive=False, database=DEFAULT_DB_ALIAS, reset_sequences=False)
        _made = _kept()
    else:
        with connection.cursor() as cursor:
            cursor.execute(EMPTY)
    with connection.cursor() as cursor:
        for table, rows in _rows.items():
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write(rows)
