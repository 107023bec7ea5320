"""The rows of the settings' table about sharing machines: how long things may take, which machines to trust."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.data_settings import DataEnvironment
from controlplane.setting_kinds import CURRENCY, variable, whole_number


@dataclass(frozen=True, slots=True, repr=False)
class SharingEnvironment(DataEnvironment):
    """Part of `controlplane.env.Environment`."""

    queue_limit_seconds: int = variable(
        whole_number(0, 31_536_000, "seconds; `0` for none"), 0, "`0`", "Longest that something may wait to be admitted"
    )
    currency: str = variable(CURRENCY, "USD", "`USD`", "Of rates and of budgets of money; one for the installation")
    silent_seconds: int = variable(
        whole_number(10, 604_800, "seconds, at least 10"), 900, "`900`", "Silence of a job after which it is lost"
    )
    stop_grace_seconds: int = variable(
        whole_number(1, 3600, "seconds, 1 to 3600"), 30, "`30`", "Time for a job that is ended to save what it has"
    )
    preemption_grace_seconds: int = variable(
        whole_number(1, 3600, "seconds, 1 to 3600"),
        120,
        "`120`",
        "Time for a job that makes way for another to write its checkpoint and leave; a pool may have its own",
    )
    flaps_most: int = variable(
        whole_number(1, 1000, "a number"), 3, "`3`", "How often a machine may go away before it is drained"
    )
    flap_seconds: int = variable(
        whole_number(60, 604_800, "seconds, at least 60"), 3600, "`3600`", "For how long each time counts for that"
    )
