"""Zips and tars, workbooks, pictures and texts: what they hold, and whatever else somebody puts into them."""

from __future__ import annotations

import base64
import datetime
import gzip
import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.workers.runtime.cleaning.jobs import Done, Jobs
from tests.workers.runtime.cleaning.pictures import picture
from tests.workers.runtime.cleaning.workbooks import DATE, MOMENT, Raw, tarred, workbook, zipped
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.folders import pictures
from workers.runtime.cleaning.readers import archives, excel

CSV = b"a,b\n1,x\n"
ERROR = Raw('<c R t="e"><f>1/0</f><v>#DIV/0!</v></c>')


def rows(done: Done) -> list[list[Any]]:
    return [list(row.values())[1:] for row in done.table.to_pylist()]


def refusal(jobs: Jobs, content: bytes, name: str, kind: str, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(UserError) as caught:
        jobs.ingest(content, name, format=kind, **parameters)
    return caught.value.code, caught.value.detail


def linked_zip() -> bytes:
    file, info = io.BytesIO(), zipfile.ZipInfo("a.csv")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return file.getvalue()


def special_tar(kind: bytes) -> bytes:
    file, info = io.BytesIO(), tarfile.TarInfo("a.csv")
    info.type, info.linkname = kind, "/etc/passwd"
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(info)
    return file.getvalue()


def locked_zip() -> bytes:
    content = bytearray(zipped({"a.csv": CSV}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    return bytes(content)


def crowded_zip() -> bytes:
    content = bytearray(zipped({"a.csv": CSV}))
    at = content.rindex(b"PK\x05\x06") + 12
    content[at : at + 4] = struct.pack("<L", archives.DIRECTORY_BYTES_MOST + 1)
    return bytes(content)


TORN = bytearray(zipped({"a.csv": CSV * 1000}))
TORN[60] ^= 0xFF
NASTY: list[tuple[str, bytes, str, tuple[str, str]]] = [
    ("a path out of it", zipped({"../a.csv": CSV}), "up.zip", ("unsafe_member", "'../a.csv' leads out of the archive")),
    ("from the root", zipped({"/etc/a.csv": CSV}), "up.zip", ("unsafe_member", "'/etc/a.csv' leads out")),
    ("from a drive", zipped({"C:\\a.csv": CSV}), "up.zip", ("unsafe_member", "leads out of the archive")),
    ("out of a tar", tarred({"x/../../a.csv": CSV}), "up.tar", ("unsafe_member", "leads out of the archive")),
    ("a link", linked_zip(), "up.zip", ("unsafe_member", "'a.csv' is a link")),
    ("a link in a tar", special_tar(tarfile.SYMTYPE), "up.tar", ("unsafe_member", "is a link or a device")),
    ("a hard link", special_tar(tarfile.LNKTYPE), "up.tar", ("unsafe_member", "is a link or a device")),
    ("a device", special_tar(tarfile.CHRTYPE), "up.tar", ("unsafe_member", "is a link or a device")),
    ("a password", locked_zip(), "up.zip", ("encrypted_file", "'a.csv' needs a password")),
    ("an archive", zipped({"b.zip": CSV}), "up.zip", ("nested_archive", "'b.zip' is an archive in the archive")),
    ("an endless list", crowded_zip(), "up.zip", ("too_many_members", "up.zip has more than 200000 members")),
    ("torn", bytes(TORN), "up.zip", ("damaged_archive", "'a.csv' cannot be unpacked: Bad CRC-32")),
    ("cut off", zipped({"a.csv": CSV})[:-30], "up.zip", ("damaged_archive", "it is cut off after")),
    ("a tar cut off", tarred({"a.csv": CSV * 999}, "w:gz")[:-40], "a.tar.gz", ("damaged_archive", "cannot be")),
    ("of two kinds", zipped({"a.csv": CSV, "b.png": b""}), "up.zip", ("mixed_archive", "(1 of csv, 1 of images)")),
    ("of no kind", zipped({"a.exe": CSV}), "up.zip", ("no_members", "holds no file of a kind that is read")),
    ("no archive", CSV, "up.zip", ("wrong_format", "up.zip is no zip and no tar")),
    ("of no kind that is read", zipped({"a.ods": CSV, "b.xlsb": CSV}), "up.zip", ("no_members", "holds no file of a")),
    ("empty", zipped({}), "up.zip", ("no_members", "up.zip holds no file")),
    ("packed twice", gzip.compress(gzip.compress(CSV)), "a.csv.gz", ("nested_archive", "a.csv.gz is packed twice")),
]  # fmt: skip


@pytest.mark.parametrize(("content", "name", "expected"), [row[1:] for row in NASTY], ids=[row[0] for row in NASTY])
def test_an_archive_that_is_unsafe_or_damaged_is_refused(
    jobs: Jobs, tmp_path: Path, content: bytes, name: str, expected: tuple[str, str]
) -> None:
    code, detail = refusal(jobs, content, name, "archive")
    assert (code, expected[1] in detail) == (expected[0], True), detail
    assert str(tmp_path) not in detail
    job = tmp_path / "job-1"
    assert [path.name for path in job.iterdir()] == ["bedplate-local"], "the working folder is empty again"
    assert not any((job / "bedplate-local" / "dataset").iterdir())


@pytest.mark.parametrize(("name", "kind"), [("a.csv.gz", "csv"), ("a.zip", "archive"), ("a.tar.gz", "archive")])
def test_what_swells_is_stopped_on_the_way(jobs: Jobs, monkeypatch: pytest.MonkeyPatch, name: str, kind: str) -> None:
    monkeypatch.setattr(archives, "RATIO_FROM_BYTES", 1 << 20)
    zeros = b"a\n" + b"0\n" * (3 << 20)
    packed = {"a.csv.gz": gzip.compress(zeros), "a.zip": zipped({"a.csv": zeros})}
    content = packed.get(name) or tarred({"a.csv": zeros}, "w:gz")
    assert refusal(jobs, content, name, kind) == ("swells", f"{name} holds more than 200 times its own size unpacked")
    monkeypatch.setattr(archives, "RATIO_FROM_BYTES", 1 << 40)
    monkeypatch.setattr(archives, "TOTAL_BYTES_MOST", 1 << 20)
    assert refusal(jobs, content, name, kind)[0] == "swells"


def test_cells_of_excel_keep_their_types(jobs: Jobs) -> None:
    sheet: list[list[object]] = [
        ["Report"], [],
        ["id", "name", "day", "moment", "ok", "sum", "bad"],
        [1, "x", (45000, DATE), (45000.5, MOMENT), True, Raw("<c R><f>A4*2</f><v>2</v></c>"), 1.5],
        [2, None, None, None, False, Raw("<c R><f>A5*2</f><v>4</v></c>"), ERROR],
    ]  # fmt: skip
    more = '<mergeCells count="1"><mergeCell ref="A1:C1"/></mergeCells>'
    content = workbook({"Hidden": [["h"], [1]], "Loans": sheet}, hidden=["Hidden"], more=more)
    done = jobs.ingest(content, "up.xlsx", format="excel", skip_rows=2)
    assert [(column["name"], column["type"]) for column in done.result["schema"]] == [
        ("id", "int64"), ("name", "string"), ("day", "date"), ("moment", "timestamp"), ("ok", "bool"),
        ("sum", "int64"), ("bad", "float64"),
    ]  # fmt: skip
    assert rows(done) == [
        [1, "x", datetime.date(2023, 3, 15), datetime.datetime(2023, 3, 15, 12), True, 2, 1.5],
        [2, None, None, None, False, 4, None],
    ]
    assert done.result["detected"] == {
        "format": "excel", "sheet": "Loans", "sheets": ["Hidden", "Loans"], "header": True,
    }  # fmt: skip
    assert rows(jobs.ingest(content, "up.xlsx", format="excel", sheet="Hidden")) == [[1]]


WRONG_SHEETS: dict[str, tuple[bytes, tuple[str, str]]] = {
    "names twice": (workbook({"S": [["a", "a"], [1, 2]]}), ("duplicate_column_names", "columns 1 and 2 are both")),
    "no name": (workbook({"S": [[], ["a", None, "c"], [1, 2, 3]]}), ("empty_column_name", "column 2 has no name")),
    "nothing": (workbook({"S": [[]]}), ("no_rows", "up.xlsx has nothing in any sheet")),
    "no row": (workbook({"S": [["a"]]}), ("no_rows", "up.xlsx has a header and no row")),
    "corners": (
        workbook({"S": [["a", None], [Raw('<c r="XFD1048576"><v>1</v></c>')]]}),
        ("sheet_too_large", "'S' spans 1048576 rows and 16384 columns"),
    ),
    "no workbook": (CSV, ("not_excel", "up.xlsx is no workbook of Excel")),
    "junk": (b"PK\x03\x04" + b"junk" * 99, ("damaged_archive", "it is cut off after")),
    "old junk": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"junk" * 999, ("unreadable_file", "cannot be read as Excel")),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_SHEETS)
def test_a_workbook_that_is_wrong_says_where(jobs: Jobs, name: str) -> None:
    content, (code, detail) = WRONG_SHEETS[name]
    said = refusal(jobs, content, "up.xlsx", "excel")
    assert (said[0], detail in said[1]) == (code, True), said


def test_a_workbook_that_swells_or_is_no_csv_is_not_opened(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    content = workbook({"S": [["a"], [1]]})
    assert refusal(jobs, content, "up.xlsx", "csv") == (
        "wrong_format",
        "up.xlsx is a workbook of Excel: say excel as its format",
    )
    assert refusal(jobs, content, "up.xlsx", "excel", sheet="T")[1] == "up.xlsx has no sheet 'T'; it has 'S'"
    monkeypatch.setattr(excel, "OPENED_BYTES_MOST", 1000)
    assert refusal(jobs, content, "up.xlsx", "excel")[0] == "swells"


def test_pictures_are_rows_and_broken_ones_too(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "PIXELS_MOST", 60 * 60)
    files = {
        "p/cat/a.png": picture(), "p/cat/b.jpg": picture("JPEG", (60, 45)), "p/dog/c.gif": picture("GIF"),
        "p/dog/d.png": picture(seed=1), "p/x.webp": picture("WEBP"), "p/cut.jpg": picture("JPEG")[:-200],
        "p/none.png": b"no picture", "p/large.png": picture(size=(61, 60)), "p/README.md": b"",
    }  # fmt: skip
    done = jobs.ingest(zipped(files), "up.zip", format="images")
    table = done.table.to_pylist()
    names = ("path", "label", "width", "height", "mode", "format", "is_corrupt")
    assert [[row[name] for name in names] for row in table] == [
        ["p/cat/a.png", "cat", 40, 30, "RGB", "PNG", False],
        ["p/cat/b.jpg", "cat", 60, 45, "RGB", "JPEG", False],
        ["p/dog/c.gif", "dog", 40, 30, "P", "GIF", False],
        ["p/dog/d.png", "dog", 40, 30, "RGB", "PNG", False],
        ["p/x.webp", None, 40, 30, "RGB", "WEBP", False],
        ["p/cut.jpg", None, 40, 30, "RGB", "JPEG", True],
        ["p/none.png", None, None, None, None, None, True],
        ["p/large.png", None, 61, 60, "RGB", "PNG", True],
    ]
    assert [row["image"] for row in table] == list(files.values())[:8]
    hashes = [row["phash"] for row in table]
    assert hashes[5:] == [None, None, None]
    distances = [bin((hashes[0] ^ one) & (2**64 - 1)).count("1") for one in hashes[1:5]]
    assert max(distances[0], distances[3]) <= 6 < distances[1] <= 16 < 24 <= distances[2], distances  # 256 colours
    assert [column["type"] for column in done.result["schema"] if column["name"] == "image"] == ["image"]
    assert done.result["detected"] == {"format": "images", "packing": "zip", "files": 8, "ignored": 1}
    again = jobs.ingest(tarred(dict(reversed(files.items()))), "up.tar", format="images")
    assert again.result["digest"] == done.result["digest"]


def test_a_sample_of_pictures_is_small_and_holds_no_bytes(jobs: Jobs) -> None:
    files = {f"{number:03}.png": picture(seed=number, size=(200, 100)) for number in range(60)} | {"x.png": b"-"}
    done = jobs.ingest(zipped(files), "up.zip", format="archive")
    sample = json.loads((done.folder / "sample.json").read_text())
    at = [column["name"] for column in sample["columns"]].index("image")
    assert {row["values"][at] for row in sample["first"] + sample["random"]} == {None}
    shown = json.loads((done.folder / "thumbnails.json").read_text())
    assert (shown["column"], len(shown["thumbnails"])) == ("image", 48)
    data = shown["thumbnails"][0]["image"].removeprefix("data:image/webp;base64,")
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (64, 32)
    assert [one["image"] for one in shown["thumbnails"] if one["ordinal"] == 60] in ([], [None])


def test_texts_are_rows_and_what_is_none_is_left_out(jobs: Jobs) -> None:
    files = {
        "p/pos/1.txt": b"\xef\xbb\xbfgood", "p/neg/2.txt": "schlécht größer ünd".encode("latin-1"),
        "p/neg/3.txt": b"a\0b", "p/4.txt": b"", "p/5.txt": b"\xff\xfe\x00",
    }  # fmt: skip
    done = jobs.ingest(tarred(files, "w:gz"), "up.tar.gz", format="archive")
    assert [row[:3] for row in rows(done)] == [
        ["p/pos/1.txt", "pos", "good"], ["p/neg/2.txt", "neg", "schlécht größer ünd"], ["p/4.txt", None, ""],
    ]  # fmt: skip
    assert [(one["file"], one["line"], one["reason"]) for one in done.result["rejected"]["samples"]] == [
        ("p/5.txt", None, "it is not utf-16: byte 3 is 0x00"),
        ("p/neg/3.txt", None, "character 2 is NUL; text has none"),
    ]
