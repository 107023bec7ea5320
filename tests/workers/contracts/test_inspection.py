"""What is seen in files of models: nothing that runs code goes by, and what only holds data is let through."""

from __future__ import annotations

import base64
import bz2
import collections
import gzip
import io
import os
import pickle
import sys
import types
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from workers.contracts.inspection import files as looking
from workers.contracts.inspection import zips
from workers.contracts.inspection.files import file_inspected
from workers.contracts.inspection.pickles import OPCODES_MOST
from workers.contracts.inspection.reports import Report, Verdict

JOBLIB = (  # joblib.dump({"w": np.arange(3.0)}, …)
    "gASV1wAAAAAAAAB9lIwBd5SME2pvYmxpYi5udW1weV9waWNrbGWUjBFOdW1weUFycmF5V3JhcHBlcpSTlCmBlH2UKIwIc3ViY2xhc3OUjAVudW1w"
    "eZSMB25kYXJyYXmUk5SMBXNoYXBllEsDhZSMBW9yZGVylIwBQ5SMBWR0eXBllGgIjAVkdHlwZZSTlIwCZjiUiYiHlFKUKEsDjAE8lE5OTkr/////"
    "Sv////9LAHSUYowKYWxsb3dfbW1hcJSIjBtudW1weV9hcnJheV9hbGlnbm1lbnRfYnl0ZXOUSxB1Yg3/////////////////AAAAAAAAAAAAAAAA"
    "AADwPwAAAAAAAABAcy4="
)
JOBLIB_AND_CALL = (  # … {"w": np.arange(3.0), "after": <os.system>}
    "gASV2AAAAAAAAAB9lCiMAXeUjBNqb2JsaWIubnVtcHlfcGlja2xllIwRTnVtcHlBcnJheVdyYXBwZXKUk5QpgZR9lCiMCHN1YmNsYXNzlIwFbnVt"
    "cHmUjAduZGFycmF5lJOUjAVzaGFwZZRLA4WUjAVvcmRlcpSMAUOUjAVkdHlwZZRoCIwFZHR5cGWUk5SMAmY4lImIh5RSlChLA4wBPJROTk5K////"
    "/0r/////SwB0lGKMCmFsbG93X21tYXCUiIwbbnVtcHlfYXJyYXlfYWxpZ25tZW50X2J5dGVzlEsQdWIM////////////////AAAAAAAAAAAAAAAA"
    "AADwPwAAAAAAAABAlSYAAAAAAAAAjAVhZnRlcpSMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKUdS4="
)
JOBLIB_OF_OBJECTS = (  # … {"o": np.array([<os.system>], dtype=object)}
    "gASV1wAAAAAAAAB9lIwBb5SME2pvYmxpYi5udW1weV9waWNrbGWUjBFOdW1weUFycmF5V3JhcHBlcpSTlCmBlH2UKIwIc3ViY2xhc3OUjAVudW1w"
    "eZSMB25kYXJyYXmUk5SMBXNoYXBllEsBhZSMBW9yZGVylIwBQ5SMBWR0eXBllGgIjAVkdHlwZZSTlIwCTziUiYiHlFKUKEsDjAF8lE5OTkr/////"
    "Sv////9LP3SUYowKYWxsb3dfbW1hcJSJjBtudW1weV9hcnJheV9hbGlnbm1lbnRfYnl0ZXOUSxB1YoAFlaUAAAAAAAAAjBZudW1weS5fY29yZS5t"
    "dWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25kYXJyYXmUk5RLAIWUQwFilIeUUpQoSwFLAYWUaAOMBWR0eXBllJOUjAJPOJSJ"
    "iIeUUpQoSwOMAXyUTk5OSv////9K/////0s/dJRiiV2UjAVwb3NpeJSMBnN5c3RlbZSTlIwCaWSUhZRSlGF0lGIucy4="
)
DATA = {"a": [1, 2.5, "x"], "w": np.arange(10.0), "o": collections.OrderedDict(a=1), "s": {1, 2}}


class Call:
    """Loading its pickle would run a command."""

    def __reduce__(self) -> Any:
        return os.system, ("id",)


def seen(content: bytes, name: str = "model.pkl") -> Report:
    return file_inspected(io.BytesIO(content), name)


