"""The kubelet that runs containers as processes of this machine.

A container's paths are folders of this machine: its mounts, the application of the runtime image (the repository) and
its terminationMessagePath are rewritten in its command, arguments, working directory and variables. `python` and
`python3` are the interpreter of the tests. A pod has an address of 127.0.0.0/8 of its own, so every one can listen on
the same port.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.containers import MESSAGE_BYTES, Container, Ended, Problem, Runtime
from tests.support.kubernetes.podenv import expanded, variables
from tests.support.kubernetes.podfiles import PodFiles, Token, rewritten, rewritten_value
from tests.support.kubernetes.probes import Prober
from tests.support.kubernetes.store import Object
from workers.backends.local.replicas import free_port

_ADDRESSES = itertools.count()
"""Of all pods of this process, also of several servers."""
MARK = "FAKE_KUBERNETES_POD"
"""In the environment of every process of a pod: its uid and the container's name."""
REPOSITORY = Path(__file__).resolve().parents[3]


class Running:
    """One process of a container."""

    def __init__(self, process: subprocess.Popen[bytes], mark: str) -> None:
        self.process, self.mark = process, mark
        self.prober: Prober | None = None
        self.killed = False


class ProcessRuntime(Runtime):
    """Threads: one for each stream of output, one that waits for the end, one for the probes."""

    def __init__(
        self,
        cluster: Cluster,
        root: Path,
        token: Token,
        set_ready: Callable[[str, Container, bool], None],
        application: Path = REPOSITORY,
    ) -> None:
        self._cluster, self._root, self._token, self._set_ready = cluster, root, token, set_ready
        self._application = application
        self._files: dict[str, PodFiles] = {}
        self._addresses: dict[tuple[str, str], str] = {}
        self._ports: dict[tuple[str, str], str] = {}
        self._threads: list[threading.Thread] = []
        self.environment: dict[str, str] = {}
        """More variables for every container, which win: a test's own."""
        self.programs: dict[str, str] = {"python": sys.executable, "python3": sys.executable}
        """First words of commands → programs of this machine."""

    def address(self, pod: Object, number: int) -> str:
        spec, namespace = pod["spec"], pod["metadata"]["namespace"]
        return self._address_of(namespace, spec.get("hostname") or pod["metadata"]["name"])

    def _address_of(self, namespace: str, host: str) -> str:
        key = (namespace, host)
        if key not in self._addresses:
            number, pid = next(_ADDRESSES), os.getpid()
            last, more = number % 254 + 1, number // 254
            self._addresses[key] = f"127.{1 + pid % 250}.{(pid // 250 + more) % 256}.{last}"
        return self._addresses[key]

    def prepare(self, pod: Object) -> None:
        files = self._files_of(pod)
        files.make(self._cluster.store, self._token)

    def _files_of(self, pod: Object) -> PodFiles:
        uid = pod["metadata"]["uid"]
        if uid not in self._files:
            self._files[uid] = PodFiles(self._root / uid, pod, self._application)
        return self._files[uid]

    def folder(self, pod: Object, volume: str) -> Path:
        """Where a volume of a pod lies, for a test that looks into it."""
        return self._files_of(pod).volume(volume)

    def pull(self, pod: Object, container: Container) -> tuple[float, bool]:
        return 0, True

    def problem(self, pod: Object, container: Container) -> Problem | None:
        command = self._command(pod, container, {})
        if command and shutil.which(command[0]) is None:
            why = (
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
                f'failed: unable to start container process: exec: "{command[0]}": executable file not found in $PATH'
            )
            return Problem("StartError", why, ends=True)
        return None

    def _command(self, pod: Object, container: Container, known: Mapping[str, str]) -> list[str]:
        words = [*(container.spec.get("command") or ()), *(container.spec.get("args") or ())]
        places = self._files_of(pod).places(container.spec)
        found = [rewritten(expanded(word, known), places) for word in words]
        if found:
            found[0] = self.programs.get(found[0], found[0])
        wrapped = found.index("--") + 2 if "--" in found else len(found)  # the rest is for whoever runs there to read
        pythons = {"python", "python3"}
        return [self.programs[word] if word in pythons and at < wrapped else word for at, word in enumerate(found)]

    def _environment(self, pod: Object, container: Container, ip: str) -> dict[str, str]:
        places = self._files_of(pod).places(container.spec)
        found = variables(self._cluster.store, pod, container.spec, ip)
        shown = {name: rewritten_value(value, places) for name, value in found.items()}
        self._meet(pod, shown)
        mark = f"{pod['metadata']['uid']} {container.name}"
        return {"PATH": os.environ.get("PATH", os.defpath), **shown, **self.environment, MARK: mark}

    def _meet(self, pod: Object, environment: dict[str, str]) -> None:
        """A name of the cluster's DNS becomes the address of that pod; its port one that nobody else has."""
        host, dot, rest = environment.get("MASTER_ADDR", "").partition(".")
        if not dot or not rest.endswith(".svc"):
            return
        namespace = pod["metadata"]["namespace"]
        environment["MASTER_ADDR"] = self._address_of(namespace, host)
        if (namespace, rest) not in self._ports:
            self._ports[(namespace, rest)] = str(free_port("127.0.0.1"))
        environment["MASTER_PORT"] = self._ports[(namespace, rest)]

    def start(self, pod: Object, container: Container, ended: Ended) -> None:
        ip = self.address(pod, 0)
        environment = self._environment(pod, container, ip)
        files = self._files_of(pod)
        files.message(container.name).write_bytes(b"")
        folder = rewritten(container.spec.get("workingDir") or str(files.root), files.places(container.spec))
        process = subprocess.Popen(
            self._command(pod, container, environment),
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        running = container.running = Running(process, environment[MARK])
        readers = [
            self._thread(self._read, container, stream, getattr(process, stream)) for stream in ("stdout", "stderr")
        ]
        self._thread(self._wait, pod, container, running, readers, ended)
        if not container.init:
            running.prober = Prober(
                container.spec, ip, lambda ready: self._said(pod, container, running, ready), lambda: _kill(process)
            )
            running.prober.start()

    def _thread(self, target: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True, name="kubernetes-container")
        thread.start()
        self._threads = [each for each in self._threads if each.is_alive()]
        self._threads.append(thread)
        return thread

    def _said(self, pod: Object, container: Container, running: Running, ready: bool) -> None:
        if container.running is running:
            self._cluster.loop.soon(self._set_ready, pod["metadata"]["uid"], container, ready)

    def _read(self, container: Container, stream: str, pipe: Any) -> None:
        log, store = container.log, self._cluster.store
        assert log is not None
        with pipe:
            while data := os.read(pipe.fileno(), 1 << 16):
                with store.changed:
                    log.add(self._cluster.clock.nano(), stream, data)
                    store.changed.notify_all()

    def _wait(
        self, pod: Object, container: Container, running: Running, readers: list[threading.Thread], ended: Ended
    ) -> None:
        code = running.process.wait()
        if running.prober is not None:
            running.prober.stop()
        end_processes(lambda mark: mark == running.mark)
        for reader in readers:
            reader.join(5)
        message = self._message(pod, container)
        self._cluster.loop.soon(ended, 128 - code if code < 0 else code, "", message)

    def _message(self, pod: Object, container: Container) -> str:
        path = self._files_of(pod).message(container.name)
        with contextlib.suppress(OSError):
            return path.read_bytes()[:MESSAGE_BYTES].decode("utf-8", "replace")
        return ""

    def terminate(self, pod: Object, container: Container) -> None:
        """Process 1 of a container does not hear a SIGTERM that it does not catch."""
        if isinstance(running := container.running, Running) and running.process.poll() is None:
            if running.prober is not None:
                running.prober.stop()
            if _catches_term(running.process.pid):
                running.process.send_signal(signal.SIGTERM)

    def kill(self, pod: Object, container: Container) -> None:
        if isinstance(running := container.running, Running):
            running.killed = True
            _kill(running.process)

    def ready(self, pod: Object, container: Container) -> float | None:
        probes = ("readinessProbe", "startupProbe")
        return None if any(container.spec.get(probe) for probe in probes) else 0

    def forget(self, pod: Object) -> None:
        """Files stay until `close`: what a test wants to look into outlives the pod."""

    def close(self) -> None:
        """End every process of every pod."""
        if self._files:
            end_processes(lambda mark: mark.partition(" ")[0] in self._files)
        for thread in self._threads:
            thread.join(5)
        for files in self._files.values():
            files.remove()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _catches_term(pid: int) -> bool:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    caught = next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:")), 0)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def end_processes(ours: Callable[[str], bool]) -> None:
    """Kill what is left of containers, by their marks, as the end of a container does."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            mark = process.environ().get(MARK)
            if mark is not None and ours(mark):
                process.kill()
