"""`Attachment`, its `from_` methods, and `Limits`."""

import copy
import gzip
import os
import pickle
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest

from vpsbg_async.attachments import Attachment, Limits
from vpsbg_async.attachments.contents import Content, ContentError
from vpsbg_async.errors import ConfigurationError, InvalidInputError, Outcome, VPSBGError
from vpsbg_async.testing import RawConnection, RawServer

from .support import MIB, Source, drained, factory_of, until

DATA = b"secret content"

Make = Callable[..., Attachment]
MAKERS: dict[str, Make] = {
    "from_path": lambda **options: Attachment.from_path("/tmp/a.txt", **options),
    "from_bytes": lambda **options: Attachment.from_bytes(DATA, **options),
    "from_stream": lambda **options: Attachment.from_stream(factory_of(DATA), **options),
    "from_iterator": lambda **options: Attachment.from_iterator(Source(DATA), **options),
    "from_response": lambda **options: Attachment.from_response(Download(), **options),
}
every_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


class Download:
    """The least that `from_response` asks for."""

    def __init__(self, *chunks: bytes, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.content = self
        self.asked_for = 0
        self._chunks = chunks

    def iter_chunked(self, n: int, /) -> AsyncIterator[bytes]:
        self.asked_for = n
        return Source(*self._chunks)


class PathLike:
    def __init__(self, path: Any) -> None:
        self._path = path

    def __fspath__(self) -> Any:
        return self._path


def content_of(attachment: Attachment) -> Content:
    assert not isinstance(attachment.source, str)
    return attachment.source


async def bytes_of(attachment: Attachment) -> bytes:
    return await drained(content_of(attachment).stream())


def refused(error: pytest.ExceptionInfo[InvalidInputError], argument: str) -> bool:
    """Whether this argument, and no other, was refused with a text, and nothing was sent."""
    return [*error.value.errors] == [argument] and error.value.outcome is Outcome.NOT_SENT


class TestEveryWay:
    """What all the ``from_`` methods have in common."""

    @every_maker
    def test_name(self, make: Make) -> None:
        assert make(name="dir/снимка\n1.png").name == "снимка_1.png"

    @every_maker
    @pytest.mark.parametrize("name", [b"a.txt", 5, ["a.txt"], Path("a.txt"), False])
    def test_a_name_that_is_no_text(self, make: Make, name: object) -> None:
        with pytest.raises(InvalidInputError) as error:
            make(name=name)
        assert refused(error, "name")

    @every_maker
    @pytest.mark.parametrize("name", ["", " ", "\n\t"])
    def test_an_empty_name_stays_empty_so_that_it_is_refused(self, make: Make, name: str) -> None:
        assert make(name=name).name == ""

    @every_maker
    def test_type(self, make: Make) -> None:
        assert make(name="a.png").content_type == "image/png"
        assert make(name="a.png", content_type="x/y; z=1").content_type == "x/y; z=1"

    @every_maker
    @pytest.mark.parametrize(
        "content_type", ["", "text", "text/plain\r\nX: y", "text/plain\n", "тип/тип"]
    )
    def test_a_type_that_is_none(self, make: Make, content_type: str) -> None:
        with pytest.raises(InvalidInputError) as error:
            make(name="a.png", content_type=content_type)
        assert refused(error, "content_type")

    @every_maker
    def test_a_type_that_is_no_text(self, make: Make) -> None:
        for content_type in (b"text/plain", 5, ["text/plain"]):
            with pytest.raises(InvalidInputError) as error:
                make(name="a.png", content_type=content_type)
            assert refused(error, "content_type")

    @every_maker
    def test_repr_shows_no_content(self, make: Make) -> None:
        shown = repr(make(name="a.txt"))
        assert "a.txt" in shown
        assert "secret" not in shown
        assert "source" not in shown

    @every_maker
    def test_it_cannot_be_changed(self, make: Make) -> None:
        attachment = make(name="a.txt")
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            attachment.name = "b.txt"  # type: ignore[misc]

    @every_maker
    def test_two_of_the_same_are_two(self, make: Make) -> None:
        attachment = make(name="a.txt")
        assert attachment != make(name="a.txt")
        assert len({attachment, make(name="a.txt"), copy.copy(attachment)}) == 3


class TestPickles:
    """An error holds its attachment, and travels between processes."""

    @every_maker
    def test_what_it_says_of_itself_is_kept(self, make: Make) -> None:
        attachment = make(name="a.txt")
        again = pickle.loads(pickle.dumps(attachment))
        assert repr(again) == repr(attachment)

    async def test_bytes_and_paths_can_still_be_sent(self) -> None:
        for make in (MAKERS["from_path"], MAKERS["from_bytes"]):
            attachment = make(name="a.txt")
            for again in (pickle.loads(pickle.dumps(attachment)), copy.deepcopy(attachment)):
                if make is MAKERS["from_path"]:
                    assert again.source == attachment.source
                else:
                    assert await bytes_of(again) == DATA

    @pytest.mark.parametrize("way", ["from_stream", "from_iterator", "from_response"])
    async def test_streams_cannot(self, way: str) -> None:
        attachment = MAKERS[way](name="a.txt")
        for again in (pickle.loads(pickle.dumps(attachment)), copy.deepcopy(attachment)):
            with pytest.raises(ContentError):
                await bytes_of(again)
        assert await bytes_of(attachment) == (b"" if way == "from_response" else DATA)


class TestFromPath:
    @pytest.mark.parametrize("path", ["dir/a.txt", Path("dir/a.txt"), PathLike("dir/a.txt")])
    def test_what_a_path_is(self, path: str | os.PathLike[str]) -> None:
        attachment = Attachment.from_path(path)
        assert (attachment.name, attachment.content_type) == ("a.txt", "text/plain")
        assert (attachment.source, attachment.size) == ("dir/a.txt", None)
        assert attachment.replayable

    @pytest.mark.parametrize("path", [b"a.txt", 5, None, ["a.txt"], PathLike(b"a.txt")])
    def test_what_is_none(self, path: Any) -> None:
        with pytest.raises(InvalidInputError) as error:
            Attachment.from_path(path)
        assert refused(error, "path")

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("dir/", "dir"),
            ("/", ""),
            ("", ""),
            (".", ""),
            ("..", "attachment.bin"),
            ("a\\b.txt", "b.txt"),
            ("caf\udce9.txt", "caf_.txt"),
            ("a\0b.txt", "a_b.txt"),
        ],
    )
    def test_its_last_part_is_the_name(self, path: str, name: str) -> None:
        assert Attachment.from_path(path).name == name

    def test_nothing_is_looked_at_yet(self) -> None:
        assert Attachment.from_path("/nowhere/a.txt").name == "a.txt"


