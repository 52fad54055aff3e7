"""A call that may have been done, and that is looked for before it is sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.virtual import VirtualClock
from tests.core.calling import Answer, Cut, Timed, caller
from tests.core.virtual import in_virtual_time, now
from vpsbg_async import (
    APIError,
    Event,
    Finding,
    InvalidInputError,
    LockedError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    RateLimitedError,
    ResponseError,
    RetryPolicy,
    ServerError,
    VPSBGError,
    is_safe_to_retry,
)
from vpsbg_async.core import convert
from vpsbg_async.core.bodies import JSONBody
from vpsbg_async.core.call import Call
from vpsbg_async.core.endpoint import Effect, Endpoint
from vpsbg_async.events import Retried, Waiting
from vpsbg_async.testing import Reply

POST = Endpoint("POST", "/support/tickets", object, effects=frozenset({Effect.CREATES}))
FOUND: Finding[Any] = Finding(found={"id": 216})
ABSENT: Finding[Any] = Finding(absent=True)
UNCLEAR: Finding[Any] = Finding(reason="another call creates the same")
NOWHERE: Finding[Any] = Finding()

UNKNOWN: dict[str, Callable[[], Answer]] = {
    "no answer": lambda: OutcomeUnknownError("the server closed the connection"),
    "500": lambda: Reply(500),
    "504": lambda: Reply(504),
    "423": lambda: Reply(423),
    "500 that is cut": lambda: Cut(500),
}
PROCESSED: dict[str, Callable[[], Answer]] = {
    "no JSON": lambda: Reply(body=b"<html>"),
    "cut": lambda: Cut(200),
}
NOT_DONE: dict[str, Callable[[], Answer]] = {
    "not sent": lambda: NotSentError("nothing listens"),
    "429": lambda: Reply(429),
    "503 with Retry-After": lambda: Reply(503, headers={"Retry-After": "1"}),
}


def each_of(table: dict[str, Callable[[], Answer]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("make", table.values(), ids=table)


class Looks:
    """Calls once, and looks for it as often as it is told to.

    Attributes:
        asked: What it was looked for after.
        since: Since when, in Unix seconds.
    """

    def __init__(self, *findings: Finding[Any] | Exception) -> None:
        self.asked: list[VPSBGError] = []
        self.since: list[float] = []
        self.events: list[Event] = []
        self._findings = list(findings)

    async def call(self, *replies: Answer, retry: RetryPolicy | None = RetryPolicy()) -> Any:  # noqa: B008
        self.transport = Timed(*replies)
        calling = caller(
            self.transport, retry=retry, clock=VirtualClock(), on_event=self.events.append
        )
        call = calling.begin(POST, {}, draft="a draft")
        return await call.run(convert.parse, body=JSONBody({"a": 1}), recover=self.look)

    async def look(self, call: Call, failed: VPSBGError) -> Finding[Any]:
        assert not self.transport.is_open
        self.asked.append(failed)
        self.since.append(call.started)
        finding = self._findings.pop(0)
        if isinstance(finding, Exception):
            raise finding
        return finding

    @property
    def sent(self) -> int:
        return len(self.transport.calls)


class TestFound:
    @each_of({**UNKNOWN, **PROCESSED})
    @in_virtual_time
    async def test_is_the_result(self, make: Callable[[], Answer]) -> None:
        looks = Looks(FOUND)
        assert await looks.call(make()) == {"id": 216}
        assert (looks.sent, len(looks.asked)) == (1, 1)
        assert now() == 0.0

    @in_virtual_time
    async def test_is_the_result_without_a_policy_too(self) -> None:
        looks = Looks(FOUND)
        assert await looks.call(OutcomeUnknownError("dropped"), retry=None) == {"id": 216}

    @in_virtual_time
    async def test_after_a_second_attempt(self) -> None:
        looks = Looks(ABSENT, FOUND)
        assert await looks.call(Reply(500), OutcomeUnknownError("dropped")) == {"id": 216}
        assert [type(failed) for failed in looks.asked] == [ServerError, OutcomeUnknownError]


class TestAbsent:
    @each_of(UNKNOWN)
    @in_virtual_time
    async def test_after_a_doubt_it_is_sent_again(self, make: Callable[[], Answer]) -> None:
        looks = Looks(ABSENT)
        assert await looks.call(make(), Reply(json={"id": 217})) == {"id": 217}
        assert looks.sent == 2
        assert looks.transport.calls[0].body == looks.transport.calls[1].body
        assert [type(event) for event in looks.events if isinstance(event, Waiting | Retried)] == [
            Waiting,
            Retried,
        ]

    @each_of(PROCESSED)
    @in_virtual_time
    async def test_after_a_success_it_is_never_sent_again(self, make: Callable[[], Answer]) -> None:
        looks = Looks(ABSENT)
        with pytest.raises(VPSBGError) as caught:
            await looks.call(make())
        assert caught.value is looks.asked[0]
        assert caught.value.outcome is Outcome.PROCESSED
        assert caught.value.remarks == ("it was looked for in vain: it is not there",)
        assert looks.sent == 1

    @in_virtual_time
    async def test_each_look_goes_back_to_the_first_attempt(self) -> None:
        looks, began = Looks(ABSENT, FOUND), VirtualClock().time()
        await looks.call(Reply(503, headers={"Retry-After": "9"}), Reply(500), Reply(500))
        assert looks.since == [began, began]
        assert looks.transport.times[1:] == [9.0, now()]

    @in_virtual_time
    async def test_without_a_policy_the_error_tells_that_it_was_not_done(self) -> None:
        looks = Looks(ABSENT)
        with pytest.raises(OutcomeUnknownError, match="proved not to have happened") as caught:
            await looks.call(OutcomeUnknownError("dropped"), retry=None)
        assert caught.value.outcome is Outcome.NOT_PROCESSED
        assert is_safe_to_retry(caught.value)
        assert [attempt.outcome for attempt in caught.value.history] == [Outcome.UNKNOWN]

    @in_virtual_time
    async def test_each_time_up_to_the_limit(self) -> None:
        looks = Looks(ABSENT, ABSENT, ABSENT)
        with pytest.raises(ServerError) as caught:
            await looks.call(*(Reply(500) for _ in range(3)), retry=RetryPolicy(max_attempts=3))
        assert caught.value.outcome is Outcome.NOT_PROCESSED
        assert caught.value.remarks == (
            "it was looked for, and is proved not to have happened",
            "given up after 3 attempts",
        )
        assert looks.sent == 3

    @in_virtual_time
    async def test_what_is_said_of_an_earlier_attempt_is_not_said_of_the_last(self) -> None:
        looks = Looks(ABSENT)
        with pytest.raises(APIError) as caught:
            await looks.call(Reply(500), Reply(404))
        assert caught.value.outcome is Outcome.NOT_PROCESSED
        assert caught.value.remarks == ()
        assert len(looks.asked) == 1

    @in_virtual_time
    async def test_a_redirect_is_not_followed_by_another_attempt(self) -> None:
        looks = Looks(ABSENT)
        with pytest.raises(APIError, match="proved not to have happened") as caught:
            await looks.call(Reply(302, headers={"Location": "/login"}))
        assert caught.value.outcome is Outcome.NOT_PROCESSED
        assert not is_safe_to_retry(caught.value)
        assert looks.sent == 1


class TestUnclear:
    @each_of({**UNKNOWN, **PROCESSED})
    @pytest.mark.parametrize(
        ("finding", "reason"),
        [(UNCLEAR, "another call creates the same"), (NOWHERE, "it is not there")],
        ids=["told", "untold"],
    )
    @in_virtual_time
    async def test_the_error_stays_and_tells_why(
        self, make: Callable[[], Answer], finding: Finding[Any], reason: str
    ) -> None:
        looks = Looks(finding)
        with pytest.raises(VPSBGError) as caught:
            await looks.call(make())
        error = caught.value
        assert error is looks.asked[0]
        assert error.outcome in (Outcome.UNKNOWN, Outcome.PROCESSED)
        assert error.remarks == (f"it was looked for in vain: {reason}",)
        assert reason in str(error)
        assert error.draft == "a draft"
        assert not is_safe_to_retry(error)
        assert (looks.sent, len(looks.asked)) == (1, 1)

    @in_virtual_time
    async def test_asking_to_wait_for_what_is_locked_changes_nothing(self) -> None:
        looks = Looks(UNCLEAR)
        with pytest.raises(LockedError):
            await looks.call(Reply(423), retry=RetryPolicy(wait_if_locked=True))
        assert looks.sent == 1

    @pytest.mark.parametrize(
        "failure", [LookupError("a bug"), NotSentError("no network"), InvalidInputError({})]
    )
    @in_virtual_time
    async def test_a_look_that_fails_leaves_it_unknown(self, failure: Exception) -> None:
        looks = Looks(failure)
        with pytest.raises(VPSBGError) as caught:
            await looks.call(OutcomeUnknownError("dropped"))
        error = caught.value
        assert error.outcome is Outcome.UNKNOWN
        assert (error.method, error.path, error.attempts) == ("POST", "/support/tickets", 1)
        assert not is_safe_to_retry(error)


class TestNotAsked:
    @each_of(NOT_DONE)
    @in_virtual_time
    async def test_of_what_was_not_done(self, make: Callable[[], Answer]) -> None:
        looks = Looks()
        assert await looks.call(make(), Reply(json={"id": 217})) == {"id": 217}
        assert looks.asked == []

    @in_virtual_time
    async def test_of_what_was_refused(self) -> None:
        for reply in (Reply(422), Reply(401), NotSentError("closed", permanent=True)):
            looks = Looks()
            with pytest.raises(VPSBGError):
                await looks.call(reply)
            assert looks.asked == []

    @in_virtual_time
    async def test_of_a_limit_that_was_run_into_after_a_doubt_was_cleared(self) -> None:
        looks = Looks(ABSENT)
        with pytest.raises(RateLimitedError) as caught:
            await looks.call(Reply(500), Reply(429, headers={"Retry-After": "999"}))
        assert len(looks.asked) == 1
        assert caught.value.outcome is Outcome.NOT_PROCESSED

    @in_virtual_time
    async def test_without_one_the_doubt_is_the_callers(self) -> None:
        transport = Timed(Reply(body=b"<html>"))
        calling = caller(transport, retry=RetryPolicy())
        with pytest.raises(ResponseError) as caught:
            await calling.begin(POST, {}).run(convert.parse)
        assert caught.value.remarks == ()
