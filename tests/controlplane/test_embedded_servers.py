"""Real servers of the wheels, under the account that runs the tests."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from controlplane.embedded import postgres_files
from controlplane.embedded.account import Account, server_account
from controlplane.embedded.home import Home
from controlplane.embedded.postgres import EmbeddedPostgres, PostgresRefused
from controlplane.embedded.postgres_files import PostgresUnreachable
from controlplane.embedded.processes import Program, spawn, stop
from controlplane.embedded.redis import EmbeddedRedis, version_of
from controlplane.env import ROOT
from tests.support.waiting import until


@contextmanager
def running(server: EmbeddedPostgres | EmbeddedRedis) -> Iterator[tuple[Program, subprocess.Popen[bytes]]]:
    program = server.program()
    process = spawn(program, subprocess.DEVNULL)
    try:
        until(server.answers, 30, what=program.name)
        yield program, process
    finally:
        stop(process, program.stop_signals)


def count(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    return int(row[0]) if row else -1


def test_postgres_is_made_killed_recovered_and_stopped(home: Home) -> None:
    server = EmbeddedPostgres(home)
    with running(server) as (_, process):
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept (id int)")
            connection.execute("INSERT INTO kept VALUES (1)")
        process.kill()
        process.wait()
    assert (server.data / "postmaster.pid").is_file()

    again = EmbeddedPostgres(home)
    with running(again) as (program, process):
        assert count(again) == 1
        assert stop(process, program.stop_signals) == 0
    assert not (server.data / "postmaster.pid").exists()
    assert not again.answers()


def test_the_making_of_a_server_hears_no_ctrl_c_and_ends_with_who_began_it(home: Home) -> None:
    code = (
        "import sys; from pathlib import Path; from controlplane.embedded.home import Home;"
        "from controlplane.embedded.postgres import EmbeddedPostgres;"
        "EmbeddedPostgres(Home(Path(sys.argv[1])), durable=False).program()"
    )
    folder = EmbeddedPostgres(home, durable=False).folder
    with subprocess.Popen([sys.executable, "-c", code, str(home.path)], cwd=ROOT, start_new_session=True) as beginner:
        until((folder / "draft" / "PG_VERSION").exists, 30)
        (initdb,) = psutil.Process(beginner.pid).children()
        group = os.getpgid(initdb.pid)
        beginner.kill()
    until(lambda: not initdb.is_running() or initdb.status() == psutil.STATUS_ZOMBIE, 30)
    assert group == initdb.pid
    assert not (folder / "draft" / "base" / "5").exists()  # the last thing that is made
    with running(EmbeddedPostgres(home, durable=False)):
        pass


def test_postgres_wants_the_password_and_listens_on_loopback_only(home: Home) -> None:
    server = EmbeddedPostgres(home, durable=False)
    with running(server) as (program, _):
        assert server.password not in " ".join(program.argv)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url.replace(server.password, "wrong"))
        with psycopg.connect(server.url) as connection:
            shown = {
                name: connection.execute(f"SHOW {name}").fetchone()
                for name in ("listen_addresses", "unix_socket_directories", "server_encoding", "TimeZone")
            }
    assert shown == {
        "listen_addresses": ("127.0.0.1",),
        "unix_socket_directories": ("",),
        "server_encoding": ("UTF8",),
        "TimeZone": ("UTC",),
    }
    assert server.data.stat().st_uid == (server.account.uid if server.account else os.getuid())


def test_a_server_whose_supervisor_was_killed_is_ended_before_a_new_one_starts(home: Home) -> None:
    abandoned = EmbeddedPostgres(home, durable=False)
    process = spawn(abandoned.program(), subprocess.DEVNULL)
    until(abandoned.answers, 30)
    process.send_signal(signal.SIGSTOP)  # not even willing to leave
    process.send_signal(signal.SIGCONT)
    with running(EmbeddedPostgres(home, durable=False)):
        assert process.wait(10) == 0
        assert not abandoned.answers()


def test_backends_that_outlive_their_server_do_not_keep_the_next_one_waiting(home: Home) -> None:
    server = EmbeddedPostgres(home, durable=False)
    with running(server) as (_, process), closing(psycopg.connect(server.url)) as connection:
        busy = psutil.Process(connection.info.backend_pid)
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 10000000000)")
        until(lambda: busy.cpu_times().user > 0.1, 10, what="a statement that looks at nothing else")
        process.kill()
        process.wait()
        assert busy.is_running()
        began = time.monotonic()
        with running(server):
            assert time.monotonic() - began < 5
            assert not busy.is_running()


def test_a_stale_lock_whose_number_went_to_another_program_is_no_obstacle(home: Home) -> None:
    server = EmbeddedPostgres(home, durable=False)
    with running(server):
        pass
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    with running(EmbeddedPostgres(home, durable=False)):
        pass


def test_data_of_another_version_is_refused(home: Home) -> None:
    server = EmbeddedPostgres(home, durable=False)
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(PostgresRefused, match=r"was made by PostgreSQL 9.6 and the installed one is 18"):
        server.program()


def test_redis_wants_the_password_and_keeps_nothing(home: Home) -> None:
    server = EmbeddedRedis(home)
    with running(server) as (program, _):
        assert server.password not in " ".join(program.argv)
        assert (home.run / "redis.conf").stat().st_mode & 0o777 == 0o600
        stranger_url = f"redis://127.0.0.1:{server.port}"
        with pytest.raises(redis.AuthenticationError), redis.Redis.from_url(stranger_url) as stranger:
            stranger.ping()
        with redis.Redis.from_url(server.url) as client:
            client.set("a", 1)
    assert not server.answers()
    assert list((home.path / "redis").iterdir()) == []


def test_servers_start_in_a_home_of_any_name(home: Home) -> None:
    strange = Home(home.path / ("a 'b\" \\ ü " + "long" * 40))
    strange.ensure()
    for server in (EmbeddedRedis(strange), EmbeddedPostgres(strange, durable=False)):
        with running(server):
            pass


def test_what_is_no_redis_has_no_version(tmp_path: Path) -> None:
    assert version_of("/bin/true") == (0, 0)
    assert version_of(str(tmp_path / "missing")) == (0, 0)


def test_the_server_folder_is_one_that_its_account_reaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Home(tmp_path / "home")
    closed.ensure()
    closed.path.chmod(0o700)
    monkeypatch.setattr(postgres_files, "ELSEWHERE", tmp_path / "elsewhere")
    account = server_account()
    folder = postgres_files.server_folder(closed, account)
    assert folder == (tmp_path / "elsewhere" / closed.digest if account else closed.path) / "postgres"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_data_decides_where_the_server_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root: a home that was closed at first stays where it was; data in a home that is closed later is not lost."""
    taken: list[Path] = []
    monkeypatch.setattr(Account, "take", lambda self, path: taken.append(path))
    monkeypatch.setattr(postgres_files, "ELSEWHERE", tmp_path / "elsewhere")
    reached = {"now": False}
    monkeypatch.setattr(Account, "may", lambda self, path, need: reached["now"])
    home, account = Home(tmp_path / "home"), Account(uid=12345, gid=12345)
    home.ensure()
    elsewhere = tmp_path / "elsewhere" / home.digest / "postgres"

    assert postgres_files.server_folder(home, account) == elsewhere
    (elsewhere / "data").mkdir()
    reached["now"] = True
    assert postgres_files.server_folder(home, account) == elsewhere

    shutil.rmtree(elsewhere)
    assert postgres_files.server_folder(home, account) == home.path / "postgres"
    (home.path / "postgres" / "data").mkdir()
    reached["now"] = False
    with pytest.raises(PostgresUnreachable, match="no longer gets there"):
        postgres_files.server_folder(home, account)
    assert taken == [elsewhere, elsewhere, home.path / "postgres"]


