"""Forms with files, encoded so that a request cut anywhere cannot be taken for a whole one.

The encoding is our own because streaming attachments is what this package is for: names and file
names as PHP reads them, a ``Content-Length`` whenever every size is known, and the last field whole
in the last chunk. PHP starts on a cut body in some set-ups; the fields that came before the cut
are then all it sees, so the last one is one that a create cannot do without.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing

from ..attachments.contents import Data
from ..attachments.prepare import Prepared

__all__ = ["Form"]

_JOINED = 64 * 1024  # bytes: what is in memory and smaller is copied into one chunk with the rest


class Form:
    """A ``multipart/form-data`` body (see `Body`).

    Args:
        fields: Names and values that come first.
        files: Files, sent as ``attachments[]`` in this order.
        last: Name and value of the field that proves the request whole.
        boundary: What separates the parts; unguessable unless given.

    Attributes:
        files: The files.
        current: The file that is being streamed, None at other times.
    """

    def __init__(
        self,
        fields: Sequence[tuple[str, str]],
        files: Sequence[Prepared],
        last: tuple[str, str],
        boundary: str | None = None,
    ) -> None:
        boundary = boundary or f"vpsbg-{secrets.token_hex(16)}"
        self.files = files
        self.current: Prepared | None = None
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.replayable = all(file.attachment.replayable for file in files)
        self._plan = _joined(_pieces(fields, files, last, boundary.encode()))
        self.content_length = _length(self._plan)

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """See `Body.open`."""
        return aclosing(self._chunks())

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        for piece in self._plan:
            if not isinstance(piece, Prepared):
                yield piece
                continue
            self.current = piece
            async with aclosing(piece.chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk
            self.current = None


def _pieces(
    fields: Sequence[tuple[str, str]],
    files: Sequence[Prepared],
    last: tuple[str, str],
    boundary: bytes,
) -> Iterator[bytes | Prepared]:
    for field in fields:
        yield _field(field, boundary)
    for file in files:
        yield _file_head(file, boundary)
        data = file.content.data if isinstance(file.content, Data) else None
        yield file if data is None or len(data) > _JOINED else data
        yield b"\r\n"
    yield _field(last, boundary) + b"--%b--\r\n" % boundary


def _field(field: tuple[str, str], boundary: bytes) -> bytes:
    head = b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    name, value = field
    return head % (boundary, name.encode(), value.encode())


def _file_head(file: Prepared, boundary: bytes) -> bytes:
    # The brackets and the name go literally, as browsers send them: PHP decodes no percent signs,
    # takes filename*= for a text field and keeps the last only of files without brackets. A name
    # holds nothing that would need escaping: see safe_name.
    head = (
        b'--%b\r\nContent-Disposition: form-data; name="attachments[]"; filename="%b"\r\n'
        b"Content-Type: %b\r\n\r\n"
    )
    return head % (boundary, file.attachment.name.encode(), file.attachment.content_type.encode())


def _joined(pieces: Iterable[bytes | Prepared]) -> list[bytes | Prepared]:
    """Put small neighbours into one chunk; what is bigger stays by itself, whole."""
    plan: list[bytes | Prepared] = []
    small: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes) and len(piece) <= _JOINED:
            small.append(piece)
            continue
        if small:
            plan.append(b"".join(small))
            small = []
        plan.append(piece)
    if small:
        plan.append(b"".join(small))
    return plan


def _length(plan: Iterable[bytes | Prepared]) -> int | None:
    length = 0
    for piece in plan:
        size = piece.content.size if isinstance(piece, Prepared) else len(piece)
        if size is None:
            return None
        length += size
    return length
