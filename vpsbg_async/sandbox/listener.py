"""The listening socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

__all__ = ["Listener"]

_BACKLOG: Final = 128  # connections that may wait to be accepted


class Listener:
    """Listens on one port, the same whenever it is opened again.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one, and is replaced by it.
    """

    _server: asyncio.Server
    _protocol: Callable[[], asyncio.Protocol]

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self.port = port
        self._closed = False
        self._shut = 0  # blocks in which nobody may connect
        self._shutting = asyncio.Lock()

    async def open(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Listen.

        Args:
            protocol: Makes what serves a connection.

        Raises:
            OSError: The port is taken.
        """
        self._protocol = protocol
        self._server = await self._bind()
        self.port = self._server.sockets[0].getsockname()[1]
        await self._server.start_serving()

    async def close(self) -> None:
        """Listen no more."""
        self._closed = True
        await self._stop()

    @asynccontextmanager
    async def shut(self) -> AsyncIterator[None]:
        """Refuse connections within the block; of several blocks, until the last one ends."""
        async with self._shutting:
            if not self._shut:
                await self._stop()
                # A socket that is bound and does not listen refuses, and keeps the port for us.
                self._server = await self._bind()
            self._shut += 1
        try:
            yield
        finally:
            self._shut -= 1
            if self._closed:
                self._server.close()
            elif not self._shut:
                await self._server.start_serving()

    async def _bind(self) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            self._protocol, self._host, self.port, backlog=_BACKLOG, start_serving=False
        )

    async def _stop(self) -> None:
        with suppress(NotImplementedError):  # on Windows, which has no need of it
            # Whoever was accepted is served before the socket goes, or asyncio would fail over it.
            for listening in self._server.sockets:
                asyncio.get_running_loop().remove_reader(listening)
            await asyncio.sleep(0)
        self._server.close()
