"""Far ends for transports: a forward proxy, a server that speaks TLS, and certificates for them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache

import trustme

from vpsbg_async import AiohttpTransport, Request, Timeouts, Transport
from vpsbg_async.testing import RawConnection, RawServer
from vpsbg_async.testing.bodies import WatchedBody
from vpsbg_async.testing.raw import Handler
from vpsbg_async.transport.httpx import HttpxTransport

__all__ = [
    "TRANSPORTS",
    "ForwardProxy",
    "TlsServer",
    "Transporting",
    "answering",
    "authority",
    "closing",
    "request_to",
    "server_context",
    "trusting",
]

Transporting = Callable[..., Transport]
TRANSPORTS: tuple[Transporting, ...] = (AiohttpTransport, HttpxTransport)


def request_to(url: str, method: str = "POST", **timeouts: float) -> Request:
    body = WatchedBody.of(b"one ", b"two") if method == "POST" else None
    return Request(method=method, url=url, body=body, timeouts=Timeouts(**timeouts))


@asynccontextmanager
async def closing(transport: Transport) -> AsyncIterator[Transport]:
    try:
        yield transport
    finally:
        await transport.aclose()


async def answering(connection: RawConnection) -> None:
    """Answer every request with what it asked for."""
    while True:
        received = await connection.request()
        await connection.answer(200, f"{received.method} {received.target}".encode())


@cache  # keys take their time
def authority(_name: str = "") -> trustme.CA:
    """One that signs certificates; another one for each name."""
    return trustme.CA()


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def trusting(ca: trustme.CA | None = None) -> ssl.SSLContext:
    """Settings of a client that trusts an authority of its own, and no other one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    (ca or authority()).configure_trust(context)
    return context


class TlsServer(RawServer):
    """A `RawServer` that speaks TLS."""

    def __init__(self, handler: Handler, context: ssl.SSLContext | None = None) -> None:
        super().__init__(handler)
        self._context = context or server_context(authority().issue_cert("127.0.0.1"))

    async def __aenter__(self) -> TlsServer:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._context)
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self


class ForwardProxy:
    """A proxy for HTTP: tunnels by CONNECT, and absolute URLs for what is not encrypted.

    Args:
        context: TLS settings, for a proxy that is to be spoken to by TLS.
        password: What it wants to be shown, as ``user:password``.
        refusal: The whole answer that it gives to everything.

    Attributes:
        seen: The request lines, in order.
        shown: What was given for ``Proxy-Authorization``, in order.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext | None = None,
        password: str | None = None,
        refusal: bytes = b"",
    ) -> None:
        self.seen: list[str] = []
        self.shown: list[str | None] = []
        self._password = password
        self._refusal = refusal
        self._raw = RawServer(self._serve) if context is None else TlsServer(self._serve, context)

    async def __aenter__(self) -> ForwardProxy:
        await self._raw.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._raw.__aexit__()

    @property
    def url(self) -> str:
        return self._raw.url

    def url_with(self, password: str) -> str:
        return self.url.replace("://", f"://{password}@")

    async def _serve(self, connection: RawConnection) -> None:
        method, target, headers = await connection.head()
        self.seen.append(f"{method} {target}")
        self.shown.append(headers.get("Proxy-Authorization"))
        wanted = self._password and f"Basic {b64encode(self._password.encode()).decode()}"
        if wanted is not None and headers.get("Proxy-Authorization") != wanted:
            refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        else:
            refusal = self._refusal
        if refusal:
            await connection.write(refusal)
            await connection.until_gone()
        elif method == "CONNECT":
            reader, writer = await self._reach(target)
            await connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await self._pass_on(connection, reader, writer)
        else:
            place, _, path = target.removeprefix("http://").partition("/")
            reader, writer = await self._reach(place)
            lines = [f"{method} /{path} HTTP/1.1"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
            await self._pass_on(connection, reader, writer)

    async def _reach(self, place: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port = place.rpartition(":")
        return await asyncio.open_connection(host, int(port))

    async def _pass_on(
        self,
        connection: RawConnection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()

        both = [
            asyncio.ensure_future(pump(connection.reader, writer)),
            asyncio.ensure_future(pump(reader, connection.writer)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
