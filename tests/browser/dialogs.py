"""Dialogs about data, menus and parts that open: where they are, and what is pressed."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from tests.browser.ground import Ground
from tests.support.stack import ROOT

SOURCES = ROOT / "frontend/src"


@cache
def _dictionary(namespace: str, language: str) -> Any:
    shared = SOURCES / f"locale/{namespace}.{language}.json"
    own = SOURCES / f"features/{namespace}/locale/{language}.json"
    return json.loads((shared if shared.exists() else own).read_text(encoding="utf-8"))


def said(place: str, language: str) -> re.Pattern[str]:
    """What the dashboard says at `namespace:key`, with anything where it puts something in."""
    namespace, _, key = place.partition(":")
    found = _dictionary(namespace, language)
    for part in key.split("."):
        found = found[part]
    return re.compile("^" + ".*".join(map(re.escape, re.split(r"\{\{\w+\}\}", found))) + "$")


def dialogs(ground: Ground) -> list[tuple[str, list[str]]]:
    """Addresses, and what is pressed there, one after the other."""
    quality = f"/datasets/{ground.held_dataset}?tab=quality"
    held = f"/dataset-versions/{ground.held}"
    return [
        (quality, ["quality:add"]),
        (quality, ["quality:propose"]),
        (quality, ["quality:verb.more", "quality:verb.edit"]),
        (quality, ["quality:verb.more", "quality:verb.off"]),
        (held, ["quality:gate.override"]),
        (held, ["quality:gate.reject"]),
        (f"{held}?tab=quality", ["quality:result.show"]),
        (f"/datasets/{ground.dataset}?tab=keep", ["versions:keep.save"]),
        (f"/dataset-versions/{ground.raw}/clean", ["datasets:clean.add"]),
        (f"/ingestion-schedules/{ground.schedule}", ["datasets:schedule.retire"]),
        (f"/datasets/fetch?dataset={ground.dataset}", ["datasets:fetch.allowed.remove"]),
    ]
