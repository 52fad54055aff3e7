"""AiohttpTransport: the conformance suite, and what is its own."""

import asyncio
import contextlib
import functools
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from vpsbg_async import VPSBG, Attachment, TicketDraft
from vpsbg_async.errors import (
    ConfigurationError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    ResponseReadError,
    TransportError,
)
from vpsbg_async.sandbox import Sandbox
from vpsbg_async.testing import NetworkTransportConformance, RawConnection, RawServer
from vpsbg_async.testing.bodies import WatchedBody, hanging
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


class Hold:
    """A server that answers when it is told to, a request at a time."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def __call__(self, connection: RawConnection) -> None:
        while True:
            await connection.request()
            self.arrived.set()
            await self.goes_on.wait()
            await connection.answer(200, b"ok")


@contextlib.asynccontextmanager
async def full_pool(limit: int = 1) -> AsyncIterator[tuple[aiohttp.ClientSession, Hold, str]]:
    """An application's session that has used up its connections, until the server goes on."""
    hold = Hold()
    connector = aiohttp.TCPConnector(limit=limit)
    async with RawServer(hold) as server, aiohttp.ClientSession(connector=connector) as session:
        requests = [asyncio.ensure_future(session.get(server.url)) for _ in range(limit)]
        await hold.arrived.wait()
        yield session, hold, server.url
        hold.goes_on.set()
        for answer in await asyncio.gather(*requests):
            assert await answer.read() == b"ok"
        assert await works(session, server.url)


