"""A recorded trace as CSV: what of it is read, and which line is why it is not."""

from __future__ import annotations

import pytest

from apps.quotas.scheduling.snapshot import Ask, Gpu, NodeView
from apps.quotas.scheduling.trace import BadTrace, Task, nodes_in, tasks_in

NODES = "sn,cpu_milli,memory_mib,gpu,model\nfirst,64000,1024,2,T4\nsecond,32000,512,0,\n"
HEAD = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,creation_time,deletion_time"
LATE, SHARE = "late,4000,512,2,1000,60,90.5", "share,1000,256,1,250,10,10"


def test_machines_and_tasks_are_read() -> None:
    first, second = nodes_in(NODES, 2)
    assert first == NodeView("first", 64_000, 1024 << 20, (Gpu(0, "T4"), Gpu(1, "T4")))
    assert second == NodeView("second", 32_000, 512 << 20)
    assert tasks_in(f"\ufeff{HEAD}\r\n{LATE}\r\n{SHARE}\r\n", 2) == [
        Task(10.0, 1.0, Ask(1000, 256 << 20, 1, "", 250)),
        Task(60.0, 30.5, Ask(4000, 512 << 20, 2)),
    ]
    assert tasks_in(f"{HEAD},project\n{LATE}, vision\n", 1)[0].project == "vision"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: there is no column cpu_milli, memory_mib, num_gpu, gpu_milli, creation_time, deletion_time"),
        (f"{HEAD}\n", "line 1: nothing follows the names of the columns"),
        (f"{HEAD}\n{LATE}\nx,many,1,0,0,1,2\n", "line 3: cpu_milli: 'many' is no whole number"),
        (f"{HEAD}\nx,1,1,-1,0,1,2\n", "line 2: num_gpu: '-1' is no whole number"),
        (f"{HEAD}\nx,1,1,2000,0,1,2\n", "line 2: num_gpu: 2000 is more than 1024"),
        (f"{HEAD}\nx,1,1,0,0,soon,2\n", "line 2: creation_time: 'soon' is no time in seconds"),
        (f"{HEAD}\nx,1,1,0,0,nan,2\n", "line 2: creation_time: 'nan' is no time in seconds"),
        (f"{HEAD}\nx,1,1,0,0,3,2\n", "line 2: deletion_time: is before creation_time"),
        (f"{HEAD}\nx,1,1\n", "line 2: has not 7 values"),
        (f"{HEAD}\n{LATE},9\n", "line 2: has not 7 values"),
        (f"{HEAD}\n{LATE}\n{SHARE}\n{LATE}\n", "line 4: more than 2 are not taken"),
        (f'{HEAD}\n"x', "line 2: unexpected end of data"),
    ],
)
def test_a_task_that_cannot_be_read_is_named(text: str, said: str) -> None:
    with pytest.raises(BadTrace) as refused:
        tasks_in(text, 2)
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("first,1,1,0,\nfirst,1,1,0,", "line 3: sn: 'first' names another machine"),
        (" ,1,1,0,", "line 2: sn: a machine has a name"),
        ("first,1,1,1,", "line 2: model: GPUs are of a kind"),
    ],
)
def test_a_machine_that_cannot_be_read_is_named(lines: str, said: str) -> None:
    with pytest.raises(BadTrace) as refused:
        nodes_in(f"sn,cpu_milli,memory_mib,gpu,model\n{lines}\n", 9)
    assert str(refused.value) == said
