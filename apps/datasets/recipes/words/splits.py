"""Words of the steps that say which rows a model learns from."""

from apps.datasets.recipes.words.base import Choices, StepWords, Words

STEPS: dict[str, StepWords] = {
    "split": StepWords(
        Words(
            "Split into training and test rows",
            "Decided by the content of each row, so that the same row falls on the same side every time. "
            "Steps that learn from the data come after it.",
            "划分训练集与测试集",
            "按每行内容决定，因此同一行每次都落在同一侧。需要从数据中学习的步骤须放在其后。",
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
        },
    ),
}
CHOICES: Choices = {}
