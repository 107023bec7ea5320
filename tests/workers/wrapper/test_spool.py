"""The queue of records that waits in memory and on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.disks import files_of_at_most
from workers.runtime import wrapper_spool
from workers.runtime.wrapper_spool import Spool

MANY = 1 << 30


def make(folder: Path, *, memory: int = 100, disk: int = MANY, segment: int = 1000) -> Spool:
    return Spool(str(folder / "spool"), memory_bytes=memory, disk_bytes=disk, segment_bytes=segment)


def record(number: int, size: int = 50) -> bytes:
    return f"{number:06d}".encode() + os.urandom(size - 6)


def drain(spool: Spool) -> list[bytes]:
    found = []
    while (data := spool.first()) is not None:
        found.append(data)
        spool.done()
    return found


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "spool").iterdir()) if (folder / "spool").exists() else []


def test_in_order_through_memory_and_files_which_go_when_they_are_read(tmp_path: Path) -> None:
    spool, put = make(tmp_path), [record(number) for number in range(100)]
    assert all(spool.put(data, 1) for data in put)
    assert len(files(tmp_path)) == 7  # 98 records of 70 bytes, 15 to a file
    assert (len(spool), spool.weight, spool.disk_used) == (100, 100, 98 * 50)
    assert drain(spool) == put
    assert files(tmp_path) == []
    spool.close()
    assert not (tmp_path / "spool").exists()


def test_what_comes_while_it_is_read_comes_after(tmp_path: Path) -> None:
    spool, put, got = make(tmp_path), [record(number) for number in range(300)], []
    for number, data in enumerate(put):
        assert spool.put(data, 1)
        if number % 3 == 0:
            got.append(spool.first())
            spool.done()
    assert [*got, *drain(spool)] == put


def test_a_little_uses_no_disk(tmp_path: Path) -> None:
    spool = make(tmp_path)
    assert spool.put(record(1), 1)
    assert spool.put(record(2), 1)
    assert files(tmp_path) == []


def test_without_room_nothing_is_taken_and_the_oldest_can_go(tmp_path: Path) -> None:
    spool, put = make(tmp_path, disk=500), [record(number) for number in range(12)]
    assert all(spool.put(data, 10) for data in put)
    assert not spool.put(b"x" * 50, 10)
    assert spool.first() == put[0]
    assert spool.evict() == 10
    assert spool.put(b"x" * 50, 10)
    assert drain(spool) == [put[0], *put[2:], b"x" * 50]
    assert spool.evict() is None


def test_another_process_finds_what_was_left_and_not_what_is_torn(tmp_path: Path) -> None:
    spool, put = make(tmp_path), [record(number) for number in range(40)]
    assert all(spool.put(data, 3) for data in put)
    for _ in range(20):
        spool.first()
        spool.done()
    last = tmp_path / "spool" / files(tmp_path)[-1]
    last.write_bytes(last.read_bytes()[:-1])
    again = make(tmp_path)
    assert again.weight == 3 * (len(again))
    assert again.put(b"new" * 20, 1)
    assert drain(again) == [*put[17:39], b"new" * 20]  # of the file that was read in part, all


def test_a_damaged_record_is_left_out_and_counted(tmp_path: Path) -> None:
    spool, put = make(tmp_path, segment=MANY), [record(number) for number in range(10)]
    assert all(spool.put(data, 7) for data in put)
    [name] = files(tmp_path)
    content = bytearray((tmp_path / "spool" / name).read_bytes())
    content[70 + 40] ^= 1
    (tmp_path / "spool" / name).write_bytes(content)
    assert drain(spool) == [*put[:3], *put[4:]]
    assert spool.damaged_weight == 7


@files_of_at_most(300)  # as on a full disk, writing fails in the middle of a record
def test_a_file_that_cannot_grow_is_left_whole_and_another_begun(tmp_path: Path) -> None:
    spool, put = make(tmp_path), [record(number) for number in range(30)]
    assert all(spool.put(data, 1) for data in put)
    sizes = [(tmp_path / "spool" / name).stat().st_size for name in files(tmp_path)]
    assert sizes == [4 * 70] * 7  # nothing of the fifth
    assert drain(make(tmp_path)) == put[2:]
    assert drain(spool)[:2] == put[:2]


@files_of_at_most(300)
def test_on_a_full_disk_what_is_on_it_stays_and_memory_makes_room(tmp_path: Path) -> None:
    spool = make(tmp_path, memory=1000)
    old = [record(number, 200) for number in range(5)]
    on_disk, too_large = record(6, 250), [record(number, 400) for number in (7, 8)]
    assert all(spool.put(data, 1) for data in [*old, on_disk])
    assert spool.disk_used == 250
    for data in too_large:
        while not spool.put(data, 1):
            assert spool.evict() == 1
    assert drain(spool) == [old[4], on_disk, *too_large]
    assert files(tmp_path) == []


def test_of_a_small_disk_half_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = make(tmp_path)
    assert spool.put(record(1, 100), 1)
    monkeypatch.setattr(wrapper_spool, "FREE_SHARE", 1 << 60)
    assert not spool.put(record(2), 1)
    monkeypatch.undo()
    assert spool.put(record(2), 1)


def test_without_a_folder_there_is_memory_only() -> None:
    spool = Spool("", memory_bytes=100, disk_bytes=MANY)
    assert [spool.put(record(number), 1) for number in range(3)] == [True, True, False]


def test_discarded_nothing_is_left(tmp_path: Path) -> None:
    spool = make(tmp_path)
    assert all(spool.put(record(number), 1) for number in range(50))
    spool.close(discard=True)
    assert not (tmp_path / "spool").exists()
