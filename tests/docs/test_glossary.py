"""The words of the glossary are those of the dashboard, of the pages of Django, and of the guide."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

from tests.docs.reading import CODE, DOCS, ROOT, tables, text

TERMS, PLACES = tables(DOCS / "glossary.md")
CHINESE = {row["term"]: row["简体中文"] for row in TERMS}
SOURCES = ROOT / "frontend/src"
CATALOGUE = ROOT / "controlplane/locale/zh_Hans/LC_MESSAGES/django.po"
SAID = [(row["term"], place) for row in PLACES for place in CODE.findall(row["in the dashboard"])]
PANEL = [(row["term"], msgid) for row in PLACES for msgid in CODE.findall(row["in `po`"])]
SHUNNED = [(row["term"], word) for row in PLACES for word in row["not"].split()]


@cache
def dictionary(namespace: str, language: str) -> Any:
    shared = SOURCES / f"locale/{namespace}.{language}.json"
    own = SOURCES / f"features/{namespace}/locale/{language}.json"
    return json.loads(text(shared if shared.exists() else own))


def word(place: str, language: str) -> str:
    """What the dashboard says at `namespace:key`."""
    namespace, _, key = place.partition(":")
    found = dictionary(namespace, language)
    for part in key.split("."):
        found = found[part]
    return str(found)


def test_each_term_stands_in_both_tables_but_what_is_not_there_yet() -> None:
    later = {row["term"] for row in TERMS if "not there yet" in row["meaning"]}
    assert set(CHINESE) - later <= {row["term"] for row in PLACES} <= set(CHINESE)


@pytest.mark.parametrize(("term", "place"), SAID)
def test_the_dashboard_says_it_so(term: str, place: str) -> None:
    assert term.lower() in word(place, "en").lower().replace("aliases", "alias es")
    assert CHINESE[term] in word(place, "zh")


@pytest.mark.parametrize(("term", "msgid"), PANEL)
def test_the_pages_of_django_say_it_so(term: str, msgid: str) -> None:
    found = re.findall(rf'^msgid "{re.escape(msgid)}"\nmsgstr "(.*)"$', text(CATALOGUE), re.MULTILINE)
    assert found, f"the catalogue has no {msgid}"
    assert any(CHINESE[term] in each for each in found)


@pytest.mark.parametrize(("term", "word"), SHUNNED)
def test_no_other_word_is_used_for_it(term: str, word: str) -> None:
    chinese = [*SOURCES.glob("locale/*.zh.json"), *SOURCES.glob("features/*/locale/zh.json"), CATALOGUE]
    chinese += sorted((DOCS / "zh").glob("*.md"))
    assert [str(path.relative_to(ROOT)) for path in chinese if word in text(path)] == []
