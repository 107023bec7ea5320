"""Jobs that others' operators run, on a cluster where a test plays the operator's part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.kubernetes.kinds import JOBS, PODS, SECRETS, Kind
from tests.support.kubernetes.plans import Plan
from tests.support.kubernetes.server import KubernetesServer
from tests.workers.kubernetes.cases import ATTEMPT, NAME, NAMESPACE, SITE, job, launch, server
from workers.backends.base import LaunchRefused, Unsupported
from workers.backends.kubernetes import resources
from workers.backends.kubernetes.api import Api
from workers.backends.kubernetes.backend import KubernetesBackend
from workers.backends.kubernetes.check import check_cluster
from workers.backends.kubernetes.connection import connection_from_kubeconfig
from workers.backends.kubernetes.manifests import manifests_of
from workers.backends.kubernetes.site import ClusterSite, Operators
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import Observation, Phase
from workers.contracts.specs import Resources, Spec


def kind(group: str, version: str, plural: str, name: str) -> Kind:
    return Kind(group, version, plural, name, custom=True, subresources=("status",))


KINDS = {
    "mpi": kind("kubeflow.org", "v2beta1", "mpijobs", "MPIJob"),
    "train": kind("trainer.kubeflow.org", "v1alpha1", "trainjobs", "TrainJob"),
    "ray": kind("ray.io", "v1", "rayjobs", "RayJob"),
    "kserve": kind("serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService"),
}
RUNTIMES = kind("trainer.kubeflow.org", "v1alpha1", "trainingruntimes", "TrainingRuntime")
ENDING = ("mpi", "train", "ray")
ASKED = {"mpi": "gangs", "train": "gangs", "ray": "data", "kserve": "serving"}
SMALL = Resources(100, 1 << 20)
GANG = launch(count=2, nodes=("node-1", "node-1"))
SPECS: dict[str, Spec] = {
    "mpi": job(image="ghcr.io/acme/mpi:1", resources=SMALL),
    "train": job(resources=SMALL),
    "ray": job(environment={"BEDPLATE_DATA_RUNNER": "ray"}, resources=SMALL),
    "kserve": server(resources=SMALL),
}
MARKS: dict[str, list[dict[str, str]]] = {
    "mpi": [
        {"training.kubeflow.org/job-role": "launcher"},
        {"training.kubeflow.org/job-role": "worker", "training.kubeflow.org/replica-index": "0"},
        {"training.kubeflow.org/job-role": "worker", "training.kubeflow.org/replica-index": "1"},
    ],
    "train": [
        {"batch.kubernetes.io/job-completion-index": "0"},
        {"batch.kubernetes.io/job-completion-index": "1"},
    ],
    "ray": [{"ray.io/node-type": "head"}, {"ray.io/node-type": "worker"}],
    "kserve": [{}, {}],
}
DONE: dict[str, dict[str, Any]] = {
    "mpi": {"conditions": [{"type": "Succeeded", "status": "True"}]},
    "train": {"conditions": [{"type": "Complete", "status": "True"}]},
    "ray": {"jobStatus": "SUCCEEDED", "jobDeploymentStatus": "Complete"},
}
LATE: dict[str, dict[str, Any]] = {
    "mpi": {"conditions": [{"type": "Failed", "status": "True", "message": "DeadlineExceeded: too long"}]},
    "train": {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]},
    "ray": {"jobStatus": "RUNNING", "jobDeploymentStatus": "Failed", "reason": "DeadlineExceeded"},
}
HELD: dict[str, dict[str, Any]] = {
    "mpi": {"conditions": [{"type": "Suspended", "status": "True"}]},
    "train": {"conditions": [{"type": "Suspended", "status": "True"}]},
    "ray": {"jobDeploymentStatus": "Suspended"},
}


def site(which: str) -> ClusterSite:
    return replace(SITE, operators=Operators(**{ASKED[which]: which}), api_url="https://bedplate.example.com")


class Scene:
    """A cluster with one operator, and what it does."""

    def __init__(self, cluster: KubernetesServer, which: str) -> None:
        self.cluster, self.which, self.kind = cluster, which, KINDS[which]
        for each in (self.kind, RUNTIMES):
            cluster.register(each)
        connection = connection_from_kubeconfig(cluster.kubeconfig())
        self.api = Api.of(connection)
        self.backend = KubernetesBackend("kubernetes/lab", connection, site(which))
        self.handle: JobHandle = self.backend.handle_for(SPECS[which], GANG)

    def submit(self, context: LaunchContext = GANG) -> None:
        assert self.backend.submit(SPECS[self.which], context) == self.handle
        self.cluster.settle()

    def start(self, plan: Plan | None = None) -> None:
        """Make the pods that the operator would make."""
        self.cluster.plan(plan or Plan(ready_after=0.1), labels={"bedplate.io/attempt": ATTEMPT})
        template = manifests_of(replace(SPECS[self.which], image=""), GANG, SITE).main["spec"]["template"]
        for number, marks in enumerate(MARKS[self.which]):
            found = {**template["metadata"]["labels"], "bedplate.io/kind": self.which, **marks}
            spec = {**template["spec"], "restartPolicy": "Never"}
            spec.pop("subdomain", None)
            meta = {"name": f"pod-{number}", "namespace": NAMESPACE, "labels": found}
            self.api.create(resources.PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
        self.cluster.advance(5)

    def tell(self, status: dict[str, Any]) -> None:
        self.cluster.cluster.change(self.kind, NAME, NAMESPACE, lambda found: found.update(status=status))

    def main(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cluster.get(self.kind, NAME, NAMESPACE)
        return found

    def close(self) -> None:
        self.backend.close()
        self.api.transport.close()

    def let_go(self) -> None:
        """What was told to end has ended; of a server the operator takes the pods away."""
        if self.which == "kserve":
            self.kill()
        self.cluster.advance(60)

    def kill(self) -> None:
        """Take the pods away, as the operator does when all is over."""
        for pod in self.cluster.all(PODS, NAMESPACE):
            self.api.delete(resources.PODS, NAMESPACE, pod["metadata"]["name"], uid=pod["metadata"]["uid"])
        self.cluster.advance(60)

    def seen(self) -> Observation:
        return self.backend.observe([self.handle])[0]


@pytest.fixture(params=list(KINDS))
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    with KubernetesServer() as cluster:
        made = Scene(cluster, request.param)
        yield made
        made.close()


def test_a_cluster_without_the_operator_is_named_what_it_lacks(scene: Scene) -> None:
    lacking = RUNTIMES if scene.which == "train" else scene.kind
    scene.cluster.cluster.kinds.remove(lacking)
    with pytest.raises(
        LaunchRefused, match=rf"no CustomResourceDefinition {lacking.plural}\.{lacking.group} in version"
    ):
        scene.submit()
    assert scene.cluster.all(scene.kind) == []
    checked = check_cluster(connection_from_kubeconfig(scene.cluster.kubeconfig()), scene.backend.site)
    assert [(each.code, each.params) for each in checked.problems] == [("missing_crd", {"crd": lacking.qualified})]


def test_a_cluster_with_the_operator_lacks_nothing(scene: Scene) -> None:
    checked = check_cluster(connection_from_kubeconfig(scene.cluster.kubeconfig()), scene.backend.site)
    assert (checked.healthy, checked.problems) == (True, ())


def test_it_is_made_once_with_all_that_belongs_to_it(scene: Scene) -> None:
    scene.submit()
    scene.submit()
    owner = scene.main()["metadata"]["uid"]
    kinds = [JOBS, *KINDS.values()]
    assert (
        sum(
            len(scene.cluster.all(kind))
            for kind in kinds
            if scene.cluster.cluster.kinds.find(kind.group, kind.version, kind.plural)
        )
        == 1
    )
    belongings = [each for kind in (SECRETS, RUNTIMES) for each in scene.cluster.all(kind, NAMESPACE)]
    assert len(belongings) == (2 if scene.which == "train" else 1)
    assert {each["metadata"]["ownerReferences"][0]["uid"] for each in belongings} == {owner}
    assert scene.seen().phase is (Phase.RUNNING if scene.which == "kserve" else Phase.PENDING)


def test_it_runs_when_its_pods_do(scene: Scene) -> None:
    scene.submit()
    scene.start()
    found = scene.seen()
    assert found.phase is Phase.RUNNING
    assert [each.index for each in found.members] == list(range(len(MARKS[scene.which])))
    assert {each.phase for each in found.members} == {Phase.RUNNING}
    if scene.which == "kserve":
        assert all(each.ready and each.address.endswith(":8080") for each in found.members)


@pytest.mark.parametrize("scene", ENDING, indirect=True)
def test_it_ends_as_the_operator_says_once_nothing_is_alive(scene: Scene) -> None:
    scene.submit()
    scene.start()
    scene.tell(DONE[scene.which])
    assert scene.seen().phase is Phase.STOPPING
    scene.kill()
    assert (scene.seen().phase, scene.seen().reason) == (Phase.SUCCEEDED, "completed")


@pytest.mark.parametrize("scene", ENDING, indirect=True)
def test_a_deadline_of_the_operator_is_the_time_limit(scene: Scene) -> None:
    scene.submit()
    scene.tell(LATE[scene.which])
    assert (scene.seen().phase, scene.seen().reason) == (Phase.FAILED, "time_limit")


def test_it_is_stopped_by_holding_it(scene: Scene) -> None:
    scene.submit()
    scene.start()
    scene.backend.stop(scene.handle, 1)
    scene.let_go()
    assert scene.cluster.all(PODS, NAMESPACE) == []
    if scene.which == "kserve":
        assert scene.main()["metadata"]["annotations"]["serving.kserve.io/stop"] == "true"
        assert (scene.seen().phase, scene.seen().reason) == (Phase.SUCCEEDED, "completed")
        return
    spec = scene.main()["spec"]
    assert (spec["runPolicy"] if scene.which == "mpi" else spec)["suspend"] is True
    assert scene.seen().phase is Phase.STOPPING
    scene.tell(HELD[scene.which])
    assert (scene.seen().phase, scene.seen().reason) == (Phase.FAILED, "exit_nonzero")


def test_what_was_stopped_before_it_was_submitted_never_starts(scene: Scene) -> None:
    scene.backend.stop(scene.handle, 1)
    assert scene.seen().phase is Phase.NOT_FOUND
    scene.submit()
    assert scene.cluster.all(scene.kind) == []
    assert scene.seen().phase is Phase.NOT_FOUND


def test_what_the_database_disowns_is_swept(scene: Scene) -> None:
    scene.submit()
    scene.start()
    assert scene.backend.sweep([ATTEMPT], older_than_seconds=0) == []
    removed = scene.backend.sweep([], older_than_seconds=0)
    scene.let_go()
    if scene.cluster.all(scene.kind):
        scene.tell(HELD.get(scene.which, {}))
    assert removed + scene.backend.sweep([], older_than_seconds=0) == [ATTEMPT]
    scene.cluster.settle()
    assert scene.cluster.all(scene.kind) == []


def test_replicas_are_as_many_as_were_granted(scene: Scene) -> None:
    scene.submit()
    if scene.which != "kserve":
        with pytest.raises(Unsupported, match="cannot have 5 members"):
            scene.backend.resize(scene.handle, 5)
        return
    scene.backend.resize(scene.handle, 5)
    predictor = scene.main()["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (5, 5)
    assert len(scene.seen().members) == 5


def test_many_are_read_from_lists(scene: Scene) -> None:
    scene.submit()
    scene.start()
    others = [
        JobHandle(scene.handle.backend, {**scene.handle.data, "attempt_id": f"0193f000-2222-7000-8000-0000000000{n}"})
        for n in range(20, 40)
    ]
    found = scene.backend.observe([*others, scene.handle])
    assert [each.phase for each in found] == [Phase.NOT_FOUND] * 20 + [Phase.RUNNING]
    assert len(found[-1].members) == len(MARKS[scene.which])
