"""What is believed of a job's result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.common.storage import store
from apps.datasets.services import results
from apps.datasets.services.results import BadResult, content_of, files_verify, profile_of
from tests.support.factories.datasets import dataset_result, described

FILES = {"part-00000.parquet": b"one", "part-00001.parquet": b"two"}
FILE = described("part-00000.parquet", b"one", rows=4)


def test_a_good_result_is_read_whole() -> None:
    fitted = {"name": "preprocessor.json", "sha256": "1" * 64, "size_bytes": 2}
    content = content_of(dataset_result(FILES, splits={"train": 3, "test": 1}, preprocessor=fitted, more="ignored"))
    assert (content.row_count, content.size_bytes, content.splits) == (4, 6, {"train": 3, "test": 1})
    assert [file.name for file in content.stored_files] == [*FILES, "preprocessor.json"]


BAD: dict[str, tuple[Any, str]] = {
    "nothing": (None, "left no result"),
    "an empty object": ({}, "missing required field"),
    "a text for a number": (dataset_result(FILES, row_count="4"), "$.row_count"),
    "a negative number": (dataset_result(FILES, row_count=-4), "$.row_count"),
    "rows that do not add up": (dataset_result(FILES, row_count=5), "counted 5 rows, its files hold 4"),
    "a name that leaves the folder": (dataset_result({}, files=[FILE | {"name": "../x"}]), "$.files[0].name"),
    "a name that is a path": (dataset_result({}, files=[FILE | {"name": "a/b"}]), "$.files[0].name"),
    "a hidden name": (dataset_result({}, files=[FILE | {"name": ".part"}]), "$.files[0].name"),
    "a digest that is none": (dataset_result(FILES, digest="sha256:0"), "$.digest"),
    "a SHA-256 that is none": (dataset_result({}, files=[FILE | {"sha256": "0"}]), "$.files[0].sha256"),
    "an unknown type": (dataset_result(FILES, schema=[{"name": "a", "type": "int32"}]), "$.schema[0].type"),
    "a column twice": (dataset_result(FILES, schema=[{"name": "a", "type": "bool"}] * 2), "names a column twice: a"),
    "a file twice": (
        dataset_result({}, row_count=8, files=[FILE, FILE]), "names a file twice: part-00000.parquet"
    ),
    "a file that is the preprocessor": (
        dataset_result({}, row_count=4, files=[FILE], preprocessor=FILE), "names a file twice"
    ),
    "parts that do not add up": (dataset_result(FILES, splits={"train": 3, "test": 2}), "are not the 4 rows"),
    "an error": ({"error": {"code": "x"}}, "missing required field"),
}  # fmt: skip


@pytest.mark.parametrize("result, expected", BAD.values(), ids=BAD)
def test_a_bad_result_says_where(result: Any, expected: str) -> None:
    with pytest.raises(BadResult) as refused:
        content_of(result)
    assert expected in str(refused.value)


def test_a_profile_keeps_everything_of_its_columns() -> None:
    columns = [{"name": "age", "type": "int64", "null_count": 1, "quantiles": {"0.5": 3.0}}]
    assert profile_of({"row_count": 2, "columns": columns, "seconds": 1}, row_count=2) == {
        "row_count": 2, "columns": columns,
    }  # fmt: skip


@pytest.mark.parametrize(
    "result, expected",
    [
        (None, "left no result"),
        ({"row_count": 3, "columns": []}, "is of 3 rows, the version has 2"),
        ({"row_count": 2, "columns": [{"name": "a"}]}, "$.columns[0]"),
        ({"row_count": 2, "columns": [{"name": "a", "type": "bool"}] * 2}, "a column twice"),
    ],
)
def test_a_bad_profile_says_where(result: Any, expected: str) -> None:
    with pytest.raises(BadResult) as refused:
        profile_of(result, row_count=2)
    assert expected in str(refused.value)


def test_only_so_much_is_read_again_but_every_size_is_compared(monkeypatch: pytest.MonkeyPatch, objects: Path) -> None:
    monkeypatch.setattr(results, "HASHED_BYTES", 1 << 20)
    content = content_of(dataset_result(FILES))
    for name, written in zip(FILES, (b"one", b"TWO"), strict=True):
        store().put(f"attempts/a/dataset/{name}", [written])
    files_verify("attempts/a/dataset/", content.files)  # the second is of the right size and not read

    store().put("attempts/a/dataset/part-00001.parquet", [b"three"])
    with pytest.raises(BadResult, match="has 5 bytes; the job said 3"):
        files_verify("attempts/a/dataset/", content.files)
