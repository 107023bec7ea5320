"""Dockerfiles and .dockerignore as the tests read them: instructions, stages, what is in the context."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "deploy" / "images"
NAMES = ("control.Dockerfile", "runtime.Dockerfile")


@dataclass(frozen=True)
class Instruction:
    stage: str
    """Name of the stage in which it is; empty before the first, and for a last one without a name."""
    verb: str
    words: str


@cache
def instructions(name: str) -> tuple[Instruction, ...]:
    """Every instruction, with its continued lines joined."""
    lines = [line for line in (IMAGES / name).read_text().splitlines() if not line.lstrip().startswith("#")]
    found, stage = [], ""
    for statement in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if not statement.strip():
            continue
        verb, _, words = statement.partition(" ")
        if verb == "FROM":
            stage = words.partition(" AS ")[2]
        found.append(Instruction(stage, verb, words.strip()))
    return tuple(found)


def of(name: str, verb: str, stage: str | None = None) -> list[str]:
    """The words of every instruction of that verb."""
    return [each.words for each in instructions(name) if each.verb == verb and stage in (None, each.stage)]


def variables(name: str, stage: str | None = None) -> dict[str, str]:
    """What ENV sets; later ones win."""
    found: dict[str, str] = {}
    for words in of(name, "ENV", stage):
        found |= dict(re.findall(r"(\w+)=(\S*)", words))
    return found


def exec_form(words: str) -> list[str]:
    """The words of a CMD; raises ValueError for the shell's form, under which no signal arrives."""
    parsed = json.loads(words)
    if not isinstance(parsed, list):
        raise ValueError(words)
    return parsed


def copied(name: str) -> Iterator[str]:
    """Every source of a COPY out of the context."""
    for words in of(name, "COPY"):
        if not words.startswith("--from="):
            *sources, _ = words.split()
            yield from sources


@cache
def _rules() -> tuple[tuple[bool, re.Pattern[str]], ...]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return tuple((text.startswith("!"), _pattern(text.removeprefix("!"))) for text in patterns)


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern takes the path itself and all below it."""
    body = re.escape(text).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.compile(f"{body}(?:/.*)?")


def in_context(path: str) -> bool:
    """Whether a file of the tree is sent to the builder: the last rule that takes it decides."""
    included = True
    for includes, pattern in _rules():
        if pattern.fullmatch(path):
            included = includes
    return included
