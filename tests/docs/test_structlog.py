"""What the page on structlog says: records with fields, and no secret in any of them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
import structlog
from structlog.contextvars import bound_contextvars

from vpsbg_async import (
    VPSBG,
    AttachmentError,
    AttachmentMismatch,
    Attempt,
    Outcome,
    OutcomeUnknownError,
    TicketDraft,
    VPSBGError,
)
from vpsbg_async.events import (
    Answered,
    AttachmentClipped,
    AttachmentsDiffer,
    AttemptStarted,
    BytesSent,
    Event,
    GaveUp,
    Reconciled,
    Retried,
    Waiting,
)
from vpsbg_async.sandbox import Fault, Sandbox

from .calls import (
    AT_ONCE,
    MESSAGE,
    NAME,
    SUBJECT,
    TICKET,
    TOKEN,
    client_of,
    create,
    create_and_lose_patience,
    create_from_a_source_that_fails,
    told_in,
)
from .pages import program_of

PAGE = "howto/structlog.md"
ALL = 1  # the finest level there is


@pytest.fixture
def listener() -> Iterator[Any]:
    """The first program of the page, as which structlog is set up."""
    yield program_of(PAGE, 0)
    structlog.reset_defaults()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the logger of the package says at any level, as the second program formats it."""
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(program_of(PAGE, 1).formatter)
    logger = logging.getLogger("vpsbg_async")
    logger.addHandler(handler)
    logger.setLevel(ALL)
    yield lines
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(handler)


def records_in(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def lost() -> OutcomeUnknownError:
    error = OutcomeUnknownError(f"{SUBJECT} got lost")
    error.draft = TicketDraft(**TICKET)
    return error


async def create_many(vps: VPSBG) -> None:
    drafts = (TicketDraft(**TICKET | {"subject": f"{SUBJECT} {n}"}) for n in range(5))
    async with vps.tickets.create_many(drafts, concurrency=2) as run:
        with bound_contextvars(disk=8):  # which is too late for them
            assert [outcome.status async for outcome in run] == ["created"] * 5


@attrs.frozen
class Case:
    """A call.

    Attributes:
        act: Makes it.
        told: Events of which there have to be records.
        faults: What goes wrong with its requests.
    """

    act: Callable[[VPSBG], Awaitable[None]]
    told: set[str]
    faults: tuple[Fault, ...] = ()


CASES = {
    "success": Case(create, {"Answered"}),
    "retry": Case(create, {"Answered", "Waiting", "Retried"}, (Fault.ERROR_503_BEFORE,)),
    "drop": Case(create, {"GaveUp"}, (Fault.DROP_AFTER_PROCESSING,)),
    "cancellation": Case(create_and_lose_patience, {"GaveUp"}, (Fault.STALL_ON_WRITE,)),
    "source": Case(create_from_a_source_that_fails, {"Waiting", "Retried", "GaveUp"}),
    "run": Case(create_many, {"Answered"}),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=[*CASES])


async def act(case: Case, sandbox: Sandbox, **settings: Any) -> None:
    """Make the calls of a case, where something of the program's own is bound."""
    sandbox.faults.add(*case.faults)
    async with client_of(sandbox, retry=AT_ONCE, **settings) as vps:
        with suppress(VPSBGError, TimeoutError), bound_contextvars(disk=7):
            await case.act(vps)


CALL: dict[str, Any] = {"call": 7, "method": "POST", "path": "/support/tickets", "attempt": 2}
FAILED = Attempt(
    number=1,
    started_at=datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC),
    seconds=1.5,
    bytes_sent=12345,
    outcome=Outcome.UNKNOWN,
    error="ServerError",
)
MISMATCH = AttachmentMismatch(reason="missing", sent_name=NAME, sent_size=3)
RECORDS: list[tuple[Event, str, dict[str, Any]]] = [
    (AttemptStarted(**CALL, length=9), "debug", {}),
    (
        Answered(**CALL, status=503, seconds=0.5, request_id="r1"),
        "debug",
        {"status": 503, "seconds": 0.5},
    ),
    (
        Waiting(**CALL, reason="twin", seconds=None),
        "info",
        {"reason": "twin", "seconds": None},
    ),
    (Retried(**CALL, failed=FAILED), "info", {"error": "ServerError", "outcome": "unknown"}),
    (
        Reconciled(**CALL, found=216, absent=False, reason=""),
        "info",
        {"found": 216, "absent": False, "reason": ""},
    ),
    (
        GaveUp(**CALL, error=lost()),
        "info",
        {"error": "OutcomeUnknownError", "outcome": "unknown"},
    ),
    (AttachmentClipped(**CALL, name=NAME, added=3), "info", {}),
    (AttachmentsDiffer(**CALL, mismatches=[MISMATCH]), "warning", {}),
]


