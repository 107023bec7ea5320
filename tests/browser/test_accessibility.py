"""What axe-core finds wrong on a page: nothing, in light and in dark."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Opens
from tests.browser.ground import Ground
from tests.browser.places import places
from tests.browser.watching import Watched
from tests.support.stack import ROOT

AXE = ROOT / "frontend/node_modules/axe-core/axe.min.js"
RUN = """() => axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations.map(
    ({id, help, nodes}) => `${id}: ${help}: ` + nodes.map(({target, failureSummary}) =>
        `${target.join(' ')} (${failureSummary.split('\\n').slice(1).join(' ').trim()})`).slice(0, 5).join('; ')))"""


def violations(watched: Watched) -> list[str]:
    found: list[str] = watched.page.evaluate(RUN)
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(opened: Opens, ground: Ground, theme: str) -> None:
    watched = opened("demo", theme=theme, script=AXE)
    watched.go("/")
    found: dict[str, Any] = {}
    for addresses in places(ground).values():
        for address in addresses:
            watched.move(address)
            if wrong := violations(watched):
                found[address] = wrong
    assert not found, _listed(found)


def test_axe_finds_nothing_in_chinese_where_runs_are_submitted_and_compared(opened: Opens, ground: Ground) -> None:
    watched = opened("demo", language="zh", script=AXE)
    watched.go("/runs/new?project=ground")
    found: dict[str, Any] = {}
    kinds = watched.page.get_by_role("radiogroup", name="类型").locator("label")
    for number in range(kinds.count()):
        kinds.nth(number).click()
        watched.settle()
        if wrong := violations(watched):
            found[f"/runs/new: {kinds.nth(number).inner_text()}"] = wrong
    for address in places(ground)["/runs/compare"]:
        watched.move(address)
        if wrong := violations(watched):
            found[address] = wrong
    assert not found, _listed(found)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_where_somebody_signs_in_or_is_lost(opened: Opens, theme: str) -> None:
    outside = opened("", "/login", theme=theme, script=AXE)
    assert not violations(outside)
    lost = opened("demo", theme=theme, script=AXE)
    lost.allow("status of 404")
    lost.go("/runs/01890000-0000-7000-8000-000000000000")
    assert lost.page.get_by_role("heading", level=1, name="Nothing here").is_visible()
    assert not violations(lost)


def _listed(found: dict[str, list[str]]) -> str:
    return "\n".join(f"{address}\n    " + "\n    ".join(wrong) for address, wrong in found.items())
