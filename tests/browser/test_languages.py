"""In 简体中文 no English is left on any page, but what people and programs wrote themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.browser.ground import Ground
from tests.browser.places import places
from tests.support.stack import ROOT

SOURCES = ROOT / "frontend/src"
COLLECT = (Path(__file__).parent / "untranslated.js").read_text(encoding="utf-8")
SAID_BY_NAMES = re.compile(
    r"Bedplate|Chromium|Python|Parquet|JSON|CSV|TSV|SHA-256|GiB|MiB|KiB|NVIDIA|ONNX|ROC|AUC|F1|Brier|IQR|utf-8"
    r"|train\.py|ctx\.seed|one-hot|Bearer|AWS Fargate",
    re.IGNORECASE,
)
"""Proper names, formats, units and terms that Chinese texts have as they are."""
LATIN = re.compile(r"[A-Za-z]{2,}(?:[ ,.:;'’-]+[A-Za-z]{2,})+")


def _values(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    else:
        for each in tree.values():
            yield from _values(each)


def _dictionary(language: str) -> set[str]:
    files = [*SOURCES.glob(f"locale/*.{language}.json"), *SOURCES.glob(f"features/*/locale/{language}.json")]
    return {value for file in files for value in _values(json.loads(file.read_text(encoding="utf-8")))}


@cache
def english_only() -> frozenset[str]:
    """What the English dictionaries say and the Chinese ones do not."""
    return frozenset(_dictionary("en") - _dictionary("zh"))


def english_in(texts: list[str], names: set[str]) -> list[str]:
    """Of texts of a page those that are English.

    Args:
        names: what people called their things; the values of parameters, and columns of data.
    """
    return [text for text in texts if text not in names and (text in english_only() or _is_english(text, names))]


def _is_english(text: str, names: set[str]) -> bool:
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, " 某 ")
    return bool(LATIN.search(SAID_BY_NAMES.sub(" 某 ", text)))


def test_english_is_found() -> None:
    assert english_in(["Datasets", "数据集", "the command failed", "GPU", "版本 3"], set()) == [
        "Datasets",
        "the command failed",
    ]


def test_no_page_has_english_left_in_chinese(opened: Opens, ground: Ground) -> None:
    watched = opened("demo", "/")
    watched.page.get_by_role("radiogroup", name="Language").get_by_text("中").click()
    expect(watched.page.get_by_role("heading", level=1, name="总览")).to_be_visible()
    found = {}
    for addresses in places(ground).values():
        for address in addresses:
            watched.move(address)
            if left := english_in(watched.page.evaluate(COLLECT), ground.names):
                found[address] = left
    assert not found, "\n".join(f"{address}: {left}" for address, left in found.items())
    assert watched.page.evaluate("() => document.documentElement.lang") == "zh-Hans"


def test_the_language_is_kept_and_the_panel_and_the_way_in_have_it_too(opened: Opens) -> None:
    watched = opened("admin", "/")
    watched.page.get_by_role("radiogroup", name="Language").get_by_text("中").click()
    expect(watched.page.get_by_role("heading", level=1, name="总览")).to_be_visible()
    watched.go("/runs")
    expect(watched.page.get_by_role("heading", level=1, name="实验运行")).to_be_visible()
    for address in ("/admin/", "/login"):
        watched.go(address)
        assert watched.page.evaluate("() => document.documentElement.lang").lower().startswith("zh")
