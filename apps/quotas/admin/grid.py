"""Quotas of a pool as a grid: its tree down, resources across; each cell with what of it is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from apps.common.panel.cells import number
from apps.quotas.admin.grid_text import held_text, limit_text, text_of
from apps.quotas.models import Cohort, Queue
from apps.quotas.selectors.pool_tree import Amount, CohortNode, PoolTree, QueueNode
from apps.quotas.services.quota_grid import QuotaChange
from apps.quotas.states import Resource

NONE: Final = "none"
"""In an input's name: there was no quota when the page was made."""
ALL: Final = "all"
"""In an input's name: there was no limit, or no own weight."""
LIMITS: Final = {"b": "borrowing_limit", "l": "lending_limit", "w": "weight"}
"""By the letter in an input's name."""


@dataclass(frozen=True, slots=True)
class Column:
    """One resource; for GPUs all kinds together, or one."""

    resource: str
    flavor: str
    capacity: int
    simulated: bool = False

    @property
    def title(self) -> str:
        if self.resource == Resource.GPUS:
            return self.flavor or _("GPUs of all kinds")
        return _("CPU") if self.resource == Resource.CPU_MILLIS else _("Memory")

    @property
    def unit(self) -> str:
        if self.resource == Resource.GPUS:
            return _("devices")
        return _("cores") if self.resource == Resource.CPU_MILLIS else "GiB"

    @property
    def capacity_text(self) -> str:
        return text_of(self.resource, self.capacity)


@dataclass(frozen=True, slots=True)
class LimitInput:
    """A limit or a weight of one quota."""

    label: str
    name: str
    text: str
    typed: bool


@dataclass(slots=True)
class Cell:
    """One quota: what it is, what of it is in use, what was typed."""

    column: Column
    owner_id: UUID
    amount: Amount
    texts: dict[str, str] = field(default_factory=dict)
    """What was typed, by the letter of the input; that of the nominal is empty."""
    error: str = ""

    @property
    def was(self) -> int | None:
        return self.amount.nominal

    @property
    def typed(self) -> str | None:
        return self.texts.get("")

    def _name(self, letter: str, was: str) -> str:
        """Of an input: it says what the page showed, so that a change by somebody else is seen."""
        return f"q{letter}|{self.owner_id}|{self.column.resource}|{was}|{self.column.flavor}"

    @property
    def name(self) -> str:
        return self._name("", NONE if self.was is None else str(self.was))

    @property
    def text(self) -> str:
        return self.texts.get("", text_of(self.column.resource, self.was))

    @property
    def limits(self) -> list[LimitInput]:
        labels = {"b": _("borrow"), "l": _("lend"), "w": _("weight")}
        found = []
        for letter, column in LIMITS.items():
            value = self.amount.own_weight if letter == "w" else getattr(self.amount, column)
            was = NONE if self.was is None else ALL if value is None else str(value)
            text = "" if self.was is None else limit_text(letter, self.column.resource, value)
            name = self._name(letter, was)
            found.append(LimitInput(labels[letter], name, self.texts.get(letter, text), letter in self.texts))
        return found

    @property
    def reserved_text(self) -> str:
        return held_text(self.column.resource, self.amount.reserved)

    @property
    def used_text(self) -> str:
        return held_text(self.column.resource, self.amount.used)

    @property
    def borrowed_text(self) -> str:
        return held_text(self.column.resource, self.amount.borrowed) if self.amount.borrowed else ""

    @property
    def lent_text(self) -> str:
        return held_text(self.column.resource, self.amount.lent) if self.amount.lent else ""

    @property
    def most(self) -> int:
        """What it may hold at most."""
        if self.was is None:
            return self.amount.subtree_nominal
        limit = self.amount.borrowing_limit
        return max(self.column.capacity, self.was) if limit is None else self.was + limit

    @property
    def over(self) -> bool:
        """More is held than it may: the quota was lowered, and what was admitted stays."""
        return self.was is not None and self.amount.reserved > max(self.most, self.amount.subtree_nominal)

    @property
    def beyond(self) -> bool:
        """More than the whole pool has."""
        return (self.was or 0) > self.column.capacity


