"""One installation and one Chromium for all journeys; every page that a test opens is watched to its end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, expect, sync_playwright

from tests.browser.ground import Ground, lay_ground
from tests.browser.watching import PATIENCE_SECONDS, Watched, options
from tests.support import stack as stacks
from tests.support.chromium import arguments, chromium
from tests.support.stack import ROOT, Stack

PASSWORD = "a-long-password-of-tests"  # of an installation that ends with the tests
PEOPLE = ("admin", "demo", "guest")
SILENT_SCRIPT = """
from apps.access.models import Organisation, User
for name in {names}:
    user = User.objects.filter(username=name).first() or User(
        username=name, organisation=Organisation.objects.get()
    )
    user.set_password({password!r})
    user.save()
"""
Opens = Callable[..., Watched]


@pytest.hookimpl(tryfirst=True)  # xdist must find the mark
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All journeys share the installation, so that one worker has them; without Chromium they are skipped."""
    own = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in own:
        item.add_marker(pytest.mark.xdist_group("browser"))
        if not chromium() and not os.environ.get("CI"):
            item.add_marker(pytest.mark.skip(reason="no Chromium: `make browser` installs it"))


# Of the package, not of the session: Playwright's loop must be over when other tests of the worker run theirs.
@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    assert (ROOT / "frontend/dist/dashboard/manifest.json").exists(), "the dashboard is not built: `make frontend`"
    with stacks.running_stack(BEDPLATE_STOP_GRACE_SECONDS="2") as running:
        running.manage("shell", "-v", "0", "-c", SILENT_SCRIPT.format(names=PEOPLE, password=PASSWORD))
        yield running


@pytest.fixture(scope="package")
def demo(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client("demo") as client:
        yield client


@pytest.fixture(scope="package")
def root(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client("admin") as client:
        yield client


@pytest.fixture(scope="package")
def ground(demo: httpx.Client) -> Ground:
    return lay_ground(demo)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium()
    assert path, "the browser tests need Chromium: install one, or name it in CHROMIUM"
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=arguments())
        yield running
        running.close()


@pytest.fixture(scope="package")
def sessions(stack: Stack, browser: Browser) -> dict[str, Any]:
    """Cookies of people who have signed in: once each, since somebody who tries too often is told to wait."""
    found = {}
    for name in PEOPLE:
        context = browser.new_context(**options())
        page = context.new_page()
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.goto(f"{stack.url}/login?next=/login")
        page.fill("#id_username", name)
        page.fill("#id_password", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "next=" not in url)
        found[name] = context.storage_state()
        context.close()
    return found


@pytest.fixture
def opened(request: pytest.FixtureRequest, stack: Stack, browser: Browser, tmp_path: Path) -> Iterator[Opens]:
    """Opens a page in a browser of its own: `opened("demo", "/runs", theme="dark", language="zh")`; "" is nobody.

    At the end each page must have said nothing to its console, and must have asked nobody but the installation.
    """
    contexts: list[BrowserContext] = []
    pages: list[Watched] = []

    def open_(who: str, path: str = "", *, script: Path | None = None, **chosen: str) -> Watched:
        state = request.getfixturevalue("sessions")[who] if who else None
        context = browser.new_context(**options(**chosen), storage_state=state)
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        contexts.append(context)
        if script:
            context.add_init_script(path=script)
        watched = Watched(context.new_page(), stack.url)
        pages.append(watched)
        if path:
            watched.go(path)
        return watched

    yield open_
    for number, each in enumerate(pages):
        with suppress(Error):  # of a page that the test has closed
            each.page.screenshot(path=tmp_path / f"page-{number}.png")
    for context in contexts:
        context.close()
    for each in pages:
        each.check()
