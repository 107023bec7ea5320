"""What is read of a page of GPU figures, and what is not."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.backends.kubernetes.dcgm_text import MIB, Figures, figures_in

LABELS = 'gpu="{}",UUID="GPU-{}",pci_bus_id="00000000:02:00.0",device="nvidia{}",modelName="NVIDIA H200",Hostname="n1"'
HELD = ',container="main",namespace="bedplate-acme-loans",pod="bp-1-0-x7k2p"'


def line(name: str, number: object, gpu: object = 0, more: str = "") -> str:
    return f"{name}{{{LABELS.format(gpu, gpu, gpu)}{more}}} {number}"


PAGE = "\n".join(
    [
        "# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).",
        "# TYPE DCGM_FI_DEV_GPU_UTIL gauge",
        line("DCGM_FI_DEV_GPU_UTIL", 37, 0, HELD),
        line("DCGM_FI_DEV_GPU_UTIL", 0, 1),
        line("DCGM_FI_DEV_SM_CLOCK", 1980, 0, HELD),
        line("DCGM_FI_DEV_FB_USED", 512, 0, HELD),
        line("DCGM_FI_DEV_XID_ERRORS", 0, 0, ',err_code="0",err_msg="No Error"' + HELD),
        line("DCGM_FI_DEV_XID_ERRORS", 79, 1, ',err_code="79",err_msg="GPU has fallen off the bus {really, \\"so\\"}"'),
        line("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", 2, 1),
        line("DCGM_FI_DEV_ROW_REMAP_FAILURE", 0, 1),
        line("DCGM_FI_DEV_ROW_REMAP_PENDING", 1, 1),
        "",
    ]
)


def test_a_page() -> None:
    held = {"namespace": "bedplate-acme-loans", "pod": "bp-1-0-x7k2p"}
    assert figures_in(PAGE) == [
        Figures(0, **held, utilisation_ratio=0.37, memory_bytes=512 * MIB, xid=0),
        Figures(1, utilisation_ratio=0.0, xid=79, uncorrected=2, rows_pending=True),
    ]


def test_parts_of_devices_are_apart_and_have_the_figure_of_their_own() -> None:
    first, second = (f',GPU_I_PROFILE="1g.18gb",GPU_I_ID="{number}"' for number in (7, 13))
    page = "\n".join(
        [
            line("DCGM_FI_DEV_GPU_UTIL", 80, 0, first),  # of the whole device: nothing of this part
            line("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 0.25, 0, first),
            line("DCGM_FI_DEV_FB_USED", 3, 0, second),
        ]
    )
    assert figures_in(page) == [
        Figures(0, "13", memory_bytes=3 * MIB),
        Figures(0, "7", utilisation_ratio=0.25),
    ]


def test_where_a_device_does_not_say_how_busy_it_is_its_engine_does() -> None:
    assert figures_in(line("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "1.000001")) == [Figures(0, utilisation_ratio=1.0)]
    both = "\n".join([line("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 0.5), line("DCGM_FI_DEV_GPU_UTIL", 70)])
    assert figures_in(both) == [Figures(0, utilisation_ratio=0.7)]


def test_an_older_failure_to_replace_rows_is_a_failure() -> None:
    assert figures_in(line("DCGM_FI_DEV_ROW_REMAP_FAILURE", 1)) == [Figures(0, rows_failed=True)]


@pytest.mark.parametrize("written", ["3.7e+01", "37 1732650000000", "37.0\r"])
def test_numbers_as_they_may_be_written(written: str) -> None:
    [found] = figures_in(line("DCGM_FI_DEV_GPU_UTIL", written))
    assert found.utilisation_ratio == 0.37


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "<html>502 Bad Gateway</html>",
        line("DCGM_FI_DEV_GPU_UTIL", "NaN"),
        line("DCGM_FI_DEV_GPU_UTIL", "+Inf"),
        line("DCGM_FI_DEV_GPU_UTIL", -1),
        line("DCGM_FI_DEV_FB_USED", 9223372036854775794),  # how the library writes that there is none
        line("DCGM_FI_DEV_GPU_UTIL", "ERROR"),
        line("DCGM_FI_DEV_GPU_UTIL", ""),
        line("DCGM_FI_DEV_GPU_UTIL", "1 2 3"),
        line("DCGM_FI_DEV_GPU_UTIL", 1, ""),
        line("DCGM_FI_DEV_GPU_UTIL", 1, "x"),
        line("DCGM_FI_DEV_GPU_UTIL", 1, "²"),
        line("DCGM_FI_DEV_GPU_UTIL", 1, "99999"),
        line("DCGM_FI_DEV_GPU_UTIL_OTHER", 1),
        "DCGM_FI_DEV_GPU_UTIL 5",
        "DCGM_FI_DEV_GPU_UTIL{} 5",
        'DCGM_FI_DEV_GPU_UTIL{gpu="0 5',
        'DCGM_FI_DEV_GPU_UTIL{gpu="0"',
        'DCGM_FI_DEV_GPU_UTIL{UUID="GPU-1"} 5',
        "DCGM_FI_DEV_GPU_UTIL{" + 'a="\\' * 20_000,
    ],
)
def test_what_is_no_figure_is_left_out_and_the_rest_is_read(odd: str) -> None:
    assert figures_in(odd) == []
    assert figures_in(f"{odd}\n{line('DCGM_FI_DEV_GPU_UTIL', 5, 3)}\n") == [Figures(3, utilisation_ratio=0.05)]


@given(st.text(), st.text(alphabet=string.printable))
def test_no_page_is_too_odd(text: str, more: str) -> None:
    figures_in(text)
    for found in figures_in(f"DCGM_FI_DEV_GPU_UTIL{{{more}}} {text}\n" + line("DCGM_FI_DEV_XID_ERRORS", more)):
        assert found.gpu >= 0
        assert found.utilisation_ratio is None or 0 <= found.utilisation_ratio <= 1