class TestEvents:
    @pytest.mark.parametrize(
        ("event", "level", "fields"), RECORDS, ids=[type(event).__name__ for event, *_ in RECORDS]
    )
    def test_each_is_a_record(
        self,
        listener: Any,
        capsys: pytest.CaptureFixture[str],
        event: Event,
        level: str,
        fields: dict[str, Any],
    ) -> None:
        with bound_contextvars(disk=7):
            listener.tell(event)
        (record,) = records_in(capsys.readouterr().out)
        named = {"event": type(event).__name__, "level": level, "disk": 7}
        assert record == CALL | fields | named
        assert not told_in(str(record))

    def test_but_for_chunks(self, listener: Any, capsys: pytest.CaptureFixture[str]) -> None:
        listener.tell(BytesSent(**CALL, sent=3, length=9))
        assert not capsys.readouterr().out
        with pytest.raises(KeyError):
            listener.log.log(BytesSent.level, "a level that structlog does not know")

    def test_there_are_no_others(self) -> None:
        assert {type(event) for event, *_ in RECORDS} | {BytesSent} == {*Event.__subclasses__()}

    @each_case
    async def test_of_calls(
        self, listener: Any, capsys: pytest.CaptureFixture[str], sandbox: Sandbox, case: Case
    ) -> None:
        await act(case, sandbox, on_event=listener.tell)
        out = capsys.readouterr().out
        assert case.told | {"AttemptStarted"} == {record["event"] for record in records_in(out)}
        assert {record["disk"] for record in records_in(out)} == {7}
        assert not told_in(out)


class TestLog:
    @each_case
    async def test_each_line_is_a_record(
        self, lines: io.StringIO, sandbox: Sandbox, case: Case
    ) -> None:
        await act(case, sandbox)
        records = records_in(lines.getvalue())
        assert {"debug", "level 5"} <= {record["level"] for record in records}
        assert {record["logger"] for record in records} == {"vpsbg_async"}
        assert {record["disk"] for record in records} == {7}
        assert all(record["event"].startswith("call ") for record in records)
        assert not told_in(lines.getvalue())

    async def test_a_listener_that_fails(self, lines: io.StringIO, sandbox: Sandbox) -> None:
        def fail(event: Event) -> None:
            raise LookupError("no such field")

        await act(CASES["source"], sandbox, on_event=fail)
        *_, record = records_in(lines.getvalue())
        assert record["event"] == "a listener failed with GaveUp"
        assert record["exception"].endswith("LookupError: no such field")
        assert not told_in(lines.getvalue())


class TestTracebacks:
    async def test_of_the_first_program(
        self, listener: Any, capsys: pytest.CaptureFixture[str], sandbox: Sandbox
    ) -> None:
        await fail_and_tell(sandbox, listener.log)
        (record,) = records_in(capsys.readouterr().out)
        assert "OutcomeUnknownError" in record["exception"]
        assert not told_in(str(record))

    async def test_of_the_second_program(self, lines: io.StringIO, sandbox: Sandbox) -> None:
        await fail_and_tell(sandbox, logging.getLogger("vpsbg_async"))
        *_, record = records_in(lines.getvalue())
        assert "OutcomeUnknownError" in record["exception"]
        assert not told_in(str(record))

    @pytest.mark.parametrize("without", [False, True])
    async def test_as_data(
        self, capsys: pytest.CaptureFixture[str], sandbox: Sandbox, *, without: bool
    ) -> None:
        chosen = structlog.processors.dict_tracebacks
        if without:
            chosen = program_of(PAGE, 2).for_json
        log = structlog.wrap_logger(
            structlog.PrintLogger(), processors=[chosen, structlog.processors.JSONRenderer()]
        )
        await fail_and_tell(sandbox, log)
        (record,) = records_in(capsys.readouterr().out)
        assert record["exception"][0]["exc_type"] == "OutcomeUnknownError"
        assert told_in(str(record)) == ([] if without else [SUBJECT, MESSAGE, NAME])

    @pytest.mark.parametrize("without", [False, True])
    async def test_for_people(
        self, capsys: pytest.CaptureFixture[str], sandbox: Sandbox, *, without: bool
    ) -> None:
        renderer = program_of(PAGE, 2).for_people if without else structlog.dev.ConsoleRenderer()
        log = structlog.wrap_logger(structlog.PrintLogger(), processors=[renderer])
        await fail_and_tell(sandbox, log)
        out = capsys.readouterr().out
        assert "OutcomeUnknownError" in out
        assert told_in(out) == ([] if without else [SUBJECT, MESSAGE, NAME])

    async def test_the_text_of_an_error_tells_files_and_sources(
        self, listener: Any, capsys: pytest.CaptureFixture[str], sandbox: Sandbox
    ) -> None:
        async with client_of(sandbox, retry=None) as vps:
            try:
                await create_from_a_source_that_fails(vps)
            except AttachmentError:
                listener.log.exception("no alarm")
        assert told_in(capsys.readouterr().out) == [TOKEN, NAME]


async def fail_and_tell(sandbox: Sandbox, log: Any) -> None:
    """Have a call fail, and a logger told of that."""
    sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
    async with client_of(sandbox, retry=None) as vps:
        try:
            await create(vps)
        except OutcomeUnknownError:
            log.exception("no alarm")
