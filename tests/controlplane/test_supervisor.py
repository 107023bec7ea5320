from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from controlplane.embedded.processes import Program
from controlplane.embedded.supervisor import DidNotStart, Supervisor
from tests.controlplane.conftest import python
from tests.support.waiting import until

STAY = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); signal.pause()"

OF_ITS_OWN = """
import sys
from pathlib import Path
from tests.controlplane.conftest import python
from controlplane.embedded.supervisor import StopRequested, Supervisor

folder = Path(sys.argv[1])
said = 'import signal, sys, pathlib\\n'
said += 'def bye(*_):\\n    open({log!r}, "a").write({name!r} + " "); sys.exit()\\n'
said += 'signal.signal(signal.SIGTERM, bye); pathlib.Path({ready!r}).touch(); signal.pause()'
supervisor = Supervisor(folder)
supervisor.listen_to_signals()
for name in ("server", "web"):
    code = said.format(log=str(folder / "order"), name=name, ready=str(folder / f"ready-{name}"))
    supervisor.add(name, lambda name=name, code=code: python(name, code, folder))
try:
    while True:
        supervisor.step()
except StopRequested:
    supervisor.stop(["web"])
    supervisor.stop(["server"])
supervisor.close()
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path)
    yield made
    made.close()


def step_until(supervisor: Supervisor, predicate: object) -> None:
    def look() -> bool:
        supervisor.step(0.01)
        return bool(predicate())  # type: ignore[operator]

    until(look, 10)


def pid(supervisor: Supervisor, name: str) -> int:
    process = supervisor.children[name].process
    return process.pid if process else 0


def test_a_killed_child_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.add("a", lambda: python("a", STAY, tmp_path))
    first = pid(supervisor, "a")
    os.kill(first, signal.SIGKILL)
    step_until(supervisor, lambda: pid(supervisor, "a") not in (0, first))
    assert supervisor.children["a"].starts == 2
    supervisor.stop(["a"])
    assert not psutil.pid_exists(first)
    assert supervisor.children == {}


def test_waits_grow_for_what_dies_at_once(supervisor: Supervisor, tmp_path: Path, capsys: Any) -> None:
    supervisor.add("a", lambda: python("a", "raise SystemExit(3)", tmp_path))
    child = supervisor.children["a"]
    said = ""

    def died(times: int) -> bool:
        nonlocal said
        said += capsys.readouterr().out
        child.due_at = 0.0  # nobody waits for it here
        return said.count("[a] ended") >= times

    step_until(supervisor, lambda: died(4))
    waits = re.findall(r"\[a\] ended \(exit status 3\); starting it again (.*)", said)
    assert waits[:4] == ["at once", "in 0.5 s", "in 1 s", "in 2 s"]
    for _ in range(5):
        supervisor._put_off(child, "x", child.wait_seconds)
    assert child.wait_seconds == 10.0


def test_a_long_life_is_forgiven(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.add("a", lambda: python("a", STAY, tmp_path))
    child = supervisor.children["a"]
    child.wait_seconds, child.started_at = 10.0, child.started_at - 10
    os.kill(pid(supervisor, "a"), signal.SIGKILL)
    step_until(supervisor, lambda: child.starts == 2)
    assert child.wait_seconds == 0.5


def test_one_that_cannot_be_started_keeps_nobody_else_waiting(supervisor: Supervisor, tmp_path: Path) -> None:
    broken = False

    def program() -> Program:
        if broken:
            raise OSError("no space left on device")
        return python("a", STAY, tmp_path)

    supervisor.add("a", program)
    supervisor.add("b", lambda: python("b", STAY, tmp_path))
    first, broken = pid(supervisor, "b"), True
    for name in ("a", "b"):
        os.kill(pid(supervisor, name), signal.SIGKILL)
    step_until(supervisor, lambda: pid(supervisor, "b") not in (0, first) and pid(supervisor, "a") == 0)
    broken = False
    step_until(supervisor, lambda: pid(supervisor, "a"))


def test_last_words_outlast_the_next_start(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.add("a", lambda: python("a", "import sys; sys.exit('no port is free')", tmp_path))
    step_until(supervisor, lambda: supervisor.children["a"].starts == 2)
    assert "no port is free" in supervisor.last_words("a")


def test_the_deaf_are_killed_with_what_they_started(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "import subprocess, sys\nprint(subprocess.Popen(['sleep', '1000']).pid)\n" + STUBBORN
    supervisor.add("a", lambda: python("a", code, tmp_path))
    child = supervisor.children["a"]
    child.signals = ((signal.SIGTERM, 0.05),)
    log = tmp_path / "a.log"
    step_until(supervisor, lambda: "deaf" in log.read_text())
    grandchild = int(log.read_text().split()[0])
    supervisor.stop(["a"])
    until(lambda: not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE)


def test_last_words_of_what_did_not_start(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.add("a", lambda: python("a", "import sys; sys.exit('no port is free')", tmp_path))
    with pytest.raises(DidNotStart) as refused:
        supervisor.wait_for("the server", lambda: False, 10, child="a")
    said = str(refused.value).splitlines()
    assert said[:2] == ["the server ended at once. Its last words:", "    no port is free"]
    assert said[-1] == f"  All of it: {tmp_path}/a.log"


def test_what_is_not_ready_in_time(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.add("a", lambda: python("a", STAY, tmp_path))
    with pytest.raises(DidNotStart, match="the server is not ready after 0 s"):
        supervisor.wait_for("the server", lambda: False, 0.01, child="a")


def test_a_command_runs_to_its_end(supervisor: Supervisor, tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        code = "import sys; print('token'); sys.stderr.write('a warning'); sys.exit(4)"
        status = supervisor.run("a", lambda: python("a", code, tmp_path), stdout=out.fileno())
    assert status == 4
    assert (tmp_path / "out").read_text() == "token\n"
    assert (tmp_path / "a.log").read_text() == "a warning\n"
    for _ in range(3):
        supervisor.step(0.01)
    assert supervisor.children["a"].starts == 1


def of_its_own(tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """A supervisor in another process, and its children once they are ready."""
    process = subprocess.Popen([sys.executable, "-c", OF_ITS_OWN, str(tmp_path)])
    until(lambda: all((tmp_path / f"ready-{name}").exists() for name in ("server", "web")), 20)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 2
    return process, children


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_in_order(tmp_path: Path, number: signal.Signals) -> None:
    process, children = of_its_own(tmp_path)
    process.send_signal(number)
    assert process.wait(20) == 0
    assert (tmp_path / "order").read_text() == "web server "
    assert psutil.wait_procs(children, timeout=0)[1] == []


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    process, children = of_its_own(tmp_path)
    process.kill()
    process.wait()
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert not (tmp_path / "order").exists()
