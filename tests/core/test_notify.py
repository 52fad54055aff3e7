"""Who gets events, in which order, and what the log makes of them."""

from __future__ import annotations

import asyncio
import functools
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from vpsbg_async import ConfigurationError, ServerError
from vpsbg_async.core.answer import Answer, error_for
from vpsbg_async.core.notify import Notifier
from vpsbg_async.events import (
    Answered,
    AttachmentsDiffer,
    AttemptStarted,
    BytesSent,
    Event,
    GaveUp,
    Waiting,
)
from vpsbg_async.transport import Headers

CALL: dict[str, Any] = {"call": 1, "method": "POST", "path": "/support/tickets", "attempt": 1}
STARTED = AttemptStarted(**CALL, length=10)
SENT = BytesSent(**CALL, sent=5, length=10)
WAITING = Waiting(**CALL, reason="retry", seconds=1.0)
DIFFER = AttachmentsDiffer(**CALL, mismatches=("s3cret.txt is missing",))


def refused() -> ServerError:
    error = error_for(Answer(500, Headers(), b'{"message": "s3cret of the server"}'))
    assert isinstance(error, ServerError)
    return error


@pytest.fixture(autouse=True)
def silence(caplog: pytest.LogCaptureFixture) -> None:
    """Log warnings and worse only, as an application does that asks for nothing."""
    caplog.set_level(logging.WARNING, "vpsbg_async")


class Listening:
    """What has methods that could be called."""

    def __init__(self) -> None:
        self.heard: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.heard.append(event)

    def listen(self, event: Event) -> None:
        self.heard.append(event)

    async def listen_in_vain(self, event: Event) -> None:
        """It would have to be awaited."""


class InVain:
    """What would have to be awaited."""

    async def __call__(self, event: Event) -> None:
        """It would have to be awaited."""


async def in_vain(event: Event, more: object = None) -> None:
    """It would have to be awaited."""


