"""What a call tells while it runs: to whoever listens, and to the log."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.virtual import VirtualClock
from tests.core.calling import Answer, Cut, Timed
from tests.core.virtual import in_virtual_time, now
from vpsbg_async import (
    VPSBG,
    Attachment,
    Attempt,
    Event,
    InvalidInputError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    RateGate,
    RetryPolicy,
    ServerError,
    ValidationError,
    VPSBGError,
    outcome_of,
)
from vpsbg_async.events import (
    Answered,
    AttachmentClipped,
    AttachmentsDiffer,
    AttemptStarted,
    BytesSent,
    GaveUp,
    Retried,
    Waiting,
)
from vpsbg_async.testing import FakeTransport, Reply

EPOCH = datetime.fromtimestamp(1_722_600_000.25, UTC)  # when virtual time begins
CHUNK = b"x" * 1000
TICKET: dict[str, Any] = {"department_id": 2, "subject": "Down", "message": "It is down."}
WAIT = {"Retry-After": "30"}


def subclasses(kind: type[Event]) -> Iterator[type[Event]]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


KINDS = list(subclasses(Event))


class Heard:
    """A client, and all that it tells."""

    def __init__(self, *replies: Answer, takes: float = 0.0, **settings: Any) -> None:
        self.events: list[Event] = []
        self.transport = Timed(*replies, takes=takes)
        settings = {"clock": VirtualClock(), "on_event": self.events.append, **settings}
        self.vps = VPSBG("key", transport=self.transport, **settings)

    @property
    def kinds(self) -> list[type[Event]]:
        return [type(event) for event in self.events]

    def check(
        self, method: str, path: str, *expected: tuple[type[Event], int, dict[str, Any]]
    ) -> None:
        """All that was told, field by field, all by one call."""
        call = self.events[0].call
        assert self.events == [
            kind(call=call, method=method, path=path, attempt=attempt, **fields)
            for kind, attempt, fields in expected
        ]


class TestSequence:
    @in_virtual_time
    async def test_of_a_plain_create(self) -> None:
        heard = Heard(Reply(json={"id": 216}, headers={"X-Request-Id": "r1"}), takes=2.0)
        await heard.vps.tickets.create(**TICKET)
        length = len(heard.transport.calls[0].body)
        heard.check(
            "POST",
            "/support/tickets",
            (AttemptStarted, 1, {"length": length}),
            (BytesSent, 1, {"sent": length, "length": length}),
            (Answered, 1, {"status": 200, "seconds": 2.0, "request_id": "r1"}),
        )

    @in_virtual_time
    async def test_of_a_read_that_is_sent_again(self) -> None:
        heard = Heard(Reply(503, headers=WAIT), Reply(json={"id": 216}), takes=2.0)
        await heard.vps.tickets.get(216)
        failed = Attempt(
            number=1,
            started_at=EPOCH,
            seconds=2.0,
            bytes_sent=0,
            outcome=Outcome.NOT_PROCESSED,
            error="ServerError",
            status=503,
        )
        heard.check(
            "GET",
            "/support/tickets/216",
            (AttemptStarted, 1, {"length": None}),
            (Answered, 1, {"status": 503, "seconds": 2.0, "request_id": None}),
            (Waiting, 1, {"reason": "retry", "seconds": 30.0}),
            (Retried, 1, {"failed": failed}),
            (AttemptStarted, 2, {"length": None}),
            (Answered, 2, {"status": 200, "seconds": 2.0, "request_id": None}),
        )

    @in_virtual_time
    async def test_of_a_wait_at_the_gate(self) -> None:
        heard = Heard(Reply(429, headers=WAIT), Reply(json={}), retry=None)
        with pytest.raises(VPSBGError, match="429"):
            await heard.vps.request("GET", "/balance")
        heard.events.clear()
        assert await heard.vps.request("GET", "/servers") == {}
        heard.check(
            "GET",
            "/servers",
            (Waiting, 0, {"reason": "rate limit", "seconds": 30.0}),
            (AttemptStarted, 1, {"length": None}),
            (Answered, 1, {"status": 200, "seconds": 0.0, "request_id": None}),
        )
        assert now() == 30.0

    @in_virtual_time
    async def test_of_a_wait_for_others_in_flight(self) -> None:
        told = {"X-RateLimit-Remaining": "1"}
        replies = (Reply(json={}, headers=told) for _ in range(3))
        heard = Heard(*replies, takes=1.0, gate=RateGate(clock=VirtualClock()))
        await heard.vps.request("GET", "/first")
        await asyncio.gather(*(heard.vps.request("GET", path) for path in ("/second", "/third")))
        third = [event for event in heard.events if event.path == "/third"]
        assert [type(event) for event in third] == [Waiting, AttemptStarted, Answered]
        assert isinstance(third[0], Waiting)
        assert (third[0].reason, third[0].seconds) == ("rate limit", None)

    @pytest.mark.parametrize("size", [3000, None])
    @in_virtual_time
    async def test_of_an_upload(self, size: int | None) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield CHUNK

        heard = Heard(Reply(json={"id": 216}))
        file = Attachment.from_stream(chunks, name="log.txt", size=size)
        await heard.vps.tickets.create(**TICKET, attachments=[file])
        body = heard.transport.calls[0].body
        length = None if size is None else len(body)
        head = body.index(CHUNK)
        sent = [head, head + 1000, head + 2000, head + 3000, head + 3002, len(body)]
        heard.check(
            "POST",
            "/support/tickets",
            (AttemptStarted, 1, {"length": length}),
            *((BytesSent, 1, {"sent": given, "length": length}) for given in sent),
            (Answered, 1, {"status": 200, "seconds": 0.0, "request_id": None}),
        )

    @in_virtual_time
    async def test_bytes_are_counted_anew_in_each_attempt(self) -> None:
        heard = Heard(Reply(429), Reply(json={}))
        await heard.vps.request("POST", "/servers", json={"a": 1})
        sent = [
            (event.attempt, event.sent) for event in heard.events if isinstance(event, BytesSent)
        ]
        assert sent == [(1, 8), (2, 8)]

    @in_virtual_time
    async def test_of_a_call_that_gives_up(self) -> None:
        heard = Heard(NotSentError("nothing listens"), Reply(422))
        with pytest.raises(ValidationError) as caught:
            await heard.vps.tickets.reply(216, message="Any news?")
        error = caught.value
        assert heard.kinds == [
            *(AttemptStarted, BytesSent, Waiting, Retried),
            *(AttemptStarted, BytesSent, Answered, GaveUp),
        ]
        end = heard.events[-1]
        assert isinstance(end, GaveUp)
        assert end.error is error
        assert (end.attempt, end.path) == (2, "/support/tickets/216/messages")
        assert isinstance(heard.events[3], Retried)
        assert heard.events[3].failed is error.history[0]

    @in_virtual_time
    async def test_of_a_call_that_cannot_be_sent(self) -> None:
        heard = Heard()
        with pytest.raises(InvalidInputError) as caught:
            await heard.vps.tickets.get("..")
        heard.check("GET", "/support/tickets/{id}", (GaveUp, 0, {"error": caught.value}))

    @in_virtual_time
    async def test_of_a_call_that_is_cancelled(self) -> None:
        heard = Heard(Reply(json={}), takes=9.0)
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(1.0):
                await heard.vps.request("POST", "/servers/1/start")
        assert heard.kinds == [AttemptStarted, GaveUp]
        end = heard.events[-1]
        assert isinstance(end, GaveUp)
        assert type(end.error) is OutcomeUnknownError
        assert end.error.outcome is outcome_of(caught.value)
        assert (end.attempt, end.error.attempts) == (1, 1)

    @in_virtual_time
    async def test_of_an_answer_that_differs_from_what_was_sent(self) -> None:
        answer = {"id": 216, "messages": [{"id": 50, "content": "It is down.", "attachments": []}]}
        heard = Heard(Reply(json=answer))
        file = Attachment.from_bytes(b"data", name="log.txt")
        ticket = await heard.vps.tickets.create(**TICKET, attachments=[file])
        assert heard.kinds == [AttemptStarted, BytesSent, Answered, AttachmentsDiffer]
        end = heard.events[-1]
        assert isinstance(end, AttachmentsDiffer)
        assert end.mismatches == ticket.attachment_mismatches

    async def test_of_a_file_that_grew(self, tmp_path: Path) -> None:
        path = tmp_path / "log.txt"
        listener = growing(path)
        transport = FakeTransport(Reply(json={"id": 216}))
        vps = VPSBG("key", transport=transport, on_event=listener)
        await vps.tickets.create(**TICKET, attachments=[path])
        end = listener.events[-1]
        assert isinstance(end, AttachmentClipped)
        assert (end.name, end.added) == ("log.txt", len(CHUNK))

    @in_virtual_time
    async def test_calls_at_the_same_time_are_told_apart(self) -> None:
        paths = [f"/servers/{number}" for number in range(9)]
        heard = Heard(*(Reply(500 if path in paths[:3] else 200) for path in paths * 2), takes=1.0)
        await asyncio.gather(
            *(heard.vps.request("GET", path) for path in paths), return_exceptions=True
        )
        by_call: dict[int, set[str]] = {}
        for event in heard.events:
            by_call.setdefault(event.call, set()).add(event.path)
        assert sorted(by_call.values(), key=str) == [{path} for path in paths]


class Grows:
    """A listener that has a file grow as soon as it is being sent."""

    def __init__(self, path: Path) -> None:
        self.events: list[Event] = []
        self._path = path

    def __call__(self, event: Event) -> None:
        if isinstance(event, AttemptStarted):
            with self._path.open("ab") as file:
                file.write(CHUNK)
        self.events.append(event)


def growing(path: Path) -> Grows:
    path.write_bytes(CHUNK * 500)
    return Grows(path)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[type[Event]]:
    """How many events were made, by kind."""
    counts: Counter[type[Event]] = Counter()

    def counted(kind: type[Event]) -> Callable[..., None]:
        make = kind.__init__

        def count(self: Event, **fields: Any) -> None:
            counts[type(self)] += 1
            make(self, **fields)

        return count

    for kind in KINDS:
        monkeypatch.setattr(kind, "__init__", counted(kind))
    return counts


async def use(vps: VPSBG) -> None:
    """Calls in which all kinds of things happen."""
    await vps.tickets.create(**TICKET, attachments=[Attachment.from_bytes(b"data", name="a.txt")])
    await vps.request("GET", "/balance")
    with pytest.raises(VPSBGError):
        await vps.request("POST", "/servers", json={})


def replies() -> list[Answer]:
    answer = {"id": 216, "messages": [{"id": 50, "content": "It is down.", "attachments": []}]}
    return [Reply(json=answer), Reply(429, headers=WAIT), Reply(json={}), Reply(500)]


use_at_once = in_virtual_time(use)

SEEN: set[type[Event]] = {
    *(AttemptStarted, BytesSent, Answered, Waiting, Retried, GaveUp, AttachmentsDiffer)
}


class TestCost:
    """An event that nobody would see is not made."""

    @pytest.mark.parametrize(
        ("level", "expected"),
        [
            (logging.ERROR, set()),
            (logging.WARNING, {AttachmentsDiffer}),
            (logging.INFO, {AttachmentsDiffer, Waiting, Retried, GaveUp}),
            (logging.DEBUG, SEEN - {BytesSent}),
            (1, SEEN),
        ],
    )
    def test_with_the_log_alone(
        self,
        level: int,
        expected: set[type[Event]],
        made: Counter[type[Event]],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(level, "vpsbg_async")
        use_at_once(VPSBG("key", transport=Timed(*replies()), clock=VirtualClock()))
        assert set(made) == expected
        assert len(caplog.records) == made.total()

    def test_with_a_listener_all_are_made(
        self, made: Counter[type[Event]], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.CRITICAL, "vpsbg_async")
        heard = Heard(*replies())
        use_at_once(heard.vps)
        assert set(made) == SEEN
        assert made == Counter(heard.kinds)
        assert not caplog.records


class BrokenListenerError(Exception):
    """What a listener with a bug raises."""


class TestListeners:
    @pytest.mark.parametrize(
        "error",
        [
            BrokenListenerError("a bug"),
            AssertionError("a bug"),
            OutcomeUnknownError("not that of the call"),
            asyncio.CancelledError(),
            TimeoutError(),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_that_raise_do_no_harm(
        self, error: BaseException, caplog: pytest.LogCaptureFixture
    ) -> None:
        def listen(event: Event) -> None:
            met.append(event)
            raise error

        met: list[Event] = []
        after: list[Event] = []
        transport = Timed(*replies())
        vps = VPSBG("key", transport=transport, clock=VirtualClock(), on_event=listen)
        use_at_once(vps.with_options(on_event=after.append))
        heard = Heard(*replies())
        use_at_once(heard.vps)
        assert [type(event) for event in met] == heard.kinds
        assert after == met
        assert len(transport.calls) == len(heard.transport.calls)
        failures = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert [record.getMessage() for record in failures] == [
            f"a listener failed with {kind.__name__}" for kind in heard.kinds
        ]

    @in_virtual_time
    async def test_of_a_call_come_beside_those_of_the_client(self) -> None:
        order: list[str] = []

        def named(name: str) -> Callable[[Event], None]:
            return lambda event: order.append(name)

        transport = Timed(*(Reply(json={}) for _ in range(3)))
        vps = VPSBG("key", transport=transport, on_event=named("client"))
        other = vps.with_options(on_event=named("call"))
        another = other.with_options(on_event=named("another"), retry=None)
        for client, names in (
            (another, ["client", "call", "another"]),
            (other, ["client", "call"]),
            (vps, ["client"]),
        ):
            order.clear()
            await client.request("GET", "/balance")
            assert order == names * 2

    @in_virtual_time
    async def test_hear_of_the_verdict_before_the_caller_does(self) -> None:
        met: list[str] = []

        def listen(event: Event) -> None:
            if isinstance(event, GaveUp):
                met.append(str(event.error))

        transport = Timed(*(Reply(500) for _ in range(2)))
        vps = VPSBG(
            "key",
            transport=transport,
            clock=VirtualClock(),
            retry=RetryPolicy(max_attempts=2),
            on_event=listen,
        )
        with pytest.raises(ServerError) as caught:
            await vps.request("GET", "/balance")
        assert met == [str(caught.value)]
        assert "given up after 2 attempts" in met[0]


SECRETS = {
    "key": "s3cret-key",
    "subject": "s3cret-subject",
    "message": "s3cret-message",
    "name": "s3cret-name",
    "content": "s3cret-content",
    "query": "s3cret-query",
    "json": "s3cret-json",
    "answer": "s3cret-answer",
    "header": "s3cret-header",
    "source": "s3cret-token-of-a-bot",
}
ANSWER = SECRETS["answer"]


async def failing_source() -> AsyncIterator[bytes]:
    yield SECRETS["content"].encode()
    raise OSError(f"https://api.telegram.test/bot{SECRETS['source']}/file")


def hanging_source(hangs: asyncio.Event) -> Callable[[], AsyncIterator[bytes]]:
    async def chunks() -> AsyncIterator[bytes]:
        yield SECRETS["content"].encode()
        hangs.set()
        await asyncio.Event().wait()

    return chunks


def in_memory() -> Attachment:
    return Attachment.from_bytes(SECRETS["content"].encode(), name=f"{SECRETS['name']}.txt")


def streamed(factory: Callable[[], AsyncIterator[bytes]]) -> Attachment:
    return Attachment.from_stream(factory, name=f"{SECRETS['name']}.txt")


async def create(vps: VPSBG, file: Attachment | Path | None = None, **more: Any) -> None:
    files = [in_memory() if file is None else file]
    words = {"subject": SECRETS["subject"], "message": SECRETS["message"], **more}
    await vps.tickets.create(department_id=2, attachments=files, **words)


async def reply(vps: VPSBG) -> None:
    await vps.tickets.reply(216, message=SECRETS["message"], attachments=[in_memory()])


async def raw(vps: VPSBG) -> None:
    await vps.request(
        "PUT", "/servers/1", params={"a": SECRETS["query"]}, json={"b": SECRETS["json"]}
    )


async def read(vps: VPSBG) -> None:
    await vps.tickets.get(216)


async def listed(vps: VPSBG) -> None:
    async for _ in vps.tickets.list():
        pass


CALLS = [create, reply, raw, read, listed]

# What is answered to any of these calls.
TOLD: dict[str, Callable[[], Answer]] = {
    "a ticket": lambda: Reply(json={"id": 216, "subject": ANSWER}),
    "another shape": lambda: Reply(json={"id": ANSWER, "data": [{"id": ANSWER}]}),
    "other files": lambda: Reply(
        json={
            "id": 216,
            "subject": ANSWER,
            "messages": [
                {
                    "id": 50,
                    "content": SECRETS["message"],
                    "attachments": [{"id": 1, "name": ANSWER, "size": 1}],
                }
            ],
        }
    ),
    "no JSON": lambda: Reply(body=ANSWER.encode()),
    "half of it": lambda: Cut(headers={"X-Odd": SECRETS["header"]}),
    "a redirect": lambda: Reply(302, headers={"Location": f"/login?{SECRETS['header']}"}),
    "401": lambda: Reply(401, json={"message": ANSWER}),
    "422": lambda: Reply(422, json={"message": ANSWER, "errors": {ANSWER: [ANSWER]}}),
    "429": lambda: Reply(429, json={"message": ANSWER}, headers={"X-Odd": SECRETS["header"]}),
    "500 in HTML": lambda: Reply(500, body=f"<html>{ANSWER}".encode()),
    "500 in text": lambda: Reply(500, body=ANSWER.encode()),
    "not sent": lambda: NotSentError("nothing listens"),
    "unknown": lambda: OutcomeUnknownError("the server closed the connection"),
}


async def breaks_off(vps: VPSBG) -> None:
    source = hanging_source(asyncio.Event())
    await create(vps.with_options(deadline=0.001), streamed(source))


async def is_cancelled(vps: VPSBG) -> None:
    hangs = asyncio.Event()
    task = asyncio.create_task(create(vps, streamed(hanging_source(hangs))))
    await hangs.wait()
    task.cancel()
    await task


async def too_many(vps: VPSBG) -> None:
    files = [in_memory()] * 21
    await vps.tickets.reply(216, message=SECRETS["message"], attachments=files)


# What fails on this side.
OURS: dict[str, Callable[[VPSBG], Awaitable[None]]] = {
    "a source that fails": lambda vps: create(vps, streamed(failing_source)),
    "a source that hangs": breaks_off,
    "a cancelled call": is_cancelled,
    "a missing file": lambda vps: create(vps, Path("/nowhere") / SECRETS["name"]),
    "too many files": too_many,
    "a short subject": lambda vps: create(vps, subject="ab"),
    "an odd query": lambda vps: vps.request("GET", "/", params={SECRETS["query"]: None}),  # type: ignore[dict-item]
    "what JSON cannot hold": lambda vps: vps.request("PUT", "/", json={SECRETS["json"]: object()}),
}


def check(caplog: pytest.LogCaptureFixture) -> None:
    """No record tells a secret, neither what it says nor what it holds."""
    formatter = logging.Formatter("%(message)s")
    lines = []
    for record in caplog.records:
        lines += [formatter.format(record), repr(record.args), str(record.args)]
    for name, secret in SECRETS.items():
        assert not [line for line in lines if secret in line], f"the log tells of the {name}"


def client(*answers: Answer) -> VPSBG:
    retry = RetryPolicy(max_attempts=2, first_delay=0.001)
    return VPSBG(SECRETS["key"], transport=Timed(*answers), retry=retry, gate=None)


class TestLog:
    @pytest.fixture(autouse=True)
    def everything(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(1)
        caplog.set_level(1, "vpsbg_async")

    @pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
    @pytest.mark.parametrize("make", TOLD.values(), ids=TOLD)
    async def test_holds_nothing_that_was_sent_or_answered(
        self,
        call: Callable[[VPSBG], Awaitable[None]],
        make: Callable[[], Answer],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        await asyncio.gather(call(client(make(), make())), return_exceptions=True)
        assert "started" in caplog.text
        check(caplog)

    @pytest.mark.parametrize("call", OURS.values(), ids=OURS)
    async def test_holds_nothing_of_what_failed_here(
        self, call: Callable[[VPSBG], Awaitable[None]], caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises((VPSBGError, asyncio.CancelledError)):
            await call(client())
        check(caplog)

    async def test_holds_no_name_of_a_file_that_grew(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / f"{SECRETS['name']}.txt"
        listener = growing(path)
        await create(client(Reply(json={"id": 216})).with_options(on_event=listener), path)
        assert isinstance(listener.events[-1], AttachmentClipped)
        assert "1000 bytes were added" in caplog.text
        check(caplog)

    def test_tells_the_same_as_the_events(self, caplog: pytest.LogCaptureFixture) -> None:
        heard = Heard(*replies())
        use_at_once(heard.vps)
        told = [
            (record.levelno, record.getMessage())
            for record in caplog.records
            if record.name == "vpsbg_async"
        ]
        assert told == [(event.level, str(event)) for event in heard.events]
