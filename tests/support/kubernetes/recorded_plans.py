"""What the programs of the recordings did, as plans of the scripted kubelet."""

from __future__ import annotations

import re

from tests.support.kubernetes.plans import Plan
from tests.support.kubernetes.store import Object

_CHILD = "child returncode -9\n"
_SAVING = "got SIGTERM, saving\n"
_STEPS = "start index 0\nstep 0\nstep 1\nstep 2\ndone\n"
NO_PROGRAM = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    'unable to start container process: exec: "/no/such/program": stat /no/such/program: no such file or directory'
)
BAD_FOLDER = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: error during container init: mkdir /etc/passwd: not a directory"
)


def plan_of(pod: Object, container: Object, restart: int) -> Plan:
    """By the text of its command."""
    script = (container.get("command") or [""])[-1]
    image = container["image"]
    index = (pod["metadata"].get("annotations") or {}).get("batch.kubernetes.io/job-completion-index", "0")
    if pod["spec"].get("nodeName") == "knode2":
        return Plan(term_exit=None)  # its kubelet was simulated: containers were said to run
    if "no-such-image" in image:
        never = container.get("imagePullPolicy") == "Never"
        return Plan(image_error="ErrImageNeverPull" if never else "ErrImagePull", pull_seconds=0.05)
    if image.startswith("NOT a valid"):
        return Plan(image_error="InvalidImageName")
    if script == "/no/such/program":
        return Plan(start_error=NO_PROGRAM)
    if container.get("workingDir") == "/etc/passwd":
        return Plan(start_error=BAD_FOLDER)
    if _as_root(pod, container):
        name = f"{pod['metadata']['name']}_{pod['metadata']['namespace']}({pod['metadata']['uid']})"
        why = f'container has runAsNonRoot and image will run as root (pod: "{name}", container: {container["name"]})'
        return Plan(image_error="CreateContainerConfigError", message=why)
    return _handled(script) or _ending(script, index, restart)


def _as_root(pod: Object, container: Object) -> bool:
    both = {**(pod["spec"].get("securityContext") or {}), **(container.get("securityContext") or {})}
    return bool(both.get("runAsNonRoot")) and both.get("runAsUser") is None


def _handled(script: str) -> Plan | None:
    """Programs that hear SIGTERM."""
    if "ignoring it" in script:
        return Plan(term_exit=None, log="running\n")
    if "draining" in script:
        return Plan(
            ready_after=2, log="listening\n", term_exit=0, term_seconds=2, term_log="got SIGTERM, draining\nbye\n"
        )
    if found := re.search(r"saved'\); sys\.exit\((\d+)\)", script):
        seconds = 15.0 if "tick" in script else None
        return Plan(
            seconds=seconds, log="running\n", term_exit=int(found[1]), term_seconds=1, term_log=f"{_SAVING}saved\n"
        )
    return None


def _ending(script: str, index: str, restart: int) -> Plan:
    """Programs that end by themselves, and that do not hear SIGTERM."""
    plans = {
        "allocating": Plan(seconds=0.3, exit_code=137, reason="OOMKilled", log="allocating\n"),
        "child returncode": Plan(
            seconds=0.8, exit_code=7 if "exit(7)" in script else 0, reason="OOMKilled", log=_CHILD
        ),
        "about to fail": Plan(seconds=0.1, exit_code=3, log="Traceback: example error\nabout to fail\n"),
        "step": Plan(seconds=3, log=_STEPS),
        "==1 else 0": Plan(seconds=0),
        "n==0 else 0": Plan(seconds=1, exit_code=4 if restart == 0 else 0, log=f"attempt {restart}\n"),
        "if n<2": Plan(seconds=2 if restart < 2 else 1, exit_code=5 if restart < 2 else 0),
        "30 if n==0": Plan(seconds=30 if restart == 0 else 1),
        "trying": Plan(seconds=1, exit_code=5),
        "high priority": Plan(seconds=2),
        "running on the other node": Plan(seconds=3),
        "out',i": Plan(
            seconds=4, log="".join(f"out {i}\nerr {i}\n" for i in range(8)) + "no newline at the end", log_pace=0.25
        ),
        "'init'": Plan(seconds=3, log="init\n"),
        "sidecar": Plan(seconds=0, log="sidecar\n"),
        "create_server": Plan(seconds=1),
    }
    if "JOB_COMPLETION_INDEX']=='1'" in script:
        fails = index == "1"
        wait = 2 if "sleep(2)" in script else 0
        lasts = "sleep(600)" in script and not fails
        return Plan(seconds=None if lasts else wait, exit_code=3 if fails else 0, term_exit=None)
    for part, plan in plans.items():
        if part in script:
            return Plan(**{**plan.__dict__, "term_exit": None})
    if "30 MiB" in script:
        message = 'Usage of EmptyDir volume "s" exceeds the limit "10Mi". '
        return Plan(term_exit=None, log="wrote 30 MiB\n", evict_seconds=74 - 5, evict_message=message)
    if "sleep(600)" in script:
        return Plan(term_exit=None, log="running\n")
    return Plan(seconds=0.2, term_exit=None)
