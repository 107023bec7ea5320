"""Inputs on a disk that the job shares with the store: a file that somebody vouched for is compared before its use."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, cast

import pytest

from workers.runtime.client_errors import JobApiError
from workers.runtime.inputs import Inputs
from workers.runtime.link import Link


class NearLink:
    """Answers with one file where it lies."""

    def __init__(self, path: Path, sha256: str | None) -> None:
        entry = {"name": path.name, "path": str(path), "url": None, "size_bytes": 4, "sha256": sha256}
        self.answer = {"name": "model", "uri": f"bedplate://x/{path.name}", "path": str(path), "files": [entry]}

    def resolve(self, name: str, mode: str) -> dict[str, Any]:
        return self.answer


@pytest.mark.parametrize("said", ["onnx", None])
def test_a_file_that_is_what_was_said_is_used_where_it_lies(tmp_path: Path, said: str | None) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"onnx")
    digest = hashlib.sha256(said.encode()).hexdigest() if said else None
    inputs = Inputs(cast(Link, NearLink(path, digest)), tmp_path / "inputs")
    assert inputs.get("model").files == [path]


def test_a_file_that_is_another_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"evil")
    digest = hashlib.sha256(b"onnx").hexdigest()
    inputs = Inputs(cast(Link, NearLink(path, digest)), tmp_path / "inputs")
    with pytest.raises(JobApiError, match=r"model\.onnx does not have the SHA-256"):
        inputs.get("model")
