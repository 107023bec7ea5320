"""Files that hold numbers and descriptions: what is none of what it says, or names code, does not go by."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from tests.support.zips import zipped
from workers.contracts.inspection.files import file_inspected
from workers.contracts.inspection.reports import Report, Verdict


def seen(content: bytes, name: str) -> Report:
    return file_inspected(io.BytesIO(content), name)


def tensor(**said: str) -> onnx.ModelProto:
    """A model whose weights lie in another file."""
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in said.items():
        weights.external_data.add(key=key, value=value)
    node = helper.make_node("Identity", ["w"], ["y"])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
    return helper.make_model(helper.make_graph([node], "g", [], [out], [weights]))


@pytest.mark.parametrize(
    "place, verdict",
    [
        ("weights.bin", Verdict.PREFERRED), ("data/weights..bin", Verdict.PREFERRED),
        ("../../etc/passwd", Verdict.UNREADABLE),
        ("/etc/passwd", Verdict.UNREADABLE), ("a/../../b", Verdict.UNREADABLE), ("..\\b", Verdict.UNREADABLE),
        ("C:b", Verdict.UNREADABLE), ("a\x00b", Verdict.UNREADABLE),
    ],
)  # fmt: skip
def test_weights_of_onnx_lie_beside_it(place: str, verdict: Verdict) -> None:
    model = tensor(offset="0", location=place, length="8")
    assert seen(model.SerializeToString(), "model.onnx").verdict == verdict
    inner = helper.make_node("If", ["c"], ["y"], then_branch=model.graph)
    outer = helper.make_model(helper.make_graph([inner], "g", [], []))
    assert seen(outer.SerializeToString(), "model.onnx").verdict == verdict
    constant = helper.make_node("Constant", [], ["y"], value=model.graph.initializer[0])
    outer = helper.make_model(helper.make_graph([constant], "g", [], []))
    assert seen(outer.SerializeToString(), "model.onnx").verdict == verdict


def test_what_is_named_onnx_and_is_none() -> None:
    whole = tensor(location="w").SerializeToString()
    for content in (whole[:-3], b"\x08", b"{}", b"onnx", b"\xff" * 20):
        assert seen(content, "model.onnx").verdict == Verdict.UNREADABLE


def tensors(head: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def test_what_is_named_safetensors_and_is_none() -> None:
    one = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    assert seen(tensors({"a": one, "__metadata__": {"x": "y"}}, bytes(8)), "m.safetensors").verdict == Verdict.PREFERRED
    two = {**one, "data_offsets": [8, 16]}
    assert seen(tensors({"b": two, "a": one}, bytes(16)), "m.safetensors").verdict == Verdict.PREFERRED
    wrong = [
        tensors({"a": one, "b": {**one, "data_offsets": [4, 12]}}, bytes(12)), tensors({"a": one, "b": one}, bytes(8)),
        tensors({"a": one, "b": {**one, "data_offsets": [12, 20]}}, bytes(20)), tensors({"a": one}, bytes(7)),
        tensors({"a": one}, bytes(9)), tensors({"a": {**one, "data_offsets": [8, 0]}}), tensors(b"[" * 100_000),
        tensors({"a": {**one, "shape": [-2]}}, bytes(8)),
        tensors({"a": {**one, "shape": [1 << 62, 1 << 62]}}, bytes(8)),
        tensors({"a": {**one, "data_offsets": [0, 8, 9]}}, bytes(8)), tensors({"a": 5}), tensors({"a": {}}),
        tensors(b"[]"),
        tensors(b"{}", length=1 << 62), tensors(b"{}", length=100 << 20), b"\x02", b"", b'{"a": 1}',
        tensors(b'{"a": {}, "a": {}}'), tensors({"a": {**one, "dtype": "OBJECT"}}, bytes(8)), tensors(b"\xff\xfe{}"),
    ]  # fmt: skip
    for content in wrong:
        assert seen(content, "m.safetensors").verdict == Verdict.UNREADABLE


@pytest.mark.parametrize(
    "config, verdict",
    [
        ('{"class_name":"Lambda"}', Verdict.EXECUTABLE), ('{"class_name" :\n "\\u004cambda"}', Verdict.EXECUTABLE),
        ('{"cl\\u0061ss_name": "Lambda"}', Verdict.EXECUTABLE),
        ('{"a": [{"class_name": "__lambda__"}]}', Verdict.EXECUTABLE),
        ('{"module": "os", "class_name": "function", "config": "system"}', Verdict.EXECUTABLE),
        ('{"module": "builtins", "class_name": "function", "config": "eval"}', Verdict.EXECUTABLE),
        ('{"module": "kerasx.y", "class_name": "Dense"}', Verdict.EXECUTABLE),
        ('{"registered_name": "Lambda"}', Verdict.EXECUTABLE),
        ('{"module": "keras.layers", "class_name": "TorchModuleWrapper"}', Verdict.EXECUTABLE),
        ('{"module": "keras.layers", "class_name": "Dense", "registered_name": null}', Verdict.PLAIN),
        ('{"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense"}]}}', Verdict.PLAIN),
        ("not json", Verdict.UNREADABLE), ("[" * 100_000, Verdict.UNREADABLE),
    ],
)  # fmt: skip
def test_what_a_description_of_keras_names(config: str, verdict: Verdict) -> None:
    assert seen(zipped(("config.json", config.encode())), "m.keras").verdict == verdict


@pytest.mark.parametrize(
    "said, verdict",
    [
        (b'{"class_name":"Lambda"}', Verdict.EXECUTABLE),
        (b'{"class_name" : "TorchModuleWrapper"}', Verdict.EXECUTABLE),
        (b'{"class_name": "\\u004cambda"}', Verdict.UNREADABLE), (b'{"class_name": "Dense"}', Verdict.PLAIN),
    ],
)  # fmt: skip
def test_what_the_text_in_hdf5_names(said: bytes, verdict: Verdict) -> None:
    for before in (0, (1 << 20) - 10):
        assert seen(b"\x89HDF\r\n\x1a\n" + bytes(before) + said, "m.h5").verdict == verdict


def test_ordinary_files_beside_a_model_are_let_through() -> None:
    for name, content in {
        "MLmodel": b"flavors:\n  python_function:\n", "conda.yaml": b"channels:\n- conda-forge\n",
        "labels.txt": b"cat\ndog\nbird\n",
        "README.md": b"(in thousands)\n\nsee below\n", "x.json": b'{"a": 1}', "vocab.txt": b"c\nb\na\n.\n",
        "empty": b"",
        "requirements.txt": b"numpy==2.0\nimportlib\n", "image.png": b"\x89PNG\r\n\x1a\n",
        "p.csv": b"income,age\n1,2\n",
        "notes": "в тысячах\n".encode(), "dots": b"....", "numbers": struct.pack("<8d", *range(8)),
        "zeros": bytes(2000),
    }.items():  # fmt: skip
        assert seen(content, name).verdict == Verdict.PLAIN, name
