"""What the SDK sends, cut: a ticket is filed as it was meant, or not at all.

The bodies are those of the client. nginx starts php-fpm before the body is there, and PHP takes
what came before the cut for the form (see `test_cut_requests`), so the parts are in an order in
which only the last chunk makes a create, or a reply, one that validates:

* Cut before the last chunk, nothing validates, behind whatever server.
* The last chunk is a TLS record of its own, or one with the whole of a small form, and a record
  arrives whole or not at all. So over TLS this is the end of it.
* Over plain HTTP the last chunk itself can be cut. A create whose department has one digit is
  whole then, or does not validate. One whose department has more can end up at a department whose
  number is a prefix, and a reply can be shortened: `TestInsideTheLastChunk`.
"""

import asyncio
import contextlib
import hashlib
import os
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import pytest

from tests.attachments.support import KIB, MIB, Source, descriptors, until
from vpsbg_async.attachments import Attachment
from vpsbg_async.client import VPSBG
from vpsbg_async.errors import (
    AttachmentError,
    Outcome,
    OutcomeUnknownError,
    PayloadTooLargeError,
    ResponseError,
)
from vpsbg_async.services.tickets import Tickets
from vpsbg_async.testing import FakeTransport, Reply
from vpsbg_async.transport import Timeouts
from vpsbg_async.transport.aiohttp import AiohttpTransport

from .peers import FpmServer, Peer, PhpServer, Request, find_program
from .raw import head, send_cut

FIRST_READ = 5120  # of PHP; what it makes of a smaller body that nginx has cut is an empty form
LONGEST_RECORD = 65_535
UPLOAD_ERR_OK = 0

SUBJECT = "Server misbehaves"
MESSAGE = "<p>It stopped answering pings,\r\n<b>съвсем</b>.</p>"

Call = Callable[[Tickets], Awaitable[object]]


