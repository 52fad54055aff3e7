"""`Form`: its bytes, its chunks, its length, and what independent parsers read in it."""

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from email.message import Message
from email.parser import BytesParser
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import python_multipart
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.attachments.support import KIB, MIB, Source, descriptors, drained
from vpsbg_async.attachments import Attachment, AttachmentLike, Limits
from vpsbg_async.attachments.names import safe_name
from vpsbg_async.attachments.prepare import prepare
from vpsbg_async.core.multipart import Form
from vpsbg_async.errors import AttachmentError

BOUNDARY = "b0undary"
SMALL = 64 * KIB
ONE_RECORD = 12 * KIB
TLS_RECORD = 16 * KIB

FIELDS = [("message", "Съобщение\r\nи още едно"), ("subject", "Тема")]
DEPARTMENT = ("department_id", "12")


async def form_of(
    files: Sequence[AttachmentLike] = (),
    fields: Sequence[tuple[str, str]] = FIELDS,
    last: tuple[str, str] = DEPARTMENT,
    boundary: str | None = BOUNDARY,
) -> Form:
    prepared, problems = await prepare(files, Limits(max_files=10**6))
    assert problems == {}
    return Form(fields, prepared, last, boundary)


async def chunks_of(form: Form) -> list[bytes]:
    async with form.open() as chunks:
        return [chunk async for chunk in chunks]


def of_bytes(data: bytes, name: str = "a.bin") -> Attachment:
    return Attachment.from_bytes(data, name=name, content_type="x/y")


def of_stream(*chunks: Any, size: int | None = None, name: str = "a.bin") -> Attachment:
    return Attachment.from_stream(lambda: Source(*chunks), name=name, size=size, content_type="x/y")


