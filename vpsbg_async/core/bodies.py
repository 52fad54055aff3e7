"""Bodies of requests: JSON, and the watch that each attempt keeps on its body."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from types import TracebackType
from typing import Any, Self

from ..errors import InvalidInputError
from ..transport import Body

__all__ = ["JSONBody", "WatchedBody"]


class JSONBody:
    """A JSON document as the body of a request (see `Body`)."""

    content_type = "application/json"
    replayable = True

    def __init__(self, value: Any) -> None:
        try:
            text = json.dumps(value, allow_nan=False)
            if "\\ud" in text:  # ASCII has room for half a character (a lone surrogate), UTF-8 not
                json.dumps(value, ensure_ascii=False).encode()
            self._data = text.encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInputError({"json": (f"cannot be sent as JSON: {error}",)}) from error
        self.content_length = len(self._data)

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """See `Body.open`."""
        return aclosing(self._chunks())

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        yield self._data


class WatchedBody(AbstractAsyncContextManager[AsyncIterator[bytes]]):
    """One pass over a body, and how far it has come (see `Body`).

    Args:
        body: The body.
        report: Called with the bytes given out so far, after each chunk; None if nobody asks.

    Attributes:
        given: How many bytes were given out.
    """

    def __init__(self, body: Body, report: Callable[[int], None] | None) -> None:
        self.content_type = body.content_type
        self.content_length = body.content_length
        self.replayable = body.replayable
        self.given = 0
        self._body = body
        self._report = report
        self._ended = False

    @property
    def is_complete(self) -> bool:
        """Whether all of it was given out: from then on the server may act."""
        return self._ended or self.given == self.content_length

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """See `Body.open`."""
        self._opened = self._body.open()
        return self

    async def __aenter__(self) -> AsyncIterator[bytes]:
        self._chunks = await self._opened.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._opened.__aexit__(kind, error, traceback)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            self._ended = True
            raise
        self.given += len(chunk)
        if self._report is not None:
            self._report(self.given)
        return chunk
