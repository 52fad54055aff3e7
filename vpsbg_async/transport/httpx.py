"""The transport on httpx2 (``pip install 'vpsbg_async[httpx]'``): the only module that imports it.

httpx2's client follows redirects, keeps cookies and logs. Of use here is what it stands on, its
pool of connections (httpcore2), which sends a request once, and its reading of answers. httpcore2
lets others see to the sockets: `Wire` does, so that it is known what has left, and that an answer
is seen while a body still goes out. Then no more of the body is sent.

As with every transport, what asyncio was given counts as sent: of its buffer nobody knows how much
has left. And a server that resets a TLS 1.3 connection for want of a certificate of ours, without
saying so, cannot be told from one that has acted on the request.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import SplitResult, urlsplit
from weakref import WeakSet

from ..errors import ConfigurationError, NotSentError, ResponseReadError, VPSBGError
from . import Headers, Request, Response
from .current import Current
from .reach import KEEPALIVE, PORTS, READING, Proxies, Proxy, reason_of, refusal_in
from .upload import Upload
from .watch import Watch
from .wire import Wire

try:
    import httpcore2
    import httpx2
except ImportError as error:
    raise ImportError(
        f"HttpxTransport needs {error.name}: pip install 'vpsbg_async[httpx]'"
    ) from error

__all__ = ["HttpxTransport"]


class HttpxTransport:
    """Sends requests with httpx2, over connections of its own.

    Args:
        ssl_context: The TLS settings, in place of the system's.
        proxy: URL of an HTTP proxy, with user and password if it wants them.
        trust_env: Whether to take the proxy from the environment (``HTTPS_PROXY``, ``NO_PROXY``).

    Raises:
        ConfigurationError: An argument is of the wrong kind, or the proxy is not an HTTP URL.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        trust_env: bool = False,
    ) -> None:
        if ssl_context is not None and not isinstance(ssl_context, ssl.SSLContext):
            raise ConfigurationError("ssl_context must be an ssl.SSLContext")
        self._network = _Network(ssl_context)
        self._proxies = Proxies(proxy, trust_env=trust_env)
        self._pools: dict[Proxy | None, _Pool] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._attempts: WeakSet[_Attempt] = WeakSet()
        self._closed = False

    def send(self, request: Request, /) -> AbstractAsyncContextManager[Response]:
        """See `Transport.send`."""
        attempt = _Attempt(self, request)
        self._attempts.add(attempt)
        return attempt

    async def aclose(self) -> None:
        """Break off what is under way, and close the connections."""
        self._closed = True
        if self._loop is not asyncio.get_running_loop():
            return  # nothing is under way in another one any more
        await asyncio.gather(*(attempt.break_off() for attempt in self._attempts))
        for pool in self._pools.values():
            await pool.aclose()
        await asyncio.sleep(0)  # for asyncio to close their sockets

    def pool_for(self, url: SplitResult) -> _Pool:
        """The pool of connections to the proxy that a URL goes through, or of direct ones."""
        loop = asyncio.get_running_loop()
        if self._closed:
            raise NotSentError("the transport is closed", permanent=True)
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            raise NotSentError("the transport belongs to another event loop", permanent=True)
        proxy = self._proxies.for_url(url)
        if proxy not in self._pools:
            self._pools[proxy] = _Pool(self._network, proxy)
        return self._pools[proxy]