class TestListeners:
    def test_each_hears_everything_in_order(self) -> None:
        def hear(name: str, event: Event) -> None:
            heard.append((name, event))

        heard: list[tuple[str, Event]] = []
        notifier = Notifier()
        for name in "abc":
            notifier = notifier.and_to(functools.partial(hear, name))
        for event in (STARTED, SENT):
            notifier.tell(event)
        assert heard == [(name, event) for event in (STARTED, SENT) for name in "abc"]

    def test_another_leaves_the_notifier_as_it_was(self) -> None:
        first, second = Listening(), Listening()
        notifier = Notifier().and_to(first)
        notifier.and_to(second).tell(STARTED)
        notifier.tell(SENT)
        assert (first.heard, second.heard) == ([STARTED, SENT], [STARTED])

    def test_none_is_no_other(self) -> None:
        notifier = Notifier()
        assert notifier.and_to(None) is notifier

    def test_one_that_is_given_twice_hears_twice(self) -> None:
        listening = Listening()
        Notifier().and_to(listening).and_to(listening).tell(STARTED)
        assert listening.heard == [STARTED, STARTED]

    @pytest.mark.parametrize(
        "chosen",
        [
            lambda listening: listening,
            lambda listening: listening.listen,
            lambda listening: listening.heard.append,
            lambda listening: functools.partial(Listening.listen, listening),
        ],
        ids=["object", "method", "built-in", "partial"],
    )
    def test_of_every_kind(self, chosen: Callable[[Listening], Callable[[Event], None]]) -> None:
        listening = Listening()
        Notifier().and_to(chosen(listening)).tell(STARTED)
        assert listening.heard == [STARTED]

    def test_what_one_returns_is_not_looked_at(self) -> None:
        Notifier().and_to(lambda event: object()).tell(STARTED)

    @pytest.mark.parametrize("wrong", [1, "print", [], (print,), object()], ids=str)
    def test_what_cannot_be_called_is_refused(self, wrong: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^on_event must be a function$"):
            Notifier().and_to(wrong)

    @pytest.mark.parametrize(
        "wrong",
        [
            in_vain,
            Listening().listen_in_vain,
            InVain(),
            functools.partial(in_vain, more=1),
            functools.partial(functools.partial(in_vain), more=1),
            functools.partial(Listening().listen_in_vain),
            functools.partial(InVain()),
        ],
        ids=["function", "method", "object", "partial", "partial of one", "of a method", "of one"],
    )
    def test_what_would_have_to_be_awaited_is_refused(self, wrong: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"plain function.*asyncio\.Queue"):
            Notifier().and_to(wrong)


class TestFailures:
    @pytest.mark.parametrize(
        "error",
        [
            ValueError("a bug"),
            AssertionError("a bug"),
            TimeoutError(),
            StopIteration(),
            ExceptionGroup("two bugs", [ValueError(), KeyError()]),
            asyncio.CancelledError(),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_of_one_are_logged_and_hurt_nobody(
        self, error: BaseException, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(event: Event) -> None:
            raise error

        before, after = Listening(), Listening()
        Notifier((before, fail, after)).tell(STARTED)
        assert before.heard == after.heard == [STARTED]
        (record,) = caplog.records
        assert record.levelno == logging.ERROR
        assert record.getMessage() == "a listener failed with AttemptStarted"
        assert record.exc_info is not None
        assert record.exc_info[1] is error

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    def test_what_ends_the_process_is_not_one(self, error: type[BaseException]) -> None:
        def interrupt(event: Event) -> None:
            raise error

        with pytest.raises(error):
            Notifier((interrupt,)).tell(STARTED)

    @pytest.mark.parametrize("depth", [0, 1, 3])
    def test_are_logged_without_the_error_that_is_on_its_way(
        self, depth: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        """As Python chains the two, and that error tells what the server has said."""

        def fail(deeper: int) -> None:
            if deeper:
                try:
                    fail(deeper - 1)
                except LookupError as error:
                    raise LookupError(f"bug {deeper}") from error
            raise LookupError("bug 0")

        notifier = Notifier((lambda event: fail(depth),))
        error = refused()
        error.__context__ = older = LookupError()
        try:
            raise error
        except ServerError:
            notifier.tell(GaveUp(**CALL, error=error))
        assert error.__context__ is older
        for number in range(depth + 1):
            assert f"LookupError: bug {number}" in caplog.text
        assert "s3cret" not in caplog.text


class TestWants:
    @pytest.mark.parametrize("level", [logging.CRITICAL, logging.INFO, 1])
    @pytest.mark.parametrize("kind", [BytesSent, AttemptStarted, Waiting, AttachmentsDiffer])
    def test_without_a_listener_what_is_logged(
        self, level: int, kind: type[Event], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(level, "vpsbg_async")
        assert Notifier().wants(kind) is (kind.level >= level)

    @pytest.mark.parametrize("kind", [BytesSent, AttemptStarted, Waiting, AttachmentsDiffer])
    def test_with_one_everything(self, kind: type[Event], caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.CRITICAL, "vpsbg_async")
        assert Notifier().and_to(print).wants(kind)


class TestLog:
    @pytest.mark.parametrize(
        ("event", "line"),
        [
            (SENT, "5 bytes sent of 10"),
            (STARTED, "started"),
            (WAITING, "waits (retry, 1.0 s at the most)"),
            (DIFFER, "the answer differs from what was sent in 1 files"),
            (GaveUp(**CALL, error=refused()), "gave up with ServerError (unknown)"),
            (
                Answered(**CALL, status=500, seconds=0.5, request_id="s3cret"),
                "answered 500 after 0.500 s",
            ),
        ],
        ids=lambda it: type(it).__name__,
    )
    def test_an_event_is_a_line_of_its_level(
        self, event: Event, line: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(1, "vpsbg_async")
        Notifier().tell(event)
        line = f"call 1, POST /support/tickets, attempt 1: {line}"
        assert caplog.record_tuples == [("vpsbg_async", event.level, line)]

    def test_a_record_holds_nothing_but_the_line(self, caplog: pytest.LogCaptureFixture) -> None:
        """Some handlers send all that a record holds to another machine."""
        caplog.set_level(1, "vpsbg_async")
        event = GaveUp(**CALL, error=refused())
        Notifier().tell(event)
        (record,) = caplog.records
        assert record.args == (str(event),)
        assert "s3cret" not in str(vars(record))

    @pytest.mark.parametrize("event", [STARTED, SENT, WAITING])
    def test_what_is_below_its_level_is_left_out(
        self, event: Event, caplog: pytest.LogCaptureFixture
    ) -> None:
        Notifier().tell(event)
        assert not caplog.records

    def test_an_application_that_set_up_no_log_sees_none_of_it(self) -> None:
        """Python would write warnings to its stderr otherwise."""
        script = (
            "from vpsbg_async.core.notify import Notifier\n"
            "from vpsbg_async.events import AttachmentsDiffer\n"
            "event = AttachmentsDiffer(call=1, method='GET', path='/', attempt=1, mismatches=())\n"
            "assert Notifier().wants(AttachmentsDiffer)\n"
            "Notifier((lambda event: 1 / 0,)).tell(event)\n"
        )
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        assert (ended.stdout, ended.stderr) == (b"", b"")
        handlers = logging.getLogger("vpsbg_async").handlers
        assert [handler for handler in handlers if isinstance(handler, logging.NullHandler)]
