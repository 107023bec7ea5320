"""Startup, readiness and liveness probes of containers that are processes."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

QUICK_SECONDS = 0.1
"""A probe asks at least so often: its period is for machines with much to do."""


class Prober:
    """Asks one container until it is stopped; a thread of its own."""

    def __init__(
        self, container: Mapping[str, Any], ip: str, ready: Callable[[bool], None], kill: Callable[[], None]
    ) -> None:
        self._container, self._ip, self._ready, self._kill = container, ip, ready, kill
        self._stopped = threading.Event()
        self._wanted = any(container.get(name) for name in ("startupProbe", "readinessProbe", "livenessProbe"))

    def start(self) -> None:
        if self._wanted:
            threading.Thread(target=self._run, daemon=True, name="kubernetes-prober").start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        startup, readiness = self._container.get("startupProbe"), self._container.get("readinessProbe")
        if startup and not self._started(startup):
            self._kill()
            return
        if startup and not readiness:
            self._ready(True)
        shown, failures, dead = False, 0, 0
        liveness = self._container.get("livenessProbe")
        while not self._stopped.wait(QUICK_SECONDS):
            if readiness:
                good = self._asked(readiness)
                failures = 0 if good else failures + 1
                if good != shown and (good or failures >= readiness["failureThreshold"]):
                    shown = good
                    self._ready(good)
            dead = dead + 1 if liveness and not self._asked(liveness) else 0
            if liveness and dead * QUICK_SECONDS >= liveness["failureThreshold"] * liveness["periodSeconds"]:
                self._kill()
                return

    def _started(self, probe: Mapping[str, Any]) -> bool:
        tries = max(1, int(probe["failureThreshold"] * probe["periodSeconds"] / QUICK_SECONDS))
        for _ in range(tries):
            if self._asked(probe):
                return True
            if self._stopped.wait(QUICK_SECONDS):
                return True
        return False

    def _asked(self, probe: Mapping[str, Any]) -> bool:
        port, seconds = self._port(probe), float(probe.get("timeoutSeconds", 1))
        try:
            if "tcpSocket" in probe:
                with socket.create_connection((self._ip, port), seconds):
                    return True
            connection = http.client.HTTPConnection(self._ip, port, timeout=seconds)
            connection.request("GET", probe["httpGet"].get("path", "/"))
            status = connection.getresponse().status
            connection.close()
            return 200 <= status < 400
        except (OSError, http.client.HTTPException):
            return False

    def _port(self, probe: Mapping[str, Any]) -> int:
        wanted = (probe.get("httpGet") or probe.get("tcpSocket") or {})["port"]
        if isinstance(wanted, int):
            return wanted
        found = [each["containerPort"] for each in self._container.get("ports") or () if each.get("name") == wanted]
        return int(found[0]) if found else int(wanted)
