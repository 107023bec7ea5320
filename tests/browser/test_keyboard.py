"""Without a mouse: to the content, to anything by its name, and down a list."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.browser.ground import Ground


@pytest.mark.parametrize("keys", ["Control+k", "Meta+k"])
def test_the_palette_goes_to_a_run_by_its_name(opened: Opens, ground: Ground, keys: str) -> None:
    page = opened("demo", "/").page
    page.keyboard.press(keys)
    field = page.get_by_role("textbox", name="Go to a page, a project, a run, a dataset …")
    expect(field).to_be_focused()
    page.keyboard.type("curves-2")
    found = page.get_by_role("dialog").get_by_role("button", name="curves-2")
    expect(found).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/runs/{ground.runs[1]}"))
    expect(page.get_by_role("heading", level=1, name="curves-2")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()


def test_the_first_stop_leads_past_the_navigation(opened: Opens, ground: Ground) -> None:
    page = opened("demo", "/datasets").page
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.querySelector('main').contains(document.activeElement)")


def test_enter_opens_the_first_that_the_palette_finds(opened: Opens, ground: Ground) -> None:
    page = opened("demo", "/runs").page
    page.get_by_role("searchbox").first.focus()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("textbox", name="Go to a page, a project, a run, a dataset …")).to_be_focused()
    page.keyboard.type("curves-2")
    expect(page.get_by_role("dialog").get_by_role("button", name="curves-2")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/runs/{ground.runs[1]}"))


def test_a_dialog_gives_the_focus_back(opened: Opens, ground: Ground) -> None:
    page = opened("demo", "/runs").page
    views = page.get_by_role("button", name="Views")
    views.focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(views).to_be_focused()
