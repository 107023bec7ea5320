"""Backends by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.backends.base import Unsupported
from workers.backends.fake import FakeBackend
from workers.backends.local.backend import LocalBackend
from workers.backends.registry import get_backend


def test_the_known_ones_are_made(tmp_path: Path) -> None:
    local = get_backend("local", home=tmp_path)
    assert isinstance(local, LocalBackend)
    assert local.home == tmp_path
    assert isinstance(get_backend("fake", home=tmp_path), FakeBackend)


@pytest.mark.parametrize(
    "name, text",
    [
        ("kubernetes", "Say which cluster: kubernetes/<name of the cluster>."),
        ("kubernetes/", "There is no backend 'kubernetes/'. Choose one of: local, fake, kubernetes/<cluster>."),
        ("kubernetes/lab", "No cluster 'lab' is known: add it first."),
        ("slurm", "There is no backend 'slurm'. Choose one of: local, fake, kubernetes/<cluster>."),
    ],
)
def test_others_are_refused_by_name(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(Unsupported) as error:
        get_backend(name, home=tmp_path)
    assert str(error.value) == text
