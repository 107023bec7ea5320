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
    "header": Words(
        "Header",
        "The first line names the columns. Left empty, it is found from the file.",
        "表头",
        "第一行是列名。留空时从文件中识别。",
    ),
    "encoding": Words(
        "Encoding",
        "How the file's text is written. Left empty, it is found from the file; where the file does not settle it, "
        "the ingestion says so.",
        "编码",
        "文件文本的编码方式。留空时从文件中识别；无法确定时，导入会说明。",
    ),
    "quote": Words(
        "Quote",
        "The character around fields that hold the delimiter. Left empty, it is found from the file.",
        "引号",
        "包围含分隔符字段的字符。留空时从文件中识别。",
    ),
    "escape": Words(
        "Escape",
        "The character before a quote inside of quotes. Left empty, such a quote is doubled.",
        "转义符",
        "引号内引号之前的字符。留空表示以双写引号表示。",
    ),
    "comment": Words(
        "Comment", "The character that begins lines which are no data.", "注释符", "以该字符开头的行不是数据。"
    ),
    "skip_rows": Words(
        "Rows to skip", "Lines before the header; in Excel, rows.", "跳过的行", "表头之前的行数（Excel 中同样按行计）。"
    ),
    "decimal": Words("Decimal mark", "What stands before the fraction.", "小数点", "整数与小数之间的符号。"),
    "thousands": Words(
        "Digit grouping",
        "What stands between thousands. Left empty, nothing.",
        "千位分隔符",
        "千位之间的符号。留空表示没有。",
    ),
    "date_format": Words(
        "Format of dates",
        "As in %d/%m/%Y. Left empty, dates are written 2024-05-06.",
        "日期格式",
        "例如 %d/%m/%Y。留空时日期写作 2024-05-06。",
    ),
    "timestamp_format": Words(
        "Format of times",
        "As in %d/%m/%Y %H:%M. Left empty, times are written 2024-05-06 07:08:09.",
        "时间格式",
        "例如 %d/%m/%Y %H:%M。留空时时间写作 2024-05-06 07:08:09。",
    ),
    "sheet": Words(
        "Sheet",
        "Of a workbook. Left empty, the first one that is shown and has something in it.",
        "工作表",
        "工作簿中的工作表。留空时取第一个可见且有内容的工作表。",
    ),
    "types": Words(
        "Types",
        "Types that columns must have; a row that does not fit is left out and counted.",
        "类型",
        "列必须具有的类型；不符合的行会被剔除并计数。",
    ),
    "schema": Words(
        "Schema",
        "All columns, with their types. A file with other columns is refused; a row that does not fit is left out "
        "and counted.",
        "表结构",
        "全部列及其类型。列不一致的文件会被拒绝；不符合的行会被剔除并计数。",
    ),
    "max_rejected_ratio": Words(
        "Share of rows left out",
        "Where more than this share of the rows has to be left out, the ingestion fails.",
        "剔除行的最大比例",
        "需要剔除的行超过该比例时，导入失败。",
    ),
    "max_rejected_rows": Words(
        "Rows left out",
        "Where more rows than this have to be left out, the ingestion fails. Left empty, only the share counts.",
        "剔除行的最大数量",
        "需要剔除的行超过该数量时，导入失败。留空时只看比例。",
    ),
}
CHOICES: Choices = {
    "csv": ("CSV", "CSV"),
    "tsv": ("TSV", "TSV"),
    "jsonl": ("JSON lines", "JSON 行"),
    "json": ("JSON list", "JSON 列表"),
    "parquet": ("Parquet", "Parquet"),
    "excel": ("Excel", "Excel"),
    "images": ("Pictures, in a zip or tar", "图片（zip 或 tar）"),
    "texts": ("Texts, in a zip or tar", "文本（zip 或 tar）"),
    "archive": ("Zip or tar: what it holds", "zip 或 tar：按其中内容"),
    ".": ("Point .", "点 ."),
    ",": ("Comma ,", "逗号 ,"),
    "'": ("Apostrophe '", "撇号 '"),
    " ": ("Blank", "空格"),
    "_": ("Underscore _", "下划线 _"),
}
