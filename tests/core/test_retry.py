"""When a call is sent again: the table of the module's docstring, cell by cell, and its limits."""

from __future__ import annotations

import math
import random
import sys
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpsbg_async import (
    APIError,
    AttachmentError,
    ConfigurationError,
    Headers,
    InvalidInputError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    ResponseError,
    ResponseReadError,
    RetryPolicy,
    TransportError,
    VPSBGError,
)
from vpsbg_async.core.answer import Answer, error_for
from vpsbg_async.core.endpoint import Effect
from vpsbg_async.core.retry import Decision, Failure, decide

METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "POST")
READS = ("GET", "HEAD", "OPTIONS")
IDEMPOTENT = (*READS, "PUT", "DELETE")
LIMIT = 1 - 2**-53  # the largest number that a random function gives
NO_HEADERS = Headers()


def answered(status: int, retry_after: str | None = None) -> APIError:
    told = {} if retry_after is None else {"Retry-After": retry_after}
    return error_for(Answer(status, Headers(told), b""))


def cut(status: int) -> ResponseReadError:
    return ResponseReadError("the answer broke off", status=status, headers=NO_HEADERS)


def decided(
    failure: Failure | VPSBGError,
    policy: RetryPolicy | None = RetryPolicy(),  # noqa: B008 - it cannot be changed
    *,
    method: str = "GET",
    effects: frozenset[Effect] = frozenset(),
    harmless: bool = False,
    attempt: int = 1,
    elapsed: float = 0.0,
    replayable: bool = True,
    drawn: float = 0.5,
) -> Decision:
    return decide(
        policy,
        Failure.of(failure) if isinstance(failure, VPSBGError) else failure,
        attempt=attempt,
        elapsed=elapsed,
        method=method,
        effects=effects,
        harmless=harmless,
        replayable=replayable,
        random=lambda: drawn,
    )


# Failures by row of the table, and the methods by which a call without effects is sent again. With
# an effect it is in the last column only, where it is sent again whatever its method, or never.
ALWAYS: dict[str, VPSBGError] = {
    "not sent": NotSentError("nothing listens"),
    "a source that failed": AttachmentError("cannot be read", permanent=False),
    "429": answered(429),
    "429 with Retry-After": answered(429, "30"),
    "503 with Retry-After": answered(503, "30"),
    "503 with an odd Retry-After": answered(503, "soon"),
}
IF_IDEMPOTENT: dict[str, VPSBGError] = {
    "no answer": OutcomeUnknownError("dropped"),
    "an overdue answer": OutcomeUnknownError("no answer", overdue=True),
    "500": answered(500),
    "500 with Retry-After": answered(500, "30"),
    "502": answered(502),
    "503": answered(503),
    "504": answered(504),
    "599": answered(599),
    "a cut 500": cut(500),
}
IF_READ: dict[str, VPSBGError] = {
    "an unreadable answer": ResponseError("is no JSON", status=200, body=b"<html>"),
    "a cut answer": cut(200),
    "a cut 204": cut(204),
}
NEVER: dict[str, VPSBGError] = {
    "a redirect": answered(302),
    "400": answered(400),
    "404": answered(404),
    "422": answered(422),
    "422 with Retry-After": answered(422, "1"),
    "not sent, and never will be": NotSentError("the transport is closed", permanent=True),
    "an attachment that is not what it was said to be": AttachmentError("shrank"),
    "too long an answer": ResponseReadError(
        "is too long", status=200, headers=NO_HEADERS, permanent=True
    ),
    "an answer that stays": ResponseError("is too deep", status=200, body=b"", permanent=True),
    "a wrong input": InvalidInputError({"subject": ("is too short",)}),
    "a wrong setting": ConfigurationError("there is no API key"),
}


