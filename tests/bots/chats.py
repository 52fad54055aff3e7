"""Stand-ins for the servers of Telegram and Discord, as far as a bot needs them."""

from __future__ import annotations

import asyncio
import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import WSMsgType, web

from .files import File

__all__ = ["STRANGER", "TOKEN", "USER", "Chat", "Discord", "Telegram"]

TOKEN = "4711:token-of-the-bot"
USER, STRANGER = 77, 78
_BOT = 4711
_PATIENCE = 20.0  # seconds until a word has to be there


class Chat(ABC):
    """What a user sees of a bot.

    Attributes:
        notes: What each message of the bot has said, in the order of its changes.
        refuses_edits: Whether a message of the bot cannot be changed while it works.
        has_refused: Whether one was to be.
    """

    def __init__(self) -> None:
        self.notes: dict[int, list[str]] = {}
        self.refuses_edits = False
        self.has_refused = asyncio.Event()
        self._files: dict[int, File] = {}
        self._numbers = itertools.count(1000)
        self._changed = asyncio.Condition()
        self._port = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen."""
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self._port = runner.addresses[0][1]
            yield
        finally:
            await runner.cleanup()

    @abstractmethod
    def say(self, *files: File, text: str = "It is broken", user: int = USER) -> None:
        """Have a user send a message with these files."""

    async def word(self, number: int = 0, *, on_the_way: str = "") -> str:
        """What the bot's message of that number says in the end, or before, with this in it."""
        async with asyncio.timeout(_PATIENCE), self._changed:
            while True:
                for text in [text for said in [*self.notes.values()][number:][:1] for text in said]:
                    if text.endswith("…") == bool(on_the_way) and on_the_way in text:
                        return text
                await self._changed.wait()

    @abstractmethod
    def _application(self) -> web.Application: ...

    def _keep(self, file: File) -> int:
        number = next(self._numbers)
        self._files[number] = file
        return number

    def _refuses(self, text: str) -> bool:
        if self.refuses_edits and text.endswith("…"):
            self.has_refused.set()
            return True
        return False

    async def _note(self, number: int, text: str) -> None:
        async with self._changed:
            self.notes.setdefault(number, []).append(text)
            self._changed.notify_all()

    async def _give(self, request: web.Request) -> web.StreamResponse:
        return await self._files[int(request.match_info["number"])].give(request)


