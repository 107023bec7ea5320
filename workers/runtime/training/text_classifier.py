"""The built-in trainer for texts: which class a text is of, by the words in it.

Words are runs of letters and digits in lower case, and single characters of Chinese and Japanese. Those of the rows
trained on, the most frequent first, are the vocabulary. The model sees the mean and the most of a text's word vectors.
Parameters: `workers.contracts.trainers.TEXT_CLASSIFIER`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import nn

from workers.contracts.trainers import TEXT_CLASSIFIER, parameters_checked
from workers.runtime.context import JobContext, job_context
from workers.runtime.training import classifying
from workers.runtime.training.classifying import Rows, chances_of, classes_of, labels_of, load_weights, signature
from workers.runtime.training.loop import DEVICE, Parameters
from workers.runtime.training.table_parts import read_parts

FORMAT = "bedplate-text-classifier/1"
ABSENT, UNKNOWN = 0, 1
"""Numbers of no word, and of one that the vocabulary lacks."""
FIRST = 2
_SINGLE = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_SINGLE}]|[^\W_{_SINGLE}]+")


class Network(nn.Module):
    """Word numbers (rows, words), 0 where a text is shorter → logits (rows, classes)."""

    def __init__(self, words: int, classes: int, *, dimensions: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.vectors = nn.Embedding(words, dimensions, padding_idx=ABSENT)
        self.layers = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(2 * dimensions, hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )  # fmt: skip

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        there = (numbers != ABSENT).unsqueeze(2)
        found = self.vectors(numbers)
        mean = (found * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
        most = found.masked_fill(~there, -1e4).max(dim=1).values
        # Of a text without a word both are 0.
        logits: torch.Tensor = self.layers(torch.cat([mean, torch.where(there.any(dim=1), most, 0.0)], dim=1))
        return logits


class Texts:
    """Texts and their numbers, by a vocabulary."""

    def __init__(self, vocabulary: Sequence[str], words_a_text: int) -> None:
        self.vocabulary, self.words_a_text = list(vocabulary), words_a_text
        self._numbers = {word: number for number, word in enumerate(vocabulary, FIRST)}

    @classmethod
    def learned(cls, texts: Iterable[str], *, words: int, words_a_text: int) -> Texts:
        """The most frequent words of some texts; of equally frequent ones the first by name."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(words_of(text))
        ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        return cls([word for word, _ in ranked[:words]], words_a_text)

    def numbers(self, texts: Sequence[str]) -> torch.Tensor:
        """Shape (texts, words of the longest): the first words of each, as numbers."""
        rows = [[self._numbers.get(word, UNKNOWN) for word in words_of(text)[: self.words_a_text]] for text in texts]
        found = np.full((len(rows), max(1, *map(len, rows)) if rows else 1), ABSENT, dtype=np.int64)
        for place, row in enumerate(rows):
            found[place, : len(row)] = row
        return torch.from_numpy(found)


class TextClassifier:
    """A stored model, to be asked: `TextClassifier.load("model.safetensors", "bedplate-text-classifier.json")`."""

    def __init__(self, model: nn.Module, texts: Texts, classes: Sequence[str]) -> None:
        self._model, self._texts, self._classes = model, texts, list(classes)

    @classmethod
    def load(cls, weights: Path, description: Path) -> TextClassifier:
        """Raises ValueError: the files are no such model."""
        said = json.loads(description.read_text(encoding="utf-8"))
        if said.get("format") != FORMAT:
            raise ValueError(f"{description.name} is of format {said.get('format')!r}; this reads {FORMAT!r}")
        return cls(load_weights(network_of(said), weights), texts_of(said), said["classes"])

    def predict(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """For each text the likeliest class, and how likely it is."""
        chances = chances_of(self._model, self._texts.numbers(texts))
        return [(self._classes[row.argmax()], float(row.max())) for row in chances]


def words_of(text: str) -> list[str]:
    """The words of a text, in their order."""
    return _WORD.findall(text.lower())


def network_of(description: Mapping[str, Any]) -> Network:
    """A new network as a description has it."""
    return Network(
        len(description["vocabulary"]) + FIRST,
        len(description["classes"]),
        dimensions=int(description["dimensions"]),
        hidden=int(description["hidden"]),
        dropout=float(description["dropout"]),
    )


def texts_of(description: Mapping[str, Any]) -> Texts:
    return Texts(description["vocabulary"], int(description["words_a_text"]))


def main() -> int:
    return run(job_context())


def run(ctx: JobContext) -> int:
    """Train, evaluate and store, or leave when told to; the status to end with."""
    return classifying.train(ctx, parameters_checked(TEXT_CLASSIFIER, ctx.parameters), load_data, network_of)


def load_data(ctx: JobContext, parameters: Parameters) -> tuple[list[Rows], dict[str, Any]]:
    """Rows to train on, to watch and to be measured by, and the description of a model for them.

    Raises:
        ValueError: a column is missing or holds no text, or a part has no rows or strange labels.
    """
    text, label = str(parameters["text_column"]), str(parameters["label_column"])
    parts = read_parts(
        ctx.input("data").files,
        (text, label),
        stratify=label,
        validation_ratio=float(parameters["validation_ratio"]),
        test_ratio=float(parameters["test_ratio"]),
        seed=int(parameters["seed"]),
    )
    if not _is_text(parts.train.schema.field(text).type):
        raise ValueError(f"column {text} holds {parts.train.schema.field(text).type}, not text")
    words, most = int(parameters["words"]), int(parameters["words_a_text"])
    texts = Texts.learned(parts.train.column(text).to_pylist(), words=words, words_a_text=most)
    classes = classes_of(parts.train.column(label))
    print(f"{parts.said()}; {len(texts.vocabulary)} words, {len(classes)} classes; on {DEVICE}")
    tables = (parts.train, parts.validation, parts.test)
    rows = [
        Rows(texts.numbers(each.column(text).to_pylist()), labels_of(each.column(label), classes)) for each in tables
    ]
    kept = {name: parameters[name] for name in ("text_column", "label_column", "dimensions", "hidden", "dropout")}
    described = {**signature(FORMAT, text, "text", label, classes), "words_a_text": most, **kept}
    return rows, {**described, "vocabulary": texts.vocabulary}


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
