"""The rows of the settings' table about data: what comes in, and from where."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.setting_kinds import NAMES, RAY_ADDRESS, one_of, variable, whole_number


@dataclass(frozen=True, slots=True, repr=False)
class DataEnvironment:
    """Part of `controlplane.env.Environment`."""

    data_runner: str = variable(one_of("native", "ray"), "native", "`native`", "What cleaning jobs run on")
    ray_address: str | None = variable(
        RAY_ADDRESS, None, "a cluster of their own", "Ray cluster of cleaning jobs that run on `ray`"
    )
    source_most_bytes: int = variable(
        whole_number(1, 1 << 50, "bytes"), 5 << 30, "5 GiB", "Largest file that is uploaded or fetched"
    )
    output_most_bytes: int = variable(
        whole_number(1, 1 << 50, "bytes"), 256 << 30, "256 GiB", "Largest file that a job may upload as its output"
    )
    distant_backends: tuple[str, ...] = variable(
        NAMES, (), "none", "Backends, beside all clusters, whose jobs do not see the folder of a `file://` store"
    )
    upload_hours: int = variable(
        whole_number(1, 8760, "hours"), 24, "`24`", "How long an unfinished upload is kept after its last byte"
    )
    fetch_hosts: tuple[str, ...] = variable(
        NAMES,
        (),
        "none",
        "Hosts (`data.example.org`, `*.example.org`, with `:port` where only that) and buckets (`s3://name`, "
        "`gs://name`) from which every project may fetch; projects have lists of their own beside it",
    )
    fetch_private_hosts: tuple[str, ...] = variable(
        NAMES, (), "none", "Of such hosts, those that may have private addresses; nobody fetches from others"
    )
