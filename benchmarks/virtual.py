"""Virtual time: an event loop that skips every wait, and a server that limits its calls in it."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, TypeVar

from vpsbg_async import Headers, Request, Response
from vpsbg_async.core.clock import Clock
from vpsbg_async.sandbox.refusals import RefusedError
from vpsbg_async.sandbox.throttle import Throttle

__all__ = ["LimitedServer", "VirtualClock", "run"]

T = TypeVar("T")

_EPOCH = 1_722_600_000.25  # seconds; when the simulations begin
_TICKET = b'{"id": 216, "messages": [{"id": 50, "attachments": []}]}'


class _Loop(asyncio.SelectorEventLoop):
    """A loop whose time passes only while there is nothing to do, and then at once."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: _Loop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen")
        self._loop.now += max(0.0, timeout)
        return super().select(0)


class VirtualClock(Clock):
    """The clock of such a loop."""

    def time(self) -> float:
        """See `Clock.time`."""
        return _EPOCH + asyncio.get_running_loop().time()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run something in virtual time."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)


class LimitedServer:
    """A transport that ends in a server with Laravel's rate limit, behind an nginx that buffers.

    Args:
        limit: How many calls a minute it takes.
        latency: Shortest and longest time from the end of an upload to its answer, in seconds.
        seed: Of the latencies.

    Attributes:
        refused: When calls of the client were answered 429, by the loop's time.
        foreign: How many calls of others were accepted.
    """

    def __init__(
        self,
        *,
        limit: int = 60,
        latency: tuple[float, float] = (0.05, 0.15),
        seed: int = 1,
    ) -> None:
        self.refused: list[float] = []
        self.foreign = 0
        self._latency = latency
        self._random = random.Random(seed)  # noqa: S311 - a simulation
        self._throttle = Throttle(limit, VirtualClock().time)

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        """See `Transport.send`."""
        if request.body is not None:
            async with request.body.open() as chunks:
                async for _ in chunks:  # an attachment takes what time it takes
                    pass
        status, headers = self._admit()
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self.refused.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self._random.uniform(*self._latency))
        yield Response(status, Headers(headers), _chunks(_TICKET))

    def be_called(self) -> None:
        """A call of somebody else."""
        status, _ = self._admit()
        self.foreign += status == HTTPStatus.OK

    def _admit(self) -> tuple[int, dict[str, str]]:
        try:
            return HTTPStatus.OK, self._throttle.admit("key")
        except RefusedError as refusal:
            return refusal.status, dict(refusal.headers or {})

    async def aclose(self) -> None:
        """See `Transport.aclose`."""


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body
