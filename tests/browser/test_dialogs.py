"""What opens on the pages about data: axe finds nothing, and in 简体中文 no English is left."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opens
from tests.browser.dialogs import dialogs, said
from tests.browser.ground import Ground
from tests.browser.test_accessibility import AXE, violations
from tests.browser.test_languages import COLLECT, english_in


def _press(page: Page, place: str, language: str) -> None:
    name = said(place, language)
    found = page.get_by_role("button", name=name).or_(page.get_by_role("menuitem", name=name)).first
    expect(found).to_be_visible()
    found.click()


@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark")])
def test_what_opens_can_be_used_by_everybody(opened: Opens, ground: Ground, language: str, theme: str) -> None:
    watched = opened("demo", "/", script=AXE, theme=theme, language=language)
    wrong: dict[str, list[str]] = {}
    for address, pressed in dialogs(ground):
        watched.go(address)
        for place in pressed:
            _press(watched.page, place, language)
        watched.settle()
        found = violations(watched)
        if language == "zh":
            found += english_in(watched.page.evaluate(COLLECT), ground.names)
        if found:
            wrong[f"{address} {pressed[-1]}"] = found
    assert not wrong, "\n".join(f"{place}\n    " + "\n    ".join(found) for place, found in wrong.items())
