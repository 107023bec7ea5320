"""The built-in trainer for pictures: which class a picture is of, by a small convolutional network.

Pictures are read as the data engine stores them: encoded, a cell each. They are made colour, and as large as `side`
says; one that cannot be decoded is left out, and counted. All of them are held in memory, a byte per colour and pixel.
Parameters: `workers.contracts.trainers.IMAGE_CLASSIFIER`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from PIL import Image
from torch import nn

from workers.contracts.trainers import IMAGE_CLASSIFIER, parameters_checked
from workers.runtime.context import JobContext, job_context
from workers.runtime.pictures import FAULTS, opened
from workers.runtime.training import classifying
from workers.runtime.training.classifying import Rows, chances_of, classes_of, labels_of, load_weights, signature
from workers.runtime.training.loop import DEVICE, Parameters
from workers.runtime.training.table_parts import read_parts

FORMAT = "bedplate-image-classifier/1"
GROUP = 8
"""Channels that are normalised together, where there are so many."""
PIXELS_MOST = 64_000_000
"""Of a picture that is decoded."""
Pixels = npt.NDArray[np.uint8]


class Network(nn.Module):
    """Pixels (rows, 3, side, side) from 0 to 255 → logits (rows, classes)."""

    def __init__(self, classes: int, *, channels: int, blocks: int, dropout: float) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        before = 3
        for block in range(blocks):
            width = channels << block
            groups = width // GROUP if width % GROUP == 0 else 1
            parts += [
                nn.Conv2d(before, width, 3, padding=1, bias=False),
                nn.GroupNorm(groups, width),
                nn.ReLU(),
                nn.MaxPool2d(2, ceil_mode=True),
            ]
            before = width
        self.blocks = nn.Sequential(*parts)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(before, classes))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        found = self.blocks(pixels.float() / 127.5 - 1)
        logits: torch.Tensor = self.head(found.mean(dim=(2, 3)))
        return logits


class ImageClassifier:
    """A stored model, to be asked: `ImageClassifier.load("model.safetensors", "bedplate-image-classifier.json")`."""

    def __init__(self, model: nn.Module, side: int, classes: Sequence[str]) -> None:
        self._model, self._side, self._classes = model, side, list(classes)

    @classmethod
    def load(cls, weights: Path, description: Path) -> ImageClassifier:
        """Raises ValueError: the files are no such model."""
        said = json.loads(description.read_text(encoding="utf-8"))
        if said.get("format") != FORMAT:
            raise ValueError(f"{description.name} is of format {said.get('format')!r}; this reads {FORMAT!r}")
        return cls(load_weights(network_of(said), weights), int(said["side"]), said["classes"])

    def predict(self, pictures: Sequence[bytes]) -> list[tuple[str, float]]:
        """For each encoded picture the likeliest class, and how likely it is. Raises ValueError for what is none."""
        found = [pixels_of(picture, self._side) for picture in pictures]
        if any(each is None for each in found):
            raise ValueError(f"picture {[each is None for each in found].index(True)} cannot be decoded")
        chances = chances_of(self._model, torch.from_numpy(np.stack([each for each in found if each is not None])))
        return [(self._classes[row.argmax()], float(row.max())) for row in chances]


def pixels_of(content: bytes, side: int) -> Pixels | None:
    """A picture's colours, shape (3, side, side); None for one that cannot be decoded, or is too large."""
    try:
        with opened(content) as image:
            if image.width * image.height > PIXELS_MOST:
                return None
            small = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
            return np.ascontiguousarray(np.asarray(small, dtype=np.uint8).transpose(2, 0, 1))
    except FAULTS:
        return None


def network_of(description: Mapping[str, Any]) -> Network:
    """A new network as a description has it."""
    return Network(
        len(description["classes"]),
        channels=int(description["channels"]),
        blocks=int(description["blocks"]),
        dropout=float(description["dropout"]),
    )


def main() -> int:
    return run(job_context())


def run(ctx: JobContext) -> int:
    """Train, evaluate and store, or leave when told to; the status to end with."""
    return classifying.train(ctx, parameters_checked(IMAGE_CLASSIFIER, ctx.parameters), load_data, network_of)


def load_data(ctx: JobContext, parameters: Parameters) -> tuple[list[Rows], dict[str, Any]]:
    """Rows to train on, to watch and to be measured by, and the description of a model for them.

    Raises:
        ValueError: a column is missing or holds no pictures, or a part has no rows or strange labels.
    """
    image, label, side = str(parameters["image_column"]), str(parameters["label_column"]), int(parameters["side"])
    parts = read_parts(
        ctx.input("data").files,
        (image, label),
        stratify=label,
        validation_ratio=float(parameters["validation_ratio"]),
        test_ratio=float(parameters["test_ratio"]),
        seed=int(parameters["seed"]),
    )
    kind = parts.train.schema.field(image).type
    if not pa.types.is_binary(kind) and not pa.types.is_large_binary(kind):
        raise ValueError(f"column {image} holds {kind}, not encoded pictures")
    classes = classes_of(parts.train.column(label))
    rows = [_rows(each, image, label, side, classes) for each in (parts.train, parts.validation, parts.test)]
    counted = sum(each.num_rows for each in (parts.train, parts.validation, parts.test))
    broken = counted - sum(len(each.labels) for each in rows)
    gone = f", {broken} of them cannot be decoded" if broken else ""
    print(f"{parts.said()}{gone}; {len(classes)} classes; on {DEVICE}")
    kept = {name: parameters[name] for name in ("image_column", "label_column", "channels", "blocks", "dropout")}
    return rows, {**signature(FORMAT, image, "picture", label, classes), "side": side, **kept}


def _rows(part: pa.Table, image: str, label: str, side: int, classes: Sequence[str]) -> Rows:
    found = [pixels_of(content, side) for content in part.column(image).to_pylist()]
    kept = [place for place, pixels in enumerate(found) if pixels is not None]
    if not kept:
        raise ValueError("a part of the dataset has no picture that can be decoded")
    pixels = np.stack([each for each in found if each is not None])
    return Rows(torch.from_numpy(pixels), labels_of(part.column(label), classes)[kept])