def field(name: str, value: str) -> bytes:
    """A field as browsers send it."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return f"{head}{value}\r\n".encode()


def file_head(name: str = "a.bin", content_type: str = "x/y") -> bytes:
    return (
        f"--{BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="attachments[]"; filename="{name}"\r\n'
        f"Content-Type: {content_type}\r\n\r\n"
    ).encode()


CLOSING = f"--{BOUNDARY}--\r\n".encode()
HEAD = field(*FIELDS[0]) + field(*FIELDS[1])
PROOF = field(*DEPARTMENT) + CLOSING


class TestBytes:
    async def test_a_create(self) -> None:
        files = [
            Attachment.from_bytes(b"\x89PNG\r\n", name="снимка.png"),
            Attachment.from_bytes(b"", name='a"b\\c;d.txt'),
        ]
        fields = [("service_type", "server"), ("service_id", "2747"), *FIELDS]
        form = await form_of(files, fields)
        assert form.content_type == "multipart/form-data; boundary=b0undary"
        assert await chunks_of(form) == [
            b"--b0undary\r\n"
            b'Content-Disposition: form-data; name="service_type"\r\n'
            b"\r\n"
            b"server\r\n"
            b"--b0undary\r\n"
            b'Content-Disposition: form-data; name="service_id"\r\n'
            b"\r\n"
            b"2747\r\n"
            b"--b0undary\r\n"
            b'Content-Disposition: form-data; name="message"\r\n'
            b"\r\n" + "Съобщение\r\nи още едно".encode() + b"\r\n"
            b"--b0undary\r\n"
            b'Content-Disposition: form-data; name="subject"\r\n'
            b"\r\n" + "Тема".encode() + b"\r\n"
            b"--b0undary\r\n"
            b'Content-Disposition: form-data; name="attachments[]"; filename="'
            + "снимка.png".encode()
            + b'"\r\n'
            b"Content-Type: image/png\r\n"
            b"\r\n"
            b"\x89PNG\r\n\r\n"
            b"--b0undary\r\n"
            b'Content-Disposition: form-data; name="attachments[]"; filename="c;d.txt"\r\n'
            b"Content-Type: text/plain\r\n"
            b"\r\n"
            b"\r\n"
            b"--b0undary\r\n"
            b'Content-Disposition: form-data; name="department_id"\r\n'
            b"\r\n"
            b"12\r\n"
            b"--b0undary--\r\n"
        ]

    async def test_a_reply(self) -> None:
        form = await form_of([of_bytes(b"one"), of_stream(b"t", b"wo")], [], ("message", "Hello"))
        assert await chunks_of(form) == [
            file_head() + b"one\r\n" + file_head(),
            b"t",
            b"wo",
            b"\r\n",
            field("message", "Hello") + CLOSING,
        ]

    async def test_a_reply_without_files(self) -> None:
        form = await form_of([], [], ("message", "Hello"))
        assert await chunks_of(form) == [field("message", "Hello") + CLOSING]

    @pytest.mark.parametrize("value", ["", " ", "\r\n", "a\0b", "--b0undary", '"', "%22", "🎫"])
    async def test_values_are_sent_as_they_are(self, value: str) -> None:
        form = await form_of([], [("subject", value)], ("message", value))
        expected = [field("subject", value) + field("message", value) + CLOSING]
        assert await chunks_of(form) == expected

    async def test_a_boundary_of_its_own_for_each(self) -> None:
        forms = [await form_of(boundary=None) for _ in range(100)]
        types = {form.content_type for form in forms}
        assert len(types) == 100
        for form in forms:
            _, boundary = form.content_type.split("; boundary=")
            # 128 bits that nobody can guess, and no character that would need quotes.
            assert re.fullmatch(r"[a-z-]+[0-9a-f]{32}", boundary)
            assert len(boundary) <= 70
            (body,) = await chunks_of(form)
            assert body.count(boundary.encode()) == 4
            assert body.startswith(f"--{boundary}\r\n".encode())
            assert body.endswith(f"\r\n--{boundary}--\r\n".encode())


class TestChunks:
    """What goes out in one piece, and what does not."""

    async def test_a_form_that_fits_a_record_is_one_chunk(self) -> None:
        room = ONE_RECORD - len(HEAD + file_head() + b"\r\n" + PROOF)
        whole = HEAD + file_head() + b"x" * room + b"\r\n" + PROOF
        assert await chunks_of(await form_of([of_bytes(b"x" * room)])) == [whole]

    async def test_one_that_does_not_has_its_last_field_apart(self) -> None:
        room = ONE_RECORD - len(HEAD + file_head() + b"\r\n" + PROOF) + 1
        rest = HEAD + file_head() + b"x" * room + b"\r\n"
        assert await chunks_of(await form_of([of_bytes(b"x" * room)])) == [rest, PROOF]

    async def test_small_files_go_together_with_the_rest(self, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"p" * SMALL)
        small, on_disk = of_bytes(b"s" * SMALL), Attachment.from_path(path, content_type="x/y")
        together = b"".join(file_head() + data + b"\r\n" for data in (b"s" * SMALL, b"p" * SMALL))
        assert await chunks_of(await form_of([small, on_disk])) == [HEAD + together, PROOF]

    async def test_a_big_one_goes_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"p" * (SMALL + 1))
        big, on_disk = of_bytes(b"b" * (SMALL + 1)), Attachment.from_path(path, content_type="x/y")
        assert await chunks_of(await form_of([of_bytes(b"s"), big, on_disk, of_bytes(b"s")])) == [
            HEAD + file_head() + b"s\r\n" + file_head(),
            b"b" * (SMALL + 1),
            b"\r\n" + file_head(),
            b"p" * (SMALL + 1),
            b"\r\n" + file_head() + b"s\r\n",
            PROOF,
        ]

    async def test_a_big_one_in_memory_is_not_copied(self) -> None:
        data = os.urandom(MIB)
        (_, sent, *_) = await chunks_of(await form_of([of_bytes(data)]))
        assert sent is data

    async def test_a_stream_is_passed_on_as_it_comes(self) -> None:
        for size in (None, 6):
            form = await form_of([of_stream(b"one", b"", b"two", size=size)])
            expected = [HEAD + file_head(), b"one", b"", b"two", b"\r\n", PROOF]
            assert await chunks_of(form) == expected

    @pytest.mark.parametrize("length", [1, TLS_RECORD, MIB])
    @pytest.mark.parametrize("streamed", [True, False])
    async def test_the_last_field_is_whole_however_long(self, length: int, streamed: bool) -> None:
        message = ("message", "я" * length)
        files = [of_stream(b"data") if streamed else of_bytes(b"data")]
        last = (await chunks_of(await form_of(files, [], message)))[-1]
        assert last.endswith(field(*message) + CLOSING)
        if streamed or len(last) > ONE_RECORD:
            assert last == field(*message) + CLOSING

    async def test_a_long_field_that_is_not_the_last(self) -> None:
        fields = [("message", "я" * MIB), ("subject", "Тема")]
        form = await form_of([], fields)
        assert await chunks_of(form) == [field(*fields[0]), field(*fields[1]), PROOF]


class TestLength:
    async def test_known(self) -> None:
        files = [of_bytes(b"one"), of_stream(b"two", size=3), of_bytes(b"x" * MIB)]
        for count in range(len(files) + 1):
            form = await form_of(files[:count])
            assert form.content_length == len(b"".join(await chunks_of(form)))

    async def test_unknown(self) -> None:
        files = [of_bytes(b"one"), of_stream(b"two")]
        assert (await form_of(files)).content_length is None
        assert (await form_of(files[::-1])).content_length is None

    async def test_of_a_file_that_grows(self, tmp_path: Path) -> None:
        path = tmp_path / "app.log"
        path.write_bytes(b"x" * MIB)
        form = await form_of([path])
        with path.open("ab") as log:
            log.write(b"more")
        assert form.content_length == len(b"".join(await chunks_of(form)))

    async def test_a_pass_does_not_change_it(self) -> None:
        form = await form_of([of_stream(b"two")])
        await chunks_of(form)
        assert form.content_length is None


class TestPasses:
    async def test_each_is_the_same(self, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(os.urandom(MIB))
        form = await form_of([path, of_stream(b"one", b"two"), of_bytes(b"x" * MIB)])
        first = await chunks_of(form)
        for _ in range(2):
            assert await chunks_of(form) == first

    async def test_after_one_that_was_left(self) -> None:
        form = await form_of([of_stream(b"one", b"two")])
        async with form.open() as chunks:
            assert [await anext(chunks), await anext(chunks)] == [HEAD + file_head(), b"one"]
        assert await chunks_of(form) == [HEAD + file_head(), b"one", b"two", b"\r\n", PROOF]

    async def test_nothing_is_opened_before_it_is_asked_for(self) -> None:
        source = Source(b"one")
        form = await form_of([Attachment.from_stream(lambda: source, name="a.bin")])
        async with form.open() as chunks:
            assert source.given == 0
            await anext(chunks)
            assert source.given == 0

    async def test_replayable(self) -> None:
        once = Attachment.from_iterator(Source(b"one"), name="a.bin")
        assert (await form_of()).replayable
        assert (await form_of([of_bytes(b"one"), of_stream(b"two")])).replayable
        form = await form_of([of_bytes(b"one"), once])
        assert form.replayable  # it has not run
        await chunks_of(form)
        assert not form.replayable
        with pytest.raises(AttachmentError, match="runs once"):
            await chunks_of(form)


class TestCurrent:
    async def test_the_file_that_is_being_streamed(self) -> None:
        form = await form_of([of_stream(b"one"), of_bytes(b"small"), of_stream(b"two")])
        assert form.current is None
        current = []
        async with form.open() as chunks:
            async for chunk in chunks:
                number = None if form.current is None else form.files.index(form.current)
                current.append((chunk[-5:], number))
        assert current == [
            ((HEAD + file_head())[-5:], None),
            (b"one", 0),
            (file_head()[-5:], None),
            (b"two", 2),
            (b"\r\n", None),
            (PROOF[-5:], None),
        ]
        assert form.current is None

    async def test_the_file_that_failed(self) -> None:
        source = Source(b"two", ZeroDivisionError())
        failing = Attachment.from_stream(lambda: source, name="b.bin")
        form = await form_of([of_stream(b"one"), failing, of_stream(b"three")])
        given: list[bytes] = []

        async def take() -> None:
            async with form.open() as chunks:
                async for chunk in chunks:
                    given.append(chunk)  # noqa: PERF401 - what came before the error counts

        with pytest.raises(AttachmentError) as error:
            await take()
        assert error.value.attachment is failing
        assert form.current is form.files[1]
        assert b"".join(given).endswith(b"two")
        assert not any(b"department_id" in chunk for chunk in given)
        assert source.closed == 1

    async def test_a_new_pass_has_none(self) -> None:
        form = await form_of([of_stream(b"one", ZeroDivisionError())])
        with pytest.raises(AttachmentError):
            await chunks_of(form)
        async with form.open() as chunks:
            await anext(chunks)
            assert form.current is None


class TestClosing:
    """Leaving the context closes what is open, in the middle of a file too."""

    async def test_left(self, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(bytes(5 * MIB))
        source = Source(b"one", b"two")
        form = await form_of([Attachment.from_iterator(source, name="a.bin"), path])
        async with form.open() as chunks:
            await anext(chunks)
            await anext(chunks)
        assert source.closed == 1

        form = await form_of([path])
        async with form.open() as chunks:
            await anext(chunks)
            await anext(chunks)
            assert descriptors(path) == 1
        assert descriptors(path) == 0

    async def test_cancelled(self) -> None:
        source = Source(b"one", asyncio.Event())
        form = await form_of([Attachment.from_iterator(source, name="a.bin")])
        task = asyncio.create_task(chunks_of(form))
        await source.waits.wait()
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert source.closed == 1

    async def test_two_passes_at_once_do_not_close_each_other(self) -> None:
        form = await form_of([of_stream(b"one", b"two")])
        async with form.open() as first, form.open() as second:
            assert [await anext(first) for _ in range(2)] == [HEAD + file_head(), b"one"]
            expected = [HEAD + file_head(), b"one", b"two", b"\r\n", PROOF]
            assert [chunk async for chunk in second] == expected
            assert await drained(first) == b"two\r\n" + PROOF


class Part(NamedTuple):
    """A part of a form as a parser sees it."""

    name: str
    filename: str | None
    content: bytes


def read_by_python_multipart(content_type: str, body: bytes) -> list[Part]:
    parts: list[Part] = []

    def on_field(field: Any) -> None:
        parts.append(Part(field.field_name.decode(), None, field.value or b""))

    def on_file(file: Any) -> None:
        file.file_object.seek(0)
        content = file.file_object.read()
        parts.append(Part(file.field_name.decode(), file.file_name.decode(), content))
        file.close()

    headers = {"Content-Type": content_type.encode(), "Content-Length": str(len(body)).encode()}
    python_multipart.parse_form(headers, BytesIO(body), on_field, on_file)
    return parts


def read_by_email(content_type: str, body: bytes) -> list[Part]:
    head = f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n"
    message = BytesParser().parsebytes(head.encode() + body)
    assert message.defects == []
    parts = message.get_payload()
    assert isinstance(parts, list)
    return [part_of(part) for part in parts if isinstance(part, Message)]


def part_of(message: Message) -> Part:
    headers = dict(message.raw_items())
    # The parser keeps bytes that are not ASCII as surrogates, and would replace them.
    disposition = str(headers["Content-Disposition"]).encode("ascii", "surrogateescape").decode()
    reader = Message()
    reader["Content-Disposition"] = disposition
    name, filename = (
        reader.get_param(name, header="Content-Disposition") for name in ("name", "filename")
    )
    content = message.get_payload(decode=True)
    assert isinstance(name, str)
    assert isinstance(content, bytes)
    return Part(name, None if filename is None else str(filename), content)


PARSERS: dict[str, Callable[[str, bytes], list[Part]]] = {
    "python-multipart": read_by_python_multipart,
    "email": read_by_email,
}

NASTY = "a.-_ \"\\/:*?<>|\0\n\r\t\x7f\x85\ud800\u0301\u2028'=;%+&жé漢🎫"
NAMES = st.text(
    st.one_of(st.sampled_from(NASTY), st.characters(exclude_categories=())), max_size=60
)
VALUES = st.text(
    st.one_of(st.sampled_from('a \r\n-"\0'), st.characters(codec="utf-8")),
    max_size=200,
)
CONTENTS = st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from([b"\r", b"\n", b"--", b"b0undary", b"\r\n--b0undar", b"x"])).map(
        b"".join
    ),
    st.sampled_from([b"x" * SMALL, b"y" * (SMALL + 1), b"\r\n" * SMALL]),
)


class Sent(NamedTuple):
    """A file that is sent, and how."""

    name: str
    content: bytes
    kind: str

    @property
    def attachment(self) -> Attachment:
        if self.kind == "bytes":
            return of_bytes(self.content, name=self.name)
        half = len(self.content) // 2
        size = len(self.content) if self.kind == "known" else None
        return of_stream(self.content[:half], self.content[half:], size=size, name=self.name)


FILES = st.lists(
    st.builds(
        Sent,
        name=NAMES.filter(str.strip),
        content=CONTENTS,
        kind=st.sampled_from(["bytes", "known", "unknown"]),
    ),
    max_size=5,
)


@pytest.mark.parametrize("parse", PARSERS.values(), ids=PARSERS)
class TestReadBack:
    @settings(deadline=None)
    @given(values=st.lists(VALUES, max_size=4), files=FILES, last=VALUES)
    @example(values=["\r\n", "--b0undary"], files=[Sent("a.bin", b"\r", "bytes")], last="\r")
    def test_what_is_sent_is_what_is_read(
        self,
        parse: Callable[[str, bytes], list[Part]],
        values: list[str],
        files: list[Sent],
        last: str,
    ) -> None:
        fields = [(f"field{number}", value) for number, value in enumerate(values)]

        async def encode() -> tuple[Form, list[bytes], list[bytes]]:
            attachments = [file.attachment for file in files]
            form = await form_of(attachments, fields, ("message", last), boundary=None)
            return form, await chunks_of(form), await chunks_of(form)

        form, chunks, again = asyncio.run(encode())
        body = b"".join(chunks)
        assert chunks == again
        known = all(file.kind != "unknown" for file in files)
        assert form.content_length == (len(body) if known else None)
        assert last.encode() in chunks[-1]
        assert parse(form.content_type, body) == [
            *(Part(name, None, value.encode()) for name, value in fields),
            *(Part("attachments[]", safe_name(file.name), file.content) for file in files),
            Part("message", None, last.encode()),
        ]
