"""The control plane is away, or says yes and no by turns: what a command printed and left arrives once, all of it."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from tests.support.chance import seeds
from tests.support.waiting import until
from tests.workers.wrapper.conftest import Wrapped
from tests.workers.wrapper.misbehaving_api import (
    Behaviour,
    MisbehavingApi,
    answer,
    by_turns,
    garbage,
    hang_up,
    not_http,
)
from workers.contracts import environment as names

PATIENT = {names.PATIENCE_SECONDS: "60"}
OFTEN = ("--heartbeat-seconds", "0.1")
TAKEN = answer(200, {})
AWAY: dict[str, Behaviour] = {
    "503": answer(503, {"code": "unavailable"}),
    "a proxy's page": lambda handler: handler.say(404, b"<html>nothing here</html>", "text/html"),
    "a yes of somebody else": garbage,
    "not http": not_http,
    "hanging up": hang_up,
}


def reported(wrapped: Wrapped) -> None:
    until(lambda: (wrapped.folder / "report.json").exists(), 60, what="the report")


def whole(api: MisbehavingApi) -> None:
    """No line is missing or doubled: every chunk begins where the one before it ended."""
    line = 1
    for number, chunk in enumerate(api.chunks()):
        assert (chunk["sequence"], chunk["first_line"]) == (number, line)
        line += chunk["text"].count("\n")


@pytest.mark.parametrize("how", AWAY)
def test_what_ends_while_nobody_takes_it_is_told_later(wrapped: Wrapped, api: MisbehavingApi, how: str) -> None:
    wrapped.environment = PATIENT
    api.behave(AWAY[how])
    process = wrapped.start("sh", "-c", "echo one; echo two; exit 5", options=("--last-words-seconds", "0.1", *OFTEN))
    reported(wrapped)
    told = len(api.bodies("/logs"))
    until(lambda: len(api.bodies("/logs")) > told + 1, what="more tries")
    assert process.poll() is None
    api.behave(TAKEN)
    assert process.wait(20) == 5
    assert api.text() == "one\ntwo\n"
    assert api.bodies("/exit") == [{"rank": 2, "exit_code": 5, "reason": "", "result": None}]


def test_nobody_is_there_from_the_start_to_after_the_end(wrapped: Wrapped) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    wrapped.environment, wrapped.api_url = PATIENT, f"http://127.0.0.1:{port}"
    process = wrapped.start("sh", "-c", "echo one; echo two; exit 5")
    reported(wrapped)
    with MisbehavingApi(port) as api:
        assert process.wait(20) == 5
        assert (api.text(), api.bodies("/exit")[0]["exit_code"]) == ("one\ntwo\n", 5)


def test_it_lives_and_says_so_while_it_waits(wrapped: Wrapped, api: MisbehavingApi) -> None:
    wrapped.environment = PATIENT
    api.behave(answer(503, {}), "/logs", "/exit")
    wrapped.start("sh", "-c", "echo one", options=OFTEN)
    reported(wrapped)
    seen = len(api.bodies("/heartbeat"))
    until(lambda: len(api.bodies("/heartbeat")) > seen + 3)


def test_its_patience_ends(wrapped: Wrapped, api: MisbehavingApi) -> None:
    wrapped.environment = {names.PATIENCE_SECONDS: "1"}
    api.behave(answer(503, {}))
    status, seconds = wrapped.run("sh", "-c", "exit 5", options=("--last-words-seconds", "0.1"))
    assert status == 5
    assert 1 < seconds < 15  # of a patience of 15 minutes, unless told otherwise


@pytest.mark.parametrize("when", ["before its end", "after its end"])
def test_told_to_stop_it_does_not_wait(wrapped: Wrapped, api: MisbehavingApi, when: str) -> None:
    wrapped.environment = PATIENT
    api.behave(answer(503, {}))
    script = "trap 'exit 5' TERM; echo up; while :; do sleep 0.02; done" if when == "before its end" else "exit 5"
    process = wrapped.start("sh", "-c", script, options=("--last-words-seconds", "1"))
    if when == "before its end":
        wrapped.prints("up")
    else:
        reported(wrapped)
    began = time.monotonic()
    process.terminate()
    assert process.wait(20) == 5
    assert time.monotonic() - began < 5


def test_one_that_the_control_plane_does_not_know_does_not_wait(wrapped: Wrapped, api: MisbehavingApi) -> None:
    wrapped.environment = PATIENT
    api.behave(answer(401, {"code": "not_authenticated"}))
    status, seconds = wrapped.run("sh", "-c", "exit 5", options=("--last-words-seconds", "0.5"))
    assert status == 5
    assert seconds < 5


@pytest.mark.parametrize("trouble", [answer(500, {}), hang_up, garbage], ids=["500", "hanging up", "garbage"])
def test_every_second_answer_is_lost_after_it_was_obeyed(
    wrapped: Wrapped, api: MisbehavingApi, trouble: Behaviour
) -> None:
    """The server of the tests keeps what it is told before it answers, as one that fails after its commit does."""
    wrapped.environment = PATIENT
    for path in ("/heartbeat", "/logs", "/exit"):
        api.behave(by_turns(trouble, TAKEN), path)
    script = "for n in range(30):\n    print('line', n, 'x' * 100_000)"
    assert wrapped.run(sys.executable, "-I", "-S", "-c", script, options=OFTEN)[0] == 0
    assert api.text() == "".join(f"line {n} {'x' * 100_000}\n" for n in range(30))
    whole(api)
    assert len(api.bodies("/logs")) > len(api.chunks())
    assert {body["exit_code"] for body in api.bodies("/exit")} == {0}


def test_a_flood_waits_on_the_disk_and_all_of_it_arrives(wrapped: Wrapped, api: MisbehavingApi) -> None:
    wrapped.environment = PATIENT | {names.OUTPUT_BYTES: "1000"}
    api.behave(answer(503, {}))
    script = "import sys\nfor n in range(100):\n    sys.stdout.write(f'{n:07d} {\"x\" * 991}\\n' * 1000)"
    process = wrapped.start(sys.executable, "-I", "-S", "-c", script, options=OFTEN)
    reported(wrapped)
    assert peak_memory(process.pid) < 64 << 20
    assert sum(file.stat().st_size for file in (wrapped.folder / "log_spool").iterdir()) > 95_000_000
    api.behave(TAKEN)
    assert process.wait(60) == 0
    whole(api)
    lines = (line for chunk in api.chunks() for line in chunk["text"].splitlines())
    assert all(line[:8] == f"{number // 1000:07d} " for number, line in enumerate(lines))
    assert sum(chunk["text"].count("\n") for chunk in api.chunks()) == 100_000
    assert api.bodies("/heartbeat")[-1]["dropped_log_lines"] == 0
    assert not (wrapped.folder / "log_spool").exists()


def peak_memory(pid: int) -> int:
    """Bytes resident at most, of one process."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def test_beyond_the_bound_of_the_disk_the_oldest_go_and_the_gap_is_seen(wrapped: Wrapped, api: MisbehavingApi) -> None:
    wrapped.environment = PATIENT | {names.LOG_SPOOL_BYTES: str(8 << 20)}
    api.behave(answer(503, {}))
    script = "import sys\nfor n in range(30_000):\n    sys.stdout.write(f'{n:07d} {\"x\" * 991}\\n')"
    process = wrapped.start(sys.executable, "-I", "-S", "-c", script, options=OFTEN)
    reported(wrapped)
    api.behave(TAKEN)
    assert process.wait(60) == 0
    check_gaps(wrapped, api, lines=30_000)


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="no prlimit here")
def test_on_a_full_disk_the_command_goes_on_and_what_fits_arrives(wrapped: Wrapped, api: MisbehavingApi) -> None:
    wrapped.environment = PATIENT
    wrapped.limits = ("prlimit", f"--fsize={1 << 19}")
    api.behave(answer(503, {}))
    script = "import sys\nfor n in range(30_000):\n    sys.stdout.write(f'{n:07d} {\"x\" * 991}\\n')"
    process = wrapped.start(sys.executable, "-I", "-S", "-c", script, options=OFTEN)
    reported(wrapped)
    api.behave(TAKEN)
    assert process.wait(60) == 0
    check_gaps(wrapped, api, lines=30_000)


