"""The list of runs: filtered by state and by what was measured, shared by its address, and two of it compared."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Opens
from tests.browser.ground import Ground
from tests.support.stack import Stack


def row(page: Page, name: str) -> Locator:
    return page.locator("main tbody").get_by_role("link", name=name, exact=True)


def test_what_is_filtered_stands_in_the_address_and_shows_the_same_to_whom_it_is_given(
    opened: Opens, stack: Stack, ground: Ground
) -> None:
    page = opened("demo", "/runs?project=ground").page
    expect(row(page, "curves-1")).to_be_visible()
    states = page.get_by_role("group", name="State")
    states.get_by_role("button", name="failed").click()
    expect(row(page, "fails")).to_be_visible()
    expect(row(page, "curves-1")).to_be_hidden()
    states.get_by_role("button", name="succeeded").click()
    expect(row(page, "curves-1")).to_be_visible()

    page.get_by_role("button", name="Add a filter").click()
    page.get_by_role("combobox", name="Parameter, metric or field").fill("params.rate = 2")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("button", name="Remove the filter params.rate=2")).to_be_visible()
    expect(row(page, "curves-2")).to_be_visible()
    for name in ("curves-1", "fails"):
        expect(row(page, name)).to_be_hidden()
    expect(page.get_by_role("status").filter(has_text="1 run matches")).to_be_visible()

    other = opened("demo", page.url.removeprefix(stack.url)).page
    expect(row(other, "curves-2")).to_be_visible()
    expect(other.get_by_role("status").filter(has_text="1 run matches")).to_be_visible()
    pressed = other.get_by_role("group", name="State").get_by_role("button", pressed=True)
    expect(pressed).to_have_text([re.compile("succeeded"), re.compile("failed")])

    other.get_by_role("button", name="Remove the filter params.rate=2").click()
    expect(row(other, "curves-1")).to_be_visible()
    other.go_back()
    expect(row(other, "curves-1")).to_be_hidden()


def test_two_runs_are_compared(opened: Opens, ground: Ground) -> None:
    page = opened("demo", "/runs?project=ground&search=curves").page
    for name in ("curves-1", "curves-2"):
        page.get_by_role("checkbox", name=f"Select {name}").check()
    page.get_by_role("region", name="Selected runs").get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", level=1, name="Compare 2 runs")).to_be_visible()
    loss = page.get_by_role("figure", name="train/loss")
    for name in ("curves-1", "curves-2"):
        expect(loss).to_contain_text(f"{name}: 30 points")

    page.get_by_role("tab", name="Differences").click()
    rate = page.get_by_role("row").filter(has=page.get_by_text("rate", exact=True))
    expect(rate.get_by_role("cell")).to_contain_text(["1", "2"])
