"""A transport on h11 and the streams of asyncio: one HTTP attempt, and what became of it."""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from time import monotonic
from urllib.parse import SplitResult, urlsplit
from weakref import WeakSet

import h11

import vpsbg_async as sdk  # whose Request and Response are not those of h11

KEEPALIVE = 5.0  # seconds; servers keep idle connections for longer, so none is met half closed
PIECE = 256 * 1024  # bytes: a large chunk on a slow line is not to look like one that stands still


class H11Transport:
    """Sends each request once, over connections of its own."""

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._ssl = ssl_context or ssl.create_default_context()
        self._links: WeakSet[Link] = WeakSet()
        self._idle: defaultdict[tuple[str, str], list[tuple[float, Link]]] = defaultdict(list)
        self._closed = False

    @asynccontextmanager
    async def send(self, request: sdk.Request, /) -> AsyncIterator[sdk.Response]:
        """See `Transport.send`."""
        try:
            url = urlsplit(request.url)
            head = head_of(request, url)
        except (ValueError, h11.LocalProtocolError):  # from None, as it may quote the API key
            raise sdk.NotSentError("the URL or a header cannot be sent", permanent=True) from None
        link = await self._link_to(url, request.timeouts.connect)
        try:
            answer = await Exchange(link, request).run(head)
            headers = sdk.Headers([(n.decode(), v.decode("latin-1")) for n, v in answer.headers])
            async with aclosing(link.chunks(answer, headers, request.timeouts.read)) as chunks:
                yield sdk.Response(answer.status_code, headers, chunks)
        finally:
            if link.is_through and not self._closed:
                link.http.start_next_cycle()
                self._idle[url.scheme, url.netloc].append((monotonic(), link))
            else:
                await link.abort()

    async def aclose(self) -> None:
        """Break off what is under way, and close the connections."""
        self._closed = True
        await asyncio.gather(*(link.abort() for link in self._links))

    async def _link_to(self, url: SplitResult, seconds: float | None) -> "Link":
        """A connection on which nothing has happened since it was used, or a new one."""
        if self._closed:
            raise sdk.NotSentError("the transport is closed", permanent=True)
        idle = self._idle[url.scheme, url.netloc]
        while idle:
            since, link = idle.pop()
            if monotonic() - since < KEEPALIVE and not link.incoming.done():
                return link
            await link.abort()
        tls, port = (self._ssl, 443) if url.scheme == "https" else (None, 80)
        try:
            async with asyncio.timeout(seconds):
                link = Link(*await asyncio.open_connection(url.hostname, url.port or port, ssl=tls))
        except (OSError, ValueError) as error:  # what the timer and TLS raise is an OSError too
            raise sdk.NotSentError(f"no connection to {url.hostname} ({error!r})") from error
        self._links.add(link)
        if self._closed:  # meanwhile
            await link.abort()
        return link


class Exchange:
    """A request on its way out, and the head of its answer on its way in.

    Side by side, as a server may refuse a large upload long before its end. There is one timer, and
    at any moment it is known what to raise if it runs out, or if the connection ends.
    """

    def __init__(self, link: "Link", request: sdk.Request) -> None:
        self._link, self._body, self._timeouts = link, request.body, request.timeouts
        self._timer = asyncio.timeout(None)
        # Whether the server may act: a byte of the last chunk was given to the connection.
        self._committed = self._body is None or self._body.content_length == 0

    async def run(self, head: h11.Request) -> h11.Response:
        """Send the request, and receive the head of its answer."""
        await asyncio.wait({self._link.incoming}, timeout=0)  # has asyncio look at the socket
        if self._link.incoming.done():  # what comes before a request is no answer to it
            raise sdk.NotSentError("the connection was closed, or spoken on, before the request")
        self._link.writer.write(self._link.http.send(head))
        try:
            async with self._timer:
                sending = asyncio.create_task(self._send())
                while not isinstance(event := await self._link.event(), h11.Response):
                    pass  # such as 103, which tells of an answer and gives it no more time
                return event
        except (OSError, h11.RemoteProtocolError) as error:
            if not self._timer.expired():
                raise self._verdict(f"no answer came ({type(error).__name__})") from error
        finally:
            sending.cancel()
            # And wait for it, as a body must not be closed while a step of it runs.
            await asyncio.gather(sending, return_exceptions=True)
        raise self._otherwise

    async def _send(self) -> None:
        async with aclosing(parts_of(self._body)) as parts:
            while not self._committed:
                stalled = sdk.AttachmentError("has stopped giving", permanent=False)
                self._allow(self._timeouts.stall, stalled)
                try:
                    chunk, self._committed = await anext(parts)
                except Exception as error:
                    text = f"could not be read ({type(error).__name__})"
                    failed = sdk.AttachmentError(text, permanent=False)
                    failed.__cause__ = error
                    self._allow(0, error if isinstance(error, sdk.AttachmentError) else failed)
                    raise
                for start in range(0, len(chunk), PIECE):
                    await self._give(h11.Data(data=chunk[start : start + PIECE]))
            await self._give(h11.EndOfMessage())
            late = sdk.OutcomeUnknownError("no answer came in time", overdue=True)
            self._allow(self._timeouts.response, late)

    async def _give(self, event: h11.Event) -> None:
        stalled = self._verdict("the server has stopped reading", overdue=True)
        self._allow(self._timeouts.stall, stalled)
        self._link.writer.write(self._link.http.send(event) or b"")
        await self._link.writer.drain()

    def _allow(self, seconds: float | None, otherwise: sdk.VPSBGError) -> None:
        """Give the next step so long. Raises if the exchange is over: then nothing more leaves."""
        now = asyncio.get_running_loop().time()
        self._timer.reschedule(None if seconds is None else now + seconds)
        self._otherwise = otherwise

    def _verdict(self, text: str, *, overdue: bool = False) -> sdk.VPSBGError:
        unknown = sdk.OutcomeUnknownError(text, overdue=overdue)
        return unknown if self._committed else sdk.NotSentError(text)