class Telegram(Chat):
    """The Bot API, of which an album is one message for each file."""

    def __init__(self) -> None:
        super().__init__()
        self._updates: list[dict[str, Any]] = []
        self._has_updates = asyncio.Event()

    def say(self, *files: File, text: str = "It is broken", user: int = USER) -> None:
        """See `Chat.say`."""
        if not files:
            self._push("message", user, text=text)
        album = {} if len(files) < 2 else {"media_group_id": f"album-{next(self._numbers)}"}
        for index, file in enumerate(files):
            caption = {} if index else {"caption": text}
            self._push("message", user, **album, **caption, **self._media(file))

    def edit(self, file: File) -> None:
        """Have a user change the text of a message."""
        self._push("edited_message", USER, caption="It is repaired", **self._media(file))

    def _media(self, file: File) -> dict[str, Any]:
        size = {} if file.size is None else {"file_size": file.size}
        told = {"file_id": str(self._keep(file)), "file_unique_id": "u", **size}
        if file.name is not None:
            return {"document": {**told, "file_name": file.name}}
        thumbnail = {"file_id": "0", "file_unique_id": "t", "width": 90, "height": 90}
        return {"photo": [thumbnail, {**told, "width": 900, "height": 900}]}

    def _push(self, kind: str, user: int, **message: Any) -> None:
        sent = self._message(user) | {"from": _person(user), **message}
        self._updates.append({"update_id": next(self._numbers), kind: sent})
        self._has_updates.set()

    def _message(self, user: int) -> dict[str, Any]:
        chat = {"id": user, "type": "private"}
        return {"message_id": next(self._numbers), "date": 1_700_000_000, "chat": chat}

    def _application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.post(f"/bot{TOKEN}/{{method}}", self._call),
                web.get(f"/file/bot{TOKEN}/documents/file_{{number}}.jpg", self._give),
            ]
        )
        return application

    async def _call(self, request: web.Request) -> web.Response:
        given = dict(await request.post())
        result: Any = True
        match request.match_info["method"]:
            case "getMe":
                result = _person(_BOT) | {"is_bot": True, "username": "ticket_bot"}
            case "getUpdates":
                result = await self._next_updates(given)
            case "getFile":
                number = int(str(given["file_id"]))
                file = self._files[number]
                if file.is_refused:
                    return _refusal("Bad Request: file is too big")
                size = {} if file.size is None else {"file_size": file.size}
                path = f"documents/file_{number}.jpg"
                result = {"file_id": "f", "file_unique_id": "u", "file_path": path, **size}
            case "sendMessage":
                result = self._message(int(str(given["chat_id"]))) | {"text": given["text"]}
                await self._note(result["message_id"], str(given["text"]))
            case "editMessageText":
                number, text = int(str(given["message_id"])), str(given["text"])
                if self._refuses(text) or self.notes[number][-1] == text:
                    return _refusal("Bad Request: message is not modified")
                result = self._message(USER) | {"text": text, "message_id": number}
                await self._note(number, text)
        return web.json_response({"ok": True, "result": result})

    async def _next_updates(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        offset = int(str(given.get("offset", 0)))
        self._updates = [item for item in self._updates if item["update_id"] >= offset]
        if not self._updates:
            self._has_updates.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(float(str(given.get("timeout", 0)))):
                    await self._has_updates.wait()
        return self._updates


class Discord(Chat):
    """The REST API and the gateway, on which messages come."""

    def __init__(self) -> None:
        super().__init__()
        self._sockets: set[web.WebSocketResponse] = set()
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def say(self, *files: File, text: str = "It is broken", user: int = USER) -> None:
        """See `Chat.say`."""
        message = self._message(user) | {"content": text}
        message["attachments"] = [self._attachment(file) for file in files]
        self._events.put_nowait({"op": 0, "t": "MESSAGE_CREATE", "s": 2, "d": message})

    def _attachment(self, file: File) -> dict[str, Any]:
        number = self._keep(file)
        url = f"{self.url}/attachments/{number}"
        return {
            "id": str(number),
            "filename": file.name or "",
            "size": len(file.content),
            "url": url,
            "proxy_url": url,
        }

    def _message(self, user: int) -> dict[str, Any]:
        return {
            "id": str(next(self._numbers)),
            "channel_id": str(user),
            "author": _member(user),
            "timestamp": "2026-11-25T12:00:00.000000+00:00",
            "edited_timestamp": None,
            "content": "",
            "type": 0,
            **dict.fromkeys(("tts", "mention_everyone", "pinned"), False),
            **{name: [] for name in ("mentions", "mention_roles", "embeds", "attachments")},
        }

    def _application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.get("/api/users/@me", self._me),
                web.get("/api/oauth2/applications/@me", self._about),
                web.post("/api/channels/{channel}/messages", self._send),
                web.patch("/api/channels/{channel}/messages/{number}", self._edit),
                web.get("/attachments/{number}", self._give),
                web.get("/gateway/", self._gateway),
            ]
        )
        application.on_shutdown.append(self._hang_up)
        return application

    async def _me(self, _: web.Request) -> web.Response:
        return _as_json(_member(_BOT) | {"bot": True})

    async def _about(self, _: web.Request) -> web.Response:
        about = {"id": str(_BOT), "owner": _member(1), "team": None, "bot_public": True}
        texts = dict.fromkeys(("name", "description", "summary", "verify_key", "icon"), "")
        return _as_json({**texts, **about, "bot_require_code_grant": False})

    async def _send(self, request: web.Request) -> web.Response:
        return await self._said(self._message(_BOT), await request.json())

    async def _edit(self, request: web.Request) -> web.Response:
        given = await request.json()
        if self._refuses(given["content"]):
            raise web.HTTPBadRequest(text="{}", content_type="application/json")
        return await self._said(self._message(_BOT) | {"id": request.match_info["number"]}, given)

    async def _said(self, message: dict[str, Any], given: dict[str, Any]) -> web.Response:
        await self._note(int(message["id"]), given["content"])
        return _as_json(message | {"content": given["content"]})

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 40_000}})
        async for sent in socket:
            if sent.type is WSMsgType.TEXT and json.loads(sent.data)["op"] == 2:  # it identifies
                break
        ready = {"user": _member(_BOT), "guilds": [], "session_id": "s", "v": 10}
        ready["resume_gateway_url"] = f"{self.url}/gateway/"
        await socket.send_json({"op": 0, "t": "READY", "s": 1, "d": ready})
        events = asyncio.create_task(self._pass_on(socket))
        try:
            async for _ in socket:
                pass
        finally:
            events.cancel()
            self._sockets.discard(socket)
        return socket

    async def _pass_on(self, socket: web.WebSocketResponse) -> None:
        while True:
            await socket.send_json(await self._events.get())

    async def _hang_up(self, _: web.Application) -> None:
        for socket in [*self._sockets]:
            await socket.close()


def _person(number: int) -> dict[str, Any]:
    return {"id": number, "is_bot": False, "first_name": "Somebody"}


def _member(number: int) -> dict[str, Any]:
    name = {"username": "somebody", "global_name": "Somebody"}
    return {"id": str(number), "discriminator": "0", "avatar": None, **name}


def _refusal(text: str) -> web.Response:
    return web.json_response({"ok": False, "error_code": 400, "description": text}, status=400)


def _as_json(value: Any) -> web.Response:
    """Without a charset, of which discord.py would think that it is not JSON."""
    return web.Response(
        body=json.dumps(value).encode(), headers={"Content-Type": "application/json"}
    )
