"""What `verify_cluster.py` tries on a cluster, step by step, by the backend that jobs will be run with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from cluster_cleanup import leftovers
from cluster_programs import ASKING, GREETING, HELLO, MEETING, WAITING
from cluster_trial import SMALL, Failed, Skipped, Trial, Warned, serves, short, succeeded

from workers.backends.kubernetes import names
from workers.backends.kubernetes.check import check_cluster
from workers.backends.kubernetes.refusal import Refusal
from workers.backends.kubernetes.resources import RESOURCE_QUOTAS
from workers.backends.kubernetes.site import Fence
from workers.backends.kubernetes.tenancy import tenant_manifests
from workers.contracts.observation import ENDED, Phase

NOWHERE: Final = "registry.invalid/bedplate/nothing:none"
PLENTY: Final = 50
API_SERVER_PORTS: Final = frozenset({443, 6443})
"""On which a job would reach the API server, whose address every pod is told."""


def connection(trial: Trial) -> str:
    found = check_cluster(trial.backend.connection, trial.site)
    wrong = [
        problem.sentence for problem in found.problems if problem.code != "missing_permission" and problem.blocking
    ]
    if wrong:
        raise Failed(" ".join(wrong))
    return f"Kubernetes {found.version}"


def permissions(trial: Trial) -> str:
    found = check_cluster(trial.backend.connection, trial.site)
    missing = [problem.sentence for problem in found.problems if problem.code == "missing_permission"]
    if missing:
        raise Failed(f"{' '.join(missing)} The role that it needs is in docs/en/clusters.md.")
    return "all that the role of the chart has"


def machines(trial: Trial) -> str:
    nodes = [node for node in trial.backend.discover() if node.ready]
    if not nodes:
        raise Failed("no machine takes jobs: none is ready, or all have taints or are cordoned (kubectl get nodes)")
    gpus = sum(len(node.gpus) for node in nodes)
    return f"{len(nodes)} ready, {sum(node.cpu_millis for node in nodes) // 1000} cores, {gpus} GPUs free"


def one_job(trial: Trial) -> str:
    handle = trial.start(trial.job(HELLO))
    seen = trial.see(handle, "a job that succeeds", succeeded)
    if [member.exit_code for member in seen.members] != [0]:
        raise Failed(f"expected exit status 0; seen {seen.members}")
    return "ran, and ended with 0"


def logs(trial: Trial) -> str:
    handle = trial.start(trial.job(HELLO))
    text = trial.output(handle, GREETING.format(rank=0, size=1))
    trial.see(handle, "a job that succeeds", succeeded)
    return f"{len(text)} characters, also after the end"


def gang(trial: Trial) -> str:
    handle = trial.start(trial.job(MEETING), count=2)
    trial.see(handle, "two members that meet and succeed", succeeded)
    for rank in range(2):
        trial.output(handle, f"Member {rank} has met the other.", member=rank)
    return "two members have met by name"


def failure(trial: Trial) -> str:
    handle = trial.start(trial.job("raise SystemExit(7)"))
    seen = trial.see(handle, "a failure", lambda seen: seen.phase is Phase.FAILED)
    if (seen.reason, [member.exit_code for member in seen.members]) != ("exit_nonzero", [7]):
        raise Failed(f"expected exit status 7; seen {seen.reason}, {seen.members}")
    return "exit status 7 was seen"


def stop(trial: Trial) -> str:
    handle = trial.start(trial.job(WAITING))
    trial.output(handle, "Waiting.")
    trial.backend.stop(handle, 10)
    started = time.monotonic()
    seen = trial.see(handle, "an end", lambda seen: seen.phase in ENDED)
    exits = [member.exit_code for member in seen.members]
    if exits and exits[0] not in (0, None):
        raise Failed(f"its program leaves with 0 on SIGTERM; seen {exits[0]}")
    heard = "SIGTERM was heard" if exits == [0] else "its last words were not seen"
    return f"{heard}, ended after {time.monotonic() - started:.0f} s"


def image_error(trial: Trial) -> str:
    handle = trial.start(trial.job(HELLO, image=NOWHERE))
    seen = trial.see(handle, "an error of its image", lambda seen: seen.reason == "image_pull")
    trial.end(handle)
    return short(seen.detail)


def quota_refusal(trial: Trial) -> str:
    """Under a quota that lets no pod in, a job waits and says why."""
    try:
        quota(trial, 0)
    except Refusal as refusal:
        if not refusal.forbidden:
            raise
        raise Skipped("this account may not make a ResourceQuota to try it with") from refusal
    try:
        handle = trial.start(trial.job(HELLO))
        seen = trial.see(handle, "a job that waits for quota", lambda seen: seen.reason == "waiting_for_quota")
        trial.end(handle)
    finally:
        quota(trial, PLENTY)
    return short(seen.detail)


def quota(trial: Trial, pods: int) -> None:
    manifests = tenant_manifests(trial.tenant, trial.site, fence=Fence(pods=pods))
    (wanted,) = [each for each in manifests if each["kind"] == "ResourceQuota"]
    trial.api.apply(RESOURCE_QUOTAS, wanted, names.MANAGER)


def serving(trial: Trial) -> str:
    """A second revision comes up beside the first, which goes when it is ready: nobody is without an answer."""
    first = trial.start(trial.server("1"), count=2)
    trial.see(first, "two ready replicas", serves(2))
    second = trial.start(trial.server("2"), count=2)
    trial.see(second, "two ready replicas of a second revision", serves(2))
    if not serves(2)(trial.backend.observe([first])[0]):
        raise Failed("the first revision was not ready any more when the second was")
    trial.end(first)
    if not serves(2)(trial.backend.observe([second])[0]):
        raise Failed("the second revision did not outlive the first")
    trial.backend.resize(second, 1)
    trial.see(second, "one replica", serves(1))
    trial.end(second)
    return "two revisions side by side, then one replica, then none"


def gpu(trial: Trial) -> str:
    """A job that asks for one device, on whichever node the cluster puts it."""
    free = [node for node in trial.backend.discover() if node.ready and node.gpus]
    if not free:
        raise Skipped("no node offers a device that is free (nvidia.com/gpu, by a device plugin)")
    handle = trial.start(trial.job(HELLO, resources=replace(SMALL, gpus=1)))
    trial.see(handle, "a job with a GPU that succeeds", succeeded)
    return f"ran with a {free[0].gpus[0].model}"


def isolation(trial: Trial) -> str:
    """A job that tries to reach the API server, which no policy lets it reach."""
    if any(peer.cidr and API_SERVER_PORTS & set(peer.ports) for peer in trial.site.api_egress):
        raise Skipped("--api-url opens the port of the API server, too: this is tried without it")
    handle = trial.start(trial.job(ASKING))
    trial.see(handle, "a job that succeeds", succeeded)
    said = trial.output(handle, "Asked: ")
    if "Asked: nobody" in said:
        raise Skipped("pods here are not told where the API server is")
    if "Asked: reached" in said:
        raise Warned(
            "a job reached the API server, which its NetworkPolicies forbid: the cluster's network plugin does not"
            " enforce them, so nothing keeps jobs of projects apart. Jobs run all the same"
        )
    return "a job could not reach what it may not"


def control_plane(trial: Trial) -> str:
    """A job that asks the control plane whether it lives, through the hole that its address makes."""
    if not trial.control_plane:
        raise Skipped("--api-url was not given")
    handle = trial.start(trial.job(ASKING, trial.control_plane))
    trial.see(handle, "a job that succeeds", succeeded)
    said = trial.output(handle, "Asked: ")
    if "Asked: reached" not in said:
        why = said.rpartition("Asked: ")[2].strip()
        raise Failed(
            f"a job cannot reach {trial.control_plane}: {why}. Pods must know its name and reach its port; the option"
            " api_egress of a cluster says where it is, where its address does not"
        )
    return f"a job reached {trial.control_plane}"


STEPS: Final[tuple[tuple[str, Callable[[Trial], str]], ...]] = (
    ("connection", connection),
    ("earlier runs", leftovers),
    ("permissions", permissions),
    ("machines", machines),
    ("one job", one_job),
    ("logs", logs),
    ("job on a GPU", gpu),
    ("gang of two", gang),
    ("failing job", failure),
    ("stop", stop),
    ("image error", image_error),
    ("quota refusal", quota_refusal),
    ("serving, rolling update", serving),
    ("network policies", isolation),
    ("control plane", control_plane),
)
NEEDS: Final = {
    **{name: "connection" for name, _ in STEPS[1:]},
    **dict.fromkeys(
        (
            *("logs", "job on a GPU", "gang of two", "failing job", "stop", "serving, rolling update"),
            *("network policies", "control plane"),
        ),
        "one job",
    ),
}
"""Step → the one without which it makes no sense."""