class TestTable:
    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("failed", ALWAYS.values(), ids=ALWAYS)
    def test_what_was_not_done_is_sent_again(self, failed: VPSBGError, method: str) -> None:
        assert decided(failed, method=method).delay is not None
        for effect in Effect:
            assert decided(failed, method=method, effects=frozenset({effect})).delay is not None

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("failed", IF_IDEMPOTENT.values(), ids=IF_IDEMPOTENT)
    def test_what_may_have_been_done_is_if_that_does_no_harm(
        self, failed: VPSBGError, method: str
    ) -> None:
        decision = decided(failed, method=method)
        assert (decision.delay is not None) is (method in IDEMPOTENT)
        for effect in Effect:
            effects = frozenset({effect})
            assert decided(failed, method=method, effects=effects) == Decision(None)

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("failed", IF_READ.values(), ids=IF_READ)
    def test_what_was_done_is_only_if_it_is_a_read(self, failed: VPSBGError, method: str) -> None:
        assert (decided(failed, method=method).delay is not None) is (method in READS)
        for effect in Effect:
            effects = frozenset({effect})
            assert decided(failed, method=method, effects=effects) == Decision(None)

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("failed", NEVER.values(), ids=NEVER)
    def test_what_stays_as_it_is_never_is(self, failed: VPSBGError, method: str) -> None:
        for effects in (frozenset[Effect](), frozenset({Effect.CREATES})):
            assert decided(failed, method=method, effects=effects) == Decision(None)

    @pytest.mark.parametrize("method", METHODS)
    def test_of_all_refusals_only_two_pass(self, method: str) -> None:
        policy = RetryPolicy(wait_if_locked=True)
        passing = {
            status
            for status in range(300, 500)
            if decided(answered(status), policy, method=method).delay is not None
        }
        assert passing == ({423, 429} if method in IDEMPOTENT else {429})

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("wait_if_locked", [True, False])
    def test_what_is_locked_is_if_that_is_asked_for(
        self, method: str, wait_if_locked: bool
    ) -> None:
        policy = RetryPolicy(wait_if_locked=wait_if_locked)
        decision = decided(answered(423, "5"), policy, method=method)
        assert (decision.delay is not None) is (wait_if_locked and method in IDEMPOTENT)
        for effect in Effect:
            effects = frozenset({effect})
            locked = decided(answered(423, "5"), policy, method=method, effects=effects)
            assert locked == Decision(None)

    @pytest.mark.parametrize("method", METHODS)
    def test_waiting_for_locks_changes_nothing_else(self, method: str) -> None:
        waiting = RetryPolicy(wait_if_locked=True)
        for failed in (ALWAYS | IF_IDEMPOTENT | IF_READ | NEVER).values():
            assert decided(failed, waiting, method=method) == decided(failed, method=method)

    @pytest.mark.parametrize("method", METHODS)
    def test_what_is_harmless_is_as_a_read(self, method: str) -> None:
        for failed in (ALWAYS | IF_IDEMPOTENT | IF_READ | NEVER).values():
            assert decided(failed, method=method, harmless=True) == decided(failed)
        for effect in Effect:
            effects = frozenset({effect})
            assert decided(answered(500), harmless=True, effects=effects) == Decision(None)

    @pytest.mark.parametrize("method", ["get", "Get", "PURGE", "", "GET "])
    def test_an_unknown_method_may_do_anything(self, method: str) -> None:
        assert decided(answered(500), method=method) == Decision(None)
        assert decided(answered(429), method=method).delay is not None

    def test_what_was_looked_for_and_is_proved_not_to_have_happened(self) -> None:
        absent = Failure(outcome=Outcome.NOT_PROCESSED)
        effects = frozenset({Effect.CREATES})
        assert decided(absent, method="POST", effects=effects).delay is not None

    @pytest.mark.parametrize("method", METHODS)
    def test_without_a_policy_nothing_is(self, method: str) -> None:
        for failed in (*ALWAYS.values(), *IF_IDEMPOTENT.values(), *IF_READ.values()):
            assert decided(failed, None, method=method) == Decision(None)


