"""Objects of operators' kinds, read as the cluster's own: a Job, or a Deployment. Pure.

So that all that is known of jobs and servers (who ended whom, what is alive, when an end is one) is known of these too.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from workers.backends.kubernetes import names
from workers.backends.kubernetes.operators.base import Operated, Operator
from workers.backends.kubernetes.seen_objects import (
    Condition,
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
    Job,
    JobSpec,
    JobStatus,
    Pod,
)


def as_own(operator: Operator, found: Operated) -> Job | Deployment:
    """What an object of an operator's kind would be as one of the cluster's own."""
    held = operator.is_held(found)
    if operator.serves:
        count = 0 if held else operator.expected(found)
        settled = DeploymentStatus(observed_generation=found.metadata.generation)
        return Deployment(found.metadata, DeploymentSpec(count), settled)
    conditions = []
    verdict = operator.verdict(found)
    if verdict is not None:
        late = "DeadlineExceeded" if verdict.reason == "time_limit" else verdict.reason
        kind = "Complete" if verdict.succeeded else "Failed"
        conditions.append(Condition(kind, "True", late, verdict.detail))
    if held:
        conditions.append(Condition("Suspended", "True"))
    count = operator.expected(found)
    spec = JobSpec(parallelism=count, completions=count, suspend=operator.is_told(found))
    return Job(found.metadata, spec, JobStatus(conditions=tuple(conditions)))


def ranked(operator: Operator, pods: Iterable[Pod]) -> list[Pod]:
    """The pods with the ranks that they have for us, where they do not carry them."""
    known: dict[str, int] = {}
    free: list[Pod] = []
    for pod in pods:
        rank = operator.rank(pod)
        if rank is None:
            free.append(pod)
        else:
            known[pod.metadata.uid] = rank
    following = max(known.values(), default=0) + 1
    order = sorted(free, key=lambda pod: (pod.metadata.creation_timestamp or "", pod.metadata.name))
    known |= {pod.metadata.uid: following + number for number, pod in enumerate(order)}
    return [_with_rank(pod, known[pod.metadata.uid]) for pod in pods]


def _with_rank(pod: Pod, rank: int) -> Pod:
    annotations = {**(pod.metadata.annotations or {}), names.COMPLETION_INDEX: str(rank)}
    return replace(pod, metadata=replace(pod.metadata, annotations=annotations))
