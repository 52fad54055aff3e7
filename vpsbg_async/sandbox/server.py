"""The sandbox itself, from start to end."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from weakref import WeakKeyDictionary

from aiohttp import web
from aiohttp.typedefs import Handler

from .files import Folder
from .pipeline import Pipeline
from .store import StoredTicket, TicketStore
from .throttle import Throttle
from .tickets import TicketEndpoints

__all__ = ["Sandbox"]

_HOST: Final = "127.0.0.1"  # and no other: nobody else is to reach it
_PREFIX: Final = "/v1"
_SHUTDOWN_TIMEOUT: Final = 0.1  # seconds; whatever runs has been told to stop by then


class Sandbox:
    """A local stand-in for the API, running as long as its context.

    Args:
        port: The port to listen on; 0 takes a free one.
        api_key: The Write key; a random one by default.
        read_key: The Read key; a random one by default.
        rate_limit: Requests a minute that each key may make.
        directory: Where uploaded files go, and stay. By default a temporary directory, which is
            removed at the end.
        clock: Unix seconds, for the times in answers and the rate limit.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        api_key: str | None = None,
        read_key: str | None = None,
        rate_limit: int = 1000,
        directory: str | os.PathLike[str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.api_key = api_key or f"sandbox-write-{secrets.token_hex(16)}"
        self.read_key = read_key or f"sandbox-read-{secrets.token_hex(16)}"
        self._port = port
        self._directory = None if directory is None else Path(directory)
        self._store = TicketStore(clock)
        self._pipeline = Pipeline(self.api_key, self.read_key, Throttle(rate_limit, clock))
        self._connections: WeakKeyDictionary[asyncio.Task[None], asyncio.Transport | None]
        self._connections = WeakKeyDictionary()
        self._running = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where the API is, as a client's base URL.

        Raises:
            RuntimeError: The sandbox has not been entered, so its port is not known.
        """
        if not self._port:
            raise RuntimeError("enter the sandbox first: async with Sandbox() as sandbox")
        return f"http://{_HOST}:{self._port}{_PREFIX}"

    @property
    def tickets(self) -> tuple[StoredTicket, ...]:
        """The tickets kept so far, oldest first."""
        return self._store.all()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            folder = await starting.enter_async_context(Folder(self._directory))
            runner = web.AppRunner(
                self._application(folder),
                access_log=None,
                shutdown_timeout=_SHUTDOWN_TIMEOUT,
                auto_decompress=False,  # nor does PHP
            )
            starting.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, _HOST, self._port).start()
            self._port = runner.addresses[0][1]
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._running.aclose()

    def _application(self, folder: Folder) -> web.Application:
        application = web.Application(
            middlewares=[self._note_connection, self._pipeline.answer, self._pipeline.guard],
            client_max_size=0,  # no limit: what VPSBG allows is not known
        )
        application.add_routes(TicketEndpoints(self._store, folder).routes(_PREFIX))
        application.on_shutdown.append(self._drop_connections)
        return application

    @web.middleware
    async def _note_connection(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._connections[request.task] = request.transport
        return await handler(request)

    async def _drop_connections(self, _: web.Application) -> None:
        """End what is still running, and see it gone before the folder goes."""
        connections = dict(self._connections)
        for task, transport in connections.items():
            task.cancel()
            if transport is not None:
                transport.abort()  # to close it would wait for whoever does not read an answer
        await asyncio.gather(*connections, return_exceptions=True)
