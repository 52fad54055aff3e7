"""A transport without a network, for the tests of an application."""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import attrs

from ..errors import NotSentError
from ..transport import Headers, Request, Response
from ..transport.alarm import Alarm
from ..transport.upload import Upload

__all__ = ["Call", "FakeTransport", "Reply", "SentFile"]

_HEAD = re.compile(r'name="([^"]*)"(?:; filename="([^"]*)"\r\nContent-Type: (.*))?')


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


@attrs.frozen(kw_only=True)
class SentFile:
    """A file that was sent with a form.

    Attributes:
        name: The file name that was sent.
        content_type: The MIME type that was sent.
        content: Its bytes.
    """

    name: str
    content_type: str
    content: bytes


@attrs.frozen
class Call:
    """A request that was made, with its body as it would have been sent.

    Attributes:
        request: The request.
        body: The bytes of its body, empty if it has none.
    """

    request: Request
    body: bytes

    @property
    def json(self) -> Any:
        """Its body, read as JSON; None if it has none."""
        return jsonlib.loads(self.body) if self.body else None

    @property
    def fields(self) -> dict[str, str]:
        """The texts of its form by name; empty if it is none."""
        return {part.name: part.content.decode() for part in _parts(self) if part.file is None}

    @property
    def files(self) -> list[SentFile]:
        """The files of its form, in order; empty if it is none."""
        return [
            SentFile(name=part.file, content_type=part.content_type, content=part.content)
            for part in _parts(self)
            if part.file is not None
        ]


class _Part(NamedTuple):
    """One part of a form; its file is the name of one, None for a text."""

    name: str
    file: str | None
    content_type: str
    content: bytes


class FakeTransport:
    """A transport without a network: records the calls and gives the answers it was given.

    ```python
    transport = FakeTransport(Reply(json={"id": 1}), NotSentError("no network today"))
    vps = VPSBG("key", transport=transport)
    ```

    It opens no connection, whatever is sent. A body is read to its end, with the checks of a real
    transport, and closed. What was sent is in ``calls``:

    ```python
    transport.calls[0].fields["subject"], transport.calls[0].files[0].content
    ```

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


def _parts(call: Call) -> Iterator[_Part]:
    """The parts of a form, as this package writes them."""
    body = call.request.body
    form, _, boundary = ("" if body is None else body.content_type).partition("; boundary=")
    if form != "multipart/form-data":
        return
    for part in (b"\r\n" + call.body).split(f"\r\n--{boundary}".encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        if told := _HEAD.search(head.decode()):
            yield _Part(told[1], told[2], told[3] or "", content)


async def _drained(request: Request) -> bytes:
    if request.body is None:
        return b""
    upload = Upload(request.body, request.timeouts)
    try:
        async with Alarm() as upload.alarm:
            return b"".join([bytes(chunk) async for chunk in upload])
    except TimeoutError as error:
        if upload.alarm is not None and upload.alarm.expired():
            raise upload.overdue() from error
        raise
    finally:
        await upload.aclose()


async def _chunks_of(body: bytes) -> AsyncIterator[bytes]:
    yield body
