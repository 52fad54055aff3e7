"""The transport on aiohttp: the only module of the SDK that imports it."""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, cast
from weakref import WeakSet

import aiohttp
from yarl import URL

from ..errors import (
    ConfigurationError,
    NotSentError,
    ResponseReadError,
    VPSBGError,
)
from . import Headers, Request, Response
from .current import Current
from .reach import KEEPALIVE, READING, Proxies, reason_of, refusal_in
from .upload import Upload
from .watch import Watch

__all__ = ["AiohttpTransport"]

_LENDER_CLOSED = "the session that lends its connections is closed"


class AiohttpTransport:
    """Sends requests with aiohttp, over connections of its own or of an application's session.

    Args:
        session: Lends its connector, and nothing else, to a private session: its cookies,
            headers, authentication and middlewares neither hurt nor are hurt. Its owner closes it.
        ssl_context: The TLS settings, in place of the system's.
        proxy: URL of an HTTP proxy, with user and password if it wants them.
        trust_env: Whether to take the proxy from the environment (``HTTPS_PROXY``, ``NO_PROXY``).

    Raises:
        ConfigurationError: An argument is of the wrong kind, or the proxy is not an HTTP URL.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        trust_env: bool = False,
    ) -> None:
        if session is not None and not isinstance(session, aiohttp.ClientSession):
            raise ConfigurationError("session must be an aiohttp.ClientSession")
        if ssl_context is not None and not isinstance(ssl_context, ssl.SSLContext):
            raise ConfigurationError("ssl_context must be an ssl.SSLContext")
        self._lender = session
        self._ssl: ssl.SSLContext | bool = True if ssl_context is None else ssl_context
        self._proxies = Proxies(proxy, trust_env=trust_env)
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._attempts: WeakSet[_Attempt] = WeakSet()
        self._closed = False

    def send(self, request: Request, /) -> AbstractAsyncContextManager[Response]:
        """See `Transport.send`."""
        attempt = _Attempt(self, request)
        self._attempts.add(attempt)
        return attempt

    async def aclose(self) -> None:
        """Break off what is under way, and close the connections, but for those that were lent."""
        self._closed = True
        if self._loop is asyncio.get_running_loop():  # in another, nothing is under way any more
            await asyncio.gather(*(attempt.break_off() for attempt in self._attempts))
        if self._session is not None:
            await self._session.close()

    async def request(
        self, request: Request, *, payload: _Payload | None
    ) -> aiohttp.ClientResponse:
        """Have aiohttp make one attempt; its own exceptions come out."""
        url = URL(request.url, encoded=True)
        headers = list(request.headers.items())
        if request.body is not None:
            headers.append(("Content-Type", request.body.content_type))
            if request.body.content_length is not None:
                headers.append(("Content-Length", str(request.body.content_length)))
        elif payload is not None:
            headers.append(("Content-Length", "0"))
        proxy = self._proxies.for_url(request.url)
        shown = {}
        if proxy is not None and proxy.authorization is not None:
            if url.scheme == "https":  # on the way into the tunnel, which ends at the server
                shown["Proxy-Authorization"] = proxy.authorization
            else:
                headers.append(("Proxy-Authorization", proxy.authorization))
        return await self._open_session().request(
            request.method,
            url,
            headers=headers,
            data=payload,
            ssl=self._ssl,
            proxy=None if proxy is None else proxy.url,
            proxy_headers=shown or None,
            allow_redirects=False,
            middlewares=() if request.method in _NOT_SENT_AGAIN else (_once,),
        )

    def _open_session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._closed:
            raise NotSentError("the transport is closed", permanent=True)
        if self._session is None:
            self._loop = loop
            self._session = self._make_session()
        if self._session.closed:
            raise NotSentError(_LENDER_CLOSED, permanent=True)
        if self._loop is not loop:
            raise NotSentError("the transport belongs to another event loop", permanent=True)
        return self._session

    def _make_session(self) -> aiohttp.ClientSession:
        pool: aiohttp.BaseConnector | None
        if self._lender is None:
            pool = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE)
        else:
            pool = self._lender.connector
        if pool is None or pool.closed:
            raise NotSentError(_LENDER_CLOSED, permanent=True)
        return aiohttp.ClientSession(
            connector=cast(aiohttp.BaseConnector, _Entrance(pool)),
            connector_owner=self._lender is None,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Content-Type",),
            timeout=aiohttp.ClientTimeout(),  # none: see `Watch`
        )


class _Attempt(AbstractAsyncContextManager[Response]):
    """One request on its way, and its answer until it is left."""

    def __init__(self, transport: AiohttpTransport, request: Request) -> None:
        self._transport = transport
        self._request = request
        body = request.body
        if body is None and request.method not in READING:
            body = _Nothing()  # for the sake of what `_Payload` makes sure of
        self._upload = None if body is None else Upload(body, request.timeouts)
        self._payload = None if self._upload is None else _Payload(self._upload)
        self._watch = Watch(request.timeouts, self._upload)
        self._answer: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> Response:
        try:
            answer = self._answer = await self._exchange()
        except BaseException as error:
            await self._end_upload(abort=True)
            if isinstance(error, VPSBGError) or not isinstance(error, Exception):
                raise
            failure = error
        else:
            headers = Headers(answer.headers)
            return Response(answer.status, headers, _AnswerChunks(answer, headers))
        # Here, and not while it is handled, so that it does not become the context of ours: what
        # aiohttp raises may hold the headers that were sent, and the password of a proxy.
        raise self._verdict(failure)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._answer is not None:
            self._answer.release()  # closes the connection unless both bodies are through
        await self._end_upload(abort=False)

    async def break_off(self) -> None:
        """Have it fail, wherever it is; what has come whole can still be read."""
        if self._answer is None:
            await self._watch.break_off()
        if self._answer is not None and not self._answer.content.is_eof():
            self._answer.content.set_exception(ConnectionError("the transport was closed"))
            self._answer.close()

    async def _exchange(self) -> aiohttp.ClientResponse:
        token = _watch.set(self._watch)
        try:
            async with self._watch:
                answer = await self._transport.request(self._request, payload=self._payload)
        finally:
            _watch.reset(token)
        if self._payload is not None and not self._payload.begun:
            answer.close()
            raise NotSentError("an answer was there before the request")
        if answer.connection is not None and answer.connection.protocol is not None:
            answer.connection.protocol.read_timeout = self._request.timeouts.read
            answer.connection.protocol.start_timeout()
        return answer

    async def _end_upload(self, *, abort: bool) -> None:
        if self._upload is None or self._payload is None:
            return
        if abort or not self._payload.written:
            self._payload.abort()
        await self._upload.aclose()

    def _verdict(self, error: Exception) -> VPSBGError:
        if self._upload is not None and self._upload.failure is not None:
            return self._upload.failure  # its cause is the source's own error
        verdict = self._watch.verdict(_told(error))
        if refusal := refusal_in(error):
            verdict = NotSentError(f"the server {refusal}")
        if isinstance(error, aiohttp.ClientHttpProxyError):
            verdict.permanent = error.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
        if isinstance(error, aiohttp.ClientConnectorError):
            verdict.__cause__ = error.os_error
        elif not isinstance(error, aiohttp.ClientResponseError):
            verdict.__cause__ = error
        return verdict


class _Nothing:
    """The body of a request without one (see `Body`)."""

    content_type = ""
    content_length = 0
    replayable = True

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """See `Body.open`."""
        return aclosing(self._chunks())

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        return
        yield b""


class _Entrance:
    """The way to a pool of connections, which tells the watch of an attempt how far that has come.

    It gives out no connection again on which something has arrived since. That would be taken for
    the answer to the next request: a proxy that is out of step, or a server that bids farewell to
    an idle connection, could have a ticket reported as refused or as filed.

    The watch could be told by the traces of the session too, which for each request would cost a
    tenth of what aiohttp takes for it.
    """

    def __init__(self, pool: aiohttp.BaseConnector) -> None:
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109
        """Called by aiohttp."""
        watch = _watch.get()
        phases: Any = _Phases(watch)
        while True:
            connection = await self._connection(req, [*traces, phases], timeout)
            if not (phases.reused and _has_something_to_say(connection.protocol)):
                watch.sending()
                return connection
            connection.close()

    async def _connection(self, *arguments: Any) -> Any:
        task = asyncio.current_task()
        asked = 0 if task is None else task.cancelling()
        try:
            return await self._pool.connect(*arguments)
        except asyncio.CancelledError:
            # A pool that is closed cancels whoever waits for it. Nobody has cancelled the call.
            if self._pool.closed and (task is None or task.cancelling() == asked):
                raise NotSentError(_LENDER_CLOSED, permanent=True) from None
            raise


_watch: Current[Watch] = Current("_watch")  # of the attempt that aiohttp is at work for


class _Phases:
    """What a pool tells while it makes or finds a connection (see `aiohttp.tracing.Trace`).

    Attributes:
        reused: Whether the connection that it gives was in use before.
    """

    def __init__(self, watch: Watch) -> None:
        self.reused = False
        self._watch = watch

    async def send_connection_queued_start(self) -> None:
        """Called by aiohttp."""
        self._watch.queued()

    async def send_connection_create_start(self) -> None:
        """Called by aiohttp."""
        self.reused = False
        self._watch.connecting()

    async def send_connection_reuseconn(self) -> None:
        """Called by aiohttp."""
        self.reused = True

    def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
        return _nothing  # of look-ups and the like nobody needs to know


async def _nothing(*_: object) -> None:
    pass


def _has_something_to_say(protocol: Any) -> bool:
    """Whether an idle connection has, or had, something to read."""
    if protocol.should_close or protocol.transport is None:
        return True
    descriptor = protocol.transport.get_extra_info("socket").fileno()
    if not hasattr(select, "poll"):  # Windows, where select takes any descriptor
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


class _Payload(aiohttp.Payload):
    """An upload in the form in which aiohttp takes it.

    Attributes:
        begun: Whether aiohttp has begun to send: headers and body leave together.
        written: Whether it was written to its end.
    """

    _value: Upload

    def __init__(self, upload: Upload) -> None:
        super().__init__(upload, content_type="application/octet-stream")  # the request has its own
        self.begun = False
        self.written = False
        self._connection: asyncio.WriteTransport | None = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:  # noqa: ARG002
        """Of use to aiohttp for digests only, which nobody asks of it."""
        raise TypeError("an upload cannot be decoded")

    async def write(self, writer: Any) -> None:
        """Called by aiohttp, in a task of its own, once there is a connection."""
        if writer.protocol.should_close:  # something has arrived since it was taken
            raise NotSentError("the connection held something that nobody had asked for")
        self.begun = True
        self._connection = writer.transport
        try:
            async for chunk in self._value:
                await writer.write(chunk)
        except VPSBGError:
            # The upload knows its failure. aiohttp would tell its traces, and those whoever traces
            # an application: names of files, and what the source of one has said.
            raise _DroppedError("the upload failed") from None
        self.written = True

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:  # noqa: ARG002
        """The same: an upload is of its length, or fails."""
        await self.write(writer)

    def abort(self) -> None:
        """Drop the connection with what is in its buffer.

        Closing it would wait for a server that may have stopped reading for good.
        """
        if self._connection is not None:
            self._connection.abort()


class _AnswerChunks:
    """The body of an answer. Not a generator: nothing is left suspended if it is not read."""

    def __init__(self, answer: aiohttp.ClientResponse, headers: Headers) -> None:
        self._answer = answer
        self._headers = headers

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._answer.content.readany()
        except Exception as error:
            text = f"the answer broke off: {_told(error)}"
            raise ResponseReadError(
                text, status=self._answer.status, headers=self._headers
            ) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk


_NOT_SENT_AGAIN = frozenset({"POST", "PATCH"})  # by aiohttp


class _DroppedError(Exception):
    """A dropped connection, in a form that aiohttp does not answer by sending again."""


async def _once(
    request: aiohttp.ClientRequest,
    handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _DroppedError(_told(error)) from error


def _told(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port}: {reason_of(error.os_error)}"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    if isinstance(error, aiohttp.ClientResponseError):
        return "the answer is not HTTP"
    if isinstance(error, aiohttp.InvalidURL):
        return "the URL cannot be called"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection"
    return " ".join(str(error).split()) or type(error).__name__
