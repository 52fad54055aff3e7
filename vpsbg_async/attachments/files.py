"""Files on disk, through aiofiles and a thread pool of our own."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import aiofiles
import aiofiles.os
import attrs

from .contents import Content, ContentError, Data

__all__ = ["File", "look_at"]

P = ParamSpec("P")
T = TypeVar("T")

# The default executor also resolves host names: a slow disk in it would hold those up.
_executor: ThreadPoolExecutor
_streaming: int  # how many files are being streamed


def _start_afresh() -> None:
    global _executor, _streaming  # noqa: PLW0603 - a process has one pool
    _executor = ThreadPoolExecutor(max_workers=4, thread_name_prefix="vpsbg-files")
    _streaming = 0


_start_afresh()
if hasattr(os, "register_at_fork"):  # a child has the pool, and none of its threads
    os.register_at_fork(after_in_child=_start_afresh)

_SMALL = 64 * 1024  # bytes: a file up to this is read when it is looked at
_SMALL_TOTAL = 1024 * 1024  # bytes that one call may hold that way

# A log that grew is told from a file that was rewritten, with more in it, by both its ends.
_END = 4096  # bytes

_IN_FLIGHT = 8 * 1024 * 1024  # bytes, shared by all files that are being streamed
_READ_MIN, _READ_MAX = 64 * 1024, 1024 * 1024  # bytes of one read

# Without O_NONBLOCK, opening a named pipe would hang its thread for ever.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@attrs.define(eq=False)
class File:
    """A file as it was when it was looked at.

    Attributes:
        path: Where it is.
        seen: What the system said of it then; its size is what will be sent.
        ends: Its first and its last bytes then.
        added: How many bytes it had more when it was last sent, which were left out.
    """

    path: str
    seen: os.stat_result
    ends: bytes = attrs.field(repr=False)
    added: int = 0

    @property
    def size(self) -> int:
        """See `Content.size`."""
        return self.seen.st_size

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """See `Content.stream`. What was added since it was looked at is left out."""
        global _streaming  # noqa: PLW0603 - memory is the process's, so is this count
        lane = _Lane()
        _streaming += 1
        try:
            handle = await aiofiles.open(self.path, "rb", buffering=0, opener=_open, executor=lane)
            await self._check(handle.fileno(), lane)
            left = self.size
            while left:
                chunk = await handle.read(min(left, _read_size()))
                if not chunk:
                    raise ContentError("shrank while it was being sent")
                left -= len(chunk)
                yield chunk
            await self._check(handle.fileno(), lane)
        finally:
            _streaming -= 1
            await lane.close()

    async def _check(self, descriptor: int, lane: _Lane) -> None:
        """Make sure that it is still the file that was looked at, but for what was added."""
        seen = self.seen
        now, ends = await _look_again(descriptor, seen.st_size, executor=lane)
        if (now.st_dev, now.st_ino) != (seen.st_dev, seen.st_ino):
            raise ContentError("was replaced by another file while it was being sent")
        if now.st_size < seen.st_size:
            raise ContentError("shrank while it was being sent")
        is_of_its_size = now.st_size == seen.st_size
        if ends != self.ends or (is_of_its_size and now.st_mtime_ns != seen.st_mtime_ns):
            raise ContentError("was changed while it was being sent")
        self.added = now.st_size - seen.st_size


class _Lane(Executor):
    """The thread pool as one file uses it: one job after the other, and none left behind.

    A thread cannot be interrupted: after a cancellation it may still be opening or reading, and a
    file must not be closed under its hands.
    """

    def __init__(self) -> None:
        self._jobs: list[Future[Any]] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Called by aiofiles."""
        job = _executor.submit(fn, *args, **kwargs)
        self._jobs = [*self._jobs[:1], job]  # the one that opened the file, and the last
        return job

    async def close(self) -> None:
        """Close the file once no job is at it; a cancellation that comes meanwhile waits too."""
        cancelled = await _outlasted(self._jobs[-1])
        opening = self._jobs[0]
        if not opening.cancelled() and opening.exception() is None:
            cancelled = await _outlasted(self.submit(opening.result().close)) or cancelled
        if cancelled is not None:
            raise cancelled


async def _outlasted(job: Future[Any]) -> asyncio.CancelledError | None:
    """Wait for a job, whatever becomes of it; returns the cancellation that came meanwhile."""
    cancelled = None
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    job.add_done_callback(lambda _: loop.call_soon_threadsafe(ended.set))
    while not ended.is_set():
        try:
            await ended.wait()
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


async def look_at(paths: Sequence[str]) -> list[Content | str]:
    """Look at files, all in one trip to a thread, and read the small ones.

    Returns:
        For each path what to send, or what is wrong with it.
    """
    return await _look_at_all(paths, executor=_executor) if paths else []


def _look(paths: Sequence[str]) -> list[Content | str]:
    found: list[Content | str] = []
    room = _SMALL_TOTAL
    for path in paths:
        found.append(_look_at_one(path, min(_SMALL, room)))
        room -= found[-1].size if isinstance(found[-1], Data) else 0
    return found


_look_at_all = aiofiles.os.wrap(_look)


def _look_at_one(path: str, room: int) -> Content | str:
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            return _look_into(path, descriptor, room)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return f"no such file: {path!r}"
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        return f"cannot be read ({getattr(error, 'strerror', None) or error}): {path!r}"


def _look_into(path: str, descriptor: int, room: int) -> Content | str:
    seen = os.fstat(descriptor)
    if stat.S_ISDIR(seen.st_mode):
        return f"is a directory: {path!r}"
    if not stat.S_ISREG(seen.st_mode):
        return f"is no regular file, use from_stream: {path!r}"
    if seen.st_size <= room:
        data = _read(descriptor, room + 1)
        if len(data) <= room:
            return Data(data)
        if seen.st_size == 0:  # some of /proc
            return f"does not tell its size, use from_bytes: {path!r}"
    return File(path, seen, _ends(descriptor, seen.st_size))


def _ends(descriptor: int, size: int) -> bytes:
    """The first and the last bytes of a file's first ``size``; its position stays as it is."""
    position = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        head = _read(descriptor, min(size, _END))
        os.lseek(descriptor, max(0, size - _END), os.SEEK_SET)
        return head + _read(descriptor, min(size, _END))
    finally:
        os.lseek(descriptor, position, os.SEEK_SET)


def _look_back(descriptor: int, size: int) -> tuple[os.stat_result, bytes]:
    now = os.fstat(descriptor)
    return now, _ends(descriptor, size) if stat.S_ISREG(now.st_mode) else b""


_look_again = aiofiles.os.wrap(_look_back)


def _read(descriptor: int, most: int) -> bytes:
    data = b""
    while len(data) < most and (chunk := os.read(descriptor, most - len(data))):
        data += chunk
    return data


def _open(path: str, _: int) -> int:
    return os.open(path, _FLAGS)


def _read_size() -> int:
    return max(_READ_MIN, min(_READ_MAX, _IN_FLIGHT // max(1, _streaming)))
