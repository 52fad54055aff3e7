"""What every transport keeps: a class of tests."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from ..errors import (
    AttachmentError,
    Outcome,
    OutcomeUnknownError,
    ResponseReadError,
    VPSBGError,
)
from ..transport import Body, Headers, Request, Timeouts, Transport
from .bodies import BoomError, StubbornBody, WatchedBody, failing, hanging
from .raw import Received

__all__ = ["Peer", "TransportConformance", "cancelled", "consume", "isolated", "post", "raises"]


class Peer(Protocol):
    """The far end of a transport under test, and the transport."""

    transport: Transport

    @property
    def url(self) -> str:
        """Where it is to be reached."""
        ...

    @property
    def received(self) -> Sequence[Received]:
        """The requests that arrived whole."""
        ...

    def will_answer(
        self, status: int, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Have the next request answered so, and those after it."""
        ...


Test = Callable[[Any], Coroutine[Any, Any, None]]


def isolated(test: Test) -> Callable[[Any], None]:
    """Run a test in an event loop of its own, and have it fail if it leaves a task behind."""

    @functools.wraps(test)
    def run(self: Any) -> None:
        async def main() -> None:
            async with asyncio.timeout(60):
                await test(self)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"tasks are left: {left}"

        asyncio.run(main())

    return run


@contextlib.contextmanager
def raises(kind: type[VPSBGError], outcome: Outcome) -> Iterator[list[VPSBGError]]:
    """Make sure that a block raises this very class with this outcome; it is in the list then."""
    caught: list[VPSBGError] = []
    try:
        yield caught
    except VPSBGError as error:
        assert type(error) is kind, f"{kind.__name__} was due, not {error!r}"
        assert error.outcome is outcome, f"{outcome} was due, not {error.outcome}: {error}"
        caught.append(error)
    assert caught, f"{kind.__name__} was due"


async def cancelled(work: Coroutine[Any, Any, Any], when: asyncio.Event) -> None:
    """Cancel something once an event is set, and make sure that `CancelledError` comes out."""
    task = asyncio.create_task(work)
    waiter = asyncio.create_task(when.wait())
    await asyncio.wait((task, waiter), return_when=asyncio.FIRST_COMPLETED)
    assert when.is_set(), f"it ended before it could be cancelled: {task!r}"
    task.cancel()
    await asyncio.wait((task,))
    came = None if task.cancelled() else task.exception() or task.result()
    assert task.cancelled(), f"a cancellation came out as {came!r}"


