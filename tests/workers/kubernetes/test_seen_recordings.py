"""What is said of the jobs of a real cluster, at every moment of its recordings."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from tests.workers.kubernetes.scenarios import GONE, last_details, moments, served, story
from workers.backends.kubernetes import names
from workers.backends.kubernetes.seen_jobs import job_seen, needed
from workers.backends.kubernetes.seen_objects import (
    Container,
    ContainerState,
    Deployment,
    DeploymentSpec,
    Meta,
    Pod,
    PodSpec,
    PodStatus,
    Waiting,
)
from workers.backends.kubernetes.seen_serving import in_order, serving_seen
from workers.contracts.observation import ENDED, Phase

STARTS = ("pending", "", (None,))
RUNS = ("running", "", (None,))
DONE = ("succeeded", "completed", (0,))
FULL = ("pending", "no_capacity", (None,))
CHANGED = ("stopping", "deleted_externally", (None,))

STORIES: dict[str, dict[str, list[Any]]] = {
    "job_success": {"train": [STARTS, RUNS, DONE, GONE]},
    "job_indexed_gang": {
        "gang": [
            ("pending", "", (None, None)),
            ("running", "", (None, None)),
            ("running", "", (0, None)),
            ("succeeded", "completed", (0, 0)),
            GONE,
        ]
    },
    "job_exit_nonzero": {
        "with-policy": [STARTS, RUNS, ("pending", "", (3,)), ("failed", "exit_nonzero", (3,))],
        "no-policy": [STARTS, RUNS, ("failed", "exit_nonzero", (3,))],
        "retry-once": [
            *(STARTS, RUNS, ("pending", "", (3,))),
            *(STARTS, RUNS, ("pending", "", (3,))),
            ("failed", "exit_nonzero", (3,)),
        ],
        "gang-fail": [
            ("pending", "", (None, None)),
            ("running", "", (None, None)),
            ("stopping", "exit_nonzero", (None, 3)),
            ("failed", "exit_nonzero", (137, 3)),
        ],
        "per-index": [
            ("pending", "", (None, None)),
            ("running", "", (None, None)),
            ("running", "", (0, None)),
            ("pending", "", (0, 3)),
            ("failed", "exit_nonzero", (0, 3)),
        ],
    },
    "job_oom": {
        "oom": [STARTS, RUNS, ("failed", "out_of_memory", (137,))],
        "oom-child": [STARTS, RUNS, ("failed", "out_of_memory", (7,))],
        "oom-child-ok": [STARTS, RUNS, DONE],
    },
    "job_deadline": {
        "late": [
            *(STARTS, RUNS, ("stopping", "", (None,))),
            *(("stopping", "time_limit", (None,)), ("failed", "time_limit", (143,))),
        ],
        "late-nohandler": [
            *(STARTS, RUNS, ("stopping", "", (None,))),
            *(("stopping", "time_limit", (None,)), ("failed", "time_limit", (137,))),
        ],
        "late-pending": [STARTS, FULL, ("stopping", "", (None,)), ("failed", "time_limit", (None,))],
        "late-pod": [STARTS, RUNS, ("failed", "time_limit", (0,))],
    },
    "job_image_pull": {
        "pull": [STARTS, ("pulling", "", (None,)), STARTS, ("pending", "image_pull", (None,)), GONE],
    },
    "job_unschedulable": {
        "blocker": [STARTS, RUNS, GONE],
        "waiter": [STARTS, FULL, STARTS, RUNS, DONE],
        "too-big": [STARTS, FULL, GONE],
    },
    "job_quota_refused": {"quota": [STARTS, ("pending", "waiting_for_quota", (None,)), STARTS, RUNS, DONE]},
    "job_pod_security_refused": {
        "refused": [STARTS, ("pending", "launch_error", (None,)), GONE],
        "accepted": [STARTS, RUNS, DONE],
    },
    "job_delete_running": {
        "bg-handler": [STARTS, RUNS, GONE],
        "fg-handler": [STARTS, RUNS, CHANGED, ("failed", "deleted_externally", (0,)), GONE],
        "bg-ignores": [STARTS, RUNS, GONE],
        "fg-query": [STARTS, RUNS, CHANGED, ("failed", "deleted_externally", (137,)), GONE],
        "no-policy": [STARTS, RUNS, CHANGED, GONE],
    },
    "job_pod_deleted": {
        "precond": [STARTS, RUNS, GONE],
        "pod-deleted": [
            *(STARTS, RUNS, ("stopping", "", (None,)), ("stopping", "", (143,))),
            *(STARTS, RUNS, ("stopping", "", (None,)), ("stopping", "deleted_externally", (None,))),
            ("failed", "deleted_externally", (None,)),
        ],
        "pod-deleted-0": [
            *(STARTS, RUNS, ("stopping", "", (None,)), ("stopping", "deleted_externally", (None,))),
            ("failed", "deleted_externally", (143,)),
        ],
    },
    "job_killed": {
        "killed": [STARTS, RUNS, ("failed", "exit_nonzero", (137,))],
        "term": [STARTS, RUNS, ("failed", "exit_nonzero", (143,))],
        "on-failure": [STARTS, RUNS, STARTS, RUNS, STARTS, RUNS, STARTS, DONE],
        "on-failure-limit": [
            *(STARTS, RUNS, STARTS, RUNS, ("stopping", "", (None,))),
            *(("stopping", "exit_nonzero", (None,)), ("failed", "exit_nonzero", (5,))),
        ],
        "on-failure-killed": [STARTS, RUNS, STARTS, RUNS, STARTS, DONE],
    },
    "pod_evicted": {
        "evicted": [
            *(STARTS, RUNS, ("stopping", "evicted", (None,)), ("stopping", "evicted", (143,))),
            *(STARTS, RUNS),
        ],
        "disk": [STARTS, RUNS, ("failed", "exit_nonzero", (137,))],
    },
    "pod_preempted": {
        "victim": [STARTS, RUNS, ("stopping", "evicted", (None,)), ("lost", "evicted", (143,))],
        "preemptor": [STARTS, FULL, STARTS, RUNS, DONE],
        "victim2": [
            *(STARTS, RUNS, ("stopping", "evicted", (None,)), ("stopping", "evicted", (143,))),
            *(STARTS, RUNS),
        ],
        "preemptor2": [STARTS, FULL, STARTS, RUNS, DONE],
    },
    "node_lost": {
        "default-tolerations": [
            *(STARTS, RUNS, ("stopping", "node_lost", (None,)), ("lost", "node_lost", (None,))),
        ],
        "policy-ignore": [STARTS, RUNS, ("stopping", "node_lost", (None,)), STARTS, RUNS, DONE],
    },
}
"""The whole story of each Job. Some of these Jobs are not as ours are: they are tried again, or their pods restart."""


@pytest.mark.parametrize("scenario", STORIES)
def test_every_job_of_a_scenario_is_told_rightly(scenario: str) -> None:
    told = story(scenario)
    assert {name: told[name] for name in STORIES[scenario]} == STORIES[scenario]


def test_a_job_whose_replacement_succeeded_has_not_ended_before_the_lost_pod_is_gone() -> None:
    ended: list[float] = []
    for at, scene in moments("node_lost"):
        for uid, job in scene.jobs.items():
            if job.metadata.name == "replaced" and scene.look(uid).phase in ENDED:
                ended.append(at)
    verdict = next(
        at
        for at, scene in moments("node_lost")
        for job in scene.jobs.values()
        if job.metadata.name == "replaced" and job.condition("SuccessCriteriaMet")
    )
    assert (round(verdict), round(ended[0])) == (84, 412)


def test_no_end_is_ever_taken_back() -> None:
    """Of Jobs that are not tried again; what is suspended from outside and resumed is no end of ours."""
    for scenario in STORIES:
        ended: dict[str, Phase] = {}
        for _, scene in moments(scenario):
            for uid, job in scene.jobs.items():
                seen = scene.look(uid)
                if uid in ended:
                    assert seen.phase is ended[uid], (scenario, job.metadata.name)
                if seen.phase in ENDED:
                    ended[uid] = seen.phase


def test_what_the_cluster_breaks_is_ordered_to_end_and_nothing_else() -> None:
    ordered: dict[str, str] = {}
    for scenario in STORIES:
        for _, scene in moments(scenario):
            for uid, job in scene.jobs.items():
                order = needed(job, scene.pods_of(uid))
                if order is not None:
                    ordered[f"{scenario} {job.metadata.name}"] = order.reason
    assert ordered == {
        "node_lost default-tolerations": "node_lost",
        "node_lost policy-ignore": "node_lost",
        "node_lost replaced": "node_lost",
        "node_lost tolerates-20s": "node_lost",
        "pod_evicted evicted": "evicted",
        "pod_preempted victim": "evicted",
        "pod_preempted victim2": "evicted",
    }


def test_a_job_that_somebody_suspends_was_changed() -> None:
    told = story("job_suspend_resume")["exit143"]
    assert ("running", "", (None,)) in told
    after = told[told.index(("running", "", (None,))) + 1 :]
    assert after[:2] == [CHANGED, ("failed", "deleted_externally", (143,))]
    assert told[-1] == DONE  # and resumed it


@pytest.mark.parametrize(
    "scenario, name, sentence",
    [
        ("job_exit_nonzero", "gang-fail", "Member 1 ended with exit status 3."),
        ("job_killed", "killed", "Member 0 was ended by SIGKILL (exit status 137)."),
        ("job_oom", "oom", "Member 0 ran out of memory (exit status 137)."),
        ("job_oom", "oom-child", "Member 0 ran out of memory (exit status 7)."),
        (
            "job_oom",
            "oom-child-ok",
            "A process of member 0 was killed for want of memory; the member went on.",
        ),
        (
            "job_deadline",
            "late",
            "The cluster ended it, because it took longer than it may: Job was active longer than specified deadline",
        ),
        (
            "pod_evicted",
            "disk",
            'Member 0 used more of the disk than it may: Usage of EmptyDir volume "s" exceeds the limit "10Mi". ',
        ),
        ("node_lost", "default-tolerations", "The node knode2 of member 0 is lost."),
        (
            "job_unschedulable",
            "too-big",
            "The cluster has no place for member 0: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu. no new"
            " claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
        ),
    ],
)
def test_people_are_told_in_a_sentence(scenario: str, name: str, sentence: str) -> None:
    assert last_details(scenario)[name] == sentence.strip()


NO_IMAGE = (
    "The image of member 0 cannot be fetched: rpc error: code = NotFound desc = failed to pull and unpack image"
    ' "registry.example.com/team/no-such-image:1": failed to resolve image:'
    " registry.example.com/team/no-such-image:1: not found"
)


def test_between_two_tries_to_fetch_an_image_the_same_is_said() -> None:
    said = story("job_image_pull", lambda seen: (seen.reason, seen.detail))["pull"]
    assert [each for each in said if each != GONE and each[0]] == [("image_pull", NO_IMAGE)]


def test_of_a_kubelet_that_does_not_repeat_the_registry_it_is_read_from_events() -> None:
    """Those of the oldest versions only say that they wait."""
    told = set()
    for _, scene in moments("job_image_pull"):
        for uid, job in scene.jobs.items():
            pods = [_silenced(pod) for pod in scene.pods_of(uid) if "ImagePullBackOff" in str(pod.status)]
            if pods and job.metadata.name == "pull" and not pods[0].metadata.deletion_timestamp:
                events = tuple(scene.events.values())
                told.add(job_seen(job, pods, events=events).detail)
                assert job_seen(job, pods).detail.endswith(': Back-off pulling image "registry.example.com/x:1"')
    assert told == {NO_IMAGE}


def _silenced(pod: Pod) -> Pod:
    waiting = Waiting("ImagePullBackOff", 'Back-off pulling image "registry.example.com/x:1"')
    container = Container(names.MAIN, state=ContainerState(waiting=waiting))
    return msgspec.structs.replace(pod, status=msgspec.structs.replace(pod.status, container_statuses=(container,)))


def test_pods_of_one_second_are_numbered_by_their_names() -> None:
    made = "2026-11-23T15:41:07Z"
    old, leaves, over = "2026-11-23T15:41:06Z", {"deletion_timestamp": made}, PodStatus("Failed", reason="Evicted")
    pods = [
        *(Pod(Meta("c", creation_timestamp=made)), Pod(Meta("a", creation_timestamp=made))),
        Pod(Meta("d", creation_timestamp=old, **leaves), PodSpec("n1")),
        *(Pod(Meta("b", creation_timestamp=made)), Pod(Meta("e", creation_timestamp=old), status=over)),
    ]
    for order in itertools.permutations(pods):
        assert "".join(pod.metadata.name for pod in in_order(order)) == "abcde"
    seen = serving_seen(Deployment(spec=DeploymentSpec(4)), pods, 8080)
    assert [(each.index, str(each.phase)) for each in seen.members] == [
        *((0, "pending"), (1, "pending"), (2, "pending"), (3, "stopping")),
    ]


def test_replicas_come_one_by_one_and_keep_their_places() -> None:
    told = served("serving_deployment")
    assert {phase for phase, _ in told} == {"running"}
    assert told[0][1] == [("pending", False, "", "")]
    assert told[-1][1] == [
        ("running", True, "10.244.0.19:8080", ""),
        ("running", True, "10.244.0.21:8080", ""),
        ("running", True, "10.244.0.22:8080", ""),
    ]


def test_an_image_that_does_not_come_is_said_of_the_replica() -> None:
    reasons = {reason for _, members in served("serving_bad_update") for *_, reason in members}
    assert reasons == {"", "image_pull"}
    details = {
        member.detail
        for _, scene in moments("serving_bad_update")
        for one in scene.deployments.values()
        for member in serving_seen(one, scene.pods.values(), 8080).members
    }
    assert {bool(detail) for detail in details} == {True, False}
    assert {detail.partition(" cannot be fetched: ")[0] for detail in details if detail} == {"The image of member 0"}


def test_replicas_that_leave_come_after_those_that_stay() -> None:
    for _, members in served("serving_good_update"):
        phases = [phase for phase, *_ in members]
        stays = [phase != "stopping" for phase in phases if phase != "pending"]
        assert stays == sorted(stays, reverse=True)
    assert served("serving_delete")[-1][0] == "running"  # nobody told it to stop: it was deleted