def test_binaries_are_copied_for_an_account_that_does_not_reach_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "closed" / "packages"
    for part in ("bin/postgres", "bin/initdb", "lib/x.so", "share/postgres.bki", "include/postgres.h"):
        path = installed / postgres_files.PACKAGE / part
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(part)
        path.chmod(0o700)
    (installed / postgres_files.LIBRARIES).mkdir()
    installed.chmod(0o700)
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setattr(postgres_files, "installed_root", lambda: installed)
    monkeypatch.setattr(postgres_files, "ELSEWHERE", elsewhere)

    assert postgres_files.binaries(None) == installed / postgres_files.PACKAGE / "bin"
    copied = postgres_files.binaries(Account(uid=12345, gid=12345))
    assert copied.is_relative_to(elsewhere)
    assert sorted(path.name for path in copied.parent.iterdir()) == ["bin", "lib", "share"]
    assert (copied / "postgres").stat().st_mode & 0o777 == 0o755
    assert elsewhere.stat().st_mode & 0o777 == 0o711
    assert postgres_files.binaries(Account(uid=12345, gid=12345)) == copied
    shutil.rmtree(elsewhere)


def test_may_looks_at_every_folder_above(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "a" / "file"
    file.parent.mkdir(mode=0o700)
    file.touch(0o644)
    stranger, owner = Account(uid=12345, gid=12345), Account(uid=os.getuid(), gid=os.getgid())
    assert not stranger.may(file, stat.S_IROTH)
    assert owner.may(file, stat.S_IROTH)
