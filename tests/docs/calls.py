"""Calls whose words are easily known again, wherever they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from vpsbg_async import VPSBG, Attachment, RetryPolicy
from vpsbg_async.events import BytesSent, Event
from vpsbg_async.sandbox import Sandbox

__all__ = [
    "AT_ONCE",
    "CONTENT",
    "KEY",
    "MESSAGE",
    "NAME",
    "SUBJECT",
    "TICKET",
    "TOKEN",
    "client_of",
    "create",
    "create_and_lose_patience",
    "create_from_a_source_that_fails",
    "told_in",
]

KEY, TOKEN = "key-of-the-account", "https://chat.example/bot4711:token"
SUBJECT, MESSAGE, NAME, CONTENT = "the subject", "the message", "the-name.log", b"the content"
TICKET: dict[str, Any] = {"department_id": 2, "subject": SUBJECT, "message": MESSAGE}
AT_ONCE = RetryPolicy(max_attempts=3, first_delay=0.001)

_SECRETS = (KEY, TOKEN, SUBJECT, MESSAGE, NAME, CONTENT.decode())


def told_in(text: str) -> list[str]:
    """The secrets that a text tells."""
    return [secret for secret in _SECRETS if secret in text]


def client_of(sandbox: Sandbox, **settings: Any) -> VPSBG:
    return VPSBG(KEY, base_url=sandbox.url, **settings)


async def create(vps: VPSBG) -> None:
    file = Attachment.from_bytes(CONTENT * 50_000, name=NAME)
    await vps.tickets.create(**TICKET, attachments=[file])


async def create_from_a_source_that_fails(vps: VPSBG) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield CONTENT
        raise ConnectionError(TOKEN)

    await vps.tickets.create(**TICKET, attachments=[Attachment.from_stream(chunks, name=NAME)])


async def create_and_lose_patience(vps: VPSBG) -> None:
    """As soon as all is sent."""
    timeout = asyncio.timeout(None)

    def listen(event: Event) -> None:
        if isinstance(event, BytesSent) and event.sent == event.length:
            timeout.reschedule(0)

    async with timeout:
        await create(vps.with_options(on_event=listen))
