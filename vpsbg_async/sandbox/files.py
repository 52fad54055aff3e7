"""The files that came in: written and hashed off the event loop, a piece at a time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import ParamSpec, Self, TypeVar
from uuid import uuid4

from attrs import frozen

__all__ = ["Folder", "ReceivedFile", "Uploads"]

_PIECE = 1 << 19  # what one hop to the thread writes: few hops, and still flat memory

_P = ParamSpec("_P")
_R = TypeVar("_R")


@frozen
class ReceivedFile:
    """A file on disk, measured as it came."""

    path: Path
    size: int
    sha256: str


class Folder:
    """Where received files lie, from entering the context to leaving it.

    Everything that touches the disk happens on one thread, in the order in which it was asked for.
    That order makes an interrupted upload safe to clean up: its file is removed after the last
    write, even when nobody waits for that write any more.

    Args:
        directory: Where to put the files; it outlives the context. By default a temporary one,
            which does not.
    """

    path: Path

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    async def __aenter__(self) -> Self:
        self._owned = ExitStack()
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-disk")
        try:
            self.path = await asyncio.wrap_future(self.submit(self._prepare))
        except BaseException:
            self._disk.shutdown()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await asyncio.wrap_future(self.submit(self._owned.close))
        finally:
            self._disk.shutdown()

    def submit(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        """Call ``function`` on the thread, after all that was submitted before."""
        return self._disk.submit(function, *args, **kwargs)

    def _prepare(self) -> Path:
        if self._directory is None:
            return Path(self._owned.enter_context(TemporaryDirectory(prefix="vpsbg-sandbox-")))
        self._directory.mkdir(parents=True, exist_ok=True)
        return self._directory


class Uploads:
    """The files of one request. As with PHP, those that nobody keeps are gone after it.

    Args:
        folder: Where they go.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._loose: set[Path] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._loose:
            removing = self._folder.submit(_unlink, self._loose)
            await asyncio.shield(asyncio.wrap_future(removing))

    async def receive(self, read: Callable[[], Awaitable[bytes]]) -> ReceivedFile:
        """Write a new file. While one piece is being written, the next one is read.

        Args:
            read: Gives the next bytes, and none at the end. When it raises, the file is removed.
        """
        path = self._folder.path / uuid4().hex
        self._loose.add(path)
        incoming = _Incoming(path)
        writing = self._folder.submit(incoming.open)
        try:
            while piece := await _read_piece(read):
                await asyncio.wrap_future(writing)
                writing = self._folder.submit(incoming.write, piece)
            await asyncio.wrap_future(writing)
            return await asyncio.wrap_future(self._folder.submit(incoming.finish))
        except BaseException:
            self._folder.submit(incoming.discard)
            raise

    def keep(self, files: Iterable[ReceivedFile]) -> None:
        """Let ``files`` outlive the request."""
        self._loose.difference_update(file.path for file in files)


class _Incoming:
    """The part of receiving a file that happens on the thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = hashlib.sha256()
        self._size = 0
        self._opened = ExitStack()

    def open(self) -> None:
        self._file = self._opened.enter_context(self._path.open("xb"))

    def write(self, piece: list[bytes]) -> None:
        for chunk in piece:
            self._digest.update(chunk)
            self._size += self._file.write(chunk)

    def finish(self) -> ReceivedFile:
        self._opened.close()
        return ReceivedFile(self._path, self._size, self._digest.hexdigest())

    def discard(self) -> None:
        try:
            self._opened.close()  # which may fail on a full disk
        finally:
            _unlink([self._path])


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


async def _read_piece(read: Callable[[], Awaitable[bytes]]) -> list[bytes]:
    piece: list[bytes] = []
    size = 0
    while size < _PIECE and (chunk := await read()):
        piece.append(chunk)
        size += len(chunk)
    return piece
