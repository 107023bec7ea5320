"""Files of an output: whole under their name, or not there at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.disks import files_of_at_most
from workers.runtime.stored_file import store_file, write_text_atomically


def test_a_copy_that_finds_no_room_leaves_nothing_and_comes_through_later(tmp_path: Path) -> None:
    source, folder = tmp_path / "model.bin", tmp_path / "artifacts"
    source.write_bytes(bytes(20_000))
    with files_of_at_most(10_000), pytest.raises(OSError, match="File too large"):
        store_file(source, folder, "bedplate://a/", "m/model.bin")
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert store_file(source, folder, "bedplate://a/", "m/model.bin").size_bytes == 20_000


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def writer(path: Path) -> None:
        path.write_bytes(b"half")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        store_file(writer, tmp_path, "bedplate://a/", "step-1.pt")
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_finds_no_room_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_text_atomically(path, "old")
    with files_of_at_most(10), pytest.raises(OSError, match="File too large"):
        write_text_atomically(path, "n" * 20)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("result.json", "old")]
