"""How often a call is sent, when, and what is known of it after more than one attempt."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.virtual import VirtualClock
from tests.attachments.support import factory_of
from tests.core.calling import Answer, Cut, Timed, caller
from tests.core.virtual import in_virtual_time, now
from vpsbg_async import (
    VPSBG,
    APIError,
    Attachment,
    AttachmentError,
    LockedError,
    NotFoundError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    RateLimitedError,
    ResponseError,
    RetryPolicy,
    ServerError,
    Ticket,
    TicketDraft,
    VPSBGError,
    outcome_of,
)
from vpsbg_async.core.bodies import JSONBody
from vpsbg_async.core.endpoint import Effect, Endpoint
from vpsbg_async.core.gate import OnWait
from vpsbg_async.testing import Reply

GET = Endpoint("GET", "/support/tickets/{id}", Ticket)
PUT = Endpoint("PUT", "/servers/{id}/name", Ticket)
POST = Endpoint("POST", "/support/tickets", Ticket, effects=frozenset({Effect.CREATES}))
EPOCH = datetime.fromtimestamp(1_722_600_000.25, UTC)  # when virtual time begins
WAIT = {"Retry-After": "3"}

Make = Callable[[], Answer]

# Nothing was done, and it may be next time.
SAFE: dict[str, Make] = {
    "not sent": lambda: NotSentError("nothing listens"),
    "a source that failed": lambda: AttachmentError("could not be read", permanent=False),
    "429": lambda: Reply(429),
    "429 with Retry-After": lambda: Reply(429, headers=WAIT),
    "503 with Retry-After": lambda: Reply(503, headers=WAIT),
    "429 that is cut": lambda: Cut(429),
    "503 with Retry-After that is cut": lambda: Cut(503, WAIT),
}
# It may have been done, or was.
DOUBTFUL: dict[str, Make] = {
    "unknown": lambda: OutcomeUnknownError("the server closed the connection"),
    "500": lambda: Reply(500, headers=WAIT),
    "502": lambda: Reply(502),
    "503": lambda: Reply(503),
    "504": lambda: Reply(504),
    "599": lambda: Reply(599),
    "500 that is cut": lambda: Cut(500),
    "200 that is cut": lambda: Cut(200),
    "200 without JSON": lambda: Reply(200, body=b"<html>"),
}
# It would end so again.
FINAL: dict[str, Make] = {
    **{
        str(status): lambda status=status: Reply(status, headers=WAIT)  # type: ignore[misc]
        for status in (*(301, 302, 304, 308), *(400, 401, 403, 404, 405, 409, 413, 418, 422, 423))
    },
    "404 that is cut": lambda: Cut(404),
    "302 that is cut": lambda: Cut(302),
    "a permanent failure": lambda: NotSentError("the transport is closed", permanent=True),
    "a file that shrank": lambda: AttachmentError("shrank"),
    "an answer that is too large": lambda: Cut(200, permanent=True),
}

each_read = pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
each_change = pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])


def each_of(*tables: Mapping[str, Make]) -> pytest.MarkDecorator:
    named = {name: make for table in tables for name, make in table.items()}
    return pytest.mark.parametrize("make", named.values(), ids=named)


def client(transport: Timed, retry: RetryPolicy | None = RetryPolicy()) -> VPSBG:  # noqa: B008
    return VPSBG("key", transport=transport, retry=retry, gate=None, clock=VirtualClock())


class TestReads:
    @each_read
    @each_of(SAFE, DOUBTFUL)
    @in_virtual_time
    async def test_are_sent_again(self, method: str, make: Make) -> None:
        transport = Timed(make(), Reply(json={"a": 1}))
        answer = await client(transport).request(method, "/balance", params={"b": 2})
        assert answer == {"a": 1}
        first, second = (call.request for call in transport.calls)
        assert first == second
        assert first.url.endswith("/balance?b=2")

    @each_read
    @each_of(FINAL)
    @in_virtual_time
    async def test_are_not_sent_again_in_vain(self, method: str, make: Make) -> None:
        transport = Timed(make())
        with pytest.raises(VPSBGError) as caught:
            await client(transport).request(method, "/balance")
        assert caught.value.attempts == len(transport.calls) == 1
        assert caught.value.remarks == ()

    @pytest.mark.parametrize("json", [[], {"id": "a"}, {}], ids=str)
    @in_virtual_time
    async def test_are_not_sent_again_after_a_success_of_another_shape(self, json: object) -> None:
        transport = Timed(Reply(json=json))
        with pytest.raises(ResponseError) as caught:
            await client(transport).tickets.get(216)
        assert caught.value.attempts == len(transport.calls) == 1

    @in_virtual_time
    async def test_of_a_page_are_sent_again_for_the_same_page(self) -> None:
        transport = Timed(Reply(500), Reply(json={"data": [{"id": 1}]}))
        page = await client(transport).tickets.list(page=7)
        assert [ticket.id for ticket in page] == [1]
        assert [call.request.url[-7:] for call in transport.calls] == ["?page=7", "?page=7"]

    @each_of(SAFE, DOUBTFUL)
    @in_virtual_time
    async def test_are_sent_once_without_a_policy(self, make: Make) -> None:
        transport = Timed(make())
        with pytest.raises(VPSBGError) as caught:
            await client(transport, None).request("GET", "/balance")
        assert caught.value.attempts == len(transport.calls) == 1
        assert caught.value.remarks == ()
        assert now() == 0.0


class TestChanges:
    @each_change
    @each_of(SAFE)
    @in_virtual_time
    async def test_are_sent_again_if_they_were_not_acted_on(self, method: str, make: Make) -> None:
        transport = Timed(make(), Reply(json={"a": 1}))
        assert await client(transport).request(method, "/servers/1", json={"b": 2}) == {"a": 1}
        assert [call.body for call in transport.calls] == [b'{"b": 2}'] * 2

    @each_change
    @each_of(DOUBTFUL, FINAL)
    @in_virtual_time
    async def test_are_sent_once_otherwise(self, method: str, make: Make) -> None:
        """What a raw call does is not known, so not even PUT and DELETE are repeated."""
        for json in (None, {"b": 2}):
            transport = Timed(make())
            with pytest.raises(VPSBGError) as caught:
                await client(transport).request(method, "/servers/1", json=json)
            assert caught.value.attempts == len(transport.calls) == 1

    @each_of(SAFE)
    @in_virtual_time
    async def test_that_create_are_sent_again_if_they_were_not_acted_on(self, make: Make) -> None:
        transport = Timed(make(), Reply(json={"id": 216}))
        ticket = await client(transport).tickets.create(
            department_id=2, subject="Down", message="It is down."
        )
        assert ticket.id == 216
        first, second = (call.body for call in transport.calls)
        assert first == second
        assert b"It is down." in first

    @each_of(DOUBTFUL, FINAL)
    @in_virtual_time
    async def test_that_create_are_sent_once_otherwise(self, make: Make) -> None:
        transport = Timed(make())
        with pytest.raises(VPSBGError) as caught:
            await client(transport).tickets.reply(216, message="Any news?")
        assert caught.value.attempts == len(transport.calls) == 1

    @each_of(SAFE)
    @in_virtual_time
    async def test_are_sent_once_without_a_policy(self, make: Make) -> None:
        transport = Timed(make())
        with pytest.raises(VPSBGError) as caught:
            await client(transport, None).request("POST", "/servers/1/start")
        assert caught.value.attempts == len(transport.calls) == 1


class TestLocked:
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    @in_virtual_time
    async def test_is_waited_for_if_asked_to(self, method: str) -> None:
        endpoint = Endpoint(method, "/servers/1", Ticket)
        for wait, calls in ((False, 1), (True, 2)):
            transport = Timed(Reply(423, headers=WAIT), Reply(json={"id": 1}))
            calling = caller(transport, retry=RetryPolicy(wait_if_locked=wait))
            work = calling.call(endpoint)
            if wait:
                assert (await work).id == 1
                assert transport.times == [0.0, 3.0]
            else:
                with pytest.raises(LockedError):
                    await work
            assert len(transport.calls) == calls

    @pytest.mark.parametrize("effects", [{Effect.NOT_KNOWN}, {Effect.STOPS}], ids=str)
    @in_virtual_time
    async def test_is_never_waited_for_by_what_may_still_happen(self, effects: set[Effect]) -> None:
        for method in ("POST", "PUT", "DELETE"):
            transport = Timed(Reply(423, headers=WAIT))
            calling = caller(transport, retry=RetryPolicy(wait_if_locked=True))
            endpoint = Endpoint(method, "/servers/1/stop", Ticket, effects=frozenset(effects))
            with pytest.raises(LockedError, match="read the state") as caught:
                await calling.call(endpoint)
            assert caught.value.outcome is Outcome.UNKNOWN
            assert len(transport.calls) == 1


class TestLimits:
    @pytest.mark.parametrize("attempts", [2, 3, 5])
    @in_virtual_time
    async def test_of_attempts(self, attempts: int) -> None:
        transport = Timed(*(Reply(500) for _ in range(attempts)))
        with pytest.raises(ServerError) as caught:
            await client(transport, RetryPolicy(max_attempts=attempts)).request("GET", "/balance")
        assert caught.value.attempts == len(transport.calls) == attempts
        assert caught.value.remarks == (f"given up after {attempts} attempts",)
        assert caught.value.remarks[0] in str(caught.value)

    @in_virtual_time
    async def test_of_one_attempt_needs_no_remark(self) -> None:
        transport = Timed(Reply(500))
        with pytest.raises(ServerError) as caught:
            await client(transport, RetryPolicy(max_attempts=1)).request("GET", "/balance")
        assert caught.value.remarks == ()

    @in_virtual_time
    async def test_of_time(self) -> None:
        transport = Timed(*(NotSentError("nothing listens") for _ in range(9)), takes=1.0)
        policy = RetryPolicy(max_attempts=99, first_delay=4, max_delay=4, budget=10)
        with pytest.raises(NotSentError) as caught:
            await caller(transport, retry=policy).call(GET, id=1)
        assert transport.times == [0.0, 3.0, 6.0, 9.0]  # and 12 is 11 after the first failure
        (remark,) = caught.value.remarks
        assert remark == "given up after 4 attempts, 10 s for retries"
        assert remark in str(caught.value)

    @pytest.mark.parametrize("status", [429, 503])
    @in_virtual_time
    async def test_of_what_the_server_asks_for(self, status: int) -> None:
        transport = Timed(Reply(status, headers={"Retry-After": "61"}))
        with pytest.raises(APIError) as caught:
            await client(transport, RetryPolicy(max_retry_after=60)).request("POST", "/support")
        assert caught.value.retry_after == 61.0
        assert caught.value.remarks == ("not waited for: 61 s are more than 60 s",)
        assert "61 s are more than 60 s" in str(caught.value)
        assert len(transport.calls) == 1
        assert now() == 0.0

    @in_virtual_time
    async def test_a_remark_is_about_the_last_attempt(self) -> None:
        transport = Timed(Reply(500), Reply(404))
        with pytest.raises(NotFoundError) as caught:
            await client(transport).request("GET", "/balance")
        assert caught.value.remarks == ()
        assert caught.value.attempts == 2


class Watching(VirtualClock):
    """A clock that looks at something whenever a call waits."""

    def __init__(self, look: Callable[[], None]) -> None:
        super().__init__()
        self.slept: list[float] = []
        self._look = look

    async def sleep(self, seconds: float) -> None:
        self._look()
        self.slept.append(seconds)
        await super().sleep(seconds)


class Counting:
    """A gate that lets everyone in, and knows who is inside."""

    def __init__(self) -> None:
        self.entered: list[bool] = []
        self.left: list[tuple[object, int | None, dict[str, str]]] = []

    @property
    def inside(self) -> int:
        return len(self.entered) - len(self.left)

    async def enter(self, *, again: bool, on_wait: OnWait) -> object:
        self.entered.append(again)
        return len(self.entered)

    def leave(self, entered: object, *, status: int | None, headers: Mapping[str, str]) -> None:
        self.left.append((entered, status, dict(headers)))


class TestWaits:
    @in_virtual_time
    async def test_double_up_to_the_longest(self) -> None:
        transport = Timed(*(Reply(500) for _ in range(6)))
        policy = RetryPolicy(max_attempts=6, first_delay=1, max_delay=4)
        with pytest.raises(ServerError):
            await caller(transport, retry=policy).call(GET, id=1)
        between = [after - before for before, after in itertools.pairwise(transport.times)]
        assert between == [0.5, 1.0, 2.0, 2.0, 2.0]  # half of 1, 2, 4, 4, 4

    @pytest.mark.parametrize(("random", "wait"), [(0.0, 0.0), (0.25, 2.0), (0.75, 6.0)])
    @in_virtual_time
    async def test_are_a_random_part_of_a_span(self, random: float, wait: float) -> None:
        transport = Timed(Reply(500), Reply(json={"id": 1}))
        policy = RetryPolicy(first_delay=8)
        await caller(transport, retry=policy, random=random).call(GET, id=1)
        assert transport.times == [0.0, wait]

    @pytest.mark.parametrize(
        ("headers", "wait"),
        [
            ({"Retry-After": "7"}, 7.0),
            ({"Retry-After": "1"}, 2.0),  # less than the wait that was drawn
            ({"Retry-After": "soon"}, 2.0),
            (
                {
                    "Retry-After": "Tue, 24 Nov 2026 12:00:09 GMT",
                    "Date": "Tue, 24 Nov 2026 12:00:00 GMT",
                },
                9.0,
            ),
        ],
        ids=str,
    )
    @in_virtual_time
    async def test_are_as_long_as_the_server_asks(
        self, headers: dict[str, str], wait: float
    ) -> None:
        for status in (429, 503):
            transport = Timed(Reply(status, headers=headers), Reply(json={"id": 1}))
            policy, began = RetryPolicy(first_delay=4), now()
            await caller(transport, retry=policy).call(GET, id=1)
            assert [time - began for time in transport.times] == [0.0, wait]

    @each_of(SAFE, DOUBTFUL)
    @in_virtual_time
    async def test_hold_nothing_open(self, make: Make) -> None:
        def look() -> None:
            assert not transport.is_open, "the answer is still open"
            assert not gate.inside, "the gate was not left"

        transport, gate = Timed(make(), Reply(json={"id": 1})), Counting()
        clock = Watching(look)
        calling = caller(transport, retry=RetryPolicy(), clock=clock, gate=gate)
        await calling.call(GET, id=1)
        assert len(clock.slept) == 1
        assert gate.inside == 0

    @in_virtual_time
    async def test_the_gate_is_asked_for_each_attempt(self) -> None:
        headers = {"X-RateLimit-Remaining": "5"}
        transport = Timed(
            NotSentError("nothing listens"),
            Reply(429, headers=WAIT),
            Reply(json={}, headers=headers),
        )
        gate = Counting()
        await caller(transport, retry=RetryPolicy(), gate=gate).raw("GET", "/balance", {}, None)
        assert gate.entered == [False, True, True]
        assert gate.left == [(1, None, {}), (2, 429, WAIT), (3, 200, headers)]


async def outcome_after(*replies: Answer, endpoint: Endpoint[Ticket] = PUT) -> VPSBGError:
    """The error that a call ends in."""
    transport = Timed(*replies)
    with pytest.raises(VPSBGError) as caught:
        await caller(transport, retry=RetryPolicy()).call(endpoint, id=1)
    assert not transport._replies
    return caught.value


EARLIER = "an earlier attempt may have been acted on"


class TestOutcomeOfAll:
    """What is known after several attempts is what is known of the most doubtful of them."""

    @pytest.mark.parametrize("method", ["PUT", "DELETE"])
    @each_of({name: DOUBTFUL[name] for name in ("unknown", "500", "504", "500 that is cut")})
    @in_virtual_time
    async def test_a_doubt_remains(self, method: str, make: Make) -> None:
        endpoint = Endpoint(method, "/servers/{id}", Ticket)
        for last, kind in (
            ([Reply(404)], NotFoundError),
            ([Reply(422)], APIError),
            ([Reply(429, headers={"Retry-After": "999"})], RateLimitedError),
            ([NotSentError("refused") for _ in range(4)], NotSentError),
            ([NotSentError("closed", permanent=True)], NotSentError),
        ):
            error = await outcome_after(make(), *last, endpoint=endpoint)
            assert isinstance(error, kind)
            assert error.outcome is outcome_of(error) is Outcome.UNKNOWN
            assert error.remarks[-1] == EARLIER
            assert EARLIER in str(error)
            assert error.history[0].outcome is Outcome.UNKNOWN
            assert error.history[-1].outcome in (Outcome.NOT_SENT, Outcome.NOT_PROCESSED)
            again = pickle.loads(pickle.dumps(error))
            assert (again.outcome, again.history) == (error.outcome, error.history)
            assert str(again) == str(error)

    @in_virtual_time
    async def test_a_doubt_of_the_last_attempt_needs_no_remark(self) -> None:
        error = await outcome_after(*(OutcomeUnknownError("dropped") for _ in range(5)))
        assert error.outcome is Outcome.UNKNOWN
        assert error.remarks == ("given up after 5 attempts",)

    @in_virtual_time
    async def test_without_a_doubt_the_last_attempt_counts(self) -> None:
        error = await outcome_after(NotSentError("refused"), Reply(503, headers=WAIT), Reply(404))
        assert error.outcome is Outcome.NOT_PROCESSED
        assert error.remarks == ()

    @in_virtual_time
    async def test_a_success_ends_all_doubt(self) -> None:
        transport = Timed(OutcomeUnknownError("dropped"), Reply(500), Reply(json={"id": 1}))
        calling = caller(transport, retry=RetryPolicy())
        assert (await calling.call(PUT, id=1)).id == 1

    @in_virtual_time
    async def test_of_a_read_nothing_is_in_doubt(self) -> None:
        error = await outcome_after(OutcomeUnknownError("dropped"), Reply(404), endpoint=GET)
        assert error.outcome is Outcome.NOT_PROCESSED
        assert error.remarks == ()

    @in_virtual_time
    async def test_a_gate_that_stays_closed_does_not_end_it(self) -> None:
        class Closing(Counting):
            async def enter(self, *, again: bool, on_wait: OnWait) -> object:
                if again:
                    raise NotSentError("the rate limit opens in 500 s")
                return await super().enter(again=again, on_wait=on_wait)

        transport, gate = Timed(OutcomeUnknownError("dropped")), Closing()
        with pytest.raises(NotSentError, match="opens in 500 s") as caught:
            await caller(transport, retry=RetryPolicy(), gate=gate).call(PUT, id=1)
        assert caught.value.outcome is Outcome.UNKNOWN
        assert caught.value.remarks == (EARLIER,)
        assert [attempt.outcome for attempt in caught.value.history] == [Outcome.UNKNOWN]
        assert gate.inside == 0


class TestHistory:
    @in_virtual_time
    async def test_holds_every_failed_attempt(self) -> None:
        transport = Timed(
            NotSentError("nothing listens"),
            Reply(429, headers=WAIT),
            OutcomeUnknownError("the server closed the connection"),
            takes=2.0,
        )
        policy = RetryPolicy(first_delay=2)
        with pytest.raises(OutcomeUnknownError) as caught:
            await caller(transport, retry=policy, clock=VirtualClock()).raw(
                "POST", "/support", {}, JSONBody({"a": 1})
            )
        error = caught.value
        told = [
            (attempt.number, attempt.error, attempt.outcome, attempt.status, attempt.bytes_sent)
            for attempt in error.history
        ]
        assert told == [
            (1, "NotSentError", Outcome.NOT_SENT, None, 8),
            (2, "RateLimitedError", Outcome.NOT_PROCESSED, 429, 8),
            (3, "OutcomeUnknownError", Outcome.UNKNOWN, None, 8),
        ]
        assert [attempt.seconds for attempt in error.history] == [2.0, 2.0, 2.0]
        begun = [attempt.started_at - EPOCH for attempt in error.history]
        assert begun == [timedelta(seconds=time) for time in transport.times]
        assert transport.times == [0.0, 3.0, 8.0]
        assert error.attempts == 3

    @pytest.mark.parametrize(
        ("reply", "status"),
        [
            (Reply(200, body=b"<html>"), 200),
            (Reply(json={"id": "a"}), 200),
            (Cut(201), 201),
            (Cut(500), 500),
            (Reply(302), 302),
            (OutcomeUnknownError("dropped"), None),
        ],
        ids=str,
    )
    @in_virtual_time
    async def test_holds_the_status_of_whatever_was_answered(
        self, reply: Answer, status: int | None
    ) -> None:
        error = await outcome_after(reply, endpoint=POST)
        (attempt,) = error.history
        assert attempt.status == status
        assert attempt.outcome is error.outcome
        assert attempt.error == type(error).__name__

    @in_virtual_time
    async def test_comes_back_with_the_draft_when_it_is_pickled(self) -> None:
        transport = Timed(Reply(429), OutcomeUnknownError("dropped"))
        file = Attachment.from_stream(factory_of(b"data"), name="log.txt")
        with pytest.raises(OutcomeUnknownError) as caught:
            await client(transport).tickets.create(
                department_id=2, subject="Down", message="It is down.", attachments=[file]
            )
        error = caught.value
        assert isinstance(error.draft, TicketDraft)
        assert [attempt.status for attempt in error.history] == [429, None]
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert again.history == error.history
            assert repr(again.draft) == repr(error.draft)
            assert str(again) == str(error)

    @in_virtual_time
    async def test_is_whole_in_every_kind_of_error(self) -> None:
        for last in (Reply(404), Cut(permanent=True), Reply(json=[]), AttachmentError("shrank")):
            error = await outcome_after(Reply(429), last, endpoint=GET)
            assert [attempt.number for attempt in error.history] == [1, 2]
            assert str(error).isprintable()
            assert str(error).startswith("GET /support/tickets/1: ")
