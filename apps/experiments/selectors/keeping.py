"""Why a file of a run is kept: a pure decision over facts. A file is kept while any reason holds.

The table is published in the app's README and in the guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one artifact or checkpoint."""

    is_checkpoint: bool = False
    is_deleted: bool = False
    """Somebody deleted it, or its run or logged model; or another file took its name."""
    has_rule: bool = False
    """Its project has a rule for files."""
    keeps_artifacts: bool = False
    """The rule sets artifacts no age."""
    is_live: bool = False
    """Its run has not ended."""
    is_registered: bool = False
    """A version of a model that is not archived has it."""
    is_aliased: bool = False
    """An alias points at a version that has it."""
    is_served: bool = False
    """A revision of an endpoint serves, or served, a version that has it."""
    is_held: bool = False
    """A hold on its run, or on a version that has it, is not lifted."""
    is_read: bool = False
    """It is an input of work that has not ended."""
    is_latest: bool = False
    """One of the newest checkpoints of its run, as many as the rule says."""
    is_best: bool = False
    """The rule keeps the checkpoint at which the metric of the experiment was best, and it is that."""
    is_young: bool = False
    """Younger than the rule's age."""


NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "held": ("is_held",),
    "registered": ("is_registered",),
    "aliased": ("is_aliased",),
    "served": ("is_served",),
    "read": ("is_read",),
    "live": ("is_live", "not is_deleted"),
    "no_rule": ("not has_rule", "not is_deleted"),
    "artifact": ("not is_checkpoint", "has_rule", "keeps_artifacts", "not is_deleted"),
    "latest": ("is_checkpoint", "has_rule", "is_latest", "not is_deleted"),
    "best": ("is_checkpoint", "has_rule", "is_best", "not is_deleted"),
    "young": ("has_rule", "is_young", "not is_deleted"),
}
"""The truth table: reason → what must all be so."""


def reasons_of(facts: Facts) -> list[str]:
    """Why a file is kept; none: it is not."""
    return [reason for reason, needs in NEEDS.items() if needs_hold(facts, needs)]


def needs_hold(facts: object, needs: tuple[str, ...]) -> bool:
    """Whether all that a reason needs is so."""
    return all(_holds(facts, one) for one in needs)


def _holds(facts: object, need: str) -> bool:
    negated, _, name = need.rpartition(" ")
    return bool(getattr(facts, name)) is not (negated == "not")
