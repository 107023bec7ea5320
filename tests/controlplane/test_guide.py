"""The user guide as the web process serves it: to everybody, in both languages, without a database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from controlplane import guide

TEXT = """# Loans

See [runs](runs.md#submit), [words](../glossary.md), [the code](../../README.md) and [the API](/api/v1/docs/).

![The page](../images/en/loans.png)

## How it *goes*

<script>alert(1)</script>

```sh
curl "a" && b
```
"""
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (1280).to_bytes(4, "big") + (800).to_bytes(4, "big")


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A guide of one page in English and one image."""
    for name, content in {"en/datasets.md": TEXT.encode(), "images/en/loans.png": PNG}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(guide, "DOCS", tmp_path)
    return tmp_path


def read(client: Client, path: str, status: int = 200, **options: Any) -> str:
    answer = client.get(path, **options)
    assert answer.status_code == status
    return answer.content.decode()


@pytest.mark.parametrize("language", guide.LANGUAGES)
@pytest.mark.parametrize("name", guide.PAGES)
def test_every_page_is_there_for_somebody_who_is_nobody(client: Client, language: str, name: str) -> None:
    text = read(client, f"/help/{language}/{name}")
    assert len(re.findall("<h1", text)) == 1
    assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}">' in text
    assert re.findall(r'aria-current="page">', text) == ['aria-current="page">']
    linked = re.findall(rf'href="/help/{language}/([\w-]+)"', text)
    assert linked == list(guide.PAGES)


def test_the_way_in_goes_by_the_readers_language(client: Client) -> None:
    assert client.get("/help/").headers["Location"] == "/help/en/get-started"
    assert client.get("/help/", headers={"Accept-Language": "zh-CN"}).headers["Location"] == "/help/zh/get-started"
    assert client.get("/help/zh/").headers["Location"] == "/help/zh/get-started"


@pytest.mark.parametrize("path", ["/help/en/nope", "/help/fr/datasets", "/help/en/..", "/help/en/README"])
def test_what_is_no_page_is_404_and_says_so(client: Client, path: str) -> None:
    assert "The guide has no such page." in read(client, path, 404)


def test_links_and_images_lead_within_the_installation(client: Client, docs: Path) -> None:
    text = read(client, "/help/en/datasets")
    main = text[text.index("<main") : text.index("</main>")]
    assert re.findall(r'href="([^"]+)"', main) == ["runs#submit", "glossary", "/api/v1/docs/"]
    assert "the code" in main
    image = re.search("<img[^>]+>", main)
    assert image
    for part in ('src="/static/guide/en/loans.png"', 'width="1280"', 'height="800"', 'alt="The page"'):
        assert part in image[0]


def test_headings_can_be_linked_to_and_markup_is_only_text(client: Client, docs: Path) -> None:
    text = read(client, "/help/en/datasets")
    assert '<h2 id="how-it-goes">' in text
    assert '<a href="#how-it-goes">How it goes</a>' in text
    assert "<script" not in text
    assert '<pre tabindex="0"><code>curl &quot;a&quot; &amp;&amp; b\n</code></pre>' in text


def test_what_was_changed_is_shown_without_a_restart(client: Client, docs: Path) -> None:
    read(client, "/help/en/datasets")
    (docs / "en/datasets.md").write_text("# Other words\n")
    assert '<h1 id="other-words">Other words</h1>' in read(client, "/help/en/datasets")
    (docs / "en/datasets.md").unlink()
    read(client, "/help/en/datasets", 404)


def test_the_page_may_load_styles_and_images_of_ours_and_nothing_else(client: Client) -> None:
    policy = client.get("/help/en/get-started").headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == "'self'"
    assert "script-src" not in rules


def test_it_looks_as_the_reader_chose(client: Client) -> None:
    client.cookies["bedplate_theme"] = "dark"
    assert '<html lang="en" data-scheme="dark">' in read(client, "/help/en/get-started")
    client.cookies["bedplate_theme"] = '"><script>'
    assert '<html lang="en">' in read(client, "/help/en/get-started")
