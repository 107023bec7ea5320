"""Words of the steps that take out of the data who is meant."""

from apps.datasets.recipes.words.base import COLUMNS, Choices, StepWords, Words

STEPS: dict[str, StepWords] = {
    "pseudonymise": StepWords(
        Words(
            "Pseudonymise",
            "Replaces values by a keyed hash (HMAC-SHA-256): equal values stay equal, in other datasets too.",
            "假名化",
            "用带密钥的哈希（HMAC-SHA-256）替换取值：相同的值仍然相同，跨数据集也一致。",
        ),
        {
            "columns": COLUMNS,
            "secret": Words(
                "Key",
                "The secret of the project that is the key. Nothing but its name is kept with the data.",
                "密钥",
                "用作密钥的项目机密。数据中只记录其名称。",
            ),
            "length": Words("Length", "Hexadecimal digits of a pseudonym.", "长度", "假名的十六进制位数。"),
        },
    ),
    "redact": StepWords(
        Words("Redact", "Makes text unreadable, whole or in part.", "遮盖", "将文本全部或部分遮盖。"),
        {
            "columns": COLUMNS,
            "method": Words("Method", "What is left to read.", "方式", "保留哪些可读内容。"),
            "text": Words("Instead", "What stands in its place.", "替换为", "用来代替的文本。"),
            "keep": Words("Characters kept", "At the end of the text.", "保留字符数", "保留文本末尾的字符数。"),
            "pattern": Words(
                "Pattern",
                "A regular expression; every match is redacted.",
                "模式",
                "正则表达式；所有匹配内容都会被遮盖。",
            ),
        },
    ),
    "generalise": StepWords(
        Words(
            "Generalise",
            "Makes values coarser, so that a row points to nobody. "
            "The report says how many rows the smallest group has.",
            "泛化",
            "使取值更粗略，让单行数据无法指向具体的人。报告会给出最小分组的行数。",
        ),
        {
            "column": Words("Column", "Column whose values become coarser.", "列", "要泛化的列。"),
            "method": Words("Method", "How values become coarser.", "方式", "如何泛化取值。"),
            "width": Words("Width of a band", "Bands begin at multiples of it.", "区间宽度", "区间从其整数倍开始。"),
            "edges": Words("Edges", "Numbers at which a band begins.", "区间边界", "各区间开始的数值。"),
            "length": Words("Characters kept", "At the begin of the text.", "保留字符数", "保留文本开头的字符数。"),
        },
    ),
}
CHOICES: Choices = {
    "constant": ("Nothing", "全部遮盖"),
    "keep_last": ("The last characters", "保留末尾字符"),
    "pattern": ("What a pattern does not match", "仅遮盖匹配内容"),
    "bands": ("Bands of equal width", "等宽区间"),
    "edges": ("Bands between edges", "按边界分区间"),
    "prefix": ("First characters", "开头字符"),
}
