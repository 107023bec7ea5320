from __future__ import annotations

import json
import logging
import logging.config
import os
import resource
from pathlib import Path

import pytest
from django.db.utils import OperationalError
from psycopg.errors import QueryCanceled

from apps.common.context import request_id, workload_id
from controlplane.embedded import collect
from controlplane.embedded.collect import Collector, worth_showing
from controlplane.logs import Formatter, OutageFilter, TextFormatter, logging_config


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("apps.x", logging.WARNING, "x.py", 1, message, None, None)
    made.created = 0.0
    for name, value in extra.items():
        setattr(made, name, value)
    return made


def test_a_line_is_one_json_object_with_the_ids_of_what_is_done() -> None:
    first, second = request_id.set("r-1"), workload_id.set("w-1")
    line = Formatter("%(message)s").format(record("said\nso", attempt=2))
    request_id.reset(first)
    workload_id.reset(second)
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.000+00:00",
        "level": "warning",
        "logger": "apps.x",
        "message": "said\nso",
        "attempt": 2,
        "request_id": "r-1",
        "workload_id": "w-1",
    }


def test_ids_that_are_unknown_are_left_out() -> None:
    assert "request_id" not in json.loads(Formatter("%(message)s").format(record("alone")))
    assert TextFormatter("%(levelname)s %(message)s").format(record("alone")) == "WARNING alone"


def test_text_carries_the_ids_too() -> None:
    token = request_id.set("r-1")
    assert TextFormatter("%(message)s").format(record("said")) == "said [request_id=r-1]"
    request_id.reset(token)


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_configuration_is_accepted(form: str) -> None:
    logging.config.DictConfigurator(logging_config(level="INFO", form=form))


@pytest.mark.parametrize(
    "line, shown",
    [
        ('{"level": "error", "message": "it broke"}', "error: it broke"),
        ('{"level": "WARNING", "message": "careful"}', "warning: careful"),
        ('{"level": "warning", "message": "first line\\nsecond"}', "warning: first line"),
        ('{"level": "info", "message": "fine"}', ""),
        ("{not json", ""),
        ("2026 FATAL:  out of disk", "2026 FATAL:  out of disk"),
        ("2026 FATAL:  the database system is starting up", ""),
        ("2026 ERROR:  duplicate key", ""),
    ],
)
def test_the_terminal_shows_what_matters(line: str, shown: str) -> None:
    assert worth_showing(line) == shown


def test_what_a_child_says_is_collected_and_rotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(collect, "LARGEST_BYTES", 60)
    reading, writing = os.pipe()
    collector = Collector("web", tmp_path / "web.log", reading)
    for number in range(5):
        os.write(writing, b"line %d that is long enough\n" % number)
        collector.drain()
    os.write(writing, b'{"level": "error", "message": "in two')
    collector.drain()
    os.write(writing, b' parts"}')
    os.close(writing)
    collector.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web.log", "web.log.1", "web.log.2"]
    assert (tmp_path / "web.log.2").read_text() == "line 2 that is long enough\nline 3 that is long enough\n"
    assert capsys.readouterr().out == "  [web] error: in two parts\n"
    assert list(collector.tail)[-1] == '{"level": "error", "message": "in two parts"}'


def test_a_full_disk_costs_lines_and_not_the_supervisor(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    collector = Collector("web", tmp_path / "web.log", reading)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        for line in (b"the first line\n", b"the second\n"):
            os.write(writing, line)
            assert collector.drain()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert collector.lost_bytes == 16
    os.write(writing, b"the third\n")
    os.close(writing)
    collector.close()
    assert (tmp_path / "web.log").read_text() == (
        "the first [16 bytes were not written: the disk was full]\nthe third\n"
    )
    assert list(collector.tail) == ["the first line", "the second", "the third"]


def failing(name: str, message: str, error: Exception | None) -> logging.LogRecord:
    told = (type(error), error, None) if error else None
    return logging.LogRecord(name, logging.ERROR, "x.py", 1, message, None, told)  # type: ignore[arg-type]


def test_an_outage_is_said_once_in_a_line_and_then_counted() -> None:
    now = 0.0
    bounded = OutageFilter(10.0, lambda: now)
    lines = []
    for now in (0.0, 0.1, 5.0, 9.9, 10.0, 10.1):
        one = failing("celery.app.trace", f"Task x at {now}\nTraceback …", OperationalError("refused\nat port 1"))
        if bounded.filter(one):
            lines.append((one.getMessage(), one.exc_info))
    assert lines == [
        ("Task x at 0.0: OperationalError: refused", None),
        ("Task x at 10.0: OperationalError: refused (and 3 more like it)", None),
    ]


def test_what_is_no_outage_is_said_each_time_with_its_stack() -> None:
    bounded, too_long = OutageFilter(), OperationalError("canceling statement due to statement timeout")
    too_long.__cause__ = QueryCanceled()
    for _ in range(2):
        for error in (ValueError("7"), too_long):
            one = failing("celery.app.trace", "Task failed", error)
            assert bounded.filter(one)
            assert one.exc_info is not None
        assert bounded.filter(failing("apps.x", "careful", None))


def test_those_who_watch_a_connection_are_bounded_by_what_they_say() -> None:
    bounded = OutageFilter()
    said = ["error connecting in %r: %s", "error connecting in %r: %s", "discarding closed connection: %s"]
    assert [bounded.filter(failing("psycopg.pool", each, None)) for each in said] == [True, False, True]


def test_requests_that_meet_an_outage_share_a_line() -> None:
    bounded, passed = OutageFilter(), []
    for path, status in (("/readyz", 503), ("/runs", 503), ("/runs", 500), ("/runs", 500)):
        one = failing("django.request", f"answer: {path}", None)
        one.status_code = status
        passed.append(bounded.filter(one))
    assert passed == [True, False, True, True]
