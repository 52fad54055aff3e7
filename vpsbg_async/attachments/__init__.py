"""Files to upload: descriptions that are opened when, and each time, they are sent.

An `Attachment` holds no open file. What a call does with it has two steps: `prepare` looks at all
files before the first byte leaves, and `Prepared` then streams each, checking that what was
promised is what goes out.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import attrs

from ..errors import InvalidInputError
from ..settings import whole_number
from .contents import Content, Data, Once, Stream
from .names import guess_type, is_content_type, safe_name

__all__ = ["Attachment", "AttachmentLike", "Download", "DownloadContent", "Limits"]

_DOWNLOAD_CHUNK = 64 * 1024  # bytes
_LENGTH_DIGITS = 18  # of a Content-Length; nothing is longer


class DownloadContent(Protocol):
    """The body of a `Download`."""

    def iter_chunked(self, n: int, /) -> AsyncIterator[bytes]:
        """The body in chunks of at most ``n`` bytes."""
        ...


class Download(Protocol):
    """A response that is being received; an aiohttp response is one."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, looked up without regard to case."""
        ...

    @property
    def content(self) -> DownloadContent:
        """The body, not yet read."""
        ...


@attrs.frozen(kw_only=True)
class Limits:
    """What one call may attach; VPSBG's own limits are not known.

    A stream whose size is not known counts for none.

    Attributes:
        max_files: How many files. PHP's default is 20, and it drops the 21st without a word.
        max_file_size: The largest file, in bytes; None for no limit.
        max_total_size: All files together, in bytes; None for no limit.

    Raises:
        ConfigurationError: A limit is not a whole number, or negative.
    """

    max_files: int = attrs.field(default=20, validator=whole_number(least=0))
    max_file_size: int | None = attrs.field(default=None, validator=whole_number(least=0))
    max_total_size: int | None = attrs.field(default=None, validator=whole_number(least=0))


@attrs.frozen(kw_only=True, eq=False)
class Attachment:
    """A file to send with a ticket or a reply. Make one with one of the ``from_`` methods.

    Attributes:
        name: The file name that is sent: the one given, made safe for PHP and for the next reader.
        content_type: The MIME type that is sent.
        size: Length in bytes, None if it is not known before sending.
        replayable: Whether it can be sent more than once.
        source: A path, to be looked at when it is sent, or the content itself.
    """

    name: str
    content_type: str
    size: int | None
    replayable: bool
    source: str | Content = attrs.field(repr=False)

    @classmethod
    def from_path(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        content_type: str | None = None,
    ) -> Attachment:
        """A file on disk, looked at when it is sent.

        Args:
            path: Where it is.
            name: The name to send, if it is not the path's last part.
            content_type: Its MIME type, if it is not what the name suggests.

        Raises:
            InvalidInputError: An argument is of the wrong kind.
        """
        place = os.fspath(path) if isinstance(path, str | os.PathLike) else path
        if not isinstance(place, str):
            raise _invalid("path", f"must be a path, not {type(path).__name__}")
        return cls._make(place, Path(place).name if name is None else name, content_type)

    @classmethod
    def from_bytes(
        cls, data: bytes | bytearray | memoryview, *, name: str, content_type: str | None = None
    ) -> Attachment:
        """Bytes in memory.

        Args:
            data: The content.
            name: The file name to send.
            content_type: Its MIME type, if it is not what the name suggests.

        Raises:
            InvalidInputError: An argument is of the wrong kind.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise _invalid("data", f"must be bytes, not {type(data).__name__}")
        return cls._make(Data(bytes(data)), name, content_type)

    @classmethod
    def from_stream(
        cls,
        factory: Callable[[], AsyncIterable[bytes]],
        *,
        name: str,
        size: int | None = None,
        content_type: str | None = None,
    ) -> Attachment:
        """A stream that can be started anew, such as a download.

        Args:
            factory: Gives a fresh async iterable of bytes each time it is called; an async
                generator function is one.
            name: The file name to send.
            size: Length in bytes if it is known; a stream that turns out otherwise fails the call.
            content_type: Its MIME type, if it is not what the name suggests.

        Raises:
            InvalidInputError: An argument is of the wrong kind.
        """
        if not callable(factory):
            text = "must be callable; for an iterator that runs once use from_iterator"
            raise _invalid("factory", text)
        return cls._make(Stream(factory, _checked(size)), name, content_type)

    @classmethod
    def from_iterator(
        cls,
        iterator: AsyncIterable[bytes],
        *,
        name: str,
        size: int | None = None,
        content_type: str | None = None,
    ) -> Attachment:
        """A stream that runs once: the call that sends it can be tried once only.

        Args:
            iterator: The async iterable of bytes.
            name: The file name to send.
            size: Length in bytes if it is known; a stream that turns out otherwise fails the call.
            content_type: Its MIME type, if it is not what the name suggests.

        Raises:
            InvalidInputError: An argument is of the wrong kind.
        """
        if not isinstance(iterator, AsyncIterable):
            raise _invalid("iterator", f"must be an async iterable, not {type(iterator).__name__}")
        return cls._make(Once(iterator, _checked(size)), name, content_type)

    @classmethod
    def from_response(
        cls, response: Download, *, name: str, content_type: str | None = None
    ) -> Attachment:
        """A download that has begun, passed on as it arrives; it can be sent once.

        Args:
            response: An open response, such as aiohttp's.
            name: The file name to send.
            content_type: Its MIME type, if it is not the response's.

        Raises:
            InvalidInputError: An argument is of the wrong kind.
        """
        headers: Any = getattr(response, "headers", None)
        content: Any = getattr(response, "content", None)
        if not isinstance(headers, Mapping) or not callable(getattr(content, "iter_chunked", None)):
            raise _invalid("response", f"must be a response, not {type(response).__name__}")
        if getattr(response, "status", 0) >= HTTPStatus.BAD_REQUEST:  # its page is no attachment
            raise _invalid("response", f"is an error: {getattr(response, 'status', 0)}")
        size = _length_of(headers)
        if getattr(content, "total_bytes", 0) and content.at_eof():  # aiohttp's stream can tell
            raise _invalid("response", "was read already, and gives its bytes once")
        told = headers.get("Content-Type") or ""
        if content_type is None and is_content_type(told):
            content_type = told
        chunks = content.iter_chunked(_DOWNLOAD_CHUNK)
        return cls.from_iterator(chunks, name=name, size=size, content_type=content_type)

    @classmethod
    def _make(cls, source: str | Content, name: str, content_type: str | None) -> Attachment:
        if not isinstance(name, str):
            raise _invalid("name", f"must be text, not {type(name).__name__}")
        if content_type is not None and (
            not isinstance(content_type, str) or not is_content_type(content_type)
        ):
            raise _invalid("content_type", f"must be a MIME type, not {content_type!r}")
        sent = safe_name(name) if name.strip() else ""  # refused when it is to be sent
        return cls(
            name=sent,
            content_type=content_type or guess_type(sent),
            size=None if isinstance(source, str) else source.size,
            replayable=not isinstance(source, Once),
            source=source,
        )


AttachmentLike = Attachment | str | os.PathLike[str]
"""What is accepted where attachments are: a plain path will do."""


def _length_of(headers: Mapping[str, str]) -> int | None:
    # The length of a compressed answer is not the number of bytes that come out of it.
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        return None
    length = headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and len(length) <= _LENGTH_DIGITS else None


def _checked(size: int | None) -> int | None:
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise _invalid("size", "must be a number of bytes")
    return size


def _invalid(argument: str, text: str) -> InvalidInputError:
    return InvalidInputError({argument: (text,)})
