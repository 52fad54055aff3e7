"""Bodies: JSON, the watch that is kept on each pass, and the same bytes in every attempt."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

from tests.attachments.support import drained, factory_of
from vpsbg_async import (
    VPSBG,
    APIError,
    Attachment,
    AttachmentError,
    AttachmentLike,
    Event,
    InvalidInputError,
    Limits,
    NotSentError,
    Outcome,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    VPSBGError,
    is_safe_to_retry,
)
from vpsbg_async.attachments.prepare import prepare
from vpsbg_async.core import convert
from vpsbg_async.core.bodies import JSONBody, WatchedBody
from vpsbg_async.core.caller import Caller
from vpsbg_async.core.endpoint import Endpoint
from vpsbg_async.core.multipart import Form
from vpsbg_async.events import Waiting
from vpsbg_async.testing import Clock, RawConnection, RawServer, Received
from vpsbg_async.testing import bodies as testing

DATA = bytes(range(256)) * 1200  # 300 KiB: more than is read at once, or coalesced
SMALL = b"one line\n"
TICKET: dict[str, Any] = {"department_id": 2, "subject": "Down", "message": "It is down."}
AT_ONCE = RetryPolicy(first_delay=0.001)


class TestJSONBody:
    @pytest.mark.parametrize("value", ["\ud83d", {"a": ["\ude42\ud83d"]}, {"\ud800": 1}], ids=ascii)
    def test_half_a_character_is_refused(self, value: object) -> None:
        with pytest.raises(InvalidInputError, match="cannot be sent as JSON") as caught:
            JSONBody(value)
        assert str(caught.value).isprintable()

    async def test_whole_ones_are_not(self) -> None:
        async with JSONBody({"a": "🙂", "b": "\\ud83d"}).open() as chunks:
            assert json.loads(await drained(chunks)) == {"a": "🙂", "b": "\\ud83d"}

    async def test_it_can_be_opened_again(self) -> None:
        body = JSONBody({"a": "ю"})
        assert body.replayable
        for _ in range(2):
            async with body.open() as chunks:
                data = await drained(chunks)
            assert data == b'{"a": "\\u044e"}'
            assert len(data) == body.content_length

    def test_it_is_encoded_at_once(self) -> None:
        value = {"a": 1}
        body = JSONBody(value)
        value["a"] = 1000
        assert body.content_length == len(b'{"a": 1}')

    @pytest.mark.parametrize("value", [object(), {1}, float("nan"), b"a"], ids=str)
    def test_what_cannot_be_sent(self, value: object) -> None:
        with pytest.raises(InvalidInputError, match="json: cannot be sent as JSON"):
            JSONBody(value)


class TestWatchedBody:
    """It passes everything on, and knows how far it has come."""

    @pytest.mark.parametrize("length", [6, None])
    async def test_it_is_complete_with_the_last_byte_or_at_the_end(
        self, length: int | None
    ) -> None:
        inner = testing.WatchedBody.of(b"one", b"two", length=length)
        told: list[int] = []
        body = WatchedBody(inner, told.append)
        async with body.open() as chunks:
            assert not body.is_complete
            seen = [(chunk, body.given, body.is_complete) async for chunk in chunks]
        assert seen == [(b"one", 3, False), (b"two", 6, length == 6)]
        assert body.is_complete
        assert told == [3, 6]
        assert (inner.opened, inner.closed) == (1, 1)

    async def test_it_is_of_the_same_kind(self) -> None:
        inner = testing.WatchedBody.of(b"one")
        body = WatchedBody(inner, None)
        assert body.content_type == inner.content_type
        assert body.content_length == 3
        assert body.replayable
        async with body.open() as chunks:
            assert await drained(chunks) == b"one"

    async def test_a_failure_is_that_of_the_body(self) -> None:
        error = testing.BoomError()
        inner = testing.WatchedBody(lambda: testing.failing(error), None)
        body = WatchedBody(inner, None)
        with pytest.raises(testing.BoomError) as caught:
            async with body.open() as chunks:
                await drained(chunks)
        assert caught.value is error
        assert (body.given, body.is_complete) == (3, False)
        assert inner.closed == 1


class Says(RawServer):
    """A server that takes requests whole and does with each what comes next.

    Args:
        acts: A status to answer with, or None to drop the connection; 200 after the last.
    """

    def __init__(self, *acts: int | None) -> None:
        super().__init__(self._act)
        self.received: list[Received] = []
        self._acts = list(acts)

    async def _act(self, connection: RawConnection) -> None:
        while True:
            self.received.append(await connection.request())
            act = self._acts.pop(0) if self._acts else 200
            if act is None:
                return
            await connection.answer(act, b'{"id": 216}', [("Retry-After", "0")])


class Late(Says):
    """One that refuses every connection until it is opened."""

    async def __aenter__(self) -> Self:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        return self

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, sock=self._socket)


class Waits(Clock):
    """A clock in whose waits something happens."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    async def sleep(self, seconds: float) -> None:
        await self._meanwhile()


