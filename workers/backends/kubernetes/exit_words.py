"""An exit status as a sentence. Pure."""

from __future__ import annotations

import signal

from workers.contracts.sentences import say


def ended_badly(index: int, code: int) -> str:
    """A sentence about an exit status; 128 + n is an end by signal n."""
    if code > 128:
        return say("member_signal", member=index, signal=_signal_name(code - 128), status=code)
    return say("member_exit", member=index, status=code)


def not_prepared(index: int, code: int, output: str) -> str:
    """A sentence about what prepares a member, which failed; with the last line of its output, if there is one."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines:
        return say("cluster_not_prepared", member=index, status=code)
    return say("cluster_preparation", member=index, status=code, said=lines[-1].removeprefix("bedplate: "))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
