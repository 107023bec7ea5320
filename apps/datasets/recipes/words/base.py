"""What titles and descriptions are made of."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """A title and a sentence about it, in both languages."""

    title: str
    description: str
    title_zh: str
    description_zh: str


class StepWords(NamedTuple):
    """The words of a kind of step and of its options."""

    kind: Words
    options: dict[str, Words]


Choices = dict[str, tuple[str, str]]
"""Value of an `enum` → what it is called."""

SOME = Words("Columns", "Left empty, every column that the step is about.", "列", "留空表示该步骤适用的所有列。")
SOME_TEXTS = Words("Columns", "Text features. Left empty, all of them.", "列", "文本型特征。留空表示全部。")
SOME_NUMBERS = Words("Columns", "Numeric features. Left empty, all of them.", "列", "数值型特征。留空表示全部。")
COLUMNS = Words("Columns", "Columns to which it is done.", "列", "要处理的列。")
ON_ERROR = Words(
    "What cannot be converted",
    "Becomes a missing value, ends the run, or has its row left out.",
    "无法转换的值",
    "变为缺失值、使运行失败，或剔除所在的行。",
)
ON_ERROR_CHOICES: Choices = {
    "null": ("Missing value", "缺失值"),
    "fail": ("End the run", "使运行失败"),
    "drop": ("Leave the row out", "剔除该行"),
}
