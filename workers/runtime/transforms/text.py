"""What is done to text. Patterns are RE2's: they take linear time, whatever the text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from workers.runtime.transforms.arrays import ARROW_TYPES, texts_of

BLANKS: Final = r"[\s\x0B\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]+"
UNSEEN: Final = (
    r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x{9F}\x{AD}\x{200B}\x{200E}\x{200F}"
    r"\x{202A}-\x{202E}\x{2060}\x{2066}-\x{2069}\x{FEFF}]"
)
"""Control characters but tab and line ends; marks of direction, soft hyphens, byte order marks. Joiners stay."""
FULL_WIDTH: Final = r"[\x{FF01}-\x{FF5E}\x{3000}]"
_HALF: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_SEPARATORS: Final = ("\0", "\x01", "\x02", "\ue000", "\U000f0000")
_CASES: Final = {"lower": pc.utf8_lower, "upper": pc.utf8_upper, "title": pc.utf8_title}
_STRING: Final = pa.large_string()
Form = Literal["NFC", "NFKC"]


def normalise(texts: pa.Array, how: Mapping[str, Any]) -> pa.Array:
    """`how`: the options of the step `normalise_text`."""
    if how["strip_control"]:
        texts = pc.replace_substring_regex(texts, UNSEEN, "")
    if how["unicode"] is not None:
        texts = in_form(texts, how["unicode"])
    if how["half_width"]:
        texts = half_width(texts)
    if how["collapse_blanks"]:
        texts = pc.replace_substring_regex(texts, BLANKS, " ")
    if how["trim"]:
        texts = pc.utf8_trim_whitespace(texts)
    return texts if how["case"] is None else _CASES[how["case"]](texts)


def half_width(texts: pa.Array) -> pa.Array:
    """Full-width letters, digits and signs as half-width ones."""
    return _at_once(texts, pc.match_substring_regex(texts, FULL_WIDTH), lambda whole: whole.translate(_HALF))


def in_form(texts: pa.Array, form: Form) -> pa.Array:
    """In a normal form of Unicode. Not by Arrow: as of 25 its function takes apart and never composes."""
    others = pc.invert(pc.string_is_ascii(texts))
    return _at_once(texts, others, lambda whole: unicodedata.normalize(form, whole))


def _at_once(texts: pa.Array, chosen: pa.Array, function: Callable[[str], str]) -> pa.Array:
    """A function of Python's on the texts that are chosen, as one text: it is called once and not for each.

    What stands between them is a sign that none of them has and that the function leaves alone.
    """
    chosen = pc.fill_null(chosen, False)
    some = texts.filter(chosen)
    if not len(some):
        return texts
    between = next(sign for sign in _SEPARATORS if not pc.any(pc.match_substring(some, sign)).as_py())
    whole = pc.binary_join(pa.ListArray.from_arrays([0, len(some)], some.cast(pa.string())), between)[0].as_py()
    made = pc.split_pattern(pa.array([function(whole)], _STRING), between).flatten()
    return pc.replace_with_mask(texts, chosen, made)


def replace(texts: pa.Array, pattern: str, replacement: str) -> pa.Array:
    """$1 is the first group, $0 the match, $$ the sign in `replacement`. Raises pa.ArrowInvalid: no pattern."""
    return pc.replace_substring_regex(texts, pattern, rewritten(replacement))


def rewritten(replacement: str) -> str:
    """A replacement as RE2 takes it."""
    made, signs = "", iter(replacement)
    for sign in signs:
        if sign == "$":
            group = next(signs, "$")
            made += "$" if group == "$" else f"\\{group}"
        else:
            made += "\\\\" if sign == "\\" else sign
    return made


def map_values(array: pa.Array, kind: str, how: Mapping[str, Any]) -> pa.Array:
    """`how`: `{"mapping", "otherwise", "value"}`. Missing values stay missing. Numbers where the mapping gives some."""
    texts = texts_of(array, kind)
    mapping: dict[str, Any] = how["mapping"]
    numbers = any(isinstance(value, int | float) for value in mapping.values())
    made = pa.float64() if numbers else _STRING
    places = pc.index_in(texts, pa.array(list(mapping), _STRING))
    values = pa.array(
        [None if value is None else float(value) if numbers else value for value in mapping.values()], made
    )
    found = pc.take(values, places)
    if how["otherwise"] == "keep":
        others = texts
    else:
        other = how["value"] if how["otherwise"] == "value" else None
        others = pa.scalar(float(other) if numbers and other is not None else other, made)
    known = pc.is_valid(places)
    return pc.if_else(pc.is_valid(texts), pc.if_else(known, found, others), pa.scalar(None, made))


def ordinal(texts: pa.Array, order: list[str]) -> pa.Array:
    """The place of each text in an order, as a number; null for one that is not in it."""
    return pc.cast(pc.index_in(texts, pa.array(order, _STRING)), pa.float64())


def merged(texts: pa.Array, kept: list[str], into: str) -> pa.Array:
    """What is not among `kept` becomes one value; missing ones stay."""
    known = pc.or_kleene(pc.is_null(texts), pc.is_in(texts, value_set=pa.array(kept, ARROW_TYPES["string"])))
    return pc.if_else(known, texts, pa.scalar(into, _STRING))


def marked(texts: pa.Array, markers: list[str]) -> pa.Array:
    """Null where the text is a marker, blanks around it aside."""
    stripped = pa.array(sorted({marker.strip() for marker in markers}), _STRING)
    is_mark = pc.is_in(pc.utf8_trim_whitespace(texts), value_set=stripped)
    return pc.if_else(is_mark, pa.scalar(None, _STRING), texts)
