"""What a workload may ask for at all, before any quota is looked at."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from apps.common.errors import Invalid
from apps.quotas.models import Workload
from apps.quotas.services.plain import json_cleaned
from workers.contracts.specs import JobSpec, Spec, spec_to_json

CPU_MILLIS_MOST = 1_000_000
MEMORY_BYTES_LEAST = 1 << 20
MEMORY_BYTES_MOST = 1 << 50
GPUS_MOST = 1024
MEMBERS_MOST = 10_000
PRIORITY_MOST = 1000
SPEC_BYTES_MOST = 4 << 20
NAME_MOST = 120
TOPOLOGY_MOST = 63
TIME_LIMIT_SECONDS_MOST = 10 * 366 * 86_400


def request_check(spec: Spec, *, name: str, count_min: int, count_max: int, priority: int) -> dict[str, Any]:
    """The JSON of a spec whose request makes sense.

    Raises:
        Invalid: with a sentence per field that does not.
    """
    asked = spec.resources
    wrong: dict[str, list[str]] = {}

    def between(field: str, value: int, least: int, most: int) -> None:
        if not least <= value <= most:
            wrong[field] = [f"{value} is not between {least} and {most}"]

    between("name", len(name), 1, NAME_MOST)
    between("cpu_millis", asked.cpu_millis, 1, CPU_MILLIS_MOST)
    between("memory_bytes", asked.memory_bytes, MEMORY_BYTES_LEAST, MEMORY_BYTES_MOST)
    between("gpus", asked.gpus, 0, GPUS_MOST)
    between("count_min", count_min, 1, MEMBERS_MOST)
    between("count_max", count_max, count_min, MEMBERS_MOST)
    between("priority", priority, -PRIORITY_MOST, PRIORITY_MOST)
    if asked.flavor and not asked.gpus:
        wrong["flavor"] = [f"{asked.flavor} is a kind of GPU, and no GPU is asked for"]
    if isinstance(spec, JobSpec):
        between("time_limit_seconds", spec.time_limit_seconds, 0, TIME_LIMIT_SECONDS_MOST)
    if not spec.command or not all(spec.command):
        wrong["command"] = ["a command has at least one word, and no empty one"]
    stored = spec_to_json(spec)
    problem = _storable(stored)
    if problem:
        wrong["spec"] = [problem]
    if wrong:
        sentences = [f"{field}: {text}" for field, texts in wrong.items() for text in texts]
        raise Invalid("; ".join(sentences), fields=wrong)
    return stored


def shape_of(
    *,
    cpu_millis: int,
    memory_bytes: int,
    gpus: int,
    gpu_millis: int,
    flavor: str,
    topology: str,
    count_min: int,
    count_max: int,
) -> str:
    """Short for all that a workload asks for: `Workload.shape`. The migration that fills it in computes the same."""
    asked = (cpu_millis, memory_bytes, gpus, gpu_millis, flavor, topology, count_min, count_max)
    return hashlib.md5("|".join(map(str, asked)).encode(), usedforsecurity=False).hexdigest()


def shape_of_workload(workload: Workload) -> str:
    """As `shape_of`, of what a workload asks for now."""
    return shape_of(
        cpu_millis=workload.cpu_millis,
        memory_bytes=workload.memory_bytes,
        gpus=workload.gpus,
        gpu_millis=workload.gpu_millis,
        flavor=workload.flavor,
        topology=workload.topology,
        count_min=workload.count_min,
        count_max=workload.count_max,
    )


def topology_check(topology: str) -> None:
    """Raise Invalid for what is no name of a label."""
    if len(topology) > TOPOLOGY_MOST or not topology.isprintable() or topology != topology.strip():
        text = f"not the name of a label of nodes, of {TOPOLOGY_MOST} characters at most"
        raise Invalid(f"topology: {text}", fields={"topology": [text]})


def _storable(spec: dict[str, Any]) -> str:
    """Why a spec cannot be stored, or nothing."""
    try:
        text = json.dumps(spec, allow_nan=False)
    except (TypeError, ValueError) as error:
        return f"not plain JSON: {error}"
    if json.dumps(json_cleaned(spec)) != text:
        return "it has a NUL character or a broken one"
    if len(text) > SPEC_BYTES_MOST:
        return f"{len(text)} bytes are more than {SPEC_BYTES_MOST}"
    return ""
