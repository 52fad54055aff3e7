"""Sources that watch how they are used, a disk that is slow on purpose, and what is left open."""

import asyncio
import contextlib
import functools
import os
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, ParamSpec, Self, TypeVar

import pytest

from vpsbg_async.attachments import files

P = ParamSpec("P")
T = TypeVar("T")

KIB: Final = 1024
MIB: Final = 1024 * KIB
PATIENCE: Final = 10.0


async def drained(chunks: AsyncIterable[bytes]) -> bytes:
    """Everything, in one piece."""
    return b"".join([chunk async for chunk in chunks])


async def turns(count: int = 20) -> None:
    """Lets the loop do whatever it can do by itself."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what happens in a thread, without one of its own."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - it is not for the loop to tell
            await asyncio.sleep(0)


def descriptors(path: str | os.PathLike[str]) -> int:
    """How many descriptors of this process lead to the file."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one of this listing itself
            found += str(entry.readlink()).removesuffix(" (deleted)") == os.fspath(path)
    return found


class Source:
    """An async iterator that gives what it was told to, and knows whether it was closed.

    An exception among its chunks is raised, an event is waited for.
    """

    def __init__(self, *chunks: object) -> None:
        self.given = 0
        self.closed = 0
        self.waits = asyncio.Event()
        self._chunks = iter(chunks)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        chunk = next(self._chunks, None)
        if isinstance(chunk, asyncio.Event):
            self.waits.set()
            await chunk.wait()
            chunk = next(self._chunks, None)
        if isinstance(chunk, BaseException):
            raise chunk
        if chunk is None:
            raise StopAsyncIteration
        self.given += 1
        return chunk

    async def aclose(self) -> None:
        self.closed += 1


def factory_of(*chunks: bytes) -> Callable[[], AsyncIterator[bytes]]:
    """A factory that gives the same chunks each time."""

    async def factory() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return factory


class SlowDisk(ThreadPoolExecutor):
    """A real pool in which one job hangs in its thread, right before its work, until let go.

    Attributes:
        jobs: The names of the functions that it was given, in order.
        hangs_at: Number of the job that is to hang, None for none.
        hangs: Set once it does.
        go: Set to let it go on.
    """

    def __init__(self) -> None:
        super().__init__(max_workers=2, thread_name_prefix="slow-disk")
        self.jobs: list[str] = []
        self.hangs_at: int | None = None
        self.hangs = threading.Event()
        self.go = threading.Event()

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        number = len(self.jobs)
        self.jobs.append(getattr(getattr(function, "func", function), "__name__", "?"))
        if number != self.hangs_at:
            return super().submit(function, *args, **kwargs)

        def hang() -> T:
            self.hangs.set()
            assert self.go.wait(PATIENCE)
            return function(*args, **kwargs)

        return super().submit(functools.partial(hang))


@contextlib.contextmanager
def slow_disk(monkeypatch: pytest.MonkeyPatch, hangs_at: int | None = None) -> Iterator[SlowDisk]:
    """Has files read by a `SlowDisk`."""
    with SlowDisk() as disk, monkeypatch.context() as patch:
        disk.hangs_at = hangs_at
        patch.setattr(files, "_executor", disk)
        try:
            yield disk
        finally:
            disk.go.set()


@contextlib.contextmanager
def saturated(executor: ThreadPoolExecutor) -> Iterator[threading.Event]:
    """Has every thread of a pool wait for the event, which is set in the end at the latest."""
    go = threading.Event()
    all_wait = threading.Barrier(executor._max_workers + 1)

    def wait() -> None:
        all_wait.wait(PATIENCE)
        assert go.wait(PATIENCE)

    waiting = [executor.submit(wait) for _ in range(executor._max_workers)]
    try:
        all_wait.wait(PATIENCE)
        yield go
    finally:
        go.set()
        for future in waiting:
            future.result(PATIENCE)
