"""From attachments to what one call sends: all problems before it, every check during it."""

import asyncio
import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vpsbg_async.attachments import Attachment, AttachmentLike, Limits
from vpsbg_async.attachments.prepare import Prepared, Problems, prepare
from vpsbg_async.errors import AttachmentError, Outcome

from .support import MIB, Source, descriptors, drained, turns

NO_LIMITS = Limits(max_files=10**6)


async def problems_of(attachments: Any, limits: Limits = NO_LIMITS) -> Problems:
    _, problems = await prepare(attachments, limits)
    return problems


async def ready(*attachments: AttachmentLike, limits: Limits = NO_LIMITS) -> list[Prepared]:
    """The attachments, without a problem."""
    files, problems = await prepare(attachments, limits)
    assert problems == {}
    assert len(files) == len(attachments)
    return files


async def one_of(attachment: AttachmentLike) -> Prepared:
    (file,) = await ready(attachment)
    return file


def of_bytes(data: bytes, name: str = "a.txt") -> Attachment:
    return Attachment.from_bytes(data, name=name)


def of_stream(*chunks: Any, size: int | None = None, name: str = "a.txt") -> Attachment:
    return Attachment.from_stream(lambda: Source(*chunks), name=name, size=size)


class TestWhatIsGiven:
    async def test_nothing(self) -> None:
        assert await prepare((), Limits(max_files=0)) == ([], {})
        assert await prepare([], Limits(max_files=0)) == ([], {})

    async def test_every_kind_in_order(self, tmp_path: Path) -> None:
        small, large = tmp_path / "small.txt", tmp_path / "large.txt"
        contents = [b"small", os.urandom(MIB), b"small", b"bytes", b"stream", b"once"]
        small.write_bytes(contents[0])
        large.write_bytes(contents[1])
        files = await ready(
            small,
            str(large),
            Attachment.from_path(small, name="other.log"),
            of_bytes(b"bytes"),
            of_stream(b"str", b"eam"),
            Attachment.from_iterator(Source(b"once"), name="once.txt"),
        )
        names = ["small.txt", "large.txt", "other.log", "a.txt", "a.txt", "once.txt"]
        assert [file.attachment.name for file in files] == names
        assert [file.size for file in files] == [5, MIB, 5, 5, None, None]
        assert [await drained(file.chunks()) for file in files] == contents
        assert [file.size for file in files] == [len(content) for content in contents]

    async def test_a_path_is_looked_at_anew_by_each_call(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        attachment = Attachment.from_path(path)
        for data in (b"one", b"three"):
            path.write_bytes(data)
            file = await one_of(attachment)
            assert (file.size, await drained(file.chunks())) == (len(data), data)

    @pytest.mark.parametrize(
        "attachments",
        [
            None,
            5,
            "a.txt",
            b"a.txt",
            Path("a.txt"),
            of_bytes(b""),
            {"a.txt"},
            {"a.txt": 1},
            iter(["a.txt"]),
        ],
    )
    async def test_what_is_no_list(self, attachments: Any) -> None:
        # A string is a sequence of strings, which would be one path for each of its letters.
        assert await problems_of(attachments) == {"attachments": ("must be a list of attachments",)}

    @pytest.mark.parametrize("item", [None, 5, b"a.txt", open, ["a.txt"], object()])
    async def test_what_is_no_attachment(self, item: Any) -> None:
        problems = await problems_of([of_bytes(b""), item])
        assert problems == {"attachments.1": (f"path must be a path, not {type(item).__name__}",)}

    async def test_everything_that_is_wrong_at_once(self, tmp_path: Path) -> None:
        good = tmp_path / "good.txt"
        good.write_bytes(b"good")
        os.mkfifo(tmp_path / "pipe")
        used = Attachment.from_iterator(Source(b"used"), name="used.txt")
        await drained((await one_of(used)).chunks())
        attachments: list[Any] = [
            tmp_path / "missing",
            good,
            5,
            tmp_path,
            of_bytes(b"", name=" "),
            tmp_path / "pipe",
            used,
            of_bytes(b"good"),
            "a\0b",
            Attachment.from_path(good, name=""),
        ]
        files, problems = await prepare(attachments, Limits(max_files=9))
        assert [await drained(file.chunks()) for file in files] == [b"good", b"good"]
        assert {
            name: re.split("[:(]", texts[0])[0].strip() for name, texts in problems.items()
        } == {
            "attachments.0": "no such file",
            "attachments.2": "path must be a path, not int",
            "attachments.3": "is a directory",
            "attachments.4": "has no name",
            "attachments.5": "is no regular file, use from_stream",
            "attachments.6": "was sent before, and its stream runs once",
            "attachments.8": "cannot be read",
            "attachments.9": "has no name",
            "attachments": "10 files are more than 9",
        }

    async def test_nothing_is_opened_or_begun(self, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(bytes(MIB))
        source = Source(b"one")
        await ready(path, of_stream(), Attachment.from_iterator(source, name="a.txt"))
        assert descriptors(path) == 0
        assert source.given == 0

    async def test_the_same_one_twice(self, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"data")
        for item in (of_bytes(b"data"), of_stream(b"data"), path):
            files = await ready(item, item)
            assert [await drained(file.chunks()) for file in files] == [b"data"] * 2

    async def test_the_same_one_twice_that_runs_once(self) -> None:
        # The second would fail when all before it is uploaded.
        item = Attachment.from_iterator(Source(b"data"), name="a.txt")
        assert [*await problems_of([of_bytes(b""), item, item])] == ["attachments.2"]


class TestLimits:
    async def test_number(self) -> None:
        for count in (0, 1, 3):
            files = [of_bytes(b"")] * count
            assert await problems_of(files, Limits(max_files=count)) == {}
            too_many = [of_bytes(b"")] * (count + 1)
            expected = {"attachments": (f"{count + 1} files are more than {count}",)}
            assert await problems_of(too_many, Limits(max_files=count)) == expected

    async def test_the_twenty_first_would_be_dropped(self) -> None:
        assert await problems_of([of_bytes(b"")] * 20, Limits()) == {}
        assert [*await problems_of([of_bytes(b"")] * 21, Limits())] == ["attachments"]

    @pytest.mark.parametrize("kind", ["bytes", "stream", "path"])
    async def test_size_of_each(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "large.bin"
        path.write_bytes(b"x" * 100)
        kinds: dict[str, AttachmentLike] = {
            "bytes": of_bytes(b"x" * 100, name="large.bin"),
            "stream": of_stream(size=100, name="large.bin"),
            "path": path,
        }
        items = [of_bytes(b"x"), kinds[kind]]
        assert await problems_of(items, Limits(max_file_size=100)) == {}
        told = {"attachments": ("large.bin: 100 bytes are more than 99",)}
        assert await problems_of(items, Limits(max_file_size=99)) == told

    async def test_none_hides_behind_another_of_the_same_name(self) -> None:
        items = [of_bytes(b"x" * 100), of_bytes(b"x")]
        for order in (items, items[::-1]):
            problems = await problems_of(order, Limits(max_file_size=99))
            assert problems == {"attachments": ("a.txt: 100 bytes are more than 99",)}

    async def test_size_of_all(self) -> None:
        items = [of_bytes(b"x" * 50), of_bytes(b"x" * 50), of_stream(size=1)]
        assert await problems_of(items, Limits(max_total_size=101)) == {}
        told = {"attachments": ("101 bytes together are more than 100",)}
        assert await problems_of(items, Limits(max_total_size=100)) == told

    async def test_all_at_once(self) -> None:
        limits = Limits(max_files=1, max_file_size=1, max_total_size=1)
        (texts,) = (
            await problems_of([of_bytes(b"xx", "a"), of_bytes(b"xx", "b")], limits)
        ).values()
        assert len(texts) == 4


class TestChunks:
    """One pass over one file."""

    async def test_what_was_sent_is_counted(self) -> None:
        file = await one_of(of_stream(b"one", b"", b"three"))
        assert (file.size, file.sent) == (None, None)
        for _ in range(2):
            await drained(file.chunks())
            assert (file.size, file.sent) == (8, 8)

    async def test_each_pass_counts_from_zero(self) -> None:
        sources = iter([Source(b"one", b"two", ZeroDivisionError()), Source(b"one")])
        file = await one_of(Attachment.from_stream(lambda: next(sources), name="a.txt"))
        with pytest.raises(AttachmentError):
            await drained(file.chunks())
        assert file.sent == 6
        await drained(file.chunks())
        assert (file.size, file.sent) == (3, 3)

    async def test_a_pass_that_is_not_begun_changes_nothing(self) -> None:
        file = await one_of(of_stream(b"one"))
        await file.chunks().aclose()
        assert file.sent is None

    @pytest.mark.parametrize("chunks", [[b"123456"], [b"12345", b"6"], [b"123", b"456789"]])
    async def test_longer_than_its_size(self, chunks: list[bytes]) -> None:
        source = Source(*chunks, b"more")
        file = await one_of(Attachment.from_iterator(source, name="a.txt", size=5))
        given = b""
        with fails(file, "a.txt gave more than its size of 5 bytes"):
            async for chunk in file.chunks():
                given += chunk
        assert len(given) <= 5  # what is too much is not given out
        assert source.closed == 1
        assert source.given == len(chunks)

    @pytest.mark.parametrize("chunks", [[], [b""], [b"1234"], [b"1", b"234"]])
    async def test_shorter_than_its_size(self, chunks: list[bytes]) -> None:
        file = await one_of(of_stream(*chunks, size=5))
        total = sum(map(len, chunks))
        with fails(file, f"a.txt ended after {total} of its 5 bytes"):
            await drained(file.chunks())

    async def test_exactly_its_size(self) -> None:
        for chunks in ([b"12345"], [b"", b"123", b"", b"45", b""]):
            assert await drained((await one_of(of_stream(*chunks, size=5))).chunks()) == b"12345"
        assert await drained((await one_of(of_stream(size=0))).chunks()) == b""

    @pytest.mark.parametrize(
        ("error", "text"),
        [
            (ZeroDivisionError("token"), "could not be read (ZeroDivisionError)"),
            (OSError(5, "Input/output error", "/token"), "could not be read (Input/output error)"),
            (OSError("token"), "could not be read (OSError)"),
            (TimeoutError("token"), "could not be read (TimeoutError)"),
            (StopIteration("token"), "could not be read (RuntimeError)"),
            (asyncio.CancelledError("token"), "was cancelled by its source"),
        ],
    )
    async def test_a_source_that_raises(self, error: BaseException, text: str) -> None:
        source = Source(b"one", error)
        if isinstance(error, StopIteration):
            item = Attachment.from_stream(raising(error), name="a.txt")
        else:
            item = Attachment.from_iterator(source, name="a.txt")
        file = await one_of(item)
        with fails(file, f"a.txt {text}") as caught:
            await drained(file.chunks())
        assert caught.value.__cause__ is not None
        assert "token" not in str(caught.value)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    async def test_what_is_no_fault_of_the_source(self, error: type[BaseException]) -> None:
        file = await one_of(of_stream(b"one", error()))
        with pytest.raises(error):
            await drained(file.chunks())

    async def test_a_factory_that_gives_nonsense(self) -> None:
        nonsense: Any = None
        file = await one_of(Attachment.from_stream(lambda: nonsense, name="a.txt"))
        with fails(file, "a.txt its factory gave no async iterable but NoneType"):
            await drained(file.chunks())

    async def test_cancelled(self) -> None:
        source = Source(b"one", asyncio.Event())
        file = await one_of(Attachment.from_iterator(source, name="a.txt"))
        task = asyncio.create_task(drained(file.chunks()))
        await source.waits.wait()
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert source.closed == 1

    async def test_a_timeout_around_it(self) -> None:
        source = Source(b"one", asyncio.Event())
        file = await one_of(Attachment.from_iterator(source, name="a.txt"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await drained(file.chunks())
        await turns()
        assert source.closed == 1

    async def test_a_source_that_answers_a_cancellation_with_an_error(self) -> None:
        async def source() -> Any:
            try:
                yield b"one"
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ZeroDivisionError from None

        file = await one_of(Attachment.from_stream(source, name="a.txt"))
        task = asyncio.create_task(drained(file.chunks()))
        await turns()
        task.cancel()
        with fails(file, "a.txt could not be read (ZeroDivisionError)"):
            await task

    async def test_left_in_the_middle(self, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(bytes(5 * MIB))
        source = Source(b"one", b"two")
        for file in await ready(path, Attachment.from_iterator(source, name="a.txt")):
            chunks = file.chunks()
            await anext(chunks)
            await chunks.aclose()
        assert descriptors(path) == 0
        assert source.closed == 1


class TestFiles:
    """What happened to a file since it was looked at, told with its name."""

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            (lambda path: path.unlink(), "could not be read (No such file or directory)"),
            (lambda path: os.truncate(path, 5), "shrank while it was being sent"),
            (
                lambda path: os.utime(path, ns=(0, 0)),
                "was changed while it was being sent",
            ),
            (
                lambda path: (
                    path.with_name("b").write_bytes(b"b"),
                    path.with_name("b").rename(path),
                ),
                "was replaced by another file while it was being sent",
            ),
        ],
    )
    async def test_it_changes(
        self, tmp_path: Path, change: Callable[[Path], object], text: str
    ) -> None:
        path = tmp_path / "a.txt"
        path.write_bytes(bytes(MIB))
        file = await one_of(path)
        change(path)
        with fails(file, f"a.txt {text}"):
            await drained(file.chunks())
        assert descriptors(path) == 0

    async def test_it_grows(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_bytes(b"x" * MIB)
        file = await one_of(path)
        with path.open("ab") as log:
            log.write(b"more")
        assert await drained(file.chunks()) == b"x" * MIB
        assert (file.size, file.sent) == (MIB, MIB)

    async def test_a_small_one_is_sent_as_it_was(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_bytes(b"small")
        file = await one_of(path)
        path.unlink()
        assert await drained(file.chunks()) == b"small"


@contextlib.contextmanager
def fails(file: Prepared, text: str) -> Iterator[pytest.ExceptionInfo[AttachmentError]]:
    """Has a block fail as this file does."""
    with pytest.raises(AttachmentError) as caught:
        yield caught
    assert str(caught.value) == text
    assert caught.value.attachment is file.attachment
    assert caught.value.outcome is Outcome.NOT_SENT


def raising(error: Exception) -> Callable[[], Any]:
    """A factory of generators that raise this."""

    async def generate() -> Any:
        yield b"one"
        raise error

    return generate
