"""Whatever the control plane does, the command neither fails nor waits."""

from __future__ import annotations

import os
import socket
import sys
import time

import pytest

from tests.support.waiting import until
from tests.workers.wrapper.conftest import Wrapped
from tests.workers.wrapper.misbehaving_api import (
    Behaviour,
    MisbehavingApi,
    answer,
    endless,
    garbage,
    hang_up,
    not_http,
    silent,
)
from workers.runtime.wrapper_reporting import REQUEST_SECONDS

QUICK = ("--heartbeat-seconds", "0.1", "--last-words-seconds", "0.3")
WORK = "import time\nfor n in range(2000):\n    print('x' * 1000)\nprint(time.time(), flush=True)"
PROBLEMS: dict[str, Behaviour] = {
    "401": answer(401, {"code": "not_authenticated"}),
    "403": answer(403, {"code": "forbidden"}),
    "404": answer(404, {}),
    "429": answer(429, {}),
    "500": answer(500, {"code": "internal"}),
    "302": answer(302, {}),
    "a page": garbage,
    "a list": answer(200, [1, 2]),
    "nonsense": answer(200, {"should_stop": 7, "grace_seconds": "soon"}),
    "not http": not_http,
    "hanging up": hang_up,
    "silence": silent,
    "endless": endless,
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_command_neither_fails_nor_waits(wrapped: Wrapped, api: MisbehavingApi, problem: str) -> None:
    api.behave(PROBLEMS[problem])
    gate = wrapped.folder / "gate"
    os.mkfifo(gate)
    process = wrapped.start(sys.executable, "-I", "-S", "-c", f"open('gate').read()\n{WORK}", options=QUICK)
    until(lambda: api.requests)
    began = time.time()
    gate.write_text("go")
    assert process.wait(20) == 0
    assert time.time() - began < REQUEST_SECONDS
    assert float(wrapped.output().split()[-1]) - began < REQUEST_SECONDS
    assert len(wrapped.output()) > 2_000_000
    assert wrapped.report() == {"exit_code": 0, "reason": "", "result": None}


@pytest.mark.parametrize("where", ["nobody listens", "nobody answers", "no such host", "no token", "no address at all"])
def test_without_a_control_plane_it_is_the_same(wrapped: Wrapped, where: str) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        if where == "nobody answers":
            deaf.listen()
        port = deaf.getsockname()[1]
        wrapped.api_url = {"no such host": "http://host.invalid:1", "no address at all": "not a url"}.get(
            where, f"http://127.0.0.1:{port}"
        )
        if where == "no token":
            wrapped.environment = {"BEDPLATE_TOKEN_FILE": "/nowhere"}
        status, seconds = wrapped.run(sys.executable, "-I", "-S", "-c", WORK, options=QUICK)
    assert status == 0
    assert seconds < REQUEST_SECONDS
    assert wrapped.report()["exit_code"] == 0


def test_it_gives_up_when_its_time_is_over(wrapped: Wrapped) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        wrapped.api_url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        status, seconds = wrapped.run("sh", "-c", "echo hello; exit 3", options=("--last-words-seconds", "2"))
    assert status == 3
    assert 2 < seconds < 4
    assert wrapped.report()["exit_code"] == 3


def test_a_second_signal_cuts_the_last_words_short(wrapped: Wrapped, api: MisbehavingApi) -> None:
    api.behave(silent)
    process = wrapped.start("sh", "-c", "echo up; exit 3")
    until(lambda: (wrapped.folder / "report.json").exists())
    began = time.monotonic()
    process.terminate()
    assert process.wait(20) == 3
    assert time.monotonic() - began < 4


def test_what_was_lost_is_sent_again(wrapped: Wrapped, api: MisbehavingApi) -> None:
    api.behave(answer(500, {}))
    gate = wrapped.folder / "gate"
    os.mkfifo(gate)
    wrapped.start("sh", "-c", "echo one; cat gate; exit 5", options=("--heartbeat-seconds", "0.1"))
    until(lambda: len(api.bodies("/logs")) > 1)
    api.behave(answer(200, {}))
    gate.write_text("two\n")
    until(lambda: len(api.bodies("/exit")) == 1)
    assert api.bodies("/exit") == [{"rank": 2, "exit_code": 5, "reason": "", "result": None}]
    assert api.text() == "one\ntwo\n"
    assert [body["first_line"] for body in api.bodies("/logs") if body["sequence"] == 0][:2] == [1, 1]


def test_a_refused_chunk_is_counted_and_the_next_one_sent(wrapped: Wrapped, api: MisbehavingApi) -> None:
    api.behave(answer(413, {}), "/logs")
    wrapped.start("sh", "-c", "echo one; echo two; exec sleep 1000", options=("--heartbeat-seconds", "0.1"))
    until(lambda: api.bodies("/heartbeat") and api.bodies("/heartbeat")[-1]["dropped_log_lines"] == 2)
    assert len({body["sequence"] for body in api.bodies("/logs")}) == len(api.bodies("/logs"))


def test_a_flood_is_bounded_and_the_command_is_not_held_up(wrapped: Wrapped, api: MisbehavingApi) -> None:
    api.behave(silent, "/logs")
    script = "import sys\nline = 'x' * 999 + '\\n'\nfor n in range(30000):\n    sys.stdout.write(line)"
    status, seconds = wrapped.run(sys.executable, "-I", "-S", "-c", script, options=QUICK)
    assert status == 0
    assert seconds < REQUEST_SECONDS
    assert (wrapped.folder / "output.log").stat().st_size == 30_000_000


def test_a_chunk_is_what_the_api_takes(wrapped: Wrapped, api: MisbehavingApi) -> None:
    script = "print(('ü' * 300 + '\\n') * 9000, end='')"
    assert wrapped.run(sys.executable, "-I", "-X", "utf8", "-S", "-c", script)[0] == 0
    assert api.text() == ("ü" * 300 + "\n") * 9000
    assert max(len(body["text"].encode()) for body in api.bodies("/logs")) <= 1 << 20
