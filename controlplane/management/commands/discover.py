"""`manage.py discover`: write down what the backend of this installation has to run on."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.quotas.scheduling.snapshot import CPU_MILLIS, MEMORY_BYTES
from apps.quotas.scheduling.words import amount
from apps.quotas.services.pools import pool_discover
from workers.backends.base import BackendError, DiscoversNodes
from workers.contracts.launch import CLUSTER_PREFIX
from workers.dispatch.registry import backend_named


class Command(BaseCommand):
    help = "Find the nodes of the backend and write them down as a pool. Repeating it brings the pool up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--pool", default="", help="name of the pool; the backend's name by default")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            backend = backend_named(settings.BEDPLATE_BACKEND)
            if not isinstance(backend, DiscoversNodes):
                raise CommandError(f"The backend {backend.name} does not know its nodes.")
            nodes = backend.discover()
        except BackendError as error:
            raise CommandError(str(error)) from error
        own_name = backend.name.removeprefix(CLUSTER_PREFIX)
        pool = pool_discover(options["pool"] or own_name, backend.name, nodes)
        for node in nodes:
            has = f"{amount(CPU_MILLIS, node.cpu_millis)}, {amount(MEMORY_BYTES, node.memory_bytes)}"
            gpus = "".join(f", GPU {gpu.index} {gpu.model}" for gpu in node.gpus)
            self.stdout.write(f"pool {pool.name}: {node.name} has {has}{gpus}")
