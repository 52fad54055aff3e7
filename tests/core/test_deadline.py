"""A call that is broken off: by its deadline, or by its caller, at any point of its life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.virtual import VirtualClock
from tests.attachments.support import descriptors, slow_disk, until
from tests.core.calling import Timed, caller
from tests.core.virtual import in_virtual_time, now
from vpsbg_async import (
    VPSBG,
    Attachment,
    Event,
    Finding,
    Headers,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    RateGate,
    Request,
    Response,
    ResponseReadError,
    RetryPolicy,
    TicketDraft,
    VPSBGError,
    is_safe_to_retry,
    outcome_of,
)
from vpsbg_async.core import convert
from vpsbg_async.core.call import Call
from vpsbg_async.core.clock import Clock
from vpsbg_async.core.endpoint import Effect, Endpoint
from vpsbg_async.core.gate import OnWait
from vpsbg_async.events import Answered, GaveUp
from vpsbg_async.testing import FakeTransport, RawConnection, RawServer, Reply
from vpsbg_async.testing.bodies import WatchedBody
from vpsbg_async.transport import Body

CREATES = frozenset({Effect.CREATES})
POST = Endpoint("POST", "/support/tickets/{id}/messages", object, effects=CREATES)
CHUNK = b"x" * 1000
LIMIT = 5.0  # seconds
TICKET: dict[str, Any] = {"department_id": 2, "subject": "Down", "message": "It is down."}


async def for_ever() -> None:
    await asyncio.Event().wait()


class Stage(VirtualClock):
    """Everything that a call meets, hanging at one point.

    Args:
        point: Where.
        length: What the body tells of its length.

    Attributes:
        reached: Set once it hangs.
        body: The body.
        told: The errors that were told of.
        inside: How many calls the gate has let in.
    """

    def __init__(self, point: str, length: int | None = 3 * len(CHUNK)) -> None:
        super().__init__()
        self.reached = asyncio.Event()
        self.body = WatchedBody(self._chunks, length)
        self.told: list[VPSBGError] = []
        self.inside = 0
        self._point = point

    async def at(self, point: str) -> None:
        if point == self._point:
            self.reached.set()
            await for_ever()

    async def _chunks(self) -> AsyncIterator[bytes]:
        yield CHUNK
        await self.at("the source")
        yield CHUNK
        yield CHUNK

    @asynccontextmanager
    async def within(self) -> AsyncIterator[None]:
        await self.at("a twin")
        yield

    async def prepare(self) -> Body:
        await self.at("preparing")
        return self.body

    async def enter(self, *, again: bool, on_wait: OnWait) -> object:
        await self.at("the gate again" if again else "the gate")
        self.inside += 1
        return None

    def leave(self, entered: object, *, status: int | None, headers: Mapping[str, str]) -> None:
        self.inside -= 1

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        await self.at("connecting")
        assert request.body is not None
        async with request.body.open() as chunks:
            await anext(chunks)
            await self.at("the upload")
            async for _ in chunks:
                pass
        await self.at("no answer")
        if self._point == "recovery":
            raise OutcomeUnknownError("dropped")
        status = 429 if self._point in ("the wait", "the gate again") else 200
        yield Response(status, Headers(), self._answer())

    async def _answer(self) -> AsyncIterator[bytes]:
        yield b"{"
        await self.at("the answer")
        yield b"}"

    async def aclose(self) -> None:
        pass

    async def sleep(self, seconds: float) -> None:
        await self.at("the wait")
        await super().sleep(seconds)

    async def recover(self, call: Call, failed: VPSBGError) -> Finding[Any]:
        await self.at("recovery")
        return Finding(reason="nobody can tell")

    def note(self, event: Event) -> None:
        if isinstance(event, GaveUp):
            self.told.append(event.error)

    async def call(self, deadline: float | None = None) -> Any:
        made = caller(
            self,
            deadline=deadline,
            gate=self,
            clock=self,
            retry=RetryPolicy(),
            on_event=self.note,
        )
        return await made.begin(POST, {"id": 216}, draft="a draft").run(
            convert.parse, prepare=self.prepare, within=self.within(), recover=self.recover
        )


# Where it hangs, what is known of it then, and the outcomes of its attempts.
POINTS: dict[str, tuple[Outcome, list[Outcome]]] = {
    "a twin": (Outcome.NOT_SENT, []),
    "preparing": (Outcome.NOT_SENT, []),
    "the gate": (Outcome.NOT_SENT, []),
    "connecting": (Outcome.NOT_SENT, [Outcome.NOT_SENT]),
    "the source": (Outcome.NOT_SENT, [Outcome.NOT_SENT]),
    "the upload": (Outcome.NOT_SENT, [Outcome.NOT_SENT]),
    "no answer": (Outcome.UNKNOWN, [Outcome.UNKNOWN]),
    "the answer": (Outcome.PROCESSED, [Outcome.PROCESSED]),
    "the wait": (Outcome.NOT_SENT, [Outcome.NOT_PROCESSED]),
    "the gate again": (Outcome.NOT_SENT, [Outcome.NOT_PROCESSED]),
    "recovery": (Outcome.UNKNOWN, [Outcome.UNKNOWN]),
}
TYPES = {
    Outcome.NOT_SENT: NotSentError,
    Outcome.UNKNOWN: OutcomeUnknownError,
    Outcome.PROCESSED: ResponseReadError,
}
each_point = pytest.mark.parametrize("point", POINTS)
each_length = pytest.mark.parametrize("length", [3 * len(CHUNK), None], ids=["known", "unknown"])


def check(stage: Stage, point: str, error: VPSBGError) -> None:
    """What holds of the verdict, whoever broke the call off."""
    outcome, attempts = POINTS[point]
    assert error.outcome is outcome
    assert type(error) is TYPES[outcome]
    assert (error.method, error.draft) == ("POST", "a draft")
    # The ids are put into the path only once they are known to fit.
    known = point not in ("a twin", "preparing")
    assert error.path == ("/support/tickets/216/messages" if known else POST.path)
    assert [attempt.outcome for attempt in error.history] == attempts
    assert str(error).isprintable()
    assert is_safe_to_retry(error) is (outcome is Outcome.NOT_SENT)
    assert stage.told == [error]
    assert stage.inside == 0
    assert stage.body.opened == stage.body.closed


class TestDeadline:
    @each_point
    @each_length
    @in_virtual_time
    async def test_ends_a_call_wherever_it_is(self, point: str, length: int | None) -> None:
        stage = Stage(point, length)
        with pytest.raises(VPSBGError, match="not done within the deadline of 5 s") as caught:
            await stage.call(deadline=LIMIT)
        check(stage, point, caught.value)
        assert isinstance(caught.value.__cause__, TimeoutError)
        assert stage.reached.is_set()
        assert now() == LIMIT

    @in_virtual_time
    async def test_what_was_sent_by_then_is_told(self) -> None:
        for point, sent, status in (
            ("connecting", 0, None),
            ("the upload", 1000, None),
            ("no answer", 3000, None),
            ("the answer", 3000, 200),
        ):
            with pytest.raises(VPSBGError) as caught:
                await Stage(point).call(deadline=LIMIT)
            (attempt,) = caught.value.history
            assert (attempt.bytes_sent, attempt.status) == (sent, status)
            assert attempt.seconds == LIMIT

    @in_virtual_time
    async def test_a_call_in_time_has_no_part_in_it(self) -> None:
        assert await Stage("nowhere").call(deadline=LIMIT) == {}
        await asyncio.sleep(2 * LIMIT)

    @in_virtual_time
    async def test_runs_through_all_attempts_and_waits(self) -> None:
        transport = Timed(*(Reply(500) for _ in range(9)), takes=1.0)
        policy = RetryPolicy(max_attempts=9, first_delay=2, max_delay=2)
        vps = VPSBG("key", transport=transport, retry=policy, clock=VirtualClock(), deadline=LIMIT)
        with pytest.raises(VPSBGError, match="deadline of 5 s") as caught:
            await vps.request("GET", "/balance")
        assert now() == LIMIT
        assert 2 <= caught.value.attempts == len(transport.times)

    @in_virtual_time
    async def test_is_counted_for_each_call(self) -> None:
        transport = Timed(*(Reply(json={}) for _ in range(3)), takes=4.0)
        vps = VPSBG("key", transport=transport, clock=VirtualClock(), deadline=LIMIT)
        for _ in range(3):
            assert await vps.request("GET", "/balance") == {}

    @in_virtual_time
    async def test_is_taken_from_the_options_of_the_call(self) -> None:
        stage = Stage("no answer")
        vps = VPSBG("key", transport=stage, clock=VirtualClock(), deadline=1000.5)
        for seconds, client in ((7.0, vps.with_options(deadline=7)), (1000.5, vps)):
            began = now()
            with pytest.raises(OutcomeUnknownError, match=f"deadline of {seconds:g} s") as caught:
                await client.tickets.create(**TICKET, attachments=[file_of(b"data")])
            assert now() - began == seconds
            assert (caught.value.method, caught.value.path) == ("POST", "/support/tickets")
            assert isinstance(caught.value.draft, TicketDraft)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10**6):
                await vps.with_options(deadline=None).request("POST", "/servers", json=[0] * 999)

    @in_virtual_time
    async def test_is_in_seconds_of_the_clock(self) -> None:
        vps = VPSBG("key", transport=Stage("no answer"), clock=Clock(speed=10), deadline=50)
        with pytest.raises(VPSBGError, match="deadline of 50 s"):
            await vps.request("POST", "/servers", json={})
        assert now() == 5.0

    @in_virtual_time
    async def test_ends_the_wait_at_a_closed_gate(self) -> None:
        gate = RateGate(clock=VirtualClock())
        transport = FakeTransport(Reply(429, headers={"Retry-After": "60"}))
        vps = VPSBG("key", transport=transport, retry=None, gate=gate, clock=VirtualClock())
        with pytest.raises(VPSBGError, match="429"):
            await vps.request("GET", "/balance")
        with pytest.raises(NotSentError, match="deadline of 5 s") as caught:
            await vps.with_options(deadline=5).tickets.create(**TICKET)
        assert (caught.value.path, caught.value.attempts) == ("/support/tickets", 0)
        assert len(transport.calls) == 1
        assert now() == LIMIT

    @in_virtual_time
    async def test_ends_what_looks_for_a_lost_ticket_too(self) -> None:
        events: list[Event] = []
        stage = Stage("no answer")  # at which the list of tickets hangs as well
        vps = VPSBG(
            "key",
            transport=Loses(stage),
            clock=VirtualClock(),
            deadline=LIMIT,
            on_event=events.append,
        )
        with pytest.raises(OutcomeUnknownError, match="deadline of 5 s") as caught:
            await vps.tickets.create(**TICKET, on_unknown="reconcile")
        error = caught.value
        assert (error.method, error.path, error.attempts) == ("POST", "/support/tickets", 1)
        assert now() == LIMIT
        ends = [
            (event.method, event.error.outcome) for event in events if isinstance(event, GaveUp)
        ]
        assert ends == [("GET", Outcome.UNKNOWN), ("POST", Outcome.UNKNOWN)]

    @in_virtual_time
    async def test_ends_the_look_at_the_files(self) -> None:
        with pytest.MonkeyPatch.context() as patch, slow_disk(patch, hangs_at=0):
            vps = VPSBG("key", transport=FakeTransport(), clock=VirtualClock(), deadline=LIMIT)
            with pytest.raises(NotSentError, match="deadline of 5 s") as caught:
                await vps.tickets.create(**TICKET, attachments=[__file__])
        assert (caught.value.path, caught.value.attempts) == ("/support/tickets", 0)
        assert now() == LIMIT


def file_of(data: bytes) -> Attachment:
    return Attachment.from_bytes(data, name="log.txt")


class Loses:
    """A transport that drops what creates, and passes on the rest."""

    def __init__(self, inner: Stage) -> None:
        self.inner = inner

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        if request.method == "POST":
            raise OutcomeUnknownError("dropped")
        await self.inner.at("no answer")
        yield Response(200, Headers(), self.inner._answer())

    async def aclose(self) -> None:
        pass


async def by_a_timeout(stage: Stage) -> None:
    async with asyncio.timeout(LIMIT):
        await stage.call()


async def by_a_timeout_while_an_older_error_is_handled(stage: Stage) -> None:
    try:
        fail()
    except LookupError:
        await by_a_timeout(stage)


def fail() -> None:
    raise LookupError from OutcomeUnknownError("an older one")


async def by_wait_for(stage: Stage) -> None:
    await asyncio.wait_for(stage.call(), LIMIT)


async def by_cancellation(stage: Stage) -> None:
    task = asyncio.create_task(stage.call())
    await stage.reached.wait()
    task.cancel("enough")
    await task


async def by_a_timeout_before_the_deadline(stage: Stage) -> None:
    async with asyncio.timeout(LIMIT):
        await stage.call(deadline=LIMIT + 1)


Break = Callable[[Stage], Awaitable[None]]
BREAKS: list[Break] = [
    by_a_timeout,
    by_a_timeout_while_an_older_error_is_handled,
    by_wait_for,
    by_cancellation,
    by_a_timeout_before_the_deadline,
]


class TestCaller:
    @each_point
    @pytest.mark.parametrize("broken_off", BREAKS, ids=lambda function: function.__name__)
    @in_virtual_time
    async def test_breaks_it_off(self, point: str, broken_off: Break) -> None:
        stage = Stage(point)
        expected = asyncio.CancelledError if broken_off is by_cancellation else TimeoutError
        with pytest.raises(expected) as caught:
            await broken_off(stage)
        assert type(caught.value) is expected
        assert outcome_of(caught.value) is POINTS[point][0]
        (verdict,) = stage.told
        check(stage, point, verdict)
        assert is_safe_to_retry(caught.value) is is_safe_to_retry(verdict)
        assert "broken off by CancelledError" in str(verdict)

    @each_length
    @in_virtual_time
    async def test_breaks_it_off_between_two_chunks(self, length: int | None) -> None:
        stage = Stage("the upload", length)
        with pytest.raises(TimeoutError) as caught:
            await by_a_timeout(stage)
        assert outcome_of(caught.value) is Outcome.NOT_SENT
        assert stage.told[0].history[0].bytes_sent == len(CHUNK)

    @in_virtual_time
    async def test_cancellation_stays_what_it_is(self) -> None:
        with pytest.raises(asyncio.CancelledError) as caught:
            await by_cancellation(Stage("no answer"))
        assert caught.value.args == ("enough",)
        assert isinstance(caught.value.__cause__, OutcomeUnknownError)

    @in_virtual_time
    async def test_a_sibling_that_fails_breaks_it_off(self) -> None:
        stage = Stage("no answer")

        async def fail_meanwhile() -> None:
            await stage.reached.wait()
            fail()

        async def work() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(stage.call())
                group.create_task(fail_meanwhile())

        with pytest.raises(ExceptionGroup) as caught:
            await work()
        check(stage, "no answer", stage.told[0])
        assert outcome_of(caught.value) is Outcome.UNKNOWN
        assert not is_safe_to_retry(caught.value)

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @in_virtual_time
    async def test_a_cancellation_that_nobody_asked_for_is_a_failure(self, method: str) -> None:
        """As of a task that a transport shares with others: passed on, it would tell nobody."""

        class Shared(FakeTransport):
            @asynccontextmanager
            async def send(self, request: Request, /) -> AsyncIterator[Response]:
                lookup = asyncio.ensure_future(asyncio.sleep(60))
                asyncio.get_running_loop().call_soon(lookup.cancel)
                await lookup
                async with super().send(request) as response:
                    yield response

        vps = VPSBG("key", transport=Shared(), clock=VirtualClock(), retry=None)
        with pytest.raises(OutcomeUnknownError) as caught:
            await vps.request(method, "/servers")
        assert isinstance(caught.value.__cause__, asyncio.CancelledError)

    @in_virtual_time
    async def test_before_it_has_begun_nothing_is_told(self) -> None:
        stage = Stage("no answer")
        task = asyncio.create_task(stage.call())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stage.told == []


class TestSecondAttempt:
    """What an earlier attempt has left in doubt stays in doubt."""

    @pytest.mark.parametrize(
        ("point", "own"),
        [
            ("connecting", Outcome.NOT_SENT),
            ("the upload", Outcome.NOT_SENT),
            ("no answer", Outcome.UNKNOWN),
        ],
    )
    @in_virtual_time
    async def test_is_broken_off(self, point: str, own: Outcome) -> None:
        stage = Stage(point)
        transport = Second(stage, OutcomeUnknownError("dropped"))
        calling = caller(
            transport, clock=VirtualClock(), retry=RetryPolicy(), deadline=9, on_event=stage.note
        )
        call = calling.begin(Endpoint("PUT", "/servers/1", object), {})
        with pytest.raises(OutcomeUnknownError, match="deadline of 9 s") as caught:
            await call.run(convert.parse, body=stage.body)
        assert caught.value.outcome is Outcome.UNKNOWN
        assert [attempt.outcome for attempt in caught.value.history] == [Outcome.UNKNOWN, own]
        assert not is_safe_to_retry(caught.value)
        assert stage.told == [caught.value]

    @in_virtual_time
    async def test_is_waited_for(self) -> None:
        transport = Timed(OutcomeUnknownError("dropped"))
        policy = RetryPolicy(first_delay=100)
        calling = caller(transport, retry=policy, deadline=9)
        with pytest.raises(OutcomeUnknownError, match="deadline of 9 s") as caught:
            await calling.begin(Endpoint("PUT", "/servers/1", object), {}).run(convert.parse)
        assert caught.value.attempts == 1
        assert now() == 9.0


class Second:
    """A transport that fails at first, and goes on to another then."""

    def __init__(self, inner: Stage, *failures: Exception) -> None:
        self._inner = inner
        self._failures = list(failures)

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        if self._failures:
            raise self._failures.pop(0)
        async with self._inner.send(request) as response:
            yield response

    async def aclose(self) -> None:
        pass


class TestStreamThatRunsOnce:
    """Part of it is gone, so that what is left of it is of no use to another call."""

    def attachment(self, more: asyncio.Event) -> Attachment:
        async def chunks() -> AsyncIterator[bytes]:
            yield CHUNK
            await more.wait()
            yield CHUNK

        return Attachment.from_iterator(chunks(), name="log.txt", size=2 * len(CHUNK))

    @in_virtual_time
    async def test_had_begun_at_the_deadline(self) -> None:
        vps = VPSBG("key", transport=FakeTransport(), clock=VirtualClock(), deadline=LIMIT)
        with pytest.raises(NotSentError) as caught:
            await vps.tickets.create(**TICKET, attachments=[self.attachment(asyncio.Event())])
        assert caught.value.outcome is Outcome.NOT_SENT
        assert caught.value.permanent
        assert not is_safe_to_retry(caught.value)

    @in_virtual_time
    async def test_had_begun_when_it_was_cancelled(self) -> None:
        vps = VPSBG("key", transport=FakeTransport(), clock=VirtualClock())
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(LIMIT):
                await vps.tickets.create(**TICKET, attachments=[self.attachment(asyncio.Event())])
        assert outcome_of(caught.value) is Outcome.NOT_SENT
        assert not is_safe_to_retry(caught.value)

    @in_virtual_time
    async def test_had_not_begun(self) -> None:
        stage = Stage("the gate")
        vps = VPSBG(
            "key", transport=FakeTransport(), gate=stage, clock=VirtualClock(), deadline=LIMIT
        )
        with pytest.raises(NotSentError) as caught:
            await vps.tickets.create(**TICKET, attachments=[self.attachment(asyncio.Event())])
        assert is_safe_to_retry(caught.value)


class TestOnASocket:
    """The same on real connections, which are gone when the call is."""

    @pytest.mark.parametrize(
        ("point", "outcome"),
        [
            ("the upload", Outcome.NOT_SENT),
            ("no answer", Outcome.UNKNOWN),
            ("the answer", Outcome.PROCESSED),
        ],
    )
    async def test_it_is_cancelled(self, point: str, outcome: Outcome, tmp_path: Path) -> None:
        path = tmp_path / "log.txt"
        path.write_bytes(b"x" * (32 * 1024 * 1024))  # more than the sockets' buffers hold
        reached = asyncio.Event()

        async def serve(connection: RawConnection) -> None:
            if point == "the upload":
                await connection.head()
                connection.pause()
                reached.set()
                await for_ever()
            await connection.request()
            if point == "the answer":
                await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
            else:
                reached.set()
            await connection.until_gone()

        told: list[Outcome] = []

        def note(event: Event) -> None:
            if isinstance(event, GaveUp):
                told.append(event.error.outcome)
            if isinstance(event, Answered):
                reached.set()

        before = asyncio.all_tasks()
        async with (
            RawServer(serve) as api,
            VPSBG("key", base_url=api.url, on_event=note) as vps,
        ):
            work = vps.tickets.reply(1, message="Any news?", attachments=[path])
            task = asyncio.create_task(work)
            await reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            assert outcome_of(caught.value) is outcome
            assert told == [outcome]
            assert descriptors(path) == 0
        await until(lambda: asyncio.all_tasks() == before)

    async def test_an_answer_that_came_before_the_end_of_the_upload_counts(self) -> None:
        """Whoever answers has judged: that the upload was not complete says nothing any more."""

        async def serve(connection: RawConnection) -> None:
            await connection.head()
            await connection.write(b'HTTP/1.1 201 Created\r\nContent-Length: 8\r\n\r\n{"i')
            await connection.until_gone()

        async def slow() -> AsyncIterator[bytes]:
            while True:
                yield bytes(1000)
                await asyncio.sleep(0.01)

        async with RawServer(serve) as api, VPSBG("key", base_url=api.url) as vps:
            with pytest.raises(ResponseReadError) as caught:
                await vps.with_options(deadline=0.5).tickets.create(
                    department_id=2,
                    subject="Down",
                    message="It is down.",
                    attachments=[Attachment.from_stream(slow, name="log.txt")],
                )
        assert caught.value.outcome is Outcome.PROCESSED
        assert not is_safe_to_retry(caught.value)
