"""Steps that leave out rows that say again what another row says: equal ones, and nearly equal ones."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import daft
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from daft import DataType, Series, col
from daft.functions import minhash

from workers.runtime.cleaning.among import among
from workers.runtime.cleaning.batches import by_batch
from workers.runtime.cleaning.components import Keys, Pairs, components, neighbours, within
from workers.runtime.cleaning.keys import repeated
from workers.runtime.cleaning.plan import Plan
from workers.runtime.cleaning.projections import computed, filtered
from workers.runtime.cleaning.schema import ORDINAL
from workers.runtime.cleaning.steps.base import Outcome, Step
from workers.runtime.transforms import text

_KEY, _TEXT, _SIGNATURE = "__key", "__text", "__signature"
Ordinals = npt.NDArray[np.int64]
Signatures = npt.NDArray[np.uint32]
PAIRS_AT_ONCE = 1 << 18
MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class DropDuplicates(Step):
    """Of rows with equal content one stays: with the lowest ordinal, the highest, or the largest value of a column.

    Decided on 128-bit hashes and ordinals: 24 bytes a row in memory, whatever the width of the data.
    """

    kind: ClassVar[str] = "drop_duplicates"
    columns: list[str] | None
    """Columns that make two rows equal; None means all."""
    keep: str
    by: str | None

    def apply(self, plan: Plan) -> Outcome:
        names = [column.name for column in plan.columns] if self.columns is None else self.columns
        key, other, ordinals = plan.read_keys(names)
        if self.keep == "first":
            plan.remove(repeated(key, other, ordinals))
        elif self.keep == "last":
            plan.remove(np.sort(-repeated(key, other, -ordinals)))
        else:
            assert self.by is not None  # noqa: S101 - its contract says so
            order = _by_largest(plan.read([self.by]).column(self.by), ordinals)
            ranks = np.empty(len(order), dtype=np.int64)
            ranks[order] = np.arange(len(order))
            plan.remove(np.sort(ordinals[order[repeated(key, other, ranks)]]))
        return Outcome()


def _by_largest(values: pa.ChunkedArray, ordinals: Ordinals) -> npt.NDArray[np.intp]:
    """Places in order: the largest value first, missing ones last, of equal ones the lowest ordinal."""
    whole = values.combine_chunks()
    kind = whole.type
    missing = pc.is_null(whole, nan_is_null=True).to_numpy(zero_copy_only=False)
    if pa.types.is_date32(kind):
        whole = whole.cast(pa.int32())
    elif pa.types.is_timestamp(kind):
        whole = whole.cast(pa.int64())
    known = pc.fill_null(whole, 0).to_numpy(zero_copy_only=False)
    falling = ~known if pa.types.is_integer(whole.type) else -known  # the least whole number has no negative
    return np.lexsort((ordinals, falling, missing))


@dataclass(frozen=True)
class NearDuplicateText(Step):
    """Of texts that share most of their parts the one with the lowest ordinal stays.

    MinHash: of every text the least hashes of its parts, under so many permutations; the share of equal ones estimates
    the share of common parts (Jaccard). Texts are compared that agree in a band of them; in a bucket each with the
    first and with the one before it, so that work grows as rows do. What is alike over others counts as alike.
    A missing text is like none; one that is shorter than a part is only like an equal one.
    In memory: 8 bytes a row and band; signatures only of rows that are compared.
    """

    kind: ClassVar[str] = "near_duplicate_text"
    column: str
    similarity: float
    unit: str
    shingle: int
    permutations: int
    ignore_case: bool
    seed: int

    def apply(self, plan: Plan) -> Outcome:
        bands, rows = bands_of(self.permutations, self.similarity)
        table = _banded(self._signed(plan.frame), bands, rows).select(ORDINAL, _KEY).to_arrow()
        known = table.filter(pc.is_valid(table.column(_KEY)))
        ordinals = known.column(ORDINAL).to_numpy()
        order = np.argsort(ordinals, kind="stable")
        ordinals = ordinals[order]
        lists = known.column(_KEY).combine_chunks()
        keys = lists.flatten().to_numpy(zero_copy_only=False).reshape(-1, bands)
        pairs = candidates(keys[order])
        alike = self._verified(plan, ordinals, pairs)
        lowest = components(alike, len(ordinals))
        dropped = lowest != np.arange(len(ordinals))
        plan.remove(ordinals[dropped])
        self.noted.update(bands=bands, rows=rows, compared=len(pairs), groups=len(np.unique(lowest[dropped])))
        return Outcome()

    def fitted(self) -> list[dict[str, Any]]:
        return [{"column": self.column, **self.noted}]

    def _signed(self, frame: daft.DataFrame) -> daft.DataFrame:
        """The rows with a signature: of each text the least hashes of its parts."""
        function = functools.partial(prepared, unit=self.unit, ignore_case=self.ignore_case)
        frame = computed(frame, {_TEXT: by_batch(function, self.column, "string", "string")})
        signature = minhash(
            col(_TEXT), num_hashes=self.permutations, ngram_size=self.shingle, seed=self.seed % (1 << 31) + 1,
            hash_function="xxhash3_64",
        )  # fmt: skip
        return frame.with_columns({_SIGNATURE: signature})

    def _verified(self, plan: Plan, ordinals: Ordinals, pairs: Pairs) -> Pairs:
        """The pairs whose signatures agree in the share that is asked for."""
        if not len(pairs):
            return pairs
        places = np.unique(pairs)
        compared = filtered(plan.frame, among(ordinals[places]))
        chosen = self._signed(compared).select(ORDINAL, _SIGNATURE).to_arrow()
        order = np.argsort(chosen.column(ORDINAL).to_numpy(), kind="stable")
        signatures: Signatures = chosen.column(_SIGNATURE).combine_chunks().flatten().to_numpy(zero_copy_only=False)
        signatures = signatures.reshape(-1, self.permutations)[order]
        at = np.searchsorted(places, pairs)
        least = int(np.ceil(self.similarity * self.permutations - 1e-9))
        alike = np.zeros(len(pairs), dtype=np.bool_)
        for start in range(0, len(pairs), PAIRS_AT_ONCE):
            part = at[start : start + PAIRS_AT_ONCE]
            equal = np.count_nonzero(signatures[part[:, 0]] == signatures[part[:, 1]], axis=1)
            alike[start : start + PAIRS_AT_ONCE] = equal >= least
        return pairs[alike]


def prepared(texts: pa.Array, unit: str, ignore_case: bool) -> pa.Array:
    """Texts as words between single blanks; of characters, each becomes a word."""
    if ignore_case:
        texts = pc.utf8_lower(texts)
    texts = pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, text.BLANKS, " "))
    if unit == "words":
        return texts
    return pc.replace_substring_regex(pc.replace_substring(texts, " ", "\u2423"), r"(?s)(.)", r"\1 ")


def bands_of(permutations: int, similarity: float) -> tuple[int, int]:
    """Bands and rows per band: as many rows as find 99.9 % of the pairs that are just so similar."""
    for rows in range(permutations, 0, -1):
        bands = permutations // rows
        if 1 - (1 - similarity**rows) ** bands >= 0.999:
            return bands, rows
    return permutations, 1


def _banded(frame: daft.DataFrame, bands: int, rows: int) -> daft.DataFrame:
    """The rows with the keys of the bands of their signatures."""

    @daft.func.batch(return_dtype=DataType.fixed_size_list(DataType.uint64(), bands))
    def of_batch(values: Series) -> pa.Array:
        return band_keys(values.to_arrow(), bands, rows)

    return computed(frame, {_KEY: of_batch(col(_SIGNATURE))})


def band_keys(lists: pa.Array, bands: int, rows: int) -> pa.Array:
    """One 64-bit number per band of a signature; null for a null."""
    valid = pc.is_valid(lists)
    present = lists.drop_null()
    width = lists.type.list_size
    numbers = present.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)[:, : bands * rows]
    parts = numbers.reshape(-1, bands, rows).astype(np.uint64)
    keys = np.zeros(parts.shape[:2], dtype=np.uint64) + np.arange(bands, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for row in range(rows):
            keys = (keys ^ parts[:, :, row]) * MIX
            keys ^= keys >> np.uint64(29)
    whole = np.zeros((len(lists), bands), dtype=np.uint64)
    whole[valid.to_numpy(zero_copy_only=False)] = keys
    return pa.FixedSizeListArray.from_arrays(pa.array(whole.reshape(-1)), bands, mask=pc.invert(valid))


def candidates(keys: Keys) -> Pairs:
    """Pairs of places that agree in a band, each once. `keys`: shape (rows, bands)."""
    found = [neighbours(np.ascontiguousarray(keys[:, band])) for band in range(keys.shape[1])]
    pairs = np.concatenate(found) if found else np.zeros((0, 2), dtype=np.int64)
    return np.unique(pairs, axis=0)


@dataclass(frozen=True)
class NearDuplicateImages(Step):
    """Of images whose perceptual hashes differ in few bits the one with the lowest ordinal stays; one without stays.

    What is alike over others counts as alike. In memory: 16 bytes a row, and the pairs.
    """

    kind: ClassVar[str] = "near_duplicate_images"
    column: str
    distance: int

    def apply(self, plan: Plan) -> Outcome:
        table = plan.read([ORDINAL, self.column]).sort_by(ORDINAL)
        known = table.filter(pc.is_valid(table.column(self.column)))
        hashes = known.column(self.column).to_numpy().astype(np.int64).view(np.uint64)
        lowest = components(within(hashes, self.distance), len(hashes))
        dropped = lowest != np.arange(len(hashes))
        plan.remove(known.column(ORDINAL).to_numpy()[dropped])
        self.noted.update(groups=len(np.unique(lowest[dropped])))
        return Outcome()

    def fitted(self) -> list[dict[str, Any]]:
        return [{"column": self.column, **self.noted}]
