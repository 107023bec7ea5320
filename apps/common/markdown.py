"""Markdown that people write, as HTML that is safe to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

HEADING_LEVEL: Final = 3
"""Of their first heading: the page has those above it."""


def markdown_html(text: str) -> str:
    """HTML of CommonMark with tables. HTML inside it stays text, addresses with a scheme that runs something are no
    links, pictures are links: nothing is fetched from elsewhere because somebody reads it."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = parser.parse(text)
    for token in tokens:
        _lower(token)
        for inline in token.children or ():
            _tame(inline)
        token.children = _linked(token.children) if token.children else token.children
    html: str = parser.renderer.render(tokens, parser.options, {})
    return html


def _lower(token: Token) -> None:
    """Headings begin below those of the page."""
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + HEADING_LEVEL - 1)}"


def _tame(token: Token) -> None:
    if token.type == "link_open":
        token.attrSet("rel", "noopener noreferrer nofollow")
        token.attrSet("target", "_blank")


def _linked(tokens: Sequence[Token]) -> list[Token]:
    found: list[Token] = []
    for token in tokens:
        found += _picture(token) if token.type == "image" else [token]
    return found


def _picture(token: Token) -> list[Token]:
    """A link to the picture, with its words."""
    start = Token("link_open", "a", 1, attrs={"href": str(token.attrGet("src") or "")})
    _tame(start)
    words: Any = token.content or token.attrGet("src")
    return [start, Token("text", "", 0, content=str(words)), Token("link_close", "a", -1)]
