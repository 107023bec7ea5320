"""The admin panel in Chinese: every word of it is written, and no page shows an English label."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps as django_apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import translation

from apps.common.errors import BedplateError
from controlplane.panel.navigation import GROUPS
from tests.controlplane.test_languages import CHINESE, ROOT, said_by_the_pages
from tests.support.factories.access import ProjectFactory, UserFactory
from tests.support.factories.quotas import make_pool, make_queue
from tests.support.rows import one_of_everything

SAYING = {"_", "gettext", "gettext_lazy", "ngettext"}
COLUMNS = {"moment_column", "size_column", "link_column", "state_column"}
SAME = {
    "csv",
    "tsv",
    "jsonl",
    "parquet",
    "CPU",
    "GPU",
    "ID",
    "API",
    "SHA-256",
    "Redis",
    "PostgreSQL",
    "GiB",
    "",
    "Bedplate",
    "English",
}
"""Written alike in both."""


def said_by_the_code() -> Iterator[str]:
    """What the Python files of the apps and of the wiring say to people."""
    for path in [*ROOT.glob("apps/**/*.py"), *ROOT.glob("controlplane/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", "")
            place = 0 if name in SAYING else 1 if name in COLUMNS else None
            if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
                yield str(node.args[place].value)  # type: ignore[attr-defined]  # checked above


def names() -> Iterator[str]:
    """Tables and columns that the panel shows, and words of closed lists in them."""
    for model in admin.site._registry:
        if not model.__module__.startswith("apps."):
            continue
        yield from (str(model._meta.verbose_name), str(model._meta.verbose_name_plural))
        for column in model._meta.fields:
            yield str(column.verbose_name)
            yield from (str(value) for value, _ in getattr(column, "flatchoices", None) or ())
    for app in ("common", "access", "quotas", "datasets", "experiments", "deployments"):
        yield str(django_apps.get_app_config(app).verbose_name)


def titles(error: type[BedplateError] = BedplateError) -> Iterator[str]:
    """Of what the services behind the panel's verbs raise."""
    for kind in error.__subclasses__():
        if kind.__module__.startswith(("apps.common.errors", "apps.access.", "apps.quotas.")):
            yield kind.title
        yield from titles(kind)


@cache
def english() -> frozenset[str]:
    """Every word that Chinese says otherwise."""
    with translation.override("en"):
        words = {*said_by_the_pages(), *said_by_the_code(), *names(), *titles()}
    return frozenset(words) - SAME


def test_every_word_of_the_panel_is_written_in_chinese() -> None:
    assert len(english()) > 400
    with translation.override("zh-hans"):
        assert sorted(word for word in english() if translation.gettext(word) == word) == []


class Texts(HTMLParser):
    """The texts of a page that people read, and of what they point at; not what is code."""

    SKIPPED = {"script", "style", "code", "pre", "title"}
    SPOKEN = {"title", "placeholder", "aria-label", "data-label"}

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        icon = "material-symbols-outlined" in str(dict(attrs).get("class"))  # its text is a picture's name
        if tag not in {"input", "br", "hr", "img", "link", "meta", "rect", "path"}:
            self._inside.append("code" if icon else tag)
        self.found |= {" ".join(value.split()) for name, value in attrs if name in self.SPOKEN and value}

    def handle_endtag(self, tag: str) -> None:
        if self._inside:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.SKIPPED.intersection(self._inside):
            self.found.add(" ".join(data.split()))


def texts(page: str) -> set[str]:
    parser = Texts()
    parser.feed(page)
    return parser.found


def addresses(rows: dict[Any, Any]) -> Iterator[str]:
    """Every page of the panel: what the navigation names, lists, rows, forms, verbs, and the pages of their own."""
    yield from (reverse(f"admin:{page}") for _, items in GROUPS for _, _, page, _ in items)
    yield from (reverse("admin:access_project_new"), reverse("admin:password_change"))
    for model, page in admin.site._registry.items():
        if not model.__module__.startswith("apps."):
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        yield f"{reverse(f'{name}_changelist')}?q=nothing-like-that"
        if model.__name__ in {"User", "Organisation", "Team", "PriorityClass", "Quota"}:
            yield reverse(f"{name}_add")
        if model in rows:
            yield reverse(f"{name}_change", args=[rows[model].pk])
            yield from (reverse(f"{name}_{verb.name}", args=[rows[model].pk]) for verb in getattr(page, "verbs", ()))


@pytest.mark.django_db
def test_no_page_of_the_panel_shows_an_english_label() -> None:
    rows = one_of_everything(ProjectFactory.create())
    make_queue(make_pool(H200=2), rows[type(ProjectFactory.create())])
    pool = next(row for row in rows.values() if row._meta.model_name == "resourcepool")
    browser = Client(headers=CHINESE)
    browser.force_login(UserFactory.create(username="root", is_staff=True, is_superuser=True))
    called = {str(getattr(row, "name", "")) for row in rows.values()} | {"preprocessor"}  # the name of an artifact
    known = {word.casefold() for word in english() - called} - {word.casefold() for word in SAME}
    left: dict[str, list[str]] = {}
    seen = 0
    for url in [*addresses(rows), reverse("admin:quotas_resourcepool_quotas", args=[pool.pk])]:
        answer = browser.get(url)
        assert answer.status_code in (200, 409), url
        seen += 1
        words = sorted(word for word in texts(answer.content.decode()) if word.casefold() in known)
        if words:
            left[url] = words
    assert left == {}
    assert seen > 100


@pytest.mark.django_db
def test_an_english_label_would_be_found() -> None:
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    known = {word.casefold() for word in english()}
    shown = {word for word in texts(browser.get("/admin/").content.decode()) if word.casefold() in known}
    assert {"Running", "Control plane", "Members and roles"} <= shown
