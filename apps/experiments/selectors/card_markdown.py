"""The card of a model version as Markdown. Pure: what a card says, in the order in which people ask."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from apps.experiments.selectors.card_words import ZH

SIGNS: Final = frozenset("\\`*_{}[]()<>#+-.!|~&=:@$")
"""Which Markdown, its dialects or HTML read: before one of these a backslash makes a letter of it."""
NONE: Final = "—"


def markdown_of(card: Mapping[str, Any], language: str = "en") -> str:
    """The card of `selectors.cards.card_of` as Markdown. Texts of people cannot make markup of their own.

    Args:
        language: of its own words, `en` or `zh`.
    """
    return _Card(ZH if language == "zh" else {}).text(card)


class _Card:
    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words

    def text(self, card: Mapping[str, Any]) -> str:
        version, model = card["version"], card["model"]
        title = f"{_plain(model['name'])}, {self._said('version')} {version['number']}"
        parts = [
            f"# {title}",
            _quote(version["description"] or model["description"]),
            self._table(("", ""), self._first(card)),
            self._section("Metrics", self._pairs(card["metrics"])),
            self._section("Evaluation on held-out rows", self._pairs(card["evaluation"])),
            self._section("Data", self._data(card["data"])),
            self._section("Parameters", self._pairs(card["parameters"])),
            self._section("Signature", self._signature(card["signature"])),
            self._section("Where it came from", self._run(card["run"], card["source"])),
            self._section("Files", self._files(card["files"])),
            self._section("Approvals", self._approvals(card["approvals"])),
            self._section("Labels", self._pairs(version["labels"])),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _said(self, word: str) -> str:
        """A word of ours in the language of the card."""
        return self._words.get(word, word)

    def _first(self, card: Mapping[str, Any]) -> list[tuple[str, Any]]:
        version = card["version"]
        state = self._said(version["state"])
        reason = f" ({self._said(version['reason'])})" if version["reason"] else ""
        return [
            (self._said("Project"), card["model"]["project"]),
            (self._said("State"), state + reason),
            (self._said("Aliases"), ", ".join(version["aliases"]) or NONE),
            (self._said("Registered"), version["registered_at"]),
            (self._said("Registered by"), version["registered_by"] or NONE),
            (self._said("Manifest"), card["manifest"] or card["digest"]),
            (self._said("Inspection"), self._said(card["inspection"]["verdict"]) or NONE),
        ]

    def _section(self, title: str, body: str) -> str:
        return f"## {self._said(title)}\n\n{body}" if body else ""

    def _pairs(self, values: Mapping[str, Any]) -> str:
        return self._table(("name", "value"), sorted(values.items())) if values else ""

    def _data(self, rows: Sequence[Mapping[str, Any]]) -> str:
        shown = [
            (
                one.get("name") or NONE,
                one.get("dataset") or one.get("source") or NONE,
                one.get("rows", NONE),
                one.get("sensitivity", NONE),
                self._quality(one.get("quality")),
                one.get("digest") or NONE,
            )
            for one in rows
        ]
        return self._table(("input", "dataset", "rows", "sensitivity", "quality", "digest"), shown) if shown else ""

    def _quality(self, found: Mapping[str, int] | None) -> str:
        if not found:
            return NONE
        return ", ".join(f"{found[name]} {self._said(name)}" for name in ("passed", "warned", "blocked"))

    def _signature(self, said: Mapping[str, Any]) -> str:
        rows = [
            (
                self._said(which[:-1]),
                one.get("name") or NONE,
                one.get("type") or NONE,
                self._said("yes" if one.get("required") else "no"),
            )
            for which in ("inputs", "outputs")
            for one in said.get(which, [])
        ]
        return self._table(("", "name", "type", "required"), rows) if rows else ""

    def _run(self, run: Mapping[str, Any] | None, source: str) -> str:
        rows: list[tuple[str, Any]] = [("Source", source)] if source else []
        if run is not None:
            rows += [
                ("Run", f"{run['name']} ({run['id']})"),
                ("Experiment", run["experiment"]),
                ("Kind", run["kind"]),
                ("Requested by", run["requested_by"] or NONE),
                ("Started", run["started_at"] or NONE),
                ("Ended", run["ended_at"] or NONE),
                ("Attempts", run["attempts"]),
            ]
            rows += [("Seed", run["seed"])] if run["seed"] is not None else []
        return self._table(("", ""), [(self._said(name), value) for name, value in rows]) if rows else ""

    def _files(self, files: Sequence[Mapping[str, Any]]) -> str:
        rows = [
            (
                one["name"],
                one["size_bytes"],
                one["sha256"],
                one["format"] or NONE,
                self._said(one["verdict"]) or NONE,
                one["detail"],
            )
            for one in files
        ]
        return self._table(("name", "bytes", "SHA-256", "format", "verdict", "detail"), rows)

    def _approvals(self, found: Sequence[Mapping[str, Any]]) -> str:
        rows = [
            (
                self._said(one["state"]),
                one["requested_by"],
                one["requested_at"],
                one["comment"],
                one["decided_by"],
                one["decision"],
            )
            for one in found
        ]
        return self._table(("state", "asked by", "asked", "why", "decided by", "decision"), rows) if rows else ""

    def _table(self, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
        titles = [self._said(name) for name in head]
        lines = [titles, ["---"] * len(head), *([_plain(cell) for cell in row] for row in rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _quote(text: str) -> str:
    return "\n".join(f"> {_plain(line)}" for line in text.splitlines())


def _plain(value: Any) -> str:
    """A text in one line, without signs that Markdown or HTML would read, and without any that cannot be seen."""
    if isinstance(value, int | float):
        return f"{value:.6g}" if isinstance(value, float) else str(value)
    seen = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in str(value))
    text = "".join(f"\\{letter}" if letter in SIGNS else letter for letter in " ".join(seen.split()))
    return text.replace("www\\.", "www\\.\u200b")  # else some programs make a link of it
