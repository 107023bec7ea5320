"""Whether a text is one query that reads: told by its words, without running it."""

from __future__ import annotations

import re
from typing import Final

QUERY_MOST: Final = 20_000

_POSTGRESQL: Final = re.compile(
    r"""
      (?P<blank>\s+ | --[^\n]*)
    | (?P<comment>/\*)
    | (?P<dollar>\$(?:[A-Za-z_][A-Za-z_0-9]*)?\$)
    | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<text>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*")
    | (?P<word>[^\W\d]\w*)
    | (?P<end>;)
    | (?P<other>['"]|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_MYSQL: Final = re.compile(
    r"""
      (?P<hidden>/\*(?:!|M!|\+) | \\)
    | (?P<blank>\s+ | \#[^\n]* | --(?=[\x00-\x20\x7f]|\Z)[^\n]*)
    | (?P<comment>/\*)
    | (?P<text>'(?:[^'\\]|'')*' | "(?:[^"\\]|"")*")
    | (?P<name>`(?:[^`\\]|``)*`)
    | (?P<word>[^\W\d]\w*)
    | (?P<end>;)
    | (?P<other>['"`]|.)
    """,
    re.VERBOSE | re.DOTALL,
)
"""Texts are read alike whatever `sql_mode` says of quotes and backslashes, because there are no backslashes."""
_TOKENS: Final = {"postgresql": _POSTGRESQL, "mysql": _MYSQL}
WRITES: Final = frozenset(
    ("insert", "update", "delete", "merge", "into", "create", "alter", "drop", "truncate", "grant", "revoke", "copy",
     "call", "do", "set", "reset", "lock", "vacuum", "analyze", "refresh", "listen", "notify", "prepare", "execute")
)  # fmt: skip
"""Words that a query which only reads does not have; as a name of a column they are quoted."""
_HIDDEN: Final = (
    "has a backslash, or a comment that MySQL runs (/*! … */, /*+ … */): what it does depends on the server; write"
    " CHAR(92) for a backslash"
)


def query_problem(text: str, dialect: str = "") -> str:
    """Why this is not one query that reads; empty when it is. The session is set to read only besides.

    Args:
        dialect: `postgresql` or `mysql`, whose databases take one text apart in different ways; empty where it is not
            known yet: then it is enough that one of them can take it.
    """
    if not text.strip() or len(text) > QUERY_MOST or "\0" in text:
        return f"is one SELECT of at most {QUERY_MOST} characters"
    found = [_problem(text, each) for each in ([dialect] if dialect else _TOKENS)]
    return "" if "" in found else found[0]


def _problem(text: str, dialect: str) -> str:
    words, ended, at = list[str](), False, 0
    while at < len(text):
        found = _TOKENS[dialect].match(text, at)
        assert found is not None  # noqa: S101 - the last alternative takes any letter
        kind, at = found.lastgroup, found.end()
        if kind == "hidden":
            return _HIDDEN
        if kind in ("comment", "dollar"):
            at = _beyond(text, at, found[0], nests=dialect == "postgresql")
            if at < 0:
                return "has a comment or a text that does not end"
        if kind == "other" and found[0] in "'\"`":
            hides = dialect == "mysql" and "\\" in text[at:]
            return _HIDDEN if hides else "has a text or a name that does not end"
        if kind in ("blank", "comment"):
            continue
        if ended:
            return "is one statement, not several"
        ended = kind == "end"
        if kind == "word":
            words.append(found[0].lower())
    return _words_problem(words)


def _words_problem(words: list[str]) -> str:
    if not words or words[0] not in ("select", "with", "table", "values"):
        return "begins with SELECT or WITH"
    wrong = next((word for word in words if word in WRITES), None)
    return f"only reads: {wrong.upper()} is not for it (a column of this name is put in quotes)" if wrong else ""


def _beyond(text: str, at: int, opened: str, *, nests: bool) -> int:
    """Where a comment or a text between dollars ends; -1 where it does not."""
    if not (nests and opened == "/*"):
        closing = "*/" if opened == "/*" else opened
        end = text.find(closing, at)
        return end + len(closing) if end >= 0 else -1
    depth = 1
    for mark in re.finditer(r"/\*|\*/", text[at:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return at + mark.end()
    return -1
