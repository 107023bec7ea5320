"""Shared by all tests. Servers come from the plugin `tests.support.servers`."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
from collections.abc import Generator
from contextlib import suppress

import pytest
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from tests.support import emptying
from tests.support.servers import use_template

pytest.register_assert_rewrite("tests.e2e.outages")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    use_template()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        emptying.remember_what_is_kept()
    TransactionTestCase._fixture_teardown = emptying.empty_database  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What is collected stays to the end: to look through it for garbage again and again is a good part of all work."""
    gc.disable()
    try:
        _compile_a_share(session.config)
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _compile_a_share(config: pytest.Config) -> None:
    """Begin to load the tests at another place than the other workers, so that not each of them compiles them all.

    What is compiled is kept: only after a change, or in a fresh clone, is there anything to compile.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if not worker:
        return
    place, workers = int(worker), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    ignored = [config.rootpath / path for path in config.getoption("ignore") or ()]
    below = [path for word in config.args for path in sorted((config.rootpath / word).rglob("test_*.py"))]
    modules = [path for path in below if not any(path.is_relative_to(folder) for folder in ignored)]
    for path in modules[len(modules) * place // workers : len(modules) * (place + 1) // workers]:
        with suppress(Exception):  # whoever collects it says why
            importlib.import_module(".".join(path.relative_to(config.rootpath).with_suffix("").parts))


def pytest_unconfigure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        gc.unfreeze()


def _leave_at_once() -> None:
    """A worker has said everything: to take its heap apart is several seconds of work for nobody."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if "PYTEST_XDIST_WORKER" in os.environ:
    atexit.register(_leave_at_once)  # before most others are, so that it comes after them


@pytest.hookimpl(wrapper=True)  # xdist must find the mark, and pytest-django sorts
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, object, object]:
    _mark_what_is_shared(items)
    result = yield
    if getattr(config.option, "loadgroup", False):
        items[:] = _mixed(items)
    return result


def _mark_what_is_shared(items: list[pytest.Item]) -> None:
    """What a module makes once for all its tests is made once, not by every worker: one worker has these tests."""
    for item in items:
        if not item.get_closest_marker("xdist_group") and _shares(item):
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(item.config.rootpath).as_posix()))


def _shares(item: pytest.Item) -> bool:
    """Whether it uses a fixture of ours that its module has once."""
    info = item._fixtureinfo if isinstance(item, pytest.Function) else None
    definitions = [one for found in info.name2fixturedefs.values() for one in found] if info else []
    return any(one.scope == "module" and one.func.__module__.startswith("tests.") for one in definitions)


def _mixed(items: list[pytest.Item]) -> list[pytest.Item]:
    """Those with a database, in their order, and evenly among them those without.

    The latter wait for processes a good part of their time. At the end, as pytest-django has it, all workers would
    wait at once, and before that none.
    """
    parts: tuple[list[pytest.Item], ...] = ([], [])
    for item in items:
        fixtures = {"db", "transactional_db"}.intersection(getattr(item, "fixturenames", ()))
        parts[not (item.get_closest_marker("django_db") or fixtures)].append(item)
    placed = [((number + 0.5) / len(part), item) for part in parts for number, item in enumerate(part)]
    return [item for _, item in sorted(placed, key=lambda each: each[0])]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Groups of xdist that are none would build each installation once per worker, and nobody would be told."""
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    if getattr(session.config.option, "loadgroup", False) and any("@" not in item.nodeid for item in grouped):
        raise pytest.UsageError("this pytest-xdist does not group tests with this pytest")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failure: what was not run was not shown."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.ensure_newline()
        reporter.write_line(f"CI: {len(reporter.stats['skipped'])} tests were skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
