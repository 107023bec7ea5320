"""Every function of the grammar: what it takes, what it gives, and in words what it does.

Types are the house's: `int64 float64 string bool date timestamp`; a parameter may also be `number` (int64 or float64),
`moment` (date or timestamp), `any`, or begin with `written `: it is written out, not computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Function:
    """`parameters` are types; the last `optional` of them may be left out, and with `repeated` the last may repeat.

    `result` is a type, or `same`: that of the arguments, or `joined`: one type that all arguments have or become.
    """

    parameters: tuple[str, ...]
    result: str
    optional: int = 0
    repeated: bool = False
    example: str = ""
    says: str = ""
    says_zh: str = ""

    @property
    def least(self) -> int:
        return len(self.parameters) - self.optional

    @property
    def most(self) -> int | None:
        return None if self.repeated else len(self.parameters)


def _text(*more: str, result: str, example: str, says: str, says_zh: str) -> Function:
    return Function(("string", *more), result, example=example, says=says, says_zh=says_zh)


def _of_many(*, example: str, says: str, says_zh: str) -> Function:
    return Function(("any", "any"), "joined", repeated=True, example=example, says=says, says_zh=says_zh)


FUNCTIONS: Final[dict[str, Function]] = {
    # Choice
    "if": Function(
        ("bool", "any", "any"),
        "joined",
        example="if(Income > 0, Debt / Income, null)",
        says="The second where the first is true, else the third, also where the first is null.",
        says_zh="第一项为真时取第二项；否则（包括第一项为 null 时）取第三项。",
    ),
    "coalesce": _of_many(
        example="coalesce(Income, 0)",
        says="The first that is not null.",
        says_zh="第一个不为 null 的值。",
    ),
    "least": _of_many(
        example="least(Amount, 5000)",
        says="The least of those that are not null.",
        says_zh="不为 null 的值中最小的一个。",
    ),
    "greatest": _of_many(
        example="greatest(Debt, 0)",
        says="The greatest of those that are not null.",
        says_zh="不为 null 的值中最大的一个。",
    ),
    # Numbers
    "abs": Function(("number",), "same", example="abs(Balance)", says="Without its sign.", says_zh="绝对值。"),
    "round": Function(
        ("number", "written int64"),
        "same",
        optional=1,
        example="round(Price, 2)",
        says="To a whole number, or to so many decimals (0 to 12); halves away from zero.",
        says_zh="四舍五入为整数，或保留指定的小数位数（0 到 12）；恰为一半时向远离零的方向取整。",
    ),
    "floor": Function(
        ("number",),
        "same",
        example="floor(Price)",
        says="The whole number at or below.",
        says_zh="不大于它的最大整数。",
    ),
    "ceil": Function(
        ("number",), "same", example="ceil(Price)", says="The whole number at or above.", says_zh="不小于它的最小整数。"
    ),
    "sqrt": Function(
        ("number",),
        "float64",
        example="sqrt(Area)",
        says="The square root; null below 0.",
        says_zh="平方根；小于 0 时为 null。",
    ),
    "exp": Function(("number",), "float64", example="exp(Rate)", says="e to that power.", says_zh="e 的幂。"),
    "log": Function(
        ("number",),
        "float64",
        example="log(Income)",
        says="The natural logarithm; null at 0 and below.",
        says_zh="自然对数；不大于 0 时为 null。",
    ),
    # Text
    "lower": _text(result="string", example="lower(City)", says="In small letters.", says_zh="转为小写。"),
    "upper": _text(result="string", example="upper(Code)", says="In capital letters.", says_zh="转为大写。"),
    "trim": _text(
        result="string",
        example="trim(Name)",
        says="Without blanks, tabs and line ends around it.",
        says_zh="去掉两端的空格、制表符和换行。",
    ),
    "length": _text(result="int64", example="length(Name)", says="How many characters.", says_zh="字符数。"),
    "substring": _text(
        "written int64",
        "written int64",
        result="string",
        example="substring(Code, 1, 3)",
        says="So many characters from that one on; the first is 1.",
        says_zh="从指定位置起的若干个字符；第一个字符的位置是 1。",
    ),
    "replace": _text(
        "written string",
        "written string",
        result="string",
        example="replace(Phone, '-', '')",
        says="Every occurrence of one text by another.",
        says_zh="把其中的每处指定文本替换为另一文本。",
    ),
    "concat": Function(
        ("string", "string"),
        "string",
        repeated=True,
        example="concat(First, ' ', Last)",
        says="One after another; null where one is null.",
        says_zh="依次连接；其中有 null 时为 null。",
    ),
    "contains": _text(
        "string", result="bool", example="contains(Email, '@')", says="Whether it is in it.", says_zh="是否包含。"
    ),
    "starts_with": _text(
        "string",
        result="bool",
        example="starts_with(Code, 'A')",
        says="Whether it begins so.",
        says_zh="是否以其开头。",
    ),
    "ends_with": _text(
        "string",
        result="bool",
        example="ends_with(Email, '.org')",
        says="Whether it ends so.",
        says_zh="是否以其结尾。",
    ),
    "matches": _text(
        "written string",
        result="bool",
        example="matches(Phone, '^[0-9]{11}$')",
        says="Whether the pattern is found anywhere in it; ^ and $ are its begin and end.",
        says_zh="其中是否有与模式相符的部分；^ 和 $ 表示开头和结尾。",
    ),
    # Times
    "year": Function(("moment",), "int64", example="year(Opened)", says="The year.", says_zh="年。"),
    "month": Function(("moment",), "int64", example="month(Opened)", says="1 to 12.", says_zh="1 到 12。"),
    "day": Function(("moment",), "int64", example="day(Opened)", says="1 to 31.", says_zh="1 到 31。"),
    "weekday": Function(
        ("moment",),
        "int64",
        example="weekday(Opened)",
        says="1 is Monday, 7 Sunday.",
        says_zh="1 是星期一，7 是星期日。",
    ),
    "hour": Function(("timestamp",), "int64", example="hour(Paid)", says="0 to 23.", says_zh="0 到 23。"),
    "minute": Function(("timestamp",), "int64", example="minute(Paid)", says="0 to 59.", says_zh="0 到 59。"),
    "days_between": Function(
        ("date", "date"),
        "int64",
        example="days_between(Opened, Closed)",
        says="Days from the first to the second.",
        says_zh="从前一个日期到后一个日期的天数。",
    ),
    "seconds_between": Function(
        ("timestamp", "timestamp"),
        "float64",
        example="seconds_between(Ordered, Paid)",
        says="Seconds from the first to the second.",
        says_zh="从前一个时刻到后一个时刻的秒数。",
    ),
    # Other types
    "date": Function(
        ("any",),
        "date",
        example="date('2026-01-31')",
        says="A date written out, or the day of a timestamp.",
        says_zh="写出的日期，或某个时刻所在的日期。",
    ),
    "timestamp": Function(
        ("written string",),
        "timestamp",
        example="timestamp('2026-01-31 10:00:00')",
        says="A time of a day written out.",
        says_zh="写出的时刻。",
    ),
    "number": Function(
        ("any",),
        "float64",
        example="number(Amount)",
        says="The number that a text spells, else null; 1 and 0 for true and false.",
        says_zh="文本所写的数字，不是数字时为 null；真和假为 1 和 0。",
    ),
    "text": Function(
        ("any",),
        "string",
        example="text(Code)",
        says="A whole number, a date, or true or false as text.",
        says_zh="把整数、日期或真假值写成文本。",
    ),
}
