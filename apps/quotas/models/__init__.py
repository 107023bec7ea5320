"""The nouns of the quotas app."""

from apps.quotas.models.attempt import Attempt
from apps.quotas.models.budget import Budget, BudgetHold
from apps.quotas.models.cluster import Cluster
from apps.quotas.models.cohort import Cohort
from apps.quotas.models.estimate import EstimateLevel, StartEstimate
from apps.quotas.models.health import IdlePolicy, NodeIncident
from apps.quotas.models.log import LogChunk
from apps.quotas.models.member_usage import MemberUsage
from apps.quotas.models.pool import Node, ResourceFlavor, ResourcePool
from apps.quotas.models.priority import PriorityClass
from apps.quotas.models.pulse import Pulse
from apps.quotas.models.queue import Queue, QueueHistory
from apps.quotas.models.quota import Quota
from apps.quotas.models.rate import Rate
from apps.quotas.models.usage import UsageRecord
from apps.quotas.models.what_if import WhatIf
from apps.quotas.models.workload import Workload

__all__ = [
    "Attempt",
    "Budget",
    "BudgetHold",
    "Cluster",
    "Cohort",
    "EstimateLevel",
    "IdlePolicy",
    "LogChunk",
    "MemberUsage",
    "Node",
    "NodeIncident",
    "PriorityClass",
    "Pulse",
    "Queue",
    "QueueHistory",
    "Quota",
    "Rate",
    "ResourceFlavor",
    "ResourcePool",
    "StartEstimate",
    "UsageRecord",
    "WhatIf",
    "Workload",
]
