from __future__ import annotations

import pytest

import manage


def test_a_ctrl_c_before_anything_is_started_leaves_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(words: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(manage, "execute_from_command_line", interrupted)
    assert manage.main() == 130
