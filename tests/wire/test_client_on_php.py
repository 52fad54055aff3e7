"""The client against PHP's own parser: what is attached and typed is what arrives.

The script that answers is no API: it tells what PHP saw. So a call that arrives ends in a
`ResponseError`, whose body is that.
"""

import asyncio
import contextlib
import gzip
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attachments.support import KIB, MIB, Source
from vpsbg_async.attachments import Attachment, AttachmentLike, Limits
from vpsbg_async.attachments.names import safe_name
from vpsbg_async.client import VPSBG
from vpsbg_async.errors import InvalidInputError, Outcome, ResponseError
from vpsbg_async.testing import RawConnection, RawServer

from .peers import FpmServer, Peer, PhpServer, Request

UPLOAD_ERR_OK, UPLOAD_ERR_INI_SIZE = 0, 1

SUBJECT = "Server misbehaves"
MESSAGE = "<p>It stopped answering pings.</p>"


@contextlib.asynccontextmanager
async def client_of(peer: Peer, **options: Any) -> AsyncIterator[VPSBG]:
    async with VPSBG("key", retry=None, base_url=peer.url, **options) as vps:
        yield vps


async def seen_by(call: Awaitable[object]) -> Request:
    """What PHP says of a call."""
    with pytest.raises(ResponseError) as error:
        await call
    assert (error.value.status, error.value.outcome) == (200, Outcome.PROCESSED)
    return Request.from_json(error.value.body)


async def created(peer: Peer, *attachments: AttachmentLike, **arguments: Any) -> Request:
    """What PHP says of a new ticket."""
    options: dict[str, Any] = {
        "department_id": 2,
        "subject": SUBJECT,
        "message": MESSAGE,
    } | arguments
    async with client_of(peer) as vps:
        return await seen_by(vps.tickets.create(attachments=attachments, **options))


def arrived(request: Request) -> list[tuple[str | None, int, str | None, int]]:
    return [(file.name, file.size, file.sha256, file.error) for file in request.files]


def as_sent(*files: tuple[str, bytes]) -> list[tuple[str | None, int, str | None, int]]:
    return [
        (name, len(data), hashlib.sha256(data).hexdigest(), UPLOAD_ERR_OK) for name, data in files
    ]


def large_server(directory: Path) -> PhpServer:
    """PHP with limits out of the way."""
    ini = {"post_max_size": "64M", "upload_max_filesize": "64M"}
    return PhpServer(directory, ini=ini)


NAMES = [
    pytest.param("mtr.txt", id="nothing to do"),
    pytest.param("снимка.png", id="Cyrillic"),
    pytest.param("漢字🎫.png", id="outside the basic plane"),
    pytest.param("50%.txt", id="a percent sign"),
    pytest.param("a%22b%2F.txt", id="what looks encoded"),
    pytest.param("it's; filename=b.txt; (1) [2] {3}.txt", id="other punctuation"),
    pytest.param("e\u0301.txt", id="not composed"),
    pytest.param("dir/a.txt", id="slash"),
    pytest.param("C:\\dir\\a.txt", id="backslash"),
    pytest.param("../../etc/passwd", id="a way up"),
    pytest.param('a"b.txt', id="quote"),
    pytest.param('"; name="evil', id="an attribute"),
    pytest.param("a:b*c?d<e>f|g.txt", id="what Windows forbids"),
    pytest.param("a\0b.txt", id="NUL"),
    pytest.param("a\r\nContent-Type: text/html\r\n\r\nb.txt", id="line ends"),
    pytest.param("a\nb\rc.txt", id="half line ends"),
    pytest.param("a\tb\x1fc\x7fd\x85e", id="control characters"),
    pytest.param("a\u2028b\u202ec\u200bd\ufeff.txt", id="invisible characters"),
    pytest.param("a.txt . .", id="dots and spaces at the end"),
    pytest.param("  a.txt", id="and at the beginning"),
    pytest.param("a  b.txt", id="and inside"),
    pytest.param("a\ud800b\udfff.txt", id="lone surrogates"),
    pytest.param("...", id="nothing is left"),
    pytest.param("x" * 300 + ".txt", id="too long"),
    pytest.param("я" * 200 + ".txt", id="too long in Cyrillic"),
    pytest.param("🎫" * 200, id="too long without a suffix"),
    pytest.param("attachments[]", id="the field's own name"),
    pytest.param("0", id="false in PHP"),
    pytest.param(".htaccess", id="a dot file"),
]


