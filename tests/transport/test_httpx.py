"""HttpxTransport: the conformance suite, what is its own, and tickets that are sent with it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import hashlib
import logging
import subprocess
import sys
import threading
import traceback
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpcore2
import pytest

from tests.transport.peers import TRANSPORTS, Transporting, answering, closing, request_to
from vpsbg_async import (
    VPSBG,
    Attachment,
    AttachmentError,
    Body,
    ConfigurationError,
    Headers,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayloadTooLargeError,
    Request,
    ResponseReadError,
    Timeouts,
    Transport,
)
from vpsbg_async.sandbox import Sandbox, StoredMessage
from vpsbg_async.testing import NetworkTransportConformance, RawConnection, RawServer
from vpsbg_async.testing.bodies import WatchedBody, hanging
from vpsbg_async.testing.conformance import consume
from vpsbg_async.transport import httpx, reach
from vpsbg_async.transport.httpx import HttpxTransport
from vpsbg_async.transport.wire import Wire

MIB = 1024 * 1024
BIG = bytes(range(256)) * 1024  # 256 KiB: more than is read at once


class TestConformance(NetworkTransportConformance):
    def make_transport(self) -> Transport:
        return HttpxTransport()


def post(url: str, body: Body, **timeouts: float) -> Request:
    return Request(method="POST", url=url, body=body, timeouts=Timeouts(**timeouts))


async def chunks_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class TestWhileTheBodyGoesOut:
    """httpcore2 by itself looks for an answer once it has written everything."""

    @pytest.mark.parametrize("length", [-1, None])
    async def test_a_refusal_is_seen_although_nothing_more_is_taken(
        self, length: int | None
    ) -> None:
        async def refuse(connection: RawConnection) -> None:
            await connection.head()
            connection.pause()
            await connection.answer(413, b"too large")
            await asyncio.Event().wait()

        body = WatchedBody.of(b"x" * (32 * MIB), b"last", length=length)
        async with RawServer(refuse) as server, closing(HttpxTransport()) as transport:
            async with transport.send(post(server.url, body)) as response:
                assert response.status == 413
                assert await response.read() == b"too large"
            assert (body.opened, body.closed) == (1, 1)

    @pytest.mark.parametrize("length", [9, None])
    async def test_what_is_no_answer_yet_does_not_end_it(self, length: int | None) -> None:
        hinted = asyncio.Event()

        async def hint(connection: RawConnection) -> None:
            await connection.head()
            await connection.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n")
            await connection.write(b"Link: <a>\r\n\r\nHTTP/1.1 1")
            await asyncio.sleep(0.05)
            hinted.set()
            if length is None:
                body = await connection._chunked()
            else:
                body = await connection.reader.readexactly(length)
            await connection.write(b"02 Processing\r\n\r\n")
            await connection.answer(200, body)

        async def chunks() -> AsyncIterator[bytes]:
            yield b"one"
            await hinted.wait()
            yield b"two"
            await asyncio.sleep(0.05)
            yield b"six"

        async with RawServer(hint) as server, closing(HttpxTransport()) as transport:
            body = WatchedBody(chunks, length)
            assert await consume(transport, post(server.url, body)) == b"onetwosix"
            assert body.closed == 1

    async def test_an_answer_does_not_wait_for_the_source_to_be_closed(self) -> None:
        class Lingering(WatchedBody):
            @contextlib.asynccontextmanager
            async def open(self) -> AsyncIterator[AsyncIterator[bytes]]:
                async with super().open() as chunks:
                    yield chunks
                    await asyncio.sleep(0.2)

        body = Lingering.of(b"one")
        async with RawServer(answering) as server, closing(HttpxTransport()) as transport:
            async with transport.send(post(server.url, body)) as response:
                assert body.closed == 0
                assert await response.read() == b"POST /"
            assert body.closed == 1
            assert await consume(transport, request_to(server.url)) == b"POST /"
            assert len(server.connections) == 1

    async def test_what_is_left_of_the_last_chunk_is_not_taken_for_sent(self) -> None:
        """An answer comes when the first piece of the one chunk is out."""

        async def hasty(connection: RawConnection) -> None:
            await connection.head()
            connection.pause()
            await connection.answer(200, b"ok")
            await asyncio.Event().wait()

        body = WatchedBody.of(b"x" * (32 * MIB))
        async with RawServer(hasty) as server, closing(HttpxTransport()) as transport:
            assert await consume(transport, post(server.url, body)) == b"ok"
            assert await consume(transport, post(server.url, body)) == b"ok"
            assert len(server.connections) == 2


class TestConnections:
    async def test_one_is_used_again(self) -> None:
        async with RawServer(answering) as server, closing(HttpxTransport()) as transport:
            for method in ("POST", "GET", "POST", "DELETE"):
                body = await consume(transport, request_to(f"{server.url}/a", method))
                assert body == f"{method} /a".encode()
            assert len(server.connections) == 1

    async def test_but_not_for_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert reach.KEEPALIVE == 5
        monkeypatch.setattr(httpx, "KEEPALIVE", 0.05)
        async with RawServer(answering) as server, closing(HttpxTransport()) as transport:
            await consume(transport, request_to(server.url))
            await asyncio.sleep(0.1)
            await consume(transport, request_to(server.url))
            assert len(server.connections) == 2

    async def test_nor_one_that_the_server_has_closed(self) -> None:
        async def once(connection: RawConnection) -> None:
            await connection.request()
            await connection.answer(200, b"ok")

        async with RawServer(once) as server, closing(HttpxTransport()) as transport:
            for _ in range(3):
                assert await consume(transport, request_to(server.url)) == b"ok"
                await asyncio.sleep(0.02)
            assert len(server.connections) == 3

    async def test_nor_one_with_more_than_the_answer(self) -> None:
        """In one piece with the answer, so that h11 has it and not the connection."""
        extra = b"HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n"

        async def two_for_one(connection: RawConnection) -> None:
            while True:
                await connection.request()
                await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + extra)

        async with RawServer(two_for_one) as server, closing(HttpxTransport()) as transport:
            for _ in range(3):
                async with transport.send(request_to(server.url)) as response:
                    assert response.status == 200
            assert len(server.connections) == 3

    @pytest.mark.parametrize("greeting", [b"220 mail ESMTP\r\n", b""])
    async def test_nor_one_that_has_spoken_or_hung_up_before_the_request(
        self, monkeypatch: pytest.MonkeyPatch, greeting: bytes
    ) -> None:
        async def slowly(host: str, port: int) -> Wire:
            wire = await Wire.to(host, port)
            await asyncio.sleep(0.05)
            return wire

        async def greet(connection: RawConnection) -> None:
            await connection.write(greeting)
            if greeting:
                await connection.until_gone()

        monkeypatch.setattr(httpx, "Wire", SimpleNamespace(to=slowly))
        async with RawServer(greet) as server, closing(HttpxTransport()) as transport:
            for method in ("GET", "POST"):
                with pytest.raises(NotSentError):
                    await consume(transport, request_to(server.url, method))

    def test_nor_one_of_which_that_cannot_be_seen(self) -> None:
        assert httpx._has_more(httpcore2.Response(200))

    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_none_is_lost_by_a_cancellation(self, method: str) -> None:
        async with RawServer(answering) as server, closing(HttpxTransport()) as transport:
            for turns in range(30):
                request = request_to(server.url, method)
                sending = asyncio.ensure_future(consume(transport, request))
                for _ in range(turns):
                    await asyncio.sleep(0)
                sending.cancel()
                await asyncio.wait((sending,))
                assert sending.cancelled() or sending.result() == f"{method} /".encode()
                if isinstance(request.body, WatchedBody):
                    assert request.body.opened == request.body.closed
                assert await consume(transport, request_to(server.url, "PUT")) == b"PUT /"
                for pool in transport._pools.values():
                    assert not pool._requests
                    assert all(connection.is_idle() for connection in pool.connections)

    async def test_many_at_once(self) -> None:
        async with RawServer(answering) as server, closing(HttpxTransport()) as transport:
            requests = [request_to(f"{server.url}/{number}") for number in range(40)]
            answers = await asyncio.gather(*(consume(transport, request) for request in requests))
            assert answers == [f"POST /{number}".encode() for number in range(40)]
            assert len(server.connections) == 40


class TestRequests:
    @pytest.mark.parametrize(
        ("path", "target"),
        [
            ("", "/"),
            ("?a=b", "/?a=b"),
            ("/a;b=c/d;e?f=%5B%5D;g", "/a;b=c/d;e?f=%5B%5D;g"),
            ("/a/../b//c", "/a/../b//c"),
            ("/a%2fB'(x)", "/a%2fB'(x)"),
        ],
    )
    async def test_an_url_is_sent_as_it_is(self, path: str, target: str) -> None:
        async with RawServer(answering) as server, closing(HttpxTransport()) as transport:
            got = await consume(transport, request_to(server.url + path, "GET"))
            assert got == f"GET {target}".encode()

    @pytest.mark.parametrize(
        "url",
        ["", "/a", "ftp://a.test/", "http://", "http://[::1", "http://a:b/", "http://\u0430.test/"],
    )
    async def test_one_that_cannot_be_called(self, url: str) -> None:
        async with closing(HttpxTransport()) as transport:
            with pytest.raises(NotSentError, match="URL") as caught:
                await consume(transport, request_to(url))
            assert caught.value.permanent

    async def test_its_headers(self) -> None:
        seen: list[Headers] = []

        async def keep(connection: RawConnection) -> None:
            while True:
                seen.append((await connection.request()).headers)
                await connection.answer()

        async with RawServer(keep) as server, closing(HttpxTransport()) as transport:
            await consume(transport, request_to(server.url, "GET"))
            await consume(transport, request_to(server.url, "DELETE"))
            own = Headers({"Host": "api.test", "Accept-Encoding": "identity", "X-Name": "снимка"})
            await consume(transport, Request(method="GET", url=server.url, headers=own))
        place = server.url.removeprefix("http://")
        assert dict(seen[0]) == {"Host": place, "Accept-Encoding": "gzip, deflate"}
        assert dict(seen[1]) == {**seen[0], "Content-Length": "0"}
        assert dict(seen[2]) == dict(own)

    async def test_a_header_that_is_none(self) -> None:
        async with RawServer(answering) as server, closing(HttpxTransport()) as transport:
            for name, value in (("Bad Name", "a"), ("X-A", "a\r\nX-B: b"), ("X-A", "a\0b")):
                request = Request(method="GET", url=server.url, headers=Headers([(name, value)]))
                with pytest.raises(NotSentError) as caught:
                    await consume(transport, request)
                assert caught.value.permanent
            assert await consume(transport, request_to(server.url)) == b"POST /"

    async def test_the_key_shows_nowhere(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        async with RawServer(answering) as server, closing(HttpxTransport()) as transport:
            for value, kind in (("Bearer s3cret", None), ("Bearer s3cret\n", NotSentError)):
                request = Request(
                    method="GET", url=server.url, headers=Headers({"Authorization": value})
                )
                try:
                    await consume(transport, request)
                except NotSentError as error:
                    assert kind is NotSentError
                    assert error.permanent  # noqa: PT017
                    text = "".join(traceback.format_exception(error))
                    assert "s3cret" not in text
                assert "s3cret" not in repr((transport, transport.send(request), vars(transport)))
        assert "send_request_headers" in caplog.text
        assert "s3cret" not in caplog.text


class TestAnswers:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    async def test_one_that_is_compressed(self, method: str) -> None:
        packed = gzip.compress(BIG)

        async def pack(connection: RawConnection) -> None:
            await connection.request()
            head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n"
            await connection.write(head.encode() + b"\r\n" + packed * (method == "GET"))

        async with RawServer(pack) as server, closing(HttpxTransport()) as transport:
            got = await consume(transport, request_to(server.url, method))
            assert got == (BIG if method == "GET" else b"")

    async def test_one_that_is_compressed_and_broken(self) -> None:
        async def pack(connection: RawConnection) -> None:
            await connection.request()
            await connection.answer(200, b"not packed", [("Content-Encoding", "gzip")])

        async with RawServer(pack) as server, closing(HttpxTransport()) as transport:
            with pytest.raises(ResponseReadError) as caught:
                await consume(transport, request_to(server.url))
            assert caught.value.outcome is Outcome.PROCESSED

    async def test_headers_in_any_bytes_and_number(self) -> None:
        async def strange(connection: RawConnection) -> None:
            await connection.request()
            head = "HTTP/1.1 200 Yes\r\nX-A: снимка\r\nx-a: two\r\nX-B: ".encode() + b"\xff\r\n"
            await connection.write(head + b"Content-Length: 0\r\n\r\n")

        async with (
            RawServer(strange) as server,
            closing(HttpxTransport()) as transport,
            transport.send(request_to(server.url)) as response,
        ):
            assert response.headers["X-A"] == "снимка, two"
            assert response.headers["X-B"] == "\udcff"

    async def test_one_that_stops(self) -> None:
        async def stop(connection: RawConnection) -> None:
            await connection.request()
            await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            await connection.until_gone()

        async with RawServer(stop) as server, closing(HttpxTransport()) as transport:
            with pytest.raises(ResponseReadError) as caught:
                await consume(transport, request_to(server.url, read=0.05))
            assert str(caught.value).startswith("the answer broke off: nothing came for 0.05 s")
            assert caught.value.body == b"half"

    async def test_one_that_ends_with_the_connection(self) -> None:
        async def old(connection: RawConnection) -> None:
            await connection.request()
            await connection.write(b"HTTP/1.0 200 OK\r\n\r\n" + BIG)

        async with RawServer(old) as server, closing(HttpxTransport()) as transport:
            assert await consume(transport, request_to(server.url)) == BIG


class Hold:
    """A server that answers when it is told to."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def __call__(self, connection: RawConnection) -> None:
        while True:
            await connection.request()
            self.arrived.set()
            await self.goes_on.wait()
            await connection.answer(200, b"ok")


