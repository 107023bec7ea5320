"""How a kubelet brings containers to run: volumes, images, tries again."""

from __future__ import annotations

from abc import abstractmethod

from tests.support.kubernetes import podstatus
from tests.support.kubernetes.containers import Container, Log, Problem
from tests.support.kubernetes.podruns import PodRun, PodRuns

RETRY_SECONDS = 10.0


class Starting(PodRuns):
    """From a pod that was bound to containers that run."""

    @abstractmethod
    def _ended(self, uid: str, container: Container, code: int, reason: str, message: str) -> None:
        """A container's process is over."""

    @abstractmethod
    def end(self, uid: str, reason: str, message: str) -> None:
        """The kubelet itself ends a pod."""

    def mount(self, uid: str) -> None:
        """Volumes, then the sandbox; what a missing Secret holds up is tried again."""
        run = self._run(uid)
        if run is None or run.stopping or run.sandbox:
            return
        missing = podstatus.missing_secret_volume(self._cluster.store, run.pod)
        if missing is not None:
            volume, secret = missing
            message = f'MountVolume.SetUp failed for volume "{volume}" : secret "{secret}" not found'
            self.event(run, "FailedMount", message, warning=True)
            self._cluster.loop.later(RETRY_SECONDS, self.mount, uid)
            return
        run.runtime.prepare(run.pod)
        run.sandbox = True
        self.write(run)
        self.advance(run)

    def advance(self, run: PodRun) -> None:
        """Start what is next: an init container, or all main containers."""
        if run.stopping or run.over:
            return
        for container in run.inits:
            if container.exit_code is None or container.exit_code != 0:
                if "waiting" in container.state:
                    self._pull(run, container)
                return
        for container in run.mains:
            if "waiting" in container.state and container.state["waiting"].get("reason") != "CrashLoopBackOff":
                self._pull(run, container)

    def _pull(self, run: PodRun, container: Container) -> None:
        seconds, present = run.runtime.pull(run.pod, container)
        problem = run.runtime.problem(run.pod, container)
        image = container.spec["image"]
        if problem is not None and problem.reason == "ErrImagePull":
            self.event(run, "Pulling", f'Pulling image "{image}"', container)
            self._cluster.loop.later(seconds, self._blocked, run.uid, container, problem)
        elif problem is not None and problem.reason in {"InvalidImageName", "ErrImageNeverPull"}:
            self._cluster.loop.later(seconds, self._blocked, run.uid, container, problem)
        elif present:
            why = f'Container image "{image}" already present on machine and can be accessed by the pod'
            self.event(run, "Pulled", why, container)
            self._cluster.loop.soon(self._start, run.uid, container)
        else:
            self.event(run, "Pulling", f'Pulling image "{image}"', container)
            self._cluster.loop.later(seconds, self._pulled, run.uid, container, seconds)

    def _pulled(self, uid: str, container: Container, seconds: float) -> None:
        run = self._run(uid)
        if run is None or run.stopping:
            return
        took = f"{int(seconds * 1000)}ms"
        image = container.spec["image"]
        why = f'Successfully pulled image "{image}" in {took} ({took} including waiting). Image size: 57000000 bytes.'
        self.event(run, "Pulled", why, container)
        self._start(uid, container)

    def _blocked(self, uid: str, container: Container, problem: Problem) -> None:
        """A container that cannot start now: tell, wait, try again."""
        run = self._run(uid)
        if run is None or run.stopping:
            return
        if problem.reason == "ErrImagePull":
            self.event(
                run,
                "Failed",
                f'Failed to pull image "{container.spec["image"]}": {problem.message}',
                container,
                warning=True,
            )
        elif problem.event != "Failed":
            self.event(run, problem.event, problem.message, container, warning=True)
        told = problem.message if problem.reason == "CreateContainerConfigError" else problem.reason
        self.event(run, "Failed", f"Error: {told}", container, warning=True)
        container.state = {"waiting": {"reason": problem.reason, "message": problem.message}}
        self.write(run)
        if problem.waits:
            self._cluster.loop.soon(self._waits, uid, container, problem)
        else:
            self._cluster.loop.later(RETRY_SECONDS, self.again, uid, container)

    def _waits(self, uid: str, container: Container, problem: Problem) -> None:
        run = self._run(uid)
        if run is None or run.stopping:
            return
        image = container.spec["image"]
        self.event(run, "BackOff", f'Back-off pulling image "{image}"', container)
        self.event(run, "Failed", f"Error: {problem.waits}", container, warning=True)
        message = f'Back-off pulling image "{image}": {problem.reason}: {problem.message}'
        container.state = {"waiting": {"reason": problem.waits, "message": message}}
        self.write(run)
        wait = min(RETRY_SECONDS * 2**container.pulls, 300.0)
        container.pulls += 1
        self._cluster.loop.later(wait, self.again, uid, container)

    def again(self, uid: str, container: Container) -> None:
        run = self._run(uid)
        if run is not None and not run.stopping and "waiting" in container.state:
            container.state = {"waiting": {"reason": "ContainerCreating"}}
            self._pull(run, container)

    def _start(self, uid: str, container: Container) -> None:
        run = self._run(uid)
        if run is None or run.stopping or "waiting" not in container.state:
            return
        secret = podstatus.missing_secret_env(self._cluster.store, run.pod, container.spec)
        problem = run.runtime.problem(run.pod, container)
        if secret:
            problem = Problem("CreateContainerConfigError", f'secret "{secret}" not found')
        if problem is not None and not problem.ends:
            self._blocked(uid, container, problem)
            return
        container.id = f"containerd://{podstatus.digest(f'{uid}{container.name}{container.restarts}')}"
        container.image_id = run.runtime.image_id(run.pod, container)
        container.previous, container.log = container.log, Log()
        self.event(run, "Created", "Container created", container)
        if problem is not None:
            self.event(run, "Failed", f"Error: {problem.message}", container, warning=True)
            self._ended(uid, container, 128, "StartError", problem.message)
            return
        self.event(run, "Started", "Container started", container)
        now = self._cluster.clock.stamp()
        container.state = {"running": {"startedAt": now}}
        container.started = True
        wait = run.runtime.ready(run.pod, container)
        container.ready = wait == 0 and not container.init
        self.write(run)
        if wait and not container.init:
            self._cluster.loop.later(wait, self.set_ready, uid, container, True)
        if (evicted := run.runtime.evicted(run.pod, container)) is not None:
            self._cluster.loop.later(evicted[0], self.end, uid, "Evicted", evicted[1])
        restarts = container.restarts

        def ended(code: int, reason: str, message: str) -> None:
            if container.restarts == restarts:
                self._ended(uid, container, code, reason, message)

        run.runtime.start(run.pod, container, ended)

    def set_ready(self, uid: str, container: Container, ready: bool) -> None:
        run = self._run(uid)
        if run is not None and "running" in container.state and not run.stopping and container.ready != ready:
            container.ready = ready
            self.write(run)