class TestFiles:
    @pytest.mark.parametrize("name", NAMES)
    async def test_names(self, php: PhpServer, name: str) -> None:
        data = os.urandom(1000)
        attachment = Attachment.from_bytes(data, name=name)
        request = await created(php, attachment)
        assert arrived(request) == as_sent((attachment.name, data))
        assert request.files[0].name_bytes == safe_name(name).encode()
        assert request.fields["message"] == MESSAGE
        assert request.validates

    async def test_their_types(self, php: PhpServer) -> None:
        types = {"a.png": "image/png", "a.log": "text/plain", "a": "application/octet-stream"}
        files = [Attachment.from_bytes(b"data", name=name) for name in types]
        own = Attachment.from_bytes(b"data", name="a.txt", content_type="x/y+z")
        request = await created(php, *files, own)
        assert [file.type for file in request.files] == [*types.values(), "x/y+z"]

    @pytest.mark.parametrize("length", [255, 1000, 5000, *range(5098, 5112), 5200, 10000])
    async def test_a_long_type_harms_no_content(self, php: PhpServer, length: int) -> None:
        # PHP reads a header line of 5120 bytes at most. A download's server chooses its type.
        content_type = "text/plain;".ljust(length, "x")
        try:
            attachment = Attachment.from_bytes(b"data", name="a.txt", content_type=content_type)
        except InvalidInputError:
            return
        assert arrived(await created(php, attachment)) == as_sent(("a.txt", b"data"))

    async def test_every_source_in_order(self, php: PhpServer, tmp_path: Path) -> None:
        small, large = tmp_path / "small.txt", tmp_path / "large.bin"
        contents = {
            "small.txt": b"small",
            "large.bin": os.urandom(MIB),
            "bytes.bin": os.urandom(100 * KIB),
            "stream.bin": os.urandom(300 * KIB),
            "once.txt": b"once",
            "empty.txt": b"",
        }
        small.write_bytes(contents["small.txt"])
        large.write_bytes(contents["large.bin"])
        stream = contents["stream.bin"]
        request = await created(
            php,
            str(small),
            large,
            Attachment.from_bytes(contents["bytes.bin"], name="bytes.bin"),
            Attachment.from_stream(
                lambda: Source(stream[:7], stream[7:]), name="stream.bin", size=len(stream)
            ),
            Attachment.from_iterator(Source(b"on", b"ce"), name="once.txt", size=4),
            Attachment.from_bytes(b"", name="empty.txt"),
        )
        assert arrived(request) == as_sent(*contents.items())
        assert request.files_in_array
        assert request.other_files == []
        assert request.validates

    async def test_every_length_around_a_read_of_php(self, php: PhpServer) -> None:
        for first in range(5000, 5140, 20):
            sizes = range(first, first + 20)
            files = [(f"{size}.bin", (b"x" * size + b"\r\n--vpsbg-")[-size:]) for size in sizes]
            request = await created(
                php, *(Attachment.from_bytes(data, name=name) for name, data in files)
            )
            assert arrived(request) == as_sent(*files)

    async def test_equal_names_are_all_kept(self, php: PhpServer) -> None:
        files = [(f"{number}/a.txt", b"%d" % number) for number in range(5)]
        request = await created(
            php, *(Attachment.from_bytes(data, name=name) for name, data in files)
        )
        assert arrived(request) == as_sent(*(("a.txt", data) for _, data in files))

    async def test_twenty_arrive_and_the_next_is_refused(self, php: PhpServer) -> None:
        files = [(f"{number}.txt", b"%d" % number) for number in range(21)]
        attachments = [Attachment.from_bytes(data, name=name) for name, data in files]
        assert arrived(await created(php, *attachments[:20])) == as_sent(*files[:20])
        await php.adrain()
        php.forget()
        async with client_of(php) as vps:
            with pytest.raises(InvalidInputError) as error:
                await vps.tickets.reply(1, message=MESSAGE, attachments=attachments)
        assert [*error.value.errors] == ["attachments"]
        await php.adrain()
        assert php.requests() == []

    async def test_more_are_sent_if_the_limit_says_so(self, php: PhpServer) -> None:
        # And PHP drops them without a word, which is why there is one.
        files = [Attachment.from_bytes(b"", name=f"{number}.txt") for number in range(21)]
        async with client_of(php, limits=Limits(max_files=21)) as vps:
            request = await seen_by(vps.tickets.reply(1, message=MESSAGE, attachments=files))
        assert len(request.files) == 20

    async def test_a_reply(self, php: PhpServer) -> None:
        files = [Attachment.from_bytes(data, name="a.txt") for data in (b"one", b"two")]
        async with client_of(php) as vps:
            request = await seen_by(vps.tickets.reply(5, message=MESSAGE, attachments=files))
        assert request.uri == "/support/tickets/5/messages"
        assert request.fields == {"message": MESSAGE}
        assert arrived(request) == as_sent(("a.txt", b"one"), ("a.txt", b"two"))
        assert request.validates_reply


