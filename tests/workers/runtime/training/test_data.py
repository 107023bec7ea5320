"""Reading a split, and dividing it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.prepared_data import FEATURES, TEST_ROWS, TRAIN_ROWS, write_prepared_data
from workers.runtime.training.data import Split, has_split, load_split, split_off


def test_a_split_is_read_in_the_order_of_ordinals_from_all_files(tmp_path: Path) -> None:
    files = write_prepared_data(tmp_path)
    train = load_split(files, "train", label="Status", features=FEATURES)
    test = load_split(files, "test", label="Status", features=FEATURES)
    assert (train.features.shape, train.labels.shape) == ((TRAIN_ROWS, 4), (TRAIN_ROWS,))
    assert (train.features.dtype, train.labels.dtype) == (np.float32, np.float32)
    assert train.ordinals.tolist() == [number for number in range(400) if number % 4 != 3]
    assert test.ordinals.tolist() == list(range(3, 400, 4))
    assert len(test) == TEST_ROWS
    assert np.array_equal(train.features[:, 2], 1 - train.features[:, 3])


def test_without_names_every_column_but_label_and_own_is_a_feature(tmp_path: Path) -> None:
    assert load_split(write_prepared_data(tmp_path), "test", label="Status").names == FEATURES


def test_features_come_in_the_order_asked_for(tmp_path: Path) -> None:
    files = write_prepared_data(tmp_path)
    normal = load_split(files, "test", label="Status", features=FEATURES)
    turned = load_split(files, "test", label="Status", features=FEATURES[::-1])
    assert np.array_equal(turned.features, normal.features[:, ::-1])


def _one_file(folder: Path, **columns: object) -> list[Path]:
    path = folder / "part.parquet"
    pq.write_table(pa.table({"__ordinal": [0, 1], "__split": ["train", "train"], **columns}), path)
    return [path]


def test_what_cannot_be_trained_on_is_refused_by_name(tmp_path: Path) -> None:
    files = _one_file(tmp_path, income=[1.0, None], home=["a", "b"], label=[0, 1])
    for features, says in [
        (["income"], "column income has values that are missing"),
        (["home"], "column home holds string"),
        (["age"], "no column age; it has __ordinal, __split, income, home, label"),
    ]:
        with pytest.raises(ValueError, match=says):
            load_split(files, "train", label="label", features=features)
    with pytest.raises(ValueError, match="no row of the split 'test'"):
        load_split(files, "test", label="label", features=[])
    with pytest.raises(ValueError, match="no Parquet file"):
        load_split([tmp_path / "preprocessor.json"], "train", label="label")


def test_a_part_that_the_recipe_made_is_known(tmp_path: Path) -> None:
    files = write_prepared_data(tmp_path)
    assert [has_split(files, name) for name in ("train", "test", "validation")] == [True, True, False]


def test_a_part_is_split_off_by_label_and_seed() -> None:
    labels = np.array([0] * 70 + [1] * 30, dtype=np.float32)
    rows = np.arange(100)
    whole = Split(rows[:, None].astype(np.float32), labels, ("row",), rows)
    rest, part = split_off(whole, 0.1, seed=3)
    again = split_off(whole, 0.1, seed=3)[1]
    assert (len(rest), len(part)) == (90, 10)
    assert part.labels.tolist() == [0.0] * 7 + [1.0] * 3
    assert sorted([*rest.ordinals, *part.ordinals]) == rows.tolist()
    assert part.ordinals.tolist() == again.ordinals.tolist()
    assert part.ordinals.tolist() != split_off(whole, 0.1, seed=4)[1].ordinals.tolist()
    with pytest.raises(ValueError, match="between 0 and 1"):
        split_off(whole, 1.0, seed=3)
