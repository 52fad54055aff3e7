"""What an attachment consists of, apart from files on disk: memory and streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Protocol

__all__ = ["USED", "Content", "ContentError", "Data", "Once", "Stream"]

USED = "was sent before, and its stream runs once"


class ContentError(Exception):
    """A content is not what it was said to be."""


class Content(Protocol):
    """Something to send."""

    @property
    def size(self) -> int | None:
        """Length in bytes, None if only the end will tell."""
        ...

    def stream(self) -> AsyncGenerator[bytes, None]:
        """Start one pass over it."""
        ...


class Data:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """See `Content.stream`."""
        yield self.data


class Stream:
    """What a factory gives, anew for each pass."""

    def __init__(self, factory: Callable[[], AsyncIterable[bytes]], size: int | None) -> None:
        self.size = size
        self._factory = factory
        self._last: object = None
        self._gave = 0  # bytes, in the pass before

    def __reduce__(self) -> tuple[type[Once], tuple[None, int | None]]:
        return Once, (None, self.size)  # a pickle, such as of an error, cannot hold the factory

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """See `Content.stream`.

        A factory that gives its drained stream again would have an empty file sent.
        """
        chunks = self._factory()
        if not isinstance(chunks, AsyncIterable):
            if isinstance(chunks, Coroutine):
                chunks.close()
            text = f"its factory gave no async iterable but {type(chunks).__name__}"
            raise ContentError(text)
        iterator = aiter(chunks)
        if iterator is self._last:
            raise ContentError("its factory gave the same iterator twice")
        self._last = iterator
        gave = 0
        async with aclosing(_chunks(iterator)) as stream:
            async for chunk in stream:
                gave += len(chunk)
                yield chunk
        if self._gave and not gave:
            raise ContentError(f"gave nothing, and {self._gave} bytes the time before")
        self._gave = gave


class Once:
    """An iterator that somebody else has started; None once it was used."""

    def __init__(self, iterator: AsyncIterable[bytes] | None, size: int | None) -> None:
        self.size = size
        self._iterator = iterator

    def __reduce__(self) -> tuple[type[Once], tuple[None, int | None]]:
        return Once, (None, self.size)

    @property
    def used(self) -> bool:
        """Whether it was sent, or was begun to be, or is a pickle of itself."""
        return self._iterator is None

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """See `Content.stream`."""
        source, self._iterator = self._iterator, None
        if source is None:
            raise ContentError(USED)
        async with aclosing(_chunks(aiter(source))) as chunks:
            async for chunk in chunks:
                yield chunk


async def _chunks(iterator: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in iterator:
            yield _as_bytes(chunk)
    finally:
        close = getattr(iterator, "aclose", None)  # a generator has one, other iterators need none
        if close is not None:
            await close()


def _as_bytes(chunk: object) -> bytes:
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, bytearray | memoryview):
        return bytes(chunk)  # a copy: its owner may use the buffer again while it is being sent
    raise ContentError(f"its stream gave {type(chunk).__name__}, not bytes")
