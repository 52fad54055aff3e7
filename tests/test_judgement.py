"""`outcome_of` and `is_safe_to_retry`: whatever comes out of a call can be judged."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from tests.samples import METHODS, NO_HEADERS, READS, api_error, each_sample
from vpsbg_async import (
    VPSBG,
    AttachmentError,
    ConfigurationError,
    InvalidInputError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    Request,
    Response,
    ResponseError,
    ResponseReadError,
    VPSBGError,
    is_safe_to_retry,
    outcome_of,
)


async def chunks_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class FalsyError(Exception):
    """An error that is false, as one with a length of 0 is."""

    def __len__(self) -> int:
        return 0


def chained(*links: BaseException, by: str) -> BaseException:
    """The first of some errors, each chained to the next."""
    for error, older in pairwise(links):
        setattr(error, by, older)
    return links[0]


def fail() -> None:
    raise NotSentError("nothing listens")


def raise_from_it() -> None:
    try:
        fail()
    except NotSentError as error:
        raise LookupError from error


def raise_while_handling_it() -> None:
    try:
        fail()
    except NotSentError:
        raise LookupError  # noqa: B904 - the implicit chain is what is tested


def raise_from_none() -> None:
    try:
        fail()
    except NotSentError:
        raise LookupError from None


class Hangs:
    """A transport whose requests leave and are never answered."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.timer: asyncio.Timeout | None = None

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        self.left.set()
        if self.timer is not None:
            self.timer.reschedule(0)  # long ago
        await asyncio.Event().wait()
        yield Response(200, NO_HEADERS, chunks_of())

    async def aclose(self) -> None:
        pass


async def call(transport: Hangs) -> None:
    await VPSBG("key", transport=transport).request("POST", "/support")


async def call_in_time(transport: Hangs) -> None:
    async with asyncio.timeout(None) as transport.timer:
        await call(transport)


async def call_again(transport: Hangs) -> None:
    """Call in time while an older failure is being handled."""
    try:
        fail()
    except NotSentError:
        async with asyncio.timeout(None) as transport.timer:
            await call(transport)


class TestOutcomeOf:
    @each_sample
    def test_ours(self, error: VPSBGError) -> None:
        assert outcome_of(error) is error.outcome

    @pytest.mark.parametrize(
        "error",
        [ValueError(), TimeoutError(), KeyboardInterrupt(), asyncio.CancelledError(), OSError()],
        ids=repr,
    )
    def test_foreign(self, error: BaseException) -> None:
        assert outcome_of(error) is Outcome.UNKNOWN

    @pytest.mark.parametrize("by", ["__cause__", "__context__"])
    def test_through_the_chain(self, by: str) -> None:
        error = chained(RuntimeError(), KeyError(), NotSentError("nothing listens"), by=by)
        assert outcome_of(error) is Outcome.NOT_SENT

    def test_the_nearest_of_ours_counts(self) -> None:
        unknown, unsent = OutcomeUnknownError("dropped"), NotSentError("nothing listens")
        error = chained(RuntimeError(), unknown, unsent, by="__cause__")
        assert outcome_of(error) is Outcome.UNKNOWN
        error = chained(RuntimeError(), unsent, unknown, by="__context__")
        assert outcome_of(error) is Outcome.NOT_SENT

    def test_a_cause_goes_before_a_context(self) -> None:
        error = RuntimeError()
        error.__context__ = NotSentError("nothing listens")
        error.__cause__ = ResponseError("no JSON", status=200, body=b"")
        assert outcome_of(error) is Outcome.PROCESSED

    @pytest.mark.parametrize(
        ("raising", "outcome"),
        [
            (raise_from_it, Outcome.NOT_SENT),
            (raise_while_handling_it, Outcome.NOT_SENT),
            (raise_from_none, Outcome.UNKNOWN),
        ],
    )
    def test_as_a_traceback_tells_it(self, raising: Callable[[], None], outcome: Outcome) -> None:
        with pytest.raises(LookupError) as caught:
            raising()
        assert outcome_of(caught.value) is outcome

    @pytest.mark.parametrize("by", ["__cause__", "__context__"])
    def test_cycles_end(self, by: str) -> None:
        first, second = RuntimeError(), KeyError()
        assert outcome_of(chained(first, second, first, by=by)) is Outcome.UNKNOWN
        assert outcome_of(chained(first, first, by=by)) is Outcome.UNKNOWN

    def test_a_group_tells_nothing(self) -> None:
        group = ExceptionGroup("two calls", [NotSentError("one"), NotSentError("two")])
        assert outcome_of(group) is Outcome.UNKNOWN

    def test_a_cause_that_is_false_is_a_cause(self) -> None:
        error = chained(RuntimeError(), FalsyError(), NotSentError(""), by="__cause__")
        assert outcome_of(error) is Outcome.NOT_SENT

    async def test_the_callers_own_timeout(self) -> None:
        with pytest.raises(TimeoutError) as caught:
            await call_in_time(Hangs())
        assert outcome_of(caught.value) is Outcome.UNKNOWN

    async def test_the_callers_own_timeout_around_a_second_try(self) -> None:
        with pytest.raises(TimeoutError) as caught:
            await call_again(Hangs())
        assert outcome_of(caught.value) is Outcome.UNKNOWN

    async def test_a_second_try_that_is_waited_for(self) -> None:
        transport = Hangs()

        async def work() -> None:
            try:
                fail()
            except NotSentError:
                await asyncio.wait_for(call(transport), 0.01)

        with pytest.raises(TimeoutError) as caught:
            await work()
        assert outcome_of(caught.value) is Outcome.UNKNOWN

    async def test_a_cancelled_second_try(self) -> None:
        transport = Hangs()

        async def work() -> None:
            try:
                fail()
            except NotSentError:
                await call(transport)

        task = asyncio.create_task(work())
        await transport.left.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert outcome_of(caught.value) is Outcome.UNKNOWN


