"""What is wrong with replicas that do not get ready, in sentences that stay the same while it does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

OFTEN = 3
NAMED_MOST = 3
SAYS = {
    "completed": "ended by itself",
    "exit_nonzero": "ended with an error",
    "out_of_memory": "needed more memory than it may have",
    "start_timeout": "was not ready in time",
}
"""By the reason of a member's last end."""


def trouble_of(members: Iterable[dict[str, Any]]) -> str:
    """Of the members that are not ready and had to be started again; empty when there are none."""
    wrong = sorted((one for one in members if one.get("restarts") and not one.get("ready")), key=_index)
    told = [_sentence(one) for one in wrong[:NAMED_MOST]]
    more = len(wrong) - len(told)
    return " ".join([*told, f"So it is with {more} more."] if more else told)


def _sentence(member: dict[str, Any]) -> str:
    reason = str(member.get("reason") or "")
    says = SAYS.get(reason, f"ended ({reason})" if reason else "ended")
    # Not how often: the sentence would be news at every start.
    again = "again and again" if int(member["restarts"]) >= OFTEN else "again"
    return f"Replica {_index(member)} {says} and is started {again}."


def _index(member: dict[str, Any]) -> int:
    return int(member.get("index", 0))
