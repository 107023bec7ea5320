"""`python -m controlplane.serve PART`: one part of an installation in the foreground, for containers and init systems.

`make up` starts the same programs, all under one supervisor. Here a part takes the place of this process, so that
signals reach it and its exit status is ours; but for the worker, see `serve_worker`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from controlplane import env
from controlplane.embedded.processes import Program
from controlplane.embedded.programs import Programs
from controlplane.embedded.supervisor import StopRequested, Supervisor
from workers.backends.base import BackendUnavailable
from workers.backends.local.backend import LocalBackend

PARTS: dict[str, Callable[[Programs], Program]] = {
    "web": Programs.web,
    "worker": Programs.worker,
    "beat": Programs.beat,
    "publisher": Programs.publisher,
    "watcher": Programs.watcher,
    "gateway": Programs.gateway,
}
REFUSED, FAILED = 2, 1


def main(words: Sequence[str]) -> int:
    """Returns an exit status only where the part did not take the place of this process."""
    if len(words) != 1 or words[0] not in PARTS:
        sys.stderr.write(f"usage: python -m controlplane.serve {'|'.join(PARTS)}\n")
        return REFUSED
    try:
        env.choose_settings()
        environment = env.current()
        program = PARTS[words[0]](Programs(environment))
    except env.SettingsRefused as refused:
        sys.stderr.write("".join(f"bedplate: {problem}\n" for problem in refused.problems))
        return REFUSED
    if words[0] == "worker":
        return serve_worker(environment, program)
    os.chdir(program.folder)
    os.execve(program.argv[0], list(program.argv), dict(program.environment))  # noqa: S606 - that is what it is for


def serve_worker(environment: env.Environment, program: Program) -> int:
    """Keep the worker alive, and end its jobs at the end.

    Jobs of the backend `local` outlive a worker, but not the container around it. So a worker that dies is started
    again here, beside its jobs; and when the container stops, jobs get their grace to write a checkpoint, and run
    again from it when the next container starts.
    """
    supervisor = Supervisor(environment.home_folder.logs)
    supervisor.listen_to_signals()
    try:
        supervisor.add("worker", lambda: program, stdout=None, stderr=None)
        while True:
            supervisor.step()
    except StopRequested:
        supervisor.stop(["worker"])
        LocalBackend(environment.home).stop_everything(environment.stop_grace_seconds)
    except BackendUnavailable as error:
        sys.stderr.write(f"bedplate: {error}\n")
        return FAILED
    finally:
        supervisor.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
