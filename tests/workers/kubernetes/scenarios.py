"""Recordings of a real cluster, looked at object by object as the backend would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.support.kubernetes import recordings
from workers.backends.kubernetes.seen_jobs import job_seen
from workers.backends.kubernetes.seen_objects import Deployment, Event, Job, Pod, read
from workers.backends.kubernetes.seen_serving import serving_seen
from workers.contracts.observation import Observation

GONE = "gone"
Step = tuple[str, str, tuple[int | None, ...]]
"""Phase, reason, exit codes of the members."""


def steps_of(seen: Observation) -> Step:
    return str(seen.phase), seen.reason, tuple(member.exit_code for member in seen.members)


class Scene:
    """What is there at one moment of a scenario."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.deployments: dict[str, Deployment] = {}
        self.pods: dict[str, Pod] = {}
        self.vanished: dict[str, Pod] = {}
        self.events: dict[str, Event] = {}

    def take(self, resource: str, kind: str, obj: dict[str, Any]) -> None:
        uid = obj["metadata"]["uid"]
        if resource == "pods":
            pod = read(Pod, obj)
            self.pods.pop(uid, None)
            (self.vanished if kind == "DELETED" else self.pods)[uid] = pod
        elif resource == "jobs":
            self._put(self.jobs, uid, kind, read(Job, obj))
        elif resource == "deployments":
            self._put(self.deployments, uid, kind, read(Deployment, obj))
        elif resource.startswith("events"):
            self.events[uid] = read(Event, obj)

    def _put(self, shelf: dict[str, Any], uid: str, kind: str, obj: Any) -> None:
        shelf.pop(uid, None)
        if kind != "DELETED":
            shelf[uid] = obj

    def pods_of(self, uid: str, *, gone: bool = False) -> list[Pod]:
        """By label, as the backend finds them: the owner is taken off by whoever orphans them."""
        pods = self.vanished if gone else self.pods
        return [pod for pod in pods.values() if pod.metadata.label("batch.kubernetes.io/controller-uid") == uid]

    def look(self, uid: str) -> Observation:
        gone = self.pods_of(uid, gone=True)
        return job_seen(self.jobs[uid], self.pods_of(uid), vanished=gone, events=tuple(self.events.values()))


def moments(scenario: str) -> Iterator[tuple[float, Scene]]:
    """The scene after each thing that the scenario's watches said."""
    scene = Scene()
    for line in recordings.lines(scenario):
        if line["kind"] == "watch" and line["type"] in {"ADDED", "MODIFIED", "DELETED"}:
            scene.take(line["resource"], line["type"], line["object"])
            yield line["t"], scene


def story(scenario: str, said: Callable[[Observation], Any] = steps_of) -> dict[str, list[Any]]:
    """By the name of each Job, what would be said of it, each time something else; `GONE` when it is deleted."""
    stories: dict[str, list[Any]] = {}
    known: dict[str, str] = {}
    for _, scene in moments(scenario):
        for uid, job in scene.jobs.items():
            known[uid] = job.metadata.name
            now = said(scene.look(uid))
            told = stories.setdefault(job.metadata.name, [])
            if not told or told[-1] != now:
                told.append(now)
        for uid in [uid for uid in known if uid not in scene.jobs]:
            stories[known.pop(uid)].append(GONE)
    return stories


def last_details(scenario: str) -> dict[str, str]:
    """By the name of each Job, the sentence of its last look."""
    details: dict[str, str] = {}
    for _, scene in moments(scenario):
        details.update({job.metadata.name: scene.look(uid).detail for uid, job in scene.jobs.items()})
    return details


def served(scenario: str, port: int = 8080) -> list[tuple[str, list[tuple[str, bool, str, str]]]]:
    """Phase of the one Deployment, and phase, readiness, address and reason of its replicas, when they are others."""
    told: list[tuple[str, list[tuple[str, bool, str, str]]]] = []
    for _, scene in moments(scenario):
        for server in scene.deployments.values():
            seen = serving_seen(server, scene.pods.values(), port)
            members = [(str(each.phase), each.ready, each.address, each.reason) for each in seen.members]
            if not told or told[-1] != (str(seen.phase), members):
                told.append((str(seen.phase), members))
    return told
