"""A query against a real MariaDB, spoken to as MySQL is: the same file, and nothing but reading, as from PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.mariadb import MariaDB, mariadb, mariadbd
from tests.workers.runtime.cleaning.jobs import Jobs
from tests.workers.runtime.cleaning.ranges import check_thirds
from workers.contracts.queries import query_problem
from workers.runtime.cleaning.collect import collect
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.origins.base import Fetched, Origin
from workers.runtime.cleaning.origins.database import fetch_query

PROGRAM = mariadbd()
pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no MariaDB: `python -m tests.support.mariadb` installs it"),
    pytest.mark.xdist_group("mariadb"),
]
PEOPLE = """CREATE TABLE people AS SELECT seq AS id, concat('p', seq) AS name, seq * 0.5 AS score, seq * 0.5e0 AS share,
 date '2026-01-01' + interval seq % 28 day AS day, timestamp '2026-01-01 00:00:00' + interval seq hour AS at,
 if(seq % 7 > 0, seq, NULL) AS part, seq % 2 = 0 AS even FROM seq_1_to_1000"""
KINDS = """CREATE TABLE kinds (u bigint unsigned, doc json, tiny tinyint, bits blob, picked enum('x', '漢'), year year,
 clock time, stamp timestamp(6) NULL, told text)"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    assert PROGRAM is not None
    folder = tmp_path_factory.mktemp("mariadb")
    with mariadb(PROGRAM, folder, certificate=_certificate(folder)) as running:
        running.execute(PEOPLE)
        running.execute(KINDS)
        row = "(9223372036854775807, '{\"a\": 1}', -1, 'ab', '漢', 2026, '10:11:12', '2026-01-02 03:04:05.25', 'é')"
        running.execute(f"INSERT INTO kinds VALUES {row}, (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)")
        yield running


