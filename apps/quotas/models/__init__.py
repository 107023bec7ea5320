"""The nouns of the quotas app."""

from apps.quotas.models.attempt import Attempt
from apps.quotas.models.log import LogChunk
from apps.quotas.models.member_usage import MemberUsage
from apps.quotas.models.pool import Node, ResourceFlavor, ResourcePool
from apps.quotas.models.pulse import Pulse
from apps.quotas.models.queue import PriorityClass, Queue, Quota
from apps.quotas.models.usage import UsageRecord
from apps.quotas.models.workload import Workload

__all__ = [
    "Attempt",
    "LogChunk",
    "MemberUsage",
    "Node",
    "PriorityClass",
    "Pulse",
    "Queue",
    "Quota",
    "ResourceFlavor",
    "ResourcePool",
    "UsageRecord",
    "Workload",
]