class TestFailure:
    @pytest.mark.parametrize(
        ("error", "failure"),
        [
            (VPSBGError("something"), Failure(outcome=Outcome.NOT_SENT)),
            (
                ConfigurationError("there is no API key"),
                Failure(outcome=Outcome.NOT_SENT, permanent=True),
            ),
            (InvalidInputError({}), Failure(outcome=Outcome.NOT_SENT, permanent=True)),
            (AttachmentError("shrank"), Failure(outcome=Outcome.NOT_SENT, permanent=True)),
            (AttachmentError("failed", permanent=False), Failure(outcome=Outcome.NOT_SENT)),
            (TransportError("something"), Failure(outcome=Outcome.NOT_SENT)),
            (NotSentError("nothing listens"), Failure(outcome=Outcome.NOT_SENT)),
            (OutcomeUnknownError("dropped"), Failure(outcome=Outcome.UNKNOWN)),
            (cut(200), Failure(outcome=Outcome.PROCESSED)),
            (cut(500), Failure(outcome=Outcome.UNKNOWN)),
            (
                ResponseError("is no JSON", status=200, body=b""),
                Failure(outcome=Outcome.PROCESSED),
            ),
            (answered(302), Failure(outcome=Outcome.UNKNOWN, permanent=True, status=302)),
            *(
                (
                    answered(status),
                    Failure(outcome=Outcome.NOT_PROCESSED, permanent=True, status=status),
                )
                for status in (400, 401, 403, 404, 409, 413, 418, 422)
            ),
            (answered(423), Failure(outcome=Outcome.UNKNOWN, status=423)),
            (answered(429), Failure(outcome=Outcome.NOT_PROCESSED, status=429)),
            (
                answered(429, "30"),
                Failure(outcome=Outcome.NOT_PROCESSED, status=429, retry_after=30.0),
            ),
            (answered(500), Failure(outcome=Outcome.UNKNOWN, status=500)),
            (answered(503), Failure(outcome=Outcome.UNKNOWN, status=503)),
            (
                answered(503, "30"),
                Failure(outcome=Outcome.NOT_PROCESSED, status=503, retry_after=30.0),
            ),
            (answered(503, "soon"), Failure(outcome=Outcome.NOT_PROCESSED, status=503)),
        ],
        ids=str,
    )
    def test_of_an_error(self, error: VPSBGError, failure: Failure) -> None:
        assert Failure.of(error) == failure

    def test_of_one_that_is_judged_anew(self) -> None:
        """As a call does when it was looked for, or when its body cannot be sent again."""
        error = answered(500)
        error.outcome, error.permanent = Outcome.NOT_PROCESSED, True
        assert Failure.of(error) == Failure(
            outcome=Outcome.NOT_PROCESSED, permanent=True, status=500
        )


class TestDelay:
    def test_its_span_doubles_up_to_a_limit(self) -> None:
        policy = RetryPolicy(max_attempts=100, budget=None, first_delay=0.5, max_delay=3.0)
        spans = [decided(answered(500), policy, attempt=n, drawn=1.0).delay for n in range(1, 7)]
        assert spans == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0]

    @pytest.mark.parametrize("attempt", [64, 65, 1000, 2000, 10**9])
    def test_it_does_not_overflow(self, attempt: int) -> None:
        policy = RetryPolicy(max_attempts=10**10, budget=None)
        assert decided(answered(500), policy, attempt=attempt, drawn=0.5).delay == 15.0

    def test_it_is_any_part_of_its_span(self) -> None:
        policy = RetryPolicy(first_delay=8.0)
        drawn = [0.0, 0.25, 0.5, LIMIT]
        delays = [decided(answered(500), policy, drawn=part).delay for part in drawn]
        assert delays == [0.0, 2.0, 4.0, 8.0 * LIMIT]

    def test_each_is_drawn_anew(self) -> None:
        chance = random.Random(1)
        delays = {
            decide(
                RetryPolicy(),
                Failure(outcome=Outcome.NOT_SENT),
                attempt=1,
                elapsed=0.0,
                method="GET",
                effects=(),
                replayable=True,
                random=chance.random,
            ).delay
            for _ in range(100)
        }
        assert len(delays) == 100

    def test_a_first_delay_over_the_limit_is_cut_to_it(self) -> None:
        policy = RetryPolicy(first_delay=60.0, max_delay=10.0)
        assert decided(answered(500), policy, drawn=0.5).delay == 5.0

    @pytest.mark.parametrize(
        ("told", "delay"), [("30", 30.0), ("3", 4.0), ("0", 4.0), ("soon", 4.0)]
    )
    def test_the_servers_word_counts_if_it_is_longer(self, told: str, delay: float) -> None:
        policy = RetryPolicy(first_delay=8.0)
        for status in (429, 503):
            assert decided(answered(status, told), policy, drawn=0.5).delay == delay

    def test_it_may_be_longer_than_we_would_wait_ourselves(self) -> None:
        assert decided(answered(429, "60"), RetryPolicy(max_delay=1.0)).delay == 60.0


