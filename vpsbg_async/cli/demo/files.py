"""What the demo sends: files of every kind, and how each must arrive."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs

from ...attachments import Attachment, AttachmentLike

__all__ = [
    "Source",
    "growing_log",
    "large_file",
    "memory",
    "picture",
    "stream",
    "text_file",
]

_PIECE = 1024 * 1024  # bytes: files are made and hashed in pieces of this
_LOG_SIZE = 300 * 1024  # bytes: more than the SDK would read in one go


@attrs.frozen(kw_only=True)
class Source:
    """Something to attach, and what it consists of according to nobody but itself.

    Attributes:
        name: The name that it must arrive under.
        attachment: What the SDK is given.
        pieces: Gives its bytes.
        grew_from: Its length when the call began, None for what does not grow.
    """

    name: str
    attachment: AttachmentLike
    pieces: Callable[[], Iterable[bytes]]
    grew_from: int | None = None

    def is_same(self, stored: Any) -> bool:
        """Whether a file of the sandbox (a `StoredAttachment`) is this one.

        Of one that grew, the beginning must have arrived, up to its length then at the least.
        """
        grew = self.grew_from is not None
        size, digest = _measure(self.pieces(), stored.size if grew else None)
        least = self.grew_from or 0
        return bool(
            (stored.name, stored.size, stored.sha256) == (self.name, size, digest) and size >= least
        )


def picture(folder: Path) -> Source:
    """A PNG file with a Cyrillic name."""
    return _file(folder / "снимка.png", _png(64, 64))


def text_file(folder: Path) -> Source:
    """A small text file."""
    hops = (f"{hop:2}. 192.0.2.{hop}  {hop * 1.7:.1f} ms\n" for hop in range(1, 16))
    return _file(folder / "mtr.txt", "".join(hops).encode())


def large_file(folder: Path, mib: int) -> Source:
    """A file of many MiB, no two of them alike."""
    path = folder / "backup.tar"
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(_PIECE))
    return _on_disk(path)


def memory() -> Source:
    """Bytes that are no file."""
    data = os.urandom(100_000)
    attachment = Attachment.from_bytes(data, name="core dump.bin")
    return Source(name="core dump.bin", attachment=attachment, pieces=lambda: (data,))


def stream() -> Source:
    """A stream, the length of which nobody knows until it ends."""

    async def rows() -> AsyncIterator[bytes]:
        for row in _rows():
            yield row

    attachment = Attachment.from_stream(rows, name="traffic.csv")
    return Source(name="traffic.csv", attachment=attachment, pieces=_rows)


@asynccontextmanager
async def growing_log(folder: Path) -> AsyncIterator[Callable[[], Source]]:
    """A log that is written to for as long as the block lasts.

    Yields:
        What gives it as it is now: to be called right before it is sent.
    """
    path = folder / "access.log"
    lines = (b"%09d eth0: link is up, link is down\n" % number for number in itertools.count())
    with path.open("wb") as log:
        while log.tell() < _LOG_SIZE:
            log.write(next(lines))
    stop = asyncio.Event()
    writer = asyncio.create_task(_append(path, lines, stop))
    try:
        yield lambda: _on_disk(path, grew_from=path.stat().st_size)
    finally:
        stop.set()
        await writer


async def _append(path: Path, lines: Iterator[bytes], stop: asyncio.Event) -> None:
    with path.open("ab", buffering=0) as log:
        while not stop.is_set():
            log.write(next(lines))
            await asyncio.sleep(0)  # the sender's turn


def _file(path: Path, data: bytes) -> Source:
    path.write_bytes(data)
    return _on_disk(path)


def _on_disk(path: Path, *, grew_from: int | None = None) -> Source:
    return Source(name=path.name, attachment=path, pieces=lambda: _read(path), grew_from=grew_from)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _measure(pieces: Iterable[bytes], most: int | None) -> tuple[int, str]:
    """Length and SHA-256 of the pieces, or of their first bytes."""
    digest = hashlib.sha256()
    size = 0
    for piece in pieces:
        part = piece if most is None else piece[: most - size]
        digest.update(part)
        size += len(part)
    return size, digest.hexdigest()


def _rows() -> Iterator[bytes]:
    for minute in range(2000):
        yield b"%d,%d,%d\n" % (minute, minute * minute % 977, minute * 7919 % 104729)


def _png(width: int, height: int) -> bytes:
    rows = b"".join(
        b"\0" + bytes(value for x in range(width) for value in (4 * x % 256, 4 * y % 256, 128))
        for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits each of R, G and B
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(*chunk) for chunk in chunks)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