@dataclass(frozen=True)
class Encoded:
    """A body as the client made it."""

    content_type: str
    chunks: list[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def until_last(self) -> int:
        """How long it is without its last chunk."""
        return len(self.body) - len(self.chunks[-1])

    @property
    def ends(self) -> list[int]:
        """Where a chunk ends, the beginning and the end included."""
        return sorted({0, *accumulate(map(len, self.chunks))})

    @property
    def closing(self) -> int:
        """How much follows the last value."""
        boundary = self.content_type.partition("boundary=")[2]
        return len(f"\r\n--{boundary}--\r\n")


@dataclass(frozen=True)
class Ticket:
    """What is to be filed."""

    size: int
    department: int = 2
    message: str = MESSAGE
    streamed: bool = False

    @property
    def files(self) -> list[tuple[str, bytes]]:
        log = (b"0123456789abcde\n" * (self.size // 16 + 1))[: self.size]
        return [("снимка.png", b"\x89PNG\r\n"), ("mtr.log", log)]

    @property
    def attachments(self) -> list[Attachment]:
        if not self.streamed:
            return [Attachment.from_bytes(data, name=name) for name, data in self.files]
        return [
            Attachment.from_stream(
                lambda data=data: Source(data[:7], data[7:]),  # type: ignore[misc]
                name=name,
                size=len(data),
            )
            for name, data in self.files
        ]

    async def create(self, tickets: Tickets) -> object:
        return await tickets.create(
            department_id=self.department,
            subject=SUBJECT,
            message=self.message,
            attachments=self.attachments,
            service_type="server",
            service_id=2747,
        )

    async def reply(self, tickets: Tickets) -> object:
        return await tickets.reply(5, message=self.message, attachments=self.attachments)

    def has_all_files(self, request: Request) -> bool:
        return [(file.name, file.sha256, file.error) for file in request.files] == [
            (name, hashlib.sha256(data).hexdigest(), UPLOAD_ERR_OK) for name, data in self.files
        ]

    def is_whole(self, request: Request) -> bool:
        """Whether this is the whole ticket, as an application that trims its input sees it."""
        values = {name: value.strip() for name, value in request.fields.items()}
        return self.has_all_files(request) and values == {
            "service_type": "server",
            "service_id": "2747",
            "message": self.message,
            "subject": SUBJECT,
            "department_id": str(self.department),
        }


def encoded(call: Call) -> Encoded:
    """The body of a call, taken from the client."""

    async def encode() -> Encoded:
        transport = FakeTransport(Reply(json={"id": 1}))
        async with VPSBG("key", retry=None, transport=transport) as vps:
            await call(vps.tickets)
        (sent,) = transport.calls
        body = sent.request.body
        assert body is not None
        async with body.open() as chunks:
            again = Encoded(body.content_type, [chunk async for chunk in chunks])
        assert again.body == sent.body
        return again

    return asyncio.run(encode())


def with_first_read(left: int, make: Callable[[Ticket], Call], **options: Any) -> Ticket:
    """A ticket of the size at which exactly `left` bytes of its body follow PHP's first read."""
    empty = len(encoded(make(Ticket(0, **options))).body)
    return Ticket(FIRST_READ + left - empty, **options)


def numbered(server: Peer) -> dict[int, Request]:
    return {int(request.uri.removeprefix("/")): request for request in server.requests()}


def prefixes(fpm: FpmServer, sent: Encoded, cuts: Iterable[int]) -> dict[int, Request]:
    """What PHP's parser makes of prefixes of the body, by length."""
    fpm.forget()
    for cut in cuts:
        fpm.run_prefix(sent.body, cut, uri=f"/{cut}", content_type=sent.content_type)
    return numbered(fpm)


def cut_anywhere(fpm: FpmServer, sent: Encoded) -> list[Request]:
    """What PHP's parser makes of the body without its last chunk, cut all over and near its end."""
    end = sent.until_last
    cuts = {*range(max(0, end - 200), end + 1), *range(0, end, 997)}
    seen = prefixes(fpm, sent, sorted(cuts))
    assert len(seen) == len(cuts)
    return list(seen.values())


def cut_at(fpm: FpmServer, sent: Encoded, cuts: Iterable[int]) -> dict[int, Request]:
    """What PHP ran of the body when nginx was sent so much of it, by length."""
    fpm.forget()
    for cut in cuts:
        opening = head(sent.body, target=f"/{cut}", content_type=sent.content_type)
        send_cut(fpm.address, opening + sent.body[:cut], arrived=fpm.barrier)
    fpm.drain()
    return numbered(fpm)


def create_of(ticket: Ticket) -> Call:
    return ticket.create


def reply_of(ticket: Ticket) -> Call:
    return ticket.reply


SMALL, LARGE = 100, 20 * KIB
SHAPES = {
    "one chunk": Ticket(SMALL),
    "the last one apart": Ticket(LARGE),
    "small streams": Ticket(SMALL, streamed=True),
    "large streams": Ticket(LARGE, streamed=True),
    "nearly all that a record holds": Ticket(60_000),
}
every_shape = pytest.mark.parametrize("ticket", SHAPES.values(), ids=SHAPES)


class TestBeforeTheLastChunk:
    """Nothing that is cut there validates, in whatever way the parser gets to see it."""

    @every_shape
    def test_a_create_of_whole_chunks(self, fpm: FpmServer, ticket: Ticket) -> None:
        sent = encoded(ticket.create)
        ends = sent.ends
        seen = prefixes(fpm, sent, ends)
        assert [*seen] == ends
        for end in ends[:-1]:
            assert not seen[end].validates
            assert "department_id" not in seen[end].fields
        assert ticket.is_whole(seen[len(sent.body)])

    @every_shape
    def test_a_reply_of_whole_chunks(self, fpm: FpmServer, ticket: Ticket) -> None:
        sent = encoded(ticket.reply)
        ends = sent.ends
        seen = prefixes(fpm, sent, ends)
        for end in ends[:-1]:
            assert not seen[end].validates_reply
            assert seen[end].fields == {}
        whole = seen[len(sent.body)]
        assert whole.fields == {"message": MESSAGE}
        assert ticket.has_all_files(whole)

    @every_shape
    def test_a_create_anywhere(self, fpm: FpmServer, ticket: Ticket) -> None:
        seen = cut_anywhere(fpm, encoded(ticket.create))
        assert not any(request.validates for request in seen)

    @every_shape
    def test_a_reply_anywhere(self, fpm: FpmServer, ticket: Ticket) -> None:
        seen = cut_anywhere(fpm, encoded(ticket.reply))
        assert not any(request.validates_reply for request in seen)

    @pytest.mark.parametrize("make", [create_of, reply_of])
    def test_through_nginx(self, fpm: FpmServer, make: Callable[[Ticket], Call]) -> None:
        ticket = Ticket(200 * KIB)
        sent = encoded(make(ticket))
        assert len(sent.chunks) == 4  # up to the file, its content, its end, the last field
        cuts = {end - less for end in sent.ends[1:-1] for less in range(20)}
        seen = cut_at(fpm, sent, [*sorted(cuts), len(sent.body)])
        whole = seen.pop(len(sent.body))
        assert ticket.has_all_files(whole)
        assert any(request.files for request in seen.values())
        if make is create_of:
            assert whole.validates
            assert not any(request.validates for request in seen.values())
        else:
            assert whole.validates_reply
            assert not any(request.validates_reply for request in seen.values())


class TestCreateWithOneDigit:
    """Cut anywhere at all, it is whole or does not validate."""

    @pytest.mark.parametrize("streamed", [True, False])
    def test_every_prefix(self, fpm: FpmServer, streamed: bool) -> None:
        ticket = Ticket(SMALL, streamed=streamed)
        sent = encoded(ticket.create)
        seen = prefixes(fpm, sent, range(len(sent.body) + 1))
        valid = [cut for cut, request in seen.items() if request.validates]
        assert valid == [*range(len(sent.body) - sent.closing, len(sent.body) + 1)]
        assert all(ticket.is_whole(seen[cut]) for cut in valid)

    @pytest.mark.parametrize("size", [LARGE, 60_000])
    def test_the_end_of_a_large_one(self, fpm: FpmServer, size: int) -> None:
        ticket = Ticket(size)
        sent = encoded(ticket.create)
        seen = prefixes(fpm, sent, range(len(sent.body) - 200, len(sent.body) + 1))
        valid = [cut for cut, request in seen.items() if request.validates]
        assert valid == [*range(len(sent.body) - sent.closing, len(sent.body) + 1)]
        assert all(ticket.is_whole(seen[cut]) for cut in valid)

    @pytest.mark.parametrize("left", [1, 30, 60, 61, 62, 100, 199])
    def test_through_nginx(self, fpm: FpmServer, left: int) -> None:
        ticket = with_first_read(left, create_of)
        sent = encoded(ticket.create)
        seen = cut_at(fpm, sent, range(len(sent.body) - 200, len(sent.body) + 1))
        assert len(seen) == 201
        assert any(request.fields for cut, request in seen.items() if cut < len(sent.body))
        valid = [cut for cut, request in seen.items() if request.validates]
        assert all(ticket.is_whole(seen[cut]) for cut in valid)
        if left <= sent.closing:  # the read ends behind the value, and what is lost is not missed
            assert len(valid) > 1

    @pytest.mark.parametrize("size", [SMALL, LARGE, 100 * KIB])
    def test_other_sizes_through_nginx(self, fpm: FpmServer, size: int) -> None:
        ticket = Ticket(size)
        sent = encoded(ticket.create)
        seen = cut_at(fpm, sent, range(len(sent.body) - 200, len(sent.body) + 1))
        assert ticket.is_whole(seen[len(sent.body)])
        assert all(ticket.is_whole(request) for request in seen.values() if request.validates)


class TestInsideTheLastChunk:
    """What a cut can do there: over plain HTTP, since a TLS record is whole or is not there."""

    @pytest.mark.parametrize("size", [SMALL, LARGE])
    def test_a_create_can_come_to_another_department(self, fpm: FpmServer, size: int) -> None:
        ticket = Ticket(size, department=345)
        sent = encoded(ticket.create)
        value_ends = len(sent.body) - sent.closing
        seen = prefixes(fpm, sent, range(value_ends - 5, len(sent.body) + 1))
        departments = {
            cut: request.fields["department_id"].strip()
            for cut, request in seen.items()
            if request.validates
        }
        assert departments == {value_ends - 2: "3", value_ends - 1: "34"} | dict.fromkeys(
            range(value_ends, len(sent.body) + 1), "345"
        )
        assert all(ticket.has_all_files(seen[cut]) for cut in departments)
        assert min(departments) > sent.until_last

    @pytest.mark.parametrize("size", [SMALL, LARGE])
    def test_a_reply_can_be_shortened(self, fpm: FpmServer, size: int) -> None:
        ticket = Ticket(size, message="A message.")
        sent = encoded(ticket.reply)
        value_ends = len(sent.body) - sent.closing
        value_begins = value_ends - len("A message.")
        seen = prefixes(fpm, sent, range(value_begins - 5, len(sent.body) + 1))
        assert [cut for cut, request in seen.items() if request.validates_reply] == [
            *range(value_begins + 5, len(sent.body) + 1)
        ]
        assert seen[value_begins + 5].fields == {"message": "A mes"}
        # Its files at least are whole, as they come before.
        assert all(ticket.has_all_files(seen[cut]) for cut in seen if cut >= value_begins + 5)
        assert value_begins > sent.until_last


class TestEndedByTheClient:
    """Uploads that the client itself does not bring to an end."""

    @pytest.mark.parametrize("size", [LARGE, None])
    @pytest.mark.parametrize("given", [0, 6000, 15_000])
    async def test_a_source_that_fails(
        self, fpm: FpmServer, php: PhpServer, size: int | None, given: int
    ) -> None:
        for server in (fpm, php):
            source = Source(*[bytes(1000)] * (given // 1000), OSError(5, "Input/output error"))
            broken = Attachment.from_iterator(source, name="b.bin", size=size)
            async with VPSBG("key", retry=None, base_url=server.url) as vps:
                with pytest.raises(AttachmentError) as error:
                    await vps.tickets.create(
                        department_id=2, subject=SUBJECT, message=MESSAGE, attachments=[broken]
                    )
            assert error.value.attachment is broken
            assert error.value.outcome is Outcome.NOT_SENT
            assert source.closed == 1
            await server.adrain()
            assert not any(request.validates for request in server.requests())

    @pytest.mark.parametrize("size", [19_999, 20_001])
    async def test_a_source_that_is_not_of_its_size(self, fpm: FpmServer, size: int) -> None:
        wrong = Attachment.from_stream(lambda: Source(*[bytes(1000)] * 20), name="a.bin", size=size)
        async with VPSBG("key", retry=None, base_url=fpm.url) as vps:
            with pytest.raises(AttachmentError):
                await vps.tickets.create(
                    department_id=2, subject=SUBJECT, message=MESSAGE, attachments=[wrong]
                )
            await fpm.adrain()
            assert not any(request.validates for request in fpm.requests())
            fpm.forget()
            with pytest.raises(AttachmentError):
                await vps.tickets.reply(1, message=MESSAGE, attachments=[wrong])
            await fpm.adrain()
            assert not any(request.validates_reply for request in fpm.requests())

    async def test_a_file_that_shrinks(self, fpm: FpmServer, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(bytes(5 * MIB))

        async def shrink() -> AsyncIterator[bytes]:
            yield b"data"
            os.truncate(path, MIB)

        first = Attachment.from_stream(shrink, name="first.txt", size=4)
        async with VPSBG("key", retry=None, base_url=fpm.url) as vps:
            with pytest.raises(AttachmentError, match=r"a\.bin shrank") as error:
                await vps.tickets.create(
                    department_id=2, subject=SUBJECT, message=MESSAGE, attachments=[first, path]
                )
        assert error.value.outcome is Outcome.NOT_SENT
        assert descriptors(path) == 0
        await fpm.adrain()
        assert not any(request.validates for request in fpm.requests())

    async def test_cancelled_while_a_source_is_waited_for(
        self, fpm: FpmServer, php: PhpServer, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(bytes(MIB))
        for server in (fpm, php):
            source = Source(b"one", asyncio.Event())
            waiting = Attachment.from_iterator(source, name="b.bin", size=100)
            async with VPSBG("key", retry=None, base_url=server.url) as vps:
                task = asyncio.create_task(
                    vps.tickets.create(
                        department_id=2,
                        subject=SUBJECT,
                        message=MESSAGE,
                        attachments=[path, waiting],
                    )
                )
                await source.waits.wait()
                await asyncio.to_thread(server.barrier)
                task.cancel()
                await asyncio.wait((task,))
            assert task.cancelled()
            assert source.closed == 1
            assert descriptors(path) == 0
            await server.adrain()
            assert not any(request.validates for request in server.requests())
        (request,) = fpm.requests()
        assert request.fields == {"message": MESSAGE, "subject": SUBJECT}
        assert request.files[0].name == "a.bin"
        assert php.requests() == []

    async def test_a_source_that_stalls(self, fpm: FpmServer) -> None:
        source = Source(b"x" * 10_000, asyncio.Event())
        stalling = Attachment.from_iterator(source, name="b.bin", size=20_000)
        async with VPSBG("key", retry=None, base_url=fpm.url, timeouts=Timeouts(stall=0.1)) as vps:
            with pytest.raises(AttachmentError, match="gave nothing") as error:
                await vps.tickets.create(
                    department_id=2, subject=SUBJECT, message=MESSAGE, attachments=[stalling]
                )
        assert error.value.attachment is stalling
        assert source.closed == 1
        await fpm.adrain()
        assert not any(request.validates for request in fpm.requests())


class TestRefusedEarly:
    """nginx answers 413 when it has read the head, and closes."""

    @pytest.fixture(params=[True, False], ids=["buffering", "passing on"])
    def server(
        self, needs_fpm: None, tmp_path: Path, request: pytest.FixtureRequest
    ) -> Iterator[FpmServer]:
        directory = tmp_path / "server"
        directory.mkdir()
        with FpmServer(directory, buffering=request.param, client_max_body_size="1m") as server:
            yield server

    async def test_while_a_file_is_uploaded(self, server: FpmServer, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        with path.open("wb") as sparse:
            sparse.truncate(64 * MIB)
        async with VPSBG("key", retry=None, base_url=server.url) as vps:
            for _ in range(10):
                with pytest.raises(PayloadTooLargeError) as error:
                    await vps.tickets.create(
                        department_id=2, subject=SUBJECT, message=MESSAGE, attachments=[path]
                    )
                assert error.value.outcome is Outcome.NOT_PROCESSED
                assert descriptors(path) == 0
                await until(lambda: connections_to(server) == 0)
        await server.adrain()
        assert server.requests() == []

    async def test_while_a_source_has_more_to_give(self, server: FpmServer) -> None:
        source = Source(bytes(MIB), bytes(MIB), asyncio.Event())
        endless = Attachment.from_iterator(source, name="b.bin", size=3 * MIB)
        async with VPSBG("key", retry=None, base_url=server.url) as vps:
            with pytest.raises(PayloadTooLargeError):
                await vps.tickets.reply(1, message=MESSAGE, attachments=[endless])
            assert source.closed == 1
            await until(lambda: connections_to(server) == 0)
        await server.adrain()
        assert server.requests() == []

    @pytest.mark.parametrize("server", [True], indirect=True)
    async def test_of_unknown_length(self, server: FpmServer) -> None:
        # Counted as it comes. A server that passes it on answers for the form that PHP takes it
        # for before there is too much of it: see test_client_on_php.
        source = Source(bytes(MIB), bytes(MIB), asyncio.Event())
        endless = Attachment.from_iterator(source, name="b.bin")
        async with VPSBG("key", retry=None, base_url=server.url) as vps:
            with pytest.raises(PayloadTooLargeError):
                await vps.tickets.reply(1, message=MESSAGE, attachments=[endless])
            assert source.closed == 1
            await until(lambda: connections_to(server) == 0)
        await server.adrain()
        assert server.requests() == []

    async def test_and_the_next_call_is_not_disturbed(self, server: FpmServer) -> None:
        async with VPSBG("key", retry=None, base_url=server.url) as vps:
            for _ in range(5):
                large = Attachment.from_bytes(bytes(8 * MIB), name="a.bin")
                with pytest.raises(PayloadTooLargeError):
                    await vps.tickets.reply(1, message=MESSAGE, attachments=[large])
                with pytest.raises(ResponseError):  # the script's answer is no ticket
                    await vps.tickets.reply(1, message=MESSAGE)
        assert [request.validates_reply for request in server.requests()] == [True] * 5


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for the loopback address, in one file."""
    openssl = find_program("openssl")
    if openssl is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("openssl is not installed")
    directory = tmp_path_factory.mktemp("tls")
    key, path = directory / "key.pem", directory / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    where = ["-nodes", "-days", "2", "-keyout", str(key), "-out", str(path)]
    subprocess.run([*command, *names, *where], check=True, capture_output=True)
    path.write_text(path.read_text() + key.read_text())
    return path


APPLICATION_DATA = 0x17
OVERHEAD = 17  # bytes that TLS 1.3 adds to what a record holds


class TlsLine:
    """A TLS server behind a line that is cut after so many records, and bytes of the next.

    Attributes:
        url: Where the line begins.
        records: The length of what each record held, once it was passed on whole.
        received: What the server could read.
    """

    def __init__(self, certificate: Path) -> None:
        self.url = ""
        self.records: list[int] = []
        self.received = b""
        self._cut: tuple[int, int] | None = None
        self._idle = asyncio.Event()
        self._stack = contextlib.AsyncExitStack()
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3

    async def __aenter__(self) -> Self:
        async with self._stack:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
            await self._stack.enter_async_context(server)
            self._port = server.sockets[0].getsockname()[1]
            line = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
            await self._stack.enter_async_context(line)
            self.url = f"https://127.0.0.1:{line.sockets[0].getsockname()[1]}"
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def start(self, cut: tuple[int, int] | None = None) -> None:
        """Forgets what was, and cuts the next connection after so many records and bytes."""
        self.records, self.received, self._cut = [], b"", cut
        self._idle.clear()

    async def rest(self) -> None:
        """Waits till the server has read all that came."""
        async with asyncio.timeout(10):
            await self._idle.wait()

    async def _pass_on(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        back = asyncio.create_task(self._answer(reader, answer))
        try:
            await self._forward(client, writer)
        finally:
            writer.close()
            await back
            answer.close()

    async def _forward(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                record = await client.readexactly(5)
                record += await client.readexactly(int.from_bytes(record[3:5], "big"))
                if self._cut is not None and len(self.records) == self._cut[0]:
                    server.write(record[: self._cut[1]])
                    return
                if record[0] == APPLICATION_DATA:
                    self.records.append(len(record) - 5 - OVERHEAD)
                server.write(record)

    async def _answer(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await server.read(LONGEST_RECORD):
                client.write(data)

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                while data := await client.read(LONGEST_RECORD):
                    self.received += data
                    if self.is_whole():
                        answer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"id":1}')
        finally:
            self._idle.set()
            answer.close()

    @property
    def body(self) -> bytes:
        """What the server has of the body."""
        return self.received.partition(b"\r\n\r\n")[2]

    def is_whole(self) -> bool:
        head, _, body = self.received.partition(b"\r\n\r\n")
        length = head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
        return length.isdigit() and len(body) == int(length)


class TestOverTls:
    """A line that is cut at any byte of what carries the last chunk."""

    @pytest.mark.parametrize("department", [2, 345])
    @pytest.mark.parametrize("streamed", [True, False])
    @pytest.mark.parametrize("size", [SMALL, 11 * KIB, LARGE, 200 * KIB])
    async def test_the_last_chunk_is_there_or_is_not(
        self, certificate: Path, size: int, streamed: bool, department: int
    ) -> None:
        ticket = Ticket(size, department=department, streamed=streamed)
        sent = await asyncio.to_thread(encoded, ticket.create)
        trust = ssl.create_default_context(cafile=certificate)
        async with TlsLine(certificate) as line:

            async def create() -> None:
                transport = AiohttpTransport(ssl_context=trust)
                async with VPSBG("key", retry=None, base_url=line.url, transport=transport) as vps:
                    await ticket.create(vps.tickets)

            line.start()
            await create()
            await line.rest()
            assert len(line.body) == len(sent.body)
            *before, last = line.records
            head = len(line.received) - len(line.body)
            alone = last == len(sent.chunks[-1])
            assert alone or last == head + len(sent.body)

            for cut in {0, 1, 4, 5, 6, last // 2, last, last + 5 + OVERHEAD - 1}:
                line.start((len(before), cut))
                with pytest.raises(OutcomeUnknownError):
                    await create()
                await line.rest()
                assert len(line.body) == (sent.until_last if alone else 0)
                assert b"department_id" not in line.received


def connections_to(server: Peer) -> int:
    """How many sockets of this process are connected to the server."""
    ours = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            ours.add(str(entry.readlink()))
    rows = [row.split() for row in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    port = f":{server.address[1]:04X}"
    return sum(row[2].endswith(port) and f"socket:[{row[9]}]" in ours for row in rows)
