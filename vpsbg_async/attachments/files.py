"""Files on disk, through aiofiles and a thread pool of our own."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import aiofiles
import aiofiles.os
import attrs

from .contents import Content, ContentError, Data

__all__ = ["File", "look_at"]

T = TypeVar("T")

# The default executor also resolves host names: a slow disk in it would hold those up.
_executor = ThreadPoolExecutor(max_workers=4, thread_name_prefix="vpsbg-files")

_SMALL = 64 * 1024  # bytes: a file up to this is read when it is looked at
_SMALL_TOTAL = 1024 * 1024  # bytes that one call may hold that way

_IN_FLIGHT = 16 * 1024 * 1024  # bytes, shared by all files that are being streamed
_READ_MIN, _READ_MAX = 64 * 1024, 2 * 1024 * 1024  # bytes of one read
_streaming = 0

# Without O_NONBLOCK, opening a named pipe would hang its thread for ever.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@attrs.frozen
class File:
    """A file as it was when it was looked at.

    Attributes:
        path: Where it is.
        seen: What the system said of it then; its size is what will be sent.
    """

    path: str
    seen: os.stat_result

    @property
    def size(self) -> int:
        """See `Content.size`."""
        return self.seen.st_size

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """See `Content.stream`. What was added since it was looked at is left out."""
        global _streaming  # noqa: PLW0603 - memory is the process's, so is this count
        _streaming += 1
        opening = asyncio.ensure_future(
            aiofiles.open(self.path, "rb", buffering=0, opener=_open, executor=_executor)
        )
        try:
            handle = await _whole(opening)
            await self._check(handle.fileno())
            left = self.size
            while left:
                chunk = await _whole(handle.read(min(left, _read_size())))
                if not chunk:
                    raise ContentError("shrank while it was being sent")
                left -= len(chunk)
                yield chunk
            await self._check(handle.fileno())
        finally:
            _streaming -= 1
            if opening.exception() is None:  # it was opened, if only for a caller that had gone
                await _whole(opening.result().close())

    async def _check(self, descriptor: int) -> None:
        """Make sure that it is still the file that was looked at, but for what was added."""
        seen, now = self.seen, await _whole(_fstat(descriptor, executor=_executor))
        if (now.st_dev, now.st_ino) != (seen.st_dev, seen.st_ino):
            raise ContentError("was replaced by another file while it was being sent")
        if now.st_size < seen.st_size:
            raise ContentError("shrank while it was being sent")
        if now.st_size == seen.st_size and now.st_mtime_ns != seen.st_mtime_ns:
            raise ContentError("was changed while it was being sent")


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
_fstat = aiofiles.os.wrap(os.fstat)


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
    return File(path, seen)


def _read(descriptor: int, most: int) -> bytes:
    data = b""
    while len(data) < most and (chunk := os.read(descriptor, most - len(data))):
        data += chunk
    return data


def _open(path: str, _: int) -> int:
    return os.open(path, _FLAGS)


def _read_size() -> int:
    return max(_READ_MIN, min(_READ_MAX, _IN_FLIGHT // _streaming))


async def _whole(work: Awaitable[T]) -> T:
    """Await something to its end, even when cancelled, and be cancelled then.

    A thread cannot be interrupted, and a file must not be closed while a thread reads it.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return task.result()
