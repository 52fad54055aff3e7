"""What every transport on a network keeps: a class of tests, run on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import socket
import tempfile
import weakref
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..attachments import Limits
from ..attachments.prepare import prepare
from ..core.multipart import Form
from ..errors import (
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    ResponseReadError,
    VPSBGError,
)
from ..transport import Body, Request, Timeouts, Transport
from .bodies import WatchedBody, hanging
from .conformance import (
    Peer,
    TransportConformance,
    cancelled,
    consume,
    isolated,
    post,
    raises,
)
from .raw import Handler, RawConnection, RawServer, Received

__all__ = ["NetworkTransportConformance"]

METHODS = ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH")


class _RawPeer:
    """A `RawServer` that answers as it was told, and a transport."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.received: list[Received] = []
        self.server = RawServer(self._handle)
        self._answer: tuple[int, bytes, Sequence[tuple[str, str]]] = (200, b"", ())

    @property
    def url(self) -> str:
        return self.server.url

    def will_answer(
        self, status: int, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._answer = (status, body, headers)

    async def _handle(self, connection: RawConnection) -> None:
        while True:
            self.received.append(await connection.request())
            await connection.answer(*self._answer)


class NetworkTransportConformance(TransportConformance):
    """What holds for every transport that uses sockets; run on real ones, on loopback.

    A subclass makes the transport.
    """

    def make_transport(self) -> Transport:
        """A transport to be tested, with connections of its own."""
        raise NotImplementedError

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Peer]:
        """See `TransportConformance.peer`."""
        async with self._transport() as transport:
            peer = _RawPeer(transport)
            async with peer.server:
                yield peer

    @asynccontextmanager
    async def _transport(self) -> AsyncIterator[Transport]:
        transport = self.make_transport()
        try:
            yield transport
        finally:
            await transport.aclose()

    async def _fails(
        self,
        handler: Handler,
        kind: type[VPSBGError],
        outcome: Outcome,
        *,
        body: Body | None = None,
        timeouts: Timeouts | None = None,
    ) -> VPSBGError:
        """Make one request that must fail so, and make sure that nothing is left open."""
        async with self._transport() as transport, RawServer(handler) as server:
            request = Request(
                method="POST", url=f"{server.url}/", body=body, timeouts=timeouts or Timeouts()
            )
            with raises(kind, outcome) as caught:
                await consume(transport, request)
            (connection,) = server.connections  # or it was sent again
            await _within(connection.gone.wait(), "the connection was left open")
            if isinstance(body, WatchedBody):
                assert body.opened == body.closed
            return caught[0]

    @isolated
    async def test_one_attempt_for_every_method(self) -> None:
        """A pooled connection that drops is not a reason to send again, with or without a body."""
        for method in METHODS:
            bodies = (None, b"body") if method in ("PUT", "DELETE", "POST", "PATCH") else (None,)
            for data in bodies:
                await self._one_attempt(method, data)

    async def _one_attempt(self, method: str, data: bytes | None) -> None:
        received: list[Received] = []

        async def answer_once_then_drop(connection: RawConnection) -> None:
            received.append(await connection.request())
            await connection.answer()
            received.append(await connection.request())

        async with self._transport() as transport, RawServer(answer_once_then_drop) as server:
            await consume(transport, Request(method="GET", url=server.url))
            body = None if data is None else WatchedBody.of(data)
            with raises(OutcomeUnknownError, Outcome.UNKNOWN):
                await consume(transport, Request(method=method, url=server.url, body=body))
            assert len(server.connections) == 1, f"{method} was sent again"
            assert [item.method for item in received] == ["GET", method]

    @isolated
    async def test_an_answer_that_nobody_asked_for(self) -> None:
        """What arrives on an idle connection is not taken for the answer to the next request."""
        unasked = asyncio.Event()
        seen: list[str] = []

        async def speak_out_of_turn(connection: RawConnection) -> None:
            while True:
                seen.append((await connection.request()).method)
                await connection.answer(200, b"right")
                if len(seen) == 1:
                    await connection.answer(422, b"wrong")
                    unasked.set()

        for body in (None, WatchedBody.of(b"one")):
            unasked.clear()
            seen.clear()
            async with self._transport() as transport, RawServer(speak_out_of_turn) as server:
                await consume(transport, Request(method="GET", url=server.url))
                await unasked.wait()
                try:
                    request = Request(method="POST", url=server.url, body=body)
                    assert await consume(transport, request) == b"right"
                    assert seen == ["GET", "POST"]
                except NotSentError:
                    assert seen == ["GET"]

    @isolated
    async def test_an_answer_in_a_trickle(self) -> None:
        """The response timer is for the whole head, and starts anew with no byte."""

        async def trickle(connection: RawConnection) -> None:
            await connection.request()
            while True:
                await connection.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                await asyncio.sleep(0.02)

        for body in (None, WatchedBody.of(b"one")):
            timeouts = Timeouts(connect=0.5, response=0.2)
            await self._fails(
                trickle, OutcomeUnknownError, Outcome.UNKNOWN, body=body, timeouts=timeouts
            )

    @isolated
    async def test_a_connection_is_used_again(self) -> None:
        """After a success, and for the right bytes."""
        async with self.peer() as peer:
            assert isinstance(peer, _RawPeer)
            peer.will_answer(200, b"ok")
            for count in range(1, 4):
                await consume(peer.transport, post(peer, WatchedBody.of(b"x" * count)))
            assert [item.body for item in peer.received] == [b"x", b"xx", b"xxx"]
            assert len(peer.server.connections) == 1

    @isolated
    async def test_a_body_is_let_go(self) -> None:
        """However long a connection is kept, the memory of what went out by it is not."""
        async with self.peer() as peer:
            peer.will_answer(200, b"ok")
            body = WatchedBody.of(b"x" * 1000)
            left = weakref.ref(body)
            await consume(peer.transport, post(peer, body))
            del body
            gc.collect()
            assert left() is None
            await consume(peer.transport, post(peer, WatchedBody.of(b"next")))

    @isolated
    async def test_many_at_once(self) -> None:
        """Concurrent requests do not mix."""
        async with self.peer() as peer:
            peer.will_answer(200)
            sent = [str(number).encode() * 1000 for number in range(20)]
            await asyncio.gather(
                *(consume(peer.transport, post(peer, WatchedBody.of(data[:500], data[500:])))
                  for data in sent)
            )  # fmt: skip
            assert sorted(item.body for item in peer.received) == sorted(sent)

    @isolated
    async def test_a_file_that_grows_is_clipped(self) -> None:
        """To the length that the request has told; the connection stays in step."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "app.log")
            path.write_bytes(b"a" * 300_000)  # noqa: ASYNC240 - nothing else runs yet
            files, _ = await prepare([path], Limits())
            form = Form([], files, ("message", "growing"))
            with path.open("ab") as file:  # noqa: ASYNC230 - nothing else runs yet
                file.write(b"b" * 300_000)
            async with self.peer() as peer:
                peer.will_answer(200, b"ok")
                await consume(peer.transport, post(peer, form))
                await consume(peer.transport, post(peer, WatchedBody.of(b"next")))
                first, second = peer.received
        assert len(first.body) == form.content_length
        assert (first.body.count(b"a" * 1000), first.body.count(b"b" * 1000)) == (300, 0)
        assert second.body == b"next"

    @isolated
    async def test_nothing_listens(self) -> None:
        """Refused, no such host, no TLS: nothing was sent."""
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            refused = f"http://127.0.0.1:{unused.getsockname()[1]}/"
            async with self._transport() as transport, RawServer(_slam) as server:
                tls = server.url.replace("http:", "https:")
                for url in (refused, "http://no-such-host.invalid/", tls):
                    for body in (None, WatchedBody.of(b"one")):
                        with raises(NotSentError, Outcome.NOT_SENT):
                            await consume(transport, Request(method="POST", url=url, body=body))

    @isolated
    async def test_connecting_takes_too_long(self) -> None:
        """The connect timer proves that nothing was sent."""
        with _full_listener() as url:
            async with self._transport() as transport:
                for body in (None, WatchedBody.of(b"one")):
                    request = Request(
                        method="POST", url=url, body=body, timeouts=Timeouts(connect=0.1)
                    )
                    with raises(NotSentError, Outcome.NOT_SENT):
                        await consume(transport, request)

    @isolated
    async def test_dropped_before_the_last_chunk(self) -> None:
        """The server cannot act on what it has."""

        async def drop_in_the_body(connection: RawConnection) -> None:
            await connection.head()
            await connection.reader.readexactly(3)

        more = asyncio.Event()  # is never set: the rest of the body is not to be had
        body = WatchedBody(functools.partial(hanging, more), 6)
        await self._fails(drop_in_the_body, NotSentError, Outcome.NOT_SENT, body=body)

    @isolated
    async def test_dropped_after_the_last_chunk(self) -> None:
        """The server may have acted."""
        for body in (None, WatchedBody.of(b"one"), WatchedBody.of(b"one", length=None)):
            await self._fails(_take_and_drop, OutcomeUnknownError, Outcome.UNKNOWN, body=body)

    @isolated
    async def test_half_a_head_and_no_http(self) -> None:
        """A status line that cannot be read tells nothing."""
        for head in (b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Le", b"SSH-2.0-OpenSSH_9.2\r\n"):
            handler = functools.partial(_take_and_write, head)
            await self._fails(
                handler, OutcomeUnknownError, Outcome.UNKNOWN, body=WatchedBody.of(b"one")
            )

    @isolated
    async def test_no_answer_in_time(self) -> None:
        """The response timer runs from the last byte sent."""

        async def never(connection: RawConnection) -> None:
            await connection.request()
            await connection.until_gone()

        for body in (None, WatchedBody.of(b"one")):
            timeouts = Timeouts(response=0.05)
            await self._fails(
                never, OutcomeUnknownError, Outcome.UNKNOWN, body=body, timeouts=timeouts
            )

    @isolated
    async def test_an_answer_that_breaks_off(self) -> None:
        """The status is known, so is the outcome."""
        for status, outcome in (
            (200, Outcome.PROCESSED),
            (422, Outcome.NOT_PROCESSED),
            (500, Outcome.UNKNOWN),
        ):
            head = f"HTTP/1.1 {status} X\r\nContent-Length: 9\r\n\r\n".encode()
            handler = functools.partial(_take_and_write, head + b"half")
            error = await self._fails(
                handler, ResponseReadError, outcome, body=WatchedBody.of(b"one")
            )
            assert isinstance(error, ResponseReadError)
            assert error.status == status
            assert error.headers["content-length"] == "9"

    @isolated
    async def test_an_answer_that_stops(self) -> None:
        """The read timer takes over from the response timer."""

        async def stop(connection: RawConnection) -> None:
            await connection.request()
            await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            await connection.until_gone()

        for body in (None, WatchedBody.of(b"one")):
            timeouts = Timeouts(read=0.05)
            await self._fails(
                stop, ResponseReadError, Outcome.PROCESSED, body=body, timeouts=timeouts
            )

    @isolated
    async def test_a_server_that_stops_reading(self) -> None:
        """Which chunk it was makes the difference."""
        gone = asyncio.Event()

        async def take_nothing(connection: RawConnection) -> None:
            connection.pause()
            await gone.wait()

        large = b"x" * (32 * 1024 * 1024)  # more than the sockets' buffers hold
        cases = (
            (WatchedBody.of(large, b"last"), NotSentError, Outcome.NOT_SENT),
            (WatchedBody.of(large), OutcomeUnknownError, Outcome.UNKNOWN),
        )
        for body, kind, outcome in cases:
            gone.clear()
            async with self._transport() as transport, RawServer(take_nothing) as server:
                timeouts = Timeouts(stall=0.2)
                request = Request(method="POST", url=server.url, body=body, timeouts=timeouts)
                with raises(kind, outcome):
                    await consume(transport, request)
                assert body.closed == 1
                gone.set()
                for connection in server.connections:
                    await _within(connection.gone.wait(), "the connection was left open")

    @isolated
    async def test_a_slow_source_is_no_stall(self) -> None:
        """The stall timer is set anew by each chunk."""

        async def slowly() -> AsyncIterator[bytes]:
            for _ in range(8):
                await asyncio.sleep(0.1)
                yield b"one"

        async with self.peer() as peer:
            peer.will_answer(200)
            body = WatchedBody(slowly, 24)
            await consume(peer.transport, post(peer, body, Timeouts(stall=0.6)))
            assert peer.received[0].body == b"one" * 8

    @isolated
    async def test_refused_while_the_upload_still_runs(self) -> None:
        """An early answer is delivered, and the rest of the body is not asked for."""

        async def too_large(connection: RawConnection) -> None:
            await connection.head()
            await connection.answer(413, b"<html>")
            await connection.until_gone()

        hangs = asyncio.Event()
        body = WatchedBody(functools.partial(hanging, hangs), 6)
        async with self._transport() as transport, RawServer(too_large) as server:
            request = Request(method="POST", url=server.url, body=body)
            async with transport.send(request) as response:
                assert response.status == 413
                assert await response.read() == b"<html>"
            assert body.closed == 1
            await _within(server.connections[0].gone.wait(), "the connection was left open")

    @isolated
    async def test_cancelled_while_the_answer_is_waited_for(self) -> None:
        """The connection is closed, with or without a body."""
        for body in (None, WatchedBody.of(b"one")):
            arrived = asyncio.Event()

            async def never(connection: RawConnection, arrived: asyncio.Event = arrived) -> None:
                await connection.request()
                arrived.set()
                await connection.until_gone()

            async with self._transport() as transport, RawServer(never) as server:
                request = Request(method="POST", url=server.url, body=body)
                await cancelled(consume(transport, request), arrived)
                assert body is None or body.closed == 1
                await _within(server.connections[0].gone.wait(), "the connection was left open")

    @isolated
    async def test_closing(self) -> None:
        """Connections close with the transport, which sends nothing afterwards."""
        async with self.peer() as peer:
            assert isinstance(peer, _RawPeer)
            peer.will_answer(200)
            await consume(peer.transport, Request(method="GET", url=peer.url))
            await peer.transport.aclose()
            await peer.transport.aclose()
            await _within(peer.server.connections[0].gone.wait(), "the connection was left open")
            with raises(NotSentError, Outcome.NOT_SENT):
                await consume(peer.transport, Request(method="GET", url=peer.url))


async def _within(work: Coroutine[Any, Any, Any], otherwise: str) -> None:
    try:
        await asyncio.wait_for(work, 10)
    except TimeoutError:
        raise AssertionError(otherwise) from None


async def _slam(connection: RawConnection) -> None:
    """Take nothing and close."""


async def _take_and_drop(connection: RawConnection) -> None:
    await connection.request()


async def _take_and_write(data: bytes, connection: RawConnection) -> None:
    await connection.request()
    await connection.write(data)


@contextlib.contextmanager
def _full_listener() -> Iterator[str]:
    """A place where a connection is neither refused nor made: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
