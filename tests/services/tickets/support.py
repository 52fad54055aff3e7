"""A sandbox that has been there for a while, a clock that does not wait, and who writes it down."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any, TypeVar

import pytest

from vpsbg_async import VPSBG, Event, Ticket, Timeouts, VPSBGError
from vpsbg_async.events import AttemptStarted, Reconciled, Waiting
from vpsbg_async.sandbox import Fault, Sandbox, StoredTicket
from vpsbg_async.testing import Clock, FakeTransport, Reply

__all__ = [
    "DRAFT",
    "ImpatientClock",
    "Log",
    "ShiftedClock",
    "answer",
    "chunks_of",
    "client",
    "create",
    "failure_of",
    "faked",
    "impatient",
    "listed",
    "made",
    "make_known",
    "make_old",
    "old_sandbox",
    "reply",
]

T = TypeVar("T", bound=Event)

DRAFT: dict[str, Any] = {"department_id": 2, "subject": "Down", "message": "It is down."}
_POST = frozenset({"POST"})
_SHORT = Timeouts(response=0.5)
_HOUR = 3600.0


async def chunks_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def faked(*replies: Reply | Exception) -> tuple[VPSBG, FakeTransport]:
    """A client without a network, which sends each call once."""
    transport = FakeTransport(*replies)
    return VPSBG("key", retry=None, base_url="https://api.test/v1", transport=transport), transport


@asynccontextmanager
async def old_sandbox(*, olds: int = 1, **settings: Any) -> AsyncIterator[Sandbox]:
    """A sandbox with tickets of an hour ago.

    Its faults leave reads alone, unless ``faults.methods`` are set to something else.
    """
    shift = -_HOUR
    async with Sandbox(clock=lambda: time.time() + shift, **settings) as sandbox:
        async with VPSBG(sandbox.api_key, base_url=sandbox.url) as vps:
            for number in range(olds):
                await vps.tickets.create(
                    department_id=2, subject=f"Old {number}", message="An hour ago."
                )
        shift = 0.0
        sandbox.faults.methods = _POST
        yield sandbox


def made(sandbox: Sandbox, subject: str = "Down") -> list[StoredTicket]:
    """The tickets of a subject that there are."""
    return [ticket for ticket in sandbox.tickets if ticket.subject == subject]


class ImpatientClock(Clock):
    """A clock that passes over every wait between the steps of a call.

    Args:
        meanwhile: What happens in the waits, one in each; then nothing does.
    """

    def __init__(self, *meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._meanwhile = list(meanwhile)

    async def sleep(self, seconds: float) -> None:
        if self._meanwhile:
            await self._meanwhile.pop(0)()


class ShiftedClock(ImpatientClock):
    """A clock that is so many seconds ahead of the true time."""

    shift = 0.0

    def time(self) -> float:
        return super().time() + self.shift


class Log(list[Event]):
    """The events of calls; its ``append`` is what a client is given."""

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self if isinstance(event, kind)]

    @property
    def posts(self) -> int:
        """How many times something was sent that changes anything."""
        return sum(event.method == "POST" for event in self.of(AttemptStarted))

    @property
    def gets(self) -> int:
        return len(self.of(AttemptStarted)) - self.posts

    def waits(self, reason: str) -> Sequence[float | None]:
        return [event.seconds for event in self.of(Waiting) if event.reason == reason]

    @property
    def looks(self) -> list[tuple[int | None, bool, str]]:
        """What looking for it has shown, each time."""
        return [(event.found, event.absent, event.reason) for event in self.of(Reconciled)]


def client(sandbox: Sandbox, log: Log, **options: Any) -> VPSBG:
    given: dict[str, Any] = {"clock": ImpatientClock()} | options
    return VPSBG(sandbox.api_key, base_url=sandbox.url, on_event=log.append, **given)


def impatient(vps: VPSBG, fault: Fault) -> VPSBG:
    """The client for a fault: after a stall nothing comes, however long it is waited for."""
    is_stall = fault in (Fault.STALL_ON_READ, Fault.STALL_ON_WRITE)
    return vps.with_options(timeouts=_SHORT) if is_stall else vps


async def make_known(vps: VPSBG, **other: Any) -> Ticket:
    """Create a ticket that is known from then on."""
    known: dict[str, Any] = {"department_id": 2, "subject": "Known", "message": "It is known."}
    return await vps.tickets.create(**(known | other))


async def create(vps: VPSBG, **other: Any) -> Ticket:
    return await vps.tickets.create(**(DRAFT | other), on_unknown="reconcile")


async def reply(vps: VPSBG, ticket_id: int | str, **other: Any) -> Ticket:
    words = {"message": "Any news?"} | other
    return await vps.tickets.reply(ticket_id, **words, on_unknown="reconcile")


async def make_old(vps: VPSBG, sandbox: Sandbox) -> int:
    """A ticket of an hour ago, in which the client knows a message of its own."""
    store = sandbox._store
    clock, store._clock = store._clock, lambda: time.time() - 3600.0
    async with VPSBG(sandbox.api_key, base_url=sandbox.url) as other:
        ticket = await make_known(other, message="An hour ago.")
    store._clock = clock
    await vps.tickets.reply(ticket.id, message="It is known.")
    return ticket.id


async def failure_of(call: Awaitable[object]) -> VPSBGError:
    with pytest.raises(VPSBGError) as caught:
        await call
    return caught.value


def listed(
    number: int, seconds: float, subject: str = "Down", message: str = "It is down."
) -> dict[str, Any]:
    """A ticket as the API tells of it, created so many seconds from now."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return {
        "id": number,
        "subject": subject,
        "created_at": moment.isoformat(),
        "messages": [{"id": number * 10, "content": message, "created_at": moment.isoformat()}],
    }


def answer(body: dict[str, Any] | list[dict[str, Any]]) -> Reply:
    return Reply(json=body, headers={"Date": formatdate(usegmt=True)})
