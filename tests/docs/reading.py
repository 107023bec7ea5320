"""The guide's files, read once for its tests."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LANGUAGES = ("en", "zh")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def pages() -> list[Path]:
    """Every page of Markdown, in both languages, and what stands above them."""
    return sorted(DOCS.rglob("*.md"))


def prose(path: Path) -> str:
    """The page without its blocks of code."""
    return FENCE.sub("", text(path))


def blocks(path: Path) -> list[str]:
    """Its blocks of code, each with its first line."""
    return FENCE.findall(text(path))


def tables(path: Path) -> list[list[dict[str, str]]]:
    """Every table of the page: its rows by the head of their column."""
    found: list[list[dict[str, str]]] = []
    heads: list[str] = []
    for line in [*text(path).splitlines(), ""]:
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            heads = []
        elif not heads:
            heads = cells
            found.append([])
        elif set(line) - set("|-"):
            found[-1].append(dict(zip(heads, cells, strict=True)))
    return found
