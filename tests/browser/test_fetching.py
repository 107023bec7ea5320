"""Data that is fetched: its rows come after those of a version that is there."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.browser.ground import Ground, done, post

ROWS = b"day,amount\n1,2.5\n2,3.5\n"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[str]:
    """A web server on this machine with one file."""
    (tmp_path / "days.csv").write_bytes(ROWS.replace(b"1,", b"3,"))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_what_is_fetched_once_is_appended_to_the_version_that_somebody_chose(
    opened: Opens, demo: httpx.Client, root: httpx.Client, ground: Ground, shop: str
) -> None:
    name = f"days-{secrets.randbelow(10**6)}"
    dataset = post(demo, "/datasets", {"project": ground.project, "name": name})["id"]
    sent = demo.post("/sources", data={"dataset": dataset}, files={"file": ("days.csv", ROWS, "text/csv")})
    done(demo, "/ingestions", {"dataset": dataset, "source": sent.json()["id"]})
    post(root, "/allowed-origins", {"project": ground.project, "pattern": shop, "is_private": True})

    page = opened("demo", f"/datasets/fetch?dataset={dataset}").page
    page.get_by_label("Address of the file").fill(f"http://{shop}/days.csv")
    page.get_by_role("combobox", name="What the next version holds").click()
    page.get_by_role("option", name="the rows of a version, then the new ones").click()
    expect(page.get_by_text("The new version begins with the 2 rows of version 1")).to_be_visible()
    page.get_by_role("button", name="Fetch", exact=True).click()

    expect(page.get_by_text(f"Published as {name} version 2.")).to_be_visible()
    expect(page.get_by_role("link", name="appended to version 1")).to_be_visible()
    page.get_by_role("link", name="Open version 2").click()
    expect(page.get_by_text("4 rows × 2 columns")).to_be_visible()
