"""Far ends for transports: a forward proxy, a server that speaks TLS, and certificates for them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Self, TypeVar

import trustme

from vpsbg_async import AiohttpTransport, Headers, Request, Timeouts, Transport
from vpsbg_async.testing import RawConnection, RawServer
from vpsbg_async.testing.bodies import WatchedBody
from vpsbg_async.testing.raw import Handler
from vpsbg_async.transport.httpx import HttpxTransport

__all__ = [
    "TRANSPORTS",
    "ForwardProxy",
    "StrictServer",
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


T = TypeVar("T", bound=Transport)


@asynccontextmanager
async def closing(transport: T) -> AsyncIterator[T]:
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

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._context)
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self


class StrictServer:
    """A server that lets nobody in without a certificate that it trusts, and says why.

    On a thread with a socket of its own, as asyncio's servers hang up without a word.

    Attributes:
        url: Where it listens.
        received: What those have sent who were let in.
    """

    def __init__(self, version: ssl.TLSVersion) -> None:
        self.url = ""
        self.received = b""
        self._context = server_context(authority().issue_cert("127.0.0.1"))
        self._context.maximum_version = version
        self._context.verify_mode = ssl.CERT_REQUIRED
        authority("of clients").configure_trust(self._context)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # which ends `accept`
        self._listener.close()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(5)
            with contextlib.suppress(OSError):
                self._serve(connection)
            connection.close()

    def _serve(self, connection: socket.socket) -> None:
        spoken = self._context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        try:
            spoken.do_handshake()
            self.received += spoken.recv(65536)
            spoken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            self.received += spoken.recv(65536)
        finally:
            with socket.socket(fileno=spoken.detach()) as bare:
                bare.settimeout(5)
                bare.shutdown(socket.SHUT_WR)
                while bare.recv(65536):  # or what was said would be lost by a reset
                    pass


class ForwardProxy:
    """A proxy for HTTP: tunnels by CONNECT, and absolute URLs for what is not encrypted.

    Args:
        context: TLS settings, for a proxy that is to be spoken to by TLS.
        password: What it wants to be shown, as ``user:password``.
        refusal: What it says to everything before it hangs up.

    Attributes:
        heads: Method, target and headers of what it was asked, in order.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext | None = None,
        password: str | None = None,
        refusal: bytes | None = None,
    ) -> None:
        self.heads: list[tuple[str, str, Headers]] = []
        self._wanted = password and f"Basic {b64encode(password.encode()).decode()}"
        self._refusal = refusal
        self._raw = RawServer(self._serve) if context is None else TlsServer(self._serve, context)

    async def __aenter__(self) -> Self:
        await self._raw.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._raw.__aexit__()

    @property
    def url(self) -> str:
        return self._raw.url

    @property
    def connections(self) -> list[RawConnection]:
        return self._raw.connections

    @property
    def asked(self) -> list[str]:
        return [f"{method} {target}" for method, target, _ in self.heads]

    @property
    def shown(self) -> list[str | None]:
        return [headers.get("Proxy-Authorization") for _, _, headers in self.heads]

    def url_with(self, password: str) -> str:
        return self.url.replace("://", f"://{password}@")

    async def _serve(self, connection: RawConnection) -> None:
        while True:
            method, target, headers = await connection.head()
            self.heads.append((method, target, headers))
            if self._wanted and headers.get("Proxy-Authorization") != self._wanted:
                await connection.answer(407, b"", [("Connection", "close")])
                return
            if self._refusal is not None:
                await connection.write(self._refusal)
                return
            if method == "CONNECT":
                await self._tunnel(connection, target)
                return
            await self._forward(connection, method, target, headers)

    async def _forward(
        self, connection: RawConnection, method: str, target: str, headers: Headers
    ) -> None:
        body = await connection.reader.readexactly(int(headers.get("Content-Length", "0")))
        place, _, path = target.removeprefix("http://").partition("/")
        async with self._reached(place) as (reader, writer):
            lines = [f"{method} /{path} HTTP/1.1", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in headers.items() if name[:5] != "Proxy"]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
            await connection.write(answer + await reader.readexactly(length))

    async def _tunnel(self, connection: RawConnection, place: str) -> None:
        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()

        async with self._reached(place) as (reader, writer), asyncio.TaskGroup() as pumps:
            await connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = pumps.create_task(pump(reader, connection.writer))
            await pump(connection.reader, writer)
            back.cancel()

    @asynccontextmanager
    async def _reached(
        self, place: str
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        host, _, port = place.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
