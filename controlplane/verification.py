"""`manage.py verify`: every invariant that the apps say, over one instant, and every file that a row names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from apps.access.invariants import CHECKS as ACCESS
from apps.common.checks import CHECKS as COMMON
from apps.common.errors import BedplateError
from apps.common.invariants import (
    SETTLED,
    Check,
    Finding,
    Level,
    NamedObject,
    Outcome,
    judge,
    one_instant,
    told,
)
from apps.common.storage import ObjectStore, store
from apps.datasets.invariants import CHECKS as DATASETS
from apps.datasets.invariants import stored_files as files_of_datasets
from apps.deployments.invariants import CHECKS as DEPLOYMENTS
from apps.experiments.invariants import CHECKS as EXPERIMENTS
from apps.experiments.invariants import stored_files as files_of_experiments
from apps.quotas.invariants import CHECKS as QUOTAS

CHECKS: Sequence[Check] = (*COMMON, *ACCESS, *QUOTAS, *DATASETS, *EXPERIMENTS, *DEPLOYMENTS)
FILES: Sequence[Callable[[], Iterator[NamedObject]]] = (files_of_datasets, files_of_experiments)
OBJECTS = "objects.files"
OBJECTS_HOLD = "Every file that a row names is in the object store, with its size and SHA-256."


def named_objects() -> Iterator[NamedObject]:
    """Every file that some row names, now or in the instant in which it is called. The same file may come twice."""
    for files in FILES:
        yield from files()


def verify(*, quick: bool = False, examples: int = 5, settled: timedelta = SETTLED) -> Iterator[Outcome]:
    """Run every check; a quick look reads no objects and not every point. Call it outside any transaction."""
    with one_instant(settled) as instant:
        for check in CHECKS:
            if not (quick and check.is_thorough):
                yield judge(check, instant, examples=examples)
        named = [] if quick else list(named_objects())
    if not quick:  # after the instant: reading takes long
        began = time.perf_counter()
        outcome = told(OBJECTS, OBJECTS_HOLD, _object_findings(store(), named), examples=examples)
        outcome.seconds = time.perf_counter() - began
        yield outcome


def differs(objects: ObjectStore, named: NamedObject) -> str:
    """How a file is not what a row says it is; nothing when it is. Reads it, unless its size says enough."""
    try:
        size = objects.size(named.path)
        if size != named.size_bytes:
            return f"has {size} bytes, and {named.size_bytes} are its size"
        digest = objects.measure(named.path).sha256
    except (FileNotFoundError, IsADirectoryError):
        return "is not there"
    except (OSError, BedplateError) as error:
        return f"cannot be read: {error}"
    return "" if digest == named.sha256 else f"has the SHA-256 {digest}, and {named.sha256} is its own"


def _object_findings(objects: ObjectStore, named: Sequence[NamedObject]) -> Iterator[Finding]:
    wrong: dict[NamedObject, str] = {}
    seen: dict[tuple[str, str], str] = {}
    for one in named:
        key = (one.path, one.sha256)
        if key not in seen:
            seen[key] = differs(objects, one)
        if seen[key]:
            wrong[one] = seen[key]
    if wrong:  # a job may have written a file anew meanwhile, and its row with it
        still = set(named_objects())
        yield from (Finding(f"{one.owner}: {one.path} {how}") for one, how in wrong.items() if one in still)
    yield from _unnamed(objects, {one.path for one in named})


def _unnamed(objects: ObjectStore, known: set[str]) -> Iterator[Finding]:
    """What lies in the store for no row: of jobs that failed, of uploads that were cut off."""
    count = size = 0
    for path, bytes_there in objects.listing():
        if path not in known:
            count, size = count + 1, size + bytes_there
    if count:
        yield Finding(f"{count} files of {size} bytes in the store are named by no row", Level.NOTE)
