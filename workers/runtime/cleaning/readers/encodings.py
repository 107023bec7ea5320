"""Which encoding a text is in: its mark, else what its bytes can be and what reads like writing."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from charset_normalizer import CharsetMatch, from_bytes

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
"""What text of an encoding starts with; the longer ones first."""
CANDIDATES = (
    "gb18030", "big5", "cp932", "euc_jp", "cp949", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256",
    "cp1257", "koi8_r", "iso8859_2", "iso8859_5",
)  # fmt: skip
MULTIBYTE = CANDIDATES[:5]
SAID = {"cp932": "shift_jis", "cp949": "euc_kr"}
"""What people call them, where Python names a wider form."""
ASCII = 0x7F
SAMPLE_BYTES = 64 << 10
EVIDENCE_LEAST = 4
"""Bytes beyond ASCII: three of them say little."""
DISTINCT_LEAST = 4
"""Different ones, for an encoding of one byte per letter: a euro sign and two quotes are letters in another."""
DAMAGED_RATIO = 0.5
"""Of the characters beyond ASCII: where more are whole in UTF-8, the file is UTF-8 with a fault in it."""
CHAOS_MARGIN, COHERENCE_MARGIN = 0.08, 0.06
WESTERN = frozenset("àâäçèéêëîïôöùûüÿœæßáíóúñãåÀÂÄÇÈÉÊËÎÏÔÖÙÛÜŸŒÆÁÍÓÚÑÃÅ¿¡ªº°€£§«»–—‘’“”…·©®±²³µ½¼¾ ")
"""What stands in French, German, Spanish and Portuguese; the letters that Czech, Polish or Turkish text would turn into
are rare among them."""
_BEYOND = re.compile(rb"[^\n]*[\x80-\xff][^\n]*\n?")


@dataclass(frozen=True, slots=True)
class Guess:
    """The best encoding; `confidence` from 0 to 1, and whether that is enough to act upon."""

    encoding: str
    confidence: float
    is_sure: bool


def marked(start: bytes) -> str | None:
    """The encoding whose mark the text starts with."""
    return next((name for mark, name in MARKS.items() if start.startswith(mark)), None)


def wide(start: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: every second byte (three of four) of what is mostly Latin is NUL, the others
    read as text."""
    start = start[: len(start) // 4 * 4]
    if not start or not start.count(0):
        return None
    shares = [start[at::4].count(0) / (len(start) // 4) for at in range(4)]
    often = [share > 0.6 for share in shares]
    found = {
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
    }.get((often[0], often[1], often[2], often[3]))
    if found is None:
        return None
    try:
        text = codecs.getincrementaldecoder(found)().decode(start)
    except UnicodeDecodeError:
        return None
    return found if "\0" not in text else None


def sampled(chunks: Iterable[bytes]) -> bytes:
    """Lines with bytes beyond ASCII, up to `SAMPLE_BYTES`: the others tell nothing."""
    found, size = [], 0
    for chunk in chunks:
        for line in _BEYOND.finditer(chunk):
            part = line.group()[:4096]
            found.append(part)
            size += len(part)
            if size >= SAMPLE_BYTES:
                return b"".join(found)
    return b"".join(found)


def is_damaged_utf8(sample: bytes) -> bool:
    """Whether it is UTF-8 for the most part."""
    text = sample.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    beyond = sum(1 for character in text if character > "\x7f")
    return beyond > 0 and 1 - wrong / beyond > DAMAGED_RATIO


def guessed(sample: bytes) -> Guess | None:
    """The encoding of a sample that is not UTF-8; None where nothing reads like text."""
    matches = list(from_bytes(sample, cp_isolation=list(CANDIDATES), threshold=0.3))
    readings = _readings(sample, matches)
    if not readings:
        return None
    best = readings[0]
    others = [each for each in readings[1:] if each.text != best.text]
    beyond = [byte for byte in sample if byte > ASCII]
    lead = min((_lead(best.match, each.match) for each in others), default=1.0)
    is_doubtful = lead <= 0 or (best.match.encoding not in MULTIBYTE and len(set(beyond)) < DISTINCT_LEAST)
    is_enough = len(beyond) >= EVIDENCE_LEAST
    if is_doubtful and _is_western(sample, readings):
        return Guess("cp1252", 0.7 if is_enough else 0.4, is_enough)
    alike = {name for each in readings if each.text == best.text for name in _names(each.match)}
    name = min(alike, key=CANDIDATES.index)
    confidence = min(0.5 + lead / 2, 0.5 if is_doubtful else 1.0, 1.0 if is_enough else 0.4)
    return Guess(SAID.get(name, name), round(confidence, 2), is_enough and not is_doubtful)


@dataclass(frozen=True, slots=True)
class _Reading:
    match: CharsetMatch
    text: str


def _readings(sample: bytes, matches: Sequence[CharsetMatch]) -> list[_Reading]:
    ranked = sorted(matches, key=lambda each: (round(each.chaos / CHAOS_MARGIN), -each.coherence))
    return [_Reading(match, sample.decode(match.encoding, "replace")) for match in ranked]


def _lead(best: CharsetMatch, other: CharsetMatch) -> float:
    """How far a reading is before another that gives other text, from 0 (not) to 1."""
    if other.chaos - best.chaos >= CHAOS_MARGIN:
        return 1.0
    ahead = best.coherence - other.coherence
    return min(1.0, 0.5 + ahead) if ahead >= COHERENCE_MARGIN else 0.0


def _names(match: CharsetMatch) -> set[str]:
    """The encodings that give the same text."""
    return {match.encoding, *match.could_be_from_charset}.intersection(CANDIDATES)


def _is_western(sample: bytes, readings: Sequence[_Reading]) -> bool:
    """Whether the text, as Western Europe would write it, has none but that region's letters, and reads like writing;
    signs alone (a euro, curved quotes) need not."""
    beyond = [character for character in sample.decode("cp1252", "replace") if ord(character) > ASCII]
    reads = any("cp1252" in _names(each.match) for each in readings)
    return WESTERN.issuperset(beyond) and (reads or not any(map(str.isalpha, beyond)))