@dataclass(slots=True)
class Row:
    """One node of the tree."""

    owner: Queue | Cohort
    depth: int
    cells: list[Cell]
    running: int | None = None
    waiting: int | None = None

    @property
    def is_cohort(self) -> bool:
        return isinstance(self.owner, Cohort)

    @property
    def name(self) -> str:
        return name_of(self.owner)

    @property
    def branch(self) -> str:
        """Of a tree in text."""
        return "\u2003" * (self.depth - 1) + "└ " if self.depth else ""


@dataclass(frozen=True, slots=True)
class Total:
    """All nodes together against what the pool has."""

    column: Column
    nominal: int
    reserved: float
    used: float

    @property
    def nominal_text(self) -> str:
        return text_of(self.column.resource, self.nominal)

    @property
    def reserved_text(self) -> str:
        return held_text(self.column.resource, self.reserved)

    @property
    def times(self) -> str:
        """`1.5`: by how much it is over-committed; empty: it is not."""
        if self.nominal <= self.column.capacity or not self.nominal:
            return ""
        return number(round(self.nominal / self.column.capacity, 2)) if self.column.capacity else "∞"


@dataclass(slots=True)
class Typed:
    """What came with the form."""

    changes: list[QuotaChange] = field(default_factory=list)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    """By the cells' places, then by the letters of their inputs."""
    errors: dict[str, str] = field(default_factory=dict)
    reclaims: list[dict[str, Any]] = field(default_factory=list)
    """What it would take back, to be seen before it is saved."""

    @property
    def digest(self) -> str:
        """Of the changes: who has seen what they take back says it with the form."""
        said = sorted((*map(str, one.key), one.nominal, sorted(one.wanted.items())) for one in self.changes)
        return sha256(repr(said).encode()).hexdigest()


def name_of(owner: Queue | Cohort) -> str:
    """As people call a node."""
    return owner.name if isinstance(owner, Cohort) else str(owner.project.name)


def place_of(owner_id: UUID | str, resource: str, flavor: str) -> str:
    """A cell, whatever was in it."""
    return f"{owner_id} {resource} {flavor}".rstrip()


def columns_of(tree: PoolTree) -> list[Column]:
    """Cores, memory, all GPUs, each kind of GPU."""
    order = (Resource.CPU_MILLIS, Resource.MEMORY_BYTES, Resource.GPUS)
    amounts = sorted(tree.amounts, key=lambda one: (order.index(Resource(one.resource)), one.flavor))
    return [Column(one.resource, one.flavor, one.capacity, tree.simulated.get(one.flavor, False)) for one in amounts]


def nodes_of(tree: PoolTree) -> list[tuple[CohortNode | QueueNode, int]]:
    """The nodes that the reader may name, each below its parent, with its depth."""
    below: dict[UUID | None, list[CohortNode | QueueNode]] = {}
    for cohort in tree.cohorts:
        below.setdefault(cohort.cohort.parent_id, []).append(cohort)
    for queue in tree.queues:
        if queue.visible:
            below.setdefault(queue.queue.cohort_id, []).append(queue)
    found: list[tuple[CohortNode | QueueNode, int]] = []
    stack = [(node, 0) for node in reversed(below.get(None, []))]
    while stack:
        node, depth = stack.pop()
        found.append((node, depth))
        if isinstance(node, CohortNode):
            stack += [(child, depth + 1) for child in reversed(below.get(node.cohort.pk, []))]
    return found


def rows_of(nodes: Sequence[tuple[CohortNode | QueueNode, int]], columns: Sequence[Column], typed: Typed) -> list[Row]:
    """The grid's rows, with what was typed where something was."""
    found = []
    for node, depth in nodes:
        owner: Queue | Cohort = node.cohort if isinstance(node, CohortNode) else node.queue
        amounts = {(one.resource, one.flavor): one for one in node.amounts}
        cells = []
        for column in columns:
            place = place_of(owner.pk, column.resource, column.flavor)
            amount = amounts[column.resource, column.flavor]
            cells.append(Cell(column, owner.pk, amount, typed.texts.get(place, {}), typed.errors.get(place, "")))
        counts = (node.running, node.waiting) if isinstance(node, QueueNode) else (None, None)
        found.append(Row(owner, depth, cells, *counts))
    return found


def totals_of(tree: PoolTree, columns: Sequence[Column]) -> list[Total]:
    """Of the whole pool, those on other pages too."""
    amounts = {(one.resource, one.flavor): one for one in tree.amounts}
    return [
        Total(column, one.subtree_nominal, one.reserved, one.used)
        for column in columns
        for one in [amounts[column.resource, column.flavor]]
    ]
