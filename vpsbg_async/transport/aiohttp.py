"""The transport on aiohttp: the only module of the SDK that imports it."""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from types import TracebackType
from typing import Any, Self
from urllib.request import getproxies, proxy_bypass
from weakref import WeakSet

import aiohttp
from yarl import URL

from ..errors import (
    ConfigurationError,
    NotSentError,
    OutcomeUnknownError,
    ResponseReadError,
    VPSBGError,
)
from . import Headers, Request, Response, Timeouts
from .upload import Upload

__all__ = ["AiohttpTransport"]

# A pooled connection that the server has forgotten would cost a create its certainty; nginx and
# Apache keep theirs for longer than this.
_KEEPALIVE = 5.0  # seconds

_READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

# Raised while connecting, so nothing was sent.
_WHILE_CONNECTING = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)


class AiohttpTransport:
    """Sends requests with aiohttp, over connections of its own or of an application's session.

    Args:
        session: Lends its connector, and nothing else, to a private session: its cookies,
            headers, authentication and middlewares neither hurt nor are hurt. Its owner closes it.
        ssl_context: The TLS settings, in place of the system's.
        proxy: URL of an HTTP proxy.
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
        if proxy is not None and not _is_http_url(proxy):
            raise ConfigurationError("proxy must be an http:// or https:// URL")
        self._lender = session
        self._ssl: ssl.SSLContext | bool = True if ssl_context is None else ssl_context
        self._proxy = proxy
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def send(self, request: Request, /) -> AbstractAsyncContextManager[Response]:
        """See `Transport.send`."""
        return _Attempt(self, request)

    async def aclose(self) -> None:
        """Close the connections, but for those of a lent connector."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def request(
        self, request: Request, payload: _Payload | None = None
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
        return await self._open_session().request(
            request.method,
            url,
            headers=headers,
            data=payload,
            timeout=self._timeout(request.timeouts),
            ssl=self._ssl,
            proxy=self._proxy_for(url),
            allow_redirects=False,
            middlewares=(_once,),
        )

    def _open_session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None and not self._closed:
            self._loop = loop
            self._session = self._make_session()
        if self._session is None or self._closed or self._session.closed:
            raise NotSentError("the transport is closed", permanent=True)
        if self._loop is not loop:
            raise NotSentError("the transport belongs to another event loop", permanent=True)
        return self._session

    def _make_session(self) -> aiohttp.ClientSession:
        connector: aiohttp.BaseConnector | None
        if self._lender is None:
            connector = _Connector(limit=0, keepalive_timeout=_KEEPALIVE)
        else:
            connector = self._lender.connector
        if connector is None or connector.closed:
            raise NotSentError("the session that lends its connections is closed", permanent=True)
        return aiohttp.ClientSession(
            connector=connector,
            connector_owner=self._lender is None,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Content-Type",),
        )

    def _timeout(self, timeouts: Timeouts) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=None,
            # This one also counts the wait for a place in a lent pool, where none is due.
            connect=timeouts.connect if self._lender is None else None,
            sock_connect=timeouts.connect,
            sock_read=timeouts.response,  # counts from the last byte sent
        )

    def _proxy_for(self, url: URL) -> str | None:
        if self._proxy is not None or not self._trust_env:
            return self._proxy
        # aiohttp's own trust_env would also look into ~/.netrc, and refuse to send our key.
        return None if proxy_bypass(url.host or "") else getproxies().get(url.scheme)


