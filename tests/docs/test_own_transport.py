"""The transports on the page that tells how to write one are transports."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import hashlib
import re
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from docs.howto.transports.h11_transport import H11Transport
from docs.howto.transports.telling import Telling
from tests.transport.peers import TlsServer, answering, closing, request_to, trusting
from vpsbg_async import (
    VPSBG,
    Attachment,
    AttachmentError,
    Headers,
    NotSentError,
    OutcomeUnknownError,
    Request,
    ResponseReadError,
    Timeouts,
    Transport,
)
from vpsbg_async.sandbox import Sandbox
from vpsbg_async.testing import NetworkTransportConformance, RawConnection, RawServer
from vpsbg_async.testing.bodies import WatchedBody
from vpsbg_async.testing.conformance import consume

from .pages import DOCS

MIB = 1024 * 1024
FOLDER = DOCS / "howto" / "transports"
PAGE = (DOCS / "howto" / "own_transport.md").read_text(encoding="utf-8")


class TestH11Transport(NetworkTransportConformance):
    def make_transport(self) -> Transport:
        return H11Transport()


def test_all_of_it_is_shown_in_its_order() -> None:
    code = (FOLDER / "h11_transport.py").read_text(encoding="utf-8")
    names = [item.name for item in ast.parse(code).body if hasattr(item, "name")]
    assert re.findall(r"h11_transport\.py\n.*\n   :pyobject: (\w+)", PAGE) == names
    assert f":end-before: class {names[0]}" in PAGE
    assert all(f"transports/{file.name}" in PAGE for file in FOLDER.glob("*.py"))


async def test_tickets() -> None:
    """With a large file, told of as they pass, over one connection."""
    data = bytes(range(256)) * (MIB // 256)
    told: list[str] = []
    async with (
        Sandbox() as sandbox,
        VPSBG(
            sandbox.api_key,
            base_url=sandbox.url,
            transport=Telling(H11Transport(), told.append),
            retry=None,
        ) as vps,
    ):
        for number in range(2):
            ticket = await vps.tickets.create(
                department_id=2,
                subject=f"Number {number}",
                message="See it.",
                attachments=[Attachment.from_bytes(data, name="a.bin")],
            )
            assert ticket.attachment_mismatches == ()
        files = [file for ticket in sandbox.tickets for file in ticket.messages[0].attachments]
        assert [file.sha256 for file in files] == [hashlib.sha256(data).hexdigest()] * 2
    assert told == ["POST tickets 200"] * 2


@pytest.mark.parametrize("size", [1, 3 * MIB])
async def test_over_tls(size: int) -> None:
    async with (
        TlsServer(answering) as server,
        closing(H11Transport(ssl_context=trusting())) as transport,
    ):
        for chunks in ([b"x" * size], [b"x" * size, b"y" * size]):
            request = Request(method="POST", url=server.url, body=WatchedBody.of(*chunks))
            assert await consume(transport, request) == b"POST /"
        assert len(server.connections) == 1


async def test_a_refusal_although_nothing_more_is_taken() -> None:
    async def refuse(connection: RawConnection) -> None:
        await connection.head()
        connection.pause()
        await connection.answer(413, b"too large")
        await asyncio.Event().wait()

    async with RawServer(refuse) as server, closing(H11Transport()) as transport:
        body = WatchedBody.of(b"x" * (32 * MIB), b"last")
        request = Request(method="POST", url=server.url, body=body)
        assert await consume(transport, request) == b"too large"
        assert (body.opened, body.closed) == (1, 1)


async def test_more_than_the_answer() -> None:
    """In one piece with it."""
    extra = b"HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n"

    async def two_for_one(connection: RawConnection) -> None:
        while True:
            await connection.request()
            await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + extra)

    async with RawServer(two_for_one) as server, closing(H11Transport()) as transport:
        for _ in range(3):
            assert await consume(transport, request_to(server.url)) == b"ok"
        assert len(server.connections) == 3


class Late:
    """A body that gives its chunk when nobody wants it any more."""

    content_type = "text/plain"
    content_length = 3
    replayable = True

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """See `Body.open`."""
        yield self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        yield b"all"


async def test_what_comes_too_late_from_a_source_is_not_sent() -> None:
    received = bytearray()

    async def keep(connection: RawConnection) -> None:
        await connection.head()
        while data := await connection.reader.read(100):
            received.extend(data)

    async with RawServer(keep) as server, closing(H11Transport()) as transport:
        timeouts = Timeouts(stall=0.05)
        request = Request(method="POST", url=server.url, body=Late(), timeouts=timeouts)
        with pytest.raises(AttachmentError):
            await consume(transport, request)
        await server.connections[0].gone.wait()
    assert received == b""


class TestClosing:
    async def test_while_an_answer_is_waited_for(self) -> None:
        arrived = asyncio.Event()

        async def never(connection: RawConnection) -> None:
            await connection.request()
            arrived.set()
            await connection.until_gone()

        async with RawServer(never) as server:
            transport = H11Transport()
            sending = asyncio.ensure_future(consume(transport, request_to(server.url)))
            await arrived.wait()
            await transport.aclose()
            with pytest.raises(OutcomeUnknownError):
                await sending

    async def test_while_an_answer_is_read_that_ends_with_the_connection(self) -> None:
        """Half of it is not taken for the whole."""

        async def half(connection: RawConnection) -> None:
            await connection.request()
            await connection.write(b"HTTP/1.0 200 OK\r\n\r\nhalf")
            await connection.until_gone()

        async with RawServer(half) as server:
            transport = H11Transport()
            async with transport.send(request_to(server.url)) as response:
                chunks = response.chunks()
                assert await anext(chunks) == b"half"
                await transport.aclose()
                with pytest.raises(ResponseReadError):
                    await anext(chunks)

    @pytest.mark.parametrize("turns", range(12))
    async def test_at_any_moment(self, turns: int) -> None:
        async with RawServer(answering) as server:
            transport = H11Transport()
            sending = asyncio.ensure_future(consume(transport, request_to(server.url)))
            for _ in range(turns):
                await asyncio.sleep(0)
            await transport.aclose()
            with contextlib.suppress(NotSentError, OutcomeUnknownError, ResponseReadError):
                assert await sending == b"POST /"
            assert all(link.writer.is_closing() for link in transport._links)


@pytest.mark.parametrize("url", ["", "/a", "ftp://a.test/", "http://", "http://[::1", "http://a:b"])
async def test_an_url_that_cannot_be_called(url: str) -> None:
    async with closing(H11Transport()) as transport:
        with pytest.raises(NotSentError):
            await consume(transport, Request(method="GET", url=url))


async def test_the_key_is_not_told() -> None:
    async with closing(H11Transport()) as transport:
        headers = Headers({"Authorization": "Bearer s3cret\n"})
        request = Request(method="GET", url="http://127.0.0.1:9/", headers=headers)
        with pytest.raises(NotSentError) as caught:
            await consume(transport, request)
        assert caught.value.permanent
        assert "s3cret" not in "".join(traceback.format_exception(caught.value))
