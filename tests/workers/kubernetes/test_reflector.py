"""Being told what to look at: every change is told, whatever becomes of the watches."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.kubernetes.faults import Fault
from tests.support.kubernetes.server import KubernetesServer
from tests.support.waiting import until
from tests.workers.backends.jobs import make_launch
from tests.workers.kubernetes.harness import SITE, KubernetesHarness
from tests.workers.kubernetes.test_backend_observe import name_of
from workers.backends.kubernetes.connection import connection_from_kubeconfig
from workers.backends.kubernetes.reflector import Patience, Reflector
from workers.contracts.launch import LaunchContext

NAMESPACE = "bedplate-acme-credit-risk"
KINDS = {"jobs", "deployments", "pods"}


class Watching:
    """A reflector in a thread, and what it told."""

    def __init__(self, harness: KubernetesHarness, patience: Patience) -> None:
        self.hints: Counter[str] = Counter()
        self.stop = threading.Event()
        self._cluster = harness.cluster
        reflector = Reflector(harness.connection(), SITE.installation, self._take, patience=patience)
        self._thread = threading.Thread(target=reflector.run, args=(self.stop,))

    def _take(self, workload_id: str) -> None:
        self.hints[workload_id] += 1
        if self.hints[workload_id] == 1:
            raise ValueError("the first hint about each is not taken")

    def __enter__(self) -> Watching:
        self._thread.start()
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def wait(self) -> None:
        until(lambda: {watch.resource for watch in self._cluster.faults.watches if not watch.closed} >= KINDS)

    def told(self, launch: LaunchContext) -> bool:
        """Whether something was told of it since the last call."""
        return self.hints.pop(launch.workload_id, 0) > 0


QUICK = Patience(silence=1.0, anew=600.0, coalesce=0.02, watch=300)


@pytest.fixture
def watching(harness: KubernetesHarness) -> Iterator[Watching]:
    with Watching(harness, QUICK) as made:
        yield made


def start(harness: KubernetesHarness, launch: LaunchContext) -> None:
    harness.backend.submit(harness.running(launch), launch)


def test_what_changes_is_told_and_what_is_there_is_not(harness: KubernetesHarness) -> None:
    there, new = make_launch(), make_launch()
    start(harness, there)
    harness.cluster.settle()
    with Watching(harness, QUICK) as watching:
        start(harness, new)
        until(lambda: watching.told(new))
        assert not watching.told(there)
        harness.cluster.exit(harness.cluster.pod_of(name_of(there), 0, NAMESPACE), code=3)
        until(lambda: watching.told(there))


def test_what_others_do_is_not_told(harness: KubernetesHarness, watching: Watching) -> None:
    start(harness, mine := make_launch())
    until(lambda: watching.told(mine))
    assert set(watching.hints) <= {mine.workload_id}


def test_a_burst_is_told_once(harness: KubernetesHarness) -> None:
    with Watching(harness, Patience(silence=5.0, coalesce=0.5)) as watching:
        launch = make_launch(count=4)
        start(harness, launch)
        harness.cluster.settle()
        until(lambda: watching.hints[launch.workload_id])
        assert watching.hints[launch.workload_id] <= 2


@pytest.mark.parametrize("what", ["closed", "expired", "dropped", "compacted", "away"])
def test_after_watches_end_nothing_is_missed(
    harness: KubernetesHarness, cluster: KubernetesServer, watching: Watching, what: str
) -> None:
    first, second = make_launch(), make_launch()
    start(harness, first)
    until(lambda: watching.told(first))
    if what == "closed":
        cluster.faults.close_watches()
    elif what == "expired":
        cluster.faults.expire_watches()
    elif what == "dropped":
        cluster.drop_connections()
    elif what == "compacted":
        cluster.store.compact()
        cluster.faults.close_watches()
    else:
        cluster.away()
        cluster.exit(cluster.pod_of(name_of(first), 0, NAMESPACE), code=3)
        cluster.away(False)
        until(lambda: watching.told(first))
    start(harness, second)
    until(lambda: watching.told(second))


def test_a_watch_that_falls_silent_is_not_trusted(
    harness: KubernetesHarness, cluster: KubernetesServer, watching: Watching
) -> None:
    launch = make_launch()
    for resource in KINDS:
        cluster.faults.silence_watches(resource)
    start(harness, launch)
    cluster.faults.silent_resources.clear()  # those that are open say nothing more; others do
    until(lambda: watching.told(launch), timeout_seconds=15)


def test_a_server_restored_from_a_backup_is_listed_anew(
    harness: KubernetesHarness, cluster: KubernetesServer, watching: Watching
) -> None:
    first, second = make_launch(), make_launch()
    start(harness, first)
    until(lambda: watching.told(first))
    cluster.settle()
    cluster.store.rewind(500)
    start(harness, second)
    until(lambda: watching.told(second), timeout_seconds=15)


def test_duplicated_and_late_events_tell_no_more_than_once(
    harness: KubernetesHarness, cluster: KubernetesServer, watching: Watching
) -> None:
    for resource in KINDS:
        cluster.faults.duplicate_watch_events(resource)
    launch = make_launch()
    start(harness, launch)
    until(lambda: watching.told(launch))


def test_a_server_in_trouble_is_not_asked_all_the_time(harness: KubernetesHarness, cluster: KubernetesServer) -> None:
    with Watching(harness, QUICK):
        cluster.faults.add(Fault(verb="watch", status=500, times=None))
        before = cluster.faults.counts()
        cluster.faults.close_watches()
        until(lambda: (cluster.faults.counts() - before)[("watch", "pods")] >= 4, timeout_seconds=15)
        asked = cluster.faults.counts() - before
        assert max(asked[("watch", kind)] for kind in KINDS) <= 12


def test_everything_is_listed_again_now_and_then(harness: KubernetesHarness, cluster: KubernetesServer) -> None:
    with Watching(harness, Patience(silence=0.3, anew=0.5, coalesce=0.02)):
        before = cluster.faults.counts()[("list", "jobs")]
        until(lambda: cluster.faults.counts()[("list", "jobs")] > before + 1, timeout_seconds=15)


class Pauses(threading.Event):
    """Notes for how long it is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: Counter[float] = Counter()

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds[timeout or 0.0] += 1
        return super().wait(timeout)


def test_who_may_not_watch_the_whole_cluster_does_not_ask_all_the_time(
    harness: KubernetesHarness, cluster: KubernetesServer
) -> None:
    """An account of some namespaces only."""
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    cluster.namespace(NAMESPACE)
    text = cluster.kubeconfig(cluster.token("some", rules=rules, namespace=NAMESPACE))
    reflector = Reflector(connection_from_kubeconfig(text), SITE.installation, lambda _: None, patience=QUICK)
    stop = Pauses()
    thread = threading.Thread(target=reflector.run, args=(stop,))
    thread.start()
    try:
        until(lambda: stop.seconds[QUICK.forbidden] == len(KINDS))
    finally:
        stop.set()
        thread.join(10)
    assert set(stop.seconds) == {QUICK.forbidden, QUICK.coalesce}
