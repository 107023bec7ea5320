"""Words of the steps about missing values."""

from apps.datasets.recipes.words.base import Choices, StepWords, Words

STEPS: dict[str, StepWords] = {
    "missing_values": StepWords(
        Words(
            "Recognise missing values",
            "Turns markers such as NA into missing values. "
            "A text column whose other values are all numbers becomes numeric.",
            "识别缺失值",
            "将 NA 等标记转换为缺失值。若某文本列的其余值均为数字，则该列变为数值列。",
        ),
        {
            "markers": Words(
                "Markers",
                "Texts that mean a missing value; blanks around a value do not count.",
                "缺失标记",
                "表示缺失值的文本；比较时忽略值两侧的空白。",
            ),
            "columns": Words(
                "Columns",
                "Where markers are looked for. Left empty, in every text column.",
                "列",
                "在哪些列中查找标记。留空表示所有文本列。",
            ),
            "sentinels": Words(
                "Numbers that mean missing",
                "Such as -999; looked for in the numeric columns that are chosen above, or in all.",
                "表示缺失的数字",
                "例如 -999；在上面所选的数值列中查找，未选则在全部数值列中查找。",
            ),
            "numbers": Words(
                "Recognise numbers",
                "Makes a text column numeric when its other values are all numbers.",
                "识别数字",
                "若文本列的其余值均为数字，则转换为数值列。",
            ),
        },
    ),
}
CHOICES: Choices = {}
