"""The kubelets of all nodes: they take pods from their binding to their end, and write their status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.kubernetes import pods, podstatus
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.containers import MESSAGE_BYTES, Container, Runtime
from tests.support.kubernetes.kinds import PODS, SECRETS
from tests.support.kubernetes.podruns import PodRun
from tests.support.kubernetes.starting import Starting
from tests.support.kubernetes.store import Change, Object


class Kubelet(Starting):
    """Of every node that is not lost; its steps run in the loop."""

    def __init__(self, cluster: Cluster, runtime_for: Callable[[Object], Runtime]) -> None:
        super().__init__(cluster, runtime_for)
        self.removal_seconds = 0.0
        """Of the cluster's clock, between the last status of a deleted pod and its removal; really 0.4 to 0.8."""
        self._count = 0

    def on_change(self, change: Change) -> None:
        if change.kind is PODS:
            uid = change.obj["metadata"]["uid"]
            if change.type == "DELETED":
                self._cluster.loop.soon(self.gone, uid)
            elif uid not in self.runs:
                if change.obj["spec"].get("nodeName") and not pods.terminal(change.obj):
                    self._cluster.loop.soon(self.begin, *change.name)
            elif change.obj["metadata"].get("deletionTimestamp"):
                self._cluster.loop.soon(self.stop, uid)
        elif change.kind is SECRETS and change.type == "ADDED":
            for run in self.runs.values():
                if run.namespace == change.name[0] and not run.sandbox:
                    self._cluster.loop.soon(self.mount, run.uid)

    def begin(self, namespace: str, name: str) -> None:
        pod = self._cluster.store.get(PODS, name, namespace)
        if pod is None or pod["metadata"]["uid"] in self.runs or pods.terminal(pod):
            return
        if not pod["spec"].get("nodeName") or self.lost(pod):
            return
        self._count += 1
        run = self.runs[pod["metadata"]["uid"]] = PodRun(pod, self._runtime_for(pod), self._count)
        if run.inits:
            for container in run.mains:
                container.state = {"waiting": {"reason": "PodInitializing"}}
            for container in run.inits:
                container.state = {"waiting": {"reason": "PodInitializing"}}
        self.write(run)
        if (seconds := pod["spec"].get("activeDeadlineSeconds")) is not None:
            self._cluster.loop.later(seconds, self._too_long, run.uid)
        if pod["metadata"].get("deletionTimestamp"):
            self.stop(run.uid)
        else:
            self._cluster.loop.soon(self.mount, run.uid)

    def _ended(self, uid: str, container: Container, code: int, reason: str, message: str) -> None:
        run = self.runs.get(uid)
        if run is None or run.over:
            return
        if container.log is not None:
            container.log.ended = True
            with self._cluster.store.changed:
                self._cluster.store.changed.notify_all()
        started = container.state.get("running", {}).get("startedAt") or "1970-01-01T00:00:00Z"
        reason = reason or ("Completed" if code == 0 else "Error")
        ended: dict[str, Any] = {"exitCode": code, "reason": reason}
        if message:
            ended["message"] = message.encode()[:MESSAGE_BYTES].decode("utf-8", "ignore")
        ended |= {"startedAt": started, "finishedAt": self._cluster.clock.stamp(), "containerID": container.id}
        container.state, container.ready, container.started = {"terminated": ended}, False, False
        alive = self._run(uid)
        if alive is not None:
            self._after_exit(alive, container)

    def _after_exit(self, run: PodRun, container: Container) -> None:
        policy = run.pod["spec"].get("restartPolicy", "Always")
        code = container.exit_code or 0
        again = policy == "Always" or (policy == "OnFailure" and code != 0)
        if not run.stopping and again and not (container.init and code == 0):
            self._restart(run, container)
            return
        failed_init = container.init and code != 0
        if not run.stopping and container.init and not failed_init:
            self.write(run)
            self.advance(run)
            return
        over = failed_init or all(each.exit_code is not None for each in run.mains)
        if (not over and not run.stopping) or (
            run.stopping and any("running" in each.state for each in run.containers)
        ):
            self.write(run)
        else:
            if not run.stopping:
                self.write(run)
            self._cluster.loop.soon(self.finish, run.uid)

    def _restart(self, run: PodRun, container: Container) -> None:
        """Again at once the first time, then in CrashLoopBackOff: 10 s, 20 s … 300 s."""
        container.last = container.state
        container.restarts += 1
        if container.restarts == 1:
            container.state = {"waiting": {"reason": "ContainerCreating"}}
            self._pull(run, container)
            return
        wait = min(10.0 * 2 ** (container.restarts - 2), 300.0)
        pod = f"{run.name}_{run.namespace}({run.uid})"
        message = f"back-off {int(wait)}s restarting failed container={container.name} pod={pod}"
        container.state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        self.event(
            run,
            "BackOff",
            f"Back-off restarting failed container {container.name} in pod {pod}",
            container,
            warning=True,
        )
        self.write(run)
        self._cluster.loop.later(wait, self.again, run.uid, container)

    def finish(self, uid: str) -> None:
        """The last status, and the end of a deletion."""
        run = self._run(uid)
        if run is None:
            return
        run.sandbox = False
        run.over = True
        podstatus.write(self._cluster, run, final=True)
        run.runtime.forget(run.pod)
        pod = self._cluster.store.get(PODS, run.name, run.namespace)
        if pod is not None and pod["metadata"].get("deletionTimestamp"):
            self._removed_soon(run.uid, run.name, run.namespace)

    def _removed_soon(self, uid: str, name: str, namespace: str) -> None:
        if not self.removal_seconds:
            self._cluster.loop.soon(self._removed, uid, name, namespace)
        else:
            self._cluster.loop.later(self.removal_seconds, self._removed, uid, name, namespace)

    def _removed(self, uid: str, name: str, namespace: str) -> None:
        pod = self._cluster.store.get(PODS, name, namespace)
        if pod is not None and pod["metadata"]["uid"] == uid:
            self._cluster.delete(PODS, name, namespace, grace=0)

    def stop(self, uid: str) -> None:
        """A deleted pod: SIGTERM once, SIGKILL after the grace period that counts now."""
        run = self._run(uid)
        if run is None:
            over = self.runs.get(uid)
            if over is not None and over.over:
                self._removed_soon(uid, over.name, over.namespace)
            return
        grace = run.pod["metadata"].get("deletionGracePeriodSeconds", 30)
        if run.kill_timer is not None:
            run.kill_timer.cancel()
        first, run.stopping = not run.stopping, True
        live = [each for each in run.containers if "running" in each.state]
        if not live:
            podstatus.locate_none(run)
            self._cluster.loop.soon(self.finish, uid)
            return
        run.kill_timer = self._cluster.loop.later(grace, self._kill, uid)
        if first:
            self.write(run)
            for container in live:
                self.event(run, "Killing", f"Stopping container {container.name}", container)
                run.runtime.terminate(run.pod, container)
                if container.spec.get("readinessProbe"):
                    self._cluster.loop.later(0.05, self._unready, uid, container)

    def _unready(self, uid: str, container: Container) -> None:
        """What was told to end no longer answers its probe."""
        run = self._run(uid)
        if run is not None and "running" in container.state and container.ready:
            container.ready = False
            self.write(run)

    def _kill(self, uid: str) -> None:
        run = self.runs.get(uid)
        if run is None or run.over or self.lost(run.pod):
            return
        for container in run.containers:
            if "running" in container.state:
                run.runtime.kill(run.pod, container)

    def gone(self, uid: str) -> None:
        """The object is gone: whatever still runs is killed."""
        run = self.runs.pop(uid, None)
        if run is None:
            return
        run.over = True
        if run.kill_timer is not None:
            run.kill_timer.cancel()
        for container in run.containers:
            if container.log is not None:
                container.log.ended = True
            if "running" in container.state:
                run.runtime.kill(run.pod, container)
        run.runtime.forget(run.pod)

    def _too_long(self, uid: str) -> None:
        """activeDeadlineSeconds of the pod itself."""
        run = self._run(uid)
        if run is None or run.stopping:
            return
        self.event(run, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
        self.end(uid, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline")

    def end(self, uid: str, reason: str, message: str) -> None:
        """The kubelet itself ends a pod: deadline, eviction for its storage."""
        run = self._run(uid)
        if run is None or run.stopping:
            return
        run.reason, run.message, run.stopping = reason, message, True
        if reason == "Evicted":
            self.event(run, "Evicted", message, warning=True)
        if reason == "DeadlineExceeded":
            self.write(run)
        live = [each for each in run.containers if "running" in each.state]
        grace = int(run.pod["spec"].get("terminationGracePeriodSeconds", 30))
        run.kill_timer = self._cluster.loop.later(grace, self._kill, uid)
        for container in live:
            self.event(run, "Killing", f"Stopping container {container.name}", container)
            run.runtime.terminate(run.pod, container)
        if not live:
            self._cluster.loop.soon(self.finish, uid)
