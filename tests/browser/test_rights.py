"""Somebody loses a role while they look at what it let them see."""

from __future__ import annotations

import httpx
from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.browser.ground import Ground

SECONDS = 15
"""Until the other browser must have lost the page; it takes one with a socket that follows it."""


def test_a_revoked_role_takes_the_page_from_the_other_browser(
    opened: Opens, demo: httpx.Client, ground: Ground
) -> None:
    demo.put(f"/projects/{ground.project}/members", json={"user": "guest", "role": "viewer"}).raise_for_status()
    guest = opened("guest", f"/runs/{ground.runs[0]}")
    guest.allow(r"status of 404")  # the browser itself writes down each
    expect(guest.page.get_by_role("heading", level=1, name="curves-1")).to_be_visible()
    guest.page.evaluate("() => { window.neverLoadedAgain = true; }")

    owner = opened("demo", "/access?project=ground&tab=members").page
    member = owner.get_by_role("row").filter(has_text="guest")
    member.get_by_role("button", name="Remove").click()
    owner.get_by_role("dialog").get_by_role("button", name="Remove", exact=False).click()
    expect(member).to_be_hidden()

    gone = guest.page.get_by_role("heading", level=1, name="Nothing here")
    expect(gone).to_be_visible(timeout=SECONDS * 1000)
    expect(guest.page.get_by_text("curves-1")).to_have_count(0)  # nor in the breadcrumbs
    assert guest.page.evaluate("() => window.neverLoadedAgain")


def test_a_project_that_one_does_not_see_is_not_there_instead_of_all_projects(opened: Opens) -> None:
    page = opened("guest", "/runs?project=elsewhere").page
    expect(page.get_by_role("heading", level=1, name="Nothing here")).to_be_visible()
    page.get_by_role("main").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    assert "project=" not in page.url
