"""An administrator asks what would be if a pool were shared otherwise, and sends the answer to another."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opens
from tests.browser.ground import Ground
from tests.browser.test_accessibility import AXE, violations


def test_a_question_is_asked_answered_and_sent_by_its_address(opened: Opens, ground: Ground) -> None:
    asking = opened("admin", "/what-if", script=AXE)
    page = asking.page
    ask = page.get_by_role("button", name="Work it out")
    expect(ask).to_be_disabled()
    _add(page, "More machines")
    _choose(page, "Machines like")
    expect(ask).to_be_enabled()
    _add(page, "Weight")
    expect(ask).to_be_disabled()
    _choose(page, "Project or cohort", "ground")
    ask.click()

    figures = page.get_by_role("region", name="The pool, before and after")
    expect(figures).to_contain_text("Mean wait")
    expect(figures).to_contain_text("99th percentile")
    expect(page.get_by_text("This answers the question as it was asked")).to_have_count(0)
    past = page.get_by_role("region", name="Asked in the last day")
    expect(past.get_by_role("link", name=re.compile("1 more like .+, ground: weight 1"))).to_be_visible()
    asking.settle()
    assert violations(asking) == []

    address = page.url.removeprefix(asking.url)
    assert "answer=" in address
    other = opened("admin", address, theme="dark", script=AXE)
    expect(other.page.get_by_role("region", name="The pool, before and after")).to_be_visible()
    expect(other.page.get_by_label("How many more")).to_have_value("1")
    assert violations(other) == []

    other.page.get_by_label("How many more").fill("3")
    expect(other.page.get_by_role("status").filter(has_text="The form was changed since")).to_be_visible()
    assert "%22count%22%3A3" in other.page.url


def test_an_answer_that_is_gone_is_asked_for_again(opened: Opens, root: httpx.Client, ground: Ground) -> None:
    queue = root.get(f"/quotas/usage?project={ground.project}").raise_for_status().json()["results"][0]["queue"]
    changes = f'[{{"kind":"weight","queue":"{queue}","weight":2}}]'
    nobody = "01890000-0000-7000-8000-000000000000"
    asking = opened("admin")
    asking.allow("status of 404")
    asking.go(f"/what-if?changes={changes}&answer={nobody}")
    expect(asking.page.get_by_text("This answer is no longer kept")).to_be_visible()
    asking.page.get_by_role("alert").get_by_role("button", name="Work it out again").click()
    expect(asking.page.get_by_role("region", name="The pool, before and after")).to_be_visible()
    assert nobody not in asking.page.url


@pytest.mark.parametrize("who", ["demo"])
def test_others_are_told_who_may_ask(opened: Opens, who: str) -> None:
    page = opened(who, "/what-if").page
    expect(page.get_by_text("Only administrators of the installation may ask")).to_be_visible()
    page.get_by_role("link", name="See the queue").click()
    expect(page.get_by_role("tab", name="Queue")).to_have_attribute("aria-selected", "true")


def _add(page: Page, kind: str) -> None:
    page.get_by_role("button", name="Add a change").click()
    page.get_by_role("menuitem", name=kind, exact=True).click()


def _choose(page: Page, field: str, option: str = "") -> None:
    """The named one, or the first that there is."""
    page.get_by_label(field, exact=True).and_(page.locator("input")).last.click()
    found = page.get_by_role("option", name=option, exact=True) if option else page.get_by_role("option")
    found.first.click()
