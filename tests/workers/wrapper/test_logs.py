"""From the bytes of a command to numbered chunks of text."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from workers.runtime import wrapper_logs
from workers.runtime.wrapper_logs import CHUNK_BYTES, CUT, PENDING_BYTES, Chunk, Logs
from workers.runtime.wrapper_spool import Spool

MANY = 1 << 30


def make(folder: Path | None = None, *, disk: int = MANY) -> Logs:
    place = str(folder / "log_spool") if folder else ""
    return Logs(str(folder or ""), Spool(place, memory_bytes=PENDING_BYTES, disk_bytes=disk))


def drain(logs: Logs) -> list[Chunk]:
    found = []
    while chunk := logs.take():
        assert logs.take() == chunk
        found.append(chunk)
        logs.taken()
    return found


def joined(chunks: list[Chunk]) -> bytes:
    return b"".join(chunk.text for chunk in chunks)


def check(chunks: list[Chunk]) -> None:
    """Numbers and lines follow on each other."""
    line = chunks[0].first_line
    for number, chunk in enumerate(chunks, chunks[0].sequence):
        assert (chunk.sequence, chunk.first_line) == (number, line)
        assert 0 < len(chunk.text) <= CHUNK_BYTES
        line += chunk.text.count(b"\n")


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_any_cut_of_the_input_gives_the_same_text(size: int, tmp_path: Path) -> None:
    rng = random.Random(7)
    lines = [("ü€🙂x" * rng.randrange(40) + rng.choice(["\n", "\r", "\r\n", "\x1b[1m\n"])) for _ in range(1500)]
    source = "".join(lines).encode() + b"\xff\xfe\0 binary \xe2\x82"
    logs = make(tmp_path)
    for start in range(0, len(source), size):
        logs.feed(source[start : start + size])
    logs.feed(b"", final=True)
    chunks = drain(logs)
    check(chunks)
    expected = "".join(lines).replace("\r\n", "\n").replace("\r", "\n") + "\ufffd\ufffd\ufffd binary \ufffd\n"
    assert joined(chunks).decode() == expected
    assert logs.dropped_lines == 0


def test_a_line_of_a_mebibyte_is_whole_and_a_longer_one_cut_with_a_mark() -> None:
    logs, whole, long = make(), b"x" * (CHUNK_BYTES - 1) + b"\n", b"y" * (CHUNK_BYTES + 5) + b"\n"
    logs.feed(b"short\n" + whole + long)
    chunks = drain(logs)
    check(chunks)
    cut = CHUNK_BYTES - len(CUT)
    assert [chunk.text for chunk in chunks] == [b"short\n", whole, b"y" * cut + CUT, b"y" * (len(CUT) + 5) + b"\n"]
    assert [chunk.first_line for chunk in chunks] == [1, 2, 3, 4]


def test_a_line_without_an_end_is_cut_between_letters() -> None:
    logs, text = make(), "a" + "ü" * (3 * CHUNK_BYTES // 2)
    source = text.encode()
    for start in range(0, len(source), 5000):
        logs.feed(source[start : start + 5000])
    logs.feed(b"", final=True)
    chunks = drain(logs)
    check(chunks)
    assert joined(chunks).decode().replace(CUT.decode(), "") == text + "\n"
    assert joined(chunks).count(CUT) == 3


def test_a_prompt_is_seen_and_the_line_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = make()
    logs.feed(b"one\nsure? ")
    assert logs.take() == Chunk(0, 1, b"one\n")
    logs.taken()
    assert logs.take() is None
    monkeypatch.setattr(wrapper_logs, "PARTIAL_SECONDS", 0.0)
    assert logs.take() == Chunk(1, 2, b"sure? ")
    logs.taken()
    logs.feed(b"yes\nthree\n")
    assert logs.take() == Chunk(2, 2, b"yes\nthree\n")
    logs.taken()
    logs.feed(b"bye")
    assert logs.take() == Chunk(3, 4, b"bye")
    logs.taken()
    logs.feed(b"", final=True)
    assert logs.take() == Chunk(4, 4, b"\n")


def test_dots_for_ever_are_cut_like_any_long_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapper_logs, "PARTIAL_SECONDS", 0.0)
    monkeypatch.setattr(wrapper_logs, "CHUNK_BYTES", 100)
    logs, chunks = make(), []
    for _ in range(250):
        logs.feed(b".")
        chunks += drain(logs)
    text = joined(chunks)
    assert text.replace(CUT, b"") == b"." * 250
    assert max(len(line) for line in text.split(b"\n")) <= 100
    check(chunks)


def test_what_waits_is_on_the_disk_and_nothing_is_lost(tmp_path: Path) -> None:
    logs = make(tmp_path)
    block = b"".join(b"%07d %s\n" % (number, b"x" * 91) for number in range(10_000))
    for _ in range(40):
        logs.feed(block)
    assert sum(file.stat().st_size for file in (tmp_path / "log_spool").iterdir()) > 30_000_000
    chunks = drain(logs)
    check(chunks)
    assert joined(chunks) == block * 40
    assert logs.dropped_lines == 0
    logs.close(discard=True)
    assert not (tmp_path / "log_spool").exists()


def test_beyond_all_bounds_the_oldest_go_and_the_gap_is_seen() -> None:
    logs, line = make(disk=0), b"x" * 1023 + b"\n"
    for _ in range(3 * PENDING_BYTES // 1024):
        logs.feed(line)
    chunks = drain(logs)
    check(chunks)
    kept = joined(chunks).count(b"\n")
    assert PENDING_BYTES // 1024 - 1024 <= kept <= PENDING_BYTES // 1024 + 1024
    assert chunks[0].first_line == 3 * PENDING_BYTES // 1024 - kept + 1
    assert logs.dropped_lines == 3 * PENDING_BYTES // 1024 - kept


def test_a_later_start_goes_on_in_number_and_line(tmp_path: Path) -> None:
    first = make(tmp_path)
    first.feed(b"one\ntwo\n")
    assert drain(first) == [Chunk(0, 1, b"one\ntwo\n")]
    second = make(tmp_path)
    second.feed(b"three\n")
    assert drain(second) == [Chunk(1, 3, b"three\n")]


def test_a_later_start_begins_a_new_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapper_logs, "PARTIAL_SECONDS", 0.0)
    first = make(tmp_path)
    first.feed(b"sure? ")
    assert drain(first) == [Chunk(0, 1, b"sure? ")]
    second = make(tmp_path)
    second.feed(b"again\n")
    assert drain(second) == [Chunk(1, 1, b"\nagain\n")]


def test_a_number_given_is_never_given_again_whatever_was_sent(tmp_path: Path) -> None:
    """Killed between writing the number and sending, or after sending: the next start cannot know which."""
    first = make(tmp_path)
    first.feed(b"perhaps sent\n")
    assert first.take() == Chunk(0, 1, b"perhaps sent\n")
    assert make(tmp_path).take() is None
    second = make(tmp_path)
    second.feed(b"other\n")
    assert drain(second) == [Chunk(1, 2, b"other\n")]


def test_what_an_earlier_start_left_on_the_disk_is_sent_as_it_was(tmp_path: Path) -> None:
    first = make(tmp_path)
    for number in range(8 * CHUNK_BYTES // 1024):
        first.feed(b"%07d " % number + b"x" * 1015 + b"\n")
    before = {chunk.sequence: chunk for chunk in drain(make_copy(tmp_path))}
    second = make(tmp_path)
    second.feed(b"new\n")
    chunks = drain(second)
    assert chunks[:-1] == [before[number] for number in sorted(before)]
    assert len(chunks) >= 4
    assert chunks[-1].text == b"new\n"
    assert chunks[-1].sequence > max(before)


def make_copy(folder: Path) -> Logs:
    """The same files in another folder, so that looking changes nothing."""
    copy = folder / "copy" / "log_spool"
    copy.mkdir(parents=True)
    for file in (folder / "log_spool").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return make(folder / "copy")


@pytest.mark.parametrize("content", [b"", b"torn", b"1 2", b"\0" * 44])
def test_without_a_position_to_be_read_numbers_are_new_ones(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log_position").write_bytes(content)
    numbers = []
    for _ in range(2):
        (tmp_path / "log_position").write_bytes(content)
        logs = make(tmp_path)
        logs.feed(b"line\n")
        numbers += [chunk.sequence for chunk in drain(logs)]
    assert 0 < numbers[0] < numbers[1] < 1 << 62


def test_where_no_position_can_be_kept_numbers_are_new_ones(tmp_path: Path) -> None:
    (tmp_path / "log_position").mkdir()
    logs = make(tmp_path)
    logs.feed(b"line\n")
    [chunk] = drain(logs)
    assert chunk.sequence > 1000
