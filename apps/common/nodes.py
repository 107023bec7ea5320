"""What a graph says of an object: each app names its kinds in its `lineage.py`, controlplane puts them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NodeKind:
    """How objects of one kind are shown as nodes.

    Args:
        rows: gives the rows; `.visible_to(user)` is taken from them. They have `project` and `created_at`.
        name: path of the column with its name, from the row: `dataset__name`.
        number: path of the number beside the name; empty where there is none.
        state: path of its state; empty where it has none.
        parent_kind: noun of what a page about it stands under: `dataset`; empty where it has a page of its own.
        parent: path of that object's id.
    """

    rows: Callable[[], Any]
    name: str
    number: str = ""
    state: str = ""
    parent_kind: str = ""
    parent: str = ""


NodeKinds = dict[str, NodeKind]
"""Noun, as lineage edges have it → how it is shown."""
