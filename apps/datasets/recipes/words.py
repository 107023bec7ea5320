"""Titles and descriptions of steps and options in English and Simplified Chinese, for the forms that people fill in."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """A title and a sentence about it, in both languages."""

    title: str
    description: str
    title_zh: str
    description_zh: str


_SOME = Words("Columns", "Left empty, every column that the step is about.", "列", "留空表示该步骤适用的所有列。")
_SOME_NUMBERS = Words("Columns", "Numeric features. Left empty, all of them.", "列", "数值型特征。留空表示全部。")

KIND_WORDS: dict[str, Words] = {
    "missing_values": Words(
        "Recognise missing values",
        "Turns markers such as NA into missing values. "
        "A text column whose other values are all numbers becomes numeric.",
        "识别缺失值",
        "将 NA 等标记转换为缺失值。若某文本列的其余值均为数字，则该列变为数值列。",
    ),
    "drop_duplicates": Words(
        "Drop duplicates",
        "Of rows with equal content the earliest one stays.",
        "删除重复行",
        "内容相同的行只保留最早的一行。",
    ),
    "drop_columns": Words(
        "Drop columns",
        "Leaves columns out: identifiers, times, whatever a model must not see.",
        "删除列",
        "移除列：标识符、时间，以及模型不应看到的任何内容。",
    ),
    "split": Words(
        "Split into training and test rows",
        "Decided by the content of each row, so that the same row falls on the same side every time. "
        "Steps that learn from the data come after it.",
        "划分训练集与测试集",
        "按每行内容决定，因此同一行每次都落在同一侧。需要从数据中学习的步骤须放在其后。",
    ),
    "encode_label": Words(
        "Encode the label",
        "Replaces the values of the label by whole numbers. Every row must have one of the values given.",
        "编码标签",
        "用整数替换标签的取值。每一行的标签都必须是所列取值之一。",
    ),
    "outliers": Words(
        "Replace outliers",
        "Replaces what lies far beyond the quartiles of the training rows.",
        "替换离群值",
        "替换远超出训练集四分位数范围的值。",
    ),
    "impute": Words(
        "Fill missing values",
        "Fills gaps with what is usual among the training rows.",
        "填补缺失值",
        "用训练集中的常见值填补空缺。",
    ),
    "standardise": Words(
        "Standardise",
        "Subtracts the mean of the training rows and divides by their standard deviation.",
        "标准化",
        "减去训练集的均值，再除以其标准差。",
    ),
    "one_hot": Words(
        "One-hot encode",
        "Replaces a text column by one column of 0 and 1 for each value of the training rows.",
        "独热编码",
        "将文本列替换为多个 0/1 列，训练集中的每个取值对应一列。",
    ),
}

OPTION_WORDS: dict[tuple[str, str], Words] = {
    ("missing_values", "markers"): Words(
        "Markers",
        "Texts that mean a missing value; blanks around a value do not count.",
        "缺失标记",
        "表示缺失值的文本；比较时忽略值两侧的空白。",
    ),
    ("drop_duplicates", "columns"): Words(
        "Columns",
        "Columns that make two rows equal. Left empty, all of them.",
        "列",
        "用于判断两行是否相同的列。留空表示全部列。",
    ),
    ("drop_columns", "columns"): Words("Columns", "Columns to leave out.", "列", "要移除的列。"),
    ("split", "test_ratio"): Words("Share of test rows", "Above 0 and below 1.", "测试集比例", "大于 0 且小于 1。"),
    ("split", "seed"): Words("Seed", "Another number gives another split.", "随机种子", "不同的数字会得到不同的划分。"),
    ("split", "stratify"): Words(
        "Stratify by",
        "Each value of this column keeps its share on both sides.",
        "分层依据",
        "该列的每个取值在两侧保持相同的比例。",
    ),
    ("split", "positive"): Words(
        "Positive value", "The value that a model is asked about.", "正类取值", "模型要预测的那个取值。"
    ),
    ("encode_label", "column"): Words("Label column", "The column that is predicted.", "标签列", "要预测的列。"),
    ("encode_label", "mapping"): Words(
        "Numbers", "The whole number that stands for each value.", "对应数字", "每个取值对应的整数。"
    ),
    ("outliers", "method"): Words("Method", "How outliers are told from other values.", "方法", "如何判定离群值。"),
    ("outliers", "factor"): Words(
        "Factor",
        "How many times the distance of the quartiles a value may lie beyond them.",
        "倍数",
        "允许超出四分位数的距离，以四分位距的倍数表示。",
    ),
    ("outliers", "replace"): Words("Replace by", "What stands for an outlier.", "替换为", "用来代替离群值的值。"),
    ("outliers", "columns"): _SOME_NUMBERS,
    ("impute", "numeric"): Words("Numbers", "What fills gaps among numbers.", "数值", "用什么填补数值空缺。"),
    ("impute", "categorical"): Words("Text", "What fills gaps among texts.", "文本", "用什么填补文本空缺。"),
    ("standardise", "columns"): _SOME_NUMBERS,
    ("one_hot", "columns"): _SOME,
    ("one_hot", "max_categories"): Words(
        "Most values",
        "A column with more values than this is refused.",
        "取值上限",
        "取值个数超过该上限的列会被拒绝。",
    ),
}

PARSING_WORDS: dict[str, Words] = {
    "format": Words("Format", "Left empty, what the file's name says.", "格式", "留空时按文件名判断。"),
    "delimiter": Words(
        "Delimiter",
        "The character between two fields. Left empty, it is found from the file.",
        "分隔符",
        "两个字段之间的字符。留空时从文件中识别。",
    ),
    "null_values": Words(
        "Missing values", "Fields that stand for a missing value.", "缺失值", "表示缺失值的字段内容。"
    ),
    "header": Words("Header", "The first line names the columns.", "表头", "第一行是列名。"),
    "encoding": Words("Encoding", "How the file's text is written.", "编码", "文件文本的编码方式。"),
    "types": Words(
        "Types",
        "Types that columns must have; a row that does not fit is left out and counted.",
        "类型",
        "列必须具有的类型；不符合的行会被剔除并计数。",
    ),
}

CHOICE_WORDS: dict[str, tuple[str, str]] = {
    "iqr": ("Distance of the quartiles (IQR)", "四分位距（IQR）"),
    "median": ("Median", "中位数"),
    "mean": ("Mean", "均值"),
    "mode": ("Most frequent value", "众数"),
    "csv": ("CSV", "CSV"),
    "tsv": ("TSV", "TSV"),
    "jsonl": ("JSON lines", "JSON 行"),
    "parquet": ("Parquet", "Parquet"),
}
"""What a choice is called, wherever it stands."""
