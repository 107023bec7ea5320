"""What a page must never do, noted while it does something else: errors in the console, requests to elsewhere."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Error, Page, Request

PATIENCE_SECONDS = 60
"""Of everything here that waits for a page: much, because the machine also trains meanwhile."""
SETTLED = """() => Boolean(document.querySelector('main h1, main [role=alert], .bp-page, form'))
    && !document.querySelector('[aria-busy=true]')"""
PUSH = """path => {
    if (new URL(path, location.href).pathname !== location.pathname) document.title = '…';
    history.pushState({}, '', path);
}"""
THERE = "path => document.title !== '…' || location.pathname !== new URL(path, location.href).pathname"
"""To another page, whose head names the tab once it is there: until then the page before may still be shown. One that
leads elsewhere may lead to a page that is shown already."""
OWN_SCHEMES = {"data", "blob"}


class Watched:
    """A page with everything that it said and asked for."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.allowed: list[str] = []
        """Patterns of console messages that the test itself provokes."""
        self.pending: set[Request] = set()
        self.said: list[str] = []
        self.left: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", self._error)
        page.on("request", self._request)
        page.on("requestfinished", self._answered)
        page.on("requestfailed", self._answered)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.said.append(f"{self._place()}: {message.type}: {message.text} ({message.location.get('url')})")

    def _error(self, error: Error) -> None:
        self.said.append(f"{self._place()}: uncaught: {error}")

    def _request(self, request: Request) -> None:
        self.pending.add(request)
        parts = urlsplit(request.url)
        if parts.scheme not in OWN_SCHEMES and f"{parts.scheme}://{parts.netloc}" != self.url:
            self.left.append(request.url)

    def _answered(self, request: Request) -> None:
        self.pending.discard(request)

    def _place(self) -> str:
        return self.page.url.removeprefix(self.url)

    def allow(self, *patterns: str) -> None:
        self.allowed += patterns

    def go(self, path: str) -> None:
        """Open an address of the dashboard and wait until it shows what it is about."""
        self.page.goto(self.url + path, wait_until="domcontentloaded")
        self.settle()

    def move(self, path: str) -> None:
        """The same without loading the page again, as a link does."""
        self.page.evaluate(PUSH, path)
        self.page.wait_for_function(THERE, arg=path)
        self.settle()

    def settle(self) -> None:
        """Wait until nothing loads: no skeleton is shown and every request was answered."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        calm = 0
        while calm < 2:  # what was answered may ask for more
            self.page.wait_for_function(SETTLED)
            self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
            calm = 0 if self.pending else calm + 1
            if time.monotonic() > deadline:
                raise AssertionError(f"{self._place()} still loads {[each.url for each in self.pending]}")

    def check(self) -> None:
        """Fails when the page said something, or asked elsewhere."""
        heard = [text for text in self.said if not any(re.search(pattern, text) for pattern in self.allowed)]
        assert not heard, "\n".join(heard)
        assert not self.left, self.left


def options(theme: str = "light", language: str = "en") -> dict[str, Any]:
    """Of a browser context: a laptop's window, with the language and appearance that the system asks for."""
    return {
        "viewport": {"width": 1280, "height": 800},
        "color_scheme": theme,
        "locale": "zh-CN" if language == "zh" else "en-GB",
        "timezone_id": "Europe/London",
        "reduced_motion": "reduce",
    }