class _Attempt(AbstractAsyncContextManager[Response]):
    """One request on its way, and its answer until it is left.

    Attributes:
        connection: The connection that was made for it, if one was.
        failure: Why it has failed, where that was found out on this side of httpcore2.
    """

    def __init__(self, transport: HttpxTransport, request: Request) -> None:
        self.connection: httpcore2.AsyncConnectionInterface | None = None
        self.failure: VPSBGError | None = None
        self._transport = transport
        self._request = request
        self._upload = None if request.body is None else Upload(request.body, request.timeouts)
        self._watch = Watch(request.timeouts, self._upload)
        self._outflow = None if self._upload is None else _Outflow(self, self._upload)
        self._wire: Wire | None = None
        self._answer: httpcore2.Response | None = None
        self._chunks: _AnswerChunks | None = None

    async def __aenter__(self) -> Response:
        try:
            answer = self._answer = await self._exchange()
        except BaseException as error:
            if self.connection is not None:
                await self.connection.aclose()  # a tunnel without TLS would stay in the pool
            await self._end_upload()
            if isinstance(error, VPSBGError) or not isinstance(error, Exception):
                raise
            failure = error
        else:
            headers = Headers(
                [
                    (name.decode(), value.decode("utf-8", "surrogateescape"))
                    for name, value in answer.headers
                ]
            )
            self._chunks = _AnswerChunks(answer, headers, self._request.timeouts.read)
            return Response(answer.status, headers, self._chunks)
        # Here, and not while it is handled, so that it does not become the context of ours: what
        # httpcore2 raises may hold the headers that were sent.
        raise self._verdict(failure)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._answer is not None and self._chunks is not None:
                if _has_more(self._answer):
                    self.wire.abort()
                await self._chunks.aclose()  # closes the connection unless both bodies are through
        finally:
            self._answer = None
            await self._end_upload()

    @property
    def wire(self) -> Wire:
        """The connection that the request goes out by."""
        assert self._wire is not None, "no request was written yet"  # noqa: S101
        return self._wire

    def connecting(self) -> None:
        """A connection is being made for it."""
        self._watch.connecting()

    def writes(self, wire: Wire, data: bytes) -> None:
        """Something is about to leave by a connection.

        Raises:
            _EndedError: It may not: an answer to the request is there, or no server any more.
        """
        if self._wire is wire or data.startswith(b"CONNECT "):  # which is for a proxy
            return
        if wire.is_over:
            raise self.ended(NotSentError("the server has closed the connection"))
        if wire.has_news:
            text = "the connection held something that nobody had asked for"
            raise self.ended(NotSentError(text))
        self._wire = wire
        self._watch.sending()

    def ended(self, failure: VPSBGError, cause: BaseException | None = None) -> _EndedError:
        """What to raise for this to come out, cause included: httpcore2 would take that away."""
        failure.__cause__ = cause
        self.failure = failure
        return _EndedError()

    async def break_off(self) -> None:
        """Have it fail, wherever it is; what has come whole can still be read."""
        if self._answer is None:
            await self._watch.break_off()
        if self._answer is not None:
            self.wire.break_off("the transport was closed")

    async def _exchange(self) -> httpcore2.Response:
        try:
            url = urlsplit(self._request.url)
            request = self._made_for(url)
        except ValueError as error:
            raise NotSentError("the URL cannot be called", permanent=True) from error
        pool = self._transport.pool_for(url)
        token = _attempt.set(self)
        try:
            async with self._watch:
                return await pool.handle_async_request(request)
        finally:
            _attempt.reset(token)

    def _made_for(self, url: SplitResult) -> httpcore2.Request:
        """The request as httpcore2 takes it, with the headers that follow from URL and body."""
        if url.scheme not in PORTS or not url.hostname:
            raise ValueError("no http:// or https:// URL")
        sent, added = self._request.headers, {}
        if "Host" not in sent:
            is_usual = url.port in (None, PORTS[url.scheme])
            host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
            added["Host"] = host if is_usual else f"{host}:{url.port}"
        if "Accept-Encoding" not in sent:
            added["Accept-Encoding"] = "gzip, deflate"
        body = self._request.body
        if body is not None:
            added["Content-Type"] = body.content_type
            if body.content_length is None:
                added["Transfer-Encoding"] = "chunked"
            else:
                added["Content-Length"] = str(body.content_length)
        elif self._request.method not in READING:
            added["Content-Length"] = "0"
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        return httpcore2.Request(
            method=self._request.method.encode(),
            url=httpcore2.URL(
                scheme=url.scheme.encode(),
                host=url.hostname.encode("ascii"),
                port=url.port,
                target=target.encode("ascii"),
            ),
            headers=[_encoded(*header) for header in (*added.items(), *sent.items())],
            content=self._outflow,
        )

    async def _end_upload(self) -> None:
        if self._upload is not None and self._outflow is not None:
            self._outflow.stop()
            await self._upload.aclose()
            await asyncio.sleep(0)  # for the step to end that was stopped before it began

    def _verdict(self, error: Exception) -> VPSBGError:
        if self.failure is not None:
            return self.failure
        cause = None if self._wire is None else self._wire.error
        verdict = self._watch.verdict(_told(error))
        if refusal := refusal_in(cause):
            verdict = NotSentError(f"the server {refusal}")
        if isinstance(error, httpcore2.LocalProtocolError):
            verdict.permanent = True
            return verdict  # without a cause: that may quote a header
        if isinstance(error, httpcore2.ProxyError):
            verdict.permanent = _told(error).endswith("407")
        verdict.__cause__ = cause or error
        return verdict


