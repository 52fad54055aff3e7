"""A recipe at work: a chat before it, and the sandbox behind it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import attrs
import pytest

from vpsbg_async import VPSBG
from vpsbg_async.sandbox import Sandbox
from vpsbg_async.testing import Clock

from .chats import TOKEN, USER, Chat
from .recipes import FOLDER, LIBRARIES, Library, load


@attrs.frozen
class Bench:
    """A recipe, and both servers that it talks to.

    Attributes:
        library: What the recipe is written with.
        recipe: The recipe's module.
        desk: What it shares with the others.
        chat: What its user sees.
        sandbox: What stands for VPSBG.
    """

    library: Library
    recipe: ModuleType
    desk: Any
    chat: Chat
    sandbox: Sandbox

    @asynccontextmanager
    async def working(self, **settings: Any) -> AsyncIterator[Chat]:
        """Have the bot work, with a client of these settings."""

        def make(**more: Any) -> VPSBG:
            key = settings.pop("api_key", self.sandbox.api_key)
            given = {"clock": Clock(speed=100), "base_url": self.sandbox.url, **more, **settings}
            return VPSBG(key, **given)

        async with self.library.run(self.recipe, self.chat, make):
            yield self.chat


@pytest.fixture(params=LIBRARIES, ids=lambda library: library.name)
def library(request: pytest.FixtureRequest) -> Library:
    """Each of the libraries, where it is installed."""
    found: Library = request.param
    pytest.importorskip(found.name, reason="the extra 'bots' is not installed")
    return found


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def bench(
    library: Library, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    """A recipe, not yet at work."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("BOT_TOKEN", TOKEN)
    monkeypatch.setenv("BOT_USERS", f"{USER}, 4")
    monkeypatch.setenv("VPSBG_API_KEY", sandbox.api_key)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    recipe = load(library.recipe)
    desk: Any = sys.modules["desk"]
    desk.PACE = 0.05
    chat = library.chat()
    async with chat.running():
        yield Bench(library, recipe, desk, chat, sandbox)
