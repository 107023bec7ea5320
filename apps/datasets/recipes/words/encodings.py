"""Words of the steps that make numbers of the label and of categories."""

from apps.datasets.recipes.words.base import SOME, SOME_TEXTS, Choices, StepWords, Words

STEPS: dict[str, StepWords] = {
    "encode_label": StepWords(
        Words(
            "Encode the label",
            "Replaces the values of the label by whole numbers. Every row must have one of the values given.",
            "编码标签",
            "用整数替换标签的取值。每一行的标签都必须是所列取值之一。",
        ),
        {
            "column": Words("Label column", "The column that is predicted.", "标签列", "要预测的列。"),
            "mapping": Words(
                "Numbers", "The whole number that stands for each value.", "对应数字", "每个取值对应的整数。"
            ),
        },
    ),
    "merge_rare": StepWords(
        Words(
            "Merge rare values",
            "Makes one value of those that few rows have.",
            "合并稀有取值",
            "将出现较少的取值合并为一个。",
        ),
        {
            "columns": SOME_TEXTS,
            "least_ratio": Words(
                "Least share",
                "A value that a smaller share of the rows has is rare.",
                "最小占比",
                "占比低于该值的取值视为稀有。",
            ),
            "least_rows": Words(
                "Least rows",
                "A value that fewer rows have is rare. Left empty, only the share counts.",
                "最少行数",
                "行数少于该值的取值视为稀有。留空则只看占比。",
            ),
            "most_values": Words(
                "Most values",
                "How many of the most frequent values are kept. Left empty, all that are not rare.",
                "保留个数",
                "保留最常见的多少个取值。留空则保留所有不稀有的取值。",
            ),
            "into": Words("Merged value", "What stands for rare values.", "合并为", "用来代替稀有取值的值。"),
        },
    ),
    "ordinal_encode": StepWords(
        Words(
            "Encode an order",
            "Replaces values that have an order by 0, 1, 2 and so on.",
            "有序编码",
            "按顺序用 0、1、2…… 替换取值。",
        ),
        {
            "column": Words("Column", "A text column whose values have an order.", "列", "取值有顺序的文本列。"),
            "order": Words("Order", "The values, from the least on.", "顺序", "从小到大的取值。"),
            "otherwise": Words(
                "Other values", "What becomes of values that are not listed.", "其他取值", "未列出的取值如何处理。"
            ),
        },
    ),
    "one_hot": StepWords(
        Words(
            "One-hot encode",
            "Replaces a text column by one column of 0 and 1 for each value of the training rows.",
            "独热编码",
            "将文本列替换为多个 0/1 列，训练集中的每个取值对应一列。",
        ),
        {
            "columns": SOME,
            "max_categories": Words(
                "Most values",
                "A column with more values than this is refused.",
                "取值上限",
                "取值个数超过该上限的列会被拒绝。",
            ),
        },
    ),
}
CHOICES: Choices = {}
