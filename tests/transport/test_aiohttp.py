"""AiohttpTransport: the conformance suite, and what is its own."""

import asyncio
import contextlib
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiohttp
import pytest

from vpsbg_async.errors import ConfigurationError, NotSentError
from vpsbg_async.testing import NetworkTransportConformance, RawConnection, RawServer
from vpsbg_async.testing.bodies import WatchedBody
from vpsbg_async.testing.conformance import consume
from vpsbg_async.transport import Request, Response, Timeouts, Transport
from vpsbg_async.transport.aiohttp import AiohttpTransport

MIB = 1024 * 1024


class TestConformance(NetworkTransportConformance):
    def make_transport(self) -> Transport:
        return AiohttpTransport()


class Lent:
    """A transport on the connections of a session of its own, for the suite to test."""

    def __init__(self) -> None:
        self.session: aiohttp.ClientSession | None = None
        self.transport = AiohttpTransport()

    def send(self, request: Request, /) -> AbstractAsyncContextManager[Response]:
        if self.session is None:
            self.session = aiohttp.ClientSession()
            self.transport = AiohttpTransport(session=self.session)
        return self.transport.send(request)

    async def aclose(self) -> None:
        await self.transport.aclose()
        if self.session is not None:
            await self.session.close()


class TestConformanceOnALentPool(NetworkTransportConformance):
    def make_transport(self) -> Transport:
        return Lent()


def sockets() -> int:
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the folder itself
            count += str(descriptor.readlink()).startswith("socket:")
    return count


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts in /proc")
@pytest.mark.parametrize("ends", ["stalled", "cancelled"])
async def test_a_connection_whose_server_stopped_reading_is_not_left_open(ends: str) -> None:
    """Closing it would wait for its buffer to be taken."""
    arrived = asyncio.Event()

    async def take_nothing(connection: RawConnection) -> None:
        connection.pause()
        arrived.set()
        await asyncio.Event().wait()

    async with RawServer(take_nothing) as server:
        transport = AiohttpTransport()
        before = sockets()
        request = Request(
            method="POST",
            url=server.url,
            body=WatchedBody.of(b"x" * (32 * MIB), b"last"),
            timeouts=Timeouts(stall=0.2 if ends == "stalled" else 60),
        )
        upload = asyncio.ensure_future(consume(transport, request))
        if ends == "cancelled":
            await arrived.wait()
            upload.cancel()
        await asyncio.wait((upload,))
        await transport.aclose()
        assert sockets() == before + 1  # the server's end


async def test_what_it_says_when_nothing_listens() -> None:
    transport = AiohttpTransport()
    for url, text in (
        ("http://127.0.0.1:9/", "cannot connect to 127.0.0.1:9: "),
        ("http://no-such-host.invalid/", "cannot connect to no-such-host.invalid:80: "),
    ):
        with pytest.raises(NotSentError) as caught:
            await consume(transport, Request(method="GET", url=url))
        assert str(caught.value).startswith(text)
        assert "ssl:default" not in str(caught.value)
    await transport.aclose()


async def test_a_proxy_is_asked() -> None:
    targets: list[str] = []

    async def proxy(connection: RawConnection) -> None:
        received = await connection.request()
        targets.append(received.target)
        await connection.answer(200, b"by proxy")

    async with RawServer(proxy) as server:
        transport = AiohttpTransport(proxy=server.url)
        request = Request(method="GET", url="http://api.invalid/v1/balance")
        assert await consume(transport, request) == b"by proxy"
        await transport.aclose()
    assert targets == ["http://api.invalid/v1/balance"]


def test_a_proxy_that_is_none() -> None:
    with pytest.raises(ConfigurationError):
        AiohttpTransport(proxy="socks5://127.0.0.1:1080")


async def test_a_transport_that_was_never_used_closes() -> None:
    transport = AiohttpTransport()
    await transport.aclose()
    with pytest.raises(NotSentError, match="closed"):
        await consume(transport, Request(method="GET", url="http://127.0.0.1:9/"))


async def test_a_lent_connector_whose_owner_is_gone() -> None:
    session = aiohttp.ClientSession()
    transport = AiohttpTransport(session=session)
    await session.close()
    with pytest.raises(NotSentError, match="lends"):
        await consume(transport, Request(method="GET", url="http://127.0.0.1:9/"))
    await transport.aclose()


def test_one_event_loop_only() -> None:
    transport = AiohttpTransport()
    request = Request(method="GET", url="http://127.0.0.1:9/")
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        with pytest.raises(NotSentError, match="cannot connect"):
            first.run_until_complete(consume(transport, request))
        with pytest.raises(NotSentError, match="another event loop"):
            second.run_until_complete(consume(transport, request))
        first.run_until_complete(transport.aclose())
    finally:
        first.close()
        second.close()