class TransportConformance:
    """Headers, bodies and closing: what holds for every transport, a fake one included.

    A subclass gives the `peer`.
    """

    def peer(self) -> AbstractAsyncContextManager[Peer]:
        """A transport to be tested, and its far end."""
        raise NotImplementedError

    @isolated
    async def test_a_request_arrives_as_it_was_given(self) -> None:
        """Method, URL, headers and body."""
        async with self.peer() as peer:
            peer.will_answer(200)
            body = WatchedBody.of(b"one ", b"two")
            headers = Headers({"Accept": "application/json", "Authorization": "Bearer key"})
            request = Request(
                method="PATCH", url=f"{peer.url}/a%2Fb/?q%5B0%5D=1", headers=headers, body=body
            )
            async with peer.transport.send(request) as response:
                assert response.status == 200
            (received,) = peer.received
            assert (received.method, received.target) == ("PATCH", "/a%2Fb/?q%5B0%5D=1")
            assert received.body == b"one two"
            assert received.headers["accept"] == "application/json"
            assert received.headers["Authorization"] == "Bearer key"
            assert received.headers["Content-Type"] == "text/plain"
            assert received.headers["Content-Length"] == "7"
            for name in ("Cookie", "Expect", "Transfer-Encoding"):
                assert name not in received.headers

    @isolated
    async def test_bodies_of_every_kind(self) -> None:
        """None, empty, of unknown length, with empty chunks, and a large one."""
        large = b"0123456789abcdef" * 65536
        cases: list[tuple[Body | None, bytes]] = [
            (None, b""),
            (WatchedBody.of(), b""),
            (WatchedBody.of(length=None), b""),
            (WatchedBody.of(b"one", b"two", length=None), b"onetwo"),
            (WatchedBody.of(b"", b"one", b"", b"two", b""), b"onetwo"),
            (WatchedBody.of(b"", b"one", b"", b"two", b"", length=None), b"onetwo"),
            (WatchedBody.of(large, b"!"), large + b"!"),
            (WatchedBody.of(large, b"!", length=None), large + b"!"),
        ]
        async with self.peer() as peer:
            peer.will_answer(200, b"ok")
            for body, expected in cases:
                request = Request(method="POST", url=f"{peer.url}/", body=body)
                async with peer.transport.send(request) as response:
                    assert await response.read() == b"ok"
                assert peer.received[-1].body == expected

    @isolated
    async def test_no_status_raises_and_none_is_followed(self) -> None:
        """Whatever the status, it is for the caller to judge."""
        async with self.peer() as peer:
            for status in (200, 201, 302, 308, 401, 404, 422, 429, 500, 503):
                peer.will_answer(status, b"{}", [("Location", f"{peer.url}/elsewhere")])
                async with peer.transport.send(Request(method="GET", url=peer.url)) as response:
                    assert response.status == status
                    assert await response.read() == b"{}"
            assert len(peer.received) == 10

    @isolated
    async def test_response_headers_are_found_in_any_case(self) -> None:
        """And their secrets do not show."""
        async with self.peer() as peer:
            peer.will_answer(200, b"", [("X-RateLimit-Remaining", "7"), ("Set-Cookie", "s3cret")])
            async with peer.transport.send(Request(method="GET", url=peer.url)) as response:
                assert response.headers["x-ratelimit-remaining"] == "7"
                assert "s3cret" not in repr(response.headers)

    @isolated
    async def test_an_answer_over_the_limit_is_not_read_into_memory(self) -> None:
        """It ends in an error that carries status and headers."""
        async with self.peer() as peer:
            peer.will_answer(200, b"x" * 1000, [("X-Request-Id", "r1")])
            with raises(ResponseReadError, Outcome.PROCESSED) as caught:
                async with peer.transport.send(Request(method="GET", url=peer.url)) as response:
                    await response.read(limit=999)
            assert isinstance(caught[0], ResponseReadError)
            assert caught[0].status == 200
            assert caught[0].headers["X-Request-Id"] == "r1"

    @isolated
    async def test_an_answer_can_be_taken_in_chunks(self) -> None:
        """And left in the middle."""
        async with self.peer() as peer:
            peer.will_answer(200, b"x" * 1000)
            async with peer.transport.send(Request(method="GET", url=peer.url)) as response:
                assert b"".join([chunk async for chunk in response.chunks()]) == b"x" * 1000
            async with peer.transport.send(Request(method="GET", url=peer.url)) as response:
                async for _ in response.chunks():
                    break

    @isolated
    async def test_a_body_is_closed_after_success(self) -> None:
        """Opened once, closed once, also if the caller fails while the answer is open."""
        async with self.peer() as peer:
            peer.will_answer(200)
            for error in (None, BoomError()):
                body = WatchedBody.of(b"one", b"two")
                with contextlib.suppress(BoomError):
                    async with peer.transport.send(post(peer, body)):
                        if error is not None:
                            raise error
                assert (body.opened, body.closed) == (1, 1)

    @isolated
    async def test_a_body_of_another_length_than_its_own_is_not_sent_whole(self) -> None:
        """Too short or too long, the request is not completed."""
        async with self.peer() as peer:
            peer.will_answer(200)
            for chunks, length in (((b"one",), 7), ((b"one", b"two!"), 6)):
                body = WatchedBody.of(*chunks, length=length)
                with raises(AttachmentError, Outcome.NOT_SENT):
                    async with peer.transport.send(post(peer, body)):
                        pass
                assert body.closed == 1
            assert not [item for item in peer.received if item.body]

    @isolated
    async def test_a_body_that_fails_is_not_sent_whole(self) -> None:
        """Its own error is the cause; one of ours comes out as it is."""
        ours = AttachmentError("is gone")
        async with self.peer() as peer:
            peer.will_answer(200)
            for length in (6, None):
                for error in (BoomError("no more"), ours):
                    body = WatchedBody(functools.partial(failing, error), length)
                    with raises(AttachmentError, Outcome.NOT_SENT) as caught:
                        async with peer.transport.send(post(peer, body)):
                            pass
                    assert error in (caught[0], caught[0].__cause__)
                    assert body.closed == 1
            assert not peer.received

    @isolated
    async def test_a_source_that_stalls(self) -> None:
        """The stall timer tells that the source was waited for."""
        async with self.peer() as peer:
            peer.will_answer(200)
            for length in (6, None):
                body = WatchedBody(functools.partial(hanging, asyncio.Event()), length)
                with raises(AttachmentError, Outcome.NOT_SENT):
                    async with peer.transport.send(post(peer, body, Timeouts(stall=0.05))):
                        pass
                assert body.closed == 1
            assert not peer.received

    @isolated
    async def test_a_source_that_does_not_let_go(self) -> None:
        """All of it was given out, so the server may act, whatever keeps the source busy."""

        async def lingering() -> AsyncIterator[bytes]:
            try:
                yield b"one"
            finally:
                await asyncio.Event().wait()

        async with self.peer() as peer:
            peer.will_answer(200)
            body = WatchedBody(lingering, 3)
            timeouts = Timeouts(stall=0.05, response=0.05)
            with contextlib.suppress(OutcomeUnknownError):
                async with peer.transport.send(post(peer, body, timeouts)) as response:
                    assert response.status == 200
            assert (body.opened, body.closed) == (1, 1)

    @isolated
    async def test_cancelled_while_the_body_opens_or_gives(self) -> None:
        """At the start and in the middle; the body is closed by then."""
        async with self.peer() as peer:
            peer.will_answer(200)
            for chunks in (0, 1, 3):
                hangs = asyncio.Event()
                body = WatchedBody(functools.partial(hanging, hangs, chunks), None)
                await cancelled(consume(peer.transport, post(peer, body)), hangs)
                assert (body.opened, body.closed) == (1, 1)

    @isolated
    async def test_cancelled_while_a_step_cannot_be_interrupted(self) -> None:
        """A body is not closed while a step of it runs, such as a read in a thread."""
        async with self.peer() as peer:
            peer.will_answer(200)
            body = StubbornBody()
            await cancelled(consume(peer.transport, post(peer, body)), body.inside)
            assert body.closed
            assert not body.closed_while_inside

    @isolated
    async def test_cancelled_while_the_answer_is_open(self) -> None:
        """At the end."""
        async with self.peer() as peer:
            peer.will_answer(200, b"ok")
            body = WatchedBody.of(b"one")
            inside = asyncio.Event()

            async def linger() -> None:
                async with peer.transport.send(post(peer, body)):
                    inside.set()
                    await asyncio.Event().wait()

            await cancelled(linger(), inside)
            assert body.closed == 1


def post(peer: Peer, body: Body, timeouts: Timeouts | None = None) -> Request:
    """A request with a body to the peer."""
    return Request(
        method="POST", url=f"{peer.url}/", body=body, timeouts=timeouts or Timeouts(stall=5)
    )


async def consume(transport: Transport, request: Request) -> bytes:
    """Send a request and read its answer."""
    async with transport.send(request) as response:
        return await response.read()
