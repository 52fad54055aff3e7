"""A client that does what a test says and nothing else: it sees what really goes over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.parser import BytesHeaderParser
from typing import Any

from attrs import frozen

from vpsbg_async.sandbox import Sandbox

from .forms import MULTIPART, ticket


def address(sandbox: Sandbox) -> tuple[str, int]:
    host, port = sandbox.url.removeprefix("http://").removesuffix("/v1").split(":")
    return host, int(port)


def head(
    sandbox: Sandbox,
    framing: str,
    method: str = "POST",
    path: str = "/support/tickets",
) -> bytes:
    lines = [
        f"{method} /v1{path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {sandbox.api_key}",
        "Accept: application/json",
        f"Content-Type: {MULTIPART}",
        framing,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@frozen
class RawAnswer:
    """An answer as it came. ``told`` is the length that its head promises."""

    status: int
    headers: Any
    body: bytes

    @property
    def told(self) -> int:
        return int(self.headers["Content-Length"])


@frozen
class Wire:
    """One connection to the sandbox."""

    sandbox: Sandbox
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def create(self, body: bytes | None = None) -> None:
        """Send a request for a ticket."""
        body = ticket() if body is None else body
        self.writer.write(head(self.sandbox, f"Content-Length: {len(body)}") + body)

    def get(self, method: str = "GET") -> None:
        """Send a request for the list."""
        self.writer.write(head(self.sandbox, "Content-Length: 0", method))

    async def rest(self) -> bytes:
        """All that comes until the connection ends, in whichever way."""
        async with asyncio.timeout(10):
            with suppress(ConnectionResetError):
                return await self.reader.read()
        return b""

    async def answer(self) -> RawAnswer:
        """One whole answer; the connection stays."""
        async with asyncio.timeout(10):
            answer = parsed(await self.reader.readuntil(b"\r\n\r\n"))
            return RawAnswer(
                answer.status, answer.headers, await self.reader.readexactly(answer.told)
            )


def parsed(data: bytes) -> RawAnswer:
    """What came in until the connection ended."""
    first, _, rest = data.partition(b"\r\n")
    headers, _, body = rest.partition(b"\r\n\r\n")
    return RawAnswer(int(first.split()[1]), BytesHeaderParser().parsebytes(headers), body)


@asynccontextmanager
async def connected(sandbox: Sandbox) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection(*address(sandbox))
    try:
        yield Wire(sandbox, reader, writer)
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()
