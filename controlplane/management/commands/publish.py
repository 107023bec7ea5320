"""The publisher: tells browsers what happened."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from redis import Redis

from apps.common.publisher import Publisher
from apps.experiments import live as experiments_live
from apps.quotas import live as quotas_live


class Command(BaseCommand):
    help = "Publish what was committed to Redis until told to stop. One leads, others stand by."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        redis = Redis.from_url(settings.BEDPLATE_REDIS_URL, socket_timeout=5, socket_connect_timeout=2)
        Publisher(redis, (experiments_live.TAIL, quotas_live.TAIL)).run(stop)
