"""The Job controller: pods of Jobs, their counting, and verdicts."""

from __future__ import annotations

from tests.support.kubernetes import jobpods, pods
from tests.support.kubernetes.answers import Refusal
from tests.support.kubernetes.clock import seconds_of
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.jobpolicy import Verdict, judged
from tests.support.kubernetes.jobsync import Refusals, Sync, condition_true, finished, set_condition, set_count
from tests.support.kubernetes.kinds import JOBS, PODS
from tests.support.kubernetes.podmaker import PodMaker
from tests.support.kubernetes.store import Change, Object, copied

BACKOFF_SECONDS, BACKOFF_MAX = 10.0, 600.0


class Jobs:
    """Reconciles one Job at a time, in the steps that watchers of a real cluster see."""

    def __init__(self, cluster: Cluster, maker: PodMaker) -> None:
        self._cluster, self._maker = cluster, maker
        self._refusals: dict[str, Refusals] = {}
        self._failures: dict[str, dict[str, float]] = {}
        """uid of a Job → uid of a failed pod → when it ended."""

    def on_change(self, change: Change) -> None:
        if change.kind is JOBS:
            if change.type == "DELETED":
                self._cluster.loop.soon(self.orphaned, change.obj["metadata"]["uid"], change.name[0])
            else:
                self._cluster.loop.soon(self.reconcile, *change.name)
        elif change.kind is PODS and (owner := pods.owner(change.obj)) and owner["kind"] == "Job":
            self._cluster.loop.soon(self.reconcile, change.name[0], owner["name"])
        elif change.kind is PODS and pods.has_finalizer(change.obj) and not pods.owner(change.obj):
            self._cluster.loop.soon(self._untrack, *change.name)

    def orphaned(self, uid: str, namespace: str) -> None:
        """A Job is gone: its pods are no longer counted by anybody."""
        for pod in self._cluster.store.owned_by(uid, PODS):
            self._untrack(namespace, pod["metadata"]["name"])

    def _untrack(self, namespace: str, name: str) -> None:
        self._cluster.change(PODS, name, namespace, pods.drop_finalizer)

    def reconcile(self, namespace: str, name: str) -> None:
        job = self._cluster.store.get(JOBS, name, namespace)
        if job is None or not job["spec"].get("selector"):
            return
        if finished(job):
            self._after_end(job)
            return
        owned = self._cluster.store.owned_by(job["metadata"]["uid"], PODS)
        sync = Sync(job, owned, copied(job.get("status") or {}))
        sync.status.setdefault("uncountedTerminatedPods", {})
        if job["metadata"].get("deletionTimestamp"):
            self._deleting(sync)
            return
        self._suspension(sync)
        self._count(sync)
        self._judge(sync)
        if not job["spec"].get("suspend") and not self._decided(sync):
            self._create(sync)
        self._numbers(sync)
        self._write(sync)
        self._finish(sync)

    def _deleting(self, sync: Sync) -> None:
        for pod in sync.pods:
            if pods.has_finalizer(pod):
                self._untrack(pod["metadata"]["namespace"], pod["metadata"]["name"])
        self._numbers(sync)
        self._write(sync)

    def _suspension(self, sync: Sync) -> None:
        """Suspended: pods go uncounted, and the start is forgotten. Resumed: it starts anew."""
        status, suspend = sync.status, bool(sync.job["spec"].get("suspend"))
        suspended = condition_true({"status": status}, "Suspended")
        known = any(each["type"] == "Suspended" for each in status.get("conditions") or ())
        if suspend and not condition_true({"status": status}, "FailureTarget"):
            for pod in sync.pods:
                if pods.active(pod):
                    self._untrack(pod["metadata"]["namespace"], pod["metadata"]["name"])
                    self._delete_pod(sync, pod)
            if not suspended:
                set_condition(status, "Suspended", "JobSuspended", "Job suspended", self._cluster.clock.stamp())
                status.pop("startTime", None)
                sync.events.append(("Suspended", "Job suspended", False))
        elif not suspend:
            if known and suspended:
                set_condition(status, "Suspended", "JobResumed", "Job resumed", self._cluster.clock.stamp(), "False")
                status["startTime"] = self._cluster.clock.stamp()
                sync.events.append(("Resumed", "Job resumed", False))
                self._deadline_timer(sync)
            elif "startTime" not in status:
                status["startTime"] = self._cluster.clock.stamp()
                self._deadline_timer(sync)

    def _deadline_timer(self, sync: Sync) -> None:
        metadata = sync.job["metadata"]
        if (seconds := sync.job["spec"].get("activeDeadlineSeconds")) is not None:
            self._cluster.loop.later(seconds, self.reconcile, metadata["namespace"], metadata["name"])

    def _delete_pod(self, sync: Sync, pod: Object) -> None:
        name = pod["metadata"]["name"]
        self._cluster.delete(PODS, name, pod["metadata"]["namespace"])
        self._event(sync.job, "SuccessfulDelete", f"Deleted pod: {name}")

    def _event(self, job: Object, reason: str, message: str, warning: bool = False) -> None:
        self._cluster.events.write(JOBS, job, reason, message, by="job-controller", warning=warning)

    def _count(self, sync: Sync) -> None:
        """Pods that ended and still have their finalizer."""
        spec, status = sync.job["spec"], sync.status
        done = jobpods.indexes(status.get("completedIndexes", ""))
        for pod in sync.pods:
            if not pods.has_finalizer(pod):
                continue
            if pods.phase(pod) == "Succeeded":
                sync.counted.append(pod)
                if spec["completionMode"] == "Indexed":
                    done.add(jobpods.index_of(pod))
                else:
                    status["succeeded"] = status.get("succeeded", 0) + 1
            elif jobpods.counts_as_failed(spec, pod):
                sync.counted.append(pod)
        if spec["completionMode"] == "Indexed" and done:
            status["completedIndexes"] = jobpods.shown_indexes(done)
            status["succeeded"] = len(done)

    def _judge(self, sync: Sync) -> None:
        failing = [pod for pod in sync.counted if pods.phase(pod) != "Succeeded"]
        verdict = None
        if not self._decided(sync):
            verdict = judged(sync.job, sync.status, sync.pods, failing, self._cluster.clock.now())
        sync.failed = [
            pod["metadata"]["uid"]
            for pod in failing
            if verdict is None or pod["metadata"]["uid"] not in verdict.ignored
        ]
        if verdict is not None:
            self._decide(sync, verdict)
        if condition_true({"status": sync.status}, "FailureTarget"):
            self._stop_all(sync)
        elif condition_true({"status": sync.status}, "SuccessCriteriaMet"):
            self._stop_all(sync, counted=False)

    def _decide(self, sync: Sync, verdict: Verdict) -> None:
        if verdict.failed_indexes is not None:
            sync.status["failedIndexes"] = verdict.failed_indexes
        if verdict.type:
            set_condition(sync.status, verdict.type, verdict.reason, verdict.message, self._cluster.clock.stamp())

    def _stop_all(self, sync: Sync, counted: bool = True) -> None:
        for pod in self._fresh(sync):
            if pods.active(pod):
                self._delete_pod(sync, pod)
        for pod in self._fresh(sync):
            uid = pod["metadata"]["uid"]
            known = uid in sync.failed or self._is_counted(sync, uid)
            failed = pods.has_finalizer(pod) and jobpods.counts_as_failed(sync.job["spec"], pod)
            if counted and failed and not known:
                sync.counted.append(pod)
                sync.failed.append(uid)

    @staticmethod
    def _is_counted(sync: Sync, uid: str) -> bool:
        return any(pod["metadata"]["uid"] == uid for pod in sync.counted)

    def _fresh(self, sync: Sync) -> list[Object]:
        return self._cluster.store.owned_by(sync.job["metadata"]["uid"], PODS)

    @staticmethod
    def _decided(sync: Sync) -> bool:
        found = {"status": sync.status}
        return condition_true(found, "FailureTarget") or condition_true(found, "SuccessCriteriaMet")

    def _create(self, sync: Sync) -> None:
        """Pods that are missing, after their back-off."""
        job = sync.job
        metadata = job["metadata"]
        now = self._cluster.clock.now()
        counted = {pod["metadata"]["uid"] for pod in sync.counted}
        wanted = jobpods.missing(job, sync.status, self._fresh(sync), counted)
        for index in wanted:
            wait = self._backoff(sync, index) - now
            if wait > 0:
                self._cluster.loop.later(wait, self.reconcile, metadata["namespace"], metadata["name"])
                continue
            if not self._create_one(job, index):
                return

    def _create_one(self, job: Object, index: int | None) -> bool:
        metadata = job["metadata"]
        try:
            pod = self._maker.create(jobpods.pod_for(job, index), metadata["namespace"])
        except Refusal as refusal:
            record = self._refusals.setdefault(metadata["uid"], Refusals())
            wait = 2.0**record.count
            record.count += 1
            record.until = self._cluster.clock.now() + wait
            self._event(job, "FailedCreate", f"Error creating: {refusal.message}", True)
            self._cluster.loop.later(wait, self.reconcile, metadata["namespace"], metadata["name"])
            return False
        self._refusals.pop(metadata["uid"], None)
        self._event(job, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
        return True

    def _backoff(self, sync: Sync, index: int | None) -> float:
        """From when the next pod may be made."""
        failed = [pod for pod in sync.pods if jobpods.counts_as_failed(sync.job["spec"], pod)]
        if sync.job["spec"].get("backoffLimitPerIndex") is not None:
            failed = [pod for pod in failed if jobpods.index_of(pod) == index]
        until = self._refusals.get(sync.job["metadata"]["uid"], Refusals()).until
        record = self._failures.setdefault(sync.job["metadata"]["uid"], {})
        for pod in failed:
            record.setdefault(pod["metadata"]["uid"], jobpods.ended_at(pod, self._cluster.clock.now()))
        if not record:
            return until
        wait = min(BACKOFF_SECONDS * 2 ** (len(record) - 1), BACKOFF_MAX)
        return max(until, max(record.values()) + wait)

    def _numbers(self, sync: Sync) -> None:
        status = sync.status
        owned = self._fresh(sync)
        gone = {pod["metadata"]["uid"] for pod in sync.counted}
        live = [pod for pod in owned if pods.active(pod) and pod["metadata"]["uid"] not in gone]
        set_count(status, "active", len(live))
        status["terminating"] = sum(map(pods.terminating, owned))
        status["ready"] = sum(map(pods.ready, live))
        status["uncountedTerminatedPods"] = {"failed": list(sync.failed)} if sync.failed else {}
        if sync.job["spec"].get("backoffLimitPerIndex") is not None:
            status.setdefault("failedIndexes", "")

    def _write(self, sync: Sync) -> None:
        metadata = sync.job["metadata"]

        def change(job: Object) -> None:
            job["status"] = copied(sync.status)

        self._cluster.change(JOBS, metadata["name"], metadata["namespace"], change)
        for reason, message, warning in sync.events:
            self._event(sync.job, reason, message, warning)
        sync.events.clear()

    def _finish(self, sync: Sync) -> None:
        """Take the finalizers away, count, and speak the verdict once nothing is terminating."""
        status = sync.status
        for pod in sync.counted:
            self._untrack(pod["metadata"]["namespace"], pod["metadata"]["name"])
        if sync.failed:
            status["failed"] = status.get("failed", 0) + len(sync.failed)
            status["uncountedTerminatedPods"] = {}
        if self._decided(sync) and not status["terminating"]:
            self._end(sync)
        self._write(sync)
        if finished({"status": status}):
            metadata = sync.job["metadata"]
            self._cluster.loop.soon(self.reconcile, metadata["namespace"], metadata["name"])

    def _end(self, sync: Sync) -> None:
        status, now = sync.status, self._cluster.clock.stamp()
        for target, type_ in (("FailureTarget", "Failed"), ("SuccessCriteriaMet", "Complete")):
            found = next((each for each in status["conditions"] if each["type"] == target), None)
            if found is None:
                continue
            set_condition(status, type_, found["reason"], found["message"], now)
            if type_ == "Complete":
                status["completionTime"] = now
                sync.events.append(("Completed", "Job completed", False))
            else:
                sync.events.append((found["reason"], found["message"], True))
            return

    def _after_end(self, job: Object) -> None:
        """Time to live of a Job that ended."""
        for pod in self._cluster.store.owned_by(job["metadata"]["uid"], PODS):
            if pods.has_finalizer(pod):
                self._untrack(pod["metadata"]["namespace"], pod["metadata"]["name"])
        seconds = job["spec"].get("ttlSecondsAfterFinished")
        if seconds is None or job["metadata"].get("deletionTimestamp"):
            return
        ends = [each for each in job["status"]["conditions"] if each["type"] in {"Complete", "Failed"}]
        left = seconds_of(ends[0]["lastTransitionTime"]) + seconds - self._cluster.clock.now()
        metadata = job["metadata"]
        if left > 0:
            self._cluster.loop.later(left, self.reconcile, metadata["namespace"], metadata["name"])
        else:
            self._cluster.delete(JOBS, metadata["name"], metadata["namespace"], policy="Foreground")
