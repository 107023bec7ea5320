"""Which job a process is part of, as its backend says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.contracts import environment as names
from workers.runtime.link import LOCAL_FOLDER

DEFAULT_PATIENCE_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Which job this is and what its backend set for it; the defaults are those of a script run by hand."""

    workload_id: str = ""
    attempt_id: str = ""
    attempt_number: int = 1
    rank: int = 0
    world_size: int = 1
    result_file: Path = Path(LOCAL_FOLDER) / "result.json"
    secrets_dir: Path = Path(LOCAL_FOLDER) / "secrets"
    serve_host: str = "127.0.0.1"
    serve_port: int = 8080
    data_runner: str = "native"
    ray_address: str = ""
    seed: int | None = None
    """Of the run; None: it was given none."""
    patience_seconds: float = DEFAULT_PATIENCE_SECONDS


def identity_from(environment: Mapping[str, str]) -> Identity:
    """What the backend set for a job, typed. Raises KeyError or ValueError for what is missing or no number."""
    return Identity(
        workload_id=environment[names.WORKLOAD_ID],
        attempt_id=environment[names.ATTEMPT_ID],
        attempt_number=int(environment[names.ATTEMPT_NUMBER]),
        rank=int(environment.get(names.RANK, "0")),
        world_size=int(environment.get(names.WORLD_SIZE, "1")),
        result_file=Path(environment[names.RESULT_FILE]),
        secrets_dir=Path(environment.get(names.SECRETS_DIR, "secrets")),
        serve_host=environment.get(names.SERVE_HOST, "127.0.0.1"),
        serve_port=int(environment.get(names.SERVE_PORT, "8080")),
        data_runner=environment.get(names.DATA_RUNNER, "native"),
        ray_address=environment.get(names.RAY_ADDRESS, ""),
        seed=int(environment[names.SEED]) if environment.get(names.SEED) else None,
        patience_seconds=float(environment.get(names.PATIENCE_SECONDS) or DEFAULT_PATIENCE_SECONDS),
    )