_attempt: Current[_Attempt] = Current("_attempt")  # that httpcore2 is at work for


class _EndedError(Exception):
    """Takes an attempt out of httpcore2 that knows itself why it has failed."""


class _Outflow:
    """An upload in the form in which httpcore2 takes it: ends early if the answer is there."""

    def __init__(self, attempt: _Attempt, upload: Upload) -> None:
        self._attempt = attempt
        self._upload = upload
        self._step: asyncio.Task[bytes | memoryview] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        wire = self._attempt.wire
        if wire.is_answered and not self._upload.committed:
            raise httpcore2.WriteError("answered before it was sent")  # which has it read on
        # In a task, so that a source that gives nothing does not keep the answer from being seen.
        step = self._step = asyncio.ensure_future(anext(self._upload))
        step.add_done_callback(self._has_ended)
        await asyncio.sleep(0)  # most steps have no need to wait
        while not step.done() and not wire.is_answered:
            await wire.change()
        if not step.done():
            if self._upload.committed:  # to the last byte: pieces do not make one wait
                raise StopAsyncIteration
            step.cancel()
            raise httpcore2.WriteError("answered before it was sent")
        if self._upload.failure is not None:
            raise self._attempt.ended(self._upload.failure, self._upload.failure.__cause__)
        return cast(bytes, step.result())

    def _has_ended(self, step: asyncio.Task[bytes | memoryview]) -> None:
        self._attempt.wire.wake()
        if not step.cancelled():
            step.exception()  # which asyncio would have nobody know of, if we have gone on

    def stop(self) -> None:
        """Have the step end that is under way."""
        if self._step is not None:
            self._step.cancel()


class _AnswerChunks:
    """The body of an answer. Not a generator: nothing is left suspended if it is not read."""

    def __init__(self, answer: httpcore2.Response, headers: Headers, seconds: float | None) -> None:
        self._status = answer.status
        self._headers = headers
        self._seconds = seconds
        self._answer = httpx2.Response(
            answer.status, headers=answer.headers, stream=_AnswerStream(answer)
        )
        self._chunks = self._answer.aiter_bytes()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        timer = asyncio.timeout(self._seconds)
        try:
            async with timer:
                return await anext(self._chunks)
        except StopAsyncIteration:
            raise
        except Exception as error:
            lack = f"nothing came for {self._seconds or 0:g} s"
            told = f"the answer broke off: {lack if timer.expired() else _told(error)}"
            raise ResponseReadError(told, status=self._status, headers=self._headers) from error

    async def aclose(self) -> None:
        """Release the connection."""
        await self._chunks.aclose()
        await self._answer.aclose()


class _AnswerStream(httpx2.AsyncByteStream):
    """What httpx2 has an answer's body in."""

    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._answer.aiter_stream()

    async def aclose(self) -> None:
        await self._answer.aclose()