def on_disk(data: bytes, path: Path) -> AttachmentLike:
    path.write_bytes(data)
    return path


KINDS: dict[str, Callable[[bytes, Path], AttachmentLike]] = {
    "file": on_disk,
    "bytes": lambda data, _: Attachment.from_bytes(data, name="log.txt"),
    "stream": lambda data, _: Attachment.from_stream(factory_of(data, data), name="log.txt"),
    "stream of a size": lambda data, _: Attachment.from_stream(
        factory_of(data, data), name="log.txt", size=2 * len(data)
    ),
}
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
each_data = pytest.mark.parametrize("data", [SMALL, DATA], ids=["small", "big"])


def check(received: list[Received], count: int, data: bytes) -> None:
    """Every attempt has brought the same, and all of it."""
    assert len(received) == count
    assert len({request.body for request in received}) == 1
    assert len({request.headers["Content-Type"] for request in received}) == 1
    body = received[0].body
    assert data in body
    assert body.endswith(b"--\r\n")
    for request in received:
        assert request.headers.get("Content-Length", str(len(body))) == str(len(body))


class TestEveryAttempt:
    @each_kind
    @each_data
    async def test_of_a_ticket_brings_the_same_bytes(
        self, make: Callable[[bytes, Path], AttachmentLike], data: bytes, tmp_path: Path
    ) -> None:
        file = make(data, tmp_path / "log.txt")
        async with (
            Says(429, 503) as server,
            VPSBG("key", base_url=server.url, retry=AT_ONCE, gate=None) as vps,
        ):
            ticket = await vps.tickets.create(**TICKET, attachments=[file, file])
        assert ticket.id == 216
        check(server.received, 3, data)

    @each_kind
    @each_data
    async def test_of_what_may_be_repeated_does_after_a_drop(
        self, make: Callable[[bytes, Path], AttachmentLike], data: bytes, tmp_path: Path
    ) -> None:
        file = make(data, tmp_path / "log.txt")

        async def form() -> Form:
            files, problems = await prepare([file, file], Limits())
            assert not problems
            return Form([("subject", "Down")], files, ("message", "It is down."))

        async with (
            Says(None, 502, None) as server,
            VPSBG("key", base_url=server.url, retry=AT_ONCE, gate=None) as vps,
        ):
            call = Caller(vps._session).begin(Endpoint("PUT", "/files", object), {})
            assert await call.run(convert.parse, prepare=form) == {"id": 216}
        check(server.received, 4, data)

    @each_kind
    @each_data
    async def test_does_after_a_connection_was_refused(
        self, make: Callable[[bytes, Path], AttachmentLike], data: bytes, tmp_path: Path
    ) -> None:
        file = make(data, tmp_path / "log.txt")
        waits: list[Event] = []
        server = Late()
        async with (
            server,
            VPSBG(
                "key",
                base_url=server.url,
                retry=AT_ONCE,
                clock=Waits(server.open),
                on_event=lambda event: waits.append(event) if type(event) is Waiting else None,
            ) as vps,
        ):
            await vps.tickets.reply(216, message="Any news?", attachments=[file, file])
        assert len(waits) == 1
        check(server.received, 1, data)

    async def test_brings_the_same_json(self) -> None:
        async with (
            Says(429, 503) as server,
            VPSBG("key", base_url=server.url, retry=AT_ONCE, gate=None) as vps,
        ):
            await vps.request("POST", "/servers", json={"a": "b" * 100_000})
        assert [request.body for request in server.received] == [
            b'{"a": "%b"}' % (b"b" * 100_000)
        ] * 3

    async def test_brings_no_other_file_under_the_same_name(self, tmp_path: Path) -> None:
        path = tmp_path / "log.txt"
        path.write_bytes(DATA)

        async def replace() -> None:
            other = path.with_name("other.txt")
            other.write_bytes(DATA[::-1])
            other.replace(path)

        async with (
            Says(429) as server,
            VPSBG("key", base_url=server.url, gate=None, clock=Waits(replace)) as vps,
        ):
            with pytest.raises(AttachmentError, match="replaced") as caught:
                await vps.tickets.create(**TICKET, attachments=[path])
        check(server.received, 1, DATA)
        outcomes = [attempt.outcome for attempt in caught.value.history]
        assert outcomes == [Outcome.NOT_PROCESSED, Outcome.NOT_SENT]
        assert not is_safe_to_retry(caught.value)

    async def test_brings_no_empty_file_of_a_drained_stream(self) -> None:
        chunks = [DATA]

        async def drain() -> AsyncIterator[bytes]:
            while chunks:
                yield chunks.pop()

        file = Attachment.from_stream(drain, name="log.txt")
        async with (
            Says(429) as server,
            VPSBG("key", base_url=server.url, retry=AT_ONCE, gate=None) as vps,
        ):
            with pytest.raises(AttachmentError, match="gave nothing") as caught:
                await vps.tickets.create(**TICKET, attachments=[file])
        check(server.received, 1, DATA)
        assert caught.value.outcome is Outcome.NOT_SENT