def _certificate(folder: Path) -> tuple[Path, Path]:
    """One that nobody vouches for."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    files[1].write_bytes(key.private_bytes(pem, form, plain))
    return files


def _fetch(server: MariaDB, folder: Path, query: str, *, address: str = "", **changes: Any) -> Fetched:
    near = (f"127.0.0.1:{server.port}",)
    asked = {"kind": "sql", "query": query, **changes.pop("asked", {})}
    values: dict[str, Any] = {
        "kind": "sql", "asked": asked, "allowed": near, "private": near, "most_bytes": 1 << 24, "seconds": 20.0,
        "credential": lambda: address or server.url, **changes,
    }  # fmt: skip
    return fetch_query(Origin(**values), folder)


def _refused(server: MariaDB, folder: Path, query: str = "SELECT 1 AS a", **changes: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        _fetch(server, folder, query, **changes)
    assert server.password not in str(caught.value)
    assert server.url.split("@", maxsplit=1)[0] not in str(caught.value)
    return caught.value


def test_what_a_query_gives_has_its_types(server: MariaDB, tmp_path: Path) -> None:
    came = _fetch(server, tmp_path, "SELECT * FROM people ORDER BY id # all of them\n;")
    assert came.path is not None
    first = pq.read_table(came.path).to_pylist()[0]
    assert first == {
        "id": 1, "name": "p1", "score": Decimal("0.5"), "share": 0.5, "day": date(2026, 1, 2),
        "at": datetime(2026, 1, 1, 1), "part": 1, "even": 0,
    }  # fmt: skip


def test_ranges_of_a_column_come_in_their_order_with_the_rest_at_the_end(server: MariaDB, tmp_path: Path) -> None:
    asked = {"partition_column": "part", "partitions": "3"}
    came = _fetch(server, tmp_path, "SELECT id, part FROM people", asked=asked)
    check_thirds(came.path)
    assert [path.name for path in tmp_path.iterdir()] == ["query.parquet"]
    again = _fetch(server, tmp_path / "..", "SELECT id, part FROM people", asked=asked, seen={"sha256": came.sha256})
    assert again.path is None


def test_every_row_is_in_one_range_of_any_number_and_nothing_else_has_ranges(server: MariaDB, tmp_path: Path) -> None:
    for column in ("score", "share", "even"):
        folder = tmp_path / column
        folder.mkdir()
        asked = {"partition_column": column, "partitions": "5"}
        came = _fetch(server, folder, "SELECT * FROM people", asked=asked)
        assert came.path is not None
        assert sorted(pq.read_table(came.path)["id"].to_pylist()) == list(range(1, 1001)), column
    for column in ("name", "day", "at"):
        refused = _refused(server, tmp_path, "SELECT * FROM people", asked={"partition_column": column})
        assert (refused.code, "holds no numbers" in refused.detail) == ("invalid_parameters", True), column


@pytest.mark.parametrize(
    "query, code",
    [
        ("DELETE FROM people", "invalid_parameters"),
        ("SELECT 1; DROP TABLE people", "invalid_parameters"),
        ("SELECT id FROM people INTO OUTFILE '{folder}/out'", "invalid_parameters"),
        (r"SELECT '\' , ' INTO OUTFILE '{folder}/out' -- '", "invalid_parameters"),
        ("SELECT 1 AS a /*! INTO OUTFILE '{folder}/out' */", "invalid_parameters"),
        ("SELECT 1 AS a /*M! INTO OUTFILE '{folder}/out' */", "invalid_parameters"),
        ("SELECT 1 AS $$ INTO OUTFILE '{folder}/out' -- $$", "invalid_parameters"),
        ("SELECT 1 AS a --1 INTO OUTFILE '{folder}/out'", "invalid_parameters"),
        ("SELECT * FROM nowhere", "query_failed"),
        ("SELECT nextval(numbers) AS a", "query_failed"),
        ("SELECT note() AS a", "query_failed"),
        ("SELECT point(1, 2) AS a", "unsupported_type"),
        ("SELECT time('26:00:00') AS a", "unsupported_type"),
        ("SELECT * FROM people WHERE id < 0", "no_rows"),
    ],
)
def test_what_a_query_may_not(server: MariaDB, tmp_path: Path, query: str, code: str) -> None:
    server.execute("CREATE OR REPLACE SEQUENCE numbers")
    server.execute("CREATE OR REPLACE TABLE notes (a int)")
    server.execute("CREATE OR REPLACE FUNCTION note() RETURNS int BEGIN INSERT INTO notes VALUES (1); RETURN 1; END")
    tmp_path.chmod(0o777)
    assert _refused(server, tmp_path, query.replace("{folder}", str(tmp_path))).code == code
    assert not (tmp_path / "out").exists()


def test_a_query_that_is_too_much(server: MariaDB, tmp_path: Path) -> None:
    query = "SELECT seq, md5(seq) AS a FROM seq_1_to_200000"
    assert _refused(server, tmp_path, query, most_bytes=1000).code == "too_large"
    slow = _refused(server, tmp_path, "SELECT count(*) AS n FROM seq_1_to_1000000 a, seq_1_to_1000000 b", seconds=0.3)
    assert "max_statement_time exceeded" in slow.detail


@pytest.mark.parametrize(
    "change, code",
    [
        (lambda url: url, "host_not_allowed"),
        (lambda url: url.replace("mysql:", "mariadb:"), "host_not_allowed"),
        (lambda url: "sqlite:///etc/passwd", "bad_credentials"),
        (lambda url: "mssql://a:hush-hush@host/c", "bad_credentials"),
        (lambda url: f"{url}?ssl-ca=/etc/passwd", "bad_credentials"),
        (lambda url: f"{url}?socket=/run/mysqld/mysqld.sock", "bad_credentials"),
        (lambda url: f"{url}?ssl-mode=verify_identity", "bad_credentials"),
        (lambda url: "mysql://a:hush-hush@h1,h2/c", "bad_credentials"),
    ],
)
def test_where_a_query_may_go(server: MariaDB, tmp_path: Path, change: Any, code: str) -> None:
    refused = _refused(server, tmp_path, address=change(server.url), allowed=("elsewhere.org",), private=())
    assert refused.code == code


def test_a_database_at_a_private_address_is_for_lists_that_say_so(server: MariaDB, tmp_path: Path) -> None:
    assert _refused(server, tmp_path, private=()).code == "address_not_allowed"


def test_it_is_encrypted_unless_the_address_says_otherwise(server: MariaDB, tmp_path: Path) -> None:
    query = "SELECT variable_value AS v FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'"
    for option, is_encrypted in {"": True, "?ssl-mode=required": True, "?ssl-mode=disabled": False}.items():
        came = _fetch(server, tmp_path, query, address=server.url + option)
        assert came.path is not None
        assert bool(pq.read_table(came.path)["v"][0].as_py()) is is_encrypted, option


def test_a_query_becomes_a_version(server: MariaDB, tmp_path: Path) -> None:
    """The job as it runs: the secret is a file, the Parquet goes through the reader of uploads."""
    near = [f"127.0.0.1:{server.port}"]
    origin = {
        "kind": "sql", "query": "SELECT u, doc, tiny, picked, year, clock, stamp, told FROM kinds", "credentials": "db",
        "allowed": near, "private": near, "most_bytes": 1 << 24, "seconds": 20,
    }  # fmt: skip
    place = tmp_path / "job"
    secrets = place / "bedplate-local" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "db").write_text(server.url)
    ctx = Jobs(tmp_path)._context(place, {"format": "parquet", "origin": origin})
    object.__setattr__(ctx.identity, "secrets_dir", secrets)
    result = collect(ctx)
    assert {column["name"]: column["type"] for column in result["schema"]} == {
        "u": "int64", "doc": "string", "tiny": "int64", "picked": "string", "year": "int64", "clock": "string",
        "stamp": "timestamp", "told": "string",
    }  # fmt: skip
    (part,) = (place / "bedplate-local" / "dataset").glob("*.parquet")
    first, second = pq.read_table(part).drop(["__ordinal"]).to_pylist()
    assert list(first.values()) == [
        9223372036854775807, '{"a": 1}', -1, "漢", 2026, "10:11:12", datetime(2026, 1, 2, 3, 4, 5, 250000), "é",
    ]  # fmt: skip
    assert set(second.values()) == {None}


@pytest.mark.parametrize(
    "query, fine",
    [
        ("select 1", True),
        ("SELECT 'a; drop table b' AS x, `update`, \"delete\" FROM t", True),
        ("SELECT 1 /* ; delete */ -- ; update", True),
        ("SELECT 1 # ; delete", True),
        ("SELECT 'it''s; delete' AS a", True),
        ("SELECT 1 --", True),
        ("SELECT /* /* nested */ delete */ 1", False),
        ("SELECT 1 --1 delete", False),
        ("SELECT `a", False),
        ("SELECT 1; SELECT 2", False),
        ("SELECT /*+ SET_VAR(sort_buffer_size = 16M) */ 1", False),
        ("SELECT * FROM t LOCK IN SHARE MODE", False),
        ("SELECT @a := 1 INTO @b", False),
        ("SELECT 'a\\'", False),
    ],
)
def test_which_texts_are_one_query_that_reads(query: str, fine: bool) -> None:
    assert (query_problem(query, "mysql") == "") is fine


def test_before_the_kind_of_database_is_known_either_way_of_reading_will_do() -> None:
    assert query_problem("SELECT `a` FROM t # all") == ""
    assert query_problem(r"SELECT $$ ' $$ || E'\'' AS a") == ""
    assert query_problem("SELECT 1 INTO a") == query_problem("SELECT 1 INTO a", "postgresql") != ""


@pytest.mark.parametrize("code", [*range(1, 0x0A), *range(0x0B, 0x21), 0x7F])  # a line end ends it, too
def test_what_mysql_takes_for_the_beginning_of_a_comment_hides_no_words(code: int) -> None:
    sign = chr(code)
    query = f"SELECT 1 --{sign}'\nINTO OUTFILE '/tmp/f' --{sign}'\n"

    assert query_problem(query, "mysql") != ""
    assert query_problem(f"SELECT 1 --{sign} all\n", "mysql") == ""


def test_a_backslash_within_a_text_is_what_is_wrong_with_it() -> None:
    assert "CHAR(92)" in query_problem(r"SELECT 'a\d' AS a", "mysql")
    assert "does not end" in query_problem("SELECT 'a AS a", "mysql")