class TestLimits:
    @pytest.mark.parametrize("attempts", [1, 2, 5])
    def test_so_many_attempts_there_may_be(self, attempts: int) -> None:
        policy = RetryPolicy(max_attempts=attempts)
        for attempt in range(1, attempts):
            assert decided(answered(500), policy, attempt=attempt).delay is not None
        for attempt in (attempts, attempts + 1):
            assert decided(answered(500), policy, attempt=attempt).delay is None

    def test_that_they_were_used_up_is_told(self) -> None:
        decision = decided(answered(500), RetryPolicy(max_attempts=3), attempt=3)
        assert decision == Decision(None, "given up after 3 attempts")

    def test_there_is_nothing_to_tell_of_a_single_one(self) -> None:
        assert decided(answered(500), RetryPolicy(max_attempts=1)) == Decision(None)

    def test_what_the_server_asks_for_is_waited_for_up_to_a_limit(self) -> None:
        policy = RetryPolicy(max_retry_after=120.0)
        assert decided(answered(429, "120"), policy).delay == 120.0
        assert decided(answered(429, "121"), policy) == Decision(
            None, "not waited for: 121 s are more than 120 s"
        )

    @pytest.mark.parametrize(
        ("told", "shown"),
        [
            ("10799", "10799 s"),
            ("10800", "3 hours"),
            ("1795564891", "57 years"),
            ("9" * 310, "over 1000 years"),
        ],
    )
    def test_a_long_time_is_told_in_words(self, told: str, shown: str) -> None:
        decision = decided(answered(429, told), RetryPolicy(max_retry_after=120.0))
        assert decision == Decision(None, f"not waited for: {shown} are more than 120 s")

    def test_it_is_not_waited_for_in_vain(self) -> None:
        """What would end after the budget is not begun."""
        policy = RetryPolicy(budget=20.0)
        assert decided(answered(429, "15"), policy, elapsed=5.0).delay == 15.0
        assert decided(answered(429, "15"), policy, attempt=2, elapsed=5.5) == Decision(
            None, "not waited for: 15 s are more than is left of 20 s for retries"
        )
        patient = RetryPolicy(budget=300.0, max_retry_after=10**6)
        assert decided(answered(429, "400"), patient) == Decision(
            None, "not waited for: 400 s are more than is left of 300 s for retries"
        )

    @pytest.mark.parametrize(("attempt", "told"), [(1, "1 attempt"), (2, "2 attempts")])
    def test_nor_is_what_nobody_asked_for(self, attempt: int, told: str) -> None:
        policy = RetryPolicy(budget=20.0, first_delay=30.0)
        assert decided(answered(500), policy, attempt=attempt, elapsed=10.0) == Decision(
            None, f"given up after {told}, 20 s for retries"
        )

    def test_without_a_budget_time_does_not_count(self) -> None:
        assert decided(answered(500), RetryPolicy(budget=None), elapsed=1e9).delay is not None

    def test_a_stream_that_runs_once_is_not_sent_again(self) -> None:
        decision = decided(NotSentError("nothing listens"), replayable=False)
        assert decision == Decision(None, "not sent again: it holds a stream that runs once")

    def test_of_what_could_not_be_sent_again_anyhow_the_failure_tells(self) -> None:
        effects = frozenset({Effect.CREATES})
        for failed in (answered(500), answered(422)):
            decision = decided(failed, method="POST", effects=effects, replayable=False)
            assert decision == Decision(None)


SECONDS = st.floats(min_value=0, exclude_min=True, max_value=sys.float_info.max) | st.floats(
    min_value=0.001, max_value=1000
)
POLICIES = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 10**6),
    budget=st.none() | SECONDS,
    first_delay=SECONDS,
    max_delay=SECONDS,
    max_retry_after=SECONDS,
    wait_if_locked=st.booleans(),
)
FAILURES = st.builds(
    Failure,
    outcome=st.sampled_from(Outcome),
    permanent=st.booleans(),
    status=st.none() | st.integers(100, 999) | st.sampled_from([200, 423, 429, 500, 503]),
    retry_after=st.none() | st.floats(min_value=0, allow_nan=False),
)


