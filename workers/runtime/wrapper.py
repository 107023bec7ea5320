"""Start a job's command and tell the control plane about it: logs, heartbeats, exit. Standard library only.

    python -I -S wrapper.py [--heartbeat-seconds 5] [--last-words-seconds 10] [--time-limit-seconds 0] [--replica]
        -- COMMAND ...

This file and the others named `wrapper_*.py` beside it can be copied into an image that has nothing of ours. They are
told everything by the environment (`workers.contracts.environment`, whose names they repeat) and can never fail or
slow the command: it starts before anything is imported that speaks HTTP, its output is always read, and what the API
does (slow, down, wrong, endless) makes its log late and nothing else: what waits is kept on the disk. The wrapper's
own standard output keeps the bytes of the command's output, up to `OUTPUT_BYTES`.

It exits as the command did (128 + n for signal n), with 127 or 126 when the command could not be started, or with
85 when a newer attempt took over. While the control plane is away at the end, it waits for it, `PATIENCE_SECONDS` at
most, unless it was told to stop. A first SIGTERM or SIGINT is passed on to the command, a second one also cuts the last
words short. `--replica`: a keeper starts the command again, so its exits are not those of the attempt. The time limit
(0: none) is for where no supervisor of ours holds it.
"""
# Plain paths: pathlib takes longer to import than the command to start.
# ruff: noqa: E402, PTH100, PTH110, PTH120, PTH123, PTH208

from __future__ import annotations

import signal

FORWARDED = (signal.SIGTERM, signal.SIGINT)
EARLY: list[int] = []  # came before there was a command to pass them on to
for each in FORWARDED if __name__ == "__main__" else ():  # first of all: process 1 hears of nothing before that
    signal.signal(each, lambda number, _: EARLY.append(number))

import contextlib
import ctypes
import errno
import importlib
import os
import sys
import threading
import time
from typing import Any, NoReturn

API_URL = "BEDPLATE_JOB_API_URL"
RESULT_FILE, REPORT_FILE = "BEDPLATE_RESULT_FILE", "BEDPLATE_REPORT_FILE"
PATIENCE_SECONDS = "BEDPLATE_PATIENCE_SECONDS"
OUTPUT_BYTES = "BEDPLATE_OUTPUT_BYTES"
LOG_SPOOL_BYTES = "BEDPLATE_LOG_SPOOL_BYTES"
SYSTEM_METRICS_SECONDS = "BEDPLATE_SYSTEM_METRICS_SECONDS"
CONTROL_PLANE_GONE = 85

DEFAULT_PATIENCE_SECONDS, DEFAULT_SYSTEM_SECONDS = 900.0, 10.0
CLEAR_SECONDS = 5.0
LATE_SECONDS = 5.0  # to leave, once the time is over
SOONER_SECONDS = 1.0  # by so much must a new end of the grace be nearer than the one before to count
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PRCTL = ctypes.CDLL(None).prctl


