"""Words of the steps about columns."""

from apps.datasets.recipes.words.base import COLUMNS, ON_ERROR, ON_ERROR_CHOICES, Choices, StepWords, Words

STEPS: dict[str, StepWords] = {
    "drop_columns": StepWords(
        Words(
            "Drop columns",
            "Leaves columns out: identifiers, times, whatever a model must not see.",
            "删除列",
            "移除列：标识符、时间，以及模型不应看到的任何内容。",
        ),
        {"columns": Words("Columns", "Columns to leave out.", "列", "要移除的列。")},
    ),
    "keep_columns": StepWords(
        Words(
            "Keep columns",
            "Leaves out every column but these. The label and the split stay.",
            "保留列",
            "只保留所列的列，其余移除。标签列与划分列始终保留。",
        ),
        {"columns": Words("Columns", "Columns to keep.", "列", "要保留的列。")},
    ),
    "rename_columns": StepWords(
        Words("Rename columns", "Gives columns other names.", "重命名列", "为列改名。"),
        {"columns": Words("New names", "The new name of each column.", "新名称", "每一列的新名称。")},
    ),
    "reorder_columns": StepWords(
        Words(
            "Reorder columns",
            "Puts these columns first, in this order; the others follow as they are.",
            "调整列顺序",
            "将这些列按此顺序排在最前，其余列保持原有顺序。",
        ),
        {"columns": Words("First columns", "In their new order.", "靠前的列", "按新的顺序排列。")},
    ),
    "cast": StepWords(
        Words(
            "Change type",
            "Makes columns numbers, text, true and false, dates or times.",
            "转换类型",
            "将列转换为数字、文本、真假值、日期或时间。",
        ),
        {
            "columns": COLUMNS,
            "to": Words("New type", "The type that the columns have then.", "新类型", "列转换后的类型。"),
            "on_error": ON_ERROR,
        },
    ),
}
CHOICES: Choices = {
    "int64": ("Whole number", "整数"),
    "float64": ("Number", "数字"),
    "string": ("Text", "文本"),
    "bool": ("True or false", "真假值"),
    "date": ("Date", "日期"),
    "timestamp": ("Date and time", "日期时间"),
    **ON_ERROR_CHOICES,
}
