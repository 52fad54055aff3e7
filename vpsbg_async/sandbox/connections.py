"""The connections over which requests came."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary, WeakSet

from aiohttp import web
from aiohttp.typedefs import Handler

__all__ = ["Connections"]


class Connections:
    """Knows them from their first request on."""

    def __init__(self) -> None:
        self._transports: WeakKeyDictionary[asyncio.Task[None], asyncio.Transport | None]
        self._transports = WeakKeyDictionary()  # by the task that serves a connection
        self._busy: set[asyncio.Task[None]] = set()
        self._dropped: WeakSet[asyncio.Task[None]] = WeakSet()

    @web.middleware
    async def note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note a request's connection, busy as long as the request is."""
        task = request.task
        if task in self._dropped:
            return web.Response()  # to nobody: the request came as its connection was dropped
        self._transports[task] = request.transport
        self._busy.add(task)
        try:
            return await handler(request)
        finally:
            self._busy.discard(task)

    def drop_idle(self) -> None:
        """Close the connections without a request, and process none that is on its way."""
        for task, transport in list(self._transports.items()):
            if task not in self._busy and transport is not None:
                self._dropped.add(task)
                transport.close()

    async def drop_all(self, _: web.Application) -> None:
        """End what is still running, and see it gone."""
        transports = dict(self._transports)
        for task, transport in transports.items():
            task.cancel()
            if transport is not None:
                transport.abort()  # to close it would wait for whoever does not read an answer
        await asyncio.gather(*transports, return_exceptions=True)
