"""After which of its own ends work is tried again: what may be asked for, and what becomes of a failed attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.common.errors import Invalid
from apps.quotas.models import Attempt, Workload
from apps.quotas.states import Reason

RETRIED: Final = (
    Reason.EXIT_NONZERO,
    Reason.OUT_OF_MEMORY,
    Reason.TIME_LIMIT,
    Reason.IMAGE_PULL,
    Reason.LAUNCH_ERROR,
    Reason.ENVIRONMENT_FAILED,
    Reason.LOST,
)
"""Ends that a policy may name. Those by somebody's wish, and those that another attempt cannot change, are final."""
ATTEMPTS_MOST: Final = 20
BACK_OFF_MOST_SECONDS: Final = 3600
LOSSES_DEFAULT: Final = 3


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts that end for one of `reasons` are followed by another, until there were `max_attempts` of them.

    The pause before the second is `backoff_seconds`, before each further one twice that of the one before, an hour at
    most. An attempt continues from the last checkpoint. Losses are retried in any case; with `lost` among the reasons
    `max_attempts` says how often.
    """

    reasons: Sequence[str] = ()
    max_attempts: int = 1
    backoff_seconds: int = 10

    @property
    def losses(self) -> int:
        """How many attempts may be lost in a row."""
        return self.max_attempts if Reason.LOST in self.reasons else LOSSES_DEFAULT

    @property
    def columns(self) -> dict[str, Any]:
        """Of a new workload."""
        return {"retries": self.to_json(), "max_attempts": self.losses}

    def to_json(self) -> dict[str, Any]:
        """As it is stored; empty where nothing is tried again."""
        if not self.reasons or self.max_attempts < 2:
            return {}
        reasons = [str(reason) for reason in RETRIED if reason in self.reasons]
        return {"reasons": reasons, "max_attempts": self.max_attempts, "backoff_seconds": self.backoff_seconds}


def policy_of(stored: Mapping[str, Any]) -> RetryPolicy:
    """The policy of what `to_json` gave; without any, none of its own ends is tried again.

    Raises:
        Invalid: a reason that is final or that there is not, or a number out of bounds.
    """
    policy = RetryPolicy(**stored)
    wrong: dict[str, list[str]] = {}
    unknown = sorted(set(policy.reasons) - set(RETRIED))
    if unknown:
        wrong["retries.reasons"] = [f"{', '.join(unknown)}: after none of these it is tried again"]
    if not 1 <= policy.max_attempts <= ATTEMPTS_MOST:
        wrong["retries.max_attempts"] = [f"{policy.max_attempts} is not between 1 and {ATTEMPTS_MOST}"]
    if not 0 <= policy.backoff_seconds <= BACK_OFF_MOST_SECONDS:
        wrong["retries.backoff_seconds"] = [f"{policy.backoff_seconds} is not between 0 and {BACK_OFF_MOST_SECONDS}"]
    if wrong:
        raise Invalid("; ".join(f"{name}: {texts[0]}" for name, texts in wrong.items()), fields=wrong)
    return policy


def pause_after(workload: Workload, attempt: Attempt, reason: str) -> tuple[int, int] | None:
    """Seconds until a failed attempt is followed by another, and how many ended so; None: it is the last.

    The attempt is closed. At most one query.
    """
    if not workload.retries or reason not in workload.retries["reasons"]:
        return None
    ended = Attempt.objects.filter(workload=workload, outcome__in=workload.retries["reasons"], ended_at__isnull=False)
    failed = ended.exclude(outcome=Reason.LOST).count()
    if failed >= workload.retries["max_attempts"]:
        return None
    first: int = workload.retries["backoff_seconds"]
    return min(first * 2 ** min(failed - 1, 12), BACK_OFF_MOST_SECONDS), failed
