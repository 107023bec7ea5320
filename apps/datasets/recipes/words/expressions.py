"""Words of the steps that are told by an expression."""

from apps.datasets.recipes.words.base import Choices, StepWords, Words

STEPS: dict[str, StepWords] = {
    "filter_rows": StepWords(
        Words(
            "Filter rows",
            "Keeps the rows for which an expression is true; where it is not known, the row goes.",
            "筛选行",
            "只保留表达式为真的行；结果未知的行会被剔除。",
        ),
        {
            "expression": Words(
                "Rows to keep",
                "For example: age >= 18 and country = 'DE'",
                "要保留的行",
                "例如：age >= 18 and country = 'DE'",
            )
        },
    ),
    "derive": StepWords(
        Words(
            "Derive a column",
            "Computes a column, new or in the place of one, from the others of its row.",
            "派生列",
            "由同一行的其他列计算出新列，或替换已有的列。",
        ),
        {
            "name": Words("Name", "Name of the column.", "名称", "列的名称。"),
            "expression": Words(
                "Expression", "For example: Income / coalesce(Debt, 1)", "表达式", "例如：Income / coalesce(Debt, 1)"
            ),
        },
    ),
}
CHOICES: Choices = {}
