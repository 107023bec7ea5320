"""Looking at jobs on a cluster: why they wait, how they end, and what is mended on the way."""

from __future__ import annotations

import json

import pytest

from tests.support.kubernetes.faults import Fault
from tests.support.kubernetes.kinds import JOBS, NODES, PODS, QUOTAS
from tests.support.kubernetes.plans import Plan
from tests.support.kubernetes.server import KubernetesServer
from tests.support.kubernetes.store import Object
from tests.support.waiting import until
from tests.workers.backends.jobs import make_launch, shell
from tests.workers.kubernetes.harness import KubernetesHarness
from workers.backends.base import BackendUnavailable
from workers.backends.kubernetes import names, output
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.asking import FEW
from workers.backends.kubernetes.resources import DEPLOYMENTS as DEPLOYMENT_RESOURCE
from workers.backends.kubernetes.resources import JOBS as JOB_RESOURCE
from workers.backends.kubernetes.resources import PODS as POD_RESOURCE
from workers.backends.kubernetes.seen_events import of_quota
from workers.backends.kubernetes.seen_objects import Meta, Pod, PodSpec, PodStatus
from workers.backends.kubernetes.seen_pods import member_of
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import ENDED, Observation, Phase

NAMESPACE = "bedplate-acme-credit-risk"


def started(harness: KubernetesHarness, launch: LaunchContext, plan: Plan, **changes: object) -> JobHandle:
    harness.cluster.plan(plan, labels={names.ATTEMPT: launch.attempt_id})
    return harness.backend.submit(shell("true", **changes), launch)


def pods(cluster: KubernetesServer, launch: LaunchContext) -> list[Object]:
    found = cluster.all(PODS, NAMESPACE)
    return [pod for pod in found if pod["metadata"]["labels"].get(names.ATTEMPT) == launch.attempt_id]


def name_of(launch: LaunchContext) -> str:
    return names.object_name(launch.attempt_id)