def called(error: VPSBGError, method: str | None = "POST") -> VPSBGError:
    """An error as it comes out of a call."""
    error.method, error.path = method, "/support/tickets"
    return error


class TestIsSafeToRetry:
    @pytest.mark.parametrize(
        ("make", "change", "read"),
        [
            (lambda: NotSentError("nothing listens"), True, True),
            (lambda: NotSentError("closed", permanent=True), False, False),
            (lambda: OutcomeUnknownError("dropped"), False, True),
            (lambda: AttachmentError("shrank"), False, False),
            (lambda: AttachmentError("could not be read", permanent=False), True, True),
            (lambda: InvalidInputError({"a": ("is odd",)}), False, False),
            (lambda: ResponseReadError("cut", status=200, headers=NO_HEADERS), False, True),
            (
                lambda: ResponseReadError("large", status=200, headers=NO_HEADERS, permanent=True),
                False,
                False,
            ),
            (lambda: ResponseError("no JSON", status=200, body=b""), False, True),
            (lambda: ResponseError("odd", status=200, body=b"", permanent=True), False, False),
            *(
                (lambda status=status: api_error(status), False, False)
                for status in (300, 302, 400, 401, 403, 404, 405, 409, 413, 418, 422)
            ),
            (lambda: api_error(423), False, True),
            (lambda: api_error(429), True, True),
            (lambda: api_error(503, Retry_After="30"), True, True),
            *(
                (lambda status=status: api_error(status), False, True)
                for status in (500, 502, 503, 504, 599)
            ),
        ],
    )
    def test_of_each_failure(
        self, make: Callable[[], VPSBGError], change: bool, read: bool
    ) -> None:
        for method in METHODS:
            expected = read if method in READS else change
            assert is_safe_to_retry(called(make(), method)) is expected
        assert is_safe_to_retry(make()) is False  # it came out of no call

    @each_sample
    @pytest.mark.parametrize("outcome", Outcome)
    def test_the_outcome_decides_and_never_the_class(
        self, error: VPSBGError, outcome: Outcome
    ) -> None:
        error = copy.copy(error)
        error.outcome, error.permanent = outcome, False
        for method in METHODS:
            known = outcome in (Outcome.NOT_SENT, Outcome.NOT_PROCESSED)
            assert is_safe_to_retry(called(error, method)) is (known or method in READS)
        assert is_safe_to_retry(called(error, None)) is False
        error.permanent = True
        for method in METHODS:
            assert is_safe_to_retry(called(error, method)) is False

    def test_of_a_setting_never(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            VPSBG("")
        assert not is_safe_to_retry(caught.value)

    @pytest.mark.parametrize(
        "error",
        [
            *(ValueError(), OSError(), TimeoutError(), ConnectionResetError()),
            *(KeyboardInterrupt(), asyncio.CancelledError(), Exception()),
        ],
        ids=repr,
    )
    def test_of_foreign_errors_never(self, error: BaseException) -> None:
        assert is_safe_to_retry(error) is False

    @pytest.mark.parametrize("by", ["__cause__", "__context__"])
    def test_through_the_chain(self, by: str) -> None:
        for ours, safe in ((NotSentError("refused"), True), (OutcomeUnknownError(""), False)):
            error = chained(TimeoutError(), asyncio.CancelledError(), called(ours), by=by)
            assert is_safe_to_retry(error) is safe

    def test_the_nearest_of_ours_counts(self) -> None:
        for first, second, safe in (
            (NotSentError("refused"), OutcomeUnknownError("dropped"), True),
            (OutcomeUnknownError("dropped"), NotSentError("refused"), False),
        ):
            error = chained(RuntimeError(), called(first), called(second), by="__cause__")
            assert is_safe_to_retry(error) is safe

    def test_while_it_was_handled(self) -> None:
        with pytest.raises(LookupError) as caught:
            raise_while_handling_it()
        ours = caught.value.__context__
        assert isinstance(ours, VPSBGError)
        assert is_safe_to_retry(caught.value) is False  # of no call
        called(ours)
        assert is_safe_to_retry(caught.value) is True
        ours.outcome = Outcome.UNKNOWN
        assert is_safe_to_retry(caught.value) is False

    def test_from_none_nothing_is_known(self) -> None:
        with pytest.raises(LookupError) as caught:
            raise_from_none()
        ours = caught.value.__context__
        assert isinstance(ours, NotSentError)
        called(ours)
        assert is_safe_to_retry(caught.value) is False

    def test_a_group_is_never_safe(self) -> None:
        group = ExceptionGroup("one call", [called(NotSentError("refused"))])
        assert is_safe_to_retry(group) is False

    async def test_of_the_callers_own_timeout(self) -> None:
        for work in (call_in_time(Hangs()), asyncio.wait_for(call(Hangs()), 0.01)):
            with pytest.raises(TimeoutError) as caught:
                await work
            assert is_safe_to_retry(caught.value) is False

    async def test_of_the_callers_own_timeout_around_a_read(self) -> None:
        vps = VPSBG("key", transport=Hangs())
        with pytest.raises(TimeoutError) as caught:
            await asyncio.wait_for(vps.request("GET", "/balance"), 0.01)
        assert is_safe_to_retry(caught.value) is True
        assert outcome_of(caught.value) is Outcome.UNKNOWN

    async def test_of_a_cancelled_call(self) -> None:
        transport = Hangs()
        task = asyncio.create_task(call(transport))
        await transport.left.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert is_safe_to_retry(caught.value) is False
