"""How the rows of a version are cut and written: the same bytes for the same rows, and parts that stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workers.contracts.dataset_digest import digest_of
from workers.runtime.cleaning import row_groups, sources
from workers.runtime.cleaning.digest import rows_hash
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.parts import Written, write_parts
from workers.runtime.cleaning.schema import SPLIT, Column
from workers.runtime.cleaning.sources import sources_of

COLUMNS = [Column(SPLIT, "string"), Column("x", "float64"), Column("text", "string"), Column("picture", "image")]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 40 ordinals, row groups of 8 rows."""
    monkeypatch.setattr(row_groups, "GROUP_ROWS", 8)
    monkeypatch.setattr(row_groups, "PART_ROWS", 40)
    monkeypatch.setattr(row_groups, "_SIZED", {"string": 4, "image": 2})


def rows_with(ordinals: Sequence[int], picture_bytes: int = 3) -> pa.Table:
    numbers = np.array(ordinals)
    return pa.table(
        {
            "__ordinal": pa.array(numbers, pa.int64()),
            SPLIT: pa.array(["test" if number % 5 == 0 else "train" for number in ordinals], pa.string()),
            "x": pa.array(numbers / 3, mask=numbers % 4 == 1),
            "text": pa.array([None if number % 10 == 3 else f"t{number % 7}" for number in ordinals], pa.string()),
            "picture": pa.array([bytes(picture_bytes) + str(number).encode() for number in ordinals], pa.binary()),
            "flag": pa.array(numbers % 2 == 0),
        }
    )


def written(folder: Path, rows: pa.Table, batch: int = 1000, **more: Any) -> Written:
    folder.mkdir()
    return write_parts(rows.to_batches(max_chunksize=batch), COLUMNS, folder, **({"threads": 2} | more))


def test_the_same_rows_are_the_same_files_however_they_come(tmp_path: Path) -> None:
    rows = rows_with([number for number in range(150) if number % 11])
    found = [
        written(tmp_path / f"{number}", rows, batch, threads=threads)
        for number, (batch, threads) in enumerate([(1000, 1), (7, 2), (1, 16)])
    ]

    assert found[0] == found[1] == found[2]
    assert [file["rows"] for file in found[0].files] == [36, 36, 37, 27]
    assert [file["name"] for file in found[0].files] == [f"part-{number:05}.parquet" for number in range(4)]
    footer = pq.read_metadata(tmp_path / "0" / "part-00000.parquet")
    assert [footer.row_group(number).num_rows for number in range(footer.num_row_groups)] == [8, 8, 8, 8, 4]


def test_what_is_told_is_what_was_written(tmp_path: Path) -> None:
    rows = rows_with(range(100))
    found = written(tmp_path / "a", rows, 13, counting=["flag"])
    read = pa.concat_tables([pq.read_table(tmp_path / "a" / file["name"]) for file in found.files])

    assert read.equals(rows.drop_columns(["flag"]))
    hashed = rows_hash(rows, [column.name for column in COLUMNS])
    digest = digest_of([(column.name, column.type) for column in COLUMNS], 100, hashed)
    assert (found.row_count, found.last_ordinal) == (100, 99)
    assert (found.rows_hash, found.digest) == (hashed, digest)
    assert [column.nullable for column in found.columns] == [False, True, True, False]
    assert found.splits == {"train": 80, "test": 20}
    assert found.counts == {"flag": 50}
    assert [path.stat().st_size for path in sorted((tmp_path / "a").iterdir())] == [
        file["size_bytes"] for file in found.files
    ]


def test_a_part_whose_rows_stay_keeps_its_sha256(tmp_path: Path) -> None:
    before = written(tmp_path / "before", rows_with(range(120)))
    after = written(tmp_path / "after", rows_with([number for number in range(120) if number not in (41, 42)]))

    same = [one["sha256"] == other["sha256"] for one, other in zip(before.files, after.files, strict=True)]
    assert same == [True, False, True]


def test_a_part_without_rows_is_none(tmp_path: Path) -> None:
    found = written(tmp_path / "a", rows_with([1, 2, 130]))

    assert [file["rows"] for file in found.files] == [2, 1]


