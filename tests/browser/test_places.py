"""The list of pages that the tests walk is the router's."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from tests.browser.ground import Ground
from tests.browser.places import TABS, places
from tests.support.stack import ROOT

ROUTER = ROOT / "frontend/src/app/router.tsx"
NOWHERE: dict[str, Any] = {each.name: "x" for each in fields(Ground)} | {"jobs": {"profile": "x"}, "runs": ("x", "x")}


def test_every_route_is_walked() -> None:
    routes = set(re.findall(r'^ +path: "(/[^"]*)"', ROUTER.read_text(encoding="utf-8"), re.MULTILINE))
    assert len(routes) > 15
    assert routes == set(places(Ground(**NOWHERE)))
    assert set(TABS) <= routes
