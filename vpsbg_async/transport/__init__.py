"""How bytes travel: exactly one HTTP attempt.

Below this seam there is no retry, authentication, JSON, status check, redirect or sleep; above it
there is no type of any HTTP library. Write a `Transport` for another library, or one that wraps
another, and run the conformance suite of `vpsbg_async.testing` against it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, ItemsView, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar, overload

import attrs

from ..errors import ResponseReadError
from ..settings import check_seconds

__all__ = ["Body", "Headers", "Request", "Response", "Timeouts", "Transport"]

T = TypeVar("T")

MAX_ANSWER = 64 * 1024 * 1024  # bytes

_SECRET = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})


class Headers(Mapping[str, str]):
    """Immutable HTTP headers, looked up without regard to case; secrets never show in a repr.

    Args:
        items: Names and values. Several values of one name are joined by a comma.
    """

    def __init__(self, items: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        self._items: dict[str, tuple[str, str]] = {}
        for name, value in items.items() if isinstance(items, Mapping) else items:
            before = self._items.get(name.lower())
            self._items[name.lower()] = (name, f"{before[1]}, {value}" if before else value)

    def __getitem__(self, name: str) -> str:
        return self._items[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._items

    def items(self) -> ItemsView[str, str]:
        """Names and values."""
        return dict(self._items.values()).items()

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: T) -> str | T: ...
    def get(self, name: str, /, default: T | None = None) -> str | T | None:
        """The value of a name, or the default where there is none."""
        item = self._items.get(name.lower())
        return default if item is None else item[1]

    def __repr__(self) -> str:
        shown = {name: "***" if name.lower() in _SECRET else value for name, value in self.items()}
        return f"Headers({shown})"


class Body(Protocol):
    """The description of a request's body: not a stream, but what can open one."""

    @property
    def content_type(self) -> str:
        """The ``Content-Type`` to send."""
        ...

    @property
    def content_length(self) -> int | None:
        """Exact length in bytes, None if it cannot be known; the same for every attempt."""
        ...

    @property
    def replayable(self) -> bool:
        """Whether `open` can be called, be it again: one whose stream has run says no."""
        ...

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Start one pass over the bytes; leaving the context closes whatever it holds."""
        ...


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long each phase of one attempt may take, in seconds; None waits for ever.

    There is no total: an upload may take as long as it moves.

    Attributes:
        pool: Until there is a place in a pool of connections that is full, as one that an
            application lends can be.
        connect: Until there is a connection, TLS included.
        stall: While sending: without any progress, be it that the server stops reading or that
            an attachment stops giving.
        response: From the last byte sent to the end of the answer's head.
        read: While reading the answer: without any progress.
    """

    pool: float | None = attrs.field(default=60.0, validator=check_seconds)
    connect: float | None = attrs.field(default=10.0, validator=check_seconds)
    stall: float | None = attrs.field(default=60.0, validator=check_seconds)
    response: float | None = attrs.field(default=120.0, validator=check_seconds)
    read: float | None = attrs.field(default=60.0, validator=check_seconds)


@attrs.frozen(kw_only=True)
class Request:
    """One HTTP request.

    Attributes:
        method: HTTP method in capitals.
        url: Absolute URL, encoded, to be sent as it is.
        headers: Headers; those that follow from the body are the transport's to add.
        body: The body, None for a request without one.
        timeouts: How long each phase may take.
    """

    method: str
    url: str
    headers: Headers = attrs.field(factory=Headers)
    body: Body | None = None
    timeouts: Timeouts = attrs.field(factory=Timeouts)


class Response:
    """The answer, once its head has arrived; its body is still to be read.

    Args:
        status: HTTP status.
        headers: Headers of the answer.
        chunks: The body, decoded, as it comes. It raises nothing but `ResponseReadError`.
    """

    __slots__ = ("_chunks", "headers", "status")

    def __init__(self, status: int, headers: Headers, chunks: AsyncIterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._chunks = chunks

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes; it can be gone through once.

        Raises:
            ResponseReadError: The answer broke off, or stopped for too long.
        """
        return self._chunks

    async def read(self, limit: int = MAX_ANSWER) -> bytes:
        """The whole body.

        Args:
            limit: The most bytes to take into memory.

        Raises:
            ResponseReadError: The answer broke off, stopped for too long, or is over the limit.
        """
        parts: list[bytes] = []
        size = 0
        try:
            async for chunk in self._chunks:
                size += len(chunk)
                if size > limit:
                    break
                parts.append(chunk)
            else:
                return b"".join(parts)
        except ResponseReadError as error:
            error.body = b"".join(parts)
            raise
        text = f"the answer is larger than {limit} bytes"
        raise ResponseReadError(text, status=self.status, headers=self.headers, permanent=True)


class Transport(Protocol):
    """Sends one request, once."""

    def send(self, request: Request, /) -> AbstractAsyncContextManager[Response]:
        """Make exactly one attempt; the answer is open inside the context.

        Leaving the context, in whatever way, releases the connection and closes the body.
        No status raises. `asyncio.CancelledError` passes untouched.

        Raises:
            NotSentError: Nothing that could be acted on reached the server.
            OutcomeUnknownError: A failure after that and before a status line.
            ResponseReadError: A failure after the status line.
            AttachmentError: The body failed on this side.
        """
        ...

    async def aclose(self) -> None:
        """Release everything that is held; what others lent stays open."""
        ...