class TestFromBytes:
    @pytest.mark.parametrize("data", [DATA, bytearray(DATA), memoryview(DATA)])
    async def test_what_bytes_are(self, data: bytes | bytearray | memoryview) -> None:
        attachment = Attachment.from_bytes(data, name="a.txt")
        assert (attachment.size, attachment.replayable) == (len(DATA), True)
        assert [await bytes_of(attachment) for _ in range(2)] == [DATA, DATA]

    @pytest.mark.parametrize(
        "view", [memoryview(DATA)[::2], memoryview(DATA[:12]).cast("I"), memoryview(b"")]
    )
    async def test_a_view_counts_in_bytes(self, view: memoryview) -> None:
        attachment = Attachment.from_bytes(view, name="a.txt")
        assert attachment.size == view.nbytes
        assert await bytes_of(attachment) == bytes(view)

    async def test_a_buffer_is_free_to_be_used_again(self) -> None:
        data = bytearray(DATA)
        attachment = Attachment.from_bytes(data, name="a.txt")
        data[:] = b""
        assert await bytes_of(attachment) == DATA

    @pytest.mark.parametrize("data", ["text", 5, None, [1, 2], Path("a.txt"), object()])
    def test_what_are_none(self, data: Any) -> None:
        with pytest.raises(InvalidInputError) as error:
            Attachment.from_bytes(data, name="a.txt")
        assert refused(error, "data")


