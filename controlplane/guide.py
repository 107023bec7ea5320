"""The user guide at `/help/<language>/<page>`: the Markdown of `docs/`, read when it is asked for.

It asks nobody who they are: it holds nothing of this installation, and who cannot sign in may be looking for why. It
reads neither database nor Redis, so that it can be read while they are away.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import override
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from controlplane import env
from controlplane.looks import reads_chinese, scheme_of

DOCS = env.ROOT / "docs"
IMAGES = "guide"
"""Folder of the images among the static files."""
LANGUAGES: Final = {"en": "en", "zh": "zh-hans"}
"""As addresses and folders name them, and as Django does."""
PAGES: Final = (
    *(
        "get-started",
        "concepts",
        "datasets",
        "recipes",
        "expressions",
        "runs",
        "library",
        "models",
        "mlflow",
        "endpoints",
        "quotas",
        "clusters",
        "access",
    ),
    *("operate", "api", "keyboard", "glossary"),
)
"""In the order of the navigation. The glossary is one for all languages."""
OUTSIDE = re.compile(r"[a-z]+:|/")
"""What a link begins with that does not lead to another file of the project."""


@dataclass(frozen=True)
class Page:
    """One page, ready to be shown."""

    title: str
    html: str
    sections: tuple[tuple[str, str], ...]
    """Id and text of each heading of the second level."""


def file_of(language: str, name: str) -> Path:
    return DOCS / "glossary.md" if name == "glossary" else DOCS / language / f"{name}.md"


def page_of(language: str, name: str) -> Page | None:
    """The page, or None where there is none."""
    if language not in LANGUAGES or name not in PAGES:
        return None
    path = file_of(language, name)
    try:
        return _rendered(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return None


def slug(text: str) -> str:
    """A heading's id, as the usual readers of Markdown make it: links work there and here."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


@lru_cache(maxsize=64)
def _rendered(path: Path, changed: int) -> Page:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(path.read_text(encoding="utf-8"))
    headings = list(_named(tokens))
    for token in tokens:
        if token.children:
            token.children = list(_led(token.children, path))
    title = next((text for level, _, text in headings if level == "h1"), path.stem)
    sections = tuple((key, text) for level, key, text in headings if level == "h2")
    markdown.add_render_rule("fence", _fence)
    return Page(title, markdown.renderer.render(tokens, markdown.options, {}), sections)


def _named(tokens: Sequence[Token]) -> Iterator[tuple[str, str, str]]:
    """Give every heading an id; level, id and text of each."""
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            text = "".join(child.content for child in inline.children or [])
            token.attrSet("id", slug(text))
            yield token.tag, slug(text), text


def _led(children: Sequence[Token], path: Path) -> Iterator[Token]:
    """The same with links and images that lead within the installation; a link out of the guide is only its text."""
    dropped = 0
    for child in children:
        if child.type == "link_open":
            href = _address(str(child.attrGet("href")))
            if not href:
                dropped += 1
                continue
            child.attrSet("href", href)
        elif child.type == "link_close" and dropped:
            dropped -= 1
            continue
        elif child.type == "image":
            child.attrs |= _image(path.parent / str(child.attrGet("src")))
        yield child


def _address(href: str) -> str:
    """Where a link of the Markdown leads in the browser; empty for files that are not served."""
    if OUTSIDE.match(href) or href.startswith("#"):
        return href
    target, mark, section = href.partition("#")
    name = target.removeprefix("../").removesuffix(".md")
    return f"{name}{mark}{section}" if target.endswith(".md") and name in PAGES else ""


def _image(path: Path) -> dict[str, Any]:
    """Where the image is served, and its size, so that nothing jumps when it comes."""
    size: dict[str, Any] = {}
    if path.is_file():
        with path.open("rb") as file:
            width, height = struct.unpack(">II", file.read(24)[16:])
        size = {"width": width, "height": height}
    return {"src": static(f"{IMAGES}/{path.parent.name}/{path.name}"), "loading": "lazy"} | size


def _fence(self: Any, tokens: Sequence[Token], index: int, options: Any, environment: Any) -> str:
    # Long lines are scrolled to, also by keys.
    return f'<pre tabindex="0"><code>{escape(tokens[index].content)}</code></pre>\n'


@require_safe
def home(request: HttpRequest, language: str = "") -> HttpResponseBase:
    """To the first page, in the reader's language where the address says none."""
    chosen = language or ("zh" if reads_chinese() else "en")
    return redirect("guide", chosen, PAGES[0])


@require_safe
def page(request: HttpRequest, language: str, name: str) -> HttpResponse:
    """One page with the navigation of all; where there is none, the same frame says so."""
    shown = page_of(language, name)
    inside = language if language in LANGUAGES else "en"
    other = "en" if inside == "zh" else "zh"
    with override(LANGUAGES[inside]):
        context = {
            "page": shown,
            "language": "zh-Hans" if inside == "zh" else "en",
            "scheme": scheme_of(request),
            "name": name,
            "pages": [(each, found.title) for each in PAGES if (found := page_of(inside, each))],
            "inside": inside,
            "other": reverse("guide", args=[other, name if shown else PAGES[0]]),
        }
        answer = render(request, "controlplane/guide.html", context)
    if shown is None:
        answer.status_code = HTTPStatus.NOT_FOUND
    return answer