async def chunks_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class TestStreamThatRunsOnce:
    @each_data
    async def test_is_sent_when_the_first_connection_was_refused(self, data: bytes) -> None:
        file = Attachment.from_iterator(chunks_of(data, data), name="log.txt")
        server = Late()
        async with (
            server,
            VPSBG("key", base_url=server.url, clock=Waits(server.open)) as vps,
        ):
            ticket = await vps.tickets.create(**TICKET, attachments=[file])
        assert ticket.id == 216
        check(server.received, 1, data + data)

    async def test_so_is_a_download(self) -> None:
        async def give(connection: RawConnection) -> None:
            await connection.request()
            await connection.answer(200, DATA)

        server = Late()
        async with (
            RawServer(give) as elsewhere,
            aiohttp.ClientSession() as session,
            session.get(elsewhere.url) as download,
            server,
            VPSBG("key", base_url=server.url, clock=Waits(server.open)) as vps,
        ):
            file = Attachment.from_response(download, name="log.txt")
            await vps.tickets.create(**TICKET, attachments=[file])
        check(server.received, 1, DATA)

    @pytest.mark.parametrize(("status", "kind"), [(429, RateLimitedError), (503, ServerError)])
    @each_data
    async def test_is_not_sent_again_once_it_has_begun(
        self, status: int, kind: type[APIError], data: bytes
    ) -> None:
        file = Attachment.from_iterator(chunks_of(data), name="log.txt")
        async with (
            Says(status) as server,
            VPSBG("key", base_url=server.url, retry=AT_ONCE, gate=None) as vps,
        ):
            with pytest.raises(kind) as caught:
                await vps.tickets.create(**TICKET, attachments=[file])
        self.check_error(caught.value, Outcome.NOT_PROCESSED)
        check(server.received, 1, data)

    async def test_nor_when_the_connection_was_dropped_in_the_middle_of_it(self) -> None:
        gone = asyncio.Event()

        async def chunks() -> AsyncIterator[bytes]:
            yield DATA
            await gone.wait()  # is never set: the rest is not to be had
            yield DATA

        async def drop(connection: RawConnection) -> None:
            await connection.head()
            await connection.reader.readexactly(1000)

        file = Attachment.from_iterator(chunks(), name="log.txt", size=2 * len(DATA))
        async with RawServer(drop) as server, VPSBG("key", base_url=server.url) as vps:
            with pytest.raises(NotSentError) as caught:
                await vps.tickets.create(**TICKET, attachments=[file])
        self.check_error(caught.value, Outcome.NOT_SENT)

    async def test_nor_when_it_has_failed_itself(self) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield DATA
            raise OSError("the download broke off")

        file = Attachment.from_iterator(chunks(), name="log.txt")
        async with (
            Says() as server,
            VPSBG("key", base_url=server.url, retry=AT_ONCE) as vps,
        ):
            with pytest.raises(AttachmentError) as caught:
                await vps.tickets.create(**TICKET, attachments=[file])
        self.check_error(caught.value, Outcome.NOT_SENT)
        assert server.received == []

    def check_error(self, error: VPSBGError, outcome: Outcome) -> None:
        assert error.outcome is outcome
        assert error.attempts == 1
        assert "it holds a stream that runs once" in str(error)
        assert error.permanent
        assert not is_safe_to_retry(error)
