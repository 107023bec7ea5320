"""The pods of a Job: which are missing, what a new one is like, which of them count as failed. Pure."""

from __future__ import annotations

from tests.support.kubernetes import pods
from tests.support.kubernetes.clock import seconds_of
from tests.support.kubernetes.store import Object, copied

INDEX = "batch.kubernetes.io/job-completion-index"
INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count"


def index_of(pod: Object) -> int:
    return int((pod["metadata"].get("annotations") or {}).get(INDEX, "-1"))


def indexes(text: str) -> set[int]:
    """`0,2-4` → {0, 2, 3, 4}."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def shown_indexes(found: set[int]) -> str:
    parts: list[list[int]] = []
    for index in sorted(found):
        if parts and parts[-1][-1] == index - 1:
            parts[-1].append(index)
        else:
            parts.append([index])
    return ",".join(
        str(part[0]) if len(part) == 1 else f"{part[0]}{'-' if len(part) > 2 else ','}{part[-1]}" for part in parts
    )


def only_failed_replaced(spec: Object) -> bool:
    return bool(spec.get("podReplacementPolicy") == "Failed" or spec.get("podFailurePolicy"))


def counts_as_failed(spec: Object, pod: Object) -> bool:
    """A deleted pod is a failure, unless only failed pods are replaced: then it is one when it has ended."""
    if pods.phase(pod) == "Failed":
        return True
    if only_failed_replaced(spec):
        return False
    return bool(pod["metadata"].get("deletionTimestamp")) and pods.phase(pod) != "Succeeded"


def ended_at(pod: Object, now: float) -> float:
    """When a failed pod ended, for the back-off of the next."""
    if at := pods.finished_at(pod):
        return seconds_of(at)
    metadata = pod["metadata"]
    if (found := pods.condition(pod, "Ready")) is not None and found["status"] != "True":
        return seconds_of(found["lastTransitionTime"])
    if metadata.get("deletionTimestamp"):
        return seconds_of(metadata["deletionTimestamp"]) - int(metadata.get("deletionGracePeriodSeconds", 0))
    return now


def missing(job: Object, status: Object, owned: list[Object], counted: set[str]) -> list[int | None]:
    """Indexes (or one None each) that need a new pod now; `counted`: pods that were just counted as ended."""
    spec = job["spec"]
    holding = [
        pod
        for pod in owned
        if pod["metadata"]["uid"] not in counted
        and (pods.active(pod) or (only_failed_replaced(spec) and pods.terminating(pod)))
    ]
    if spec["completionMode"] != "Indexed":
        left = spec["parallelism"]
        if spec.get("completions") is not None:
            left = min(left, spec["completions"] - status.get("succeeded", 0))
        elif status.get("succeeded"):
            left = 0
        return [None] * max(0, left - len(holding))
    taken = indexes(status.get("completedIndexes", "")) | indexes(status.get("failedIndexes", ""))
    taken |= {index_of(pod) for pod in holding}
    free = [index for index in range(spec["completions"]) if index not in taken]
    return list(free[: max(0, spec["parallelism"] - len(holding))])


def pod_for(job: Object, index: int | None) -> Object:
    """A new pod of a Job's template."""
    metadata, template = job["metadata"], copied(job["spec"]["template"])
    labels = dict((template.get("metadata") or {}).get("labels") or {})
    annotations = dict((template.get("metadata") or {}).get("annotations") or {})
    spec, prefix = template["spec"], f"{metadata['name'][:57]}-"
    if index is not None:
        labels[INDEX] = annotations[INDEX] = str(index)
        prefix = f"{metadata['name']}-{index}"[:57] + "-"
        spec.setdefault("hostname", f"{metadata['name']}-{index}")
        source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
        for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
            container["env"] = [*(container.get("env") or ()), {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}]
    owner = {
        "apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"], "controller": True,
        "blockOwnerDeletion": True,
    }  # fmt: skip
    made = {"generateName": prefix, "labels": labels, "ownerReferences": [owner], "finalizers": [pods.JOB_FINALIZER]}
    if annotations:
        made["annotations"] = annotations
    return {"metadata": made, "spec": spec}
