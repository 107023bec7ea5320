"""What must hold of workloads and attempts, of the places and quotas that they hold, of the ledger and of logs."""

from __future__ import annotations

from collections.abc import Sequence

from apps.common.checks import audited, story_of
from apps.common.invariants import Check
from apps.quotas.invariants.attempts import CHECKS as ATTEMPTS
from apps.quotas.invariants.budgets import CHECKS as BUDGETS
from apps.quotas.invariants.clusters import CHECKS as CLUSTERS
from apps.quotas.invariants.health import CHECKS as HEALTH
from apps.quotas.invariants.ledger import CHECKS as LEDGER
from apps.quotas.invariants.logs import CHECKS as LOGS
from apps.quotas.invariants.places import CHECKS as PLACES
from apps.quotas.invariants.sharing import CHECKS as SHARING
from apps.quotas.models import Workload

STOPPED_BY_SOMEBODY = (
    "EXISTS (SELECT FROM {transition} t WHERE t.object_id = r.id AND t.noun = 'workload' AND t.actor_kind = 'user')"
)

CHECKS: Sequence[Check] = (
    story_of(Workload),
    *ATTEMPTS,
    *PLACES,
    *SHARING,
    *LEDGER,
    *BUDGETS,
    *HEALTH,
    *CLUSTERS,
    *LOGS,
    audited(Workload, "workload.stopped", where=STOPPED_BY_SOMEBODY),
)
