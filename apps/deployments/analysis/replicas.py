"""What is wrong with replicas that do not get ready, in sentences that stay the same while it does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workers.contracts.sentences import say

OFTEN = 3
NAMED_MOST = 3
CODES = {
    "completed": "replica_completed",
    "exit_nonzero": "replica_exit",
    "out_of_memory": "replica_memory",
    "start_timeout": "replica_slow",
    "": "replica_gone",
}
"""Reason of a member's last end → the sentence that says it."""


def trouble_of(members: Iterable[dict[str, Any]]) -> str:
    """Of the members that are not ready and were started again, or cannot be started; empty when there are none."""
    unready = [one for one in members if not one.get("ready")]
    wrong = sorted((one for one in unready if one.get("restarts") or one.get("detail")), key=_index)
    told = [one.get("detail") or _sentence(one) for one in wrong[:NAMED_MOST]]
    more = len(wrong) - len(told)
    return " ".join([*told, say("replicas_more", more=more)] if more else told)


def _sentence(member: dict[str, Any]) -> str:
    reason = str(member.get("reason") or "")
    # Not how often: the sentence would be news at every start.
    often = " and again" if int(member["restarts"]) >= OFTEN else ""
    return say(CODES.get(reason, "replica_reason"), replica=_index(member), reason=reason, often=often)


def _index(member: dict[str, Any]) -> int:
    return int(member.get("index", 0))