class TestFromStream:
    async def test_each_pass_starts_anew(self) -> None:
        attachment = Attachment.from_stream(factory_of(b"one", b"two"), name="a.txt")
        assert (attachment.size, attachment.replayable) == (None, True)
        assert [await bytes_of(attachment) for _ in range(3)] == [b"onetwo"] * 3

    def test_a_size_is_taken_at_its_word(self) -> None:
        for size in (0, 5, 2**40):
            assert Attachment.from_stream(factory_of(), name="a.txt", size=size).size == size

    @pytest.mark.parametrize("factory", [None, b"data", "a.txt", Source()])
    def test_what_is_no_factory(self, factory: Any) -> None:
        with pytest.raises(InvalidInputError) as error:
            Attachment.from_stream(factory, name="a.txt")
        assert refused(error, "factory")

    @pytest.mark.parametrize("size", [-1, 1.0, "5", True, False, b"5"])
    def test_what_is_no_size(self, size: Any) -> None:
        for make in (MAKERS["from_stream"], MAKERS["from_iterator"]):
            with pytest.raises(InvalidInputError) as error:
                make(name="a.txt", size=size)
            assert refused(error, "size")


class TestFromIterator:
    async def test_it_runs_once(self) -> None:
        attachment = Attachment.from_iterator(factory_of(b"one", b"two")(), name="a.txt", size=6)
        assert (attachment.size, attachment.replayable) == (6, False)
        assert await bytes_of(attachment) == b"onetwo"
        with pytest.raises(ContentError, match="runs once"):
            await bytes_of(attachment)

    @pytest.mark.parametrize("iterator", [None, b"data", [b"data"], iter([b"data"]), factory_of()])
    def test_what_is_no_iterator(self, iterator: Any) -> None:
        with pytest.raises(InvalidInputError) as error:
            Attachment.from_iterator(iterator, name="a.txt")
        assert refused(error, "iterator")


class TestFromResponse:
    """A response that is being received from a server."""

    @pytest.fixture
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with aiohttp.ClientSession() as session:
            yield session

    async def test_with_a_length(self, session: aiohttp.ClientSession) -> None:
        async with answering(session, answer(DATA, f"Content-Length: {len(DATA)}")) as response:
            attachment = Attachment.from_response(response, name="a.bin")
            assert (attachment.size, attachment.replayable) == (len(DATA), False)
            assert await bytes_of(attachment) == DATA

    async def test_compressed(self, session: aiohttp.ClientSession) -> None:
        packed = gzip.compress(DATA * 1000)
        head = ("Content-Encoding: gzip", f"Content-Length: {len(packed)}")
        async with answering(session, answer(packed, *head)) as response:
            assert response.content_length == len(packed)
            attachment = Attachment.from_response(response, name="a.bin")
            assert attachment.size is None
            assert await bytes_of(attachment) == DATA * 1000

    async def test_chunked(self, session: aiohttp.ClientSession) -> None:
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (DATA, DATA, b""))
        async with answering(session, answer(chunks, "Transfer-Encoding: chunked")) as response:
            attachment = Attachment.from_response(response, name="a.bin")
            assert attachment.size is None
            assert await bytes_of(attachment) == DATA * 2

    async def test_until_the_connection_closes(self, session: aiohttp.ClientSession) -> None:
        async with answering(session, answer(DATA)) as response:
            attachment = Attachment.from_response(response, name="a.bin")
            assert attachment.size is None
            assert await bytes_of(attachment) == DATA

    async def test_it_comes_in_small_chunks(self, session: aiohttp.ClientSession) -> None:
        data = os.urandom(MIB)
        async with answering(session, answer(data, f"Content-Length: {len(data)}")) as response:
            content = content_of(Attachment.from_response(response, name="a.bin"))
            chunks = [chunk async for chunk in content.stream()]
        assert b"".join(chunks) == data
        assert max(map(len, chunks)) <= 64 * 1024

    async def test_that_breaks_off(self, session: aiohttp.ClientSession) -> None:
        async with answering(session, answer(DATA, "Content-Length: 100")) as response:
            attachment = Attachment.from_response(response, name="a.bin")
            with pytest.raises(aiohttp.ClientPayloadError):
                await bytes_of(attachment)

    async def test_that_was_left(self, session: aiohttp.ClientSession) -> None:
        for head in ([f"Content-Length: {len(DATA)}"], []):
            async with answering(session, answer(DATA, *head)) as response:
                attachment = Attachment.from_response(response, name="a.bin")
            with pytest.raises(aiohttp.ClientConnectionError):
                await bytes_of(attachment)

    async def test_with_nothing_in_it(self, session: aiohttp.ClientSession) -> None:
        for head, body in (
            ("Content-Length: 0", b""),
            ("Transfer-Encoding: chunked", b"0\r\n\r\n"),
            ("Connection: close", b""),
        ):
            async with answering(session, answer(body, head)) as response:
                await until(response.content.at_eof)
                attachment = Attachment.from_response(response, name="a.bin")
                assert await bytes_of(attachment) == b""

    async def test_that_was_read_before(self, session: aiohttp.ClientSession) -> None:
        chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(DATA), DATA)
        async with answering(session, answer(chunked, "Transfer-Encoding: chunked")) as response:
            assert await response.read() == DATA
            # Nothing is left of it: an empty file would go out in its place.
            with pytest.raises((InvalidInputError, ContentError)):
                await bytes_of(Attachment.from_response(response, name="a.bin"))

    @pytest.mark.parametrize(
        ("head", "name", "content_type"),
        [
            ("Content-Type: image/webp", "a.png", "image/webp"),
            ("Content-Type: text/html; charset=utf-8", "a.png", "text/html; charset=utf-8"),
            ("X-No-Type: 1", "a.png", "image/png"),
            ("Content-Type: nonsense", "a.png", "image/png"),
            ("Content-Type: тип/тип", "a.png", "image/png"),
            ("Content-Type: " + "a/b;" + "x" * 5102, "a.png", "image/png"),
        ],
    )
    async def test_its_type(
        self, session: aiohttp.ClientSession, head: str, name: str, content_type: str
    ) -> None:
        async with answering(session, answer(DATA, head)) as response:
            assert Attachment.from_response(response, name=name).content_type == content_type
            ours = Attachment.from_response(response, name=name, content_type="x/y")
            assert ours.content_type == "x/y"

    def test_a_protocol_is_all_it_takes(self) -> None:
        response = Download(Content_Length="5")
        assert Attachment.from_response(response, name="a.bin").size == 5
        assert 0 < response.asked_for <= MIB

    @pytest.mark.parametrize("length", ["", "-1", "5, 5", "5.0", "0x5", " ", "five", "9" * 5000])
    def test_a_length_that_is_none(self, length: str) -> None:
        assert Attachment.from_response(Download(Content_Length=length), name="a.bin").size is None

    @pytest.mark.parametrize("response", [None, object()])
    def test_what_is_no_response(self, response: Any) -> None:
        with pytest.raises(InvalidInputError) as error:
            Attachment.from_response(response, name="a.bin")
        assert refused(error, "response")