async def works(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether an application's session still has a place for a request."""
    async with asyncio.timeout(5), session.get(url) as answer:
        return answer.status == 200


def request_to(url: str, method: str, **timeouts: float) -> Request:
    body = WatchedBody.of(b"one ", b"two") if method == "POST" else None
    return Request(method=method, url=url, body=body, timeouts=Timeouts(**timeouts))


class TestAPoolThatIsFull:
    @pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
    async def test_is_waited_for_up_to_a_limit(self, method: str) -> None:
        async with full_pool() as (session, _, url):
            transport = AiohttpTransport(session=session)
            with pytest.raises(NotSentError) as caught:
                await consume(transport, request_to(url, method, pool=0.1, response=0.01))
            assert str(caught.value) == "no place in the pool of connections within 0.1 s"
            assert not caught.value.permanent
            await transport.aclose()

    @pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
    async def test_one_with_a_place_in_time_does_no_harm(self, method: str) -> None:
        async with full_pool() as (session, hold, url):
            transport = AiohttpTransport(session=session)
            sending = asyncio.ensure_future(
                consume(transport, request_to(url, method, connect=0.1, response=0.1, stall=0.1))
            )
            await asyncio.sleep(0.3)
            hold.goes_on.set()
            assert await sending == b"ok"
            await transport.aclose()


class NeverResolves(aiohttp.abc.AbstractResolver):
    """A resolver that finds nothing, and does not say so."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def resolve(self, *_: Any, **__: Any) -> list[Any]:
        self.asked.set()
        await asyncio.Event().wait()
        return []

    async def close(self) -> None:
        pass


@contextlib.asynccontextmanager
async def looking_up() -> AsyncIterator[tuple[aiohttp.ClientSession, asyncio.Task[bytes]]]:
    """An application's session, and a call over its connections that waits for a resolver."""
    resolver = NeverResolves()
    connector = aiohttp.TCPConnector(resolver=resolver)
    async with aiohttp.ClientSession(connector=connector) as session:
        transport = AiohttpTransport(session=session)
        request = request_to("http://api.example.com/", "POST")
        call = asyncio.create_task(consume(transport, request))
        await resolver.asked.wait()
        yield session, call
        await transport.aclose()


class TestALenderThatCloses:
    """aiohttp cancels whoever waits for a connection then, which nobody has asked for."""

    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_while_a_place_is_waited_for(self, method: str) -> None:
        hold = Hold()
        connector = aiohttp.TCPConnector(limit=1)
        async with RawServer(hold) as server, aiohttp.ClientSession(connector=connector) as session:
            busy = asyncio.ensure_future(session.get(server.url))
            await hold.arrived.wait()
            transport = AiohttpTransport(session=session)
            call = asyncio.create_task(consume(transport, request_to(server.url, method)))
            await asyncio.sleep(0.05)
            await session.close()
            with pytest.raises(NotSentError, match="lends its connections") as caught:
                await call
            assert caught.value.permanent
            with pytest.raises(NotSentError, match="lends its connections"):
                await consume(transport, request_to(server.url, method))
            await transport.aclose()
            await asyncio.wait({busy})
            assert busy.exception() is not None

    async def test_while_a_host_is_looked_up(self) -> None:
        async with looking_up() as (session, call):
            await session.close()
            with pytest.raises(NotSentError, match="lends its connections"):
                await call

    async def test_as_the_caller_is_cancelled(self) -> None:
        async with looking_up() as (session, call):
            call.cancel()
            await session.close()
            with pytest.raises(asyncio.CancelledError):
                await call

    async def test_each_ticket_of_a_run_has_its_outcome(self) -> None:
        hangs = asyncio.Event()
        stuck = Attachment.from_stream(functools.partial(hanging, hangs), name="stuck.log", size=6)
        drafts = [
            TicketDraft(
                department_id=2,
                subject=f"No. {number}",
                message="It is down.",
                attachments=[] if number else [stuck],
            )
            for number in range(5)
        ]
        connector = aiohttp.TCPConnector(limit=1)
        async with Sandbox() as sandbox, aiohttp.ClientSession(connector=connector) as session:
            transport = AiohttpTransport(session=session)
            async with (
                VPSBG(sandbox.api_key, base_url=sandbox.url, transport=transport) as vps,
                vps.tickets.create_many(drafts, concurrency=3) as run,
            ):
                await hangs.wait()
                await session.close()
                ended = [outcome.reference async for outcome in run]
            assert len(ended) == run.summary.rejected == 5
            assert sandbox.tickets == ()


class TestClosing:
    """While something is under way, over connections of its own or of an application's session."""

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize("turns", range(12))
    async def test_at_any_moment_leaves_an_applications_pool_as_it_was(
        self, method: str, turns: int
    ) -> None:
        async def answer(connection: RawConnection) -> None:
            while True:
                await connection.request()
                await connection.answer(200, b"ok")

        connector = aiohttp.TCPConnector(limit=1)
        async with RawServer(answer) as server, aiohttp.ClientSession(connector=connector) as app:
            transport = AiohttpTransport(session=app)
            sending = asyncio.ensure_future(consume(transport, request_to(server.url, method)))
            for _ in range(turns):
                await asyncio.sleep(0)
            await transport.aclose()
            try:
                assert await sending == b"ok"
            except TransportError as error:
                assert "the transport " in str(error)  # noqa: PT017
            assert await works(app, server.url)

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize("is_lent", [True, False])
    async def test_while_the_answer_is_waited_for(self, method: str, is_lent: bool) -> None:
        hold = Hold()
        async with RawServer(hold) as server, aiohttp.ClientSession() as app:
            transport = AiohttpTransport(session=app if is_lent else None)
            sending = asyncio.ensure_future(consume(transport, request_to(server.url, method)))
            await hold.arrived.wait()
            async with asyncio.timeout(5):
                await transport.aclose()
                with pytest.raises(OutcomeUnknownError, match="the transport was closed"):
                    await sending

    @pytest.mark.parametrize("is_lent", [True, False])
    async def test_while_the_body_is_sent(self, is_lent: bool) -> None:
        hangs = asyncio.Event()
        body = WatchedBody(functools.partial(hanging, hangs), 6)
        async with RawServer(Hold()) as server, aiohttp.ClientSession() as app:
            transport = AiohttpTransport(session=app if is_lent else None)
            request = Request(method="POST", url=server.url, body=body)
            sending = asyncio.ensure_future(consume(transport, request))
            await hangs.wait()
            await transport.aclose()
            with pytest.raises(NotSentError, match="the transport was closed") as caught:
                await sending
            assert caught.value.permanent
            assert (body.opened, body.closed) == (1, 1)

    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_while_a_place_is_waited_for(self, method: str) -> None:
        async with full_pool() as (session, _, url):
            transport = AiohttpTransport(session=session)
            sending = asyncio.ensure_future(consume(transport, request_to(url, method)))
            await asyncio.sleep(0.05)
            await transport.aclose()
            with pytest.raises(NotSentError, match="the transport was closed") as caught:
                await sending
            assert caught.value.permanent

    @pytest.mark.parametrize("is_lent", [True, False])
    async def test_while_the_answer_is_read(self, is_lent: bool) -> None:
        async def stop(connection: RawConnection) -> None:
            await connection.request()
            await connection.write(b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\nhalf")
            await connection.until_gone()

        async with RawServer(stop) as server, aiohttp.ClientSession() as app:
            transport = AiohttpTransport(session=app if is_lent else None)
            begun = asyncio.Event()

            async def read() -> None:
                async with transport.send(request_to(server.url, "POST")) as response:
                    async for _ in response.chunks():
                        begun.set()

            reading = asyncio.ensure_future(read())
            await begun.wait()
            async with asyncio.timeout(5):
                await transport.aclose()
                with pytest.raises(ResponseReadError) as caught:
                    await reading
                await server.connections[0].gone.wait()
            assert caught.value.args == ("the answer broke off: the transport was closed",)
            assert caught.value.outcome is Outcome.PROCESSED

    async def test_inside_an_answer_of_its_own(self) -> None:
        """What has come whole can still be read."""

        async def answer(connection: RawConnection) -> None:
            await connection.request()
            await connection.answer(200, b"ok")

        async with RawServer(answer) as server, aiohttp.ClientSession() as app:
            transport = AiohttpTransport(session=app)
            async with (
                asyncio.timeout(5),
                transport.send(request_to(server.url, "POST")) as response,
            ):
                await asyncio.sleep(0.05)
                await transport.aclose()
                assert await response.read() == b"ok"

    async def test_a_caller_that_is_cancelled_at_that_moment_is_cancelled(self) -> None:
        hold = Hold()
        async with RawServer(hold) as server, aiohttp.ClientSession() as app:
            for cancel_first in (True, False):
                hold.arrived.clear()
                transport = AiohttpTransport(session=app)
                sending = asyncio.ensure_future(consume(transport, request_to(server.url, "POST")))
                await hold.arrived.wait()
                if cancel_first:
                    sending.cancel()
                closing = asyncio.ensure_future(transport.aclose())
                await asyncio.sleep(0)
                if not cancel_first:
                    sending.cancel()
                await closing
                with pytest.raises(asyncio.CancelledError):
                    await sending

    async def test_a_callers_own_timeout_is_not_mistaken_for_it(self) -> None:
        hold = Hold()
        async with RawServer(hold) as server, aiohttp.ClientSession() as app:
            transport = AiohttpTransport(session=app)

            async def send() -> int:
                task = asyncio.current_task()
                assert task is not None
                with pytest.raises(OutcomeUnknownError):
                    await consume(transport, request_to(server.url, "POST"))
                return task.cancelling()

            sending = asyncio.ensure_future(send())
            await hold.arrived.wait()
            await transport.aclose()
            assert await sending == 0

    async def test_twice_at_once(self) -> None:
        hold = Hold()
        async with RawServer(hold) as server, aiohttp.ClientSession() as app:
            transport = AiohttpTransport(session=app)
            sending = [
                asyncio.ensure_future(consume(transport, request_to(server.url, "POST")))
                for _ in range(3)
            ]
            await hold.arrived.wait()
            await asyncio.gather(transport.aclose(), transport.aclose())
            ended = await asyncio.gather(*sending, return_exceptions=True)
            for error in ended:
                assert isinstance(error, OutcomeUnknownError)
                assert error.args == ("the transport was closed",)

    async def test_in_another_loop_waits_for_nobody(self) -> None:
        """What was under way has stopped with its own."""
        async with RawServer(Hold()) as server, aiohttp.ClientSession() as app:
            transport = AiohttpTransport(session=app)
            sending = asyncio.ensure_future(consume(transport, request_to(server.url, "GET")))
            await asyncio.sleep(0.05)
            closing = threading.Thread(target=asyncio.run, args=(transport.aclose(),), daemon=True)
            closing.start()
            closing.join(5)
            assert not closing.is_alive()
            sending.cancel()
            await asyncio.wait((sending,))


async def test_a_request_without_a_body_is_given_its_time_from_when_it_was_sent() -> None:
    async with RawServer(Hold()) as server:
        transport = AiohttpTransport()
        with pytest.raises(OutcomeUnknownError, match=r"^no answer within 0\.1 s") as caught:
            await consume(transport, request_to(server.url, "GET", connect=60, response=0.1))
        assert caught.value.overdue
        await transport.aclose()
