"""A transport without a network, for the tests of an application."""

from __future__ import annotations

import asyncio
import json as jsonlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs

from ..errors import NotSentError
from ..transport import Headers, Request, Response
from ..transport.upload import Upload

__all__ = ["Call", "FakeTransport", "Reply"]


@attrs.frozen
class Reply:
    """What a `FakeTransport` answers.

    Attributes:
        status: HTTP status.
        json: Body, as JSON; None for the bytes of ``body``.
        body: Body.
        headers: Headers.
    """

    status: int = 200
    json: Any = None
    body: bytes = b""
    headers: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Call:
    """A request that was made, with its body as it would have been sent.

    Attributes:
        request: The request.
        body: The bytes of its body, empty if it has none.
    """

    request: Request
    body: bytes


class FakeTransport:
    """A transport without a network: records the calls and gives the answers it was given.

    ```python
    transport = FakeTransport(Reply(json={"id": 1}), NotSentError("no network today"))
    vps = VPSBG("key", transport=transport)
    ```

    A body is read to its end, with the checks of a real transport, and closed.

    Args:
        replies: The answers, in order; an exception is raised in place of an answer.

    Attributes:
        calls: What was sent so far.
    """

    def __init__(self, *replies: Reply | Exception) -> None:
        self.calls: list[Call] = []
        self._replies = list(replies)
        self._closed = False

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        """See `Transport.send`."""
        if self._closed:
            raise NotSentError("the transport is closed", permanent=True)
        self.calls.append(Call(request, await _drained(request)))
        if not self._replies:
            raise AssertionError(f"no reply was given for {request.method} {request.url}")
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        body = reply.body if reply.json is None else jsonlib.dumps(reply.json).encode()
        yield Response(reply.status, Headers(reply.headers), _chunks_of(body))

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        self._closed = True


async def _drained(request: Request) -> bytes:
    if request.body is None:
        return b""
    upload = Upload(request.body, request.timeouts)
    try:
        async with asyncio.timeout(None) as timer:
            with upload.watched_by(timer):
                return b"".join([bytes(chunk) async for chunk in upload])
    except TimeoutError as error:
        if timer.expired():
            raise upload.overdue() from error
        raise
    finally:
        await upload.aclose()


async def _chunks_of(body: bytes) -> AsyncIterator[bytes]:
    yield body
