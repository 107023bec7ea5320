"""What a test can let go wrong, as a client sees it."""

from __future__ import annotations

import pytest
import urllib3
from kubernetes import client, watch

from tests.support.kubernetes.clock import seconds_of
from tests.support.kubernetes.faults import Fault
from tests.support.kubernetes.kinds import JOBS
from tests.support.kubernetes.server import KubernetesServer
from tests.support.waiting import until
from tests.workers.kubernetes.fake_server.conftest import Clients, job


def test_429_says_when_to_come_again(cluster: KubernetesServer, official: Clients) -> None:
    cluster.faults.add(Fault(verb="create", resource="jobs", status=429, retry_after=7))
    with pytest.raises(client.ApiException) as error:
        official.batch.create_namespaced_job("default", job())
    assert (error.value.status, error.value.headers["Retry-After"]) == (429, "7")
    official.batch.create_namespaced_job("default", job())
    assert cluster.faults.counts()[("create", "jobs")] == 2


@pytest.mark.parametrize("status", [500, 503, 504])
def test_errors_of_the_server_itself(cluster: KubernetesServer, official: Clients, status: int) -> None:
    cluster.faults.add(Fault(resource="pods", status=status, times=2))
    for _ in range(2):
        with pytest.raises(client.ApiException) as error:
            official.core.list_namespaced_pod("default")
        assert error.value.status == status
    assert official.core.list_namespaced_pod("default").items == []


@pytest.mark.parametrize("drop, made", [("before", False), ("after", True), ("half", True)])
def test_a_connection_can_be_dropped_before_or_after_acting(
    cluster: KubernetesServer, official: Clients, drop: str, made: bool
) -> None:
    cluster.faults.add(Fault(verb="create", resource="jobs", drop=drop))
    with pytest.raises((urllib3.exceptions.HTTPError, client.ApiException)):
        official.batch.create_namespaced_job("default", job())
    assert (cluster.store.get(JOBS, "train", "default") is not None) is made


def test_an_answer_can_come_too_late(cluster: KubernetesServer, official: Clients) -> None:
    cluster.faults.add(Fault(verb="create", resource="jobs", hang_seconds=5))
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        official.batch.create_namespaced_job("default", job(), _request_timeout=0.2)
    assert cluster.store.get(JOBS, "train", "default") is not None


def test_a_server_can_be_away_and_come_back(cluster: KubernetesServer, official: Clients) -> None:
    cluster.away()
    with pytest.raises(urllib3.exceptions.HTTPError):
        official.core.list_namespaced_pod("default")
    cluster.away(False)
    assert official.core.list_namespaced_pod("default").items == []


def names(cluster: KubernetesServer, official: Clients, seconds: int = 1) -> list[str]:
    stream = watch.Watch().stream(
        official.batch.list_namespaced_job,
        "default",
        timeout_seconds=seconds,
        resource_version=str(cluster.store.version),
    )
    with cluster.store.lock:
        pass
    official.batch.create_namespaced_job("default", job(suspend=True))
    return [event["type"] for event in stream]


def test_a_silent_watch_says_nothing(cluster: KubernetesServer, official: Clients) -> None:
    cluster.faults.silence_watches("jobs")
    assert names(cluster, official) == []


def test_events_can_come_twice(cluster: KubernetesServer, official: Clients) -> None:
    cluster.loop.hold("Jobs.reconcile")
    cluster.faults.duplicate_watch_events("jobs")
    assert names(cluster, official) == ["ADDED", "ADDED"]


def test_an_open_watch_can_be_closed_and_expired(cluster: KubernetesServer, official: Clients) -> None:
    watching = watch.Watch()
    stream = watching.stream(official.core.list_namespaced_pod, "default", timeout_seconds=60, resource_version="1000")
    official.batch.create_namespaced_job("default", job())
    assert next(stream)["type"] == "ADDED"
    until(lambda: cluster.faults.watches)
    cluster.settle()
    cluster.faults.expire_watches("pods")
    with pytest.raises(client.ApiException) as error:
        list(stream)
    assert error.value.status == 410
    until(lambda: not cluster.faults.watches)


def test_a_restore_of_a_backup_goes_back_in_versions(cluster: KubernetesServer, official: Clients) -> None:
    before = int(official.core.list_namespaced_pod("default").metadata.resource_version)
    cluster.store.rewind(5)
    assert int(official.core.list_namespaced_pod("default").metadata.resource_version) == before - 5


def test_a_wrong_clock_shows_in_dates_and_stamps(cluster: KubernetesServer, official: Clients) -> None:
    right = cluster.clock.now()
    cluster.clock.skew = 7200
    made = official.batch.create_namespaced_job_with_http_info("default", job())
    stamp = cluster.get(JOBS, "train", "default")["metadata"]["creationTimestamp"]
    assert 7190 < seconds_of(stamp) - right < 7210
    assert made is not None
