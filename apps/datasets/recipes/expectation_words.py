"""Titles and descriptions of expectations and their options in English and Simplified Chinese."""

from __future__ import annotations

from apps.datasets.recipes.words import Words

EXPECTATION_WORDS: dict[str, Words] = {
    "not_null": Words("Is there", "Every row has a value in the column.", "不为空", "每一行在该列都有值。"),
    "unique": Words(
        "Is unique",
        "No two rows have the same values in these columns. Rows where one of them is missing do not count.",
        "唯一",
        "任意两行在这些列上的取值都不相同。其中有缺失值的行不计入。",
    ),
    "between": Words(
        "Lies between",
        "Numbers, dates or times are within limits; the limits belong to it. Missing values do not count.",
        "取值范围",
        "数值、日期或时间在上下限之内，含上下限。缺失值不计入。",
    ),
    "in_set": Words(
        "Is one of",
        "Every value is one of those that are listed. Missing values do not count.",
        "取值集合",
        "每个值都在所列的取值之中。缺失值不计入。",
    ),
    "matches": Words(
        "Matches a pattern",
        "A regular expression is found in every text; ^ and $ hold it to the whole text. Missing values do not count.",
        "匹配模式",
        "每段文本都能匹配正则表达式；用 ^ 和 $ 限定整段文本。缺失值不计入。",
    ),
    "type": Words("Has a type", "The column is of this type.", "列类型", "该列为指定的类型。"),
    "row_count": Words(
        "Has so many rows", "The version has at least and at most so many rows.", "行数", "该版本的行数在上下限之内。"
    ),
    "freshness": Words(
        "Is fresh",
        "The newest time of a column, or the version itself, is not older than so many hours.",
        "新鲜度",
        "某列的最新时间（或版本本身）距今不超过指定的小时数。",
    ),
    "foreign_key": Words(
        "Is known elsewhere",
        "Every value is there in a column of another dataset. Missing values do not count.",
        "引用完整",
        "每个值都存在于另一个数据集的某一列中。缺失值不计入。",
    ),
    "distribution": Words(
        "Is distributed as before",
        "The columns have not shifted farther than allowed from a reference version, by PSI and by Kolmogorov–Smirnov.",
        "分布稳定",
        "各列相对参考版本的偏移不超过限值，按 PSI 与 Kolmogorov–Smirnov 统计量衡量。",
    ),
    "custom": Words(
        "Fulfils an expression",
        "An expression over the columns is true in every row. Rows where it is not known (null) do not count.",
        "自定义表达式",
        "由各列构成的表达式在每一行都为真。结果未知（null）的行不计入。",
    ),
}

_COLUMN = Words("Column", "The column that is looked at.", "列", "要检查的列。")
_MOSTLY = Words(
    "Share that is enough",
    "Of the rows that count, so many have to fulfil it: 1 is all, 0.99 is 99 of 100.",
    "达标比例",
    "计入的行中至少有多大比例满足要求：1 表示全部，0.99 表示 99%。",
)
_DATASET = Words("Dataset", "Where the values are looked up.", "数据集", "在哪个数据集中查找。")
_AT = Words(
    "Version",
    "`latest` is the latest that is published; or an alias, or a number.",
    "版本",
    "latest 表示最新发布的版本；也可填别名或版本号。",
)

EXPECTATION_OPTION_WORDS: dict[tuple[str, str], Words] = {
    **{(kind, "column"): _COLUMN for kind in ("not_null", "between", "in_set", "matches", "type", "foreign_key")},
    **{
        (kind, "mostly"): _MOSTLY
        for kind in ("not_null", "unique", "between", "in_set", "matches", "foreign_key", "custom")
    },
    ("unique", "columns"): Words("Columns", "Together they tell rows apart.", "列", "这些列合在一起区分每一行。"),
    ("between", "minimum"): Words(
        "At least",
        "A number, or a day such as 2026-01-31, or a time such as 2026-01-31T08:00:00 in UTC.",
        "下限",
        "数值，或日期（如 2026-01-31），或 UTC 时间（如 2026-01-31T08:00:00）。",
    ),
    ("between", "maximum"): Words("At most", "As above. Left empty: without a limit.", "上限", "同上。留空表示不限。"),
    ("in_set", "values"): Words(
        "Values", "Up to 1000 texts, numbers or truth values.", "取值", "至多 1000 个文本、数值或真假值。"
    ),
    ("matches", "pattern"): Words(
        "Pattern",
        "Classes, groups, repetitions, ^ and $; no look-around and no back references.",
        "模式",
        "支持字符类、分组、重复、^ 与 $；不支持环视和反向引用。",
    ),
    ("type", "type"): Words("Type", "What the column has to be.", "类型", "该列应有的类型。"),
    ("row_count", "minimum"): Words("At least", "Rows. Left empty: without a limit.", "下限", "行数。留空表示不限。"),
    ("row_count", "maximum"): Words("At most", "Rows. Left empty: without a limit.", "上限", "行数。留空表示不限。"),
    ("freshness", "column"): Words(
        "Column",
        "Of dates or times. Left empty: the time at which the version was made.",
        "列",
        "日期或时间列。留空表示版本的创建时间。",
    ),
    ("freshness", "hours"): Words("Hours", "The age that is allowed.", "小时", "允许的最大时长。"),
    ("foreign_key", "dataset"): _DATASET,
    ("foreign_key", "at"): _AT,
    ("foreign_key", "target"): Words(
        "Column there", "The column of the other dataset.", "对应列", "另一个数据集中的列。"
    ),
    ("distribution", "columns"): Words(
        "Columns", "Left empty, every column that both versions have.", "列", "留空表示两个版本共有的所有列。"
    ),
    ("distribution", "dataset"): Words("Dataset", "Left empty: this dataset itself.", "数据集", "留空表示本数据集。"),
    ("distribution", "at"): _AT,
    ("distribution", "psi_most"): Words(
        "PSI at most",
        "0.1 is a small shift, 0.25 a large one. Left empty: not looked at.",
        "PSI 上限",
        "0.1 为轻微偏移，0.25 为明显偏移。留空表示不检查。",
    ),
    ("distribution", "ks_most"): Words(
        "KS at most",
        "The largest distance of the two distributions of a number, from 0 to 1. Left empty: not looked at.",
        "KS 上限",
        "数值列两个分布之间的最大距离，0 到 1。留空表示不检查。",
    ),
    ("custom", "expression"): Words(
        "Expression",
        "Such as `age >= 18 or guardian is not null`.",
        "表达式",
        "例如 age >= 18 or guardian is not null。",
    ),
}
