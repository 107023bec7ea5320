"""The members of a gang find each other as torch looks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.waiting import until
from tests.workers.backends.jobs import make_launch, shell
from tests.workers.backends.local_jobs import submit
from workers.backends.local.backend import LocalBackend
from workers.contracts.observation import ENDED, Phase
from workers.contracts.specs import JobSpec, Resources

SAY = 'echo "$RANK $WORLD_SIZE $LOCAL_RANK $MASTER_ADDR" > said; echo $MASTER_PORT > port'
SUM = """
import datetime, os
import torch, torch.distributed as together
together.init_process_group("gloo", timeout=datetime.timedelta(seconds=60))
value = torch.tensor([1.0 + together.get_rank()])
together.all_reduce(value)
together.destroy_process_group()
open("sum", "w").write(str(value.item()))
"""


def test_members_are_told_where_the_first_is(tmp_path: Path) -> None:
    job = submit(LocalBackend(tmp_path / "home"), tmp_path / "home", shell(SAY), make_launch(count=2))
    assert job.end().phase is Phase.SUCCEEDED, job.output()
    work = [job.path / f"member-{rank}" / "work" for rank in range(2)]
    assert [(folder / "said").read_text() for folder in work] == ["0 2 0 127.0.0.1\n", "1 2 0 127.0.0.1\n"]
    ports = {(folder / "port").read_text() for folder in work}
    assert len(ports) == 1
    assert 1024 <= int(ports.pop()) < 65536


def test_a_job_of_one_is_told_nothing(tmp_path: Path) -> None:
    job = submit(LocalBackend(tmp_path / "home"), tmp_path / "home", shell(SAY), make_launch())
    assert job.end().phase is Phase.SUCCEEDED, job.output()
    assert (job.path / "member-0" / "work" / "said").read_text() == "   \n"


def test_torch_adds_up_over_members(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    spec = JobSpec(("python", "-c", SUM), Resources(cpu_millis=1000, memory_bytes=2 << 30))
    job = submit(LocalBackend(tmp_path / "home"), tmp_path / "home", spec, make_launch(count=3))
    until(lambda: job.seen().phase in ENDED, 120, what="the end of the job")
    assert job.seen().phase is Phase.SUCCEEDED, job.output()
    assert [(job.path / f"member-{rank}" / "work" / "sum").read_text() for rank in range(3)] == ["6.0"] * 3
