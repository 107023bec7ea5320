"""What did not start in time: why, and where it is not tried again for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from apps.quotas.models import Attempt, Workload
from apps.quotas.states import Reason
from workers.contracts.observation import Phase

AVOIDED: Final = timedelta(minutes=30)
"""For so long a node on which something did not start is not chosen for it again, as long as others would do."""
FOR_GOOD: Final = (Reason.IMAGE_PULL, Reason.LAUNCH_ERROR)
"""What is wrong with the job itself: another start, elsewhere, would go the same way."""
_STARTED: Final = frozenset({Phase.RUNNING, Phase.STOPPING, Phase.SUCCEEDED, Phase.FAILED})


def late_reason(attempt: Attempt | None) -> Reason:
    """Why a start that took too long is given up: for good where its backend has said that the job is to blame."""
    said = {member.get("reason", "") for member in attempt.members} if attempt is not None else set()
    return next((reason for reason in FOR_GOOD if reason in said), Reason.START_TIMEOUT)


def avoids_of(workload: Workload, attempt: Attempt | None, now: datetime) -> list[dict[str, Any]]:
    """`Workload.avoids` after a start that took too long: the nodes of members that did not start, and those that are
    avoided still."""
    members = attempt.members if attempt is not None else []
    started = {member["index"] for member in members if member["phase"] in _STARTED}
    late = {place["node"] for rank, place in enumerate(workload.assignments) if rank not in started}
    until, at = (now + AVOIDED).timestamp(), now.timestamp()
    kept = [one for one in workload.avoids if one["until"] > at and one["node"] not in late]
    return [*kept, *({"node": node, "until": until} for node in sorted(late))]
