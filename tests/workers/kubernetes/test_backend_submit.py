"""Starting jobs on a cluster: what is made, in which order, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tests.support.kubernetes.faults import Fault
from tests.support.kubernetes.kinds import (
    DEPLOYMENTS,
    JOBS,
    NAMESPACES,
    NETWORKPOLICIES,
    PODS,
    SECRETS,
    SERVICEACCOUNTS,
    SERVICES,
)
from tests.support.kubernetes.server import KubernetesServer
from tests.workers.backends.jobs import make_launch, server, shell
from tests.workers.kubernetes.harness import NAME, SITE, KubernetesHarness
from workers.backends.base import BackendUnavailable, LaunchRefused
from workers.backends.kubernetes import names, submitting
from workers.backends.kubernetes.api import MERGE, Api
from workers.backends.kubernetes.backend import KubernetesBackend
from workers.backends.kubernetes.resources import NETWORK_POLICIES
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts.launch import LaunchContext
from workers.contracts.observation import Phase

NAMESPACE = "bedplate-acme-credit-risk"


def asked(cluster: KubernetesServer) -> list[str]:
    return [f"{each.verb} {each.resource}" for each in cluster.faults.requests if each.verb != "watch"]


def name_of(launch: LaunchContext) -> str:
    return names.object_name(launch.attempt_id)


class TestWhatIsMade:
    def test_the_job_first_and_then_what_belongs_to_it(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        first, second = make_launch(), make_launch(count=2)
        harness.backend.submit(shell("true"), first)
        before = len(asked(cluster))
        harness.backend.submit(shell("true"), second)
        assert asked(cluster)[before:] == [
            *("create jobs", "patch secrets", "patch services", "patch networkpolicies"),
        ]
        uid = cluster.get(JOBS, name_of(second), NAMESPACE)["metadata"]["uid"]
        for kind in (SECRETS, SERVICES, NETWORKPOLICIES):
            owners = cluster.get(kind, name_of(second), NAMESPACE)["metadata"]["ownerReferences"]
            assert [owner["uid"] for owner in owners] == [uid]

    def test_a_namespace_is_fenced_once_per_process(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        harness.backend.submit(shell("true"), make_launch())
        assert cluster.get(NAMESPACES, NAMESPACE)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        cluster.get(SERVICEACCOUNTS, names.SERVICE_ACCOUNT, NAMESPACE)
        before = len(asked(cluster))
        harness.backend.submit(shell("true"), make_launch())
        assert asked(cluster)[before:] == ["create jobs", "patch secrets"]

    def test_a_namespace_that_somebody_deleted_is_made_again(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launch = make_launch()
        harness.end(harness.backend.submit(harness.ending(launch, 0), launch))
        cluster.settle()
        with cluster.store.lock:
            cluster.cluster.delete(NAMESPACES, NAMESPACE, "")
        cluster.advance(60)
        assert NAMESPACE not in [each["metadata"]["name"] for each in cluster.all(NAMESPACES)]
        launch = make_launch()
        harness.run(harness.backend.submit(harness.running(launch), launch))

    def test_a_fence_that_somebody_took_away_is_made_again_after_a_while(
        self, harness: KubernetesHarness, cluster: KubernetesServer, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        harness.backend.submit(shell("true"), make_launch())
        uid = cluster.get(NETWORKPOLICIES, "bedplate-deny", NAMESPACE)["metadata"]["uid"]
        api.delete(NETWORK_POLICIES, NAMESPACE, "bedplate-deny", uid=uid)
        harness.backend.submit(shell("true"), make_launch())
        assert "bedplate-deny" not in [each["metadata"]["name"] for each in cluster.all(NETWORKPOLICIES, NAMESPACE)]
        monkeypatch.setattr(submitting, "FENCED_SECONDS", 0.0)
        harness.backend.submit(shell("true"), make_launch())
        cluster.get(NETWORKPOLICIES, "bedplate-deny", NAMESPACE)

    def test_a_fence_that_an_administrator_changed_stays_and_jobs_start(
        self,
        harness: KubernetesHarness,
        cluster: KubernetesServer,
        api: Api,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(submitting, "FENCED_SECONDS", 0.0)
        harness.backend.submit(shell("true"), make_launch())
        theirs = [{"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}]
        body = msgspec.json.encode({"spec": {"egress": theirs}})
        path = NETWORK_POLICIES.path(NAMESPACE, "bedplate-egress")
        api.transport.repeated("PATCH", path, {"fieldManager": "kubectl-edit"}, body, MERGE)
        launch = make_launch()
        backend = harness.restarted()
        harness.see_by(backend, backend.submit(harness.running(launch), launch), Phase.RUNNING)
        backend.submit(shell("true"), make_launch())
        assert cluster.get(NETWORKPOLICIES, "bedplate-egress", NAMESPACE)["spec"]["egress"] == theirs
        (said,) = [each.getMessage() for each in caplog.records if "is left as somebody made it" in each.getMessage()]
        assert said.startswith(f"NetworkPolicy {NAMESPACE}/bedplate-egress is left as somebody made it: Apply failed")
        assert "kubectl-edit" in said

    def test_deleting_the_job_takes_all_of_it_away(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        launch = make_launch(count=2)
        handle = harness.backend.submit(harness.ending(launch, 0), launch)
        harness.end(handle)
        assert harness.backend.sweep([], older_than_seconds=0) == [launch.attempt_id]
        cluster.settle()
        for kind in (JOBS, PODS, SECRETS, SERVICES):
            assert [each for each in cluster.all(kind, NAMESPACE) if each["metadata"]["name"].startswith("bp-")] == []


class TestAgain:
    def test_what_is_missing_is_added(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        launch = make_launch()
        spec = harness.running(launch)
        cluster.faults.add(Fault(verb="patch", resource="secrets", status=503, times=None))
        with pytest.raises(BackendUnavailable):
            harness.quick().submit(spec, launch)
        handle = harness.backend.handle_for(spec, launch)
        assert harness.backend.observe([handle])[0].phase is Phase.PENDING
        cluster.faults.clear()
        assert harness.backend.submit(spec, launch) == handle
        cluster.advance(30)  # the node looks for the Secret again
        harness.run(handle)
        assert harness.starts(launch) == 1

    def test_a_second_token_replaces_the_first(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        launch = make_launch()
        harness.backend.submit(shell("true"), launch)
        first = cluster.get(SECRETS, name_of(launch), NAMESPACE)["data"]["token"]
        harness.backend.submit(shell("true"), make_launch(attempt_id=launch.attempt_id, token="another"))
        assert cluster.get(SECRETS, name_of(launch), NAMESPACE)["data"]["token"] != first

    def test_the_answer_that_does_not_come_starts_nothing_twice(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        for drop in ("after", "half"):
            launch = make_launch()
            cluster.faults.add(Fault(verb="create", resource="jobs", drop=drop))
            cluster.faults.add(Fault(verb="patch", resource="secrets", drop=drop))
            harness.run(harness.backend.submit(harness.running(launch), launch))
            assert harness.starts(launch) == 1

    def test_a_job_that_is_over_gets_nothing_more(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        launch = make_launch()
        spec = harness.ending(launch, 0)
        harness.end(harness.backend.submit(spec, launch))
        cluster.settle()
        before = len(asked(cluster))
        harness.backend.submit(spec, launch)
        assert asked(cluster)[before:] == ["create jobs", "get jobs"]


class TestRefused:
    def test_a_strangers_job_of_that_name(self, harness: KubernetesHarness, cluster: KubernetesServer) -> None:
        launch = make_launch()
        harness.backend.submit(shell("true"), make_launch())
        cluster.cluster.add(JOBS, _strangers_job(name_of(launch)), NAMESPACE)
        with pytest.raises(LaunchRefused) as error:
            harness.backend.submit(shell("true"), launch)
        assert str(error.value) == (
            f"There is a Job {name_of(launch)} in {NAMESPACE} that is not of this installation."
        )
        handle = harness.backend.handle_for(shell("true"), launch)
        assert harness.backend.observe([handle])[0].phase is Phase.NOT_FOUND
        harness.backend.stop(handle, 0)
        assert cluster.get(JOBS, name_of(launch), NAMESPACE)["spec"]["suspend"] is True

    def test_another_installations_job_is_nobodys_business(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launch = make_launch()
        other = KubernetesBackend(NAME, harness.connection(), _other_site())
        handle = other.submit(harness.running(launch), launch)
        harness.see_by(other, handle, Phase.RUNNING)
        assert harness.backend.observe([handle])[0].phase is Phase.NOT_FOUND
        assert harness.backend.sweep([], older_than_seconds=0) == []
        assert other.observe([handle])[0].phase is Phase.RUNNING
        other.close()

    def test_a_namespace_that_is_being_deleted_is_waited_for(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        harness.backend.submit(harness.stubborn(launch := make_launch()), launch)
        harness.run(harness.backend.handle_for(shell("true"), launch))
        with cluster.store.lock:
            cluster.cluster.delete(NAMESPACES, NAMESPACE, "")
        with pytest.raises(BackendUnavailable, match=f"The namespace {NAMESPACE} is being deleted"):
            harness.quick().submit(shell("true"), make_launch())

    def test_a_right_that_is_missing_is_said_in_the_clusters_words(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        rules = [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["create", "patch"]}]
        backend = harness.as_account("weak", rules)
        with pytest.raises(LaunchRefused, match='cannot patch resource "serviceaccounts"'):
            backend.submit(shell("true"), make_launch())

    def test_where_namespaces_are_made_by_others_theirs_must_be_there(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        backend = KubernetesBackend(NAME, harness.connection(), _site(makes_namespaces=False))
        with pytest.raises(LaunchRefused, match=f"The cluster has no namespace {NAMESPACE}, and Bedplate does not"):
            backend.submit(shell("true"), make_launch())
        cluster.namespace(NAMESPACE)
        launch = make_launch()
        harness.see_by(backend, backend.submit(harness.running(launch), launch), Phase.RUNNING)
        backend.close()

    def test_what_cannot_be_completed_leaves_nothing(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launch = make_launch()
        harness.backend.submit(shell("true"), make_launch())
        cluster.faults.add(Fault(verb="patch", resource="secrets", status=403, times=None))
        with pytest.raises(LaunchRefused):
            harness.backend.submit(shell("true"), launch)
        assert [job for job in cluster.all(JOBS, NAMESPACE) if job["metadata"]["name"] == name_of(launch)] == []


class TestServing:
    def test_a_stop_before_a_submit_holds_for_servers_too(
        self, harness: KubernetesHarness, cluster: KubernetesServer
    ) -> None:
        launch = make_launch()
        handle = harness.backend.handle_for(server(), launch)
        harness.backend.stop(handle, 0)
        harness.restarted().submit(server(), launch)
        assert harness.backend.observe([handle])[0].phase is Phase.NOT_FOUND
        assert cluster.get(DEPLOYMENTS, name_of(launch), NAMESPACE)["spec"]["replicas"] == 0


def _strangers_job(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"app": "theirs"}},
        "spec": {
            "suspend": True,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}},
        },
    }


def _site(**changes: Any) -> ClusterSite:
    return replace(SITE, **changes)


def _other_site() -> ClusterSite:
    return _site(installation="another-one")