def zipped(entries: dict[str, bytes], packing: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", packing) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return made.getvalue()


def saved(array: Any) -> bytes:
    made = io.BytesIO()
    np.save(made, array, allow_pickle=True)
    return made.getvalue()


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_data_is_let_through_and_one_that_calls_is_not(protocol: int) -> None:
    assert seen(pickle.dumps(DATA, protocol)).verdict == Verdict.LISTED
    report = seen(pickle.dumps({**DATA, "z": Call()}, protocol))
    assert (report.verdict, report.refused) == (Verdict.EXECUTABLE, {f"{os.system.__module__}.system": "calls"})


@pytest.mark.parametrize(
    "program, refused",
    [
        (b"cbuiltins\neval\n.", {"builtins.eval": "imports"}),
        (b"(S'id'\nios\nsystem\n.", {"os.system": "calls"}),
        (b"(cos\nsystem\nS'id'\no.", {"os.system": "calls"}),
        (b"\x80\x02\x8c\x02os\x8c\x06system\x93.", {"os.system": "imports"}),
        # The name comes out of the memo, and what was put there first is not what is there now.
        (b"\x80\x04\x8c\x02os\x940\x8c\x06systemq\x00h\x00\x8c\x02osq\x01h\x01h\x00\x93.", {"os.system": "imports"}),
        (b"\x80\x04\x8c\x07numpy.x\x940\x8c\x02os\x940h\x01\x8c\x06system\x93.", {"os.system": "imports"}),
        (b"\x80\x04K\x01\x8c\x06system\x93.", {"a name that is computed": "imports"}),
        (b"\x80\x02\x82\x05.", {"extension 5 of copyreg": "calls"}),
        (b"cnumpy\nndarray\n)R)R.", {"what an earlier call made": "calls"}),
        (b"cnumpy\nndarray\n}S'x'\nI1\nsb.", {"numpy.ndarray": "changes"}),
        (b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.__class__\x93.", {"numpy.ndarray.__class__": "imports"}),
        (b"csklearn.utils.fixes\nParallel\n.", {"sklearn.utils.fixes.Parallel": "imports"}),
        (b"csklearn.ensemble._forest\nParallel\n.", {"sklearn.ensemble._forest.Parallel": "imports"}),
        (b"csklearn.ensemble._forest\ndelayed\n.", {"sklearn.ensemble._forest.delayed": "imports"}),
    ],
)
def test_every_way_to_import_and_to_call_is_seen(program: bytes, refused: dict[str, str]) -> None:
    report = seen(program)
    assert (report.verdict, report.refused) == (Verdict.EXECUTABLE, refused)


@pytest.fixture
def estimator() -> Iterator[type]:
    """A class where scikit-learn has one."""
    names = ("sklearn", "sklearn.linear_model", "sklearn.linear_model._logistic")
    modules: dict[str, Any] = {name: types.ModuleType(name) for name in names}
    made = type("LogisticRegression", (), {"__module__": names[-1]})
    modules[names[-1]].LogisticRegression = made
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        yield made


def test_estimators_of_scikit_learn_are_on_the_list(estimator: type) -> None:
    model = estimator()
    model.coef_ = np.arange(4.0)
    report = seen(pickle.dumps(model))
    assert report.verdict == Verdict.LISTED
    assert "sklearn.linear_model._logistic.LogisticRegression" in report.names


@pytest.mark.parametrize("cut", [1, 10, -1])
def test_what_cannot_be_read_to_its_end_is_not_let_through(cut: int) -> None:
    assert seen(pickle.dumps(DATA)[:cut]).verdict == Verdict.UNREADABLE


@pytest.mark.parametrize("program", [b"\x80\x04h\x07.", b"\x80\x04R.", b"\x80\x04\x85.", b"", b"t.", b"garbage"])
def test_what_is_no_pickle_is_not_let_through(program: bytes) -> None:
    assert seen(program).verdict == Verdict.UNREADABLE


def test_a_pickle_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.contracts.inspection.pickles.OPCODES_MOST", 1000)
    assert OPCODES_MOST > 1000
    report = seen(b"\x80\x04" + b"K\x010" * 2000 + b"N.")
    assert (report.verdict, report.detail) == (Verdict.UNREADABLE, "it has more than 1000 steps")


def test_a_second_pickle_behind_the_first_is_read_too() -> None:
    assert seen(pickle.dumps(1) + pickle.dumps(Call())).verdict == Verdict.EXECUTABLE
    assert seen(pickle.dumps(1) + bytes(64)).verdict == Verdict.LISTED  # as torch wrote its numbers once


def test_long_bytes_are_passed_over_and_not_kept() -> None:
    report = seen(pickle.dumps({"w": bytes(3 << 20), "z": Call()}))
    assert report.verdict == Verdict.EXECUTABLE
    assert seen(pickle.dumps(bytes(3 << 20))[: 2 << 20]).verdict == Verdict.UNREADABLE


def test_arrays_in_the_middle_of_what_joblib_writes() -> None:
    assert seen(base64.b64decode(JOBLIB), "model.joblib").verdict == Verdict.LISTED
    for content in (JOBLIB_AND_CALL, JOBLIB_OF_OBJECTS):
        report = seen(base64.b64decode(content), "model.joblib")
        assert (report.verdict, report.refused) == (Verdict.EXECUTABLE, {"posix.system": "calls"})


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, zlib.compress])
def test_packed_pickles_are_unpacked_as_they_are_read(packed: Any) -> None:
    assert seen(packed(pickle.dumps(DATA)), "model.joblib").verdict == Verdict.LISTED
    assert seen(packed(pickle.dumps(Call())), "model.joblib").verdict == Verdict.EXECUTABLE
    assert seen(packed(pickle.dumps(DATA))[:-20], "model.joblib").verdict == Verdict.UNREADABLE


