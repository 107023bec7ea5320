"""Steps that take out of the data who is meant: pseudonyms, masks, coarser values."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

from daft import col, lit
from daft.functions import count
from daft.functions import min as least

from workers.runtime.cleaning.batches import by_batch
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.steps.base import Outcome, Step
from workers.runtime.cleaning.steps.text import try_pattern
from workers.runtime.transforms import masks

KEY_BYTES_LEAST = 16


@dataclass(frozen=True)
class Pseudonymise(Step):
    """Replaces values by a keyed HMAC-SHA-256: with one key equal values are equal in every column and dataset.

    The key is a file of the job; what is kept of it is its name and an identifier that tells it from other keys.
    """

    kind: ClassVar[str] = "pseudonymise"
    columns: list[str]
    secret: str
    length: int

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        key = plan.secrets(self.secret)
        if len(key) < KEY_BYTES_LEAST:
            detail = f"the secret {self.secret!r} has {len(key)} bytes; a key has at least {KEY_BYTES_LEAST}"
            raise self.error(detail, code="weak_key")
        for name in self.columns:
            kind = plan.column(name).type
            function = functools.partial(masks.pseudonyms, kind=kind, key=key, length=self.length)
            plan.change({name: by_batch(function, name, kind, "string")}, outcome.changed, "string")
        self.noted.update(key_id=masks.key_id(key))
        return outcome

    def fitted(self) -> list[dict[str, Any]]:
        return [{"column": name, "key": self.secret, "key_id": self.noted["key_id"]} for name in self.columns]


@dataclass(frozen=True)
class Redact(Step):
    """Makes text unreadable, whole or in part."""

    kind: ClassVar[str] = "redact"
    columns: list[str]
    method: str
    text: str
    keep: int
    pattern: str | None

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        if self.pattern is not None:
            try_pattern(self, self.pattern)
        how = {name: value for name, value in self.parameters.items() if name != "columns"}
        function = functools.partial(masks.redact, how=how)
        plan.change({name: by_batch(function, name, "string", "string") for name in self.columns}, outcome.changed)
        self.learned.update(columns=self.columns, how=how)
        return outcome


@dataclass(frozen=True)
class Generalise(Step):
    """Makes values coarser, and counts the rows of the smallest group that all coarse columns together tell apart."""

    kind: ClassVar[str] = "generalise"
    column: str
    method: str
    width: float | None
    edges: list[float] | None
    length: int | None

    def apply(self, plan: Plan) -> Outcome:
        outcome = Outcome()
        kind = plan.column(self.column).type
        how = {name: value for name, value in self.parameters.items() if name != "column" and value is not None}
        function = functools.partial(masks.generalise, kind=kind, how=how)
        plan.change({self.column: by_batch(function, self.column, kind, "string")}, outcome.changed, "string")
        self.learned.update(column=self.column, type=kind, how=how)
        self._count_groups(plan)
        return outcome

    def _count_groups(self, plan: Plan) -> None:
        present = {column.name for column in plan.columns}
        coarse = [name for name in dict.fromkeys([*plan.coarse, self.column]) if name in present]
        plan.coarse = coarse
        groups = plan.frame.select(*coarse).groupby(*coarse).agg(count(lit(1)).alias("__rows"))
        found = groups.agg(least(col("__rows")).alias("least"), count(col("__rows")).alias("groups")).to_pydict()
        self.noted.update(smallest_group=found["least"][0] or 0, groups=found["groups"][0], of=coarse)

    def fitted(self) -> list[dict[str, Any]]:
        return [{"column": self.column, **self.noted}]