class TestFields:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("Съобщение на кирилица", id="Cyrillic"),
            pytest.param('"quotes" \'and\' `ticks` \\ and \\" escapes', id="quotes"),
            pytest.param("one\ntwo\r\nthree\rfour\n\r", id="line ends"),
            pytest.param("🎫👩‍👩‍👧 e\u0301 \u202e", id="emoji, marks and directions"),
            pytest.param("   spaces around, tab\t  ", id="spaces"),
            pytest.param("\r\n\r\n  leading and trailing \r\n\r\n", id="line ends around"),
            pytest.param("%22 %0D%0A &amp; &#10; + a=b&c=d", id="what looks encoded"),
            pytest.param("a\0b\x01\x1b[31m\x7f", id="control characters"),
            pytest.param("--vpsbg-\r\n--vpsbg-00000000--\r\n--\r\n----", id="half boundaries"),
            pytest.param(
                '\r\n--x\r\nContent-Disposition: form-data; name="subject"\r\n\r\nb\r\n--x--\r\n',
                id="a part of a form",
            ),
            pytest.param("<p>HTML</p><script>alert(1)</script>", id="HTML"),
            pytest.param("<?php phpinfo(); ?>", id="PHP"),
            pytest.param("я" * 250, id="as long as a subject may be"),
        ],
    )
    async def test_texts_arrive_as_typed(self, php: PhpServer, text: str) -> None:
        request = await created(php, subject=text, message=text)
        assert request.raw("subject") == request.raw("message") == text.encode()
        async with client_of(php) as vps:
            reply = await seen_by(vps.tickets.reply(1, message=text))
        assert reply.raw("message") == text.encode()

    @pytest.mark.parametrize("length", [5000, 5120, 12 * KIB, 16 * KIB, 64 * KIB + 1, 2 * MIB])
    async def test_long_messages(self, php: PhpServer, length: int) -> None:
        message = "".join(chr(0x430 + number % 32) for number in range(length))
        request = await created(php, message=message)
        assert request.raw("message") == message.encode()
        async with client_of(php) as vps:
            file = Attachment.from_bytes(b"data", name="a.txt")
            reply = await seen_by(vps.tickets.reply(1, message=message, attachments=[file]))
        assert reply.raw("message") == message.encode()
        assert arrived(reply) == as_sent(("a.txt", b"data"))

    async def test_all_of_a_create(self, php: PhpServer) -> None:
        request = await created(php, department_id=12345, service_type="server", service_id=2747)
        assert request.method == "POST"
        assert request.uri == "/support/tickets"
        assert [*request.fields.items()] == [
            ("service_type", "server"),
            ("service_id", "2747"),
            ("message", MESSAGE),
            ("subject", SUBJECT),
            ("department_id", "12345"),
        ]
        assert request.headers["authorization"] == "Bearer key"
        assert request.headers["accept"] == "application/json"
        assert "expect" not in request.headers


TEXTS = st.text(
    st.one_of(st.sampled_from(' \r\n\t"-%\\'), st.characters(codec="utf-8")),
    min_size=5,
    max_size=99,
)
ANY_NAME = st.text(
    st.one_of(
        st.sampled_from("a.-_ \"\\/:*?<>|\0\n\r\t\x7f\x85\ud800\u0301\u2028'=;%жé漢🎫"),
        st.characters(exclude_categories=()),
    ),
    min_size=1,
    max_size=300,
).filter(str.strip)
CONTENTS = st.one_of(
    st.binary(max_size=100), st.sampled_from([b"\r\n", b"\r", b"\n--vpsbg-", b"--"])
)


class TestAnything:
    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        subject=TEXTS,
        message=TEXTS,
        files=st.lists(st.tuples(ANY_NAME, CONTENTS), min_size=1, max_size=20),
    )
    def test_arrives(
        self, php: PhpServer, subject: str, message: str, files: list[tuple[str, bytes]]
    ) -> None:
        attachments = [Attachment.from_bytes(data, name=name) for name, data in files]
        request = asyncio.run(created(php, *attachments, subject=subject, message=message))
        assert request.raw("subject") == subject.encode()
        assert request.raw("message") == message.encode()
        assert arrived(request) == as_sent(*((safe_name(name), data) for name, data in files))


