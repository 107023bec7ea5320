"""Units that quantities are written in, by what they measure, with what one of each is worth."""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """`value * factor + offset` is the quantity in the first unit of its dimension."""

    dimension: str
    factor: float
    offset: float = 0.0


def _of(dimension: str, **factors: float) -> dict[str, Unit]:
    return {name: Unit(dimension, factor) for name, factor in factors.items()}


UNITS: dict[str, Unit] = {
    **_of("mass", kg=1.0, g=1e-3, mg=1e-6, t=1e3, lb=0.45359237, oz=0.028349523125),
    **_of("length", m=1.0, km=1e3, cm=1e-2, mm=1e-3, mi=1609.344, yd=0.9144, ft=0.3048),
    "in": Unit("length", 0.0254),
    **_of("volume", l=1.0, L=1.0, ml=1e-3, mL=1e-3, cl=1e-2, hl=100.0, gal=3.785411784),
    "m³": Unit("volume", 1e3),
    "m²": Unit("area", 1.0),
    "km²": Unit("area", 1e6),
    **_of("area", ha=1e4),
    **_of("time", s=1.0, ms=1e-3, min=60.0, h=3600.0, d=86400.0),
    **_of("bytes", B=1.0, kB=1e3, MB=1e6, GB=1e9, TB=1e12, KiB=1024.0, MiB=1048576.0, GiB=1073741824.0),
    **_of("speed", **{"m/s": 1.0, "km/h": 1 / 3.6, "mph": 0.44704}),
    **_of("energy", J=1.0, kJ=1e3, Wh=3600.0, kWh=3.6e6, kcal=4184.0),
    **_of("power", W=1.0, kW=1e3, MW=1e6),
    "K": Unit("temperature", 1.0),
    "°C": Unit("temperature", 1.0, 273.15),
    "°F": Unit("temperature", 5 / 9, 459.67 * 5 / 9),
    "1": Unit("ratio", 1.0),
    "%": Unit("ratio", 0.01),
    "‰": Unit("ratio", 0.001),
    **{sign: Unit(f"money {sign}", 1.0) for sign in ("€", "$", "£", "¥", "EUR", "USD", "GBP", "JPY", "CNY", "CHF")},
}
"""Money is in no other unit than its own: rates are not known here."""
_SAME = {"EUR": "€", "USD": "$", "GBP": "£"}
UNITS.update({name: UNITS[sign] for name, sign in _SAME.items()})


def unit_of(name: str) -> Unit | None:
    """None for one that is not known. Case counts: `mW` is no `MW`."""
    return UNITS.get(name)


def conversions(target: str, own: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Unit → `(factor, offset)` that turn a quantity in it into the target: `value * factor + offset`.

    Args:
        own: what one of a unit is worth in the target; it goes before what is known here.
    """
    found: dict[str, tuple[float, float]] = {target: (1.0, 0.0)}
    goal = UNITS.get(target)
    if goal is not None:
        found |= {
            name: (unit.factor / goal.factor, (unit.offset - goal.offset) / goal.factor)
            for name, unit in UNITS.items()
            if unit.dimension == goal.dimension and name != target
        }
    return found | {name: (float(factor), 0.0) for name, factor in own.items()}
