"""Where a job's outputs go: asked once each, and ahead of the need for what every job stores."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from pathlib import Path

from workers.runtime.client import AttemptSuperseded, JobApiError
from workers.runtime.forks import after_fork_in_child
from workers.runtime.link import Link

CHECKPOINTS = "checkpoints"
ARTIFACTS = "artifacts"


class Outputs:
    """Folder and address of each output, by its name."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._known: dict[str, tuple[Path, str]] = {}
        self._asked_ahead = False
        self._reset()
        after_fork_in_child(self, Outputs._reset)

    def _reset(self) -> None:
        # One per name: who needs an output that is being asked for waits for that answer. Asking again beside it
        # would wait for the control plane, were it gone just after it had answered.
        self._asking: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def place(self, name: str) -> tuple[Path, str]:
        """The folder, which exists, and its address, with a slash at its end.

        Raises:
            JobApiError: the spec has no such output, or the control plane did not answer in time.
            AttemptSuperseded: this attempt no longer counts.
        """
        if name not in self._known:
            with self._asking[name]:
                if name not in self._known:
                    answer = self._link.resolve(name, "write")
                    self._known[name] = (Path(answer["path"]), answer["uri"])
        return self._known[name]

    def look_ahead(self) -> None:
        """Ask now where checkpoints and artifacts go: the control plane may be away when the first is written."""
        if self._link.outputs and not self._asked_ahead:
            threading.Thread(target=self._resolve, name="bedplate-outputs", daemon=True).start()
        self._asked_ahead = True

    def _resolve(self) -> None:
        with contextlib.suppress(JobApiError, AttemptSuperseded):  # then the call that needs it asks, and raises
            for name in {CHECKPOINTS, ARTIFACTS}.intersection(self._link.outputs):
                self.place(name)
