"""From a spec and a launch to what a supervisor is told: pure, and without a secret in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from workers.backends.base import LaunchRefused
from workers.backends.local.fence import LEAST_PROCESSES
from workers.backends.local.layout import JobFolder
from workers.contracts import environment as names
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import JobSpec, ServingSpec, Spec

LOOPBACK = "127.0.0.1"
_ATTEMPT_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")
_SECRET_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class Site:
    """What jobs are given of this machine and of the worker that launches them."""

    interpreter: str
    """The Python that `python` means, and that runs supervisor and wrapper."""
    project_root: str
    search_path: str
    temporary: str
    """Where a job's own temporary folder is made. Short: sockets are made in it."""
    environment: Mapping[str, str]
    """Variables that every job gets."""
    environments: str = ""
    """Where environments of packages are kept for the jobs of this home; empty: for each job in its own folder."""
    temporary_prefix: str = "bedplate-"
    """How its name begins: by it this home knows its own again."""
    processes_most: int = LEAST_PROCESSES
    """Processes and threads that one member may have."""
    serve_host: str = LOOPBACK
    """The address of this machine at which replicas listen, and where their callers find them."""
    niceness: int = 0
    """Of the members; their supervisor goes ahead of them where it may."""


def attempt_folder_name(launch: LaunchContext) -> str:
    """The attempt id, safe as the name of a folder. Raises LaunchRefused."""
    if not _ATTEMPT_ID.fullmatch(launch.attempt_id):
        raise LaunchRefused(f"The attempt id {launch.attempt_id!r} cannot name a job.")
    return launch.attempt_id


def make_plan(spec: Spec, launch: LaunchContext, folder: JobFolder, site: Site) -> dict[str, Any]:
    """What `launch.json` holds. Raises LaunchRefused: this can never be started here."""
    _check(spec, launch)
    serving = isinstance(spec, ServingSpec)
    wrapper = [site.interpreter, "-I", "-S", f"{site.project_root}/workers/runtime/wrapper.py"]
    wrapper += ["--last-words-seconds", "1", "--replica"] if serving else []
    command = [site.interpreter if spec.command[0] == "python" else spec.command[0], *spec.command[1:]]
    return {
        "kind": spec.kind,
        "attempt_id": folder.attempt_id,
        "command": [*wrapper, "--", *command],
        "count": launch.count,
        "environment": _environment(spec, launch, folder, site),
        "devices": [",".join(map(str, each)) for each in launch.devices],
        "files": spec.files,
        "temporary": site.temporary,
        "temporary_prefix": site.temporary_prefix,
        "processes_most": site.processes_most,
        "serve_host": site.serve_host,
        "niceness": site.niceness,
        "memory_limit_bytes": spec.resources.memory_bytes,
        "time_limit_seconds": spec.time_limit_seconds if isinstance(spec, JobSpec) else 0,
        "health_path": spec.health_path if isinstance(spec, ServingSpec) else "",
        "start_timeout_seconds": spec.start_timeout_seconds if isinstance(spec, ServingSpec) else 0,
    }


def _environment(spec: Spec, launch: LaunchContext, folder: JobFolder, site: Site) -> dict[str, str]:
    """Variables that are the same for all members. Later ones win: a spec may set the first, never the last."""
    threads = str(max(1, -(-spec.resources.cpu_millis // 1000)))
    return {
        "PATH": site.search_path,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",  # libraries that report their use to their makers, Daft among them, leave it
        "OMP_NUM_THREADS": threads,
        **site.environment,
        **spec.environment,
        "PYTHONPATH": _joined(site.project_root, spec.environment.get("PYTHONPATH", "")),
        names.API_URL: launch.api_url,
        **launch.variables,
        names.TOKEN_FILE: folder.token,
        names.SPEC_FILE: folder.spec,
        names.SECRETS_DIR: folder.secrets,
        names.ENVIRONMENTS_DIR: site.environments,
    }


def _joined(*parts: str) -> str:
    return ":".join(filter(None, parts))


def _check(spec: Spec, launch: LaunchContext) -> None:
    if not spec.command or not spec.command[0]:
        raise LaunchRefused("The spec has no command.")
    least = 1 if isinstance(spec, JobSpec) else 0
    if launch.count < least:
        raise LaunchRefused(f"A job of kind {spec.kind} cannot have {launch.count} members.")
    texts = [*spec.command, *spec.environment, *spec.environment.values()]
    if any("\0" in text for text in texts) or any("=" in name or not name for name in spec.environment):
        raise LaunchRefused("The command or the environment holds a character that no process can be given.")
    for name in spec.files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
            raise LaunchRefused(f"The file name {name!r} leads out of the working folder.")
    for name in launch.secrets:
        if not _SECRET_NAME.fullmatch(name):
            raise LaunchRefused(f"The secret name {name!r} cannot name a file.")
    if isinstance(spec, JobSpec) and spec.image:
        raise LaunchRefused("This machine starts processes and cannot run a container image.")
    _check_devices(spec, launch)


def _check_devices(spec: Spec, launch: LaunchContext) -> None:
    """A job that asks for GPUs must have been given them, or it would run without and look slow."""
    given = [len(each) for each in launch.devices]
    short = launch.count - sum(count >= spec.resources.gpus for count in given[: launch.count])
    if spec.resources.gpus and short > 0:
        raise LaunchRefused(f"{short} of {launch.count} members were assigned fewer than {spec.resources.gpus} GPUs.")
