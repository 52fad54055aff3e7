"""Contents that are in memory or come from a stream: passes over them, and what is left after."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from typing import Any

import pytest

from vpsbg_async.attachments.contents import Content, ContentError, Data, Once, Stream

from .support import Source, drained, factory_of


class Again:
    """An iterable that is none of the iterators it gives."""

    def __init__(self, *sources: Source) -> None:
        self._sources = iter(sources)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return next(self._sources)


class Bare:
    """An iterator that has nothing to be closed by."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = iter(chunks)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration


Wrap = Callable[[AsyncIterable[Any]], Content]
every_stream = pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda source: Stream(lambda: source, None), id="Stream"),
        pytest.param(lambda source: Once(source, None), id="Once"),
    ],
)


class TestData:
    async def test_one_chunk_and_always_the_same(self) -> None:
        content = Data(b"data")
        for _ in range(2):
            assert [chunk async for chunk in content.stream()] == [b"data"]
        assert content.size == 4

    async def test_nothing(self) -> None:
        assert await drained(Data(b"").stream()) == b""


class TestStream:
    async def test_the_factory_is_asked_for_each_pass_and_not_before(self) -> None:
        made: list[Source] = []

        def factory() -> Source:
            made.append(Source(b"one", b"two"))
            return made[-1]

        content = Stream(factory, 6)
        assert (content.size, made) == (6, [])
        streams = [content.stream() for _ in range(3)]
        assert made == []
        for number, stream in enumerate(streams, 1):
            assert await drained(stream) == b"onetwo"
            assert [source.closed for source in made] == [1] * number

    async def test_passes_at_the_same_time(self) -> None:
        content = Stream(factory_of(b"one", b"two"), None)
        async with contextlib.AsyncExitStack() as stack:
            closing = contextlib.aclosing
            first, second = [
                await stack.enter_async_context(closing(content.stream())) for _ in range(2)
            ]
            assert [await anext(first), await anext(second)] == [b"one", b"one"]
            assert [await anext(second), await anext(first)] == [b"two", b"two"]

    async def test_a_drained_stream_in_a_new_wrapper(self) -> None:
        drained_once = factory_of(b"one", b"two")()

        async def wrapper() -> AsyncIterator[bytes]:
            async for chunk in drained_once:
                yield chunk

        stream = Stream(wrapper, None)
        assert await drained(stream.stream()) == b"onetwo"
        with pytest.raises(ContentError, match="gave nothing, and 6 bytes"):
            await drained(stream.stream())

    async def test_the_same_iterator_twice(self) -> None:
        # It is drained: the second pass would be an empty file.
        for source in (Source(b"one"), Bare(b"one"), factory_of(b"one")()):
            content = Stream(lambda source=source: source, None)  # type: ignore[misc]
            assert await drained(content.stream()) == b"one"
            for _ in range(2):
                with pytest.raises(ContentError, match="same iterator twice"):
                    await drained(content.stream())

    async def test_the_same_iterator_after_a_pass_that_was_left(self) -> None:
        content = Stream(lambda: source, None)
        source = Source(b"one", b"two")
        stream = content.stream()
        assert await anext(stream) == b"one"
        await stream.aclose()
        with pytest.raises(ContentError, match="same iterator twice"):
            await drained(content.stream())

    async def test_an_iterable_that_starts_anew(self) -> None:
        iterable = Again(Source(b"one"), Source(b"two"))
        content = Stream(lambda: iterable, None)
        assert [await drained(content.stream()) for _ in range(2)] == [b"one", b"two"]

    @pytest.mark.parametrize("given", [None, b"data", [b"data"], iter([b"data"]), factory_of])
    async def test_what_is_no_iterable(self, given: Any) -> None:
        content = Stream(lambda: given, None)
        with pytest.raises(ContentError, match=type(given).__name__):
            await drained(content.stream())

    async def test_a_factory_that_should_not_be_async(self) -> None:
        async def factory() -> AsyncIterator[bytes]:
            return Source(b"one")

        with contextlib.closing(factory()) as coroutine:
            content = Stream(lambda: coroutine, None)  # type: ignore[arg-type, return-value]
            with pytest.raises(ContentError, match="coroutine"):
                await drained(content.stream())

    async def test_a_factory_that_raises(self) -> None:
        def factory() -> AsyncIterator[bytes]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await drained(Stream(factory, None).stream())


