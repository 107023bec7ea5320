"""Scenarios of the recordings, replayed once for all tests of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.kubernetes import recordings, sequences
from tests.support.kubernetes.kinds import DEPLOYMENTS, EVENTS, JOBS, PODS, PRIORITYCLASSES
from tests.support.kubernetes.nodes import NodeSpec
from tests.support.kubernetes.replaying import Answer, Replay, Step, plain, use_recorded_plans
from tests.support.kubernetes.server import KubernetesServer
from tests.support.kubernetes.store import Object

SECOND = NodeSpec(
    "knode2", gpus=8, cpu="1", memory="3840Mi", taints=({"key": "pool", "value": "second", "effect": "NoSchedule"},)
)
FIRST = NodeSpec("knode1", gpus=8, cpu="2", memory="3840Mi")
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}


@dataclass(frozen=True)
class Scene:
    """One scenario and where it was recorded."""

    scenario: str
    namespace: str = ""
    nodes: tuple[NodeSpec, ...] = (FIRST,)
    labels: dict[str, str] = field(default_factory=dict)
    priorities: dict[str, int] = field(default_factory=dict)
    skip: frozenset[int] = frozenset()

    @property
    def place(self) -> str:
        return self.namespace or self.scenario.replace("_", "-")


SCENES = {
    scene.scenario: scene
    for scene in (
        Scene("job_success"),
        Scene("job_indexed_gang"),
        Scene("job_exit_nonzero"),
        Scene("job_oom"),
        Scene("job_deadline"),
        Scene("job_image_pull"),
        Scene("job_unschedulable"),
        Scene("job_quota_refused"),
        Scene("job_pod_security_refused", labels=RESTRICTED),
        Scene("job_delete_running"),
        Scene("job_pod_deleted"),
        Scene("job_suspend_resume"),
        Scene("pod_evicted"),
        Scene("pod_preempted", "pod-evicted", (FIRST, SECOND), priorities={"rec-high": 1000, "rec-low": -10}),
        Scene("node_lost", nodes=(FIRST, SECOND)),
        Scene("create_conflict"),
        Scene("logs"),
        Scene("secrets_and_files"),
        Scene(recordings.SERVING, "serving-deployment"),
    )
}


@dataclass
class Played:
    """What both sides said in one scenario."""

    answers: dict[int, Answer]
    jobs: dict[str, list[Step]]
    pods: dict[str, list[Step]]
    deployments: dict[str, list[Step]]
    events: list[Object]


@contextmanager
def prepared(scene: Scene) -> Iterator[Replay]:
    with KubernetesServer(nodes=scene.nodes) as server:
        use_recorded_plans(server)
        server.namespace(scene.place, scene.labels)
        for name, value in scene.priorities.items():
            server.cluster.add(PRIORITYCLASSES, {"metadata": {"name": name}, "value": value})
        replay = Replay(server, scene.scenario, scene.place, scene.skip)
        replay.notes = {"the kubelet of knode2 is killed": lambda: server.nodes.lose("knode2")}
        yield replay
        replay.close()


_PLAYED: dict[str, Played] = {}


def played(scenario: str) -> Played:
    """A scenario replayed; once a process."""
    if scenario not in _PLAYED:
        scene = SCENES[scenario]
        with prepared(scene) as replay:
            replay.run()
            _PLAYED[scenario] = Played(
                {answer.id: answer for answer in replay.answers},
                replay.changes(JOBS),
                replay.changes(PODS),
                replay.changes(DEPLOYMENTS),
                [change.obj for change in replay.server.store.shelf(EVENTS).history if change.name[0] == scene.place],
            )
    return _PLAYED[scenario]


def pairs(
    scenario: str, resource: str, ours: dict[str, list[Step]], first: float = 0
) -> Iterator[tuple[str, list[Step], list[Step] | None]]:
    """Name in the recording, its steps, and those of the object of the fake: the n-th with the same beginning."""
    groups: dict[str, list[list[Step]]] = {}
    for name, steps in ours.items():
        groups.setdefault(_beginning(name, steps), []).append(steps)
    taken: dict[str, int] = {}
    for name, steps in sequences.recorded(scenario, resource, first).items():
        key = _beginning(name, steps)
        number = taken[key] = taken.get(key, -1) + 1
        found = groups.get(key, [])
        yield name, steps, found[number] if number < len(found) else None


def _beginning(name: str, steps: list[Step]) -> str:
    beginning: str = plain((steps[0][1]["metadata"].get("generateName") or name) + "x")
    return beginning
