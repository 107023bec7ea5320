"""Words of the steps that say which rows a model learns from, and how often."""

from apps.datasets.recipes.words.base import Choices, StepWords, Words

STEPS: dict[str, StepWords] = {
    "split": StepWords(
        Words(
            "Split into training and test rows",
            "Decided by the content of each row, by a time or by groups, so that the same row falls on the same side "
            "every time. Steps that learn from the data come after it.",
            "划分训练集与测试集",
            "按每行的内容、时间或分组决定，因此同一行每次都落在同一侧。需要从数据中学习的步骤须放在其后。",
        ),
        {
            "test_ratio": Words("Share of test rows", "Above 0 and below 1.", "测试集比例", "大于 0 且小于 1。"),
            "seed": Words("Seed", "Another number gives another split.", "随机种子", "不同的数字会得到不同的划分。"),
            "stratify": Words(
                "Stratify by",
                "Each value of this column keeps its share on both sides.",
                "分层依据",
                "该列的每个取值在两侧保持相同的比例。",
            ),
            "positive": Words(
                "Positive value", "The value that a model is asked about.", "正类取值", "模型要预测的那个取值。"
            ),
            "validation_ratio": Words(
                "Share of validation rows",
                "Left empty, there is no such part.",
                "验证集比例",
                "留空表示不划分验证集。",
            ),
            "by": Words("By", "What decides where a row belongs.", "划分方式", "由什么决定每行的归属。"),
            "column": Words(
                "Column",
                "The time that decides, or whose rows of one value stay together.",
                "列",
                "按时间划分时的时间列；按分组划分时，取值相同的行归在同一侧。",
            ),
            "test_from": Words(
                "Test rows from",
                "Rows from this time on are test rows. Left empty, the last ones by their share.",
                "测试集起始时间",
                "从该时间起的行归入测试集。留空时按比例取最后的行。",
            ),
        },
    ),
    "balance": StepWords(
        Words(
            "Balance classes",
            "Lets classes count alike among training rows: by fewer rows, by copies, or by weights.",
            "平衡类别",
            "使训练集中各类别的份量相当：减少行、复制行或使用权重。",
        ),
        {
            "column": Words("Class column", "The column whose values are balanced.", "类别列", "按其取值平衡的列。"),
            "method": Words("Method", "How classes come to count alike.", "方法", "如何使各类别份量相当。"),
            "ratio": Words(
                "Smallest to largest",
                "How many rows the smallest class has afterwards for one of the largest. Weights do not look at it.",
                "最小与最大之比",
                "处理后最小类别与最大类别的行数之比。使用权重时不起作用。",
            ),
            "seed": Words("Seed", "Another number chooses other rows.", "随机种子", "不同的数字会选取不同的行。"),
        },
    ),
}
CHOICES: Choices = {
    "content": ("Content of the row", "行的内容"),
    "time": ("Time", "时间"),
    "group": ("Groups", "分组"),
    "undersample": ("Leave rows of large classes out", "剔除大类别的行"),
    "oversample": ("Copy rows of small classes", "复制小类别的行"),
    "weights": ("Weights", "权重"),
}
