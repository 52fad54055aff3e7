"""What tests of calls share: a session for them, and a transport that keeps the times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import attrs

from tests.core.virtual import now
from vpsbg_async import (
    Gate,
    Headers,
    Limits,
    ReconcilePolicy,
    Request,
    Response,
    ResponseReadError,
    RetryPolicy,
    Timeouts,
    Transport,
)
from vpsbg_async.core.caller import Caller
from vpsbg_async.core.clock import Clock, ServerClock
from vpsbg_async.core.notify import Notifier
from vpsbg_async.core.session import Options, Session
from vpsbg_async.events import Listener
from vpsbg_async.testing import Call, FakeTransport, Reply

__all__ = ["Answer", "Cut", "Timed", "caller"]


def caller(
    transport: Transport,
    *,
    retry: RetryPolicy | None = None,
    deadline: float | None = None,
    gate: Gate | None = None,
    clock: Clock | None = None,
    random: float = 0.5,
    on_event: Listener | None = None,
) -> Caller:
    """Sends each call once, unless told otherwise."""
    clock = clock or Clock()
    session = Session(
        transport=transport,
        base_url="https://api.test/v1",
        headers=Headers({"Authorization": "Bearer key"}),
        gate=gate,
        clock=clock,
        server_clock=ServerClock(clock),
        random=lambda: random,
        limits=Limits(),
        options=Options(
            timeouts=Timeouts(),
            deadline=deadline,
            retry=retry,
            reconcile=ReconcilePolicy(),
            notifier=Notifier().and_to(on_event),
        ),
    )
    return Caller(session)


@attrs.frozen
class Cut:
    """An answer whose body breaks off."""

    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    permanent: bool = False


Answer = Reply | Cut | Exception


class Timed:
    """A `FakeTransport` that keeps the times, and knows whether an answer is open.

    Args:
        replies: As for `FakeTransport`.
        takes: How many seconds each takes to come.

    Attributes:
        calls: What was sent.
        times: When each was sent, in seconds since the test began.
        is_open: Whether an answer is open.
    """

    def __init__(self, *replies: Answer, takes: float = 0.0) -> None:
        self.calls: list[Call] = []
        self.times: list[float] = []
        self.is_open = False
        self._replies = list(replies)
        self._takes = takes

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        self.times.append(now())
        reply = self._replies.pop(0) if self._replies else AssertionError("there is no reply left")
        whole = Reply(reply.status, headers=reply.headers) if isinstance(reply, Cut) else reply
        inner = FakeTransport(whole)
        self.is_open = True
        await asyncio.sleep(self._takes)
        try:
            async with inner.send(request) as response:
                if isinstance(reply, Cut):
                    chunks = _broken_off(reply)
                    yield Response(response.status, response.headers, chunks)
                else:
                    yield response
        finally:
            self.calls += inner.calls
            self.is_open = False

    async def aclose(self) -> None:
        pass


async def _broken_off(cut: Cut) -> AsyncIterator[bytes]:
    yield b'{"half": '
    raise ResponseReadError(
        "the answer broke off",
        status=cut.status,
        headers=Headers(cut.headers),
        permanent=cut.permanent,
    )
