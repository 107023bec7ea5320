"""Replicas on this machine: kept alive, at their address, and honest about their health."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.waiting import until
from tests.workers.backends.conformance import serves
from tests.workers.backends.jobs import SERVER, alive, make_launch, server
from tests.workers.backends.local_jobs import LocalJob, submit
from workers.backends.base import BackendUnavailable
from workers.backends.local import replicas
from workers.backends.local.backend import LocalBackend
from workers.backends.local.plan import LOOPBACK
from workers.contracts.observation import MemberObservation, Phase


def ask(address: str) -> tuple[int, str]:
    """Status and text of what is served there; (0, "") when nobody answers."""
    host, _, port = address.partition(":")
    with suppress(OSError), socket.create_connection((host, int(port)), timeout=2) as connection:
        connection.sendall(b"GET /pid HTTP/1.0\r\n\r\n")
        with connection.makefile() as answer:
            status = int(answer.readline().split()[1])
            return status, answer.read().strip()
    return 0, ""


def ready(job: LocalJob, count: int = 1) -> tuple[MemberObservation, ...]:
    until(lambda: serves(count)(job.seen()), 15, what=f"{count} ready replicas")
    return job.seen().members


def test_a_killed_replica_comes_back_at_its_address(backend: LocalBackend, tmp_path: Path) -> None:
    job = submit(backend, tmp_path / "home", server(), make_launch(count=2))
    before = ready(job, 2)
    first = ask(before[0].address)
    other = ask(before[1].address)
    os.kill(int(first[1]), signal.SIGKILL)
    until(lambda: not job.seen().members[0].ready)
    after = ready(job, 2)
    assert [member.address for member in after] == [member.address for member in before]
    assert [member.restarts for member in after] == [1, 0]
    assert (after[0].exit_code, after[0].reason) == (None, "exit_nonzero")  # it runs; and why it was restarted
    assert ask(after[0].address)[0] == 200
    assert ask(after[0].address)[1] != first[1]
    assert ask(after[1].address) == other
    os.kill(job.member_pid(1), signal.SIGKILL)
    until(lambda: job.seen().members[1].restarts == 1)
    assert ready(job, 2)[1].address == before[1].address


def test_a_replica_whose_port_is_taken_chooses_another(backend: LocalBackend, tmp_path: Path) -> None:
    script = f"""
import os, sys
if not os.path.exists("tried"):
    open("tried", "w").write(os.environ["BEDPLATE_SERVE_PORT"])
    sys.exit(84)
{SERVER}"""
    job = submit(backend, tmp_path / "home", server(script), make_launch())
    (member,) = ready(job)
    tried = (job.path / "member-0" / "work" / "tried").read_text()
    assert member.address != f"127.0.0.1:{tried}"
    assert member.restarts == 1


def test_a_sick_replica_is_not_ready_and_not_restarted(backend: LocalBackend, tmp_path: Path) -> None:
    job = submit(backend, tmp_path / "home", server(), make_launch())
    (member,) = ready(job)
    sick = job.path / "member-0" / "work" / "sick"
    sick.touch()
    until(lambda: not job.seen().members[0].ready)
    sick.unlink()
    assert ready(job) == (member,)


def test_a_replica_that_never_gets_ready_is_started_again(backend: LocalBackend, tmp_path: Path) -> None:
    spec = server("import time\nwhile True:\n    time.sleep(1)", start_timeout_seconds=1)
    job = submit(backend, tmp_path / "home", spec, make_launch())
    until(lambda: job.seen().members and job.seen().members[0].restarts == 1)
    member = job.seen().members[0]
    assert (member.reason, member.exit_code, member.ready) == ("start_timeout", 143, False)


def test_a_server_that_does_not_exist_fails(backend: LocalBackend, tmp_path: Path) -> None:
    job = submit(backend, tmp_path / "home", server(command=("no-such-server",)), make_launch(count=2))
    seen = job.end()
    assert (seen.phase, seen.reason) == (Phase.FAILED, "launch_error")


def test_a_superseded_server_ends(backend: LocalBackend, tmp_path: Path) -> None:
    job = submit(backend, tmp_path / "home", server("import sys; sys.exit(85)"), make_launch())
    seen = job.end()
    assert (seen.phase, seen.reason, seen.detail) == (
        Phase.FAILED,
        "exit_nonzero",
        "A newer attempt took the place of this one.",
    )


def test_a_killed_supervisor_takes_its_replicas_with_it(backend: LocalBackend, tmp_path: Path) -> None:
    job = submit(backend, tmp_path / "home", server(), make_launch(count=2))
    addresses = [member.address for member in ready(job, 2)]
    os.kill(job.supervisor_pid(), signal.SIGKILL)
    until(lambda: not job.supervised())
    assert job.end().phase is Phase.LOST
    assert alive(job.attempt_id) == []
    assert [ask(address) for address in addresses] == [(0, ""), (0, "")]


def test_a_server_may_start_with_no_replica(backend: LocalBackend, tmp_path: Path) -> None:
    job = submit(backend, tmp_path / "home", server(), make_launch(count=0))
    assert job.runs().members == ()
    backend.resize(job.handle, 1)
    ready(job)
    backend.stop(job.handle, 10)
    assert job.end().phase is Phase.SUCCEEDED


def test_ports_are_not_those_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = {replicas.free_port(LOOPBACK) for _ in range(20)}
    assert len(ports) > 1
    assert all(replicas.LOWEST_PORT <= port < lowest for port in ports)


def test_replicas_listen_where_the_gateway_reaches_them(tmp_path: Path) -> None:
    """In a container that is its own address; here another one of loopback stands for it."""
    backend = LocalBackend(tmp_path / "home", replica_host="127.0.0.2")
    try:
        job = submit(backend, tmp_path / "home", server(), make_launch())
        address = ready(job)[0].address
        assert address.startswith("127.0.0.2:")
        assert ask(address)[0] == 200
        assert ask(address.replace("127.0.0.2", LOOPBACK)) == (0, "")
    finally:
        backend.stop_everything(0)


def test_a_name_of_no_machine_passes_as_soon_as_it_is_known(tmp_path: Path) -> None:
    backend = LocalBackend(tmp_path / "home", replica_host="nowhere.invalid")
    with pytest.raises(BackendUnavailable, match="The job could not be written"):
        backend.submit(server(), make_launch())
