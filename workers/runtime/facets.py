"""What a job's code uses, by what it is for: `ctx.metrics`, `ctx.params`, `ctx.checkpoints`, `ctx.artifacts`,
`ctx.data`, `ctx.preemption`, `ctx.distributed`.

    from workers.runtime import init

    ctx = init(params={"learning_rate": 0.01})
    for step in range(1000):
        ctx.metrics.log({"train/loss": 0.4}, step=step)
        if ctx.preemption.should_stop:
            ctx.checkpoints.save(lambda path: torch.save(state, path), step=step)
            sys.exit(ctx.preemption.STATUS)

The same program runs where there is no Bedplate: every facet then has a twin that works in `./bedplate-local/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from workers.contracts import exit_codes
from workers.runtime.context import JobContext, job_context
from workers.runtime.distributed import Distributed
from workers.runtime.inputs import Input
from workers.runtime.link import ParameterValue
from workers.runtime.stored_file import Checkpoint, StoredFile, Writer

PLAIN = (str, int, float, bool, type(None))


class LogsMetrics(Protocol):
    def __call__(self, values: Mapping[str, float], step: int) -> None: ...


class Metrics:
    """Numbers by step. Alone: lines of `metrics.jsonl`."""

    def __init__(self, job: JobContext) -> None:
        # Without a call between: it is what a loop does at every step.
        self.log: LogsMetrics = job.log_metrics
        """`log({"train/loss": 0.4}, step)`: one value per name. Takes a microsecond or two, and never waits."""


class Params(Mapping[str, Any]):
    """Parameters: read like a dict; `log` says those that the code chose. Alone: `parameters.json` is read,
    `logged_parameters.jsonl` written.

    Args:
        defaults: of parameters that the run was not given.
    """

    def __init__(self, job: JobContext, is_main: bool, defaults: Mapping[str, Any]) -> None:
        self._job, self._is_main = job, is_main
        self._values: dict[str, Any] = {**defaults, **job.parameters}
        self._given = frozenset(job.parameters)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def log(self, values: Mapping[str, Any]) -> None:
        """Say parameters, each once: from now on they are the run's. What is no text, number or truth becomes text.

        Only the first member's are said; those of the others are known to themselves. Does not wait.

        Raises:
            ValueError: one has another value already; then none is said.
        """
        plain: dict[str, ParameterValue] = {
            str(name): value if isinstance(value, PLAIN) and value == value else str(value)
            for name, value in values.items()
        }
        for name, value in plain.items():
            if name in self._values and str(self._values[name]) != str(value):
                raise ValueError(
                    f"the parameter {name} is {self._values[name]!r} already; it does not become {value!r}"
                )
        self._values.update(plain)
        fresh = {name: value for name, value in plain.items() if name not in self._given}
        if fresh and self._is_main:
            self._job.log_parameters(fresh)


class Checkpoints:
    """States of the loop from which a later attempt goes on. Alone: files in `checkpoints/`."""

    def __init__(self, job: JobContext) -> None:
        self._job = job

    def save(self, source: Path | str | Writer, *, step: int, metadata: dict[str, Any] | None = None) -> Checkpoint:
        """Store one: a file, or what a function writes at the path that it is given. See `JobContext`."""
        return self._job.save_checkpoint(source, step, metadata)

    def latest(self) -> Checkpoint | None:
        """The last one that counts, also of an earlier attempt."""
        return self._job.latest_checkpoint()


class Artifacts:
    """Files that stay with the run. Alone: files in `artifacts/`."""

    def __init__(self, job: JobContext, is_main: bool) -> None:
        self._job, self._is_main = job, is_main

    def log(
        self, name: str, path: Path | str, *, kind: str = "file", metadata: dict[str, Any] | None = None
    ) -> list[StoredFile]:
        """Store a file under a name, which may have folders, or every file of a folder below the name.

        Files are copied in pieces, whatever their size. Only the first member's are stored; the list says which.

        Raises:
            FileNotFoundError: there is nothing at the path.
            ValueError: a name cannot be one.
        """
        source = Path(path)
        if not source.exists():
            raise FileNotFoundError(f"there is no {source} to store")
        if not self._is_main:
            return []
        if not source.is_dir():
            return [self._job.log_artifact(name, source, kind, metadata)]
        files = [each for each in sorted(source.rglob("*")) if each.is_file()]
        return [
            self._job.log_artifact(f"{name}/{each.relative_to(source).as_posix()}", each, kind, metadata)
            for each in files
        ]


class Data:
    """Inputs and outputs of the job. Alone: files that were named to `init`, else folders in `bedplate-local/`."""

    def __init__(self, job: JobContext, local: Mapping[str, Path | str]) -> None:
        self._job = job
        if not job.attempt_id:
            for name, path in local.items():
                _supply(job, name, Path(path))

    def input(self, name: str = "data") -> Input:
        """An input: `path`, and `files`. Fetched once where the job shares no disk with the store."""
        return self._job.input(name)

    def output(self, name: str) -> Path:
        """The folder to write an output into."""
        return self._job.output(name)

    def secret(self, name: str) -> str:
        """The value of a secret that the run asked for."""
        return self._job.secret(name)


class Preemption:
    """Whether the job should leave, and why. Alone: when it gets SIGTERM."""

    STATUS: Final = exit_codes.PREEMPTED
    """The status to leave with: the run waits again, and goes on from its last checkpoint."""

    def __init__(self, job: JobContext) -> None:
        self._job = job

    @property
    def should_stop(self) -> bool:
        """Cheap enough for every step."""
        return self._job.should_stop

    @property
    def reason(self) -> str:
        """`preempted`, `cancelled_by_user`, …; empty while it may stay."""
        return self._job.stop_reason

    @property
    def seconds_left(self) -> float | None:
        """Until what is left of the job is killed; None: not known."""
        return self._job.stop_seconds_left


class Context:
    """The facets of one job; `init` makes it. May be used as a context manager."""

    def __init__(self, job: JobContext, data: Mapping[str, Path | str], params: Mapping[str, Any]) -> None:
        self.job = job
        self.is_in_bedplate = bool(job.attempt_id)
        self.distributed = Distributed(rank=job.rank, world_size=job.world_size)
        self.metrics = Metrics(job)
        self.params = Params(job, self.distributed.is_main, params)
        self.checkpoints = Checkpoints(job)
        self.artifacts = Artifacts(job, self.distributed.is_main)
        self.data = Data(job, data)
        self.preemption = Preemption(job)

    def report(self, result: dict[str, Any]) -> None:
        """Leave the result of the job. Raises ValueError: it is too long, or has a number that is not finite."""
        self.job.report(result)

    def close(self) -> None:
        """Tell all that is held; the end of the process does so too. See `JobContext.close`."""
        self.distributed.stop()
        self.job.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def init(
    *, data: Mapping[str, Path | str] | Path | str | None = None, params: Mapping[str, Any] | None = None
) -> Context:
    """The context of this process.

    Args:
        data: where inputs are on a machine without Bedplate, by name; a path alone is the input `data`. In a job its
            run says what the inputs are.
        params: defaults of parameters.

    Raises:
        FileNotFoundError: there is nothing at such a path.
    """
    local = {"data": data} if isinstance(data, str | Path) else dict(data or {})
    return Context(job_context(), local, params or {})


def _supply(job: JobContext, name: str, path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"there is no {path} to be the input {name!r}")
    job.supply(name, path)