class TestOnce:
    async def test_a_second_pass(self) -> None:
        content = Once(Source(b"one"), 3)
        assert (content.size, content.used) == (3, False)
        assert await drained(content.stream()) == b"one"
        assert content.used
        with pytest.raises(ContentError, match="runs once"):
            await drained(content.stream())

    async def test_a_second_pass_while_the_first_runs(self) -> None:
        content = Once(Source(b"one", b"two"), None)
        first = content.stream()
        assert await anext(first) == b"one"
        assert content.used
        with pytest.raises(ContentError, match="runs once"):
            await drained(content.stream())
        assert await drained(first) == b"two"

    async def test_a_pass_that_was_made_and_not_begun(self) -> None:
        content = Once(Source(b"one"), None)
        await content.stream().aclose()
        assert not content.used
        assert await drained(content.stream()) == b"one"

    async def test_a_second_pass_after_one_that_failed(self) -> None:
        content = Once(Source(b"one", ZeroDivisionError()), None)
        with pytest.raises(ZeroDivisionError):
            await drained(content.stream())
        with pytest.raises(ContentError, match="runs once"):
            await drained(content.stream())


@every_stream
class TestChunks:
    async def test_kinds_of_bytes(self, wrap: Wrap) -> None:
        chunks = [b"one", bytearray(b"two"), memoryview(b"t.h.r.e.e.")[::2], b"", b"four"]
        expected = [b"one", b"two", b"three", b"", b"four"]
        got = [chunk async for chunk in wrap(Source(*chunks)).stream()]
        assert got == expected
        assert {type(chunk) for chunk in got} == {bytes}

    async def test_a_buffer_that_is_used_again(self, wrap: Wrap) -> None:
        async def fill_again_and_again() -> AsyncIterator[bytearray | memoryview]:
            buffer = bytearray(4)
            for number in range(6):
                buffer[:] = b"%04d" % number
                yield buffer if number % 2 else memoryview(buffer)

        got = [chunk async for chunk in wrap(fill_again_and_again()).stream()]
        assert got == [b"0000", b"0001", b"0002", b"0003", b"0004", b"0005"]

    @pytest.mark.parametrize("chunk", ["text", 5, [1], True, object()])
    async def test_what_are_no_bytes(self, wrap: Wrap, chunk: object) -> None:
        source = Source(b"one", chunk)
        with pytest.raises(ContentError, match=type(chunk).__name__):
            await drained(wrap(source).stream())
        assert source.closed == 1

    async def test_none_are_no_bytes_either(self, wrap: Wrap) -> None:
        async def give_none() -> AsyncIterator[bytes]:
            yield None  # type: ignore[misc]

        with pytest.raises(ContentError, match="NoneType"):
            await drained(wrap(give_none()).stream())

    async def test_nothing_is_taken_ahead(self, wrap: Wrap) -> None:
        source = Source(b"one", b"two", b"three")
        async with contextlib.aclosing(wrap(source).stream()) as stream:
            for taken in range(1, 4):
                await anext(stream)
                assert source.given == taken


@every_stream
class TestClosing:
    """A source is closed once, whatever ends the pass."""

    async def test_at_the_end(self, wrap: Wrap) -> None:
        source = Source(b"one")
        await drained(wrap(source).stream())
        assert source.closed == 1

    async def test_when_it_raises(self, wrap: Wrap) -> None:
        for error in (ZeroDivisionError(), asyncio.CancelledError(), KeyboardInterrupt()):
            source = Source(b"one", error)
            with pytest.raises(type(error)):
                await drained(wrap(source).stream())
            assert source.closed == 1

    async def test_when_the_pass_is_left(self, wrap: Wrap) -> None:
        source = Source(b"one", b"two")
        stream = wrap(source).stream()
        await anext(stream)
        assert source.closed == 0
        await stream.aclose()
        assert (source.closed, source.given) == (1, 1)

    async def test_when_it_is_cancelled(self, wrap: Wrap) -> None:
        source = Source(b"one", asyncio.Event(), b"two")
        task = asyncio.create_task(drained(wrap(source).stream()))
        await source.waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert source.closed == 1

    async def test_a_generator(self, wrap: Wrap) -> None:
        ended = []

        async def generate() -> AsyncGenerator[bytes, None]:
            try:
                yield b"one"
                yield b"two"
            finally:
                await asyncio.sleep(0)
                ended.append(True)

        stream = wrap(generate()).stream()
        await anext(stream)
        await stream.aclose()
        assert ended == [True]

    async def test_what_has_no_close_needs_none(self, wrap: Wrap) -> None:
        assert await drained(wrap(Bare(b"one", b"two")).stream()) == b"onetwo"
