"""What watches say of Jobs, pods and Deployments is what they said in the recordings, step by step."""

from __future__ import annotations

import pytest

from tests.support.kubernetes import recordings, sequences
from tests.workers.kubernetes.fake_server.scenes import SCENES, pairs, played

JOBS_AND_PODS = [
    "job_success", "job_indexed_gang", "job_exit_nonzero", "job_oom", "job_deadline", "job_image_pull",
    "job_unschedulable", "job_quota_refused", "job_pod_security_refused", "job_delete_running", "job_pod_deleted",
    "job_suspend_resume", "pod_evicted", "pod_preempted", "node_lost",
]  # fmt: skip

MERGED = {
    "job_indexed_gang": {"gang"},
    "job_exit_nonzero": {"per-index"},
}
"""A real controller looks once a second: steps of the fake that the recording saw as one."""

APART = {
    "job_delete_running": {"fg-query"},
    "job_image_pull": {"pull-0-p4rtn"},
    "pod_evicted": {"victim2", "victim2-0-hkm4p", "evicted-0-mpds7"},
    "pod_preempted": {"evicted", "evicted-0-w899q"},
}
"""Not compared: whether the Job or its last pod, the kubelet or the Job controller is the first at the end; when an
image is tried again; objects of the scenario that was recorded before or after in the same namespace."""


SIMULATED = 50.0
"""From when on pods are compared in node_lost: before, the kubelet of its second node was a simple program."""


def same(recorded: list[object], ours: list[object], *, merged: bool) -> bool:
    """Equal; or the recording ended earlier; or, where steps were merged, each of its steps in its order."""
    if merged:
        rest = iter(ours)
        return all(any(step == other for other in rest) for step in recorded)
    return recorded == ours[: len(recorded)] and (len(recorded) == len(ours) or not _ended(recorded))


def _ended(steps: list[object]) -> bool:
    last = steps[-1]
    return isinstance(last, tuple) and last[0] == "DELETED"


@pytest.mark.parametrize("scenario", JOBS_AND_PODS)
@pytest.mark.parametrize("resource", ["jobs", "pods"])
def test_every_step_is_the_recorded_one(scenario: str, resource: str) -> None:
    seen, shown = played(scenario), sequences.job if resource == "jobs" else sequences.pod
    compared = 0
    late = scenario == "node_lost" and resource == "pods"
    objects = seen.jobs if resource == "jobs" else seen.pods
    for name, recorded, ours in pairs(scenario, resource, objects, SIMULATED if late else 0):
        if name in APART.get(scenario, ()):
            continue
        assert ours is not None, f"{name} was never there"
        theirs, mine = sequences.steps(recorded, shown), sequences.steps(ours, shown)
        assert same([*theirs], [*mine], merged=late or name in MERGED.get(scenario, ())), (name, theirs, mine)
        compared += 1
    assert compared >= 1


MORE_IN_THE_RECORDING = {
    "pod_evicted": {"Killing"},
    "pod_preempted": {"Killing", "FailedScheduling"},
    "node_lost": {"FailedScheduling"},
}
"""Reasons of events of other scenarios in the namespace, or said again at later tries."""
SAID_BY_A_KUBELET = {"Pulled", "Created", "Started"}
"""Not by the simple program of the second node of node_lost."""


@pytest.mark.parametrize("scenario", JOBS_AND_PODS)
def test_the_same_events_are_written(scenario: str) -> None:
    recorded = sequences.events(obj for _, _, obj in recordings.watched(scenario, "events"))
    recorded = {event for event in recorded if event[0] != "Node"}
    ours = sequences.events(played(scenario).events)
    more = {event for event in recorded - ours if event[2] not in MORE_IN_THE_RECORDING.get(scenario, ())}
    extra = {event for event in ours - recorded if scenario != "node_lost" or event[2] not in SAID_BY_A_KUBELET}
    assert (more, extra) == (set(), set())


def changes(steps: list[tuple[str, dict[str, object]]], type_: str) -> list[object]:
    """How one condition went, without repeats."""
    found: list[object] = []
    for _, shown in steps:
        conditions = shown["conditions"]
        assert isinstance(conditions, dict)
        value = conditions.get(type_)
        if value is not None and (not found or found[-1] != value):
            found.append(value)
    return found


def test_a_deployment_goes_through_its_rollouts() -> None:
    scenario = recordings.SERVING
    [(_, recorded, ours)] = pairs(scenario, "deployments", played(scenario).deployments)
    assert ours is not None
    theirs, mine = (sequences.steps(steps, sequences.deployment) for steps in (recorded, ours))
    for type_ in ("Progressing", "Available"):
        assert changes(theirs, type_) == changes(mine, type_)
    counts = [{key: value for key, value in shown.items() if key != "conditions"} for _, shown in theirs]
    known = [{key: value for key, value in shown.items() if key != "conditions"} for _, shown in mine]
    assert [count for count in counts if count not in known] == []


def test_pods_of_a_deployment_come_and_go() -> None:
    scenario = recordings.SERVING
    for name, recorded, ours in pairs(scenario, "pods", played(scenario).pods):
        assert ours is not None, f"{name} was never there"
        theirs, mine = (sequences.steps(steps, sequences.pod) for steps in (recorded, ours))
        if "no-such-image" not in str(recorded[0][1]["spec"]):
            assert same([*theirs], [*mine], merged=True), (name, theirs, mine)


def test_every_scene_is_compared() -> None:
    named = {*JOBS_AND_PODS, recordings.SERVING, "create_conflict", "logs", "secrets_and_files"}
    assert named == set(SCENES)
