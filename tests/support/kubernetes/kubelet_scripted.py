"""The scripted kubelet: containers that do what a test's plans say."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.support.kubernetes import pods
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.containers import Container, Ended, Problem, Runtime
from tests.support.kubernetes.jobpods import index_of
from tests.support.kubernetes.loop import Timer
from tests.support.kubernetes.plans import DONE, RUNS, Choice, Plan
from tests.support.kubernetes.store import Object


class Scripted:
    """One started container."""

    def __init__(self, plan: Plan, ended: Ended) -> None:
        self.plan, self.ended = plan, ended
        self.timers: list[Timer] = []
        self.over = False

    def end(self, code: int, reason: str = "", message: str = "") -> None:
        if self.over:
            return
        self.over = True
        for timer in self.timers:
            timer.cancel()
        self.ended(code, reason, message)


class ScriptedRuntime(Runtime):
    """Plans are looked for in the order last to first."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.choices: list[Choice] = []
        self._attempts: dict[tuple[str, int], list[str]] = defaultdict(list)

    def plan_of(self, pod: Object, container: Container) -> Plan:
        attempt = self._attempt(pod)
        for choice in reversed(self.choices):
            if choice.means(pod, container.name, init=container.init, attempt=attempt, restart=container.restarts):
                return choice.plan
        return DONE if container.init else RUNS

    def _attempt(self, pod: Object) -> int:
        owner: dict[str, Any] = pods.owner(pod) or {"uid": pod["metadata"]["name"]}
        known = self._attempts[(owner["uid"], index_of(pod))]
        if pod["metadata"]["uid"] not in known:
            known.append(pod["metadata"]["uid"])
        return known.index(pod["metadata"]["uid"])

    def prepare(self, pod: Object) -> None:
        """Scripted containers have no files."""

    def pull(self, pod: Object, container: Container) -> tuple[float, bool]:
        plan = self.plan_of(pod, container)
        return plan.pull_seconds, plan.present and not plan.pull_seconds

    def image_id(self, pod: Object, container: Container) -> str:
        return self.plan_of(pod, container).image_id or super().image_id(pod, container)

    def problem(self, pod: Object, container: Container) -> Problem | None:
        plan, image = self.plan_of(pod, container), container.spec["image"]
        if plan.image_error == "ErrImagePull":
            why = (
                f'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": '
                f"failed to resolve image: {image}: not found"
            )
            return Problem("ErrImagePull", why, waits="ImagePullBackOff")
        if plan.image_error == "InvalidImageName":
            unread = f'couldn\'t parse image name "{image}": invalid reference format'
            why = f'Failed to apply default image tag "{image}": {unread}'
            return Problem("InvalidImageName", why, event="InspectFailed")
        if plan.image_error == "ErrImageNeverPull":
            why = f'Container image "{image}" is not present with pull policy of Never'
            return Problem("ErrImageNeverPull", why, event="ErrImageNeverPull")
        if plan.image_error:
            return Problem(plan.image_error, plan.message or "container has runAsNonRoot and image will run as root")
        if plan.start_error:
            return Problem("StartError", plan.start_error, ends=True)
        return None

    def start(self, pod: Object, container: Container, ended: Ended) -> None:
        plan = self.plan_of(pod, container)
        run = container.running = Scripted(plan, ended)
        if plan.log_pace:
            for number, line in enumerate(plan.log.splitlines(keepends=True)):
                run.timers.append(self._cluster.loop.later(number * plan.log_pace, self._say, container, line))
        else:
            self._print(container, plan.log)
        if plan.seconds is not None:
            run.timers.append(
                self._cluster.loop.later(plan.seconds, run.end, plan.exit_code, plan.reason, plan.message)
            )

    def evicted(self, pod: Object, container: Container) -> tuple[float, str] | None:
        plan = self.plan_of(pod, container)
        return None if plan.evict_seconds is None else (plan.evict_seconds, plan.evict_message)

    def _print(self, container: Container, text: str) -> None:
        if text and container.log is not None:
            container.log.add(self._cluster.clock.nano(), "stdout", text.encode())

    def _say(self, container: Container, text: str) -> None:
        self._print(container, text)
        self._cluster.store.changed.notify_all()

    def terminate(self, pod: Object, container: Container) -> None:
        run = container.running
        if not isinstance(run, Scripted) or run.plan.term_exit is None:
            return
        self._print(container, run.plan.term_log)
        run.timers.append(
            self._cluster.loop.later(run.plan.term_seconds, run.end, run.plan.term_exit, "", run.plan.message)
        )

    def kill(self, pod: Object, container: Container) -> None:
        if isinstance(run := container.running, Scripted):
            run.end(137, "", "")

    def ready(self, pod: Object, container: Container) -> float | None:
        plan = self.plan_of(pod, container)
        return plan.ready_after if plan.ready else None

    def forget(self, pod: Object) -> None:
        """Nothing is kept outside the containers."""

    def exit(self, container: Container, code: int, reason: str = "", message: str = "", log: str = "") -> None:
        """End a running container now."""
        self._print(container, log)
        if isinstance(run := container.running, Scripted):
            run.end(code, reason, message)
