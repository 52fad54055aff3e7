"""A server that does what it is told, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Self, cast

import attrs

from ..transport import Headers

__all__ = ["Handler", "RawConnection", "RawServer", "Received"]


@attrs.frozen
class Received:
    """A request as a server got it.

    Attributes:
        method: HTTP method.
        target: What follows the method in the request line.
        headers: Headers.
        body: Body, empty if it has none.
    """

    method: str
    target: str
    headers: Headers
    body: bytes


class RawConnection:
    """One connection to a `RawServer`, as its handler sees it.

    Attributes:
        gone: Set once the client has closed its side.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.gone = asyncio.Event()

    async def head(self) -> tuple[str, str, Headers]:
        """Read method, target and headers of the next request."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = lines[0].split(" ")
        pairs = (line.split(": ", 1) for line in lines[1:] if line)
        return method, target, Headers([(name, value) for name, value in pairs])

    async def request(self) -> Received:
        """Read the next request, body included."""
        method, target, headers = await self.head()
        if headers.get("Transfer-Encoding") == "chunked":
            body = await self._chunked()
        else:
            body = await self.reader.readexactly(int(headers.get("Content-Length", "0")))
        return Received(method, target, headers, body)

    async def _chunked(self) -> bytes:
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return body

    async def answer(
        self, status: int = 200, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Write an answer."""
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        await self.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    def pause(self) -> None:
        """Stop taking bytes from the client."""
        cast(asyncio.ReadTransport, self.writer.transport).pause_reading()

    async def until_gone(self) -> None:
        """Read and throw away until the client closes its side."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass
        self.gone.set()


Handler = Callable[[RawConnection], Awaitable[None]]


class RawServer:
    """An HTTP server on loopback that does what a handler does, byte for byte.

    Args:
        handler: Called for each connection, which is closed when it returns.

    Attributes:
        url: Where it listens.
        connections: All connections so far.
    """

    def __init__(self, handler: Handler) -> None:
        self.url = ""
        self.connections: list[RawConnection] = []
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = RawConnection(reader, writer)
        self.connections.append(connection)
        task = asyncio.ensure_future(self._serve(connection))
        self._tasks.add(task)

    async def _serve(self, connection: RawConnection) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._handler(connection)
        finally:
            connection.gone.set()
            connection.writer.close()
            with contextlib.suppress(ConnectionError):
                await connection.writer.wait_closed()