async def parts_of(body: sdk.Body | None) -> AsyncGenerator[tuple[bytes, bool], None]:
    """The chunks of a body, and of each whether it is the last one."""
    if body is None:
        return
    left, chunk = body.content_length, b""
    async with body.open() as chunks:
        if left is None:  # then the last one is known by the end that comes after it
            async for following in chunks:
                if chunk and following:
                    yield chunk, False
                chunk = following or chunk
        else:  # then it is known by counting, whatever the source is still at
            async for chunk in chunks:
                left -= len(chunk)
                if left <= 0:
                    break
                yield chunk, False
        if left:
            raise sdk.AttachmentError(f"is not of its length of {body.content_length} bytes")
        yield chunk, True


class Link:
    """A connection. A read is always under way, so that it is known whether something came."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.http = h11.Connection(h11.CLIENT)
        self.incoming = self.begin_to_read()

    def begin_to_read(self) -> asyncio.Task[bytes]:
        """Have a read under way, whose failure asyncio need not tell the log if nobody asks."""
        incoming = asyncio.create_task(self.reader.read(PIECE))
        incoming.add_done_callback(lambda read: read.cancelled() or read.exception())
        return incoming

    async def event(self) -> object:
        """What comes next of an answer."""
        while (event := self.http.next_event()) is h11.NEED_DATA:
            self.http.receive_data(await self.incoming)
            self.incoming = self.begin_to_read()
        return event

    async def chunks(
        self, head: h11.Response, headers: sdk.Headers, seconds: float | None
    ) -> AsyncGenerator[bytes, None]:
        """The body of an answer."""
        try:
            while True:
                async with asyncio.timeout(seconds):
                    event = await self.event()
                if not isinstance(event, h11.Data):
                    return
                yield bytes(event.data)
        except (OSError, h11.RemoteProtocolError) as error:
            text, status = f"the answer broke off ({type(error).__name__})", head.status_code
            raise sdk.ResponseReadError(text, status=status, headers=headers) from error

    @property
    def is_through(self) -> bool:
        """Whether request and answer are complete, and nothing is there beyond them."""
        is_done = self.http.our_state is self.http.their_state is h11.DONE
        is_out = self.writer.transport.get_write_buffer_size() == 0
        return is_done and is_out and self.http.trailing_data == (b"", False)

    async def abort(self) -> None:
        """Close it at once: in order, that would wait for a server that may not read any more."""
        self.reader.set_exception(ConnectionAbortedError("the transport was closed"))
        self.writer.transport.abort()
        await asyncio.wait({self.incoming})


def head_of(request: sdk.Request, url: SplitResult) -> h11.Request:
    """Request line and headers, also those that follow from the URL and the body."""
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("no URL of a server")
    headers = {"Host": url.netloc.rpartition("@")[2], "Accept-Encoding": "identity"}
    headers.update(request.headers)
    if request.body is not None:
        headers["Content-Type"] = request.body.content_type
        if request.body.content_length is None:
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Content-Length"] = str(request.body.content_length)
    elif request.method not in ("GET", "HEAD", "OPTIONS", "TRACE"):
        headers["Content-Length"] = "0"
    return h11.Request(
        method=request.method,
        target=(url.path or "/") + (url.query and f"?{url.query}"),
        headers=[(name.encode(), text.encode()) for name, text in headers.items()],
    )
