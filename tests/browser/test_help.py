"""The user guide and the keys, from where somebody is who needs them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from controlplane.guide import LANGUAGES, PAGES
from tests.browser.conftest import Opens
from tests.browser.ground import Ground
from tests.browser.test_accessibility import AXE, violations
from tests.browser.test_languages import COLLECT, english_in

CHROME = f"""() => {{
document.querySelector('main').remove();
return (
{COLLECT.rstrip()}
)();
}}"""


def test_help_leads_to_the_page_of_the_guide_about_what_is_shown(opened: Opens, ground: Ground) -> None:
    page = opened("demo", f"/dataset-versions/{ground.raw}").page
    page.get_by_role("button", name="Help").click()
    with page.expect_popup() as found:
        page.get_by_role("menuitem", name="About this page").click()
    guide = found.value
    expect(guide.get_by_role("heading", level=1, name="Datasets")).to_be_visible()
    assert guide.url.endswith("/help/en/datasets")
    guide.get_by_role("link", name="简体中文").click()
    expect(guide.get_by_role("heading", level=1, name="数据集")).to_be_visible()
    image = guide.get_by_role("main").get_by_role("img").first
    image.scroll_into_view_if_needed()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000


def test_the_guide_is_one_of_the_places_of_the_palette_in_the_readers_language(opened: Opens) -> None:
    page = opened("demo", "/", language="zh").page
    page.keyboard.press("/")
    page.keyboard.type("使用指南")
    page.get_by_role("dialog").get_by_role("button", name="使用指南").click()
    expect(page.get_by_role("heading", level=1, name="快速入门")).to_be_visible()


def test_a_question_mark_shows_the_keys_but_not_while_somebody_writes(opened: Opens, ground: Ground) -> None:
    page = opened("demo", "/runs").page
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    page.get_by_label("Words in the name").press("?")
    expect(dialog).to_have_count(0)
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("Shift+?")
    expect(dialog.get_by_text("Go to anything by its name")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_guide_and_the_keys(opened: Opens, theme: str) -> None:
    outside = opened("", theme=theme, script=AXE)
    found: dict[str, Any] = {}
    for address in [f"/help/{language}/{name}" for language in LANGUAGES for name in PAGES]:
        outside.go(address)
        if wrong := violations(outside):
            found[address] = wrong
    outside.allow("status of 404")
    outside.go("/help/en/nope")
    found |= {"a page that is not there": wrong} if (wrong := violations(outside)) else {}
    inside = opened("demo", "/runs", theme=theme, script=AXE)
    inside.page.get_by_role("button", name="Help").click()
    expect(inside.page.get_by_role("menu")).to_be_visible()
    inside.page.get_by_role("menuitem", name="Keyboard shortcuts").click()
    expect(inside.page.get_by_role("dialog")).to_be_visible()
    found |= {"the keys": wrong} if (wrong := violations(inside)) else {}
    assert not found


def test_nothing_english_is_left_in_the_chinese_help(opened: Opens) -> None:
    watched = opened("demo", "/runs", language="zh")
    watched.page.get_by_role("button", name="帮助").click()
    expect(watched.page.get_by_role("menuitem", name="使用指南")).to_be_visible()
    assert english_in(watched.page.get_by_role("menuitem").all_inner_texts(), set()) == []
    watched.page.get_by_role("menuitem", name="键盘快捷键").click()
    expect(watched.page.get_by_role("dialog")).to_be_visible()
    assert english_in(watched.page.get_by_role("dialog").locator("h2, h3, dt").all_inner_texts(), set()) == []
    found = {}
    for name in PAGES:
        watched.go(f"/help/zh/{name}")
        headings = watched.page.locator("h1, h2, h3, th").all_inner_texts() if name != "glossary" else []
        frame = watched.page.evaluate(CHROME)
        if left := english_in([*headings, *frame], {"English", "Glossary", "Terms", "Where they are said"}):
            found[name] = left
    assert not found