class TestStreams:
    async def test_of_unknown_length(self, php: PhpServer) -> None:
        data = os.urandom(MIB)
        pieces = [data[start : start + 9999] for start in range(0, len(data), 9999)]
        stream = Attachment.from_stream(lambda: Source(*pieces), name="a.bin")
        request = await created(php, stream, Attachment.from_bytes(b"after", name="b.txt"))
        assert request.headers["transfer-encoding"] == "chunked"
        assert request.content_length is None
        assert arrived(request) == as_sent(("a.bin", data), ("b.txt", b"after"))
        assert request.validates

    async def test_that_give_nothing_at_times(self, php: PhpServer) -> None:
        for size in (None, 6):
            stream = Attachment.from_stream(
                lambda: Source(b"", b"one", b"", b"", b"two", b""), name="a.bin", size=size
            )
            assert arrived(await created(php, stream)) == as_sent(("a.bin", b"onetwo"))

    @pytest.mark.parametrize("compressed", [True, False])
    @pytest.mark.parametrize("with_length", [True, False])
    async def test_a_download_that_is_passed_on(
        self, php: PhpServer, compressed: bool, with_length: bool
    ) -> None:
        data = b"".join(b"line %d\n" % number for number in range(100_000))
        async with downloading(data, compressed, with_length) as response:
            attachment = Attachment.from_response(response, name="log.txt")
            request = await created(php, attachment)
        known = with_length and not compressed
        assert (request.content_length is not None) == known
        assert arrived(request) == as_sent(("log.txt", data))


class TestLimits:
    @pytest.mark.usefixtures("needs_php")
    async def test_eight_mebibytes(self, tmp_path: Path) -> None:
        data = os.urandom(8 * MIB)
        path = tmp_path / "a.bin"
        path.write_bytes(data)
        with large_server(server_directory(tmp_path)) as server:
            stream = Attachment.from_stream(lambda: Source(data), name="b.bin")
            request = await created(server, path, path)
            assert arrived(request) == as_sent(("a.bin", data), ("a.bin", data))
            assert int(request.content_length or 0) > 16 * MIB
            assert arrived(await created(server, stream)) == as_sent(("b.bin", data))

    async def test_the_largest_that_php_takes_by_default(self, php: PhpServer) -> None:
        # 8 MiB for the form, to the byte, and 2 MiB for a file.
        file = Attachment.from_bytes(bytes(2 * MIB), name="a.bin")
        larger = Attachment.from_bytes(bytes(2 * MIB + 1), name="b.bin")
        request = await created(php, file, file, larger)
        assert [file.error for file in request.files] == [0, 0, UPLOAD_ERR_INI_SIZE]

        last = await created(php, file, file, file)
        room = 8 * MIB - int(last.content_length or 0)
        message = MESSAGE + "x" * room
        fits = await created(php, file, file, file, message=message)
        assert fits.content_length == str(8 * MIB)
        assert (len(fits.files), fits.validates) == (3, True)

        # One byte more empties the form. Laravel sees it by the length, so one must be told.
        too_large = await created(php, file, file, file, message=message + "x")
        assert too_large.content_length == str(8 * MIB + 1)
        assert (too_large.fields, too_large.files) == ({}, [])

    async def test_a_chunked_one_that_is_too_large(self, php: PhpServer) -> None:
        # The length that Laravel compares is not there. Nothing validates all the same.
        stream = Attachment.from_stream(lambda: Source(bytes(9 * MIB)), name="a.bin")
        request = await created(php, stream)
        assert request.content_length is None
        assert not request.validates


class TestBehindNginx:
    """A server that passes bodies on while they come, to PHP that has parts of them in hand."""

    async def test_with_a_length(self, fpm: FpmServer, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        data = os.urandom(MIB)
        path.write_bytes(data)
        small = Attachment.from_bytes(b"data", name="снимка.png")
        request = await created(fpm, path, small)
        assert arrived(request) == as_sent(("a.bin", data), ("снимка.png", b"data"))
        assert request.validates

    async def test_without_one_it_is_an_empty_form(self, fpm: FpmServer) -> None:
        # It is answered as a success would be, so the API's own validation is what is left.
        stream = Attachment.from_stream(lambda: Source(bytes(MIB)), name="a.bin")
        request = await created(fpm, stream)
        assert (request.fields, request.files, request.validates) == ({}, [], False)


def server_directory(tmp_path: Path) -> Path:
    directory = tmp_path / "server"
    directory.mkdir()
    return directory


@contextlib.asynccontextmanager
async def downloading(
    data: bytes, compressed: bool, with_length: bool
) -> AsyncIterator[aiohttp.ClientResponse]:
    """A response of a local server."""
    body = gzip.compress(data) if compressed else data
    head = ["HTTP/1.1 200 OK", "Content-Type: text/plain"]
    head += ["Content-Encoding: gzip"] * compressed
    head += [f"Content-Length: {len(body)}" if with_length else "Transfer-Encoding: chunked"]
    sent = body if with_length else b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    async def handle(connection: RawConnection) -> None:
        await connection.head()
        await connection.write("\r\n".join([*head, "", ""]).encode() + sent)
        await connection.until_gone()

    async with (
        RawServer(handle) as server,
        aiohttp.ClientSession() as session,
        session.get(server.url) as response,
    ):
        yield response
