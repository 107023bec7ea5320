"""Shapes by which other scanners were evaded, and things that are none of what they say: none goes by, none ends it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import tarfile
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.zips import zipped
from tests.workers.contracts.test_inspection_formats import tensor, tensors
from workers.contracts.inspection.files import file_inspected
from workers.contracts.inspection.reports import NEEDS_APPROVAL, Report, Verdict


class Call:
    """Loading its pickle would run a command."""

    def __reduce__(self) -> Any:
        return os.system, ("id",)


GUILTY = [pickle.dumps(Call(), protocol) for protocol in range(6)]
INNOCENT = pickle.dumps({"w": [1.5, "x"]}, 2)


def seen(content: bytes, name: str = "model.pkl") -> Report:
    return file_inspected(io.BytesIO(content), name)


def changed(content: bytes, mark: bytes, offset: int, by: int) -> bytes:
    """With another byte in a record of a zip."""
    made = bytearray(content)
    made[made.index(mark) + offset] ^= by
    return bytes(made)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "name", ["model.config", "weights.txt", "x", "model.onnx", "model.h5", "model.safetensors", "a.npy"]
)
@pytest.mark.parametrize("packed", [bytes, gzip.compress, bz2.compress, lzma.compress, zlib.compress])
def test_a_pickle_is_one_whatever_its_name_is(protocol: int, name: str, packed: Callable[[bytes], bytes]) -> None:
    assert seen(packed(GUILTY[protocol]), name).verdict in NEEDS_APPROVAL
    assert seen(zipped((f"a/{name}", packed(GUILTY[protocol]))), "a.zip").verdict in NEEDS_APPROVAL


@pytest.mark.parametrize("protocol", range(6))
def test_what_follows_a_pickle_is_read_on_as_torch_did(protocol: int) -> None:
    """`torch.load` of old files reads five, one after the other."""
    before = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 0)
    assert seen(before + GUILTY[protocol], "model.pt").verdict == Verdict.EXECUTABLE
    assert seen(before + b"N." + GUILTY[protocol], "model.pt").verdict == Verdict.EXECUTABLE
    assert seen(before + INNOCENT + bytes(100), "model.pt").verdict == Verdict.LISTED


@pytest.mark.parametrize("protocol", range(6))
def test_what_breaks_off_has_run_by_then(protocol: int) -> None:
    for name in ("model.pkl", "notes.txt"):
        assert seen(GUILTY[protocol][:-1] + b"\xff", name).verdict in NEEDS_APPROVAL
        assert seen(GUILTY[protocol][:-1], name).verdict in NEEDS_APPROVAL


@pytest.mark.parametrize(
    "module, name",
    [
        ("pkgutil", "resolve_name"), ("builtins", "getattr"), ("builtins", "__import__"), ("builtins", "map"),
        ("importlib", "import_module"), ("marshal", "loads"), ("types", "FunctionType"), ("functools", "partial"),
        ("operator", "attrgetter"), ("operator", "methodcaller"), ("_io", "FileIO"), ("pickle", "loads"),
        ("_pickle", "loads"), ("runpy", "run_path"), ("pip", "main"), ("timeit", "timeit"), ("pdb", "run"),
        ("profile", "run"), ("trace", "Trace"), ("doctest", "debug_script"), ("ensurepip", "_run_pip"),
        ("idlelib.pyshell", "ModifiedInterpreter"), ("uuid", "_get_command_stdout"), ("imaplib", "IMAP4_stream"),
        ("_osx_support", "_read_output"), ("asyncio.unix_events", "_UnixSubprocessTransport"),
        ("ssl", "get_server_certificate"),
        ("numpy.f2py.crackfortran", "getlincoef"), ("numpy.testing._private.utils", "runstring"), ("numpy", "load"),
        ("torch", "load"), ("torch.hub", "load"), ("torch.jit", "load"), ("torch.storage", "_load_from_bytes"),
        ("torch.serialization", "load"), ("torch.utils._config_module", "ConfigModule"), ("joblib", "load"),
        ("joblib.numpy_pickle", "load"), ("joblib.numpy_pickle_compat", "NDArrayWrapper"), ("cloudpickle", "loads"),
        ("cloudpickle.cloudpickle", "_make_function"), ("dill._dill", "_create_code"), ("sklearn.utils", "Bunch"),
        ("sklearn.tree.tests.test_tree", "StringIO"), ("sklearn.cluster._bicluster", "ABCMeta"),
        ("mlflow.pyfunc", "load_model"),
    ],
)  # fmt: skip
def test_every_way_out_that_others_forgot(module: str, name: str) -> None:
    for program in (
        f"c{module}\n{name}\n(S'x'\ntR.".encode(),
        b"\x80\x04" + b"".join(b"\x8c" + bytes([len(one)]) + one.encode() for one in (module, name)) + b"\x93)\x81.",
        f"(S'x'\ni{module}\n{name}\n.".encode(),
        f"(c{module}\n{name}\nS'x'\no0N.".encode(),  # and the result is thrown away
    ):
        report = seen(program)
        assert (report.verdict, report.refused) == (Verdict.EXECUTABLE, {f"{module}.{name}": "calls"})


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x04cbuiltins\nstr\nC\x02os\x8c\x05ascii\x86R\x8c\x06system\x93\x8c\x02id\x85R.",  # str(b"os", "ascii")
        b"\x80\x04c_codecs\nencode\n\x8c\x02bf\x8c\x05rot13\x86R\x8c\x06system\x93\x8c\x02id\x85R.",
        b"\x80\x04]\x8c\x02osa0\x8c\x08builtins\x8c\x04exec\x93\x8c\x01x\x85R.",
        b"ccopyreg\n_reconstructor\n(cos\nsystem\ncbuiltins\nobject\nNtR.",
        b"\x80\x04\x83\x01\x00)R.",
    ],
)
def test_names_that_are_put_together(program: bytes) -> None:
    assert seen(program).verdict == Verdict.EXECUTABLE
    assert seen(program, "notes.txt").verdict in NEEDS_APPROVAL or program[2:3] == b"\x83"


HEADER = b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81"
TYPE = b"cnumpy\ndtype\n\x8c\x02%s\x89\x88\x87R"
SIMPLE = b"(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
RUN = b"cposix\nsystem\n\x8c\x02id\x85R."


def array(
    kind: bytes = b"f8", built: bytes = SIMPLE, shape: bytes = b"K\x02\x85", more: bytes = b"", header: bytes = HEADER
) -> bytes:
    """What joblib writes of an array, up to its bytes."""
    said = b"}(\x8c\x08subclasscnumpy\nndarray\n\x8c\x05shape" + shape + b"\x8c\x05order\x8c\x01C\x8c\x05dtype"
    return header + said + TYPE % kind + built + more + b"ub"


def test_an_array_of_joblib_is_let_through() -> None:
    for kind, built, size in (
        (b"f8", SIMPLE, 16),
        (b"U2", SIMPLE.replace(b"NNNJ\xff\xff\xff\xff", b"NNNK\x08", 1), 16),
    ):
        assert seen(array(kind, built) + bytes(size) + b".", "m.joblib").verdict == Verdict.LISTED


@pytest.mark.parametrize(
    "program",
    [
        array() + RUN.ljust(16, b".") + b".",  # its bytes are steps, for `pickle`
        array(shape=b"K\x09\x85") + b"0N" + RUN.ljust(70, b"N") + b".",
        # More bytes than its type says: what lies in them is data here and steps there.
        array(b"S1", SIMPLE.replace(b"NNNJ\xff\xff\xff\xff", b"NNNK\x40", 1)) + b"B\x40\x00\x00\x00" + bytes(123) + RUN,
        # Set up twice, or by something else than words.
        array(header=HEADER + b"q\x01") + bytes(16) + b"h\x01" + array(header=b"") + bytes(16) + b".",
        HEADER + b"Nb.",
        HEADER + b"}\x8c\x01xK\x01s}\x86b" + RUN,
        array(more=b"(cbuiltins\nstr\n\x8c\x05dtype\x85R" + TYPE % b"f8" + b"u"),
        array(more=b"".join(b"\x8c\x03k%02dN" % each for each in range(99)) + b"\x8c\x05dtype" + TYPE % b"i1")
        + bytes(16)
        + b".",
        b"ccopyreg\n_reconstructor\n(cjoblib.numpy_pickle\nNumpyArrayWrapper\ncbuiltins\nobject\nNtR}b" + RUN,
        b"ccopyreg\n_reconstructor\ncbuiltins\ntuple\n]\x85RR}b.",
    ],
)
def test_arrays_of_joblib_hide_nothing(program: bytes) -> None:
    for name in ("m.joblib", "m.pkl"):
        assert seen(program, name).verdict in NEEDS_APPROVAL


def built(kind: bytes, state: bytes) -> bytes:
    return b"\x80\x04" + TYPE % kind + b"(" + state + b"tb."


ENDS = b"J\xff\xff\xff\xffJ\xff\xff\xff\xff"


@pytest.mark.parametrize(
    "program",
    [
        built(b"O8", b"K\x03\x8c\x01|NNN" + ENDS + b"K\x00"),  # bytes would be taken for addresses of objects
        built(b"f8", b"K\x03\x8c\x01<NNN" + ENDS + b"K\x3f"),  # numbers would be taken for objects
        built(b"S1", b"K\x03\x8c\x01|NNNK\x40K\x01K\x00"),
        built(b"V8", b"K\x03\x8c\x01|N\x8c\x01a\x85}\x8c\x01a" + TYPE % b"O8" + b"K\x00\x86sK\x08K\x01K\x10"),
        built(b"V8", b"K\x03\x8c\x01|N\x8c\x01a\x85}\x8c\x01a" + TYPE % b"f8" + b"K\x00\x86sK\x09K\x01K\x10"),
        b"\x80\x04" + TYPE % b"f8" + b"}b.",
        b"\x80\x04" + TYPE % b"f8" + b"cbuiltins\ntuple\n]\x85Rb.",
    ],
)
def test_types_of_numpy_that_are_not_what_they_say(program: bytes) -> None:
    report = seen(program)
    assert (report.verdict, report.refused) == (Verdict.EXECUTABLE, {"numpy.dtype": "changes"})


@pytest.mark.parametrize(
    "kind",
    [
        "f8",
        ">i2",
        "U7",
        "S3",
        "?",
        "M8[ns]",
        "O",
        "V5",
        [("a", "<i8"), ("b", "U3")],
        [("a", "O")],
        [("a", "f8", (2, 3))],
    ],
)
@pytest.mark.parametrize("protocol", range(6))
def test_types_of_numpy_are_let_through(kind: Any, protocol: int) -> None:
    assert seen(pickle.dumps(np.dtype(kind), protocol)).verdict == Verdict.LISTED
    assert seen(pickle.dumps(np.zeros(3, kind), protocol)).verdict == Verdict.LISTED


@pytest.mark.parametrize(
    "module, name, verdict",
    [
        ("sklearn.metrics._dist_metrics", "newObj", Verdict.LISTED),
        ("sklearn.metrics._dist_metrics", "EuclideanDistance64", Verdict.LISTED),
        ("sklearn.metrics._dist_metrics", "PyFuncDistance", Verdict.EXECUTABLE),
        ("sklearn.neighbors._kd_tree", "KDTree", Verdict.LISTED),
        ("sklearn._loss._loss", "__pyx_unpickle_CyHalfMultinomialLoss", Verdict.LISTED),
        ("sklearn._loss._loss", "__pyx_unpickle_CyLoss.__class__", Verdict.EXECUTABLE),
        ("sklearn.linear_model._base", "newObj", Verdict.EXECUTABLE),
    ],
)
def test_what_scikit_learn_compiled(module: str, name: str, verdict: Verdict) -> None:
    assert seen(f"c{module}\n{name}\n.".encode()).verdict == verdict


def test_zips_that_others_cannot_read_or_read_otherwise() -> None:
    guilty, innocent = zipped(("archive/data.pkl", GUILTY[2])), zipped(("archive/data.pkl", INNOCENT))
    assert seen(innocent, "m.pt").verdict == Verdict.LISTED
    for mark, offset, by in (
        (b"PK\x01\x02", 8, 1),
        (b"PK\x01\x02", 16, 255),
        (b"PK\x03\x04", 30, 1),
        (b"PK\x01\x02", 10, 99),
    ):
        assert seen(changed(guilty, mark, offset, by), "m.pt").verdict in NEEDS_APPROVAL
    for both in (
        (("a/data.pkl", GUILTY[2]), ("a/data.pkl", INNOCENT)),
        (("a/data.pkl", INNOCENT), ("a/data.pkl", GUILTY[2])),
    ):
        with pytest.warns(UserWarning, match="Duplicate name"):
            twice = zipped(*both)
        assert seen(twice, "m.pt").verdict == Verdict.EXECUTABLE
    assert seen(guilty + innocent, "m.pt").verdict in NEEDS_APPROVAL, "torch finds the first, Python the last"
    assert seen(zipped(("a/data.pkl", INNOCENT), ("a/code/x.py", b"x = 1")), "m.pt").verdict == Verdict.EXECUTABLE
    objects = io.BytesIO()
    np.save(objects, np.array([Call()], dtype=object), allow_pickle=True)
    hidden = zipped(("a/data.pkl", INNOCENT), ("a/data/0", objects.getvalue()))
    assert seen(hidden, "m.npz").verdict == Verdict.EXECUTABLE


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_is_one_also_where_it_begins_as_a_pickle_does(kind: int) -> None:
    for name in ("pickle", "\x80\x02N."):
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w", format=kind, encoding="latin-1") as archive:
            about = tarfile.TarInfo(name)
            about.size = len(GUILTY[2])
            archive.addfile(about, io.BytesIO(GUILTY[2]))
        for content in (made.getvalue(), gzip.compress(made.getvalue())):
            for file in ("model.pt", "model.tar", "model.nemo", "notes.txt"):
                assert seen(content, file).verdict == Verdict.UNREADABLE


@pytest.mark.parametrize("opcode", [b"(", b"]", b"}", b")\x85", b"(l", b"N\x85", b"cbuiltins\nlist\n)R"])
def test_ten_thousand_in_each_other(opcode: bytes) -> None:
    deep = opcode * 10_000
    for name in ("m.pkl", "m.txt"):
        assert isinstance(seen(deep + b".", name), Report)
        assert seen(deep + GUILTY[0], name).verdict in NEEDS_APPROVAL


SAMPLES = [
    *GUILTY, INNOCENT, array() + bytes(16) + b".", zipped(("a/data.pkl", INNOCENT), ("a/data/0", bytes(8))),
    gzip.compress(INNOCENT), lzma.compress(INNOCENT), bz2.compress(INNOCENT), zlib.compress(INNOCENT),
    tensors({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}, b"x"),
    tensor(location="w").SerializeToString(),
    zipped(("config.json", b'{"class_name": "Dense"}')), b"\x93NUMPY\x01\x00\x02\x00{}",
]  # fmt: skip
NAMES = [
    "m.pkl",
    "m.pt",
    "m.npz",
    "m.npy",
    "m.onnx",
    "m.safetensors",
    "m.keras",
    "m.h5",
    "m.gz",
    "m.joblib",
    "m",
    "m.tar",
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Something that was one of these, with bytes of it changed, taken out and put in."""
    made = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(len(made) - 1, 0)))
        how = draw(st.integers(0, 2))
        some = draw(st.binary(min_size=1, max_size=8))
        if how == 0:
            made[at : at + len(some)] = some
        elif how == 1:
            made[at:at] = some
        else:
            del made[at : at + len(some)]
    return bytes(made)


@settings(max_examples=300, deadline=None)
@given(st.one_of(damaged(), st.binary(max_size=200)), st.sampled_from(NAMES))
@example(b"\x80\x04X\xff\xff\xff\xff", "m.pkl")
@example(b"\x80\x04\x8e" + b"\xff" * 8, "m.pkl")
@example(b"\x1f\x8b\x08\x00", "m.txt")
def test_whatever_comes_something_is_said_of_it_and_soon(content: bytes, name: str) -> None:
    since = time.process_time()
    report = seen(content, name)
    assert report.plain()["verdict"] in set(Verdict)
    assert time.process_time() - since < 2


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress, bz2.compress, lzma.compress])
def test_what_is_packed_in_two_streams_is_read_as_one(pack: Callable[[bytes], bytes]) -> None:
    content = pack(GUILTY[2][:9]) + pack(GUILTY[2][9:])
    for name in ("m.joblib", "m", "m.gz"):
        assert seen(content, name).verdict == Verdict.EXECUTABLE


def test_an_unpacker_that_wants_much_memory_is_left() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    greedy = lzma.compress(INNOCENT, filters=filters)
    assert seen(greedy, "m.joblib").verdict == Verdict.UNREADABLE
