"""Words of the steps on text."""

from apps.datasets.recipes.words.base import COLUMNS, ON_ERROR, SOME_TEXTS, Choices, StepWords, Words

STEPS: dict[str, StepWords] = {
    "normalise_text": StepWords(
        Words(
            "Normalise text",
            "Writes equal text alike: blanks, case, and how characters are encoded.",
            "规范文本",
            "使相同的文本写法一致：空白、大小写及字符编码形式。",
        ),
        {
            "columns": SOME_TEXTS,
            "trim": Words("Trim", "Takes blanks off both ends.", "去除首尾空白", "去掉文本两端的空白。"),
            "collapse_blanks": Words(
                "Collapse blanks",
                "Makes one blank of several, and of line ends.",
                "合并空白",
                "将连续空白与换行合并为一个空格。",
            ),
            "case": Words("Case", "Left empty, case stays as it is.", "大小写", "留空表示保持原样。"),
            "unicode": Words(
                "Unicode form",
                "NFC composes characters; NFKC also makes equal what only looks different. Left empty, neither.",
                "Unicode 形式",
                "NFC 合成字符；NFKC 还会统一仅外观不同的字符。留空表示不处理。",
            ),
            "half_width": Words(
                "Half width",
                "Makes full-width letters, digits and signs half-width ones.",
                "全角转半角",
                "将全角字母、数字和符号转换为半角。",
            ),
            "strip_control": Words(
                "Strip control characters",
                "Leaves out characters that are not seen; tabs and line ends stay.",
                "去除控制字符",
                "去掉不可见字符；制表符和换行保留。",
            ),
        },
    ),
    "replace_text": StepWords(
        Words(
            "Replace by pattern",
            "Replaces every match of a regular expression.",
            "按模式替换",
            "替换与正则表达式匹配的所有内容。",
        ),
        {
            "columns": COLUMNS,
            "pattern": Words(
                "Pattern",
                "A regular expression; case counts. Look-around and back references are not taken.",
                "模式",
                "正则表达式，区分大小写。不支持环视与反向引用。",
            ),
            "replacement": Words(
                "Replacement",
                "$1 stands for the first group, $0 for the whole match, $$ for the sign itself.",
                "替换为",
                "$1 表示第一个分组，$0 表示整个匹配，$$ 表示美元符号本身。",
            ),
        },
    ),
    "map_values": StepWords(
        Words("Map values", "Puts other values in the place of some.", "映射取值", "用其他值替换某些取值。"),
        {
            "column": Words("Column", "Column whose values are mapped.", "列", "要映射取值的列。"),
            "mapping": Words(
                "Values",
                "What stands for each value: texts or numbers; null makes it missing.",
                "取值对应",
                "每个取值对应的新值：文本或数字；null 表示变为缺失值。",
            ),
            "otherwise": Words(
                "Other values", "What becomes of values that are not listed.", "其他取值", "未列出的取值如何处理。"
            ),
            "value": Words(
                "Value for others",
                "Only where other values become one value.",
                "其他取值的新值",
                "仅在其他取值统一替换时使用。",
            ),
        },
    ),
    "parse_quantities": StepWords(
        Words(
            "Read quantities",
            "Makes numbers in one unit of texts such as 3.5 kg, 1,200 € or 45 %.",
            "解析数量",
            "将 3.5 kg、1,200 €、45 % 之类的文本转换为统一单位的数字。",
        ),
        {
            "columns": COLUMNS,
            "unit": Words(
                "Unit",
                "The unit of the numbers; a text without a unit is in it.",
                "单位",
                "结果的单位；没有单位的文本按此单位理解。",
            ),
            "factors": Words(
                "More units",
                "What one of a unit is worth in the unit above.",
                "更多单位",
                "其他单位相当于上述单位的多少。",
            ),
            "decimal": Words("Decimal sign", "What stands before decimals.", "小数点", "小数部分之前的符号。"),
            "thousands": Words(
                "Sign of thousands",
                "What may stand between groups of digits.",
                "千位分隔符",
                "数字分组之间可能出现的符号。",
            ),
            "on_error": ON_ERROR,
        },
    ),
}
CHOICES: Choices = {
    "lower": ("Lower case", "小写"),
    "upper": ("Upper case", "大写"),
    "title": ("First letters upper case", "首字母大写"),
    "NFC": ("NFC", "NFC"),
    "NFKC": ("NFKC", "NFKC"),
    "keep": ("Stay as they are", "保持不变"),
    "value": ("Become one value", "统一替换"),
    "dot": ("Dot", "点"),
    "comma": ("Comma", "逗号"),
    "blank": ("Blank", "空格"),
    "apostrophe": ("Apostrophe", "撇号"),
}
