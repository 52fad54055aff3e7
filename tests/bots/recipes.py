"""The recipes of the docs, run here with the real libraries."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import attrs
import pytest

from vpsbg_async import VPSBG, AiohttpTransport

from .chats import TOKEN, Chat, Discord, Telegram

__all__ = ["FOLDER", "LIBRARIES", "Library", "load"]

FOLDER = Path(__file__).parents[2] / "docs" / "howto" / "bots"

MakeClient = Callable[..., VPSBG]


@attrs.frozen
class Library:
    """A library that bots are written with.

    Attributes:
        name: Of the module that is imported.
        recipe: Name of its recipe.
        chat: The server that it talks to.
        run: Runs the recipe's handlers, with a client that is made by the function given.
        lends: Whether it has connections of aiohttp to lend.
        program: Runs the recipe as it is to be run, given the URL of the chat.
    """

    name: str
    recipe: str
    chat: type[Chat]
    run: Callable[[ModuleType, Chat, MakeClient], AbstractAsyncContextManager[None]]
    lends: bool
    program: str


def load(recipe: str) -> ModuleType:
    """Import a recipe, and what it shares with others, anew."""
    for name in ("desk", recipe):
        sys.modules.pop(name, None)
    return importlib.import_module(recipe)


@asynccontextmanager
async def _run_aiogram(recipe: ModuleType, chat: Chat, make: MakeClient) -> AsyncIterator[None]:
    aiogram: Any = importlib.import_module("aiogram")
    bot = aiogram.Bot(TOKEN, session=_aiogram_session(chat.url))
    lent = AiohttpTransport(session=await bot.session.create_session())
    async with bot, make(transport=lent) as vps:
        dispatcher = aiogram.Dispatcher(vps=vps)
        dispatcher.include_router(recipe.router)
        polling = asyncio.create_task(
            dispatcher.start_polling(bot, handle_signals=False, close_bot_session=False)
        )
        try:
            yield
        finally:
            await dispatcher.stop_polling()
            await polling
            # The cache holds times of pydantic, which crashes if it frees them as Python ends.
            aiogram.types.Update.event_type.fget.cache_clear()


def _aiogram_session(url: str) -> Any:
    session = importlib.import_module("aiogram.client.session.aiohttp")
    telegram = importlib.import_module("aiogram.client.telegram")
    return session.AiohttpSession(api=telegram.TelegramAPIServer.from_base(url))


@asynccontextmanager
async def _run_telegram(recipe: ModuleType, chat: Chat, make: MakeClient) -> AsyncIterator[None]:
    ext: Any = importlib.import_module("telegram.ext")
    builder = ext.ApplicationBuilder().token(TOKEN)
    builder.base_url(f"{chat.url}/bot").base_file_url(f"{chat.url}/file/bot")
    app = recipe.build(builder)
    app.bot_data["vps"] = make()
    async with app:
        await app.updater.start_polling()
        await app.start()
        try:
            yield
        finally:
            await app.updater.stop()
            await app.stop()
    await app.post_shutdown(app)


@asynccontextmanager
async def _run_discord(recipe: ModuleType, chat: Chat, make: MakeClient) -> AsyncIterator[None]:
    http: Any = importlib.import_module("discord.http")
    gateway: Any = importlib.import_module("discord.gateway")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http.Route, "BASE", f"{chat.url}/api")
        url = gateway.yarl.URL(f"{chat.url}/gateway/")
        patch.setattr(gateway.DiscordWebSocket, "DEFAULT_GATEWAY", url)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
            make(transport=AiohttpTransport(session=session)) as vps,
            recipe.TicketBot(vps, session) as bot,
        ):
            running = asyncio.create_task(bot.start(TOKEN))
            try:
                yield
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running


LIBRARIES = (
    Library(
        "aiogram",
        "aiogram_bot",
        Telegram,
        _run_aiogram,
        True,
        """
import asyncio, sys
import aiogram, aiogram_bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from desk import TOKEN
session = AiohttpSession(api=TelegramAPIServer.from_base(sys.argv[1]))
asyncio.run(aiogram_bot.main(aiogram.Bot(TOKEN, session=session)))
aiogram.types.Update.event_type.fget.cache_clear()
""",
    ),
    Library(
        "discord",
        "discord_bot",
        Discord,
        _run_discord,
        True,
        """
import asyncio, sys, contextlib
import discord, yarl, discord_bot
from desk import TOKEN
discord.http.Route.BASE = sys.argv[1] + "/api"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(sys.argv[1] + "/gateway/")
with contextlib.suppress(KeyboardInterrupt):
    asyncio.run(discord_bot.main(TOKEN))
""",
    ),
    Library(
        "telegram",
        "telegram_bot",
        Telegram,
        _run_telegram,
        False,
        """
import sys
import telegram_bot
from desk import TOKEN
from telegram.ext import ApplicationBuilder
builder = ApplicationBuilder().token(TOKEN)
builder.base_url(sys.argv[1] + "/bot").base_file_url(sys.argv[1] + "/file/bot")
telegram_bot.build(builder).run_polling()
""",
    ),
)
