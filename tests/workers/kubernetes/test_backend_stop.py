"""Ending jobs on a cluster, and leaving nothing."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from tests.support.kubernetes.faults import Fault
from tests.support.kubernetes.kinds import (
    BUDGETS,
    DEPLOYMENTS,
    JOBS,
    NETWORKPOLICIES,
    PODS,
    REPLICASETS,
    SECRETS,
    SERVICES,
    Kind,
)
from tests.support.kubernetes.plans import Plan
from tests.support.kubernetes.server import KubernetesServer
from tests.support.waiting import until
from tests.workers.backends.jobs import make_launch, shell
from tests.workers.kubernetes.harness import KubernetesHarness
from tests.workers.kubernetes.test_backend_observe import name_of, pods, started
from workers.backends.base import Backend, BackendUnavailable
from workers.backends.kubernetes import names, remains
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.place import Where
from workers.backends.kubernetes.resources import DEPLOYMENTS as DEPLOYMENT_RESOURCE
from workers.backends.kubernetes.resources import JOBS as JOB_RESOURCE
from workers.backends.kubernetes.resources import PODS as POD_RESOURCE
from workers.backends.kubernetes.resources import SERVICES as SERVICE_RESOURCE
from workers.backends.kubernetes.resources import Resource
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import ENDED, Observation, Phase

NAMESPACE = "bedplate-acme-credit-risk"


class TestStop:
    def test_each_pod_is_told_with_the_grace_that_it_has(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launch = make_launch(count=2)
        handle = started(harness, launch, Plan(term_exit=None))
        harness.run(handle)
        harness.backend.stop(handle, 4.2)
        assert [pod["metadata"]["deletionGracePeriodSeconds"] for pod in pods(cluster, launch)] == [5, 5]
        harness.backend.stop(handle, 20)
        assert [pod["metadata"]["deletionGracePeriodSeconds"] for pod in pods(cluster, launch)] == [5, 5]
        harness.backend.stop(handle, 0)
        assert [pod["metadata"]["deletionGracePeriodSeconds"] for pod in pods(cluster, launch)] == [1, 1]
        job = cluster.get(JOBS, name_of(launch), NAMESPACE)
        assert (job["spec"]["suspend"], job["metadata"]["annotations"][names.STOP]) == (True, '{"grace_seconds": 1}')

    def test_an_end_that_leaves_as_agreed_is_seen(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        handle = started(harness, make_launch(), Plan(term_exit=83))
        harness.run(handle)
        harness.backend.stop(handle, 10)
        assert [member.exit_code for member in harness.end(handle).members] == [83]

    def test_a_command_that_completes_when_told_has_completed(self, harness: KubernetesHarness) -> None:
        handle = started(harness, make_launch(), Plan(term_exit=0))
        harness.run(handle)
        harness.backend.stop(handle, 10)
        seen = harness.end(handle)
        assert (seen.phase, seen.reason) == (Phase.SUCCEEDED, "completed")

    def test_what_nobody_saw_end_has_ended_all_the_same(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launch = make_launch()
        handle = started(harness, launch, Plan())
        harness.run(handle)
        harness.backend.stop(handle, 10)
        until(lambda: pods(cluster, launch) == [])
        cluster.settle()
        seen = harness.restarted().observe([handle])[0]
        assert (seen.phase, seen.reason, seen.detail) == (
            *(Phase.FAILED, "exit_nonzero", "It was stopped; how its members ended is not known."),
        )
        assert [member.exit_code for member in seen.members] == [None]

    def test_it_has_not_ended_before_the_cluster_has_heard_of_it(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        cluster.loop.hold("Jobs.reconcile")
        launch = make_launch()
        handle = started(harness, launch, Plan())
        harness.backend.stop(handle, 0)
        assert harness.backend.observe([handle])[0].phase is Phase.STOPPING
        cluster.loop.release("Jobs.reconcile")
        harness.end(handle)
        assert harness.starts(launch) == 0

    def test_a_stop_that_is_not_acknowledged_is_repeated(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        handle = started(harness, make_launch(), Plan())
        harness.run(handle)
        cluster.faults.add(Fault(verb="patch", resource="jobs", status=503, times=None))
        with pytest.raises(BackendUnavailable):
            harness.quick().stop(handle, 10)
        cluster.faults.clear()
        harness.backend.stop(handle, 10)
        assert harness.end(handle).phase in ENDED

    @pytest.mark.parametrize("drop", ["after", "half", "before"])
    def test_a_stop_before_a_submit_survives_a_lost_answer(
        self, harness: KubernetesHarness, cluster: KubernetesServer, drop: str
    ) -> None:
        launch = make_launch()
        handle = harness.backend.handle_for(shell("true"), launch)
        cluster.faults.add(Fault(verb="create", resource="jobs", drop=drop))
        harness.backend.stop(handle, 0)
        harness.backend.submit(harness.running(launch), launch)
        cluster.advance(30)
        assert harness.backend.observe([handle]) == [Observation(Phase.NOT_FOUND)]
        assert harness.starts(launch) == 0

    def test_a_server_leaves_with_its_grace(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        launch = make_launch(count=2)
        spec = harness.serving(launch)
        cluster.plan(Plan(term_seconds=2), labels={names.ATTEMPT: launch.attempt_id})
        handle = harness.backend.submit(spec, launch)
        harness.see(handle, lambda seen: all(member.ready for member in seen.members))
        harness.backend.stop(handle, 3)
        harness.see(handle, lambda seen: _graces(cluster, launch) == {3})
        seen = harness.end(handle)
        assert harness.starts(launch) == 2
        assert (seen.phase, seen.reason, seen.members) == (Phase.SUCCEEDED, "completed", ())
        assert cluster.get(DEPLOYMENTS, name_of(launch), NAMESPACE)["spec"]["replicas"] == 0


def _graces(cluster: KubernetesServer, launch: LaunchContext) -> set[int | None]:
    return {pod["metadata"].get("deletionGracePeriodSeconds") for pod in pods(cluster, launch)}


def _told(backend: Backend, handle: JobHandle) -> bool:
    """Whether the stop was acknowledged."""
    try:
        backend.stop(handle, 5)
    except BackendUnavailable:
        return False
    return True


class TestDeletedBefore:
    @pytest.mark.parametrize("policy", ["Background", "Orphan"])
    def test_a_stop_after_somebody_deleted_the_job_ends_its_pods(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api, policy: str
    ) -> None:
        launch = make_launch()
        handle = started(harness, launch, Plan(term_seconds=4))
        harness.run(handle)
        api.transport.repeated("DELETE", JOB_RESOURCE.path(NAMESPACE, name_of(launch)), {"propagationPolicy": policy})
        until(lambda: _told(harness.backend, handle))
        assert harness.restarted().observe([handle])[0].phase is Phase.STOPPING
        harness.end(handle)
        until(lambda: pods(cluster, launch) == [])
        harness.backend.submit(harness.running(launch), launch)
        cluster.advance(30)
        assert harness.starts(launch) == 1


class TestWhatWasLeft:
    """Somebody deleted the Job or Deployment alone: what belonged to it is nobody's, and goes all the same."""

    def test_of_a_gang_nothing_stays(self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api) -> None:
        launch = make_launch(count=2)
        handle = started(harness, launch, Plan(term_exit=83))
        harness.run(handle)
        assert [len(left(cluster, kind)) for kind in (SECRETS, SERVICES, NETWORKPOLICIES)] == [1, 1, 1]
        delete_alone(api, JOB_RESOURCE, launch)
        seen = harness.end(handle)
        assert (seen.phase, seen.reason) == (Phase.FAILED, "deleted_externally")
        until(lambda: {kind.plural for kind in EVERYTHING if left(cluster, kind)} <= {"pods"})
        assert harness.restarted().sweep([], older_than_seconds=0) in ([launch.attempt_id], [])
        until(lambda: left(cluster, PODS) == [])

    def test_of_a_server_nothing_stays_or_comes_back(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api
    ) -> None:
        launch = make_launch(count=2)
        handle = harness.backend.submit(harness.serving(launch), launch)
        harness.see(handle, lambda seen: [member.ready for member in seen.members] == [True, True])
        delete_alone(api, DEPLOYMENT_RESOURCE, launch)
        seen = harness.end(handle)
        assert (seen.phase, seen.reason) == (Phase.FAILED, "deleted_externally")
        assert [each.phase for each in harness.restarted().observe([handle])] == [Phase.FAILED]
        assert harness.backend.sweep([], older_than_seconds=0) == [launch.attempt_id]
        until(lambda: [kind.plural for kind in (*EVERYTHING, REPLICASETS) if left(cluster, kind)] == [])

    def test_a_sweep_finds_it_also_where_no_pod_is_left(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api
    ) -> None:
        launch, other = make_launch(), make_launch()
        for each in (launch, other):
            harness.end(harness.backend.submit(harness.ending(each, 0), each))
        delete_alone(api, JOB_RESOURCE, launch)
        for pod in pods(cluster, launch):
            api.delete(POD_RESOURCE, NAMESPACE, pod["metadata"]["name"], uid=pod["metadata"]["uid"])
        cluster.settle()
        assert len(left(cluster, SECRETS)) == 2
        assert harness.backend.sweep([launch.attempt_id, other.attempt_id], older_than_seconds=0) == []
        until(lambda: left(cluster, SECRETS) == [name_of(other)])

    def test_of_a_mark_too(self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api) -> None:
        launch = make_launch()
        handle = started(harness, launch, Plan())
        harness.run(handle)
        delete_alone(api, JOB_RESOURCE, launch)
        harness.backend.stop(handle, 0)
        other = harness.restarted()
        until(lambda: other.sweep([], older_than_seconds=0) == [launch.attempt_id])
        until(lambda: [kind.plural for kind in EVERYTHING if left(cluster, kind)] == [])

    def test_what_a_stranger_called_so_stays(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api
    ) -> None:
        launch = make_launch()
        handle = started(harness, launch, Plan(seconds=0))
        harness.end(handle)
        labels = {names.ATTEMPT: launch.attempt_id, names.INSTALLATION: "another"}
        metadata = {"name": name_of(launch), "namespace": NAMESPACE, "labels": labels}
        spec = {"clusterIP": "None", "ports": [{"port": 80}]}
        api.create(SERVICE_RESOURCE, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
        delete_alone(api, JOB_RESOURCE, launch)
        harness.backend.sweep([], older_than_seconds=0)
        until(lambda: left(cluster, SECRETS) == [])
        assert left(cluster, SERVICES) == [name_of(launch)]

    def test_where_the_cluster_does_not_allow_it_the_rest_is_done(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api, caplog: pytest.LogCaptureFixture
    ) -> None:
        launch = make_launch(count=2)
        handle = started(harness, launch, Plan(seconds=0))
        harness.end(handle)
        delete_alone(api, JOB_RESOURCE, launch)
        cluster.faults.add(Fault(verb="patch", resource="secrets", status=403, times=1))
        assert harness.backend.observe([handle])[0].phase in ENDED
        until(lambda: left(cluster, SERVICES) == [])
        assert left(cluster, SECRETS) == [name_of(launch)]
        assert f"left on the cluster: Secret {name_of(launch)} in {NAMESPACE}" in caplog.text


EVERYTHING = (JOBS, DEPLOYMENTS, PODS, SECRETS, SERVICES, NETWORKPOLICIES, BUDGETS)


def left(cluster: KubernetesServer, kind: Kind) -> list[str]:
    """Names of what there is of attempts; a project's own policies stay."""
    return sorted(name for each in cluster.all(kind) if (name := each["metadata"]["name"]).startswith("bp-"))


def delete_alone(api: Api, resource: Resource, launch: LaunchContext) -> None:
    """As `kubectl delete --cascade=orphan`."""
    api.transport.repeated("DELETE", resource.path(NAMESPACE, name_of(launch)), {"propagationPolicy": "Orphan"})
    until(lambda: api.find(resource, NAMESPACE, name_of(launch)) is None)


class TestSweep:
    def test_pods_without_a_job_go_too(self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api) -> None:
        launch = make_launch()
        handle = started(harness, launch, Plan())
        harness.run(handle)
        api.transport.repeated("DELETE", JOB_RESOURCE.path(NAMESPACE, name_of(launch)), {"propagationPolicy": "Orphan"})
        cluster.settle()
        removed: list[str] = []
        swept = harness.restarted()
        until(lambda: removed.extend(swept.sweep([], older_than_seconds=0)) or removed)  # type: ignore[func-returns-value]
        assert removed == [launch.attempt_id]
        until(lambda: pods(cluster, launch) == [])

    def test_what_is_left_of_a_job_that_no_living_process_saw_goes_when_it_is_not_found(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api
    ) -> None:
        """All had been killed when somebody deleted the Job alone, and its pods after it."""
        launch = make_launch(count=2)
        handle = started(harness, launch, Plan())
        harness.run(handle)
        delete_alone(api, JOB_RESOURCE, launch)
        for pod in pods(cluster, launch):
            api.delete(POD_RESOURCE, NAMESPACE, pod["metadata"]["name"], uid=pod["metadata"]["uid"], grace_seconds=0)
        until(lambda: pods(cluster, launch) == [])
        assert left(cluster, SECRETS) == [name_of(launch)]
        another = harness.restarted()
        assert another.observe([handle]) == [Observation(Phase.NOT_FOUND)]
        until(lambda: [left(cluster, kind) for kind in EVERYTHING] == [[]] * len(EVERYTHING))
        before = len(cluster.faults.requests)
        assert another.observe([handle]) == [Observation(Phase.NOT_FOUND)]
        assert {each.verb for each in cluster.faults.requests[before:]} == {"get", "list"}, "it is tried once"

    def test_what_has_a_job_stays_though_it_was_taken_for_left(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        """A submit may be on its way while another process finds nothing."""
        launch = make_launch()
        handle = started(harness, launch, Plan())
        harness.run(handle)
        where = Where(launch.attempt_id, NAMESPACE, "job")
        remains.clear(harness.backend._place, where)
        remains.clear(harness.backend._place, where)
        cluster.settle()
        uids = [each["uid"] for each in cluster.get(SECRETS, name_of(launch), NAMESPACE)["metadata"]["ownerReferences"]]
        assert cluster.get(JOBS, name_of(launch), NAMESPACE)["metadata"]["uid"] in uids

    def test_so_do_those_that_had_ended(self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api) -> None:
        launch = make_launch()
        harness.end(started(harness, launch, Plan(seconds=0, exit_code=3)))
        cluster.settle()
        api.transport.repeated("DELETE", JOB_RESOURCE.path(NAMESPACE, name_of(launch)), {"propagationPolicy": "Orphan"})
        cluster.settle()
        assert len(pods(cluster, launch)) == 1
        assert harness.restarted().sweep([], older_than_seconds=0) == [launch.attempt_id]
        until(lambda: pods(cluster, launch) == [])

    def test_what_is_known_or_young_stays(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        old, young, known = make_launch(), make_launch(), make_launch()
        for launch in (old, known):
            harness.end(harness.backend.submit(harness.ending(launch, 0), launch))
        cluster.advance(120)
        harness.end(harness.backend.submit(harness.ending(young, 0), young))
        assert harness.backend.sweep([known.attempt_id], older_than_seconds=60) == [old.attempt_id]
        cluster.settle()
        assert {job["metadata"]["name"] for job in cluster.all(JOBS)} == {name_of(young), name_of(known)}

    def test_marks_of_what_never_started_go_as_well(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launch = make_launch()
        harness.backend.stop(harness.backend.handle_for(shell("true"), launch), 0)
        assert harness.backend.sweep([], older_than_seconds=0) == [launch.attempt_id]
        assert cluster.all(JOBS) == []

    def test_everything_can_be_stopped(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        job, server = make_launch(count=2), make_launch()
        handles = [
            harness.backend.submit(harness.running(job), job),
            harness.backend.submit(harness.serving(server), server),
        ]
        harness.run(handles[0])
        harness.backend.stop_everything(5)
        assert {seen.phase in ENDED for seen in harness.backend.observe(handles)} == {True}
        cluster.advance(5)
        assert cluster.all(PODS) == []


class TestLogs:
    @pytest.mark.parametrize("hours", [0, 2, -5])
    def test_they_go_on_byte_by_byte(self, harness: KubernetesHarness, cluster: KubernetesServer, hours: int) -> None:
        """Wherever the clocks of its nodes are: they write the times of lines in their own zone."""
        cluster.api.logs.zone = timezone(timedelta(hours=hours))
        launch = make_launch()
        handle = started(harness, launch, Plan(log="first ä\r50%\rline\n"))
        harness.run(handle)
        read = b""
        for text in ("", "second\n", "", "third without an end"):
            if text:
                cluster.print(cluster.pod_of(name_of(launch), 0, NAMESPACE), text)
            part = harness.backend.logs(handle, len(read))
            assert part.offset == len(read) + len(part.data)
            read += part.data
        assert read == "first ä\r50%\rline\nsecond\nthird without an end".encode()
        assert harness.restarted().logs(handle, 10, limit_bytes=5).data == read[10:15]

    def test_many_lines_of_one_second_come_once(
        self, harness: KubernetesHarness, cluster: KubernetesServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("workers.backends.kubernetes.output.PIECE_BYTES", 256)
        lines = "".join(f"line {number}\n" for number in range(200))
        launch = make_launch()
        handle = started(harness, launch, Plan(log=""))
        harness.run(handle)
        pod = cluster.pod_of(name_of(launch), 0, NAMESPACE)
        for start in range(0, len(lines), 333):
            cluster.print(pod, lines[start : start + 333])
        read, backend = b"", harness.backend
        while len(read) < len(lines):
            part = backend.logs(handle, len(read), limit_bytes=100)
            assert part.data
            read += part.data
            if len(read) == 500:
                backend = harness.restarted()  # type: ignore[assignment]
        assert read.decode() == lines

    def test_what_was_read_stays_when_the_pod_is_gone(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launch = make_launch()
        handle = started(harness, launch, Plan(log="words\n", term_log="last words\n"))
        harness.run(handle)
        harness.backend.stop(handle, 10)
        harness.end(handle)
        until(lambda: pods(cluster, launch) == [])
        assert harness.backend.logs(handle).data == b"words\nlast words\n"
        assert harness.backend.logs(handle, 6).data == b"last words\n"
        assert harness.restarted().logs(handle).data == b""

    def test_of_a_replica_that_was_started_again_both_are_read(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launch = make_launch()
        labels = {names.ATTEMPT: launch.attempt_id}
        spec = harness.serving(launch)
        cluster.plan(Plan(log="first life\n"), labels=labels, restart=0)
        cluster.plan(Plan(log="second life\n", ready_after=1), labels=labels, restart=1)
        handle = harness.backend.submit(spec, launch)
        until(lambda: harness.backend.logs(handle).data == b"first life\n")
        pod = next(iter(pods(cluster, launch)))
        cluster.exit(pod, code=1, log="its end\n")
        until(lambda: harness.backend.logs(handle).data == b"first life\nits end\nsecond life\n")

    def test_a_member_that_has_not_started_has_none(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        handle = started(harness, make_launch(), Plan(image_error="ErrImagePull"))
        harness.see(handle, lambda seen: seen.reason == "image_pull")
        part = harness.backend.logs(handle, 3)
        assert (part.data, part.offset) == (b"", 3)


def test_secrets_are_never_read_back(harness: KubernetesHarness, cluster: KubernetesServer) -> None:
    launch = make_launch()
    handle = harness.backend.submit(harness.running(launch), launch)
    harness.run(handle)
    harness.backend.stop(handle, 0)
    harness.end(handle)
    harness.backend.sweep([], older_than_seconds=0)
    verbs = {each.verb for each in cluster.faults.requests if each.resource == SECRETS.plural}
    assert verbs == {"patch"}
