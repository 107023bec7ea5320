"""The wrapper and its command: started, signalled, ended, whatever it leaves."""

from __future__ import annotations

import ast
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import until
from tests.workers.wrapper.conftest import Wrapped
from workers.contracts import environment as names
from workers.contracts import exit_codes
from workers.runtime import (
    prepare,
    wrapper,
    wrapper_ending,
    wrapper_facts,
    wrapper_gpus,
    wrapper_logs,
    wrapper_output,
    wrapper_place,
    wrapper_reporting,
    wrapper_spool,
    wrapper_system,
)

FILES = (
    wrapper,
    wrapper_reporting,
    wrapper_output,
    wrapper_ending,
    wrapper_logs,
    wrapper_spool,
    wrapper_place,
    wrapper_system,
    wrapper_gpus,
    wrapper_facts,
)


@pytest.mark.parametrize("status", [0, 1, 83, 84, 85, 255])
def test_it_exits_as_the_command_did(alone: Wrapped, status: int) -> None:
    assert alone.sh(f"exit {status}") == status
    assert alone.report() == {"exit_code": status, "reason": "", "result": None}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_an_end_by_a_signal_is_128_and_its_number(alone: Wrapped, number: int) -> None:
    assert alone.sh(f"kill -{number} $$") == 128 + number


@pytest.mark.parametrize(
    "command, status, text",
    [
        ("no-such-command", 127, "cannot start no-such-command: No such file or directory"),
        ("./token", 126, "cannot start ./token: Permission denied"),
    ],
)
def test_what_cannot_start_says_why(wrapped: Wrapped, command: str, status: int, text: str) -> None:
    assert wrapped.run(command)[0] == status
    error = {"error": {"code": "launch_error", "detail": text}}
    assert wrapped.report() == {"exit_code": status, "reason": "launch_error", "result": error}
    assert wrapped.output() == f"bedplate: {text}\n"


def test_a_closed_folder_on_the_search_path_does_not_hide_that_it_is_missing(alone: Wrapped) -> None:
    (alone.folder / "notes.txt").write_text("")
    alone.environment = {"PATH": f"/bin:{alone.folder}/notes.txt"}  # a file: even root may not look into it
    assert alone.run("no-such-command")[0] == 127
    assert alone.report()["result"]["error"]["detail"] == "cannot start no-such-command: No such file or directory"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_passed_on(alone: Wrapped, number: int) -> None:
    process = alone.start("sh", "-c", "trap 'echo term; exit 5' TERM INT; echo up; while :; do sleep 0.02; done")
    alone.prints("up\n")
    process.send_signal(number)
    assert process.wait(10) == 5
    assert alone.output() == "up\nterm\n"


def test_only_the_command_is_signalled_not_its_children(alone: Wrapped) -> None:
    script = "sh -c 'trap \"echo child\" TERM; while :; do sleep 0.02; done' & trap 'exit 4' TERM; echo up; wait"
    process = alone.start("sh", "-c", script)
    alone.prints("up\n")
    process.terminate()
    assert process.wait(10) == 4
    assert alone.output() == "up\n"


def test_what_the_command_leaves_behind_is_killed(alone: Wrapped) -> None:
    process = alone.start("sh", "-c", "(setsid sleep 1000 & echo $! ; setsid sleep 1000 & echo $!) ; exit 6")
    assert process.wait(10) == 6
    pids = [int(line) for line in alone.output().split()]
    assert len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_the_command_dies_with_a_killed_wrapper(alone: Wrapped) -> None:
    process = alone.start("sh", "-c", "echo $$; exec sleep 1000")
    alone.prints("\n")
    command = psutil.Process(int(alone.output()))
    process.kill()
    process.wait(10)
    until(lambda: not command.is_running() or command.status() == psutil.STATUS_ZOMBIE)


def test_all_output_is_kept_byte_for_byte(alone: Wrapped) -> None:
    script = (
        "import os\n"
        "for n in range(3):\n"
        "    os.write(1, b'out\\xff\\x00\\r')\n"
        "    os.write(2, b'err\\n')\n"
        "os.write(1, bytes(range(256)) * 4096)"
    )
    assert alone.run(sys.executable, "-I", "-S", "-c", script)[0] == 0
    expected = b"out\xff\x00\rerr\n" * 3 + bytes(range(256)) * 4096
    assert (alone.folder / "output.log").read_bytes() == expected


@pytest.mark.parametrize(
    "text, result",
    [
        ('{"auc": 0.8}', {"auc": 0.8}),
        ("[1]", None),
        ("{", None),
        ('{"a": "' + "x" * (1 << 20) + '"}', None),
    ],
)
def test_the_result_is_an_object_of_at_most_a_mebibyte(alone: Wrapped, text: str, result: object) -> None:
    (alone.folder / "source").write_text(text)
    assert alone.sh("cp source result.json") == 0
    assert alone.report()["result"] == result


def test_options_have_defaults_and_unknown_ones_are_refused() -> None:
    defaults = {"heartbeat_seconds": 5.0, "last_words_seconds": 10.0, "time_limit_seconds": 0.0, "replica": 0.0}
    assert wrapper.parse(["--", "sleep", "--", "1"]) == (defaults, ["sleep", "--", "1"])
    with pytest.raises(ValueError, match="unknown option --fast"):
        wrapper.parse(["--fast", "--", "true"])
    with pytest.raises(ValueError, match="no command"):
        wrapper.parse(["--replica", "--"])


def test_it_works_where_there_is_nothing_of_ours(tmp_path: Path) -> None:
    """As in a foreign image: copied files, no project, no site packages."""
    for module in FILES:
        source = Path(str(module.__file__))
        (tmp_path / source.name).write_bytes(source.read_bytes())
    read_end, write_end = os.pipe()
    command = [sys.executable, "-I", "-S", str(tmp_path / "wrapper.py"), "--", "echo", "hello"]
    redirect = [(os.POSIX_SPAWN_DUP2, write_end, 1)]
    pid = os.posix_spawn(command[0], command, {"PATH": "/bin:/usr/bin"}, file_actions=redirect)
    os.close(write_end)
    with os.fdopen(read_end) as output:
        assert output.read() == "hello\n"
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_it_repeats_the_names_of_the_contracts() -> None:
    for module in (*FILES, prepare):
        for name in (
            "API_URL",
            "TOKEN_FILE",
            "RANK",
            "WORLD_SIZE",
            "SPEC_FILE",
            "RESULT_FILE",
            "REPORT_FILE",
            "PATIENCE_SECONDS",
            "OUTPUT_BYTES",
            "LOG_SPOOL_BYTES",
            "SYSTEM_METRICS_SECONDS",
        ):
            assert getattr(module, name, getattr(names, name)) == getattr(names, name)
    assert wrapper.CONTROL_PLANE_GONE == exit_codes.CONTROL_PLANE_GONE


def test_it_imports_the_standard_library_only() -> None:
    for module in (*FILES, prepare):
        tree = ast.parse(Path(str(module.__file__)).read_text())
        found = {name for node in tree.body for name in _imported(node)}
        assert found <= sys.stdlib_module_names, module.__name__


def _imported(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return {str(node.module).partition(".")[0]} if isinstance(node, ast.ImportFrom) else set()
