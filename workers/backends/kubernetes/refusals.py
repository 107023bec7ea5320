"""What can never run on a cluster, said before the cluster is asked. Pure.

A spec has no field for host folders, privileges, the host's network or a service account, and manifests are made of
spec fields only: what somebody writes into parameters or environment stays text for the command.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Final

from workers.backends.base import LaunchRefused
from workers.backends.kubernetes.images import check_image
from workers.backends.kubernetes.site import ClusterSite
from workers.contracts.launch import LaunchContext
from workers.contracts.specs import JobSpec, Resources, ServingSpec, Spec, spec_to_json

SECRET_BYTES: Final = 1024 * 1024
"""Of all values of a Secret together: the API server takes no more."""
PROCESS_BYTES: Final = 512 * 1024
"""Of command and environment. Linux gives a process 2 MiB for both, but the object that names them must stay small."""
TEXT_BYTES: Final = 128 * 1024 - 1
"""Of one argument, or of one variable with its name: Linux takes no more."""
MOST_MEMBERS: Final = 100_000
"""Of an Indexed Job."""
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,255}")
_SECRET: Final = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}")
_SHARE: Final = re.compile(r".+/[0-9]+")
_HEALTH_PATH: Final = re.compile(r"/[!-~]{0,1023}")
_NAME_BYTES, _PATH_BYTES = 255, 1024


def check(spec: Spec, launch: LaunchContext, site: ClusterSite) -> None:
    """Refuse what no cluster, or not this one, will ever run.

    Raises:
        LaunchRefused: the text says what, and where there is one, the way that works.
    """
    _check_members(spec, launch)
    _check_resources(spec.resources, site)
    _check_process(spec)
    _check_files(spec.files)
    for name in launch.secrets:
        if not _SECRET.fullmatch(name):
            raise LaunchRefused(f"The secret name {name!r} cannot name a file.")
    _check_secret_size(spec, launch)
    if spec.image:
        check_image(spec.image, site.image_policy)
    if isinstance(spec, ServingSpec):
        _check_serving(spec)


def _check_members(spec: Spec, launch: LaunchContext) -> None:
    least = 1 if isinstance(spec, JobSpec) else 0
    if not least <= launch.count <= MOST_MEMBERS:
        raise LaunchRefused(f"A job of kind {spec.kind} cannot have {launch.count} members.")


def _check_resources(resources: Resources, site: ClusterSite) -> None:
    amounts = {"GPUs": resources.gpus, "thousandths of a core": resources.cpu_millis, "bytes": resources.memory_bytes}
    for what, amount in amounts.items():
        if type(amount) is not int or amount < 0:
            raise LaunchRefused(f"A member cannot have {amount} {what}: a whole number from 0 is needed.")
    flavor = resources.flavor
    if resources.gpus and _SHARE.fullmatch(flavor) and not site.flavor(flavor).resource:
        raise LaunchRefused(
            f"The flavor {flavor!r} is a part of a GPU, and this cluster gives whole ones. Ask for a whole one, or have"
            " the cluster's options name the resource that its nodes offer for such a part."
        )
    if resources.gpus and site.flavor(resources.flavor).fargate:
        raise LaunchRefused(
            f"The flavor {resources.flavor!r} is AWS Fargate, which has no GPUs, DaemonSets or privileged containers. "
            "Choose a flavor whose nodes have GPUs, or ask for none."
        )


def _check_process(spec: Spec) -> None:
    if not spec.command or not spec.command[0]:
        raise LaunchRefused("The spec has no command.")
    for name in spec.environment:
        if not _VARIABLE.fullmatch(name):
            raise LaunchRefused(f"{name[:80]!r} cannot be the name of a variable on a cluster.")
    variables = [f"{name}={value}" for name, value in spec.environment.items()]
    total = 0
    for text in (*spec.command, *variables):
        size = _size(text)
        if "\0" in text:
            raise LaunchRefused("The command or the environment holds a character that no process can be given.")
        if size > TEXT_BYTES:
            raise LaunchRefused(
                f"{text[:40]!r}… has {size:,} bytes; one argument or variable may have {TEXT_BYTES:,}. Use a file."
            )
        total += size
    if total > PROCESS_BYTES:
        raise LaunchRefused(
            f"Command and environment have {total:,} bytes; a pod may have {PROCESS_BYTES:,} in both together. "
            "Give large values as a file of the spec or as an input."
        )


def _check_files(files: Mapping[str, str]) -> None:
    seen: set[PurePosixPath] = set()
    for name in files:
        path = PurePosixPath(name)
        leads_out = path.is_absolute() or ".." in path.parts or not path.parts
        if leads_out or "\0" in name or name.endswith("/"):
            raise LaunchRefused(f"The file name {name!r} leads out of the working folder.")
        if any(_size(part) > _NAME_BYTES for part in path.parts) or _size(name) > _PATH_BYTES:
            raise LaunchRefused(f"The file name {name[:80]!r}… is too long.")
        seen.add(path)
    for path in seen:
        if seen.intersection(path.parents):
            raise LaunchRefused(f"{path} is below another file of the spec, which is then no folder.")


def _check_secret_size(spec: Spec, launch: LaunchContext) -> None:
    """What goes to the members in one Secret: the token, the spec with its files, and the secrets."""
    for text in _texts(spec):
        _size(text)
    stored = len(json.dumps(spec_to_json(spec)).encode()) + len(launch.token.encode())
    total = stored + sum(map(len, launch.secrets.values()))
    if total > SECRET_BYTES:
        raise LaunchRefused(
            f"Files, parameters and secrets have {total:,} bytes together; a cluster takes {SECRET_BYTES:,}. "
            "Give larger files as an input of the job, from a dataset or the object store."
        )


def _texts(spec: Spec) -> Iterable[str]:
    return (*spec.files, *spec.files.values(), *spec.environment.values())


def _check_serving(spec: ServingSpec) -> None:
    if not _HEALTH_PATH.fullmatch(spec.health_path):
        raise LaunchRefused(f"{spec.health_path[:80]!r} is not a path that can be asked for the health of a replica.")
    if spec.start_timeout_seconds < 1:
        raise LaunchRefused("A replica must be given a second or more to start.")


def _size(text: str) -> int:
    """Bytes of a text. Raises LaunchRefused: it is none, half a character is in it."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise LaunchRefused(f"{text[:40]!r} is not text that can be written as UTF-8.") from None
