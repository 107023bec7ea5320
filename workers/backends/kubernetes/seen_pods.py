"""One pod → one member of a job. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from workers.backends.kubernetes import names
from workers.backends.kubernetes.exit_words import ended_badly, not_prepared
from workers.backends.kubernetes.images import image_ran
from workers.backends.kubernetes.seen_objects import Container, Pod, Terminated
from workers.contracts.observation import MemberObservation, Phase
from workers.contracts.sentences import say

IMAGE_TROUBLE: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_BACK_OFF: Final = re.compile(r'Back-off pulling image "[^"]*"(?:: \w+: (?P<said>.+))?', re.DOTALL)
"""What a kubelet says between two tries to fetch an image; before 1.32 or so it does not say again why."""
_NO_PYTHON: Final = re.compile(r'exec: "python3":.*not found')
"""What container runtimes say where the program of the wrapper is not in the image."""
SETTING_UP: Final = frozenset({"ContainerCreating", "PodInitializing", ""})
NOT_STARTED: Final = frozenset({"StartError", "ContainerCannotRun"})
TERMINAL: Final = frozenset({"Succeeded", "Failed"})
EVICTED, NODE_LOST = "evicted", "node_lost"
NOT_ADMITTED: Final = ("OutOf", "UnexpectedAdmissionError", "NodeAffinity", "NodePorts", "AppArmor", "TopologyAffinity")
"""How the reasons begin with which a node sends away a pod that it was given. Later versions have more: whatever a pod
failed for that never ran anything, its node did not take it."""
FORGOTTEN: Final = frozenset({"ContainerStatusUnknown", "Unknown"})
"""What a kubelet, and containerd, say of a container of which they know only that it was there: they began anew."""


@dataclass(frozen=True, slots=True)
class Member:
    """What one pod says of a member."""

    pod: Pod
    index: int
    phase: Phase
    reason: str = ""
    detail: str = ""
    exit_code: int | None = None
    over: bool = False
    """Nothing of it lives, and nothing will."""
    disrupted: str = ""
    """`evicted` or `node_lost`: the cluster ended it, not its program."""
    finished_at: str = ""
    restarts: int = 0
    running: bool = False
    crashed: str = ""
    """Why it failed before it was started again; empty: it was not."""
    unexplained: bool = False
    """Its image cannot be fetched, and only events say why."""

    @property
    def deleting(self) -> bool:
        return self.pod.metadata.deletion_timestamp is not None

    @property
    def failed_by_itself(self) -> bool:
        """It ended badly, and nobody had told it to end."""
        failed = self.over and self.phase is Phase.FAILED and bool(self.reason)
        return failed and not self.deleting and not self.disrupted

    def observed(self) -> MemberObservation:
        return MemberObservation(
            self.index,
            self.phase,
            exit_code=self.exit_code,
            reason=self.reason,
            restarts=self.restarts,
            detail=self.detail if self.running else "",
            image=self.image,
        )

    @property
    def image(self) -> str:
        """What its node says that it runs, once its program began."""
        return image_ran(main_container(self.pod))

    def report(self) -> dict[str, Any] | None:
        """What its wrapper left in the termination message."""
        main = main_container(self.pod)
        text = main.state.terminated.message if main and main.state.terminated else None
        if not text:
            return None
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, ValueError):
            return None
        return found if isinstance(found, dict) else None


def member_of(pod: Pod, *, vanished: bool = False, number: int | None = None) -> Member:
    """What a pod says.

    Args:
        vanished: it was seen so before, and is not there any more.
        number: its rank; without it, the one in its annotations.
    """
    index = _rank(pod) if number is None else number
    found = _disrupted(_state(pod, index))
    if vanished and not found.over:
        phase = Phase.LOST if found.disrupted else Phase.FAILED
        return replace(found, phase=phase, over=True, running=False)
    if found.deleting and not found.over:
        return replace(found, phase=Phase.STOPPING)
    return found


def main_container(pod: Pod) -> Container | None:
    """The container that runs the command."""
    statuses = pod.status.container_statuses or ()
    return next((each for each in statuses if each.name == names.MAIN), statuses[0] if statuses else None)


def _rank(pod: Pod) -> int:
    text = pod.metadata.annotation(names.COMPLETION_INDEX) or pod.metadata.label(names.COMPLETION_INDEX)
    return int(text) if text.isdecimal() else 0


def _state(pod: Pod, index: int) -> Member:
    main = main_container(pod)
    found = _restarted(Member(pod, index, Phase.PENDING), main)
    if pod.status.phase in TERMINAL:
        return _over(found, main)
    if main is not None and main.state.terminated is not None and pod.spec.restart_policy in (None, "Never"):
        return _over(found, main)
    if pod.metadata.deletion_timestamp is not None and not pod.spec.node_name:
        return replace(found, phase=Phase.FAILED, over=True)  # no node ever knew it
    if main is not None and main.state.running is not None:
        return _running(found)
    return _waiting(found)


def _restarted(found: Member, main: Container | None) -> Member:
    if main is None or not main.restart_count:
        return found
    last = main.last_state.terminated or main.state.terminated
    ended = _by_exit(found, last, prepared=True) if last is not None else found
    crashed = ended.reason if ended.phase is Phase.FAILED else ""
    return replace(found, restarts=main.restart_count, crashed=crashed, detail=ended.detail if crashed else "")


def _over(found: Member, main: Container | None) -> Member:
    """It has ended, or never began and never will."""
    status, ended = found.pod.status, _terminated(found.pod, main)
    known = ended is not None and ended.reason not in FORGOTTEN
    code = ended.exit_code if ended and known else None
    finished = (ended.finished_at if ended else None) or ""
    found = replace(found, over=True, exit_code=code, finished_at=finished)
    said = (status.message or "").strip()
    if status.reason == "DeadlineExceeded":
        return _failed(found, "time_limit", say("cluster_deadline", said=said))
    if status.reason == "Evicted":
        # Without a DisruptionTarget it is its own fault: more on the disk than its volumes may hold.
        return _failed(found, "exit_nonzero", say("cluster_disk", member=found.index, said=said))
    if (status.reason or "").startswith(NOT_ADMITTED) or (status.reason and ended is None and not found.deleting):
        node = found.pod.spec.node_name or "-"
        detail = say("cluster_not_taken", node=node, member=found.index, said=said)
        return replace(found, phase=Phase.LOST, reason="no_capacity", detail=detail)
    if ended is not None and not known and not found.deleting:
        detail = say("cluster_forgotten", node=found.pod.spec.node_name or "-", member=found.index)
        return replace(found, phase=Phase.LOST, reason=NODE_LOST, detail=detail)
    if ended is None or not known:
        fine = status.phase == "Succeeded"
        return replace(found, phase=Phase.SUCCEEDED if fine else Phase.FAILED, exit_code=0 if fine else None)
    return _by_exit(found, ended, prepared=main is not None and main.state.terminated is ended)


def _terminated(pod: Pod, main: Container | None) -> Terminated | None:
    """How its program ended, else how what prepares it failed."""
    if main is not None and main.state.terminated is not None:
        return main.state.terminated
    statuses = pod.status.init_container_statuses or ()
    ended = (each.state.terminated for each in statuses)
    return next((each for each in ended if each is not None and each.exit_code), None)


def _by_exit(found: Member, ended: Terminated, *, prepared: bool) -> Member:
    code, index = ended.exit_code, found.index
    said = (ended.message or ended.reason or "").strip()
    if ended.reason in NOT_STARTED:
        code_of = "cluster_no_python" if _NO_PYTHON.search(said) else "cluster_not_started"
        return _failed(found, "launch_error", say(code_of, member=index, said=said))
    if ended.reason == "OOMKilled" and code:  # of the program itself or of a child of it, which it then told
        return _failed(found, "out_of_memory", say("cluster_memory", member=index, status=code))
    if code == 0:
        survived = ended.reason == "OOMKilled"
        detail = say("cluster_memory_survived", member=index) if survived else ""
        return replace(found, phase=Phase.SUCCEEDED, reason="completed", detail=detail)
    if not prepared:
        return _failed(found, "launch_error", not_prepared(index, code, ended.message or ""))
    return _by_report(_failed(found, "exit_nonzero", ended_badly(index, code)))


def _by_report(found: Member) -> Member:
    """The wrapper knows better why, where it says so."""
    report = found.report() or {}
    result = report.get("result")
    error = result.get("error") if isinstance(result, dict) else None
    said = str(error.get("detail") or "") if isinstance(error, dict) else ""
    if report.get("reason") == "launch_error":
        return replace(found, reason="launch_error", detail=said or found.detail)
    if report.get("reason") in ("time_limit", "out_of_memory"):
        return replace(found, reason=str(report["reason"]))
    return found


def _failed(found: Member, reason: str, detail: str) -> Member:
    return replace(found, phase=Phase.FAILED, reason=reason, detail=detail)


def _running(found: Member) -> Member:
    """It runs, as far as its node has said."""
    node = found.pod.spec.node_name or "-"
    detail = say("cluster_node_silent", node=node, member=found.index) if _silent(found.pod) else ""
    return replace(found, phase=Phase.RUNNING, detail=detail, running=True)


def _silent(pod: Pod) -> bool:
    """Whether the cluster has given up on its node: kubelets give a reason for what is not ready."""
    ready = pod.condition("Ready")
    return ready is not None and ready.status == "False" and not ready.reason


def _waiting(found: Member) -> Member:
    scheduled = found.pod.condition("PodScheduled")
    if not found.pod.spec.node_name:
        if scheduled is not None and scheduled.status == "False" and scheduled.reason == "Unschedulable":
            detail = say("cluster_no_room", member=found.index, said=(scheduled.message or "").strip())
            return replace(found, reason="no_capacity", detail=detail)
        return found
    for container in (*(found.pod.status.init_container_statuses or ()), *(found.pod.status.container_statuses or ())):
        waits = container.state.waiting
        why = (waits.reason or "") if waits else ""
        said = ((waits.message if waits else None) or why).strip()
        if why in IMAGE_TROUBLE:
            again = _BACK_OFF.fullmatch(said)
            return no_image(replace(found, unexplained=again is not None and not again["said"]), said)
        if why == "CrashLoopBackOff":  # it is started again after a pause
            return replace(found, reason=found.crashed)
        if why not in SETTING_UP:
            return replace(found, reason="launch_error", detail=say("cluster_setup", member=found.index, said=said))
    return found


def no_image(found: Member, said: str) -> Member:
    """Its image cannot be fetched, in the words of the registry as far as the kubelet repeats them, also between two
    tries."""
    again = _BACK_OFF.fullmatch(said)
    words = (again["said"] if again else "") or said
    return replace(found, reason="image_pull", detail=say("cluster_image", member=found.index, said=words.strip()))


def _disrupted(found: Member) -> Member:
    """Whether the cluster ended it: `DisruptionTarget` says by whom."""
    target = found.pod.condition("DisruptionTarget")
    if target is None or target.status != "True" or found.phase is Phase.SUCCEEDED:
        return found  # what ended well, though it was told to leave, ended well
    why, said = target.reason or "", (target.message or target.reason or "").strip()
    node = found.pod.spec.node_name or "-"
    if why == "DeletionByPodGC" or (why == "DeletionByTaintManager" and _silent(found.pod)):
        cause, detail = NODE_LOST, say("cluster_node_lost", node=node, member=found.index)
    elif why == "PreemptionByScheduler":
        cause, detail = EVICTED, say("cluster_preempted", member=found.index, said=said)
    else:
        cause, detail = EVICTED, say("cluster_evicted", member=found.index, said=said)
    phase = Phase.LOST if found.over else found.phase
    return replace(found, disrupted=cause, reason=cause, detail=detail, phase=phase)
