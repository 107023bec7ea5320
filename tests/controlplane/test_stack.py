from __future__ import annotations

import socket
import sys
from pathlib import Path

import psutil
import pytest

from controlplane import env
from controlplane.embedded.home import Addresses
from controlplane.embedded.programs import Programs
from controlplane.embedded.stack import PortTaken, SettingUnusable, Stack
from tests.controlplane.conftest import python

STAY = "import signal; signal.pause()"
ADDRESSES = Addresses("postgresql://u:secret@127.0.0.1:1/d", "redis://:secret@127.0.0.1:1/0")


def environment(home: Path, **variables: str) -> env.Environment:
    return env.read({"BEDPLATE_ENV_FILE": "", "BEDPLATE_HOME": str(home), **variables})


def no_jobs(grace_seconds: float) -> None:
    """No job runs."""


def test_a_taken_port_is_named_with_the_setting_that_chooses_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        stack = Stack(environment(tmp_path, BEDPLATE_GATEWAY_PORT=str(port)), lambda addresses: True, no_jobs)
        stack._ports = lambda: {"gateway": ("BEDPLATE_GATEWAY_PORT", port)}  # type: ignore[method-assign]
        with pytest.raises(PortTaken) as refused, stack.running():
            pass
    assert str(refused.value) == (
        f"Port {port} on 127.0.0.1 is taken by another program, and gateway needs it. "
        "Stop that program, or set BEDPLATE_GATEWAY_PORT to a free port."
    )


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"BEDPLATE_GATEWAY_PORT": "8000"},
            "BEDPLATE_GATEWAY_PORT is 8000, as BEDPLATE_PORT is: give each a port of its own.",
        ),
        (
            {"BEDPLATE_HOST": "203.0.113.7"},
            "BEDPLATE_HOST: nobody can listen at 203.0.113.7 on this machine: "
            "[Errno 99] Cannot assign requested address",
        ),
        (
            {"BEDPLATE_STORAGE_URL": "file:///proc/nowhere"},
            "BEDPLATE_STORAGE_URL: /proc/nowhere cannot be written: [Errno 2] No such file or directory: "
            "'/proc/nowhere'",
        ),
    ],
)
def test_settings_that_cannot_be_are_named_before_anything_is_started(
    tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    ports = {"BEDPLATE_PORT": "8000", "BEDPLATE_GATEWAY_PORT": "8001", "BEDPLATE_WORKER_METRICS_PORT": "0"}
    stack = Stack(environment(tmp_path, **(ports | variables)), lambda addresses: True, no_jobs)
    if "BEDPLATE_STORAGE_URL" in variables:
        stack._ports = dict  # type: ignore[method-assign]
    with pytest.raises(SettingUnusable) as refused, stack.running():
        pass
    assert str(refused.value) == said
    assert stack.supervisor.children == {}


def test_the_watcher_is_started_once_there_is_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[Addresses] = []
    stack = Stack(environment(tmp_path), lambda addresses: True, no_jobs, lambda addresses: addresses in known)
    stack.home.ensure()
    stack._addresses = ADDRESSES
    monkeypatch.setattr(Programs, "watcher", lambda self: python("watcher", STAY, tmp_path))
    monkeypatch.setattr("controlplane.embedded.stack.CLUSTERS_SECONDS", 0.0)
    stack._watch_clusters()
    assert stack.supervisor.children == {}
    known.append(ADDRESSES)
    try:
        for _ in range(2):
            stack._watch_clusters()
        assert [child.name for child in stack.supervisor.children.values()] == ["watcher"]
    finally:
        stack._stop()


def test_servers_are_stopped_even_when_jobs_cannot_be(tmp_path: Path) -> None:
    def stuck(grace_seconds: float) -> None:
        raise RuntimeError("a job does not end")

    stack = Stack(environment(tmp_path), lambda addresses: True, stuck)
    stack.home.ensure()
    for name in ("web", "redis", "postgres"):
        stack.supervisor.add(name, lambda name=name: python(name, STAY, tmp_path))  # type: ignore[misc]
    running = [child.process.pid for child in stack.supervisor.children.values() if child.process]
    with pytest.raises(RuntimeError, match="a job does not end"):
        stack._stop()
    assert [pid for pid in running if psutil.pid_exists(pid)] == []


def test_each_program_gets_what_it_needs_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEDPLATE_STRAY", "x")
    programs = Programs(environment(tmp_path), ADDRESSES)

    def settings(given: dict[str, str]) -> set[str]:
        return {name for name in given if name.startswith(("BEDPLATE_", "CREDIT_RISK_", "DJANGO_"))}

    web, gateway = dict(programs.web().environment), dict(programs.gateway().environment)
    example = dict(programs.example(tmp_path / "x" / "run.py", {"CREDIT_RISK_URL": "u"}).environment)
    assert web["BEDPLATE_DATABASE_URL"] == ADDRESSES.database_url
    assert "BEDPLATE_STRAY" not in web
    assert settings(gateway) - {"DJANGO_SETTINGS_MODULE"} == {
        "BEDPLATE_HOST",
        "BEDPLATE_GATEWAY_PORT",
        "BEDPLATE_GATEWAY_TOKEN",
        "BEDPLATE_JOB_API_URL",
        "BEDPLATE_LOG_LEVEL",
        "BEDPLATE_LOG_FORMAT",
    }
    assert settings(example) == {"CREDIT_RISK_URL"}


def test_no_secret_is_in_the_arguments(tmp_path: Path) -> None:
    programs = Programs(environment(tmp_path, BEDPLATE_SECRET_KEY="swordfish" * 4), ADDRESSES)
    for program in (programs.web(), programs.worker(), programs.beat(), programs.gateway(), programs.manage("prepare")):
        assert program.argv[0] == sys.executable
        assert "secret" not in " ".join(program.argv)
        assert "swordfish" not in " ".join(program.argv)
