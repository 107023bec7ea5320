"""Input that is wrong: the user is told where and what, and nothing is half done."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Ground, post, upload
from tests.support.stack import Stack, finished

pytestmark = pytest.mark.xdist_group("stack")

ROW = b"age,income,status\n20,100,good\n"
LONGEST = 100 << 20


def wrong() -> list[tuple[str, bytes, dict[str, Any], str]]:
    """Name, content, options and what is said of it."""
    return [
        ("field.csv", ROW + b"x" * LONGEST + b",1,bad\n", {}, "field.csv: line 3 is longer than 16777216 bytes"),
        ("quote.csv", ROW + b'"30,200,bad\n40,300,good\n', {}, "quote.csv: line 3: a quote is opened and not closed"),
        ("nul.csv", ROW + b"30,2\x000,bad\n", {}, "nul.csv: line 3, byte 5 is 0x00 (NUL)"),
        ("torn.parquet", b"PAR1" + bytes(200) + b"PAR1", {}, "torn.parquet: "),
        ("keys.jsonl", b"".join(b'{"k%d":1}\n' % n for n in range(5001)), {}, "keys.jsonl has more than 5000 columns"),
    ]


def test_what_is_wrong_with_a_file_is_said_with_its_place(demo: httpx.Client, ground: Ground, stack: Stack) -> None:
    dataset = post(demo, "/datasets", {"project": ground.project, "name": "wrong"})["id"]
    asked, sent = [], wrong()
    for name, content, options, _ in sent:
        source = upload(demo, dataset, name, content).raise_for_status().json()["id"]
        asked.append(post(demo, "/ingestions", {"dataset": dataset, "source": source, "options": options})["id"])
    ended = [finished(demo, f"/ingestions/{one}") for one in asked]

    for one, (name, _, _, said) in zip(ended, sent, strict=True):
        assert (one["state"], one["state_reason"], one["version"]) == ("failed", "exit_nonzero", None), name
        assert one["state_detail"].startswith(said)
        assert str(stack.home) not in one["state_detail"]
    assert demo.get(f"/dataset-versions?dataset={dataset}").json()["results"] == []
    assert list((stack.home / "objects" / "attempts").rglob("*.partial")) == []


def test_a_recipe_with_an_unknown_column_names_step_column_and_what_may_be_meant(
    demo: httpx.Client, ground: Ground
) -> None:
    steps = [{"kind": "missing_values"}, {"kind": "drop_columns", "columns": ["incomes"]}]
    recipe = post(demo, "/recipes", {"project": ground.project, "name": "wrong", "steps": steps})
    refused = demo.post("/cleaning-runs", json={"recipe": recipe["id"], "input_version": ground.version})
    assert refused.status_code == 400
    (fault,) = refused.json()["faults"]
    assert (fault["step"], fault["column"], fault["code"]) == (1, "incomes", "unknown_column")
    assert fault["detail"] == "There is no column 'incomes'; there are age, income, status; did you mean 'income'?"
