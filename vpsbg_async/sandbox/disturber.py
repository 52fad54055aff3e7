"""How each fault is done to a request."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final, NoReturn

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from .connections import Connections
from .faults import Fault, Faults
from .forms import PAUSE, Pause
from .listener import Listener
from .refusals import RefusedError

__all__ = ["Disturber"]

_GLANCE: Final = 0.02  # seconds between two looks at whether a client is still there
_TCP_ESTABLISHED: Final = 1  # as Linux numbers it

_LARAVEL_TEXTS: Final = {500: "Server Error", 503: "Service Unavailable"}
_NGINX_TITLES: Final = {502: "502 Bad Gateway", 504: "504 Gateway Time-out"}
_NGINX_PAGE: Final = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
    "<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)

_Way = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]


class Disturber:
    """Does to each request what `Faults` decides.

    Args:
        faults: Decide.
        use_up: Lets another client of a request's key use up its rate limit.
        listener: What is closed for a moment.
        connections: The idle ones of these are dropped.
    """

    def __init__(
        self,
        faults: Faults,
        *,
        use_up: Callable[[web.Request], None],
        listener: Listener,
        connections: Connections,
    ) -> None:
        self._faults = faults
        self._use_up = use_up
        self._listener = listener
        self._connections = connections
        self._late: set[asyncio.Future[web.StreamResponse]] = set()
        self._ways: Mapping[Fault, _Way] = {
            Fault.LATENCY: self._answer_late,
            Fault.REFUSE: self._refuse,
            Fault.DROP_BEFORE_BODY: _drop_before_body,
            Fault.DROP_MID_BODY: _drop_mid_body,
            Fault.DROP_AFTER_PROCESSING: _drop_after_processing,
            Fault.HALF_ANSWER: _answer_half,
            Fault.CUT_JSON: _cut_json,
            Fault.ERROR_500_BEFORE: partial(self._fail, status=500, processed=False),
            Fault.ERROR_500_AFTER: partial(self._fail, status=500, processed=True),
            Fault.ERROR_502_BEFORE: partial(self._fail, status=502, processed=False),
            Fault.ERROR_502_AFTER: partial(self._fail, status=502, processed=True),
            Fault.ERROR_503_BEFORE: partial(self._fail, status=503, processed=False),
            Fault.ERROR_503_AFTER: partial(self._fail, status=503, processed=True),
            Fault.ERROR_504_BEFORE: partial(self._fail, status=504, processed=False),
            Fault.ERROR_504_AFTER: partial(self._fail, status=504, processed=True),
            Fault.LATE: self._process_late,
            Fault.RATE_LIMITED: self._limit,
            Fault.LOCKED: _lock,
            Fault.STALL_ON_READ: self._stall_on_read,
            Fault.STALL_ON_WRITE: self._stall_on_write,
        }

    @web.middleware
    async def disturb(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, or not."""
        fault = self._faults.decide(request.method, request.path)
        if fault is None:
            return await handler(request)
        return await self._ways[fault](request, handler)

    async def end(self, _: web.Application) -> None:
        """Give up what was to be processed late."""
        late = tuple(self._late)
        for processing in late:
            processing.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _answer_late(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        await asyncio.sleep(self._faults.latency)
        return response

    async def _refuse(self, request: web.Request, _: Handler) -> NoReturn:
        async with self._listener.shut():  # first, or who is dropped could connect anew
            _abort(request)
            self._connections.drop_idle()
            await asyncio.sleep(self._faults.refusal)
        raise ConnectionResetError

    async def _fail(
        self, request: web.Request, handler: Handler, *, status: int, processed: bool
    ) -> web.StreamResponse:
        if processed:
            await handler(request)
        await request.release()
        if status in _NGINX_TITLES:
            return _nginx_page(status)
        headers: dict[str, str] = {}
        if status == HTTPStatus.SERVICE_UNAVAILABLE and not processed:
            headers[hdrs.RETRY_AFTER] = str(self._faults.retry_after)
        raise RefusedError(status, _LARAVEL_TEXTS[status], headers=headers)

    async def _process_late(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        pause = request[PAUSE] = Pause(self._faults.lateness)
        processing = asyncio.ensure_future(handler(request))
        self._late.add(processing)
        processing.add_done_callback(self._late.discard)
        processing.add_done_callback(lambda _: pause.begun.set())  # if it never came to a form
        await pause.begun.wait()
        await request.release()
        return _nginx_page(504)

    async def _limit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._use_up(request)
        return await handler(request)

    async def _stall_on_read(self, request: web.Request, _: Handler) -> NoReturn:
        if request.transport is not None:
            request.transport.pause_reading()
        await self._wait_until_gone(request)
        _drop(request)

    async def _stall_on_write(self, request: web.Request, handler: Handler) -> NoReturn:
        await handler(request)
        await self._wait_until_gone(request)
        _drop(request)

    async def _wait_until_gone(self, request: web.Request) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._faults.stall
        # A transport that does not read tells nobody of the client's end.
        while loop.time() < end and _is_there(request.transport):  # noqa: ASYNC110
            await asyncio.sleep(_GLANCE)


async def _drop_before_body(request: web.Request, _: Handler) -> NoReturn:
    _drop(request)


async def _drop_mid_body(request: web.Request, _: Handler) -> NoReturn:
    left = (request.content_length or 2) // 2
    while left > 0 and (piece := await request.content.readany()):
        left -= len(piece)
    _drop(request)


async def _drop_after_processing(request: web.Request, handler: Handler) -> NoReturn:
    await handler(request)
    _drop(request)


async def _answer_half(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    await request.release()  # what is left unread would make of the closing a reset
    body = _body(response)
    half = web.StreamResponse(status=response.status, headers=response.headers)
    half.content_length = len(body)
    await half.prepare(request)
    if request.method != hdrs.METH_HEAD:
        await half.write(body[: len(body) // 2])
    half.force_close()  # after its head is out: it promises what any other does
    return half


async def _cut_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    body = _body(response)
    return web.Response(
        status=response.status, headers=response.headers, body=body[: len(body) // 2]
    )


async def _lock(request: web.Request, _: Handler) -> NoReturn:
    await request.release()
    raise RefusedError(423, "Locked")


def _body(response: web.StreamResponse) -> bytes:
    body = response.body if isinstance(response, web.Response) else None
    return body if isinstance(body, bytes) else b""


def _nginx_page(status: int) -> web.Response:
    page = _NGINX_PAGE.format(title=_NGINX_TITLES[status])
    return web.Response(status=status, body=page.encode(), content_type="text/html")


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _drop(request: web.Request) -> NoReturn:
    _abort(request)
    raise ConnectionResetError  # as if the client had gone: nobody is left to be answered


def _is_there(transport: asyncio.Transport | None) -> bool:
    if transport is None or transport.is_closing():
        return False
    if sys.platform != "linux":
        return True
    connection = transport.get_extra_info("socket")
    state: int = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return state == _TCP_ESTABLISHED
