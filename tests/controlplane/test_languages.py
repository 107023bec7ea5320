"""Every word of the pages exists in every language."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from apps.common.templatetags.times import duration
from apps.experiments.states import RunState
from apps.quotas.states import Reason, WorkloadState

ROOT = Path(settings.BASE_DIR)
FOLDER = ROOT / "controlplane" / "locale" / "zh_Hans" / "LC_MESSAGES"
CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
"""As browsers in China ask."""


def written() -> dict[str, str]:
    """Message and translation, as the file for people has them; every one is on one line."""
    found = re.findall(r'^msgid "(.+)"\n(?:msgid_plural ".+"\n)?msgstr(?:\[0\])? "(.*)"$', _po(), re.MULTILINE)
    return dict(found)


def _po() -> str:
    return (FOLDER / "django.po").read_text(encoding="utf-8")


def said_by_the_pages() -> set[str]:
    found: set[str] = set()
    for path in [*ROOT.glob("apps/*/templates/**/*.html"), *ROOT.glob("controlplane/templates/**/*.html")]:
        text = path.read_text(encoding="utf-8")
        found.update(re.findall(r'{% translate "([^"]+)"', text))
        for block in re.findall(r"{% blocktranslate.*?%}(.*?)(?:{% plural|{% endblocktranslate)", text):
            found.add(re.sub(r"{{ (\w+) }}", r"%(\1)s", block))
    return found


def test_every_word_of_the_pages_is_translated() -> None:
    words = said_by_the_pages() | {*RunState.values, *WorkloadState.values, *Reason.values}
    assert len(words) > 40
    assert sorted(word for word in words if not written().get(word)) == []


def test_the_compiled_catalogue_is_that_of_the_file() -> None:
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message, translation in written().items():
        assert translation in (compiled.gettext(message), compiled.ngettext(message, "", 1))


@pytest.mark.django_db
def test_pages_follow_the_reader() -> None:
    answer = Client(headers=CHINESE).get("/login")
    text = answer.content.decode()
    assert answer.headers["Content-Language"] == "zh-hans"
    assert '<html lang="zh-hans">' in text
    assert "登录" in text
    assert "Sign in" not in text
    assert "Sign in" in Client(headers={"Accept-Language": "fr"}).get("/login").content.decode()


@pytest.mark.django_db
def test_the_switch_stays_and_leads_back() -> None:
    browser = Client()
    answer = browser.post("/language", {"language": "zh-hans", "next": "/login"})
    assert answer.headers["Location"] == "/login"
    assert "登录" in browser.get("/login").content.decode()
    assert browser.post("/language", {"language": "en", "next": "https://evil.example"}).headers["Location"] == "/"
    assert "Sign in" in browser.get("/login", headers=CHINESE).content.decode()


@pytest.mark.django_db
def test_the_api_speaks_english_to_everybody() -> None:
    first, second = (
        Client(headers=headers).post("/api/v1/auth/login", {}, "application/json") for headers in ({}, CHINESE)
    )
    assert (
        first.json()["fields"]
        == second.json()["fields"]
        == {
            "username": ["This field is required."],
            "password": ["This field is required."],
        }
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (4.26, "4.3 s"),
        (59.9, "59 s"),
        (65, "1 m 05 s"),
        (3840, "1 h 04 m"),
        (90_000, "1 d 01 h"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text
