"""When a Job is decided: completions, back-off limits, deadlines, podFailurePolicy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.kubernetes import pods
from tests.support.kubernetes.clock import seconds_of
from tests.support.kubernetes.jobpods import index_of, indexes, shown_indexes
from tests.support.kubernetes.store import Object


@dataclass
class Verdict:
    """What was decided; without a type only what is ignored and which indexes failed."""

    type: str = ""
    reason: str = ""
    message: str = ""
    ignored: set[str] = field(default_factory=set)
    """uids of failed pods that the policy does not count."""
    failed_indexes: str | None = None


def judged(job: Object, status: Mapping[str, Any], owned: list[Object], failing: list[Object], now: float) -> Verdict:
    """`failing`: pods that ended badly and are not counted yet."""
    spec, verdict = job["spec"], Verdict()
    failed_index: set[int] = indexes(status.get("failedIndexes") or "")
    for pod in failing:
        action, why = _action(spec, pod)
        if action == "FailJob":
            return Verdict("FailureTarget", "PodFailurePolicy", why, verdict.ignored)
        if action == "Ignore":
            verdict.ignored.add(pod["metadata"]["uid"])
        elif spec.get("backoffLimitPerIndex") is not None:
            failures = sum(1 for each in owned if index_of(each) == index_of(pod) and pods.phase(each) == "Failed")
            if action == "FailIndex" or failures > spec["backoffLimitPerIndex"]:
                failed_index.add(index_of(pod))
    if spec.get("backoffLimitPerIndex") is not None:
        verdict.failed_indexes = shown_indexes(failed_index)
    counted = len([pod for pod in failing if pod["metadata"]["uid"] not in verdict.ignored])
    return _limits(spec, status, owned, counted, now, verdict)


def _limits(
    spec: Object, status: Mapping[str, Any], owned: list[Object], counted: int, now: float, verdict: Verdict
) -> Verdict:
    failed, limit = status.get("failed", 0) + counted, spec["backoffLimit"]
    restarts = _restarts(owned) if spec["template"]["spec"].get("restartPolicy") == "OnFailure" else 0
    start, deadline = status.get("startTime"), spec.get("activeDeadlineSeconds")
    said: tuple[str, str, str] | None = None
    if failed > limit or (restarts and restarts >= max(1, limit)):
        said = ("FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    elif start and deadline is not None and now - seconds_of(start) >= deadline:
        said = ("FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline")
    elif verdict.failed_indexes is not None:
        said = _by_index(spec, status, indexes(verdict.failed_indexes))
    elif _complete(spec, status, owned):
        said = ("SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods")
    if said is not None:
        verdict.type, verdict.reason, verdict.message = said
    return verdict


def _by_index(spec: Object, status: Mapping[str, Any], failed: set[int]) -> tuple[str, str, str] | None:
    done = indexes(status.get("completedIndexes", ""))
    most = spec.get("maxFailedIndexes")
    if most is not None and len(failed) > most:
        return (
            "FailureTarget",
            "MaxFailedIndexesExceeded",
            "Job has exceeded the specified maximal number of failed indexes",
        )
    if len(done | failed) < spec["completions"]:
        return None
    if failed:
        return "FailureTarget", "FailedIndexes", "Job has failed indexes"
    return "SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods"


def _complete(spec: Object, status: Mapping[str, Any], owned: list[Object]) -> bool:
    succeeded = int(status.get("succeeded", 0))
    if spec.get("completions") is None:
        return succeeded > 0 and not any(map(pods.active, owned))
    return succeeded >= int(spec["completions"])


def _restarts(owned: list[Object]) -> int:
    return sum(
        int(each.get("restartCount", 0))
        for pod in owned
        if pods.phase(pod) in {"Running", "Pending"}
        for group in ("initContainerStatuses", "containerStatuses")
        for each in pod["status"].get(group, ())
    )


def _action(spec: Object, pod: Object) -> tuple[str, str]:
    """What podFailurePolicy says of a failed pod, and why."""
    for position, rule in enumerate((spec.get("podFailurePolicy") or {}).get("rules") or ()):
        name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        if (on := rule.get("onExitCodes")) is not None:
            for container, code in _exits(pod):
                if on.get("containerName", container) == container and _code_matches(on, code):
                    why = f"Container {container} for pod {name} failed with exit code {code}"
                    return rule["action"], f"{why} matching {rule['action']} rule at index {position}"
        for pattern in rule.get("onPodConditions") or ():
            found = pods.condition(pod, pattern["type"])
            if found is not None and found["status"] == pattern.get("status", "True"):
                why = f"Pod {name} has condition {pattern['type']}"
                return rule["action"], f"{why} matching {rule['action']} rule at index {position}"
    return "Count", ""


def _exits(pod: Object) -> list[tuple[str, int]]:
    return [
        (each["name"], each["state"]["terminated"]["exitCode"])
        for group in ("initContainerStatuses", "containerStatuses")
        for each in pod["status"].get(group, ())
        if each.get("state", {}).get("terminated", {}).get("exitCode")
    ]


def _code_matches(rule: Mapping[str, Any], code: int) -> bool:
    return (code in rule["values"]) is (rule["operator"] == "In")
