"""Pools, quotas and everything that runs, for administrators. What a service must write is written by it only."""

from apps.quotas.admin.budgets import BudgetAdmin, RateAdmin
from apps.quotas.admin.clusters import ClusterAdmin
from apps.quotas.admin.cohorts import CohortAdmin
from apps.quotas.admin.foresight import StartEstimateAdmin, WhatIfAdmin
from apps.quotas.admin.health import IdlePolicyAdmin, NodeIncidentAdmin
from apps.quotas.admin.pools import NodeAdmin, PriorityClassAdmin, ResourceFlavorAdmin, ResourcePoolAdmin
from apps.quotas.admin.queues import QueueAdmin, QuotaAdmin
from apps.quotas.admin.work import AttemptAdmin, LogChunkAdmin, PulseAdmin, UsageRecordAdmin, WorkloadAdmin

__all__ = [
    "AttemptAdmin",
    "BudgetAdmin",
    "ClusterAdmin",
    "CohortAdmin",
    "IdlePolicyAdmin",
    "LogChunkAdmin",
    "NodeAdmin",
    "NodeIncidentAdmin",
    "PriorityClassAdmin",
    "PulseAdmin",
    "QueueAdmin",
    "QuotaAdmin",
    "RateAdmin",
    "ResourceFlavorAdmin",
    "ResourcePoolAdmin",
    "StartEstimateAdmin",
    "UsageRecordAdmin",
    "WhatIfAdmin",
    "WorkloadAdmin",
]
