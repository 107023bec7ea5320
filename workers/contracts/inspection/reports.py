"""What is said of a file of a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from workers.contracts.inspection.symbols import Found


class Format(StrEnum):
    """What a file is, by its first bytes; by its name where those say nothing."""

    SAFETENSORS = "safetensors"
    ONNX = "onnx"
    TORCH_EXPORT = "torch_export"
    TORCH = "torch"
    """What `torch.save` writes: a zip with a pickle in it."""
    TORCH_SCRIPT = "torch_script"
    PICKLE = "pickle"
    JOBLIB = "joblib"
    """A pickle that is packed."""
    NUMPY = "numpy"
    ZIP = "zip"
    KERAS = "keras"
    PYTHON = "python"
    OTHER = "other"


class Verdict(StrEnum):
    """What may become of the file, from best to worst."""

    PREFERRED = "preferred"
    """Of a format that holds data only, and that a model is best kept in."""
    PLAIN = "plain"
    """Nothing in it runs when it is read."""
    LISTED = "listed"
    """A pickle that names only what is on the list of allowed names."""
    EXECUTABLE = "executable"
    """Who loads it runs what is in it."""
    UNREADABLE = "unreadable"
    """It could not be read to its end, so that it may hold anything."""


PREFERRED: Final = frozenset({Format.SAFETENSORS, Format.ONNX, Format.TORCH_EXPORT})
WORST: Final = list(Verdict)
NEEDS_APPROVAL: Final = frozenset({Verdict.EXECUTABLE, Verdict.UNREADABLE})
NAMES_SHOWN: Final = 50


@dataclass(slots=True)
class Report:
    """One file, or one file inside another."""

    format: Format
    verdict: Verdict
    detail: str = ""
    """Why, where that is not the format itself."""
    names: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, inner: Report, name: str) -> None:
        """Take over what was found in a file inside this one, or in this one read in another way, which has no name;
        the worse of the two verdicts counts."""
        self.names |= inner.names
        self.refused |= inner.refused
        is_weights = self.format in PREFERRED and inner.verdict not in NEEDS_APPROVAL
        if WORST.index(inner.verdict) > WORST.index(self.verdict) and not is_weights:
            self.verdict = inner.verdict
            self.detail = f"{name}: {inner.detail}" if inner.detail and name else inner.detail

    def plain(self) -> dict[str, Any]:
        """As JSON: `{"format", "verdict", "detail", "names", "refused": [{"name", "how"}]}`."""
        return {
            "format": str(self.format),
            "verdict": str(self.verdict),
            "detail": self.detail,
            "names": sorted(self.names)[:NAMES_SHOWN],
            "refused": [{"name": name, "how": how} for name, how in sorted(self.refused.items())],
        }


def of_pickle(found: Found, form: Format) -> Report:
    """What the pickles of a file make of it."""
    verdict = Verdict.EXECUTABLE if found.refused else Verdict.LISTED
    detail = ""
    if found.refused:
        shown = ", ".join(f"{how} {name}" for name, how in sorted(found.refused.items())[:5])
        detail = f"it {shown}" + (" and more" if len(found.refused) > 5 else "")
    return Report(form, verdict, detail, found.names, found.refused)
