"""A query against the real PostgreSQL of the test run becomes one Parquet file, and can do nothing else."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pyarrow.parquet as pq
import pytest

from tests.workers.runtime.cleaning.jobs import Jobs
from tests.workers.runtime.cleaning.ranges import check_thirds
from workers.contracts.dataset_digest import joined
from workers.contracts.queries import query_problem
from workers.runtime.cleaning.collect import collect
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.origins.base import Fetched, Origin
from workers.runtime.cleaning.origins.database import fetch_query


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A database of this module's own, with a table of people. (The test run's own one is copied by its workers.)"""
    parts = urlsplit(os.environ["BEDPLATE_DATABASE_URL"])
    name = f"origins_{secrets.token_hex(6)}"
    server, url = (urlunsplit(parts._replace(path=f"/{each}")) for each in ("postgres", name))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA origins_test")
        connection.execute(
            "CREATE TABLE origins_test.people AS SELECT g AS id, 'p' || g AS name, g * 0.5 AS score, g % 2 = 0 AS even,"
            " date '2026-01-01' + g % 28 AS day, timestamptz '2026-01-01 00:00Z' + g * interval '1 hour' AS at,"
            " CASE WHEN g % 7 > 0 THEN g END AS part, jsonb_build_object('g', g) AS doc"
            " FROM generate_series(1, 1000) AS g"
        )
    yield url
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _fetch(address: str, folder: Path, query: str, **changes: Any) -> Fetched:
    parts = urlsplit(address)
    near = (f"{parts.hostname}:{parts.port}",)
    asked = {"kind": "sql", "query": query, **changes.pop("asked", {})}
    values: dict[str, Any] = {
        "kind": "sql", "asked": asked, "allowed": near, "private": near, "most_bytes": 1 << 24, "seconds": 20.0,
        "credential": lambda: address, **changes,
    }  # fmt: skip
    return fetch_query(Origin(**values), folder)