class _Attempt(AbstractAsyncContextManager[Response]):
    """One request on its way, and its answer until it is left."""

    def __init__(self, transport: AiohttpTransport, request: Request) -> None:
        self._transport = transport
        self._request = request
        self._upload: Upload | None = None
        self._payload: _Payload | None = None
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

    async def _exchange(self) -> aiohttp.ClientResponse:
        timeouts = self._request.timeouts
        if self._request.body is not None:
            answer = await self._exchange_with_body(Upload(self._request.body, timeouts))
        elif self._request.method in _READING:
            answer = await self._exchange_without_body()
        else:  # as a body, if an empty one, for the sake of what `_Payload` makes sure of
            answer = await self._exchange_with_body(Upload(_Nothing(), timeouts))
        if answer.connection is not None and answer.connection.protocol is not None:
            answer.connection.protocol.read_timeout = timeouts.read
            answer.connection.protocol.start_timeout()
        return answer

    async def _exchange_without_body(self) -> aiohttp.ClientResponse:
        timeouts = self._request.timeouts
        # aiohttp's timer for the answer starts anew with each byte, which a trickle would use.
        bounded = timeouts.connect is not None and timeouts.response is not None
        seconds = (timeouts.connect or 0) + (timeouts.response or 0) if bounded else None
        try:
            async with asyncio.timeout(seconds) as timer:
                return await self._transport.request(self._request)
        except TimeoutError as error:
            if timer.expired():
                raise OutcomeUnknownError(
                    f"no answer within {seconds:g} s", overdue=True
                ) from error
            raise

    async def _exchange_with_body(self, upload: Upload) -> aiohttp.ClientResponse:
        self._upload = upload
        payload = self._payload = _Payload(upload)
        try:
            async with asyncio.timeout(None) as timer:
                with upload.watched_by(timer):
                    answer = await self._transport.request(self._request, payload)
        except TimeoutError as error:
            if timer.expired():
                raise upload.overdue() from error
            raise
        if not payload.begun:
            answer.close()
            raise NotSentError("an answer was there before the request")
        return answer

    async def _end_upload(self, *, abort: bool) -> None:
        if self._upload is None or self._payload is None:
            return
        if abort or not self._payload.written:
            self._payload.abort()
        await self._upload.aclose()

    def _verdict(self, error: Exception) -> VPSBGError:
        upload = self._upload
        if upload is not None and upload.failure is not None:
            return upload.failure  # its cause is the source's own error
        unsent = isinstance(error, _WHILE_CONNECTING) or (upload and not upload.committed)
        verdict = NotSentError(_told(error)) if unsent else OutcomeUnknownError(_told(error))
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


class _Connector(aiohttp.TCPConnector):
    """A pool that gives out no connection again on which something has arrived since.

    It would be taken for the answer to the next request: a proxy that is out of step, or a server
    that bids farewell to an idle connection, could have a ticket reported as refused or as filed.
    """

    def __init__(self, *, limit: int, keepalive_timeout: float) -> None:
        super().__init__(limit=limit, keepalive_timeout=keepalive_timeout)
        self._known: WeakSet[Any] = WeakSet()

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109
        """Called by aiohttp."""
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol not in self._known:
                self._known.add(connection.protocol)
                return connection
            if not _has_something_to_say(connection.protocol):
                return connection
            connection.close()


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
        if writer.protocol.should_close:  # of a lent pool: see _Connector
            raise NotSentError("the connection held something that nobody had asked for")
        self.begun = True
        self._connection = writer.transport
        async for chunk in self._value:
            await writer.write(chunk)
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


class _DroppedError(Exception):
    """A dropped connection, in a form that aiohttp does not answer by sending again."""


async def _once(
    request: aiohttp.ClientRequest,
    handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except _WHILE_CONNECTING:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _DroppedError(_told(error)) from error


def _is_http_url(text: str) -> bool:
    try:
        url = URL(text)
    except (TypeError, ValueError):
        return False
    return url.scheme in ("http", "https") and bool(url.host) and " " not in text


def _told(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error.strerror or error.os_error
        return f"cannot connect to {error.host}:{error.port}: {reason}"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    if isinstance(error, aiohttp.ClientResponseError):
        return "the answer is not HTTP"
    if isinstance(error, aiohttp.InvalidURL):
        return "the URL, or that of a proxy, cannot be called"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection"
    return " ".join(str(error).split()) or type(error).__name__
