"""Details of states in parts that a client can say in its own language: a code of the closed list, and parameters.

What is stored is the English text. The sentences in it were made from templates, so it is taken apart exactly; what
is no sentence of ours (a comment, what a job or a backend said) is a part with the code `said`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

SAID: Final = "said"
"""Code of a part that is nobody's template: `{"text"}`."""
FAULT_MOST: Final = 1000
"""Characters of what is looked at for faults: their templates begin with any text, so a long one takes long."""

_CORES: Final = r"[0-9]+(?:\.[0-9]+)? cores?"
_MEMORY: Final = r"[0-9]+(?:\.[0-9]+)? (?:[KMGTP]i)?B of memory"
_GPUS: Final = r"[0-9]+(?:\.[0-9]+)? × (?:(?!, |\. | and [0-9]).)+?"
_AMOUNT: Final = rf"(?:{_CORES}|{_MEMORY}|{_GPUS})"
_UNITS: Final = {unit: 1 << 10 * power for power, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB"))}
_TIME: Final = "%Y-%m-%d %H:%M:%S UTC"
_FIRST: Final = "; first in queue."

KINDS: Final = {
    "text": r"(?:(?!\. ).)+?",
    "name": r"\S+?",
    "names": r"(?:(?!\. ).)+?",
    "number": r"-?[0-9]+",
    "bytes": r"[0-9]+",
    "time": r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC",
    "amounts": rf"(?:{_AMOUNT}(?:(?:, {_AMOUNT})? and {_AMOUNT})?|[0-9]+)",
    "members": r"[0-9]+ members?",
    "workloads": r"[0-9]+ workloads?",
    "first": r"(?:; first in queue)?\.",
    "often": r"(?: and again)?",
    "place": r".+?",
    "quoted": r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""",
}
"""Kind of placeholder → what stands there in English; a text that ends a sentence may itself be several."""

_PLACEHOLDER: Final = re.compile(r"\{(\w+):(\w+)\}")


@dataclass(frozen=True, slots=True)
class Part:
    """One sentence: `params` is plain JSON."""

    code: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """One sentence of the closed list.

    Args:
        text: English, with `{name}`.
        params: name → kind.
    """

    code: str
    text: str
    params: dict[str, str]
    pattern: re.Pattern[str]
    begins: str
    """The words before the first placeholder."""
    is_open: bool
    """It ends with whatever somebody else said."""

    def match(self, text: str) -> Part | None:
        """The sentence taken apart; None when it is another."""
        if not text.startswith(self.begins):
            return None
        found = self.pattern.fullmatch(text)
        return self.part(found) if found is not None else None

    def part(self, found: re.Match[str]) -> Part | None:
        """What stands in its holes; None where something there only looks like its kind: no text is an error."""
        try:
            return Part(self.code, {name: _READ[kind](found[name]) for name, kind in self.params.items()})
        except (SyntaxError, ValueError, OverflowError):
            return None


_templates: dict[str, Template] = {}
_faults: dict[str, Template] = {}
"""Of details of some nouns only: those with the most words of their own first, since many begin with any text."""


def register(sentences: Mapping[str, str]) -> None:
    """Add templates `{code: "… {name:kind} …"}` to the closed list; the kernel itself knows none."""
    for code, text in sentences.items():
        _templates[code] = _template(code, text)
    parts_of.cache_clear()
    _with_faults.cache_clear()


def register_faults(sentences: Mapping[str, str]) -> None:
    """Add templates of sentences that stand alone, and are looked for only where `faults` are asked for: many begin
    with whatever a file is called. One that ends with a colon stands before another."""
    made = {code: _template(code, text, is_loose=True) for code, text in sentences.items()}
    ranked = sorted({**_faults, **made}.values(), key=lambda one: -len(re.sub(r"\{\w+\}", "", one.text)))
    _faults.clear()
    _faults.update({one.code: one for one in ranked})
    _with_faults.cache_clear()


def codes() -> list[str]:
    """Every code, sorted."""
    return sorted([SAID, *_templates, *_faults])


def catalogue() -> dict[str, dict[str, Any]]:
    """Code → `{"text": English with {placeholders}, "params": name → kind}`: what translations are checked against."""
    said = {SAID: {"text": "{text}", "params": {"text": "text"}}}
    known = sorted({**_templates, **_faults}.items())
    return said | {code: {"text": one.text, "params": one.params} for code, one in known}


@lru_cache(maxsize=4096)
def parts_of(detail: str) -> tuple[Part, ...]:
    """A detail as sentences, in order; put together with spaces in between they are all of it."""
    if not detail:
        return ()
    cuts = [found.start() for found in re.finditer(r"(?<=\.) ", detail)]
    whole = _match(detail, is_open=False)
    if whole is not None:
        return (whole,)
    for cut in cuts:
        last = _match(detail[cut + 1 :], is_open=False)
        if last is not None:
            return (*parts_of(detail[:cut]), last)
    for cut in reversed(cuts):
        first = _match(detail[:cut], is_open=False)
        if first is not None:
            return (first, *parts_of(detail[cut + 1 :]))
    return (_match(detail, is_open=True) or Part(SAID, {"text": detail}),)


def message_of(detail: str, *, faults: bool = False) -> list[dict[str, Any]]:
    """A detail as the API tells it: `[{"code", "params"}]`; with `faults` also what data jobs say of their input."""
    parts = _with_faults(detail) if faults else parts_of(detail)
    return [{"code": part.code, "params": part.params} for part in parts]


@lru_cache(maxsize=4096)
def _with_faults(detail: str) -> tuple[Part, ...]:
    parts = parts_of(detail)
    if len(detail) > FAULT_MOST or any(part.code != SAID for part in parts):
        return parts
    return _fault(detail) or parts


def _fault(detail: str) -> tuple[Part, ...]:
    """The fault that a whole text tells of; empty where it is none of the list."""
    for one in _faults.values():
        begun = one.pattern.match(detail) if one.text.endswith(":") else None
        first = one.part(begun) if begun is not None else None
        if begun is not None and first is not None:
            rest = detail[begun.end() :].lstrip()
            return first, *(_fault(rest) or (Part(SAID, {"text": rest}),))
    found = next((part for one in _faults.values() if (part := one.match(detail)) is not None), None)
    return (found,) if found is not None else ()


def _match(text: str, *, is_open: bool) -> Part | None:
    tried = (one.match(text) for one in _templates.values() if one.is_open == is_open)
    return next((part for part in tried if part is not None), None)


def _template(code: str, text: str, *, is_loose: bool = False) -> Template:
    """`is_loose`: a text may hold whatever there is, also the end of a sentence."""
    words = {**KINDS, "text": ".+?"} if is_loose else KINDS
    kinds = dict(_PLACEHOLDER.findall(text))
    seen: set[str] = set()
    pattern, at = "", 0
    for found in _PLACEHOLDER.finditer(text):
        name = found[1]
        pattern += re.escape(text[at : found.start()])
        pattern += f"(?P={name})" if name in seen else f"(?P<{name}>{words[found[2]]})"
        seen.add(name)
        at = found.end()
    is_open = text.endswith(":text}") and not is_loose
    if is_open:
        pattern = pattern.removesuffix(f"{KINDS['text']})") + ".+)"
    compiled = re.compile(pattern + re.escape(text[at:]), re.DOTALL)
    return Template(code, _PLACEHOLDER.sub(r"{\1}", text), kinds, compiled, text.partition("{")[0], is_open)


def _amounts(text: str) -> list[dict[str, Any]]:
    """`[{"resource", "value", "flavor"}]`, in the unit of the resource: memory as exactly as it is said, GPUs in
    devices and parts of one."""
    if text.isdigit():
        return [_amount("gpus", int(text))]
    return [_one_amount(piece) for piece in re.split(r", | and (?=[0-9])", text)]


def _one_amount(text: str) -> dict[str, Any]:
    number, _, rest = text.partition(" ")
    if rest in ("core", "cores"):
        return _amount("cpu_millis", round(float(number) * 1000))
    unit = rest.removesuffix(" of memory")
    if unit in _UNITS:
        return _amount("memory_bytes", round(float(number) * _UNITS[unit]))
    flavor = rest.removeprefix("× ")
    return _amount("gpus", _devices(number), "" if flavor == "GPU" else flavor)


def _devices(number: str) -> float:
    """Devices; parts of one are said with a point."""
    return float(number) if "." in number else int(number)


def _amount(resource: str, value: float, flavor: str = "") -> dict[str, Any]:
    return {"resource": resource, "value": value, "flavor": flavor}


def _time(text: str) -> str:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")


def _counted(text: str) -> int:
    return int(text.partition(" ")[0])


def _quoted(text: str) -> str:
    said = str(ast.literal_eval(text))
    said.encode()  # half a surrogate pair could not be sent
    return said


_READ: Final[dict[str, Callable[[str], Any]]] = {
    "text": str,
    "name": str,
    "names": lambda text: text.split(", "),
    "number": int,
    "bytes": int,
    "time": _time,
    "amounts": _amounts,
    "members": _counted,
    "workloads": _counted,
    "first": lambda text: text == _FIRST,
    "often": bool,
    "place": str,
    "quoted": _quoted,
}