class TestAnything:
    @settings(max_examples=1000, deadline=None)
    @given(
        policy=POLICIES,
        failure=FAILURES,
        attempt=st.integers(1, 10) | st.integers(1, 10**9),
        elapsed=SECONDS | st.just(0.0),
        method=st.sampled_from([*METHODS, "get", "post"]) | st.text(max_size=5),
        effects=st.frozensets(st.sampled_from(Effect), max_size=2),
        replayable=st.sampled_from([True, True, False]),
        drawn=st.floats(0, 1, exclude_max=True),
    )
    def test_no_input_makes_it_do_harm(
        self,
        *,
        policy: RetryPolicy,
        failure: Failure,
        attempt: int,
        elapsed: float,
        method: str,
        effects: frozenset[Effect],
        replayable: bool,
        drawn: float,
    ) -> None:
        def decided_by(policy: RetryPolicy | None) -> Decision:
            return decided(
                failure,
                policy,
                method=method,
                effects=effects,
                attempt=attempt,
                elapsed=elapsed,
                replayable=replayable,
                drawn=drawn,
            )

        assert decided_by(None) == Decision(None)
        decision = decided_by(policy)
        if decision.delay is None:
            assert decision.reason.isprintable()
            return
        assert decision.reason == ""
        assert not failure.permanent
        assert replayable
        assert attempt < policy.max_attempts
        if failure.outcome in (Outcome.UNKNOWN, Outcome.PROCESSED):
            assert not effects
            assert method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
            assert failure.status != 423 or policy.wait_if_locked
        if failure.outcome is Outcome.PROCESSED:
            assert method in ("GET", "HEAD", "OPTIONS")
        assert 0 <= decision.delay <= max(policy.max_delay, policy.max_retry_after)
        assert decision.delay >= (failure.retry_after or 0)
        assert policy.budget is None or elapsed + decision.delay <= policy.budget

    @settings(max_examples=300, deadline=None)
    @given(policy=POLICIES, retry_after=st.none() | st.floats(0, 1000), drawn=st.floats(0, LIMIT))
    def test_what_is_safe_is_sent_again_within_the_limits(
        self, policy: RetryPolicy, retry_after: float | None, drawn: float
    ) -> None:
        """Or the rule above could be kept by never doing it."""
        policy = attrs.evolve(policy, max_attempts=2, budget=None, max_retry_after=1000.0)
        failure = Failure(outcome=Outcome.NOT_PROCESSED, retry_after=retry_after)
        effects = frozenset({Effect.CREATES})
        decision = decided(failure, policy, method="POST", effects=effects, drawn=drawn)
        assert decision.delay is not None


NO_SECONDS: tuple[Any, ...] = (
    *(0, 0.0, -1, -0.5, math.nan, math.inf, -math.inf, 10**400, -(10**400)),
    *(True, False, "1", "", b"1", [1], 1j, Decimal(1), object()),
)
NO_COUNTS: tuple[Any, ...] = (
    *(0, -1, 1.0, 2.5, math.nan, math.inf, True, False, None, "5", [5], Decimal(5), object()),
)
NO_FLAGS: tuple[Any, ...] = (None, 0, 1, "", "yes", [], math.nan)
WRONG = [
    *(("max_attempts", value) for value in NO_COUNTS),
    *(("budget", value) for value in NO_SECONDS),
    *(
        (name, value)
        for name in ("first_delay", "max_delay", "max_retry_after")
        for value in (*NO_SECONDS, None)
    ),
    *(("wait_if_locked", value) for value in NO_FLAGS),
]


class TestSettings:
    def test_every_field_is_tried(self) -> None:
        assert {name for name, _ in WRONG} == {field.name for field in attrs.fields(RetryPolicy)}

    @pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda it: type(it).__name__)
    def test_wrong_ones_are_refused_when_made(self, name: str, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=rf"^RetryPolicy\.{name} must be "):
            RetryPolicy(**{name: value})
        with pytest.raises(ConfigurationError):
            attrs.evolve(RetryPolicy(), **{name: value})

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("max_attempts", 1),
            ("max_attempts", 10**9),
            ("budget", None),
            ("budget", 1),
            ("first_delay", 0.001),
            ("first_delay", 5e-324),
            ("max_delay", sys.float_info.max),
            ("max_retry_after", 10**300),
            ("wait_if_locked", True),
        ],
    )
    def test_right_ones_are_kept_and_work(self, name: str, value: Any) -> None:
        policy = RetryPolicy(**{name: value})
        assert getattr(policy, name) == value
        delay = decided(answered(429, "1"), policy, drawn=LIMIT).delay
        assert delay is None or delay >= 1

    def test_they_cannot_be_changed(self) -> None:
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            RetryPolicy().max_attempts = 2  # type: ignore[misc]
