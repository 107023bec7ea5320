"""Whatever is sent ends with a result or with a sentence about the file, and nothing half-made."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workers.runtime.cleaning.jobs import Jobs
from tests.workers.runtime.cleaning.pictures import picture
from tests.workers.runtime.cleaning.workbooks import DATE, tarred, workbook, zipped
from workers.runtime.cleaning.errors import UserError
from workers.runtime.cleaning.quarantine import NAME

CSV = b'id,name,when,v\n1,"Ann, x",2024-01-02,1.5\n2,"B ""q""",2024-05-06,\n3,C,2024-07-08,3e4\n'
JSON = b'{"a":1,"b":"x"}\n{"a":2.5,"c":[1,{"d":null}]}\n'


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2, None], "b": ["x", "y", "z"], "c": [[1], [2, 3], None]}), file)
    return file.getvalue()


GOOD: list[tuple[str, str, bytes]] = [
    ("csv", "a.csv", CSV), ("csv", "a.csv", CSV.decode().encode("utf-16")), ("csv", "a.csv.gz", gzip.compress(CSV)),
    ("csv", "a.csv", "姓名,年龄\n张三,30\n李四,4\n".encode("gb18030")), ("tsv", "a.tsv", CSV.replace(b",", b"\t")),
    ("jsonl", "a.jsonl", JSON), ("json", "a.json", b"[" + JSON.strip().replace(b"\n", b",") + b"]"),
    ("parquet", "a.parquet", parquet()),
    ("excel", "a.xlsx", workbook({"S": [["a", "b"], [1, (45000, DATE)], [2.5, None]]})),
    ("images", "a.zip", zipped({"c/a.png": picture(), "d/b.jpg": picture("JPEG"), "e.gif": picture("GIF")}, 0)),
    ("texts", "a.tgz", tarred({"p/a.txt": b"x", "p/b/c.txt": "größer schön süß".encode("latin-1")}, "w:gz")),
    ("archive", "a.zip", zipped({"a.csv": CSV, "b.csv": CSV})), ("archive", "a.tar", tarred({"a.csv": CSV})),
]  # fmt: skip
TOKENS = [
    b'"', b"\n", b"\r", b"\0", b"\xff", b"{", b"]", b"\\", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"1e999", b"9" * 40,
    b"PK\x03\x04", b"../", b"\xed\xa0\x80", b"\x0b", b'"\n"', b"__ordinal",
]  # fmt: skip
OPTIONS: dict[str, list[Any]] = {
    "header": [True, False], "delimiter": [";", "\t", "a"], "quote": ["'", "", "a"], "comment": ["#", "1"],
    "skip_rows": [1, 100], "decimal": [","], "thousands": [" "], "date_format": ["%d/%m/%Y"],
    "null_values": [[], ["NA"]], "encoding": ["utf-8", "latin-1", "utf-16", "utf-7", "cp037"],
    "types": [{"a": "int64"}, {"id": "int64", "v": "date"}],
    "schema": [[{"name": "id", "type": "int64", "nullable": False}, {"name": "name", "type": "string"}]],
    "max_rejected_ratio": [0, 1],
}  # fmt: skip


@st.composite
def uploads(draw: Callable[[Any], Any]) -> tuple[str, str, bytes, dict[str, Any]]:
    """A format, a file's name, its content, broken in some places or not, and options."""
    kind, name, content = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(content)))
        change = draw(st.sampled_from(["token", "cut", "end", "bit", "again"]))
        length = draw(st.integers(1, 40))
        content = {
            "token": content[:at] + draw(st.sampled_from(TOKENS)) + content[at:],
            "cut": content[:at] + content[at + length :],
            "end": content[:at],
            "bit": content[:at] + bytes(byte ^ 1 << length % 8 for byte in content[at : at + 1]) + content[at + 1 :],
            "again": content[: at + length] + content[at:],
        }[change]
    chosen = draw(st.lists(st.sampled_from(sorted(OPTIONS)), max_size=2, unique=True))
    return kind, name, content, {key: draw(st.sampled_from(OPTIONS[key])) for key in chosen}


@settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(upload=uploads())
def test_whatever_is_sent_is_read_or_refused(upload: tuple[str, str, bytes, dict[str, Any]]) -> None:
    kind, name, content, options = upload
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job-1"
        output = job / "bedplate-local" / "dataset"
        refused = ""
        try:
            done = Jobs(Path(folder)).ingest(content, name, format=kind, **options)
            json.dumps(done.result, allow_nan=False)
            assert done.result["row_count"] == done.table.num_rows > 0
        except UserError as error:
            refused = error.detail
        left = [path.name for path in output.iterdir() if path.name != NAME] if output.exists() else []
        assert (bool(refused), folder in refused) == (not left, False), refused
        assert [path.name for path in job.iterdir()] == ["bedplate-local"]