class TestLimits:
    def test_defaults(self) -> None:
        assert Limits() == Limits(max_files=20, max_file_size=None, max_total_size=None)

    def test_nothing_at_all_can_be_a_limit(self) -> None:
        assert Limits(max_files=0, max_file_size=0, max_total_size=0).max_files == 0

    @pytest.mark.parametrize("name", ["max_files", "max_file_size", "max_total_size"])
    @pytest.mark.parametrize("value", [-1, 1.0, "20", True, False, b"1", float("inf")])
    def test_what_is_no_limit(self, name: str, value: object) -> None:
        with pytest.raises(ConfigurationError, match=name):
            Limits(**{name: value})  # type: ignore[arg-type]

    def test_the_number_of_files_is_limited(self) -> None:
        with pytest.raises(ConfigurationError, match="max_files"):
            Limits(max_files=None)  # type: ignore[arg-type]

    def test_they_go_by_name_and_cannot_be_changed(self) -> None:
        with pytest.raises(TypeError):
            Limits(5)  # type: ignore[call-arg]
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            Limits().max_files = 5  # type: ignore[misc]


def test_wrong_arguments_are_errors_of_the_package() -> None:
    with pytest.raises(VPSBGError):
        Attachment.from_bytes("text", name="a.txt")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="data"):
        Attachment.from_bytes("text", name="a.txt")  # type: ignore[arg-type]


def answer(body: bytes, *head: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", *head, "", ""]
    return "\r\n".join(lines).encode() + body


def answering(
    session: aiohttp.ClientSession, data: bytes
) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
    """A response whose bytes are these, from a server that closes the connection after them."""

    async def handle(connection: RawConnection) -> None:
        await connection.head()
        await connection.write(data)

    @asynccontextmanager
    async def respond() -> AsyncIterator[aiohttp.ClientResponse]:
        async with RawServer(handle) as server, session.get(server.url) as response:
            yield response

    return respond()
