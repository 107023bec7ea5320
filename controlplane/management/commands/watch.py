"""The watcher: holds a watch on each Kubernetes cluster, and asks for a look at what moves there."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from workers.dispatch.watching import Watcher


class Command(BaseCommand):
    help = "Watch all Kubernetes clusters until told to stop. What it misses, the worker finds some seconds later."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        Watcher().run(stop)
