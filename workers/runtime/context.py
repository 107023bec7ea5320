"""What a job's code uses: its parameters, data, metrics, checkpoints, result, and whether it should leave.

    from workers.runtime.context import job_context

    ctx = job_context()
    data = ctx.input("data").path
    ctx.log_metrics({"train/loss": 0.4}, step=3)

Without Bedplate the same code works in `./bedplate-local/`. No other module of a job reads the environment.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workers.contracts import environment as names
from workers.contracts import exit_codes
from workers.contracts.specs import spec_from_json
from workers.runtime.announcements import Announcement, Announcements, acknowledged, unless_refused
from workers.runtime.client import JobApiError, RuntimeClient
from workers.runtime.environment_report import tell_in_background
from workers.runtime.farewell import wait_for_the_rest
from workers.runtime.identity import Identity, identity_from
from workers.runtime.inputs import Input, Inputs
from workers.runtime.link import LOCAL_FOLDER, ApiLink, Link, LocalLink, ParameterValue
from workers.runtime.metric_buffer import MetricBuffer, send_before
from workers.runtime.outputs import ARTIFACTS, CHECKPOINTS, Outputs
from workers.runtime.stop_watch import StopWatch
from workers.runtime.stored_file import (
    Checkpoint,
    StoredFile,
    Writer,
    artifact_place,
    checked_name,
    hash_file,
    store_file,
    write_text_atomically,
)

RESULT_LIMIT_BYTES = 1 << 20
LOCAL_CLOSE_SECONDS = 10.0


class JobContext:
    """A job's side of the runtime API; use `job_context()`, one per process.

    While the control plane is away a job goes on. Metrics wait, in memory and then on the disk. A checkpoint or an
    artifact is stored, its announcement repeated in the background. Only what needs an answer (`input`, `output`,
    `latest_checkpoint`) blocks, for `BEDPLATE_PATIENCE_SECONDS` (15 minutes) at most; so does the end of the process,
    until what it holds is told. Calls raise `JobApiError` when the control plane refuses (one that was made while it
    was away, at the next call or at the end), and `AttemptSuperseded` (which ends the process with status 85) when this
    attempt no longer counts.
    """

    def __init__(self, identity: Identity, link: Link, work_dir: Path) -> None:
        self.identity = identity
        self.workload_id = identity.workload_id
        self.attempt_id = identity.attempt_id
        self.attempt_number = identity.attempt_number
        self.rank = identity.rank
        self.world_size = identity.world_size
        self.seed = identity.seed
        self.parameters: dict[str, Any] = link.parameters()
        self.resources = link.resources()
        self._link = link
        self.work_dir = work_dir
        self._inputs = Inputs(link, work_dir)
        self._outputs = Outputs(link, work_dir, identity.rank)
        self._metrics = MetricBuffer(link.send_metrics, folder=work_dir, rank=identity.rank)
        self._announcements = Announcements()
        self._stop = StopWatch(link.should_stop)
        self._closed = False

    # Data ---------------------------------------------------------------------------------------------------

    def input(self, name: str) -> Input:
        """The input of that name; behind an address, it is downloaded into the working folder once."""
        found = self._inputs.get(name)
        self._outputs.look_ahead()
        return found

    def supply(self, name: str, path: Path) -> None:
        """Let a file that this job made itself be its input of that name."""
        self._inputs.supply(name, path)

    def output(self, name: str) -> Path:
        """The folder to write the output of that name into; it exists."""
        return self._outputs.place(name).folder

    def output_uri(self, name: str) -> str:
        """Address of that folder, with a slash at its end: what the control plane calls it."""
        return self._outputs.place(name).uri

    def output_is_distant(self, name: str) -> bool:
        """Whether what is written there stays on this machine until the process ends, and is sent to the store then."""
        return self._outputs.place(name).is_distant

    def secret(self, name: str) -> str:
        """The value of a secret that the spec asked for. Raises FileNotFoundError for any other."""
        return (self.identity.secrets_dir / checked_name(name)).read_text(encoding="utf-8")

    # What happens -------------------------------------------------------------------------------------------

    def log_parameters(self, values: Mapping[str, ParameterValue]) -> None:
        """Say parameters that the code chose itself. Never blocks; one that the run has otherwise is said on stderr."""
        tell = functools.partial(self._link.log_parameters, dict(values))
        if self._link.distant:
            careless = functools.partial(unless_refused, "the parameters", tell)
            self._announcements.add("the parameters", careless, matters=False)
        else:
            tell()

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record one value per key. Never blocks: batches leave in the background, the rest at exit."""
        self._metrics.add(values, step)

    @property
    def should_stop(self) -> bool:
        """True once the job was told to leave. Cheap. The first look takes over SIGTERM (in the main thread)."""
        return self._stop.should_stop

    @property
    def stop_reason(self) -> str:
        """Why: `preempted`, `cancelled_by_user`, …; `signal` until the control plane has said; empty otherwise."""
        return self._stop.reason

    @property
    def stop_seconds_left(self) -> float | None:
        """Until what is left of the job is killed; None while it may stay, or while it is not known."""
        return self._stop.seconds_left

    # Results ------------------------------------------------------------------------------------------------

    def save_checkpoint(
        self, source: Path | str | Writer, step: int, metadata: dict[str, Any] | None = None
    ) -> Checkpoint:
        """Store a checkpoint, from a file or by a writer, and announce it.

        When this returns the file is stored, and may be removed from where it came from. It counts once it is
        `acknowledged`: at once where the control plane listens, later where it is away.
        """
        folder, uri, _ = self._outputs.place(CHECKPOINTS)
        origin = Path(source) if isinstance(source, str) else source
        suffix = origin.suffix if isinstance(origin, Path) else ".pt"
        stored = store_file(origin, folder, uri, self._outputs.unused(CHECKPOINTS, f"step-{step}{suffix}"))
        record = {"step": step, **stored.description(), "metadata": metadata or {}}
        register = functools.partial(self._link.register_checkpoint, record)

        def tell() -> None:
            self._outputs.send(CHECKPOINTS, stored)
            send_before(self._metrics, register)
            self._outputs.acknowledged(stored)

        told = self._announce(f"the checkpoint of step {step}", tell)
        return Checkpoint(step=step, path=stored.path, metadata=metadata or {}, announcement=told)

    def latest_checkpoint(self) -> Checkpoint | None:
        """The last acknowledged checkpoint of this workload, also of an earlier attempt.

        Raises:
            ValueError: its file is not the one that was acknowledged.
        """
        record = self._link.latest_checkpoint()
        if record is None:
            return None
        path = self._inputs.checkpoint(record)
        if hash_file(path) != record["sha256"]:
            raise ValueError(f"the checkpoint of step {record['step']} is damaged: {path}")
        return Checkpoint(step=record["step"], path=path, metadata=record.get("metadata") or {})

    def log_artifact(
        self, name: str, path: Path | str, kind: str = "file", metadata: dict[str, Any] | None = None
    ) -> StoredFile:
        """Store a file as an artifact, and announce it as a checkpoint is.

        `name` may have folders: `plots/loss.png`. `kind` is `model`, `preprocessor`, `report` or `file`. Stored again
        under its name it is another file beside the first, which stays (by hand it takes its place); the last counts.
        """
        source = Path(path)
        place = artifact_place(name, source)
        folder, uri, _ = self._outputs.place(ARTIFACTS)
        stored = store_file(source, folder, uri, self._outputs.unused(ARTIFACTS, place) if self.attempt_id else place)
        record = {"name": name, "kind": kind, **stored.description(), "metadata": metadata or {}}

        def tell() -> None:
            self._outputs.send(ARTIFACTS, stored)
            self._link.register_artifact(record)

        self._announce(f"the artifact {name}", tell)
        return stored

    def report(self, result: dict[str, Any]) -> None:
        """Leave the result of the job; a later call replaces it.

        Raises:
            ValueError: over 1 MiB of JSON, or a number that is not finite.
        """
        text = json.dumps(result, ensure_ascii=False, allow_nan=False)
        if len(text.encode()) > RESULT_LIMIT_BYTES:
            raise ValueError(f"the result is {len(text.encode())} bytes of JSON; at most {RESULT_LIMIT_BYTES} are kept")
        write_text_atomically(self.identity.result_file, text)

    def close(self) -> None:
        """Tell all that is still held, and send what lies in distant outputs. Called at exit; twice does nothing more.

        Blocks for as long as the control plane is away, up to `BEDPLATE_PATIENCE_SECONDS`; told to stop, for seconds.

        Raises:
            JobApiError: a checkpoint or an artifact was refused, or could not be announced in that time.
        """
        if self._closed:
            return
        self._closed = True
        patience = self.identity.patience_seconds if self._link.distant else LOCAL_CLOSE_SECONDS
        if self._outputs.has_rest:
            self._announcements.add("what was written into the outputs", self._outputs.send_rest)
        wait_for_the_rest(self._metrics, self._announcements, self._stop, patience, lambda: self._outputs.moved_at)
        left = self._announcements.mattering
        self._metrics.close(0)
        self._stop.close()
        self._link.close()
        if self._announcements.superseded is None:
            self._announcements.check()
            if left and self._stop.told_at is None:
                why = f": {self._announcements.trouble}" if self._announcements.trouble else ""
                raise JobApiError("control_plane_unreachable", f"{left} stored files could not be announced{why}")

    # Below --------------------------------------------------------------------------------------------------

    def _announce(self, what: str, send: Callable[[], None]) -> Announcement:
        if self._link.distant:
            return self._announcements.announce(what, send)
        send()
        return acknowledged(what)


