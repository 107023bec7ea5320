"""Words of the steps on numbers, and of filling gaps."""

from apps.datasets.recipes.words.base import SOME_NUMBERS, Choices, StepWords, Words

_SEED = Words("Seed", "Another number draws other rows.", "随机种子", "不同的数字会抽取不同的行。")

STEPS: dict[str, StepWords] = {
    "outliers": StepWords(
        Words(
            "Outliers",
            "Finds values, or whole rows, that lie far from the others among the training rows, "
            "and replaces them, marks them, or leaves their rows out.",
            "离群值",
            "找出远离训练集中其他值的数值或整行，并将其替换、标记，或剔除所在的行。",
        ),
        {
            "method": Words("Method", "How outliers are told from other values.", "方法", "如何判定离群值。"),
            "factor": Words(
                "Factor",
                "How many times the spread a value may lie away. Left empty: 1.5 for quartiles, 3 for the standard "
                "deviation, 3.5 for the median deviation.",
                "倍数",
                "允许偏离的距离，以离散度的倍数表示。留空时：四分位距取 1.5，标准差取 3，绝对中位差取 3.5。",
            ),
            "share": Words(
                "Share",
                "For percentiles, of either end; for the isolation forest, of the rows. Below 0.5.",
                "比例",
                "百分位法指两端各占的比例；孤立森林指行的比例。小于 0.5。",
            ),
            "replace": Words("What becomes of them", "What is done to an outlier.", "处理方式", "对离群值的处理。"),
            "columns": SOME_NUMBERS,
            "seed": _SEED,
        },
    ),
    "impute": StepWords(
        Words(
            "Fill missing values",
            "Fills gaps with what is usual among the training rows, or with what other rows have.",
            "填补缺失值",
            "用训练集中的常见值或其他行的值填补空缺。",
        ),
        {
            "numeric": Words("Numbers", "What fills gaps among numbers.", "数值", "用什么填补数值空缺。"),
            "categorical": Words("Text", "What fills gaps among texts.", "文本", "用什么填补文本空缺。"),
            "columns": Words(
                "Columns",
                "Features that are filled. Left empty, all numbers, texts, and true and false.",
                "列",
                "要填补的特征。留空表示全部数值、文本和真假值列。",
            ),
            "fill_number": Words(
                "Number", "The fixed number for gaps among numbers.", "固定数值", "用于填补数值空缺的固定数字。"
            ),
            "fill_text": Words(
                "Text for gaps", "The fixed text for gaps among texts.", "固定文本", "用于填补文本空缺的固定文本。"
            ),
            "by": Words(
                "Group by",
                "The column whose values make groups, each with a median of its own.",
                "分组依据",
                "按该列的取值分组，每组有各自的中位数。",
            ),
            "neighbours": Words(
                "Neighbours", "How many of the most similar rows are averaged.", "近邻数", "取多少个最相似的行求平均。"
            ),
            "sample_rows": Words(
                "Rows compared with",
                "How many training rows are drawn to be compared with. They travel with the model.",
                "比较的行数",
                "抽取多少训练行用于比较。这些行随模型一起保存。",
            ),
            "seed": _SEED,
            "indicator": Words(
                "Mark gaps",
                "Adds a column of 0 and 1 for each filled one that says where a gap was.",
                "标记空缺",
                "为每个被填补的列增加一个 0/1 列，标明原来的空缺。",
            ),
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
    "scale": StepWords(
        Words(
            "Scale",
            "Brings numbers into a range that the training rows have, or to logarithms.",
            "缩放",
            "按训练集的范围缩放数值，或取对数。",
        ),
        {
            "method": Words("Method", "Which range, or the logarithm.", "方法", "缩放到哪个范围，或取对数。"),
            "columns": SOME_NUMBERS,
        },
    ),
    "discretise": StepWords(
        Words(
            "Make classes of size",
            "Replaces a number by the place of its class, from 0.",
            "离散化",
            "用所在区间的序号（从 0 开始）替换数值。",
        ),
        {
            "method": Words("Method", "How the classes are cut.", "方法", "如何划分区间。"),
            "bins": Words("Classes", "How many there are, 2 to 100.", "区间数", "区间的个数，2 到 100。"),
            "columns": SOME_NUMBERS,
        },
    ),
}
CHOICES: Choices = {
    "iqr": ("Distance of the quartiles (IQR)", "四分位距（IQR）"),
    "zscore": ("Standard deviation (z-score)", "标准差（z 分数）"),
    "mad": ("Median deviation (MAD)", "绝对中位差（MAD）"),
    "percentile": ("Percentiles", "百分位"),
    "isolation_forest": ("Isolation forest (whole rows)", "孤立森林（整行）"),
    "median": ("Median", "中位数"),
    "mean": ("Mean", "均值"),
    "null": ("Missing value", "缺失值"),
    "winsorise": ("Nearest bound (winsorise)", "最近的界限（缩尾）"),
    "flag": ("Mark in a column", "用一列标记"),
    "drop": ("Leave the row out", "剔除该行"),
    "mode": ("Most frequent value", "众数"),
    "constant": ("Fixed value", "固定值"),
    "forward_fill": ("Value of the row before", "前一行的值"),
    "group_median": ("Median of the group", "组内中位数"),
    "knn": ("Similar rows (KNN)", "相似行（KNN）"),
    "min_max": ("Least to largest as 0 to 1", "最小值到最大值映射为 0 到 1"),
    "robust": ("Median and quartiles (robust)", "中位数与四分位距（稳健）"),
    "log1p": ("Logarithm of 1 + the number", "对 1 + 数值取对数"),
    "quantile": ("As many rows in each", "每区间行数相同"),
    "uniform": ("Of one width", "等宽"),
}
