"""Shared by all tests. Servers come from the plugin `tests.support.servers`."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

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
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: to look through it for garbage again and again is a good part of all work."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    gc.unfreeze()


@pytest.hookimpl(tryfirst=True)  # xdist must find the mark
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a module makes once for all its tests is made once, not by every worker: one worker has these tests."""
    for item in items:
        if not item.get_closest_marker("xdist_group") and _shares(item):
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(item.config.rootpath).as_posix()))


def _shares(item: pytest.Item) -> bool:
    """Whether it uses a fixture of ours that its module has once."""
    info = item._fixtureinfo if isinstance(item, pytest.Function) else None
    definitions = [one for found in info.name2fixturedefs.values() for one in found] if info else []
    return any(one.scope == "module" and one.func.__module__.startswith("tests.") for one in definitions)


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