class TestClosing:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_while_the_answer_is_waited_for(self, method: str) -> None:
        hold = Hold()
        async with RawServer(hold) as server:
            transport = HttpxTransport()
            sending = asyncio.ensure_future(consume(transport, request_to(server.url, method)))
            await hold.arrived.wait()
            async with asyncio.timeout(5):
                await asyncio.gather(transport.aclose(), transport.aclose())
                with pytest.raises(OutcomeUnknownError, match="the transport was closed"):
                    await sending

    async def test_while_the_body_is_sent(self) -> None:
        hangs = asyncio.Event()
        body = WatchedBody(functools.partial(hanging, hangs), 6)
        async with RawServer(Hold()) as server:
            transport = HttpxTransport()
            sending = asyncio.ensure_future(consume(transport, post(server.url, body)))
            await hangs.wait()
            await transport.aclose()
            with pytest.raises(NotSentError, match="the transport was closed") as caught:
                await sending
            assert caught.value.permanent
            assert (body.opened, body.closed) == (1, 1)

    async def test_while_the_answer_is_read(self) -> None:
        async def stop(connection: RawConnection) -> None:
            await connection.request()
            await connection.write(b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\nhalf")
            await connection.until_gone()

        async with RawServer(stop) as server:
            transport = HttpxTransport()
            begun = asyncio.Event()

            async def read() -> None:
                async with transport.send(request_to(server.url)) as response:
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

    async def test_what_has_come_whole_can_still_be_read(self) -> None:
        async with RawServer(answering) as server:
            transport = HttpxTransport()
            async with asyncio.timeout(5), transport.send(request_to(server.url)) as response:
                await asyncio.sleep(0.05)
                await transport.aclose()
                assert await response.read() == b"POST /"

    async def test_a_caller_that_is_cancelled_at_that_moment_is_cancelled(self) -> None:
        hold = Hold()
        async with RawServer(hold) as server:
            for cancel_first in (True, False):
                hold.arrived.clear()
                transport = HttpxTransport()
                sending = asyncio.ensure_future(consume(transport, request_to(server.url)))
                await hold.arrived.wait()
                if cancel_first:
                    sending.cancel()
                closed = asyncio.ensure_future(transport.aclose())
                await asyncio.sleep(0)
                if not cancel_first:
                    sending.cancel()
                await closed
                with pytest.raises(asyncio.CancelledError):
                    await sending

    @pytest.mark.parametrize("turns", range(12))
    async def test_at_any_moment(self, turns: int) -> None:
        async with RawServer(answering) as server:
            transport = HttpxTransport()
            sending = asyncio.ensure_future(consume(transport, request_to(server.url)))
            for _ in range(turns):
                await asyncio.sleep(0)
            await transport.aclose()
            try:
                assert await sending == b"POST /"
            except (NotSentError, OutcomeUnknownError) as error:
                assert "the transport " in str(error)  # noqa: PT017

    async def test_in_another_loop_waits_for_nobody(self) -> None:
        async with RawServer(Hold()) as server:
            transport = HttpxTransport()
            sending = asyncio.ensure_future(consume(transport, request_to(server.url, "GET")))
            await asyncio.sleep(0.05)
            thread = threading.Thread(target=asyncio.run, args=(transport.aclose(),), daemon=True)
            thread.start()
            thread.join(5)
            assert not thread.is_alive()
            sending.cancel()
            await asyncio.wait((sending,))

    def test_one_event_loop_only(self) -> None:
        transport = HttpxTransport()
        request = Request(method="GET", url="http://127.0.0.1:9/")
        first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
        try:
            with pytest.raises(NotSentError, match=r"cannot connect to 127\.0\.0\.1:9: "):
                first.run_until_complete(consume(transport, request))
            with pytest.raises(NotSentError, match="another event loop"):
                second.run_until_complete(consume(transport, request))
            first.run_until_complete(transport.aclose())
        finally:
            first.close()
            second.close()

    async def test_one_that_was_never_used(self) -> None:
        transport = HttpxTransport()
        await transport.aclose()
        with pytest.raises(NotSentError, match="closed") as caught:
            await consume(transport, request_to("http://127.0.0.1:9/"))
        assert caught.value.permanent


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts in /proc")
@pytest.mark.parametrize("ends", ["stalled", "cancelled"])
async def test_a_connection_whose_server_stopped_reading_is_not_left_open(ends: str) -> None:
    arrived = asyncio.Event()

    def sockets() -> int:
        count = 0
        for descriptor in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # that of the folder itself
                count += str(descriptor.readlink()).startswith("socket:")
        return count

    async def take_nothing(connection: RawConnection) -> None:
        connection.pause()
        arrived.set()
        await asyncio.Event().wait()

    async with RawServer(take_nothing) as server:
        transport = HttpxTransport()
        before = sockets()
        body = WatchedBody.of(b"x" * (32 * MIB), b"last")
        request = post(server.url, body, stall=0.2 if ends == "stalled" else 60)
        upload = asyncio.ensure_future(consume(transport, request))
        if ends == "cancelled":
            await arrived.wait()
            upload.cancel()
        await asyncio.wait((upload,))
        await transport.aclose()
        assert sockets() == before + 1  # the server's end


@pytest.mark.parametrize(
    "arguments", [{"ssl_context": True}, {"proxy": "socks5://127.0.0.1:1080"}, {"proxy": 8080}]
)
def test_wrong_arguments(arguments: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        HttpxTransport(**arguments)  # type: ignore[arg-type]


def python(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


class TestTheExtra:
    def test_is_not_loaded_by_the_package(self) -> None:
        program = "import sys, vpsbg_async; print([name for name in sys.modules if 'http' in name])"
        loaded = python(program)
        assert "aiohttp" in loaded
        assert "httpx" not in loaded
        assert "httpcore" not in loaded

    @pytest.mark.parametrize("missing", ["httpx2", "httpcore2"])
    def test_says_so_if_it_is_missing(self, missing: str) -> None:
        told = python(
            f"import sys; sys.modules[{missing!r}] = None\n"
            "try: import vpsbg_async.transport.httpx\n"
            "except ImportError as error: print(error)"
        )
        assert told == f"HttpxTransport needs {missing}: pip install 'vpsbg_async[httpx]'"


def arrived(message: StoredMessage) -> list[tuple[str, int, str]]:
    return [(file.name, file.size, file.sha256) for file in message.attachments]


def sent(*files: tuple[str, bytes]) -> list[tuple[str, int, str]]:
    return [(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in files]


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(directory=tmp_path / "uploads") as sandbox:
        yield sandbox


@pytest.mark.parametrize("make", TRANSPORTS)
class TestTickets:
    """What is above the seam does not know which transport there is."""

    async def test_one_with_files(
        self, make: Transporting, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        small, big = tmp_path / "снимка.png", tmp_path / "big.log"
        small.write_bytes(b"small")
        big.write_bytes(BIG * 8)
        async with VPSBG(
            sandbox.api_key, retry=None, base_url=sandbox.url, transport=make()
        ) as vps:
            ticket = await vps.tickets.create(
                department_id=2,
                subject="Down",
                message="It is down.",
                attachments=[
                    small,
                    Attachment.from_path(big, name='50% of a "name".log'),
                    Attachment.from_bytes(b"", name="empty.txt"),
                    Attachment.from_stream(lambda: chunks_of(b"str", b"eam"), name="c.txt", size=6),
                ],
            )
            await vps.tickets.reply(
                ticket.id,
                message="Ето още",
                attachments=[Attachment.from_stream(lambda: chunks_of(BIG, b"!"), name="d.bin")],
            )
            read = await vps.tickets.get(ticket.id)
        assert ticket.attachment_mismatches == ()
        assert read.messages is not None
        assert [message.content for message in read.messages] == ["It is down.", "Ето още"]
        (stored,) = sandbox.tickets
        assert arrived(stored.messages[0]) == sent(
            ("снимка.png", b"small"),
            ("50% of a _name_.log", BIG * 8),
            ("empty.txt", b""),
            ("c.txt", b"stream"),
        )
        assert arrived(stored.messages[1]) == sent(("d.bin", BIG + b"!"))

    async def test_many_at_once(self, make: Transporting, sandbox: Sandbox) -> None:
        file = Attachment.from_bytes(BIG, name="a.bin")
        async with VPSBG(
            sandbox.api_key, retry=None, base_url=sandbox.url, transport=make()
        ) as vps:
            await asyncio.gather(
                *(
                    vps.tickets.create(
                        department_id=2,
                        subject=f"Ticket {number}",
                        message="It is down.",
                        attachments=[file],
                    )
                    for number in range(12)
                )
            )
        assert len({ticket.subject for ticket in sandbox.tickets}) == 12
        for ticket in sandbox.tickets:
            assert arrived(ticket.messages[0]) == sent(("a.bin", BIG))

    @pytest.mark.parametrize("size", [3 * MIB, None])
    async def test_one_whose_file_ends_too_soon(
        self, make: Transporting, sandbox: Sandbox, size: int | None
    ) -> None:
        async def ends() -> AsyncIterator[bytes]:
            yield b"x" * MIB
            if size is None:
                raise OSError("no more")

        async with VPSBG(
            sandbox.api_key, retry=None, base_url=sandbox.url, transport=make()
        ) as vps:
            with pytest.raises(AttachmentError) as caught:
                await vps.tickets.create(
                    department_id=2,
                    subject="Down",
                    message="It is down.",
                    attachments=[Attachment.from_stream(ends, name="a.bin", size=size)],
                )
            assert caught.value.outcome is Outcome.NOT_SENT
        assert sandbox.tickets == ()

    @pytest.mark.parametrize("is_whole", [False, True])
    async def test_one_that_is_cut(self, make: Transporting, is_whole: bool) -> None:
        """By the server: while a file goes out, or when it has everything."""
        cut = asyncio.Event()
        bodies: list[bytes] = []

        async def chunks() -> AsyncIterator[bytes]:
            yield BIG
            if not is_whole:
                await cut.wait()
                await asyncio.sleep(0.05)  # for that to be noticed
            yield BIG

        async def take(connection: RawConnection) -> None:
            if is_whole:
                bodies.append((await connection.request()).body)
            else:
                await connection.head()
                bodies.append(await connection.reader.readexactly(len(BIG)))
            connection.writer.transport.abort()
            cut.set()

        async with (
            RawServer(take) as server,
            VPSBG("key", retry=None, base_url=server.url, transport=make()) as vps,
        ):
            with pytest.raises((NotSentError, OutcomeUnknownError)) as caught:
                await vps.tickets.create(
                    department_id=2,
                    subject="Down",
                    message="It is down.",
                    attachments=[Attachment.from_stream(chunks, name="a.bin", size=2 * len(BIG))],
                )
        assert caught.value.outcome is (Outcome.UNKNOWN if is_whole else Outcome.NOT_SENT)
        assert [b'name="department_id"' in body for body in bodies] == [is_whole]

    async def test_one_that_is_refused_early(self, make: Transporting) -> None:
        async def refuse(connection: RawConnection) -> None:
            await connection.head()
            await connection.answer(413, b"<html>", [("Connection", "close")])
            await connection.until_gone()

        async def endless() -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.01)
                yield b"x" * 65536

        async with (
            RawServer(refuse) as server,
            VPSBG("key", retry=None, base_url=server.url, transport=make()) as vps,
        ):
            with pytest.raises(PayloadTooLargeError):
                await vps.tickets.create(
                    department_id=2,
                    subject="Down",
                    message="It is down.",
                    attachments=[Attachment.from_stream(endless, name="a.bin")],
                )

    async def test_a_large_file_in_flat_memory(self, make: Transporting, tmp_path: Path) -> None:
        large, size = tmp_path / "large.bin", 48 * MIB
        with large.open("wb") as file:
            file.truncate(size)
        taken = 0

        async def take(connection: RawConnection) -> None:
            nonlocal taken
            _, _, headers = await connection.head()
            length = int(headers["Content-Length"])
            while taken < length:
                taken += len(await connection.reader.read(MIB))
            await connection.answer(200, b'{"id": 1}')

        async with (
            RawServer(take) as server,
            VPSBG("key", retry=None, base_url=server.url, transport=make()) as vps,
        ):
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            try:
                ticket = await vps.tickets.create(
                    department_id=2, subject="Down", message="It is down.", attachments=[large]
                )
                grown = tracemalloc.get_traced_memory()[1] - before
            finally:
                tracemalloc.stop()
        assert ticket.id == 1
        assert taken > size
        assert grown < 12 * MIB
