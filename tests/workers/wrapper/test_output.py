"""What the wrapper makes of the output itself: what is seen of it, what is kept, what it says of a failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.support.waiting import until
from tests.workers.wrapper.conftest import Wrapped
from tests.workers.wrapper.misbehaving_api import MisbehavingApi
from workers.contracts import environment as names
from workers.runtime.wrapper_output import last_error


def test_a_prompt_is_seen(wrapped: Wrapped, api: MisbehavingApi) -> None:
    gate = wrapped.folder / "gate"
    os.mkfifo(gate)
    process = wrapped.start("sh", "-c", "echo hello; printf 'sure? '; cat gate; echo bye")
    until(lambda: api.text() == "hello\nsure? ")
    gate.write_text("yes\n")
    assert process.wait(10) == 0
    assert api.text() == "hello\nsure? yes\nbye\n"
    assert [chunk["first_line"] for chunk in api.chunks()][-1] == 2


def test_the_copy_of_the_output_is_bounded_and_says_where_the_rest_is(wrapped: Wrapped, api: MisbehavingApi) -> None:
    wrapped.environment = {names.OUTPUT_BYTES: "1000"}
    assert wrapped.sh("seq 10000; exit 3") == 3
    end = "\nbedplate: this copy ends after 1000 bytes; the log of the run has the rest\n"
    assert wrapped.output() == "".join(f"{n}\n" for n in range(1, 10001))[:1000] + end
    assert api.text() == "".join(f"{n}\n" for n in range(1, 10001))
    assert wrapped.run("echo", "again", options=("--replica",))[0] == 0
    assert wrapped.output().endswith(end)
    assert "again" not in wrapped.output()


FAILING = "import sys\nprint('working')\nraise ValueError(7)"


def test_the_exception_that_ended_it_is_in_the_report(wrapped: Wrapped, api: MisbehavingApi) -> None:
    assert wrapped.run(sys.executable, "-c", FAILING)[0] == 1
    result = {"error": {"code": "exit_nonzero", "detail": "ValueError: 7"}}
    assert wrapped.report() == {"exit_code": 1, "reason": "", "result": result}
    assert api.bodies("/exit")[-1]["result"] == result
    assert "Traceback (most recent call last):" in api.text()


def test_an_error_of_its_own_stays_and_other_results_too(alone: Wrapped) -> None:
    own = '{"error": {"code": "bad_row", "detail": "line 7"}, "rows": 3}'
    assert alone.sh(f"echo '{own}' > result.json; echo 'fatal: gone' >&2; exit 1") == 1
    assert alone.report()["result"] == {"error": {"code": "bad_row", "detail": "line 7"}, "rows": 3}
    assert alone.sh("""echo '{"rows": 3}' > result.json; echo 'fatal: gone' >&2; exit 1""") == 1
    assert alone.report()["result"] == {"rows": 3, "error": {"code": "exit_nonzero", "detail": "fatal: gone"}}


@pytest.mark.parametrize("script", ["echo 'fatal: gone'; exit 0", "echo 'fatal: gone'; exit 83", "echo two; exit 1"])
def test_without_a_failure_or_a_reason_nothing_is_made_up(alone: Wrapped, script: str) -> None:
    alone.sh(script)
    assert alone.report()["result"] is None


def test_told_to_stop_its_last_traceback_is_no_failure(alone: Wrapped) -> None:
    process = alone.start(sys.executable, "-c", "import time\nprint('up', flush=True)\ntime.sleep(1000)")
    alone.prints("up")
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 128 + signal.SIGINT
    assert "KeyboardInterrupt" in alone.output()
    assert alone.report()["result"] is None


def _raised(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=False).stderr


TEXTS = {
    "ValueError: 7": "raise ValueError(7)",
    "KeyError: 'b'": "try:\n    {}['a']\nexcept KeyError:\n    {}['b']",
    "FloatingPointError: the loss is nan at step 3": "raise FloatingPointError('the loss is nan at step 3')",
    "RuntimeError: first": "raise RuntimeError('first\\nsecond')",
    "SyntaxError: '(' was never closed": "f(",
    "RecursionError: maximum recursion depth exceeded": "def f(): f()\nf()",
    "ExceptionGroup: both (2 sub-exceptions)": "raise ExceptionGroup('both', [ValueError(1), TypeError(2)])",
    "ValueError: 8": "import sys, atexit\natexit.register(lambda: print('done', file=sys.stderr))\nraise ValueError(8)",
}


@pytest.mark.parametrize("said", TEXTS)
def test_the_last_exception_is_found(said: str) -> None:
    from_ranks = "".join(f"[rank0]: {line}\n" for line in _raised(TEXTS[said]).splitlines())
    assert last_error(_raised(TEXTS[said])) == said
    assert last_error("noise\n" * 100 + from_ranks) in (said, f"[rank0]: {said}")


@pytest.mark.parametrize(
    "text, said",
    [
        ("", ""),
        ("epoch 1\nepoch 2\n", ""),
        ("cat: nothing: No such file or directory\nbye\n", "cat: nothing: No such file or directory"),
        ("\x1b[31mError:\x1b[0m bad\n", "Error: bad"),
        ("Error: old\n" + "fine\n" * 20, ""),
        ("10%\r20%\rfatal: \0gone", "fatal: gone"),
        ("error: " + "x" * 1000, "error: " + "x" * 493),
    ],
)
def test_other_programs_end_in_a_line_too(text: str, said: str) -> None:
    assert last_error(text) == said