class Command:
    """The command: a child in a session of its own, which dies with the wrapper."""

    def __init__(self, argv: list[str]) -> None:
        self.superseded = False
        self.hurry = threading.Event()
        self._argv = argv
        self._pid = 0
        self._signalled = False
        self._kill_at = float("inf")
        self.told_to_stop = False
        """By a signal, or by the control plane."""
        self.late = False
        """It ran for longer than it may."""
        self._lock = threading.RLock()  # a signal handler may interrupt its holder

    def start(self) -> int:
        """Start it; returns the end to read its output from. Raises OSError: it cannot be started."""
        output, output_end = os.pipe()
        failure, failure_end = os.pipe()
        parent = os.getpid()
        PRCTL(PR_SET_CHILD_SUBREAPER, 1)  # what the command abandons becomes ours, to kill and to reap
        signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
        for each in FORWARDED:
            signal.signal(each, self._on_signal)
        self._pid = os.fork()
        if self._pid == 0:
            self._become(output_end, failure_end, parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        for number in EARLY:
            self._on_signal(number, None)
        os.close(output_end)
        os.close(failure_end)
        error = os.read(failure, 16)  # nothing: a successful exec closed the other end
        os.close(failure)
        if error:
            self.wait()
            reason = int(error) if is_somewhere(self._argv[0]) else errno.ENOENT
            raise OSError(reason, os.strerror(reason), self._argv[0])
        return output

    def _become(self, output_end: int, failure_end: int, parent: int) -> NoReturn:
        """In the child: turn into the command."""
        number = errno.EINVAL
        try:
            os.setsid()
            PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the line above
                os._exit(128 + signal.SIGKILL)
            for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output_end), (2, output_end)):
                os.dup2(source, target)
            for each in (*FORWARDED, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
            os.execvp(self._argv[0], self._argv)  # noqa: S606 - the user's command, by design without a shell
        except OSError as error:
            number = error.errno or number
        finally:  # whatever happened, this process must not go on as a second wrapper
            os.write(failure_end, str(number).encode())
            os._exit(127)

    def _on_signal(self, number: int, _: object) -> None:
        if self._signalled or not self._pid:
            self.hurry.set()
        self._signalled = self.told_to_stop = True
        self._send(number)

    def _send(self, number: int) -> None:
        with self._lock:
            if self._pid:
                os.kill(self._pid, number)

    def leave(self, grace_seconds: float) -> None:
        """Ask it to leave, once; what is still there after the grace, or after a shorter one that is told later, is
        killed. Does not block."""
        kill_at, first = time.monotonic() + grace_seconds, self._kill_at == float("inf")
        if first or kill_at < self._kill_at - SOONER_SECONDS:
            self._kill_at, self.told_to_stop = kill_at, True
            if first:
                self._send(signal.SIGTERM)
            timer = threading.Timer(grace_seconds, kill_descendants)
            timer.daemon = True
            timer.start()

    def limit(self, seconds: float) -> None:
        """Let it run no longer than that; 0: for ever. Does not block."""
        if seconds:
            timer = threading.Timer(seconds, self._expire)
            timer.daemon = True
            timer.start()

    def _expire(self) -> None:
        if self._pid:
            self.late = True
            self.leave(LATE_SECONDS)

    def wait(self) -> int:
        """Wait for its end, reaping what it abandons; returns its exit status."""
        while True:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            pid = ended.si_pid if ended else 0
            with self._lock:
                command = pid == self._pid
                if command:
                    self._pid = 0  # before it is reaped: from then on the number may be another process's
                try:
                    _, status = os.waitpid(pid, 0)
                except ChildProcessError:  # the thread that asked for the GPUs reaped its own child
                    continue
            if command:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code


def is_somewhere(program: str) -> bool:
    """False for a name that no folder of the search path has, also where one of them may not be looked into."""
    return "/" in program or any(os.path.exists(f"{folder}/{program}") for folder in os.get_exec_path())


def descendants() -> list[int]:
    """Every process below this one; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    with contextlib.suppress(OSError):  # no /proc: nothing can be said
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # it may have ended
                children.setdefault(int(file.read().rpartition(b")")[2].split()[1]), []).append(int(name))
    found = children.get(os.getpid(), [])
    for pid in found:  # grows while it is walked
        found.extend(children.get(pid, ()))
    return found


def kill_descendants() -> None:
    for pid in descendants():
        with contextlib.suppress(ProcessLookupError):  # it ended by itself
            os.kill(pid, signal.SIGKILL)


def clear_descendants() -> None:
    """Kill and reap what the command left behind, until nothing is there."""
    deadline = time.monotonic() + CLEAR_SECONDS
    while descendants() and time.monotonic() < deadline:
        kill_descendants()
        with contextlib.suppress(ChildProcessError):  # all are reaped
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue
        time.sleep(0.005)


def parse(argv: list[str]) -> tuple[dict[str, float], list[str]]:
    """Options before `--`, the command after it. Raises ValueError."""
    options = {"heartbeat_seconds": 5.0, "last_words_seconds": 10.0, "time_limit_seconds": 0.0, "replica": 0.0}
    words = iter(argv)
    for word in words:
        if word == "--":
            break
        name = word.removeprefix("--").replace("-", "_")
        if name not in options:
            raise ValueError(f"unknown option {word}")
        options[name] = 1.0 if name == "replica" else float(next(words, ""))
    command = list(words)
    if not command:
        raise ValueError("no command")
    return options, command


def number(name: str, default: float) -> float:
    """A figure from the environment; the default when it is not there, or is none."""
    with contextlib.suppress(ValueError):  # a job runs all the same
        value = float(os.environ.get(name) or default)
        return value if 0 <= value < 1e15 else default
    return default


def main(argv: list[str]) -> int:
    options, words = parse(argv)
    options["patience_seconds"] = number(PATIENCE_SECONDS, DEFAULT_PATIENCE_SECONDS)
    options["system_seconds"] = number(SYSTEM_METRICS_SECONDS, DEFAULT_SYSTEM_SECONDS)
    report_file = os.environ.get(REPORT_FILE, "")
    report: dict[str, Any] = {"exit_code": 0, "reason": "", "result": None}
    command, source = Command(words), -1
    settle()
    status, detail = 0, ""
    try:
        source = command.start()
        command.limit(options["time_limit_seconds"])
    except OSError as error:
        status, detail = 127 if error.errno == errno.ENOENT else 126, f"cannot start {words[0]}: {error.strerror}"
        report |= {"reason": "launch_error", "result": {"error": {"code": "launch_error", "detail": detail}}}
    # Only now: it takes longer than starting the command.
    parts, logs = with_the_rest(os.path.dirname(os.environ.get(RESULT_FILE) or report_file))
    reporting, outputs, ending = parts["reporting"], parts["output"], parts["ending"]
    memory = ending.Memory(report_file)
    usage = reporting.Usage(descendants, parts["gpus"].opened)
    system = parts["system"].maker(descendants, usage, options, is_alone=memory.is_alone)
    system = parts["facts"].beside(system, words, descendants)
    reporter = reporting.Reporter(command, logs, usage, options, system)
    if os.environ.get(API_URL):
        reporter.start()
    if source < 0:
        line = f"bedplate: {detail}\n".encode()
        os.write(1, line)
        logs.feed(line)
    else:
        output = outputs.Output(source, logs, copy_bytes=int(number(OUTPUT_BYTES, outputs.COPY_BYTES)))
        status, said = until_it_ends(command, output)
        limit = options["time_limit_seconds"] if command.late else 0.0
        status = ending.judged(report, status, said, os.environ.get(RESULT_FILE, ""), memory, limit)
    report["exit_code"] = status = CONTROL_PLANE_GONE if command.superseded else status
    ending.write_report(report_file, report)
    reporter.end(report)
    logs.close(discard=not options["replica"])
    return status


def settle() -> None:
    """Find the rest of the wrapper beside it, and make the job's place ready before its command starts."""
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))  # last, so that it shadows nothing
    importlib.import_module("wrapper_place").settle()


def until_it_ends(command: Command, output: Any) -> tuple[int, str]:
    """Pass output on until nothing of the command is left: its exit status, its last error unless others ended it."""
    reader = threading.Thread(target=output.pump, daemon=True)
    reader.start()
    status = command.wait()
    clear_descendants()
    reader.join(CLEAR_SECONDS)
    return status, "" if command.told_to_stop or command.superseded else str(output.last_error())


def with_the_rest(folder: str) -> tuple[dict[str, Any], Any]:
    """The modules for reporting, output, the end and more, and the logs, which wait in `folder`."""
    names = ("reporting", "output", "ending", "logs", "spool", "system", "gpus", "facts")
    parts = {name: importlib.import_module(f"wrapper_{name}") for name in names}
    disk_bytes = int(number(LOG_SPOOL_BYTES, parts["logs"].SPOOL_BYTES))
    place = f"{folder}/log_spool" if folder else ""
    spool = parts["spool"].Spool(place, memory_bytes=parts["logs"].PENDING_BYTES, disk_bytes=disk_bytes)
    return parts, parts["logs"].Logs(folder, spool)


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))  # not sys.exit: a thread that waits for the API must not be waited for