class TestWaiting:
    def test_a_quota_of_the_cluster(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        harness.backend.submit(shell("true"), make_launch())
        cluster.cluster.add(QUOTAS, {"metadata": {"name": "team"}, "spec": {"hard": {"pods": "1"}}}, NAMESPACE)
        launch = make_launch()
        handle = started(harness, launch, Plan())
        cluster.advance(5)
        seen = harness.see(handle, lambda seen: seen.reason == "waiting_for_quota")
        assert seen.phase is Phase.PENDING
        assert seen.detail.startswith("A quota of the cluster does not let its members start: pods")
        assert "exceeded quota: team" in seen.detail

    @pytest.mark.parametrize(
        ("said", "waits"),
        [
            ('pods "a" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1', True),
            ('pods "a" is forbidden: status unknown for quota: team, resources: pods', True),
            ('pods "a" is forbidden: failed quota: team: must specify limits.memory for: main', False),
        ],
    )
    def test_a_quota_that_was_just_made_is_waited_for_too(self, said: str, waits: bool) -> None:
        assert of_quota(said) is waits

    def test_no_node_has_room_in_the_schedulers_words(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launch = make_launch(nodes=("node-9",))
        seen = harness.see(started(harness, launch, Plan()), lambda seen: seen.reason == "no_capacity")
        assert seen.phase is Phase.PENDING
        assert seen.detail.startswith("The cluster has no place for member 0: 0/2 nodes are available: ")

    def test_an_image_that_is_being_fetched(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        handle = started(harness, make_launch(), Plan(pull_seconds=600, present=False))
        cluster.advance(5)
        seen = harness.see(handle, lambda seen: seen.phase is Phase.PULLING)
        assert [member.phase for member in seen.members] == [Phase.PULLING]
        cluster.advance(600)
        harness.run(handle)

    @pytest.mark.parametrize(
        "error, reason",
        [
            ("ErrImagePull", "image_pull"),
            ("InvalidImageName", "image_pull"),
            ("ErrImageNeverPull", "image_pull"),
            ("CreateContainerConfigError", "launch_error"),
        ],
    )
    def test_what_keeps_a_container_from_starting(
        self, harness: KubernetesHarness, cluster: KubernetesServer, error: str, reason: str
    ) -> None:
        handle = started(harness, make_launch(), Plan(image_error=error))
        seen = harness.see(handle, lambda seen: seen.reason == reason)
        assert seen.phase is Phase.PENDING
        assert seen.members[0].reason == reason
        cluster.advance(30)
        assert harness.backend.observe([handle])[0].reason == reason

    def test_what_has_just_begun_is_not_asked_about(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        handle = started(harness, make_launch(), Plan(pull_seconds=600, present=False))
        harness.backend.observe([handle])
        assert cluster.faults.counts()[("list", "events")] == 0


class TestEnds:
    @pytest.mark.parametrize(
        "plan, phase, reason, code",
        [
            (Plan(seconds=0, exit_code=137, reason="OOMKilled"), Phase.FAILED, "out_of_memory", 137),
            (Plan(seconds=0, exit_code=7, reason="OOMKilled"), Phase.FAILED, "out_of_memory", 7),
            (Plan(seconds=0, exit_code=0, reason="OOMKilled"), Phase.SUCCEEDED, "completed", 0),
            (Plan(seconds=0, exit_code=137), Phase.FAILED, "exit_nonzero", 137),
            (Plan(start_error="exec: no such file"), Phase.FAILED, "launch_error", 128),
        ],
    )
    def test_each_by_its_reason(
        self, harness: KubernetesHarness, plan: Plan, phase: Phase, reason: str, code: int
    ) -> None:
        seen = harness.end(started(harness, make_launch(), plan))
        assert (seen.phase, seen.reason) == (phase, reason)
        assert [member.exit_code for member in seen.members] == [code]

    @pytest.mark.parametrize(("reason", "code"), [("Unknown", 255), ("ContainerStatusUnknown", 137)])
    def test_what_a_node_forgot_when_it_was_restarted_is_no_fault_of_the_job(
        self, harness: KubernetesHarness, reason: str, code: int
    ) -> None:
        seen = harness.end(started(harness, make_launch(), Plan(seconds=0, exit_code=code, reason=reason)))
        assert (seen.phase, seen.reason) == (Phase.LOST, "node_lost")
        node = seen.detail.removeprefix("The node ").partition(" ")[0]
        assert node in {"node-1", "node-2"}
        assert seen.detail == f"The node {node} does not know how member 0 ended, as after a restart of the node."
        assert [member.exit_code for member in seen.members] == [None]

    def test_an_image_without_a_python_is_told_of(self, harness: KubernetesHarness) -> None:
        said = 'failed to create containerd task: exec: "python3": executable file not found in $PATH: unknown'
        seen = harness.end(started(harness, make_launch(), Plan(start_error=said), image="ghcr.io/acme/busybox:1"))
        assert (seen.phase, seen.reason) == (Phase.FAILED, "launch_error")
        assert seen.detail == (
            f"The image of member 0 has no python3, which starts the command and reports on it: {said}"
        )

    def test_a_job_that_is_older_than_it_may_be(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        handle = started(harness, make_launch(), Plan(), time_limit_seconds=60)
        harness.run(handle)
        cluster.advance(2 * 3600)  # long after its wrapper should have ended it
        seen = harness.end(handle)
        assert (seen.phase, seen.reason) == (Phase.FAILED, "time_limit")

    def test_one_member_fails_and_the_others_go(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        launch = make_launch(count=3)
        handle = started(harness, launch, Plan())
        harness.run(handle)
        cluster.exit(cluster.pod_of(name_of(launch), 1, NAMESPACE), code=9)
        seen = harness.end(handle)
        assert (seen.phase, seen.reason, seen.detail) == (
            *(Phase.FAILED, "exit_nonzero", "Member 1 ended with exit status 9."),
        )
        assert seen.members[1].exit_code == 9

    def test_what_was_not_prepared_never_ran(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        launch = make_launch()
        cluster.plan(Plan(seconds=0, exit_code=85), labels={names.ATTEMPT: launch.attempt_id}, container="prepare")
        seen = harness.end(harness.backend.submit(shell("true"), launch))
        assert (seen.phase, seen.reason, seen.members[0].exit_code) == (Phase.FAILED, "launch_error", 85)
        assert harness.starts(launch) == 0

    @pytest.mark.parametrize(
        ("reason", "said"),
        [
            ("OutOfcpu", "Node didn't have enough resource: cpu"),
            ("UnexpectedAdmissionError", "Allocate failed due to no healthy devices present"),
            ("NodeShutdown", "Pod was rejected as the node is shutting down."),
            ("OfALaterVersion", "It is not taken."),
        ],
    )
    def test_what_a_node_sends_away_before_it_ran_is_no_fault_of_the_job(self, reason: str, said: str) -> None:
        pod = Pod(Meta("a"), PodSpec("node-1", "Never"), PodStatus("Failed", reason, said))
        seen = member_of(pod)
        assert (seen.over, seen.phase, seen.reason) == (True, Phase.LOST, "no_capacity")
        assert seen.detail == f"Node node-1 did not take member 0: {said}"

    def test_what_the_preparation_said_last_is_told(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        """As of an image that is none of Bedplate's."""
        said = "python: can't open file '/opt/bedplate/app/workers/runtime/prepare.py': [Errno 2] No such file"
        plan = Plan(seconds=0, exit_code=2, message=f"a line before\n{said}\n\n")
        launch = make_launch()
        cluster.plan(plan, labels={names.ATTEMPT: launch.attempt_id}, container="prepare")
        seen = harness.end(harness.backend.submit(shell("true"), launch))
        assert seen.detail == f"Member 0 could not be prepared (exit status 2): {said}"

    def test_an_end_stays_when_its_pods_are_gone(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api
    ) -> None:
        launch = make_launch()
        ended = harness.end(started(harness, launch, Plan(seconds=0, exit_code=3)))
        cluster.settle()
        pod = cluster.pod_of(name_of(launch), 0, NAMESPACE)["metadata"]
        api.delete(POD_RESOURCE, NAMESPACE, pod["name"], uid=pod["uid"])
        cluster.advance(60)
        assert pods(cluster, launch) == []
        handle = harness.backend.handle_for(shell("true"), launch)
        assert harness.backend.observe([handle]) == [ended]


class TestStrangers:
    def test_a_node_that_gives_no_output_keeps_nobody_from_seeing_how_a_job_is(
        self, harness: KubernetesHarness, cluster: KubernetesServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its certificate may be unknown to the API server, or its port closed: the log is then a 500 for ever."""
        monkeypatch.setattr(output, "LAST_WORDS_SECONDS", 0.2)
        launch = make_launch(count=2)
        handle = started(harness, launch, Plan(term_seconds=0.1))
        harness.run(handle)
        fault = cluster.faults.add(Fault(resource="pods/log", status=500, times=None))
        cluster.kubelet.removal_seconds = 3600
        harness.backend.stop(handle, 5)
        cluster.advance(2)
        before = len(cluster.faults.requests)
        assert harness.backend.observe([handle])[0].phase in (Phase.STOPPING, Phase.FAILED)
        asked = [each.resource for each in cluster.faults.requests[before:]]
        assert asked.count("pods/log") >= 1
        assert fault in cluster.faults.rules

    def test_a_pod_that_somebody_deleted(self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api) -> None:
        launch = make_launch(count=2)
        handle = started(harness, launch, Plan())
        harness.run(handle)
        pod = cluster.pod_of(name_of(launch), 1, NAMESPACE)["metadata"]
        api.delete(POD_RESOURCE, NAMESPACE, pod["name"], uid=pod["uid"])
        seen = harness.end(handle)
        assert (seen.phase, seen.reason, seen.detail) == (
            *(Phase.FAILED, "deleted_externally", "Somebody deleted a member on the cluster."),
        )
        assert harness.restarted().observe([handle])[0].reason == "deleted_externally"
        assert harness.starts(launch) == 2

    @pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan"])
    def test_a_job_that_somebody_deleted(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api, policy: str
    ) -> None:
        launch = make_launch()
        handle = started(harness, launch, Plan(term_seconds=1))
        harness.run(handle)
        api.transport.repeated("DELETE", JOB_RESOURCE.path(NAMESPACE, name_of(launch)), {"propagationPolicy": policy})
        seen = harness.see(handle, lambda seen: seen.phase is Phase.STOPPING or seen.phase in ENDED)
        assert seen.phase is Phase.STOPPING
        assert seen.reason == "deleted_externally"
        assert (harness.end(handle).phase, harness.end(handle).reason) == (Phase.FAILED, "deleted_externally")
        until(lambda: pods(cluster, launch) == [])
        until(lambda: harness.restarted().observe([handle]) == [Observation(Phase.NOT_FOUND)])

    def test_a_job_that_somebody_suspended(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api
    ) -> None:
        launch = make_launch()
        handle = started(harness, launch, Plan())
        harness.run(handle)
        api.merge(JOB_RESOURCE, NAMESPACE, name_of(launch), {"spec": {"suspend": True}})
        seen = harness.end(handle)
        assert (seen.phase, seen.reason, seen.detail) == (
            *(Phase.FAILED, "deleted_externally", "Somebody changed it on the cluster."),
        )
        api.merge(JOB_RESOURCE, NAMESPACE, name_of(launch), {"spec": {"suspend": False}})
        harness.see(handle, lambda seen: seen.phase in ENDED and _held(cluster, launch))
        assert harness.restarted().observe([handle])[0].reason == "deleted_externally"

    def test_a_stopped_job_that_somebody_lets_go_does_not_run_again(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api
    ) -> None:
        launch = make_launch()
        handle = started(harness, launch, Plan())
        harness.run(handle)
        harness.backend.stop(handle, 10)
        ended = harness.end(handle)
        api.merge(JOB_RESOURCE, NAMESPACE, name_of(launch), {"spec": {"suspend": False}})
        cluster.advance(60)
        assert harness.backend.observe([handle]) == [ended]
        assert harness.starts(launch) == 1

    def test_one_that_was_stopped_before_it_began_is_stopped_again(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api
    ) -> None:
        launch = make_launch(nodes=("node-9",))
        handle = started(harness, launch, Plan())
        harness.see(handle, lambda seen: seen.reason == "no_capacity")
        harness.backend.stop(handle, 10)
        harness.end(handle)
        api.merge(JOB_RESOURCE, NAMESPACE, name_of(launch), {"spec": {"suspend": False}})
        harness.see(handle, lambda seen: seen.phase in ENDED and _held(cluster, launch))
        assert harness.starts(launch) == 0

    def test_a_server_that_somebody_scaled_is_told_its_size_again(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api
    ) -> None:
        launch = make_launch()
        handle = harness.backend.submit(harness.serving(launch), launch)
        harness.backend.resize(handle, 2)
        harness.see(handle, lambda seen: [member.ready for member in seen.members] == [True, True])
        api.merge(DEPLOYMENT_RESOURCE, NAMESPACE, name_of(launch), {"spec": {"replicas": 5}})
        harness.see(handle, lambda seen: len(seen.members) == 2)
        api.merge(DEPLOYMENT_RESOURCE, NAMESPACE, name_of(launch), {"spec": {"replicas": 0}})
        harness.see(handle, lambda seen: [member.ready for member in seen.members] == [True, True])


class TestDisruption:
    def test_an_evicted_member_ends_the_whole_and_starts_no_other(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api
    ) -> None:
        launch = make_launch(count=2)
        handle = started(harness, launch, Plan(term_seconds=1))
        harness.run(handle)
        evict(api, cluster.pod_of(name_of(launch), 0, NAMESPACE))
        seen = harness.see(handle, lambda seen: seen.phase is Phase.STOPPING)
        assert (seen.reason, seen.detail) == (
            *("evicted", "The cluster took member 0 off its node: Eviction API: evicting"),
        )
        ended = harness.end(handle)
        assert (ended.phase, ended.reason, ended.detail) == (Phase.LOST, "evicted", seen.detail)
        cluster.advance(120)
        assert harness.starts(launch) == 2
        assert harness.restarted().observe([handle])[0].reason == "evicted"

    def test_a_lost_node_is_silent_then_lost_and_keeps_what_it_holds(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launch = make_launch(nodes=("node-2",))
        handle = started(harness, launch, Plan())
        harness.run(handle)
        cluster.nodes.lose("node-2")
        cluster.advance(60)
        seen = harness.see(handle, lambda seen: seen.detail != "")
        assert (seen.phase, seen.detail) == (Phase.RUNNING, "The node node-2 of member 0 does not answer.")
        assert [member.detail for member in seen.members] == [seen.detail]
        cluster.advance(400)
        seen = harness.see(handle, lambda seen: seen.phase is Phase.STOPPING)
        assert (seen.reason, seen.detail) == ("node_lost", "The node node-2 of member 0 is lost.")
        cluster.advance(3600)
        assert harness.backend.observe([handle])[0].phase is Phase.STOPPING
        with cluster.store.lock:
            cluster.cluster.delete(NODES, "node-2", "")
        cluster.advance(120)
        ended = harness.end(handle)
        assert (ended.phase, ended.reason) == (Phase.LOST, "node_lost")
        assert harness.starts(launch) == 1

    def test_who_deletes_a_pod_by_force_proves_nothing(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api
    ) -> None:
        launch = make_launch(nodes=("node-2",))
        handle = started(harness, launch, Plan())
        harness.run(handle)
        cluster.nodes.lose("node-2")
        cluster.advance(60)
        harness.see(handle, lambda seen: seen.detail != "")
        pod = cluster.pod_of(name_of(launch), 0, NAMESPACE)["metadata"]
        api.delete(POD_RESOURCE, NAMESPACE, pod["name"], uid=pod["uid"], grace_seconds=0)
        cluster.advance(60)
        assert harness.backend.observe([handle])[0].phase is Phase.STOPPING
        api.merge(POD_RESOURCE, NAMESPACE, pod["name"], {"metadata": {"finalizers": None}})
        cluster.settle()
        assert pod["name"] not in [each["metadata"]["name"] for each in pods(cluster, launch)]
        seen = harness.see(handle, lambda seen: seen.reason == "node_lost")
        assert seen.phase is Phase.STOPPING
        with cluster.store.lock:
            cluster.cluster.delete(NODES, "node-2", "")
        cluster.advance(30)
        until(lambda: harness.backend.observe([handle])[0].phase is Phase.LOST, timeout_seconds=15)
        assert harness.starts(launch) == 1


class TestMany:
    def test_jobs_that_run_need_no_look_at_their_pods(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launches = [make_launch() for _ in range(FEW + 3)]
        handles = [harness.backend.submit(harness.running(launch), launch) for launch in launches]
        for handle in handles:
            harness.run(handle)
        cluster.settle()
        cluster.advance(5)
        before = cluster.faults.counts()
        seen = harness.backend.observe(handles)
        after = cluster.faults.counts()
        assert {each.phase for each in seen} == {Phase.RUNNING}
        assert (after - before) == {("list", "jobs"): 1}

    def test_what_is_seen_of_many_is_what_is_seen_of_each(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launches = [make_launch(count=1 + number % 2) for number in range(FEW + 6)]
        plans = [Plan(), Plan(seconds=0, exit_code=3), Plan(seconds=0), Plan(image_error="ErrImagePull")]
        handles = [started(harness, launch, plans[n % 4]) for n, launch in enumerate(launches)]
        server = make_launch()
        handles.append(harness.backend.submit(harness.serving(server), server))
        handles.append(harness.backend.handle_for(shell("true"), make_launch()))
        cluster.settle()
        cluster.advance(10)
        each = [harness.restarted().observe([handle])[0] for handle in handles]
        assert harness.restarted().observe(handles) == each
        assert harness.backend.observe(handles) == each
        assert {seen.phase for seen in each} == {
            *(Phase.RUNNING, Phase.FAILED, Phase.SUCCEEDED, Phase.PENDING, Phase.NOT_FOUND),
        }

    def test_an_account_of_some_namespaces_only_looks_there(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launches = [make_launch() for _ in range(FEW + 1)]
        handles = [harness.backend.submit(harness.running(launch), launch) for launch in launches]
        for handle in handles:
            harness.run(handle)
        everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
        backend = harness.in_namespace("local", everything, NAMESPACE)
        assert {seen.phase for seen in backend.observe(handles)} == {Phase.RUNNING}
        assert backend.sweep([launch.attempt_id for launch in launches], older_than_seconds=0) == []

    def test_half_an_answer_is_no_answer(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        launch = make_launch()
        handle = harness.backend.submit(harness.running(launch), launch)
        harness.run(handle)
        cluster.faults.add(Fault(verb="get", resource="jobs", drop="half", times=None))
        with pytest.raises(BackendUnavailable):
            harness.quick().observe([handle])


def evict(api: Api, pod: Object) -> None:
    meta = pod["metadata"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": meta["name"]}}
    path = POD_RESOURCE.path(meta["namespace"], meta["name"], "eviction")
    api.transport.repeated("POST", path, None, json.dumps(body).encode())


def _held(cluster: KubernetesServer, launch: LaunchContext) -> bool:
    job = cluster.get(JOBS, name_of(launch), NAMESPACE)
    over = any(each["type"] == "Failed" for each in job["status"].get("conditions") or ())
    return over or bool(job["spec"].get("suspend"))
