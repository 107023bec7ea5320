"""Asking the API as a job does, and looking at a job before anything is concluded from its silence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from apps.common import clock
from apps.quotas.models import Attempt, Pulse, Queue
from apps.quotas.services.attempt_tokens import attempt_of
from apps.quotas.services.pulses import API, works_since
from tests.support.factories.quotas import job_spec, make_pool, make_queue
from tests.support.jobs import fresh
from tests.workers.dispatch.driving import attempt_of_workload, launched
from workers.backends.fake import FakeBackend
from workers.dispatch.observe import observe_due
from workers.dispatch.watch import api_ask, watch_due

HOUR = timedelta(hours=1)


class Somebody(BaseHTTPRequestHandler):
    """Answers, but is not the API: a proxy whose API is away."""

    def do_GET(self) -> None:
        self.send_response(502)
        self.end_headers()
        self.wfile.write(b"Bad gateway")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to say."""


@pytest.fixture
def proxy() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Somebody)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.django_db(transaction=True)
def test_the_api_is_heard_where_the_database_answers_through_it(live_server: Any, settings: Any, proxy: str) -> None:
    settings.BEDPLATE_JOB_API_URL = live_server.url
    assert api_ask()
    since = works_since(API)
    assert since is not None
    assert api_ask()
    assert works_since(API) == since
    for wrong in (proxy, "http://127.0.0.1:1"):
        settings.BEDPLATE_JOB_API_URL = wrong
        assert not api_ask()
        assert works_since(API) is None
    settings.BEDPLATE_JOB_API_URL = live_server.url
    assert api_ask()
    later = works_since(API)
    assert later is not None
    assert later > since, "what was meanwhile nobody knows"


@pytest.mark.django_db(transaction=True)
def test_an_idle_installation_asks_nobody(settings: Any) -> None:
    settings.BEDPLATE_JOB_API_URL = "http://127.0.0.1:1"
    make_queue(make_pool())
    assert (watch_due(), Pulse.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_silent_job_that_has_ended_ends_as_it_did(live_server: Any, settings: Any, fake: FakeBackend) -> None:
    """Nobody looked for an hour: its end is found before its silence is held against it."""
    settings.BEDPLATE_JOB_API_URL = live_server.url
    queue = make_queue(make_pool())
    ended, silent = (launched(queue, spec_object=job_spec(0.1, time_limit_seconds=10)) for _ in range(2))
    observe_due()
    long_ago = clock.db_now() - HOUR
    Attempt.objects.update(heartbeat_at=long_ago, started_at=long_ago)
    fake.finish(str(attempt_of_workload(ended).pk), exit_code=3)
    assert watch_due() == 2
    assert (fresh(ended).state, fresh(ended).state_reason) == ("failed", "exit_nonzero")
    assert (fresh(silent).state, fresh(silent).state_reason) == ("stopping", "time_limit")


@pytest.mark.parametrize("wrong", [HOUR, -HOUR, timedelta(hours=12)])
def test_a_job_of_any_length_keeps_its_token_wherever_a_clock_stands(
    wrong: timedelta, queue: Queue, fake: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker issues it by the database's clock; the web process that checks it may be wrong by hours."""
    workload = launched(queue, spec_object=job_spec(time_limit_seconds=60))
    real = clock.db_now()
    monkeypatch.setattr(clock.timezone, "now", lambda: real + wrong)
    assert attempt_of(fake.launches[0].token).workload_id == workload.pk
