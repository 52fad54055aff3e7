"""A transport that wraps another one, and tells what passes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from vpsbg_async import Request, Response, Transport


class Telling:
    """Leaves everything as it is, errors and cancellations included."""

    def __init__(self, inner: Transport, tell: Callable[[str], object] = print) -> None:
        self._inner = inner
        self._tell = tell

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        """See `Transport.send`."""
        async with self._inner.send(request) as response:
            self._tell(f"{request.method} {request.url.rpartition('/')[2]} {response.status}")
            yield response

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        await self._inner.aclose()