@functools.cache
def job_context() -> JobContext:
    """The context of this process, the same at every call. Metrics that wait are sent when the process ends."""
    context = context_from(os.environ)
    atexit.register(_close_at_exit, context)
    tell_in_background(context._link.tell_environment, os.environ, wanted=context._link.distant and context.rank == 0)
    return context


def _close_at_exit(context: JobContext) -> None:
    """A job whose checkpoint or artifact does not count has not succeeded, whatever its status was to be."""
    try:
        context.close()
        context._stop.leave()
    except JobApiError as error:
        print(f"bedplate: the job has failed: {error}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(exit_codes.USER_ERROR)  # an exit handler cannot change the status in another way


def context_from(environment: Mapping[str, str], work_dir: Path | None = None) -> JobContext:
    """A context as `environment` describes it; the local twin when it names no attempt.

    Raises:
        KeyError: a variable that the backend must set is missing.
    """
    here = work_dir or Path.cwd()
    if names.ATTEMPT_ID not in environment:
        local = here / LOCAL_FOLDER
        identity = Identity(result_file=local / "result.json", secrets_dir=local / "secrets")
        return JobContext(identity, LocalLink(local), here)
    identity = identity_from(environment)
    spec = spec_from_json(json.loads(Path(environment[names.SPEC_FILE]).read_text(encoding="utf-8")))
    client = RuntimeClient(
        environment[names.API_URL], Path(environment[names.TOKEN_FILE]), retry_seconds=identity.patience_seconds
    )
    return JobContext(identity, ApiLink(client, spec), here)


def process_environment() -> Mapping[str, str]:
    """The environment, for the processes of the runtime that are no job: the gateway."""
    return os.environ


def prepare_engines() -> None:
    """Set up, for this process, the engines of data jobs that are imported later.

    They do not call home: a job's machine speaks to the control plane only. Arrow's allocator is kept from making the
    pages of the process huge ones: batches of rows go by, and their memory is touched once; on a virtual machine the
    system takes half as long again to clear huge pages for that. Daft's threads get stacks of 256 MiB, of which only
    what is used is taken: 2 MiB end the process at two hundred functions of ours in one plan. Who sets one of the last
    two is left alone.
    """
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ.setdefault("MIMALLOC_ALLOW_THP", "0")
    os.environ.setdefault("RUST_MIN_STACK", str(256 << 20))
