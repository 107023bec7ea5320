"""Writes the table of functions in the guide's page on expressions from what they are: `make guide-steps`.

In `<language>/expressions.md` all from the heading of `HEADS` on is written anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from workers.contracts.expressions import FUNCTIONS, Function

DOCS: Final = Path(__file__).parent
HEADS: Final = {"en": "## All functions", "zh": "## 全部函数"}
COLUMNS: Final = {"en": ("function", "example", "what it gives"), "zh": ("函数", "示例", "结果")}
TYPES: Final = {
    "en": {
        **{"int64": "whole number", "float64": "number", "number": "number", "string": "text", "bool": "true or false"},
        **{"date": "date", "timestamp": "timestamp", "moment": "date or timestamp", "any": "any"},
    },
    "zh": {
        **{"int64": "整数", "float64": "数值", "number": "数值", "string": "文本", "bool": "真假值"},
        **{"date": "日期", "timestamp": "时刻", "moment": "日期或时刻", "any": "任意"},
    },
}
WRITTEN: Final = {"en": "{} written out", "zh": "写出的{}"}


def page_of(language: str) -> Path:
    return DOCS / language / "expressions.md"


def table(language: str) -> str:
    """The heading and the table, in Markdown."""
    lines = [f"| {' | '.join(COLUMNS[language])} |", "|---|---|---|"]
    for name, found in FUNCTIONS.items():
        says = found.says if language == "en" else found.says_zh
        lines.append(
            f"| `{name}`({_parameters(found, language)}) | `{found.example}` | {says} |".replace("||", r"\|\|")
        )
    return "\n".join([HEADS[language], "", *lines]) + "\n"


def _parameters(function: Function, language: str) -> str:
    said = [_said(kind, language) for kind in function.parameters]
    needed = len(said) - function.optional
    said = [each if place < needed else f"[{each}]" for place, each in enumerate(said)]
    return ", ".join(said) + (", …" if function.repeated else "")


def _said(kind: str, language: str) -> str:
    if kind.startswith("written "):
        return WRITTEN[language].format(TYPES[language][kind.removeprefix("written ")])
    return TYPES[language][kind]


def written(text: str, language: str) -> str:
    """A page with its table made anew."""
    before, head, _ = text.partition(HEADS[language])
    if not head:
        raise ValueError(f"{page_of(language)} has no heading {HEADS[language]!r}")
    return before + table(language)


def main() -> None:
    for language in HEADS:
        path = page_of(language)
        path.write_text(written(path.read_text(encoding="utf-8"), language), encoding="utf-8")


if __name__ == "__main__":
    main()
