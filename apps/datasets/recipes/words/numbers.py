"""Words of the steps on numbers, and of filling gaps."""

from apps.datasets.recipes.words.base import SOME_NUMBERS, Choices, StepWords, Words

STEPS: dict[str, StepWords] = {
    "outliers": StepWords(
        Words(
            "Replace outliers",
            "Replaces what lies far beyond the quartiles of the training rows.",
            "替换离群值",
            "替换远超出训练集四分位数范围的值。",
        ),
        {
            "method": Words("Method", "How outliers are told from other values.", "方法", "如何判定离群值。"),
            "factor": Words(
                "Factor",
                "How many times the distance of the quartiles a value may lie beyond them.",
                "倍数",
                "允许超出四分位数的距离，以四分位距的倍数表示。",
            ),
            "replace": Words("Replace by", "What stands for an outlier.", "替换为", "用来代替离群值的值。"),
            "columns": SOME_NUMBERS,
        },
    ),
    "impute": StepWords(
        Words(
            "Fill missing values",
            "Fills gaps with what is usual among the training rows.",
            "填补缺失值",
            "用训练集中的常见值填补空缺。",
        ),
        {
            "numeric": Words("Numbers", "What fills gaps among numbers.", "数值", "用什么填补数值空缺。"),
            "categorical": Words("Text", "What fills gaps among texts.", "文本", "用什么填补文本空缺。"),
        },
    ),
    "standardise": StepWords(
        Words(
            "Standardise",
            "Subtracts the mean of the training rows and divides by their standard deviation.",
            "标准化",
            "减去训练集的均值，再除以其标准差。",
        ),
        {"columns": SOME_NUMBERS},
    ),
}
CHOICES: Choices = {
    "iqr": ("Distance of the quartiles (IQR)", "四分位距（IQR）"),
    "median": ("Median", "中位数"),
    "mean": ("Mean", "均值"),
    "mode": ("Most frequent value", "众数"),
}
