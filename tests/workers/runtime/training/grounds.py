"""Small datasets as the data engine stores them, a job beside them, and what a trainer leaves."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from workers.contracts.trainers import TRAINERS, parameters_checked
from workers.runtime.context import JobContext, context_from

CREDIT = Path(__file__).resolve().parents[4] / "examples" / "credit_risk" / "credit_data.csv"
NUMBERS = ("Seniority", "Time", "Age", "Expenses", "Income", "Assets", "Debt", "Amount", "Price")
CREDIT_ROWS = 600
SAID = {
    "praise": ("great", "lovely", "works", "fast", "happy", "again", "完美", "很好"),
    "complaint": ("broken", "slow", "refund", "late", "angry", "never", "退货", "太差"),
    "question": ("how", "where", "when", "does", "which", "manual", "怎么", "哪里"),
}
FILLERS = ("the", "parcel", "screen", "it", "my", "order", "a", "phone")


def job(folder: Path, kind: str, **given: Any) -> tuple[JobContext, dict[str, Any]]:
    """A job outside the control plane with the parameters of a trainer."""
    local = folder / "bedplate-local"
    local.mkdir(parents=True, exist_ok=True)
    (local / "parameters.json").write_text(json.dumps(given), encoding="utf-8")
    return context_from({}, folder), dict(parameters_checked(TRAINERS[kind], given))


def write(folder: Path, columns: dict[str, Any]) -> None:
    """As the input `data` of the job in `folder`, with ordinals, its rows in no order."""
    place = folder / "bedplate-local" / "data"
    place.mkdir(parents=True, exist_ok=True)
    table = pa.table({"__ordinal": list(range(len(next(iter(columns.values()))))), **columns})
    pq.write_table(table.take(np.random.default_rng(1).permutation(table.num_rows)), place / "part-00000.parquet")


def write_credit(folder: Path, count: int = CREDIT_ROWS) -> None:
    """Loans: what a thing costs, and what was lent for it."""
    with CREDIT.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    whole = [row for row in rows if all(row[name] not in ("", "NA") for name in NUMBERS)][:count]
    write(
        folder, {name: [float(row[name]) for row in whole] for name in NUMBERS} | {"Home": [r["Home"] for r in whole]}
    )


def write_texts(folder: Path, rows: int = 240) -> None:
    """Messages of customers of three kinds."""
    random = np.random.default_rng(5)
    labels = [sorted(SAID)[number % 3] for number in range(rows)]
    texts = [" ".join([*random.choice(FILLERS, 4), *random.choice(SAID[label], 2)]) for label in labels]
    write(folder, {"text": [text.capitalize() + "!" for text in texts], "label": labels})


def write_pictures(folder: Path, rows: int = 90) -> None:
    """Discs, squares and stripes of any colour and place; one file that is no picture."""
    shown = pictures(rows, seed=5)
    images = [*(picture for _, picture in shown[:-1]), b"no picture"]
    write(folder, {"image": images, "label": [label for label, _ in shown]})


def pictures(count: int, *, seed: int) -> list[tuple[str, bytes]]:
    """What each shows, and the encoded picture."""
    random = np.random.default_rng(seed)
    labels = [("disc", "square", "stripes")[number % 3] for number in range(count)]
    return [(label, _drawn(label, random)) for label in labels]


def result(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "bedplate-local" / "result.json").read_text(encoding="utf-8")))


def artifacts(folder: Path) -> dict[str, dict[str, Any]]:
    """By name."""
    lines = (folder / "bedplate-local" / "artifacts.jsonl").read_text(encoding="utf-8").splitlines()
    return {one["name"]: one for one in map(json.loads, lines)}


def path_of(folder: Path, name: str) -> Path:
    return Path(artifacts(folder)[name]["uri"].removeprefix("file://"))


def _drawn(label: str, random: np.random.Generator) -> bytes:
    image = Image.fromarray(random.integers(0, 60, (24, 24, 3), dtype=np.uint8))
    colour = tuple(int(part) for part in random.integers(160, 255, 3))
    draw, (left, top) = ImageDraw.Draw(image), random.integers(1, 8, 2).tolist()
    if label == "disc":
        draw.ellipse((left, top, left + 13, top + 13), fill=colour)
    elif label == "square":
        draw.rectangle((left, top, left + 13, top + 13), fill=colour)
    else:
        for line in range(4):
            draw.line((0, top + 4 * line, 23, top + 4 * line), fill=colour)
    kept = io.BytesIO()
    image.save(kept, "PNG")
    return kept.getvalue()
