from __future__ import annotations

import json
import logging
import logging.config
import os
from pathlib import Path

import pytest

from apps.common.context import request_id, workload_id
from controlplane.embedded import collect
from controlplane.embedded.collect import Collector, worth_showing
from controlplane.logs import Formatter, TextFormatter, logging_config


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
