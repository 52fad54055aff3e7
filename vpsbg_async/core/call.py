"""One call: endpoint and arguments to requests, their answers to a value or an error."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

import attrs

from ..errors import (
    Attempt,
    InvalidInputError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    ResponseReadError,
    VPSBGError,
)
from ..events import (
    Answered,
    AttemptStarted,
    BytesSent,
    Event,
    GaveUp,
    Retried,
    Waiting,
)
from ..transport import Body, Headers, Request
from .answer import Answer, error_for
from .bodies import WatchedBody
from .capture import CapturedCall
from .endpoint import Endpoint
from .finding import Finding
from .hiding import hide, without
from .retry import Failure, decide
from .session import Session

__all__ = ["Call", "Lost", "Recorder", "Recovery", "located"]

T = TypeVar("T")

_NO_HEADERS = Headers()
_FREELY = nullcontext()
_numbers = itertools.count(1)


class Recovery(Protocol, Generic[T]):
    """Finds out whether a call was done that may have been."""

    def __call__(self, call: Call, failed: VPSBGError, /) -> Awaitable[Finding[T]]:
        """Look for what the call makes; ``failed`` is the error of its last attempt."""
        ...


class Recorder(Protocol):
    """Writes down whether a call may have been acted on, for whoever comes after this process."""

    async def sending(self) -> None:
        """An attempt is about to leave, and does when this returns."""
        ...

    def undone(self) -> None:
        """It is certain that no attempt so far was acted on."""
        ...

    def doubted(self, failed: VPSBGError) -> None:
        """It is not known whether an attempt was acted on."""
        ...


@attrs.frozen(kw_only=True)
class Lost:
    """An attempt that another process has made.

    Attributes:
        error: What is known of it.
        began: When it began, in Unix seconds.
        ended: When it was over, at the latest.
    """

    error: VPSBGError
    began: float
    ended: float


class Call:
    """One call: its attempts, one after the other, and what is known of them.

    Args:
        session: What it shares with others.
        endpoint: What is called.
        ids: The ids in its path.
        draft: What it is to create, for its errors to hold.
        recorder: Writes down what leaves, None if nobody does.

    Attributes:
        started: When its first attempt began, in Unix seconds.
        ended: When its last attempt ended, in Unix seconds.
    """

    def __init__(
        self,
        session: Session,
        endpoint: Endpoint[Any],
        ids: Mapping[str, int | str],
        draft: object = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.started = self.ended = 0.0
        self._session = session
        self._options = session.options
        self._endpoint = endpoint
        self._path = endpoint.path  # until it is known that the ids can stand in it
        self._ids = ids
        self._draft = draft
        self._recorder = recorder
        self._source: Body | None = None  # what every attempt sends
        self._number = next(_numbers)
        self._history: list[Attempt] = []
        self._remarks: list[str] = []
        self._first_failure: float | None = None
        self._in_doubt = False  # whether an attempt so far may have been acted on
        # Of the attempt under way:
        self._began: float | None = None
        self._body: WatchedBody | None = None
        self._status: int | None = None
        self._headers = _NO_HEADERS
        self._content = b""

    async def run(
        self,
        read: Callable[[Answer], T],
        *,
        query: str = "",
        body: Body | None = None,
        prepare: Callable[[], Awaitable[Body]] | None = None,
        within: AbstractAsyncContextManager[None] | None = None,
        problems: Mapping[str, tuple[str, ...]] | None = None,
        recover: Recovery[T] | None = None,
        lost: Lost | None = None,
    ) -> T:
        """Send it, and again where that is safe and of use, until there is a result.

        Args:
            read: Makes the result of an answer.
            query: Query string with its question mark.
            body: Body of the request.
            prepare: Makes the body when it is time, if it is not there yet.
            within: Entered before all that, and left when all is over.
            problems: What is wrong with its arguments: then it is refused, and nothing is sent.
            recover: Finds out whether it was done, if it may have been. Without one the doubt is
                the caller's.
            lost: The attempt that the call goes on after, None if it begins with one.
        """
        task = asyncio.current_task()
        asked = 0 if task is None else task.cancelling()
        deadline, clock = self._options.deadline, self._session.clock
        timer = None if deadline is None else clock.timeout(deadline)
        try:
            failed = None if lost is None else self._take_over(lost)
            async with timer or _FREELY, within or _FREELY:
                self._refuse(problems or {})
                self._source = body
                return await self._run(read, query, prepare, recover, failed)
        except VPSBGError as error:
            self._finish(error)
            raise
        except asyncio.CancelledError as cancelled:
            verdict = self._finish(self._broken_off("broken off by CancelledError"))
            if task is not None and task.cancelling() == asked:
                # Nobody has cancelled the call, but something that it waited for. Passed on, it
                # would end the task without a word: a group of tasks takes it for the wish of one.
                raise verdict from cancelled
            # It stays one, with our verdict as its cause for `outcome_of`: as a context it would
            # give way to an older error that is being handled.
            raise cancelled from verdict
        except AssertionError:
            raise  # a test's own word
        except Exception as error:
            text = f"broken off by {type(error).__name__}"
            if timer is not None and timer.expired():
                text = f"not done within the deadline of {deadline:g} s"
            raise self._finish(self._broken_off(text)) from error

    def tell(self, kind: type[Event], **facts: Any) -> None:
        """Tell whoever listens of an event of this call."""
        notifier = self._options.notifier
        if notifier.wants(kind):
            notifier.tell(
                kind(
                    call=self._number,
                    method=self._endpoint.method,
                    path=self._path,
                    attempt=len(self._history) + (self._began is not None),
                    **facts,
                )
            )

    async def wait(self, seconds: float, reason: str) -> None:
        """Let time pass before the next step of the call."""
        self.tell(Waiting, reason=reason, seconds=seconds)
        await self._session.clock.sleep(seconds)

    async def _run(
        self,
        read: Callable[[Answer], T],
        query: str,
        prepare: Callable[[], Awaitable[Body]] | None,
        recover: Recovery[T] | None,
        failed: VPSBGError | None,
    ) -> T:
        while True:
            if failed is None:
                try:
                    await self._get_ready(prepare)
                    return await self._attempt(read, query)
                except VPSBGError as error:
                    if self._began is None:
                        raise  # it has not come to an attempt
                    failed = self._end(error)
            failure = Failure.of(failed)
            if self._recorder is not None and self._in_doubt:
                self._recorder.doubted(failed)
            if recover is not None and self._in_doubt:
                finding = await recover(self, failed)
                if finding.found is not None:
                    return finding.found
                failure = self._reconciled(failed, finding)
            if self._recorder is not None and not self._in_doubt:
                self._recorder.undone()
            await self._before_the_next(failed, failure)
            self.tell(Retried, failed=self._history[-1])
            failed = None

    def _refuse(self, problems: Mapping[str, tuple[str, ...]]) -> None:
        if problems:
            raise InvalidInputError(self._endpoint.problems_of(self._ids) | {**problems})

    async def _get_ready(self, prepare: Callable[[], Awaitable[Body]] | None) -> None:
        if prepare is not None and self._source is None:
            self._source = await prepare()
        self._path = self._endpoint.path_for(self._ids)

    async def _attempt(self, read: Callable[[Answer], T], query: str) -> T:
        entered = await self._enter()
        try:
            if self._recorder is not None:
                await self._recorder.sending()
            self._begin()
            return read(await self._exchange(query))
        finally:
            if self._began is not None:
                self._capture()
            if self._session.gate is not None:
                self._session.gate.leave(entered, status=self._status, headers=self._headers)

    async def _enter(self) -> object:
        self._status, self._headers, self._content = None, _NO_HEADERS, b""
        gate = self._session.gate
        if gate is None:
            return None
        return await gate.enter(
            again=bool(self._history),
            on_wait=lambda seconds: self.tell(Waiting, reason="rate limit", seconds=seconds),
        )

    def _begin(self) -> None:
        clock, body = self._session.clock, self._source
        self._began = clock.monotonic()
        if not self._history:
            self.started = clock.time()
        if body is not None:
            report = functools.partial(self._tell_sent, body.content_length)
            wanted = self._options.notifier.wants(BytesSent)
            self._body = WatchedBody(body, report if wanted else None)
        self.tell(AttemptStarted, length=None if body is None else body.content_length)

    def _tell_sent(self, length: int | None, given: int) -> None:
        self.tell(BytesSent, sent=given, length=length)

    async def _exchange(self, query: str) -> Answer:
        """One request and its answer; one that is no success raises."""
        session = self._session
        request = Request(
            method=self._endpoint.method,
            url=f"{session.base_url}{self._path}{query}",
            headers=session.headers,
            body=self._body,
            timeouts=self._options.timeouts,
        )
        deduced = self._endpoint.evidence == "convention"
        async with session.transport.send(request) as response:
            self._answered(response.status, response.headers)
            try:
                self._content = await response.read()
                answer = Answer(response.status, response.headers, self._content)
            except ResponseReadError as cut:  # the status still tells what happened
                self._content = cut.body
                answer = Answer(response.status, response.headers, cut.body)
                if answer.succeeded:
                    raise
                raise error_for(answer, deduced=deduced) from cut
        if not answer.succeeded:
            raise error_for(answer, deduced=deduced)
        return answer

    def _answered(self, status: int, headers: Headers) -> None:
        session = self._session
        self._status, self._headers = status, headers
        session.server_clock.note(headers.get("Date"))
        session.rate_limit.note(status, headers, session.clock.time())
        if self._options.notifier.wants(Answered):
            seconds = session.clock.monotonic() - (self._began or 0.0)
            request_id = headers.get("X-Request-Id")
            self.tell(Answered, status=status, seconds=seconds, request_id=request_id)

    def _capture(self) -> None:
        """Put down the attempt for whoever wants to see what was answered."""
        for calls in self._session.captures.here():
            calls.append(
                CapturedCall(
                    method=self._endpoint.method,
                    path=self._path,
                    attempt=len(self._history) + 1,
                    status=self._status,
                    headers=without(self._headers, self._session.key),
                    body=without(self._content, self._session.key),
                )
            )

    def _end(self, error: VPSBGError) -> VPSBGError:
        """Take down how the attempt under way has ended."""
        clock = self._session.clock
        seconds = clock.monotonic() - (self._began or 0.0)
        self.ended = clock.time()
        sent = 0 if self._body is None else self._body.given
        self._note(error, self.ended - seconds, seconds, sent, self._status)
        self._began = self._body = None
        return error

    def _take_over(self, lost: Lost) -> VPSBGError:
        """Take down an attempt that was made elsewhere."""
        self.started, self.ended = lost.began, lost.ended
        self._note(lost.error, lost.began, max(0.0, lost.ended - lost.began), 0, None)
        return lost.error

    def _note(
        self, error: VPSBGError, began: float, seconds: float, sent: int, status: int | None
    ) -> None:
        self._history.append(
            Attempt(
                number=len(self._history) + 1,
                started_at=datetime.fromtimestamp(began, UTC),
                seconds=seconds,
                bytes_sent=sent,
                outcome=error.outcome,
                error=type(error).__name__,
                status=status,
            )
        )
        if self._first_failure is None:
            self._first_failure = self._session.clock.monotonic()
        if error.outcome in (Outcome.UNKNOWN, Outcome.PROCESSED):
            self._in_doubt = True

    def _reconciled(self, failed: VPSBGError, finding: Finding[T]) -> Failure:
        """What is known of a failed attempt, now that what it makes was looked for in vain."""
        if finding.absent and failed.outcome is Outcome.UNKNOWN:
            self._in_doubt = False
            self._remarks.append("it was looked for, and is proved not to have happened")
            failed.outcome = Outcome.NOT_PROCESSED
            return Failure(outcome=Outcome.NOT_PROCESSED, permanent=failed.permanent)
        self._remarks.append(f"it was looked for in vain: {finding.reason or 'it is not there'}")
        return Failure.of(failed)

    async def _before_the_next(self, failed: VPSBGError, failure: Failure) -> None:
        """Wait until it is time for the next attempt; raises the error if there is to be none."""
        decision = decide(
            self._options.retry,
            failure,
            attempt=len(self._history),
            elapsed=self._session.clock.monotonic() - (self._first_failure or 0.0),
            method=self._endpoint.method,
            effects=self._endpoint.effects,
            harmless=self._endpoint.harmless,
            replayable=self._is_replayable,
            random=self._session.random,
        )
        if decision.delay is None:
            if decision.reason:
                self._remarks.append(decision.reason)
            raise failed
        self._remarks.clear()
        await self.wait(decision.delay, "retry")

    @property
    def _is_replayable(self) -> bool:
        return self._source is None or self._source.replayable

    def _broken_off(self, text: str) -> VPSBGError:
        """The error for a call that something has ended between or within its attempts."""
        if self._status is not None and self._began is not None:
            status, headers = self._status, self._headers
            return self._end(ResponseReadError(text, status=status, headers=headers))
        if self._began is not None:
            sent = self._body is None or self._body.is_complete
            self._end(OutcomeUnknownError(text) if sent else NotSentError(text))
        return OutcomeUnknownError(text) if self._in_doubt else NotSentError(text)

    def _finish(self, error: VPSBGError) -> VPSBGError:
        """Have the error tell which call it belongs to, and of all its attempts."""
        safe = error.outcome in (Outcome.NOT_SENT, Outcome.NOT_PROCESSED)
        if self._in_doubt and safe and not self._endpoint.only_reads:
            error.outcome = Outcome.UNKNOWN
            self._remarks.append("an earlier attempt may have been acted on")
        error.method, error.path = self._endpoint.method, self._path
        error.harmless = self._endpoint.harmless
        error.permanent = error.permanent or not self._is_replayable
        error.history = tuple(self._history)
        error.remarks = tuple(self._remarks)
        error.draft = self._draft
        hide(self._session.key, error)
        self.tell(GaveUp, error=error)
        return error


@contextmanager
def located(method: str, path: str) -> Iterator[None]:
    """Have the errors of a block before a call tell which call it is; foreign ones become ours."""
    try:
        yield
    except VPSBGError as error:
        error.method, error.path = method, path
        raise
    except (asyncio.CancelledError, Exception) as error:
        verdict = NotSentError(f"broken off by {type(error).__name__}")
        verdict.method, verdict.path = method, path
        if isinstance(error, asyncio.CancelledError):
            raise error from verdict
        raise verdict from error