def check_gaps(wrapped: Wrapped, api: MisbehavingApi, *, lines: int) -> None:
    """Of numbered lines some are missing: where `first_line` says so, as many as are counted, never the last."""
    following, missing = 1, 0
    for chunk in api.chunks():
        missing += chunk["first_line"] - following
        numbers = [int(line[:7]) for line in chunk["text"].splitlines()]
        assert numbers == list(range(chunk["first_line"] - 1, chunk["first_line"] - 1 + len(numbers)))
        following = chunk["first_line"] + len(numbers)
    assert following == lines + 1
    assert missing > lines // 2
    told = [body["dropped_log_lines"] for body in api.bodies("/heartbeat")]
    assert max(told) == missing
    assert wrapped.report()["exit_code"] == 0


@pytest.mark.parametrize("seed", seeds(1, 10))
def test_a_wrapper_killed_at_any_moment_and_started_again(wrapped: Wrapped, api: MisbehavingApi, seed: int) -> None:
    """No number has two contents (`chunks` looks), no line comes twice, and what is new comes behind what is old."""
    rng = random.Random(seed)
    api.behave(by_turns(TAKEN, answer(503, {}), TAKEN, hang_up), "/logs")
    script = "import sys\nfor n in range(10**6):\n    print(sys.argv[1], n, 'x' * 300)"
    for start in range(8):
        process = wrapped.start(
            sys.executable, "-I", "-S", "-c", script, str(start), options=("--replica", "--heartbeat-seconds", "0.01")
        )
        enough = len(api.requests) + rng.randrange(2, 12)
        until(lambda: len(api.requests) >= enough, every_seconds=0.001)  # noqa: B023 - asked at once
        process.kill()
        assert process.wait(10) == -signal.SIGKILL
    api.behave(TAKEN)
    assert wrapped.run("sh", "-c", "echo end", options=("--replica", "--last-words-seconds", "100"))[0] == 0
    seen: list[tuple[int, int]] = []
    for line in api.text().splitlines():
        words = line.split()
        if len(words) == 3 and len(words[2]) == 300:
            seen.append((int(words[0]), int(words[1])))
    assert seen == sorted(set(seen))
    assert len({start for start, _ in seen}) > 1
    assert api.text().endswith("end\n")