@pytest.mark.parametrize("batch", [1, 5, 1000])
def test_large_rows_make_small_groups_and_more_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(row_groups, "GROUP_BYTES", 1500)
    monkeypatch.setattr(row_groups, "PART_BYTES", 4000)

    found = written(tmp_path / "a", rows_with(range(40), picture_bytes=400), batch)

    assert [file["rows"] for file in found.files] == [12, 12, 12, 4]
    footer = pq.read_metadata(tmp_path / "a" / "part-00000.parquet")
    assert [footer.row_group(number).num_rows for number in range(footer.num_row_groups)] == [4, 4, 4]


def test_no_rows_are_one_empty_file_with_the_columns(tmp_path: Path) -> None:
    found = written(tmp_path / "a", rows_with([]))

    assert [(file["name"], file["rows"]) for file in found.files] == [("part-00000.parquet", 0)]
    assert (found.last_ordinal, found.splits, found.row_count) == (None, {}, 0)
    types = duckdb.execute(f"DESCRIBE SELECT * FROM read_parquet('{tmp_path}/a/*.parquet')").fetchall()
    assert [kind for _, kind, *_ in types] == ["BIGINT", "VARCHAR", "DOUBLE", "VARCHAR", "BLOB"]


@pytest.mark.parametrize("ordinals", [[3, 2], [3, 3], [*range(20), 5]])
def test_rows_out_of_order_are_refused(tmp_path: Path, ordinals: list[int]) -> None:
    with pytest.raises(ValueError, match="in the order of their ordinals"):
        written(tmp_path / "a", rows_with(ordinals), 4)


def test_an_error_of_a_thread_is_the_writers(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    (folder / "part-00001.parquet").mkdir(parents=True)  # where a file is to be

    with pytest.raises(OSError, match="part-00001"):
        write_parts(rows_with(range(400)).to_batches(max_chunksize=9), COLUMNS, folder, threads=2)


def test_what_was_written_in_order_is_not_read_to_know_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = written(tmp_path / "a", rows_with(range(7, 100)))
    monkeypatch.setattr(sources, "_looked_at", None)
    files = [tmp_path / "a" / file["name"] for file in found.files]

    known = sources_of(duckdb.connect(), files[::-1], tmp_path / "staging")

    assert known.paths == [str(file) for file in files]
    assert (known.row_count, known.last_ordinal) == (93, 99)
    assert not (tmp_path / "staging").exists()


@pytest.mark.parametrize("ordinals", [[5, 4, 1, 9], [0, 1, 2, 3]])
def test_files_of_another_writer_are_looked_at_and_sorted_if_need_be(tmp_path: Path, ordinals: list[int]) -> None:
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    pq.write_table(rows_with(ordinals[:2]), files[0])
    pq.write_table(rows_with(ordinals[2:]), files[1])

    known = sources_of(duckdb.connect(), files, tmp_path / "staging")

    read = pa.concat_tables([pq.read_table(path) for path in known.paths]).column("__ordinal").to_pylist()
    assert read == sorted(ordinals)
    assert (known.row_count, known.last_ordinal) == (4, max(ordinals))
    assert (tmp_path / "staging").exists() == (ordinals != sorted(ordinals))


def test_files_that_overlap_are_sorted_though_each_is_in_order(tmp_path: Path) -> None:
    one, other = written(tmp_path / "a", rows_with([0, 2, 4])), written(tmp_path / "b", rows_with([1, 3, 5]))
    files = [tmp_path / "a" / one.files[0]["name"], tmp_path / "b" / other.files[0]["name"]]

    known = sources_of(duckdb.connect(), files, tmp_path / "staging")

    assert pq.read_table(known.paths[0]).column("__ordinal").to_pylist() == [0, 1, 2, 3, 4, 5]


def test_rows_without_ordinals_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")

    with pytest.raises(UserError, match="no_ordinals"):
        sources_of(duckdb.connect(), [tmp_path / "a.parquet"], tmp_path / "staging")
