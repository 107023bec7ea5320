"""The card of a model version as Markdown. Pure: what a card says, in the order in which people ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def markdown_of(card: Mapping[str, Any]) -> str:
    """The card of `selectors.cards.card_of` as Markdown. Texts of people cannot make markup of their own."""
    version, model = card["version"], card["model"]
    state = version["state"] + (f" ({version['reason']})" if version["reason"] else "")
    parts = [
        f"# {_plain(model['name'])}, version {version['number']}",
        _quote(version["description"] or model["description"]),
        _table(
            ("", ""),
            [
                ("Project", model["project"]),
                ("State", state),
                ("Aliases", ", ".join(version["aliases"]) or "—"),
                ("Registered", f"{version['registered_at']} by {version['registered_by'] or '—'}"),
                ("Files", card["manifest"] or card["digest"]),
                ("Inspection", card["inspection"]["verdict"] or "—"),
            ],
        ),
        _section("Metrics", _pairs(card["metrics"])),
        _section("Evaluation on held-out rows", _pairs(card["evaluation"])),
        _section("Data", _data(card["data"])),
        _section("Parameters", _pairs(card["parameters"])),
        _section("Signature", _signature(card["signature"])),
        _section("Where it came from", _run(card["run"], card["source"])),
        _section("Files", _files(card["files"])),
        _section("Approvals", _approvals(card["approvals"])),
        _section("Labels", _pairs(version["labels"])),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _pairs(values: Mapping[str, Any]) -> str:
    return _table(("name", "value"), sorted(values.items())) if values else ""


def _data(rows: Sequence[Mapping[str, Any]]) -> str:
    shown = [
        (
            one.get("name") or "—",
            one.get("dataset") or one.get("source") or "—",
            one.get("rows", "—"),
            one.get("sensitivity", "—"),
            _quality(one.get("quality")),
            one.get("digest") or "—",
        )
        for one in rows
    ]
    return _table(("input", "dataset", "rows", "sensitivity", "quality", "digest"), shown) if shown else ""


def _quality(found: Mapping[str, int] | None) -> str:
    if not found:
        return "—"
    return f"{found['passed']} passed, {found['warned']} warned, {found['blocked']} blocked"


def _signature(said: Mapping[str, Any]) -> str:
    if not said:
        return ""
    rows = [
        (which, one.get("name") or "—", one.get("type") or "—", "yes" if one.get("required") else "no")
        for which in ("inputs", "outputs")
        for one in said.get(which, [])
    ]
    return _table(("", "name", "type", "required"), [(which[:-1], *rest) for which, *rest in rows]) if rows else ""


def _run(run: Mapping[str, Any] | None, source: str) -> str:
    rows: list[tuple[str, Any]] = [("Source", source)] if source else []
    if run is not None:
        rows += [
            ("Run", f"{run['name']} ({run['id']})"),
            ("Experiment", run["experiment"]),
            ("Kind", run["kind"]),
            ("Requested by", run["requested_by"] or "—"),
            ("Started", run["started_at"] or "—"),
            ("Ended", run["ended_at"] or "—"),
            ("Attempts", run["attempts"]),
        ]
        rows += [("Seed", run["seed"])] if run["seed"] is not None else []
    return _table(("", ""), rows) if rows else ""


def _files(files: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (one["name"], one["size_bytes"], one["sha256"], one["format"] or "—", one["verdict"] or "—", one["detail"])
        for one in files
    ]
    return _table(("name", "bytes", "SHA-256", "format", "verdict", "detail"), rows)


def _approvals(found: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (one["state"], one["requested_by"], one["requested_at"], one["comment"], one["decided_by"], one["decision"])
        for one in found
    ]
    return _table(("state", "asked by", "asked", "why", "decided by", "decision"), rows) if rows else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *([_plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _quote(text: str) -> str:
    return "\n".join(f"> {_plain(line)}" for line in text.splitlines())


def _plain(value: Any) -> str:
    """A text in one line, without signs that Markdown or HTML would read."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    text = " ".join(text.split()).replace("\\", "\\\\")
    for sign in "`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return text
