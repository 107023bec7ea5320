"""Numbers with units, written by people: `3.5 kg`, `1,200 €`, `-45 %`, `$12`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workers.contracts.recipes.units import conversions
from workers.runtime.transforms.arrays import joined

_SEPARATORS: Final = {
    "comma": ",",
    "dot": r"\.",
    "blank": r"[ \x{A0}\x{202F}\x{2009}]",
    "apostrophe": r"['\x{2019}]",
}
_BLANK: Final = r"[\s\x{A0}\x{202F}\x{2009}]*"
_STRING: Final = pa.large_string()


def pattern_of(decimal: str, thousands: str) -> str:
    """A quantity: sign, unit before, whole part, decimals, exponent, unit behind."""
    point, group = _SEPARATORS[decimal], _SEPARATORS[thousands]
    whole = f"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+"
    return (
        rf"^{_BLANK}(?P<sign>[+\-\x{{2212}}]?){_BLANK}(?P<before>[^0-9\s.,+\-]*){_BLANK}"
        rf"(?P<whole>{whole}|)(?:{point}(?P<rest>[0-9]*))?(?P<power>[eE][+\-]?[0-9]{{1,3}})?"
        rf"{_BLANK}(?P<behind>[^0-9\s](?:.*[^\s])?)?{_BLANK}$"
    )


def read(texts: pa.Array, how: Mapping[str, Any]) -> pa.Array:
    """float64 in the unit `how["unit"]`; null where the text is no quantity or its unit measures something else.

    `how`: the options of the step `parse_quantities`.
    """
    found = pc.extract_regex(texts, pattern_of(how["decimal"], how["thousands"]))
    part = {name: _part(found, name) for name in ("sign", "before", "whole", "rest", "power", "behind")}
    whole = pc.replace_substring_regex(part["whole"], "[^0-9]", "")
    digits = joined(whole, part["rest"])
    is_number = pc.and_(pc.is_valid(found), pc.not_equal(digits, ""))
    spelled = joined("0", whole, ".", part["rest"], part["power"])
    value = pc.cast(pc.if_else(is_number, spelled, pa.scalar(None, _STRING)), pa.float64())
    value = pc.if_else(pc.is_in(part["sign"], value_set=pa.array(["-", "\u2212"], _STRING)), pc.negate(value), value)
    both = pc.and_(pc.not_equal(part["before"], ""), pc.not_equal(part["behind"], ""))
    named = joined(part["before"], part["behind"])
    unit = pc.if_else(pc.equal(named, ""), pa.scalar(how["unit"], _STRING), named)
    known = conversions(how["unit"], how["factors"])
    places = pc.index_in(pc.if_else(both, pa.scalar(None, _STRING), unit), pa.array(list(known), _STRING))
    factor = pc.take(pa.array([pair[0] for pair in known.values()], pa.float64()), places)
    offset = pc.take(pa.array([pair[1] for pair in known.values()], pa.float64()), places)
    # A null place may stand for a null text, or for a unit that is not known: both give null.
    made = pc.add(pc.multiply(value, factor), offset)
    made = pc.if_else(pc.equal(unit, how["unit"]), made, significant(made))
    return pc.if_else(pc.is_finite(made), made, pa.scalar(None, pa.float64()))


def significant(values: pa.Array) -> pa.Array:
    """To 12 digits, so that 68 °F are 20 °C and not 20.000000000000007."""
    numbers = pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False)
    with np.errstate(all="ignore"):
        exponent = 11 - np.floor(np.log10(np.abs(numbers)))
        scale = np.power(10.0, np.clip(exponent, -300, 300))
        rounded = np.round(numbers * scale) / scale
    made = np.where(np.isfinite(rounded) & (numbers != 0), rounded, numbers)
    return pa.array(made, pa.float64(), mask=pc.is_null(values).to_numpy(zero_copy_only=False))


def _part(found: pa.Array, name: str) -> pa.Array:
    return pc.fill_null(pc.cast(pc.struct_field(found, name), _STRING), "")
