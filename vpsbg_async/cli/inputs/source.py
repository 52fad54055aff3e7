"""The open file that an input is read from, twice."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, BinaryIO

from ...errors import InvalidInputError
from ..exits import FailedError

__all__ = ["Format", "Source", "open_file", "spool"]

_HEAD = 64 * 1024  # bytes: enough to find a character that is not blank


class Format(StrEnum):
    """What an input is."""

    CSV = "csv"
    JSONL = "jsonl"
    """JSON Lines: an object on each line."""
    JSON = "json"
    """An array of objects."""


_ENDINGS = {
    ".csv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSON,
}


class Source:
    """An open file, as it was when it was opened.

    Args:
        stream: The file.
        name: Its name as it was given.
        folder: Where its relative paths begin.
        file_format: What it is.
    """

    def __init__(self, stream: IO[bytes], name: str, folder: Path, file_format: Format) -> None:
        self.stream = stream
        self.name = name
        self.folder = folder
        self.format = file_format
        self._seen = self._look()

    def has_changed(self) -> bool:
        """Whether it was written to. One that was replaced by another is still the old one."""
        return self._look() != self._seen

    def close(self) -> None:
        """Close it."""
        self.stream.close()

    def _look(self) -> tuple[int, int]:
        status = os.fstat(self.stream.fileno())
        return status.st_size, status.st_mtime_ns


def open_file(path: str, file_format: Format | None) -> Source:
    """Open a file; what comes out of a pipe is kept in another.

    Raises:
        InvalidInputError: It cannot be opened, or its format cannot be told.
        FailedError: What comes out of a pipe cannot be kept.
    """
    place = Path(path)
    try:
        stream = place.open("rb")
    except FileNotFoundError:
        raise InvalidInputError({"file": (f"no such file: {path!r}",)}) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        text = f"cannot be read ({getattr(error, 'strerror', None) or error}): {path!r}"
        raise InvalidInputError({"file": (text,)}) from error
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        with stream:
            return spool(stream, path, file_format)
    known = file_format or _ENDINGS.get(place.suffix.lower())
    if known is None:
        stream.close()
        text = f"cannot be told from the name {path!r}: must be given, as csv, jsonl or json"
        raise InvalidInputError({"format": (text,)})
    return Source(stream, path, place.parent, known)


def spool(stream: BinaryIO, name: str, file_format: Format | None) -> Source:
    """Keep a stream in a temporary file, which is gone when it is closed.

    Raises:
        FailedError: It cannot be read, or not be kept.
    """
    try:
        with ExitStack() as stack:
            kept = stack.enter_context(TemporaryFile(prefix="vpsbg-import-"))
            shutil.copyfileobj(stream, kept)
            kept.seek(0)
            known = file_format or _guessed(kept.read(_HEAD))
            source = Source(kept, name, Path(), known)
            stack.pop_all()
            return source
    except OSError as error:
        text = f"{name} cannot be read, or not be kept: {error.strerror or error}"
        raise FailedError(text) from error


def _guessed(head: bytes) -> Format:
    """The format of what begins so: a CSV header begins neither with a bracket nor a brace."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        return Format.JSON
    return Format.JSONL if text.startswith(b"{") else Format.CSV