def _refused(address: str, folder: Path, query: str = "SELECT 1 AS a", **changes: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        _fetch(address, folder, query, **changes)
    password = urlsplit(address).password
    assert not password or password not in str(caught.value)
    return caught.value


def test_what_a_query_gives_has_its_types(address: str, tmp_path: Path) -> None:
    came = _fetch(address, tmp_path, "SELECT * FROM origins_test.people ORDER BY id -- all of them\n;")
    assert came.path is not None
    first = pq.read_table(came.path).to_pylist()[0]
    assert (first["id"], first["name"], float(first["score"]), first["even"]) == (1, "p1", 0.5, False)
    assert (first["day"], first["at"]) == (date(2026, 1, 2), datetime(2026, 1, 1, 1, tzinfo=UTC))
    assert first["doc"] == '{"g":1}'


def test_ranges_of_a_column_come_in_their_order_with_the_rest_at_the_end(address: str, tmp_path: Path) -> None:
    asked = {"partition_column": "part", "partitions": "3"}
    came = _fetch(address, tmp_path, "SELECT id, part FROM origins_test.people", asked=asked)
    check_thirds(came.path)
    assert [path.name for path in tmp_path.iterdir()] == ["query.parquet"]
    seen = {"sha256": came.sha256}
    again = _fetch(address, tmp_path / "..", "SELECT id, part FROM origins_test.people", asked=asked, seen=seen)
    assert again.path is None


def test_ranges_are_of_numbers(address: str, tmp_path: Path) -> None:
    refused = _refused(address, tmp_path, "SELECT * FROM origins_test.people", asked={"partition_column": "day"})
    assert (refused.code, "holds no numbers" in refused.detail) == ("invalid_parameters", True)
    for number, query in enumerate(("SELECT 'NaN'::float8 AS part, 1 AS id", "SELECT NULL::int AS part, 1 AS id")):
        folder = tmp_path / str(number)
        folder.mkdir()
        came = _fetch(address, folder, query, asked={"partition_column": "part"})
        assert came.path is not None
        assert pq.read_table(came.path).num_rows == 1


@pytest.mark.parametrize(
    "query, code",
    [
        ("DELETE FROM origins_test.people", "invalid_parameters"),
        ("SELECT 1; DROP TABLE origins_test.people", "invalid_parameters"),
        ("SELECT setval(pg_get_serial_sequence('django_migrations', 'id'), 1)", "query_failed"),
        ("SELECT set_config('transaction_read_only', 'off', false)", "query_failed"),
        ("SELECT * FROM nowhere", "query_failed"),
        ("SELECT interval '1 day' AS a", "unsupported_type"),
        ("SELECT * FROM origins_test.people WHERE id < 0", "no_rows"),
    ],
)
def test_what_a_query_may_not(address: str, tmp_path: Path, query: str, code: str) -> None:
    assert _refused(address, tmp_path, query).code == code


def test_a_query_that_is_too_much(address: str, tmp_path: Path) -> None:
    query = "SELECT g, md5(g::text) AS a FROM generate_series(1, 200000) AS g"
    assert _refused(address, tmp_path, query, most_bytes=1000).code == "too_large"
    parted = {"partition_column": "g", "partitions": "4"}
    folders = [tmp_path / name for name in ("most", "least")]
    for folder in folders:
        folder.mkdir()
    size = _fetch(address, folders[0], query, asked=parted).size_bytes
    too_large = _refused(address, folders[1], query, asked=parted, most_bytes=size // 2)
    assert too_large.code == "too_large", "of all parts together"
    slow = _refused(address, tmp_path, "SELECT pg_sleep(20)::text AS a", seconds=0.3)
    assert "statement timeout" in slow.detail


@pytest.mark.parametrize(
    "change, code",
    [
        (lambda url: url, "host_not_allowed"),
        (lambda url: "", "bad_credentials"),
        (lambda url: "mssql://a:hush-hush@host/c", "bad_credentials"),
        (lambda url: "nonsense", "bad_credentials"),
        (lambda url: f"{url}?host=10.0.0.1", "bad_credentials"),
        (lambda url: f"{url}?options=-c%20default_transaction_read_only%3Doff", "bad_credentials"),
        (lambda url: "postgresql://a:hush-hush@h1,h2/c", "bad_credentials"),
    ],
)
def test_where_a_query_may_go(address: str, tmp_path: Path, change: Any, code: str) -> None:
    assert _refused(change(address), tmp_path, allowed=("elsewhere.org",), private=()).code == code


def test_a_database_at_a_private_address_is_for_lists_that_say_so(address: str, tmp_path: Path) -> None:
    assert _refused(address, tmp_path, private=()).code == "address_not_allowed"


def _collected(address: str, place: Path, query: str, **parameters: Any) -> dict[str, Any]:
    """The job as it runs: the secret is a file, the Parquet goes through the reader of uploads."""
    parts = urlsplit(address)
    near = [f"{parts.hostname}:{parts.port}"]
    origin = {
        "kind": "sql", "query": query, "credentials": "people-db", "allowed": near, "private": near,
        "most_bytes": 1 << 24, "seconds": 20,
    }  # fmt: skip
    (place / "bedplate-local" / "secrets").mkdir(parents=True)
    (place / "bedplate-local" / "secrets" / "people-db").write_text(address)
    ctx = Jobs(place)._context(place, {"format": "parquet", "origin": origin, **parameters})
    object.__setattr__(ctx.identity, "secrets_dir", place / "bedplate-local" / "secrets")
    return collect(ctx)


def test_a_query_becomes_a_version(address: str, tmp_path: Path) -> None:
    query = "SELECT id, name, score, even, day, at FROM origins_test.people"
    result = _collected(address, tmp_path, query)
    types = {column["name"]: column["type"] for column in result["schema"]}
    assert types == {
        "id": "int64", "name": "string", "score": "float64", "even": "bool", "day": "date", "at": "timestamp",
    }  # fmt: skip
    assert (result["row_count"], result["fetched"]["file"]) == (1000, "query.parquet")


def test_what_is_collected_to_be_appended_continues_what_was_there(address: str, tmp_path: Path) -> None:
    """In two goes it is the same data as in one: columns in any order, ordinals behind the last."""
    query = "SELECT {} FROM origins_test.people WHERE id BETWEEN {} AND {} ORDER BY id"
    whole = _collected(address, tmp_path / "whole", query.format("id, name, score, day", 1, 1000))
    first = _collected(address, tmp_path / "first", query.format("id, name, score, day", 1, 600))
    declared = [{"name": column["name"], "type": column["type"]} for column in first["schema"]]
    second = _collected(
        address, tmp_path / "second", query.format("day, id, score, name", 601, 1000), declared_schema=declared,
        first_ordinal=first["last_ordinal"] + 1,
    )  # fmt: skip
    assert (second["row_count"], second["last_ordinal"]) == (400, 999)
    assert joined([first["rows_hash"], second["rows_hash"]]) == whole["rows_hash"]
    with pytest.raises(UserError) as refused:
        _collected(
            address, tmp_path / "other", query.format("id, name, score, even", 601, 1000), declared_schema=declared,
            first_ordinal=600,
        )  # fmt: skip
    assert "even" in refused.value.detail


@pytest.mark.parametrize(
    "query, fine",
    [
        ("select 1", True),
        ("  with a as (select 1) select * from a ;  ", True),
        ("SELECT 'a; drop table b' AS x, \"update\" FROM t", True),
        ("SELECT $$ ; delete $$ || $q$ ' $q$", True),
        ("SELECT 1 /* ; /* nested */ delete */ -- ; update", True),
        ("SELECT E'it\\'s; delete' AS a", True),
        ("SELECT updated_at FROM t", True),
        ("", False),
        ("SELECT 1; SELECT 2", False),
        ("SELECT 'a", False),
        ("SELECT $$ a", False),
        ("SELECT /* a", False),
        ("SELECT * INTO b FROM a", False),
        ("WITH a AS (DELETE FROM b RETURNING *) SELECT * FROM a", False),
        ("SELECT 'it''s'; delete from a", False),
        ("EXPLAIN ANALYZE SELECT 1", False),
        ("SELECT 1 FOR UPDATE", False),
        ("SELECT 1\0", False),
        ("SELECT " + "1," * 20_000, False),
    ],
)
def test_which_texts_are_one_query_that_reads(query: str, fine: bool) -> None:
    assert (query_problem(query, "postgresql") == "") is fine
