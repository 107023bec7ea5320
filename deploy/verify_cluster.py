"""Try a Kubernetes cluster: `.venv/bin/python deploy/verify_cluster.py --kubeconfig FILE`.

It does on the cluster what Bedplate does there, by the same backend, in a namespace of its own, prints a table, and
removes what it made. Exit status: 0, all is well; 1, a step failed or something is left; 2, it could not begin.
"""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "deploy")]

from carried_runtime import CarryingApi  # noqa: E402 - found by the line above
from cluster_steps import NEEDED, STEPS, Failed, Skipped, Trial, cleanup  # noqa: E402

from workers.backends.base import BackendError  # noqa: E402
from workers.backends.kubernetes.api import Api  # noqa: E402
from workers.backends.kubernetes.backend import KubernetesBackend  # noqa: E402
from workers.backends.kubernetes.connection import connection_from_kubeconfig  # noqa: E402
from workers.backends.kubernetes.refusal import Refusal  # noqa: E402
from workers.backends.kubernetes.site import ClusterSite  # noqa: E402
from workers.contracts.kubeconfig import KubeconfigRefused  # noqa: E402

WELL, WRONG, UNUSABLE = 0, 1, 2
IMAGE = "docker.io/library/python:3.11-slim-bookworm"
NAME = "kubernetes/verified"
WIDTH = max(len(name) for name, _ in STEPS)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("--kubeconfig", required=True, metavar="FILE", help="its current context is what is tried")
    parser.add_argument("--image", default=IMAGE, help="what jobs run in: any with Python 3.8 or newer (%(default)s)")
    parser.add_argument("--runtime-image", default="", help="Bedplate's runtime image, to try that one, too")
    parser.add_argument("--namespace-prefix", default="bedplate", help="how the namespace's name begins (%(default)s)")
    parser.add_argument("--timeout", type=float, default=180.0, metavar="SECONDS", help="of one step (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the namespace and what is in it, to look at it")
    return parser.parse_args(words)


def trial_of(options: argparse.Namespace) -> Trial:
    """Raises OSError, UnicodeDecodeError, KubeconfigRefused: the kubeconfig cannot be used."""
    connection = connection_from_kubeconfig(Path(options.kubeconfig).expanduser().read_text(encoding="utf-8"))
    site = ClusterSite(
        installation=str(uuid.uuid4()),
        cluster="verified",
        runtime_image=options.runtime_image or options.image,
        namespace_prefix=options.namespace_prefix,
        priority_class="",  # it would be left: it is the whole cluster's
        scratch_bytes=1 << 30,
    )
    backend = KubernetesBackend(NAME, connection, site)
    if not options.runtime_image:
        backend._place.api = CarryingApi(backend._place.api.transport)
    return Trial(backend, Api.of(connection), site, options.image, options.timeout)


def attempt(name: str, step: Callable[[Trial], str], trial: Trial) -> bool:
    """Do one step and print its line; whether it came out well."""
    started = time.monotonic()
    try:
        outcome, said = "ok", step(trial)
    except Skipped as skipped:
        outcome, said = "skipped", str(skipped)
    except (Failed, BackendError, Refusal) as error:
        outcome, said = "FAILED", str(error)
    tell(name, outcome, time.monotonic() - started, said)
    return outcome != "FAILED"


def tell(name: str, outcome: str, seconds: float, said: str) -> None:
    sys.stdout.write(f"{name:<{WIDTH}}  {outcome:<7}  {seconds:6.1f} s  {said}\n")
    sys.stdout.flush()


def verify(trial: Trial, *, keep: bool) -> bool:
    """Every step in turn, then the clean-up, whatever happened and whoever interrupts."""
    well, usable = True, True
    try:
        for name, step in STEPS:
            if not usable:
                tell(name, "skipped", 0.0, "")
                continue
            passed = attempt(name, step, trial)
            well, usable = well and passed, passed or name not in NEEDED
    finally:
        if keep:
            tell("clean-up", "skipped", 0.0, f"--keep: kubectl delete namespace {trial.namespace}")
        elif usable:
            well = attempt("clean-up", cleanup, trial) and well
        trial.backend.close()
        trial.api.transport.close()
    return well


def main(words: Sequence[str]) -> int:
    options = arguments(words)
    try:
        trial = trial_of(options)
    except (OSError, UnicodeDecodeError, KubeconfigRefused) as error:
        sys.stderr.write(f"{options.kubeconfig} cannot be used: {error}\n")
        return UNUSABLE
    sys.stdout.write(f"{trial.backend.connection.server}, namespace {trial.namespace}\n\n")
    well = verify(trial, keep=options.keep)
    sys.stdout.write(f"\n{'All is well.' if well else 'Something is wrong: see above.'}\n")
    return WELL if well else WRONG


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
