"""Tickets to be created through a server that fails, and what has become of each in the end."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from functools import partial
from pathlib import Path

import attrs

from vpsbg_async import VPSBG, Attachment, AttachmentLike
from vpsbg_async.core.clock import Clock
from vpsbg_async.sandbox import Faults, Listing, Sandbox, StoredTicket

__all__ = [
    "SPEED",
    "Create",
    "Draft",
    "Told",
    "Verdict",
    "broken_sandbox",
    "create_all",
    "make_drafts",
]

SPEED = 100.0  # virtual seconds in one: a window of the rate limit lasts 0.6 s
CONCURRENCY = 16

_HOUR = 3600.0
_MARKER = re.compile(r"\s*\[ref \w+\]$")
_OLDER = 3  # tickets that were there before
_SIZES = (10, 500, 1000, 2000, 5000, 20_000, 100_000)  # bytes; the last is read while it is sent
_TWINS = 50  # each so-many-th ticket says the same as the one before


@attrs.frozen
class Draft:
    """A ticket to be created.

    Attributes:
        subject: Its subject.
        message: Its message.
        files: Names and contents of its files.
        paths: Where those are that lie on disk, by name.
    """

    subject: str
    message: str
    files: Sequence[tuple[str, bytes]]
    paths: dict[str, Path]

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from others: twins have the same."""
        sums = tuple((name, hashlib.sha256(data).hexdigest()) for name, data in self.files)
        return self.subject, self.message.strip(), sums

    def attachments(self) -> list[AttachmentLike]:
        """Its files as paths, as bytes, and as streams of known and of unknown size."""
        made: list[AttachmentLike] = []
        for index, (name, data) in enumerate(self.files):
            stream = partial(_chunks, data)
            if name in self.paths:
                made.append(self.paths[name])
            elif index == 0:
                made.append(Attachment.from_bytes(data, name=name))
            else:
                size = len(data) if index == 1 else None
                made.append(Attachment.from_stream(stream, name=name, size=size))
        return made


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


def make_drafts(count: int, seed: int, folder: Path) -> list[Draft]:
    """Tickets of many kinds: HTML and plain, Latin and Cyrillic, with up to three files."""
    chance = random.Random(seed)  # noqa: S311 - a workload
    drafts: list[Draft] = []
    for number in range(count):
        if drafts and number % _TWINS == 0:
            drafts.append(drafts[-1])
            continue
        word = chance.choice(("Server", "Сървър", "Disk & RAM", '50% "quoted"'))
        text = f"{word} {number} is down since {chance.random():.6f}."
        message = chance.choice(
            (f"<p>{text}</p>\r\n<p>Second.</p>", f"{text}\n\n  a  <b>b</b>\n", text)
        )
        files = []
        paths = {}
        for index in range(chance.randrange(4)):
            size = chance.choice(_SIZES)
            name = f"снимка {number}-{index}.bin"
            files.append((name, chance.randbytes(size)))
            if chance.choice((True, False)):
                paths[name] = folder / name
                paths[name].write_bytes(files[-1][1])
        drafts.append(Draft(f"{word} {number}", message, files, paths))
    return drafts


@asynccontextmanager
async def broken_sandbox(
    clock: Clock, *, seed: int, rate: float, listing: Listing = Listing.NEWEST_FIRST
) -> AsyncIterator[Sandbox]:
    """A sandbox that has some old tickets, and on which so many requests go wrong.

    They do in every way but that of late creation, which nothing protects from.
    """
    shift = -_HOUR
    faults = Faults.drawn(seed=seed, rate=rate, latency=0.05, refusal=0.05, stall=30.0, methods=())
    async with Sandbox(
        clock=lambda: clock.time() + shift, faults=faults, listing=listing, rate_limit=100_000
    ) as sandbox:
        async with VPSBG(sandbox.api_key, base_url=sandbox.url) as vps:
            for number in range(_OLDER):
                await vps.tickets.create(
                    department_id=2, subject=f"Old {number}", message="An hour ago."
                )
        shift = 0.0
        faults.methods = None
        yield sandbox


class Told(Enum):
    """What the caller was told of a ticket in the end."""

    CREATED = "created"
    NOT_CREATED = "not created"
    UNKNOWN = "unknown"


Create = Callable[[Draft], Awaitable[Told]]
"""Creates a ticket in somebody's way, and tells what it knows of it."""


@attrs.frozen(kw_only=True)
class Verdict:
    """What has become of all tickets.

    Attributes:
        once: How many exist as often as they should, with every file as it was sent.
        lost: How many do not exist, of which the caller was told otherwise.
        refused: How many do not exist, as the caller was told.
        duplicated: How many exist too often.
        mangled: How many have other files than they should.
        unknown: Of how many the caller was told that nobody knows.
        seconds: How long all of it took.
        faults: How many requests went wrong.
    """

    once: int
    lost: int
    refused: int
    duplicated: int
    mangled: int
    unknown: int
    seconds: float
    faults: int


async def create_all(drafts: Sequence[Draft], create: Create, sandbox: Sandbox) -> Verdict:
    """Create tickets, so many at a time, and see what has become of them."""
    window = asyncio.Semaphore(CONCURRENCY)

    async def one(draft: Draft) -> Told:
        async with window:
            return await create(draft)

    started = time.perf_counter()
    told = await asyncio.gather(*map(one, drafts))
    seconds = time.perf_counter() - started
    return _judged(drafts, told, sandbox, seconds)


def _judged(
    drafts: Sequence[Draft], told: Sequence[Told], sandbox: Sandbox, seconds: float
) -> Verdict:
    """Hold what was told against what the sandbox has, without asking any client."""
    stored = [ticket for ticket in sandbox.tickets if not ticket.subject.startswith("Old ")]
    whole = Counter(map(_key_of, stored))
    words = Counter(_key_of(ticket)[:2] for ticket in stored)
    groups: dict[tuple[object, ...], list[Told]] = {}
    for draft, what in zip(drafts, told, strict=True):
        groups.setdefault(draft.key, []).append(what)
    counts: Counter[str] = Counter()
    for key, known in groups.items():
        exist, wanted = words[key[:2]], len(known)
        missing = max(0, wanted - exist)
        counts["once"] += wanted if whole[key] == wanted else 0
        counts["mangled"] += exist - whole[key]
        counts["duplicated"] += max(0, exist - wanted)
        counts["refused"] += min(missing, known.count(Told.NOT_CREATED))
        counts["lost"] += max(0, known.count(Told.CREATED) - exist)
        counts["unknown"] += known.count(Told.UNKNOWN)
    return Verdict(
        once=counts["once"],
        lost=counts["lost"],
        refused=counts["refused"],
        duplicated=counts["duplicated"],
        mangled=counts["mangled"],
        unknown=counts["unknown"],
        seconds=seconds,
        faults=len(sandbox.faults.met),
    )


def _key_of(ticket: StoredTicket) -> tuple[object, ...]:
    (first, *_) = ticket.messages
    sums = tuple((file.name, file.sha256) for file in first.attachments)
    return ticket.subject, _MARKER.sub("", first.content), sums
