"""Writes the tables of cleaning steps in the guide from what steps are: `make guide-steps`. A test compares them.

In `<language>/recipes.md` all from the heading of `HEADS` on is written anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from apps.datasets.recipes.forms import choices_of
from apps.datasets.recipes.words import CHOICE_WORDS, KIND_WORDS, OPTION_WORDS, Words
from workers.contracts.recipes import FAMILIES, Option

DOCS: Final = Path(__file__).parent
WORDS: Final = DOCS.parent / "frontend/src/features/datasets/locale"
HEADS: Final = {"en": "## All steps", "zh": "## 全部步骤"}
COLUMNS: Final = {
    "en": ("step and its options", "unless told", "what it does"),
    "zh": ("步骤与选项", "默认值", "说明"),
}
MUST: Final = {"en": "must be told", "zh": "必填"}
LONGEST: Final = 60


def page_of(language: str) -> Path:
    return DOCS / language / "recipes.md"


def tables(language: str) -> str:
    """A heading and a table per family, in Markdown."""
    families = json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8"))["family"]
    parts = [HEADS[language]]
    for family, kinds in FAMILIES.items():
        lines = [_row(*COLUMNS[language]), "|---|---|---|"]
        for kind, found in kinds.items():
            title, says = _said(KIND_WORDS[kind], language)
            lines.append(_row(f"**{title}** `{kind}`", "", says))
            lines += [_option(kind, name, option, language) for name, option in found.options.items()]
        parts.append("\n".join([f"### {families[family]}", "", *lines]))
    return "\n\n".join(parts) + "\n"


def written(text: str, language: str) -> str:
    """A page with its tables made anew."""
    before, head, _ = text.partition(HEADS[language])
    if not head:
        raise ValueError(f"{page_of(language)} has no heading {HEADS[language]!r}")
    return before + tables(language)


def _option(kind: str, name: str, option: Option, language: str) -> str:
    title, says = _said(OPTION_WORDS[kind, name], language)
    place = 0 if language == "en" else 1
    choices = ", ".join(f"`{value}` {CHOICE_WORDS[value][place]}" for value in choices_of(option.schema))
    default = MUST[language] if option.required else _value(option.default)
    return _row(f"{title} `{name}`", default, f"{says} {choices}".strip())


def _value(default: Any) -> str:
    text = json.dumps(default, ensure_ascii=False)
    return "–" if default is None else f"`{text if len(text) <= LONGEST else text[: LONGEST - 1] + '…'}`"


def _said(words: Words, language: str) -> tuple[str, str]:
    if language == "en":
        return words.title, words.description
    return words.title_zh, words.description_zh


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |".replace("|  |", "| |")


def main() -> None:
    for language in HEADS:
        path = page_of(language)
        path.write_text(written(path.read_text(encoding="utf-8"), language), encoding="utf-8")


if __name__ == "__main__":
    main()
