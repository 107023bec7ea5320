"""The local backend: every job under a supervisor of its own, which outlives the worker."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from workers.backends.base import (
    LOG_SLICE_BYTES,
    SWEEP_AGE_SECONDS,
    Backend,
    BackendUnavailable,
    DeviceFault,
    DiscoversNodes,
    LaunchRefused,
    LogSlice,
    NodeFacts,
    ReportsFaults,
    StopsEverything,
    Unsupported,
)
from workers.backends.local import fence, processes, supervisor
from workers.backends.local.faults import FaultWatch
from workers.backends.local.keeper import TEMPORARY_PREFIX
from workers.backends.local.layout import JobFolder, is_locked, read_json, remove_tree, write_file, write_json
from workers.backends.local.machine import discover_machine, machine_name
from workers.backends.local.member import LAST_WORDS_SECONDS
from workers.backends.local.orphans import clear_up, end_groups
from workers.backends.local.plan import LOOPBACK, Site, attempt_folder_name, make_plan
from workers.backends.local.seen import SETTLED, look_at
from workers.contracts.launch import JobHandle, LaunchContext
from workers.contracts.observation import ENDED, Observation
from workers.contracts.specs import Spec, spec_to_json

PROJECT_ROOT = Path(__file__).resolve().parents[3]
LAUNCH_SECONDS = 10.0
"""A supervisor says after some 30 ms that it has begun."""
PATIENCE_SECONDS = LAST_WORDS_SECONDS + 2
"""After the grace, before a supervisor that has not ended is itself killed."""


class LocalBackend(Backend, DiscoversNodes, ReportsFaults, StopsEverything):
    """Runs jobs on this machine, with their files below `home/jobs/`. Safe to use from several threads and
    processes of one home at once. It isolates nobody: jobs run as the user that the worker runs as.

    Args:
        home: folder of the installation.
        environment: variables for every job, such as `BEDPLATE_DATA_RUNNER`; nothing else of the worker's
            environment but its search path reaches a job.
        replica_host: a name or an IPv4 address of this machine; replicas of served models listen there.
    """

    name = "local"

    def __init__(
        self, home: Path, *, environment: Mapping[str, str] | None = None, replica_host: str = LOOPBACK
    ) -> None:
        self.home = home.absolute()
        self._jobs = self.home / "jobs"
        self._replica_host = replica_host
        self._faults = FaultWatch()
        bin_folder = str(Path(sys.executable).parent)
        self._site = Site(
            interpreter=sys.executable,
            project_root=str(PROJECT_ROOT),
            search_path=os.pathsep.join([bin_folder, *(path for path in os.get_exec_path() if path != bin_folder)]),
            temporary=tempfile.gettempdir(),
            environments=str(self.home / "environments"),
            environment=dict(environment or {}),
            temporary_prefix=f"{TEMPORARY_PREFIX}{hashlib.sha256(os.fsencode(self._jobs)).hexdigest()[:6]}-",
            processes_most=fence.processes_most(),
            niceness=os.getpriority(os.PRIO_PROCESS, 0),
        )

    def handle_for(self, spec: Spec, launch: LaunchContext) -> JobHandle:
        return JobHandle(backend=self.name, data={"attempt_id": attempt_folder_name(launch)})

    def submit(self, spec: Spec, launch: LaunchContext) -> JobHandle:
        handle = self.handle_for(spec, launch)
        folder = self._folder(handle)
        with _unavailable("The job could not be written"):
            if not Path(folder.state).exists() and not Path(folder.stop).exists():
                self._write(folder, spec, launch)
                self._launch(folder)
        return handle

    def observe(self, handles: Sequence[JobHandle]) -> list[Observation]:
        with _unavailable("The jobs could not be read"):
            return [look_at(self._folder(handle)) for handle in handles]

    def resize(self, handle: JobHandle, count: int) -> None:
        folder = self._folder(handle)
        with _unavailable("The order could not be written"):
            plan = read_json(folder.launch)
            if plan is None:
                return
            if plan.get("kind") != "serving" or count < 0:
                raise Unsupported(f"A job of kind {plan.get('kind')} cannot have {count} members from now on.")
            write_json(folder.resize, {"count": count})
            folder.poke()

    def stop(self, handle: JobHandle, grace_seconds: float) -> None:
        with _unavailable("The order could not be written"):
            _order_stop(self._folder(handle), grace_seconds, shutdown=False)

    def logs(
        self, handle: JobHandle, after: int = 0, *, member: int = 0, limit_bytes: int = LOG_SLICE_BYTES
    ) -> LogSlice:
        output = Path(self._folder(handle).member(member).output)
        with _unavailable("The output could not be read"):
            if not output.exists():
                return LogSlice(b"", after)
            with output.open("rb") as file:
                file.seek(after)
                data = file.read(limit_bytes)
        return LogSlice(data, after + len(data))

    def sweep(self, known_attempt_ids: Collection[str], *, older_than_seconds: float = SWEEP_AGE_SECONDS) -> list[str]:
        removed: list[str] = []
        known = set(known_attempt_ids)
        with _unavailable("The jobs could not be listed"):
            now = _time_of(self._jobs)
            for folder in self._all():
                if folder.attempt_id in known or _age_seconds(folder, now) < older_than_seconds:
                    continue
                self.stop(_handle(folder), 0)
                over = look_at(folder).phase in ENDED and not is_locked(folder.lock)
                # Without its folder nobody knows whose its groups are.
                if over and end_groups(fence.groups_here(folder.attempt_id)):
                    remove_tree(folder.path)
                    removed.append(folder.attempt_id)
            clear_up(
                self._all(),
                self._jobs,
                Path(self._site.temporary),
                self._site.temporary_prefix,
                written_before=_time_of(Path(self._site.temporary)) - older_than_seconds,
            )
        return removed

    def discover(self) -> list[NodeFacts]:
        return [discover_machine()]

    def faults(self) -> list[DeviceFault]:
        return self._faults.look(machine_name())

    def stop_everything(self, grace_seconds: float) -> None:
        with _unavailable("The jobs could not be stopped"):
            living = [folder for folder in self._all() if look_at(folder).phase not in ENDED]
            for folder in living:
                _order_stop(folder, grace_seconds, shutdown=True)
            living = _wait_for_end(living, grace_seconds + PATIENCE_SECONDS)
            for folder in living:
                _kill_supervisor(folder)
            living = _wait_for_end(living, 5.0)
        if living:
            raise BackendUnavailable(f"Still alive: {', '.join(folder.attempt_id for folder in living)}.")

    def _folder(self, handle: JobHandle) -> JobFolder:
        if handle.backend != self.name:
            raise Unsupported(f"This is a job of the backend {handle.backend!r}, not of {self.name!r}.")
        return JobFolder(str(self._jobs / handle.data["attempt_id"]))

    def _all(self) -> list[JobFolder]:
        if not self._jobs.is_dir():
            return []
        return [JobFolder(str(path)) for path in sorted(self._jobs.iterdir()) if path.is_dir()]

    def _write(self, folder: JobFolder, spec: Spec, launch: LaunchContext) -> None:
        """Write what the supervisor and the job read; the same however often, until the attempt has begun."""
        site = replace(self._site, serve_host=socket.gethostbyname(self._replica_host))
        plan = make_plan(spec, launch, folder, site)
        try:
            content = json.dumps(spec_to_json(spec), ensure_ascii=False).encode()
        except (TypeError, ValueError) as error:
            raise LaunchRefused(f"The spec is not plain JSON: {error}") from error
        for path in (folder.path, folder.secrets):
            Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(folder.spec, content, 0o600)
        write_file(folder.token, launch.token.encode(), 0o400)
        for name, secret in launch.secrets.items():
            write_file(str(Path(folder.secrets) / name), secret, 0o400)
        write_json(folder.launch, plan)

    def _launch(self, folder: JobFolder) -> None:
        """Start the supervisor, and wait those milliseconds until it has claimed the attempt."""
        command = supervisor.command_line(self._site.interpreter, self._site.project_root, folder.path)
        with Path(folder.log).open("ab") as log:
            try:
                status = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env={"PATH": self._site.search_path, "LANG": "C.UTF-8"},
                    start_new_session=True,
                    timeout=LAUNCH_SECONDS,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired as error:
                raise BackendUnavailable(f"The supervisor did not start within {LAUNCH_SECONDS} s.") from error
        if status not in (supervisor.BEGUN, supervisor.STOPPED):
            said = Path(folder.log).read_text(errors="replace")[-500:]
            raise BackendUnavailable(f"The supervisor did not start (exit status {status}): {said}")
        if look_at(folder).phase in ENDED:  # stopped meanwhile, or over so soon: what was written late goes too
            folder.remove_secrets()


@contextmanager
def _unavailable(what: str) -> Iterator[None]:
    """An error of the operating system is a passing one: a full disk, too many processes."""
    try:
        yield
    except OSError as error:
        raise BackendUnavailable(f"{what}: {error}") from error


def _handle(folder: JobFolder) -> JobHandle:
    return JobHandle(backend=LocalBackend.name, data={"attempt_id": folder.attempt_id})


def _age_seconds(folder: JobFolder, now: float) -> float:
    """Since the first file of the job was written; `now` is the time of the same file system."""
    files = (folder.spec, folder.stop, folder.launch, folder.path)
    return now - min(Path(path).stat().st_mtime for path in files if Path(path).exists())


def _time_of(folder: Path) -> float:
    """What a file that is written there now is dated: no clock of this process, which may be another. OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"-")
        file.flush()
        return os.fstat(file.fileno()).st_mtime


