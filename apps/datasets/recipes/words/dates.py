"""Words of the steps on dates and times."""

from apps.datasets.recipes.words.base import COLUMNS, ON_ERROR, Choices, StepWords, Words

STEPS: dict[str, StepWords] = {
    "parse_dates": StepWords(
        Words(
            "Read dates",
            "Makes dates or times of text. Times are kept in UTC.",
            "解析日期",
            "将文本转换为日期或时间。时间以 UTC 保存。",
        ),
        {
            "columns": COLUMNS,
            "formats": Words(
                "Formats",
                "Such as %d/%m/%Y %H:%M; the first that fits counts. Left empty, the usual ones are tried.",
                "格式",
                "例如 %d/%m/%Y %H:%M；采用第一个匹配的格式。留空时尝试常见格式。",
            ),
            "day_first": Words(
                "Day first",
                "Of 03/04/2025 whether it is the 3rd of April; only where no format is given.",
                "日在前",
                "03/04/2025 是否表示 4 月 3 日；仅在未给出格式时有效。",
            ),
            "zone": Words(
                "Time zone",
                "Where clocks stood that wrote times without an offset, such as Europe/Berlin.",
                "时区",
                "未带时差的时间所在的时区，例如 Asia/Shanghai。",
            ),
            "to": Words("New type", "A date, or a time of a day as well.", "新类型", "仅日期，或日期时间。"),
            "on_error": ON_ERROR,
        },
    ),
    "date_parts": StepWords(
        Words(
            "Take dates apart",
            "Adds a column of whole numbers for each part of a date.",
            "拆分日期",
            "为日期的每个部分添加一个整数列。",
        ),
        {
            "column": Words("Column", "A date or time.", "列", "日期或时间列。"),
            "parts": Words(
                "Parts", "Weekdays count from Monday, 1, to Sunday, 7.", "部分", "星期从周一（1）到周日（7）。"
            ),
            "drop": Words("Drop the date", "Leaves the date itself out.", "移除日期列", "移除原日期列。"),
        },
    ),
}
CHOICES: Choices = {
    "year": ("Year", "年"),
    "quarter": ("Quarter", "季度"),
    "month": ("Month", "月"),
    "day": ("Day", "日"),
    "weekday": ("Weekday", "星期"),
    "day_of_year": ("Day of the year", "一年中的第几天"),
    "hour": ("Hour", "时"),
    "minute": ("Minute", "分"),
    "second": ("Second", "秒"),
}
