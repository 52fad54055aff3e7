"""The recipes are what the page shows, and short."""

from __future__ import annotations

from pathlib import Path

import pytest

from .recipes import FOLDER

FILES = sorted(FOLDER.glob("*.py"))


def test_there_are_recipes() -> None:
    names = ["aiogram_bot.py", "desk.py", "discord_bot.py", "telegram_bot.py"]
    assert [file.name for file in FILES] == names


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_shown_and_short(file: Path) -> None:
    page = FOLDER.with_suffix(".md").read_text(encoding="utf-8")
    assert f".. literalinclude:: bots/{file.name}\n" in page
    assert len(file.read_text(encoding="utf-8").splitlines()) < 60
