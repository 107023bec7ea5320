"""Words of the options by which a file is parsed."""

from __future__ import annotations

from apps.datasets.recipes.words.base import Choices, Words

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
CHOICES: Choices = {
    "csv": ("CSV", "CSV"),
    "tsv": ("TSV", "TSV"),
    "jsonl": ("JSON lines", "JSON 行"),
    "parquet": ("Parquet", "Parquet"),
}
