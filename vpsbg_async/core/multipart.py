"""Forms with files, encoded so that a request cut short cannot be taken for a whole one.

The encoding is our own because streaming attachments is what this package is for: names and file
names as PHP reads them, a ``Content-Length`` whenever every size is known, and the last field whole
in the last chunk. Behind some servers PHP starts on a cut body and sees the fields before the cut,
even half a field: so the last one is a field that the request cannot do without, and it travels in
a chunk, and thereby a TLS record, of its own, which arrives whole or not at all. (The message of a
reply can be larger than a record, 16 KiB: then a cut within it is a risk that remains.) A file can
be the last one too: PHP refuses one that no boundary follows, as an upload in part.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing

from ..attachments.contents import Data, Once
from ..attachments.prepare import Prepared

__all__ = ["Form"]

_SMALL = 64 * 1024  # bytes: what is in memory and no larger is copied into one chunk with the rest
_ONE_RECORD = 12 * 1024  # bytes: a form that fits one TLS record (16 KiB) together with its head


class Form:
    """A ``multipart/form-data`` body (see `Body`).

    Args:
        fields: Names and values that come first.
        files: Files, in this order.
        last: Name and value of the field that proves the request whole, None if the last file does.
        boundary: What separates the parts; unguessable unless given.
        file_field: Name that the files are sent under.

    Attributes:
        files: The files.
        parts: Names of all parts in order, each with its text or its file.
        current: The file that is being streamed, or at which a pass has failed; else None.
    """

    def __init__(
        self,
        fields: Sequence[tuple[str, str]],
        files: Sequence[Prepared],
        last: tuple[str, str] | None,
        boundary: str | None = None,
        *,
        file_field: str = "attachments[]",
    ) -> None:
        boundary = boundary or f"vpsbg-{secrets.token_hex(16)}"
        self.files = files
        self.parts: tuple[tuple[str, str | Prepared], ...] = (
            *fields,
            *((file_field, file) for file in files),
            *(() if last is None else (last,)),
        )
        self.current: Prepared | None = None
        self.content_type = f"multipart/form-data; boundary={boundary}"
        pieces = _pieces(fields, files, boundary.encode(), file_field.encode())
        self._plan = _plan(pieces, last, boundary.encode())
        self.content_length = _length(self._plan)

    @property
    def replayable(self) -> bool:
        """See `Body.replayable`. A stream that runs once and has not yet is no hindrance."""
        return not any(isinstance(file.content, Once) and file.content.used for file in self.files)

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """See `Body.open`."""
        return aclosing(self._chunks())

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        self.current = None
        for piece in self._plan:
            if not isinstance(piece, Prepared):
                yield piece
                continue
            self.current = piece
            async with aclosing(piece.chunks()) as chunks:
                async for chunk in chunks:
                    yield chunk
            self.current = None


def _plan(
    pieces: Iterable[bytes | Prepared], last: tuple[str, str] | None, boundary: bytes
) -> list[bytes | Prepared]:
    """The chunks, with the files that are streamed standing for theirs."""
    plan = list(_joined(pieces))
    proof = b"" if last is None else _field(last, boundary)
    proof += b"--%b--\r\n" % boundary
    match plan:
        case [bytes() as before] if len(before) + len(proof) <= _ONE_RECORD:
            return [before + proof]
        case _:
            return [*plan, proof]


def _pieces(
    fields: Sequence[tuple[str, str]],
    files: Sequence[Prepared],
    boundary: bytes,
    file_field: bytes,
) -> Iterator[bytes | Prepared]:
    for field in fields:
        yield _field(field, boundary)
    for file in files:
        yield _file_head(file, boundary, file_field)
        data = file.content.data if isinstance(file.content, Data) else None
        yield file if data is None or len(data) > _SMALL else data
        yield b"\r\n"


def _field(field: tuple[str, str], boundary: bytes) -> bytes:
    head = b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    name, value = field
    return head % (boundary, name.encode(), value.encode())


def _file_head(file: Prepared, boundary: bytes, field: bytes) -> bytes:
    # The brackets and the name go literally, as browsers send them: PHP decodes no percent signs,
    # takes filename*= for a text field and keeps the last only of files without brackets. A name
    # holds nothing that would need escaping: see safe_name.
    head = (
        b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\n'
        b"Content-Type: %b\r\n\r\n"
    )
    name, content_type = file.attachment.name, file.attachment.content_type
    return head % (boundary, field, name.encode(), content_type.encode())


def _joined(pieces: Iterable[bytes | Prepared]) -> Iterator[bytes | Prepared]:
    """Neighbours in memory as one, unless they are big."""
    small: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes) and len(piece) <= _SMALL:
            small.append(piece)
            continue
        if small:
            yield b"".join(small)
            small = []
        yield piece
    if small:
        yield b"".join(small)


def _length(plan: Iterable[bytes | Prepared]) -> int | None:
    length = 0
    for piece in plan:
        size = piece.content.size if isinstance(piece, Prepared) else len(piece)
        if size is None:
            return None
        length += size
    return length
