"""Try a Kubernetes cluster: `.venv/bin/python deploy/verify_cluster.py --kubeconfig FILE`.

It does on the cluster what Bedplate does there, by the same backend, in a namespace of its own, prints a table, and
removes what it made; what a run that was killed has left, the next one from the same machine removes. A minute or two
are usual; no step takes longer than --timeout. Exit status: 0, all is well; 1, a step failed or something is left; 2,
it could not begin.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import signal
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "deploy")]

from carried_runtime import CarryingApi  # noqa: E402 - found by the line above
from cluster_cleanup import cleanup  # noqa: E402
from cluster_steps import NEEDS, STEPS  # noqa: E402
from cluster_trial import Failed, Skipped, Trial, Warned  # noqa: E402

from workers.backends.base import BackendError  # noqa: E402
from workers.backends.kubernetes.api import Api  # noqa: E402
from workers.backends.kubernetes.backend import KubernetesBackend  # noqa: E402
from workers.backends.kubernetes.connection import connection_from_kubeconfig  # noqa: E402
from workers.backends.kubernetes.refusal import Refusal  # noqa: E402
from workers.backends.kubernetes.site import ClusterSite, Tenant  # noqa: E402
from workers.backends.kubernetes.tenancy import api_peers  # noqa: E402
from workers.contracts.kubeconfig import KubeconfigRefused  # noqa: E402

WELL, WRONG, UNUSABLE = 0, 1, 2
IMAGE = "docker.io/library/python:3.11-slim-bookworm"
NAME = "kubernetes/verified"
WIDTH = max(len(name) for name, _ in STEPS)


class Busy(Exception):
    """Another run of this machine tries the same cluster."""


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("--kubeconfig", required=True, metavar="FILE", help="its current context is what is tried")
    parser.add_argument("--image", default=IMAGE, help="what jobs run in: any with Python 3.8 or newer (%(default)s)")
    parser.add_argument("--runtime-image", default="", help="Bedplate's runtime image, to try that one, too")
    parser.add_argument("--api-url", default="", metavar="URL", help="the control plane as pods reach it, to try that")
    parser.add_argument("--namespace-prefix", default="bedplate", help="how the namespace's name begins (%(default)s)")
    parser.add_argument("--timeout", type=seconds, default=180.0, metavar="SECONDS", help="of one step (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the namespace and what is in it, to look at it")
    return parser.parse_args(words)


def seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or not 1 <= float(text) <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds from 1 to 3600")
    return float(text)


def trial_of(options: argparse.Namespace) -> Trial:
    """Raises OSError, UnicodeDecodeError, KubeconfigRefused: the kubeconfig cannot be used."""
    connection = connection_from_kubeconfig(Path(options.kubeconfig).expanduser().read_text(encoding="utf-8"))
    mine = f"{socket.gethostname()} {os.getuid()} {connection.server}"  # so the next run finds what this one leaves
    site = ClusterSite(
        installation=str(uuid.uuid5(uuid.NAMESPACE_URL, mine)),
        cluster="verified",
        runtime_image=options.runtime_image or options.image,
        namespace_prefix=options.namespace_prefix,
        api_egress=api_peers(options.api_url),
        priority_class="",  # it would be left: it is the whole cluster's
        scratch_bytes=1 << 30,
    )
    backend = KubernetesBackend(NAME, connection, site)
    if not options.runtime_image:
        backend._place.api = CarryingApi(backend._place.api.transport)
    tenant = Tenant("check", "check", hashlib.sha256(mine.encode()).hexdigest()[:8])
    return Trial(backend, Api.of(connection), site, tenant, options.image, options.timeout, options.api_url)


def alone(trial: Trial) -> Any:
    """A lock that is held until this process ends, however it does. Raises Busy, OSError."""
    path = Path(tempfile.gettempdir()) / f"{trial.namespace}.{os.getuid()}.lock"
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise Busy(f"another run tries this cluster from here, in the namespace {trial.namespace}") from None
    return file


def attempt(name: str, step: Callable[[Trial], str], trial: Trial) -> str:
    """Do one step and print its line; how it came out."""
    started = time.monotonic()
    trial.begin()
    try:
        outcome, said = "ok", step(trial)
    except Skipped as skipped:
        outcome, said = "skipped", str(skipped)
    except Warned as warned:
        outcome, said = "warning", str(warned)
    except (Failed, BackendError, Refusal) as error:
        outcome, said = "FAILED", str(error)
    tell(name, outcome, time.monotonic() - started, said)
    return outcome


def tell(name: str, outcome: str, took: float, said: str) -> None:
    sys.stdout.write(f"{name:<{WIDTH}}  {outcome:<7}  {took:6.1f} s  {said}\n")
    sys.stdout.flush()


def verify(trial: Trial, *, keep: bool) -> set[str]:
    """Every step in turn, then the clean-up, whatever happened and whoever interrupts; how they came out."""
    failed: set[str] = set()
    outcomes: set[str] = set()
    try:
        for name, step in STEPS:
            needed = NEEDS.get(name, "")
            if needed in failed:
                tell(name, "skipped", 0.0, f"needs: {needed}")
                if needed == "connection":
                    failed.add(name)
                continue
            outcomes.add(outcome := attempt(name, step, trial))
            if outcome == "FAILED":
                failed.add(name)
    finally:
        if keep:
            command = f"kubectl delete namespace {trial.namespace}"
            tell("clean-up", "skipped", 0.0, f"--keep; the next run removes it, or: {command}")
        elif "connection" not in failed:
            outcomes.add(attempt("clean-up", cleanup, trial))
        trial.backend.close()
        trial.api.transport.close()
    return outcomes


def main(words: Sequence[str]) -> int:
    options = arguments(words)
    try:
        trial = trial_of(options)
        lock = alone(trial)
    except (OSError, UnicodeDecodeError, KubeconfigRefused, Busy) as error:
        sys.stderr.write(f"{options.kubeconfig} cannot be used: {error}\n")
        return UNUSABLE
    with lock:
        sys.stdout.write(f"{trial.backend.connection.server}, namespace {trial.namespace}\n\n")
        found = verify(trial, keep=options.keep)
    well = "Jobs run here; mind the warning above." if "warning" in found else "All is well."
    sys.stdout.write(f"\n{'Something is wrong: see above.' if 'FAILED' in found else well}\n")
    return WRONG if "FAILED" in found else WELL


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(WRONG))  # so that it cleans up
    sys.exit(main(sys.argv[1:]))