def _wait_for_end(folders: list[JobFolder], limit_seconds: float) -> list[JobFolder]:
    """Those that have not ended within the time."""
    deadline = time.monotonic() + limit_seconds
    while folders and time.monotonic() < deadline:
        folders = [folder for folder in folders if look_at(folder).phase not in ENDED or is_locked(folder.lock)]
        time.sleep(0.02 if folders else 0)
    return folders


def _order_stop(folder: JobFolder, grace_seconds: float, *, shutdown: bool) -> None:
    """Leave the order and wake the supervisor. With `shutdown` the job ends as evicted, unless it was told before."""
    if (read_json(folder.state) or {}).get("phase") in SETTLED:
        return
    Path(folder.path).mkdir(mode=0o700, parents=True, exist_ok=True)
    before = read_json(folder.stop) or {"grace_seconds": grace_seconds, "shutdown": shutdown}
    order = {"shutdown": bool(before.get("shutdown")), "grace_seconds": min(before["grace_seconds"], grace_seconds)}
    write_json(folder.stop, order | {"ordered_at": time.time()})
    folder.poke()
    if look_at(folder).phase in ENDED:  # its supervisor is dead, or never was
        folder.remove_secrets()


def _kill_supervisor(folder: JobFolder) -> None:
    """For a supervisor that does not answer; its members die with it."""
    who = (read_json(folder.state) or {}).get("supervisor") or {}
    pid, start = int(who.get("pid", 0)), who.get("start")
    if pid and start and processes.start_of(pid) == start:
        with suppress(ProcessLookupError):  # it ended by itself
            os.kill(pid, signal.SIGKILL)
