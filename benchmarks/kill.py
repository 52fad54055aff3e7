"""What the journal of a bulk run holds when its process is killed, again and again.

    python -m benchmarks.kill [--tickets 500] [--kills 20] [--seed 7] [--json]

A process creates tickets with files through ``create_many``, with a journal, at a sandbox on which
requests go wrong in every way but that of late creation. It is killed (SIGKILL) once a chosen
number of creations has come to a chosen point: when the journal knows of one and not a byte of it
was sent; when half of its body was; when it was processed and not answered; when it was answered.
Then another process goes on with the same journal. After each kill a copy of the journal is held
against what the sandbox has: what exists is known to exist, or is in doubt. The last process is let
alone; in the end every ticket must exist once, with its files, and the journal must know it.

Time runs faster, by a clock that all processes share, so that a used-up rate limit lasts 0.6 s.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from vpsbg_async import (
    VPSBG,
    Attachment,
    AttachmentLike,
    ReconcilePolicy,
    Request,
    Response,
    RetryPolicy,
    TicketDraft,
    Timeouts,
)
from vpsbg_async.attachments.contents import Data
from vpsbg_async.bulk.journal import JournalState, read_journal
from vpsbg_async.bulk.states import State
from vpsbg_async.core.clock import Clock
from vpsbg_async.sandbox import Faults, Sandbox, StoredTicket
from vpsbg_async.transport import Body
from vpsbg_async.transport.aiohttp import AiohttpTransport

__all__ = ["CONCURRENCY", "Kill", "Moment", "Verdict", "measure"]

CONCURRENCY = 8
SPEED = 100.0  # virtual seconds in one
PATIENCE = 1.0  # real seconds that anybody waits for an answer
RATE = 0.15  # of the requests go wrong

_HOUR = 3600.0
_OLDER = "There before"  # the subject of a ticket that is none of the run's
_FLUSH = 0.05  # seconds, in which what a dead process has sent is processed
_HALT = b"halted\n"  # what is told
_REACH = 0.6  # how much of the work is done at the most by the processes that are killed
_SIZES = (10, 500, 2000, 20_000, 300_000)  # bytes; the last is more than one slice
_TWINS = 30  # each so-many-th ticket says the same as the one before


class Moment(StrEnum):
    """How far the creation has come that its process does not survive."""

    BEFORE = "before it is sent"
    MID_BODY = "in mid-body"
    PROCESSED = "not answered yet"
    ANSWERED = "answered"


_HALTED = frozenset({Moment.BEFORE, Moment.MID_BODY})  # on the way out; only the client can tell


class SharedClock(Clock):
    """A clock that goes on in the next process.

    Args:
        origin: When it began, in Unix seconds.
    """

    def __init__(self, origin: float) -> None:
        super().__init__(SPEED)
        self.origin = origin

    def time(self) -> float:
        """See `Clock.time`."""
        return self.origin + (time.time() - self.origin) * self.speed


@attrs.frozen(kw_only=True)
class Orders:
    """What a process is to do.

    Attributes:
        url: Where the sandbox is.
        key: Its key.
        origin: When time began.
        folder: Where files and journal are.
        tickets: How many there are to be.
        seed: Of what they say.
        halt: Where a creation is to come to a halt, None for nowhere.
        count: Which one.
    """

    url: str
    key: str
    origin: float
    folder: Path
    tickets: int
    seed: int
    halt: Moment | None = None
    count: int = 0

    @classmethod
    def read(cls, text: str) -> Orders:
        """From what `write` has made."""
        told = json.loads(text)
        halt = None if told["halt"] is None else Moment(told["halt"])
        return cls(**told | {"folder": Path(told["folder"]), "halt": halt})

    def write(self) -> str:
        """As text."""
        return json.dumps(attrs.asdict(self) | {"folder": str(self.folder)})

    @property
    def journal(self) -> Path:
        """Where the journal is."""
        return self.folder / "run.journal"


def make_drafts(tickets: int, seed: int, folder: Path) -> Iterator[TicketDraft]:
    """The tickets, the same for each process; one in three has a reference."""
    for number in range(tickets):
        is_twin = number % _TWINS == _TWINS - 1
        like = number - is_twin
        chance = random.Random(f"{seed} {like}")  # noqa: S311 - a workload
        word = chance.choice(("Server", "Сървър", "Disk & RAM"))
        text = f"{word} {like} is down since {chance.random():.6f}."
        files: list[AttachmentLike] = []
        for index in range(chance.randrange(4)):
            name = f"снимка {like}-{index}.bin"
            data = chance.randbytes(chance.choice(_SIZES))
            on_disk = folder / name
            if chance.choice((True, False)):
                files.append(on_disk)
                if not on_disk.exists():
                    on_disk.write_bytes(data)
            else:
                files.append(Attachment.from_bytes(data, name=name))
        yield TicketDraft(
            department_id=2,
            subject=f"{word} {like}",
            message=chance.choice((f"<p>{text}</p>\r\n<p>Second.</p>", text)),
            attachments=files,
            reference=f"case {number}" if number % 3 == 0 else None,
        )


# The process that is killed.


class HaltingTransport:
    """A transport on which one creation comes to a halt, which is told on standard output.

    Args:
        halt: Where.
        count: Which one.
    """

    def __init__(self, halt: Moment, count: int) -> None:
        self._transport = AiohttpTransport()
        self._halt = halt
        self._count = count
        self._met = 0

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        """See `Transport.send`."""
        if request.method == "POST" and request.body is not None:
            self._met += 1
            if self._met >= self._count and self._halt is Moment.BEFORE:
                await _halt()
            if self._met >= self._count:  # not every one is let in to send anything
                request = attrs.evolve(request, body=HalfBody(request.body))
        async with self._transport.send(request) as response:
            yield response

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        await self._transport.aclose()


class HalfBody:
    """A body of which half is given out (see `Body`)."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self.content_type = body.content_type
        self.content_length = body.content_length
        self.replayable = body.replayable

    def open(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """See `Body.open`."""
        return self._opened()

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self._body.open() as chunks:
            yield self._half(chunks, (self.content_length or 0) // 2)

    async def _half(self, chunks: AsyncIterator[bytes], left: int) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                await _halt()


async def _halt() -> None:
    print(_HALT.decode(), end="", flush=True)
    await asyncio.Event().wait()


async def create(orders: Orders) -> None:
    """Create what is not created yet, and tell how that went."""
    transport = None if orders.halt is None else HaltingTransport(orders.halt, orders.count)
    async with VPSBG(
        orders.key,
        base_url=orders.url,
        clock=SharedClock(orders.origin),
        transport=transport,
        timeouts=Timeouts(connect=PATIENCE, stall=PATIENCE, response=PATIENCE, read=PATIENCE),
        # In virtual seconds. A busy machine may hold up an answer for a real one.
        retry=RetryPolicy(
            max_attempts=10, budget=None, first_delay=0.05 * SPEED, wait_if_locked=True
        ),
        reconcile=ReconcilePolicy(
            settle=0.5 * SPEED, settle_late=2 * SPEED, margin=SPEED, max_pages=500
        ),
    ) as vps:
        drafts = make_drafts(orders.tickets, orders.seed, orders.folder)
        async with vps.tickets.create_many(
            drafts, journal=orders.journal, concurrency=CONCURRENCY
        ) as run:
            troubles = [str(outcome.error) async for outcome in run if outcome.error is not None]
    summary = attrs.asdict(run.summary)
    print(json.dumps(summary | {"troubles": troubles}), flush=True)


# The process that kills.


@attrs.define(kw_only=True)
class Trap:
    """Kills a process when the sandbox has come to a point with one of its creations.

    Attributes:
        process: The process.
        moment: The point; what comes to a halt by itself is none of its own.
        count: Which creation.
        delay: How many seconds after its answer.
        met: How many have come so far.
    """

    process: asyncio.subprocess.Process
    moment: Moment
    count: int
    delay: float
    met: int = 0

    async def spring(self, request: web.Request, response: web.StreamResponse) -> None:
        """Called with each creation, processed and with its answer yet to be sent."""
        self.met += 1
        if self.met != self.count or self.moment in _HALTED:
            return
        if self.moment is Moment.ANSWERED:
            await response.prepare(request)
            await response.write_eof()
            await asyncio.sleep(self.delay)
        self.process.kill()


class TrappedSandbox(Sandbox):
    """A sandbox with a trap.

    Attributes:
        trap: The trap, None for none.
    """

    trap: Trap | None = None

    def _application(self, *parts: Any) -> web.Application:
        application = super()._application(*parts)
        application.middlewares.append(self._watch)  # the innermost
        return application

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if self.trap is not None and request.method == hdrs.METH_POST:
            await self.trap.spring(request, response)
        return response


@attrs.frozen(kw_only=True)
class Kill:
    """What was found after a process had been killed.

    Attributes:
        moment: What one of its creations had come to.
        count: Which one.
        created: Of how many items the journal knew that they exist.
        sent: Of how many it knew that they had been sent, and not what came of it.
        unknown: Of how many it knew that nobody could tell.
        exist: How many did.
    """

    moment: Moment
    count: int
    created: int
    sent: int
    unknown: int
    exist: int


@attrs.frozen(kw_only=True)
class Verdict:
    """What has become of all tickets.

    Attributes:
        once: How many exist as often as they should, with every file as it was sent.
        lost: How many are missing.
        duplicated: How many are too many.
        mangled: How many have other files than they should.
        counts: How many items of the journal are in each state.
        kills: What was found after each kill.
        escaped: How many processes were done before they could be killed.
        summary: What the last process told.
        faults: How many requests went wrong.
        seconds: How long all of it took.
    """

    once: int
    lost: int
    duplicated: int
    mangled: int
    counts: dict[State, int]
    kills: Sequence[Kill]
    escaped: int
    summary: dict[str, Any]
    faults: int
    seconds: float


async def measure(*, tickets: int, kills: int, seed: int) -> Verdict:
    """Have tickets created by processes of which all but the last are killed."""
    began = time.perf_counter()
    chance = random.Random(seed)  # noqa: S311 - a workload
    clock = SharedClock(time.time())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wanted = await asyncio.to_thread(_wanted, make_drafts(tickets, seed, folder))
        async with _broken_sandbox(clock, seed) as sandbox:
            orders = Orders(
                url=sandbox.url,
                key=sandbox.api_key,
                origin=clock.origin,
                folder=folder,
                tickets=tickets,
                seed=seed,
            )
            found: list[Kill] = []
            for moment in _moments(kills, chance):
                count = chance.randint(1, max(1, int(2 * _REACH * tickets / (kills + 1))))
                kill = await _kill(sandbox, orders, moment, count, delay=chance.uniform(0, 0.004))
                found += [] if kill is None else [kill]
            last = await _started(orders)
            out, _ = await last.communicate()
            stored = Counter(map(_key_of, _of_the_run(sandbox)))
        surplus = stored - wanted
        duplicated = (_words(stored) - _words(wanted)).total()
        return Verdict(
            once=sum(number for key, number in wanted.items() if stored[key] == number),
            lost=(_words(wanted) - _words(stored)).total(),
            duplicated=duplicated,
            mangled=surplus.total() - duplicated,
            counts=read_journal(orders.journal).counts,
            kills=found,
            escaped=kills - len(found),
            summary=json.loads(out) if last.returncode == 0 else {},
            faults=len(sandbox.faults.met),
            seconds=time.perf_counter() - began,
        )


@asynccontextmanager
async def _broken_sandbox(clock: Clock, seed: int) -> AsyncIterator[TrappedSandbox]:
    """A sandbox that has an old ticket, and on which requests go wrong."""
    shift = -_HOUR
    faults = Faults.drawn(seed=seed, rate=RATE, latency=0.05, refusal=0.05, stall=30.0, methods=())
    async with TrappedSandbox(
        clock=lambda: clock.time() + shift, faults=faults, rate_limit=100_000
    ) as sandbox:
        async with VPSBG(sandbox.api_key, base_url=sandbox.url) as vps:
            await vps.tickets.create(department_id=2, subject=_OLDER, message="An hour ago.")
        shift = 0.0
        faults.methods = None
        yield sandbox


def _moments(kills: int, chance: random.Random) -> list[Moment]:
    """Each as often as the others, in no order."""
    every = [*Moment]
    moments = [every[number % len(every)] for number in range(kills)]
    chance.shuffle(moments)
    return moments


async def _kill(
    sandbox: TrappedSandbox, orders: Orders, moment: Moment, count: int, *, delay: float
) -> Kill | None:
    """Have a process go on, and kill it; None if it was done before."""
    halt = moment if moment in _HALTED else None
    process = await _started(attrs.evolve(orders, halt=halt, count=count))
    sandbox.trap = Trap(process=process, moment=moment, count=count, delay=delay)
    assert process.stdout is not None
    if await process.stdout.readline() == _HALT:
        process.kill()
    await process.communicate()
    sandbox.trap = None
    if process.returncode != -signal.SIGKILL:
        return None
    await asyncio.sleep(_FLUSH)
    state = await asyncio.to_thread(_state_of, orders.journal)
    return Kill(
        moment=moment,
        count=count,
        created=state.counts[State.CREATED],
        sent=state.counts[State.SENT],
        unknown=state.counts[State.UNKNOWN],
        exist=sum(1 for _ in _of_the_run(sandbox)),
    )


async def _started(orders: Orders) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.kill", "--orders", orders.write()),
        cwd=Path(__file__).parent.parent,
        stdout=asyncio.subprocess.PIPE,
    )


def _state_of(journal: Path) -> JournalState:
    """Read a copy: to open it would clear up what the next process is to find."""
    with tempfile.TemporaryDirectory() as name:
        for file in journal.parent.glob(f"{journal.name}*"):
            shutil.copy(file, name)
        return read_journal(Path(name, journal.name))


def _of_the_run(sandbox: Sandbox) -> Iterator[StoredTicket]:
    return (ticket for ticket in sandbox.tickets if ticket.subject != _OLDER)


_Key = tuple[str, str, tuple[tuple[str, str], ...]]
"""Subject, message, and of each file its name and its checksum."""


def _wanted(drafts: Iterable[TicketDraft]) -> Counter[_Key]:
    return Counter(
        (draft.subject, draft.message, tuple(map(_file_of, draft.attachments))) for draft in drafts
    )


def _file_of(file: AttachmentLike) -> tuple[str, str]:
    if isinstance(file, Path):
        return file.name, hashlib.sha256(file.read_bytes()).hexdigest()
    assert isinstance(file, Attachment)
    assert isinstance(file.source, Data)
    return file.name, hashlib.sha256(file.source.data).hexdigest()


def _key_of(ticket: StoredTicket) -> _Key:
    (first, *_) = ticket.messages
    files = tuple((file.name, file.sha256) for file in first.attachments)
    return ticket.subject, first.content, files


def _words(tickets: Counter[_Key]) -> Counter[tuple[str, str]]:
    words: Counter[tuple[str, str]] = Counter()
    for (subject, message, _), number in tickets.items():
        words[subject, message] += number
    return words


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tickets", type=int, default=500, help="how many tickets")
    parser.add_argument("--kills", type=int, default=20, help="how many processes are killed")
    parser.add_argument("--seed", type=int, default=7, help="where chance begins")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.add_argument("--orders", type=Orders.read, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.orders:
        asyncio.run(create(arguments.orders))
        return
    verdict = asyncio.run(
        measure(tickets=arguments.tickets, kills=arguments.kills, seed=arguments.seed)
    )
    if arguments.json:
        print(json.dumps(attrs.asdict(verdict), indent=2))
        return
    columns = ("count", "created", "sent", "unknown", "exist")
    print("killed when a creation was".ljust(28) + "".join(f"{name:>9}" for name in columns))
    for kill in verdict.kills:
        facts = attrs.asdict(kill)
        print(kill.moment.ljust(28) + "".join(f"{facts[name]:9}" for name in columns))
    journal = ", ".join(f"{number} {state}" for state, number in verdict.counts.items() if number)
    print(
        f"\n{arguments.tickets} tickets: {verdict.once} once, {verdict.lost} lost,"
        f" {verdict.duplicated} too many, {verdict.mangled} with other files"
    )
    print(f"journal: {journal}")
    print(
        f"{len(verdict.kills)} kills, {verdict.escaped} escaped, {verdict.faults} requests went"
        f" wrong, {verdict.seconds:.0f} s"
    )
    for trouble in verdict.summary.get("troubles", ["the last process failed"]):
        print(trouble)


if __name__ == "__main__":
    main()