def test_a_packed_bomb_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "UNPACKED_MOST", 1 << 20)
    report = seen(zlib.compress(pickle.dumps(bytes(4 << 20))), "model.joblib")
    assert (report.verdict, report.detail) == (Verdict.UNREADABLE, "it unpacks to more than is looked at")


def test_arrays_of_numpy() -> None:
    assert seen(saved(np.arange(5)), "a.npy").verdict == Verdict.PLAIN
    assert seen(saved(np.array([Call()], dtype=object)), "a.npy").verdict == Verdict.EXECUTABLE
    both = zipped({"a.npy": saved(np.arange(5)), "b.npy": saved(np.array([Call()], dtype=object))})
    report = seen(both, "a.npz")
    assert (report.verdict, report.detail) == (Verdict.EXECUTABLE, f"b.npy: it calls {os.system.__module__}.system")


def test_archives_of_torch() -> None:
    numbers = pickle.dumps(Call())  # bytes of a tensor: read as numbers, whatever they look like
    plain = {"archive/data.pkl": pickle.dumps({"w": 1}, 2), "archive/data/0": numbers, "archive/version": b"3\n"}
    report = seen(zipped(plain), "model.pt")
    assert (str(report.format), report.verdict) == ("torch", Verdict.LISTED)
    report = seen(zipped({**plain, "archive/data.pkl": pickle.dumps(Call(), 2)}), "model.pth")
    assert (str(report.format), report.verdict) == ("torch", Verdict.EXECUTABLE)
    report = seen(zipped({**plain, "archive/data/evil": numbers}), "model.pt")
    assert report.verdict == Verdict.EXECUTABLE
    exported = {"m/archive_format": b"pt2", "m/models/model.json": b"{}", "m/data/weights/w": zipped(plain)}
    report = seen(zipped(exported), "model.pt2")
    assert (str(report.format), report.verdict) == ("torch_export", Verdict.PREFERRED)
    report = seen(zipped({**exported, "m/data/sample.pt": zipped({"a/data.pkl": pickle.dumps(Call())})}), "model.pt2")
    assert report.verdict == Verdict.EXECUTABLE


def test_a_zip_behind_a_pickle_hides_neither() -> None:
    innocent = zipped({"a.txt": b"x"})
    assert seen(pickle.dumps(Call()) + innocent, "model.pkl").verdict == Verdict.EXECUTABLE
    guilty = zipped({"a/data.pkl": pickle.dumps(Call())})
    assert seen(pickle.dumps(1) + guilty, "model.pkl").verdict == Verdict.EXECUTABLE


def test_zips_in_zips_and_bombs_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    nested = pickle.dumps(Call())
    for _ in range(2):
        nested = zipped({"a.pkl" if nested[:2] == b"\x80\x04" else "a.zip": nested})
    assert seen(nested, "a.zip").verdict == Verdict.EXECUTABLE
    for _ in range(2):
        nested = zipped({"a.zip": nested})
    assert seen(nested, "a.zip").verdict == Verdict.UNREADABLE
    monkeypatch.setattr(zips, "RATIO_FROM_BYTES", 1 << 20)
    bomb = zipped({"a.bin": bytes(4 << 20)}, zipfile.ZIP_DEFLATED)
    report = seen(bomb, "a.zip")
    assert (report.verdict, report.detail) == (Verdict.UNREADABLE, "a.bin in it unpacks to far more than it takes")
    monkeypatch.setattr(zips, "ENTRIES_MOST", 2)
    assert seen(zipped(dict.fromkeys("abc", b"")), "a.zip").verdict == Verdict.UNREADABLE


def test_formats_that_hold_data_only() -> None:
    assert seen((8).to_bytes(8, "little") + b"{      }", "model.safetensors").verdict == Verdict.PREFERRED
    assert seen(pickle.dumps(Call()), "model.safetensors").verdict == Verdict.UNREADABLE
    assert seen(b"\x08\x08", "model.onnx").verdict == Verdict.PREFERRED
    assert seen(b"flavors: {}\n", "MLmodel").verdict == Verdict.PLAIN


def test_code_and_layers_that_are_code() -> None:
    assert seen(b"print(1)", "code/model.py").verdict == Verdict.EXECUTABLE
    assert seen(b'\x89HDF {"class_name": "Dense"}', "model.h5").verdict == Verdict.PLAIN
    assert seen(b'\x89HDF {"class_name": "Lambda"}', "model.h5").verdict == Verdict.EXECUTABLE
    config = b'{"class_name": "Lambda"}'
    assert seen(zipped({"config.json": config}), "model.keras").verdict == Verdict.EXECUTABLE
    assert seen(zipped({"config.json": b"{}"}), "model.keras").verdict == Verdict.PLAIN


def test_a_pickle_under_another_name_is_seen_by_its_first_bytes() -> None:
    assert seen(pickle.dumps(Call()), "notes.txt").verdict == Verdict.EXECUTABLE
    assert seen(b"\x80 is no pickle", "notes.txt").verdict == Verdict.PLAIN


def test_a_store_that_fails_says_nothing_about_the_file() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "input/output error")

    with pytest.raises(OSError, match="input/output"):
        file_inspected(Broken(), "model.pkl")
