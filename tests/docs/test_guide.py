"""What the guide says is there: pages, headings, links, images, settings, commands, addresses, sentences."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from controlplane import env, guide
from docs.screenshots import LANGUAGES as SHOT_LANGUAGES
from docs.screenshots import SHOTS
from tests.docs.reading import CODE, DOCS, HEADING, LANGUAGES, LINK, ROOT, blocks, pages, prose, text
from workers.contracts import environment as job_names
from workers.contracts.sentences import SENTENCES

PAGES = pages()
OWN = [path for path in PAGES if path.parent.name in LANGUAGES]
MOST_BYTES = 3 << 20
ADDRESS = re.compile(r"(?:\$API|/api/v1)(/[\w$/.-]*)")
SETTING = re.compile(r"\bBEDPLATE_[A-Z_]+\b")
OF_CLIENTS = {"BEDPLATE_URL", "BEDPLATE_TOKEN"}
"""What `examples/live.py` reads."""
NO_VIEW = {"/api/v1/", "/ws/v1/live/"}


def named(path: Path) -> str:
    return str(path.relative_to(DOCS))


@pytest.fixture(params=PAGES, ids=named)
def page(request: Any) -> Path:
    return Path(request.param)


def test_the_pages_are_those_that_are_served_in_both_languages() -> None:
    for language in LANGUAGES:
        assert {path.stem for path in (DOCS / language).glob("*.md")} == set(guide.PAGES) - {"glossary"}


@pytest.mark.parametrize("name", [name for name in guide.PAGES if name != "glossary"])
def test_both_languages_have_the_same_headings_images_tables_and_commands(name: str) -> None:
    english, chinese = (DOCS / language / f"{name}.md" for language in LANGUAGES)
    shape = [
        (
            [len(level) for level, _ in HEADING.findall(prose(path))],
            [Path(target).name for mark, target in LINK.findall(text(path)) if mark],
            len(re.findall(r"^\|", prose(path), re.MULTILINE)),
            blocks(path)[1:] if name == "concepts" else blocks(path),
        )
        for path in (english, chinese)
    ]
    assert shape[0] == shape[1]


def test_each_page_has_one_title_and_no_heading_twice(page: Path) -> None:
    headings = HEADING.findall(prose(page))
    assert [level for level, _ in headings].count("#") == 1
    assert len({title for _, title in headings}) == len(headings)


def test_every_link_leads_somewhere(page: Path) -> None:
    for _, target in LINK.findall(prose(page)):
        if target.startswith(("http:", "https:", "/")):
            continue
        name, _, section = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{target} is not there"
        if section:
            assert section in {guide.slug(title) for _, title in HEADING.findall(prose(there))}, target


def test_the_images_are_those_of_the_script_each_in_its_language_and_all_are_used() -> None:
    assert SHOT_LANGUAGES == LANGUAGES
    for language in LANGUAGES:
        used = [target for path in (DOCS / language).glob("*.md") for mark, target in LINK.findall(text(path)) if mark]
        assert {f"../images/{language}/{name}.png" for name in SHOTS} == set(used)
        assert len(used) == len(set(used))
        assert {path.stem for path in (DOCS / "images" / language).iterdir()} == set(SHOTS)


def test_the_images_are_small_enough_for_every_checkout() -> None:
    assert sum(path.stat().st_size for path in (DOCS / "images").rglob("*.png")) < MOST_BYTES


def test_every_setting_there_is(page: Path) -> None:
    known = (
        {env.name_of(row.name) for row in fields(env.Environment)}
        | {value for name, value in vars(job_names).items() if name.isupper()}
        | OF_CLIENTS
    )
    assert set(SETTING.findall(text(page))) <= known


def test_every_command_there_is(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.MULTILINE))
    said = "\n".join([*CODE.findall(prose(page)), *blocks(page)])
    assert set(re.findall(r"(?:^|\s)make ([a-z-]+)", said)) <= targets
    assert set(re.findall(r"manage\.py (\w+)", said)) <= set(get_commands())


def test_every_address_of_the_api_there_is(page: Path) -> None:
    for found in ADDRESS.findall(text(page)):
        path = "/api/v1" + re.sub(r"\$\w+", "01890000-0000-7000-8000-000000000000", found.rstrip("."))
        if path in NO_VIEW:
            continue
        try:
            assert resolve(path).url_name != "dashboard"
        except Resolver404:
            pytest.fail(f"{path} leads nowhere")


def test_sentences_that_are_quoted_are_those_that_are_said() -> None:
    patterns = [re.compile(re.sub(r"\\{\w+:\w+\\}", ".*", re.escape(each))) for each in SENTENCES.values()]
    quoted = re.findall(r"\*((?:Waiting|Refused|Replica)[:\s][^*]+)\*", "\n".join(prose(path) for path in OWN))
    assert len(quoted) > 4
    for sentence in quoted:
        said = sentence.replace("\n", " ")
        assert any(each.fullmatch(said) or each.fullmatch(said.removesuffix(".")) for each in patterns), said