class _Pool(httpcore2.AsyncConnectionPool):
    """Connections to wherever they are asked for, direct or through one proxy."""

    def __init__(self, network: _Network, proxy: Proxy | None) -> None:
        # httpcore2 would change what it is given, which may be in use elsewhere: see `_Stream`.
        unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        through = None
        if proxy is not None:
            shown = (proxy.authorization or "").encode()
            headers = [(b"Proxy-Authorization", shown)] if shown else []
            through = httpcore2.Proxy(proxy.url, headers=headers, ssl_context=unused)
        super().__init__(
            ssl_context=unused,
            proxy=through,
            max_connections=None,
            keepalive_expiry=KEEPALIVE,
            network_backend=network,
        )

    def create_connection(self, origin: httpcore2.Origin) -> httpcore2.AsyncConnectionInterface:
        """Called by httpcore2 in the task of the request that needs it, as there is no limit."""
        connection = _attempt.get().connection = super().create_connection(origin)
        return connection


class _Network(httpcore2.AsyncNetworkBackend):
    """Makes the connections that httpcore2 asks for; the watch of the attempt sees to the time.

    Args:
        ssl_context: The TLS settings, None for the system's.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        self._ssl_context = ssl_context

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """The TLS settings for every connection, also those to a proxy."""
        if self._ssl_context is not None:
            return self._ssl_context
        context = httpx2.create_ssl_context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore2.AsyncNetworkStream:
        """Called by httpcore2."""
        attempt = _attempt.get()
        attempt.connecting()
        try:
            return _Stream(await Wire.to(host, port), self)
        except OSError as error:
            failure = NotSentError(f"cannot connect to {host}:{port}: {reason_of(error)}")
            raise attempt.ended(failure, error) from None


class _Stream(httpcore2.AsyncNetworkStream):
    """A connection in the form in which httpcore2 takes it."""

    def __init__(self, wire: Wire, network: _Network) -> None:
        self._wire = wire
        self._network = network

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109
        """Called by httpcore2."""
        data = await self._wire.read(max_bytes)
        if not data and self._wire.error is not None:
            raise httpcore2.ReadError(_told(self._wire.error))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        """Called by httpcore2."""
        if not buffer:
            return
        _attempt.get().writes(self._wire, buffer)
        if not await self._wire.write(buffer):
            raise httpcore2.WriteError("answered, or closed, before it was sent")

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,  # noqa: ARG002 - its own is that of `_Pool`
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        """Called by httpcore2."""
        try:
            await self._wire.start_tls(self._network.ssl_context, server_hostname)
        except OSError as error:
            failure = NotSentError(f"no TLS with {server_hostname}: {reason_of(error)}")
            raise _attempt.get().ended(failure, error) from None
        return self

    async def aclose(self) -> None:
        """Called by httpcore2."""
        self._wire.abort()

    def get_extra_info(self, info: str) -> Any:
        """Called by httpcore2."""
        return self._wire.is_stale if info == "is_readable" else self._wire.info(info)


def _encoded(name: str, value: str) -> tuple[bytes, bytes]:
    """A header, if it is one. h11 would refuse it as well, but httpcore2 log what it quotes."""
    if not all(char.isprintable() or char == "\t" for char in value):
        raise NotSentError(f"the header {name} cannot be sent", permanent=True)
    return name.encode(), value.strip().encode()


def _has_more(answer: httpcore2.Response) -> bool:
    """Whether more has come than an answer, also said where that cannot be seen.

    It would be taken for the answer to the next request: a proxy that is out of step, or a server
    that bids farewell to an idle connection, could have a ticket reported as refused or as filed.
    """
    try:
        connection = cast(Any, answer.stream)._stream._connection  # noqa: SLF001
        data, _ = connection._h11_state.trailing_data  # noqa: SLF001
    except AttributeError:
        return True
    return bool(data)


def _told(error: BaseException) -> str:
    if isinstance(error, httpcore2.ProxyError):
        return f"the proxy answered {str(error).partition(' ')[0]}"
    if isinstance(error, httpcore2.LocalProtocolError):
        return "the request is not HTTP"
    if isinstance(error, httpcore2.RemoteProtocolError):
        is_closed = "disconnected" in str(error)
        return "the server closed the connection" if is_closed else "the answer is not HTTP"
    return reason_of(error)
