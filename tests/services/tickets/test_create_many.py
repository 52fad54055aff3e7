"""Many tickets at once, on the sandbox: what is created, and what another run makes of it."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.services.tickets.support import (
    DRAFT,
    ImpatientClock,
    Log,
    client,
    faked,
    old_sandbox,
)
from vpsbg_async import (
    VPSBG,
    Attachment,
    AuthenticationError,
    BulkOutcome,
    BulkStatus,
    ConfigurationError,
    Event,
    InvalidInputError,
    JournalError,
    OutcomeUnknownError,
    PermissionDeniedError,
    TicketDraft,
    VPSBGError,
)
from vpsbg_async.bulk.journal import read_journal
from vpsbg_async.bulk.states import State
from vpsbg_async.events import AttemptStarted, BytesSent
from vpsbg_async.sandbox import Fault, Listing, Sandbox, StoredTicket
from vpsbg_async.testing import Reply

NOT_DONE = Fault.ERROR_502_BEFORE
DONE = Fault.DROP_AFTER_PROCESSING


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


def draft(name: str | None = None, **other: Any) -> TicketDraft:
    """A ticket whose subject is its reference."""
    subject = DRAFT["subject"] if name is None else f"Ticket {name}"
    return TicketDraft(**(DRAFT | {"subject": subject} | other), reference=name)


async def run(
    vps: VPSBG, drafts: Sequence[TicketDraft], journal: Path | None = None, **options: Any
) -> list[BulkOutcome]:
    """One that does one after the other, in order."""
    options = {"concurrency": 1, "journal": journal} | options
    async with vps.tickets.create_many(drafts, **options) as run:
        return [outcome async for outcome in run]


def statuses(outcomes: Sequence[BulkOutcome]) -> list[str]:
    return [outcome.status.value for outcome in outcomes]


def subjects(sandbox: Sandbox) -> list[str]:
    return [ticket.subject for ticket in sandbox.tickets if not ticket.subject.startswith("Old")]


def checksums(ticket: StoredTicket) -> list[str]:
    return [file.sha256 for file in ticket.messages[0].attachments]


class TestWithoutAJournal:
    async def test_each_is_created_with_its_files(self, sandbox: Sandbox, tmp_path: Path) -> None:
        contents = {f"r{number}": bytes([number]) * 1000 * number for number in range(1, 30)}
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
        drafts = [draft(name, attachments=[tmp_path / name]) for name in contents]
        async with VPSBG(sandbox.api_key, base_url=sandbox.url) as vps:
            found = await run(vps, drafts, concurrency=8)
        stored = {ticket.id: ticket for ticket in sandbox.tickets}
        assert len(subjects(sandbox)) == len(contents)
        for outcome in found:
            assert (outcome.status, outcome.attachment_mismatches) == (BulkStatus.CREATED, ())
            assert outcome.ticket_id is not None
            assert outcome.reference is not None
            content = contents[outcome.reference]
            assert checksums(stored[outcome.ticket_id]) == [hashlib.sha256(content).hexdigest()]
            assert outcome.attempts == 1
            assert outcome.started_at is not None

    async def test_one_that_fails_touches_no_other(self, vps: VPSBG, sandbox: Sandbox) -> None:
        found = await run(
            vps,
            [
                draft("a"),
                draft("b", message="no"),
                draft("c", attachments=["nowhere.txt"]),
                draft("d", service_type="moon"),
                draft("e"),
            ],
        )
        assert statuses(found) == ["created", "rejected", "rejected", "rejected", "created"]
        assert [list(getattr(outcome.error, "errors", ())) for outcome in found[1:4]] == [
            ["message"],
            ["attachments.0"],
            ["service_type"],
        ]
        assert subjects(sandbox) == ["Known", "Ticket a", "Ticket e"]

    async def test_it_is_retried_and_reconciled(self, vps: VPSBG, sandbox: Sandbox) -> None:
        sandbox.faults.add(DONE, NOT_DONE, None, Fault.CUT_JSON, Fault.ERROR_503_BEFORE)
        found = await run(vps, [draft(name) for name in "abcd"])
        assert statuses(found) == ["created"] * 4
        assert subjects(sandbox) == ["Known", *(f"Ticket {name}" for name in "abcd")]
        assert [outcome.attempts for outcome in found] == [1, 2, 1, 2]

    async def test_what_stays_unknown(self, vps: VPSBG, sandbox: Sandbox) -> None:
        sandbox.listing = Listing.MISSING
        sandbox.faults.add(DONE)
        (outcome,) = await run(vps, [draft("a")])
        assert outcome.status is BulkStatus.UNKNOWN
        assert isinstance(outcome.error, OutcomeUnknownError)
        assert outcome.error.draft == draft("a")

    async def test_it_need_not_be_looked_for(self, vps: VPSBG, sandbox: Sandbox, log: Log) -> None:
        sandbox.faults.add(DONE)
        assert statuses(await run(vps, [draft("a")], on_unknown="raise")) == ["unknown"]
        assert log.gets == 1  # for the key

    async def test_markers(self, vps: VPSBG, sandbox: Sandbox) -> None:
        drafts = [draft("a"), draft("b", reference_marker="mine")]
        await run(vps, drafts, reference_marker=True)
        first, second = (ticket.messages[0].content for ticket in sandbox.tickets[-2:])
        assert first.startswith("It is down.\n\n[ref ")
        assert second == "It is down.\n\n[ref mine]"

    async def test_events_of_the_run(self, vps: VPSBG, log: Log) -> None:
        own = Log()
        await run(vps, [draft("a")], on_event=own.append)
        assert [event.path for event in own.of(AttemptStarted)] == ["/balance", "/support/tickets"]
        assert own == log

    async def test_a_stream_needs_no_reference(self, vps: VPSBG, sandbox: Sandbox) -> None:
        async def stream() -> AsyncIterator[bytes]:
            yield b"data"

        files = [Attachment.from_stream(stream, name="a.bin")]
        assert statuses(await run(vps, [draft(attachments=files)])) == ["created"]


class TestKey:
    async def test_a_wrong_one_sends_nothing(self, sandbox: Sandbox, log: Log) -> None:
        vps = VPSBG("wrong", base_url=sandbox.url, on_event=log.append)
        with pytest.raises(AuthenticationError):
            await run(vps, [draft("a")])
        assert log.posts == 0
        await vps.aclose()

    async def test_one_that_may_only_read_stops_the_run(
        self, sandbox: Sandbox, log: Log, journal: Path
    ) -> None:
        async with VPSBG(sandbox.read_key, base_url=sandbox.url, on_event=log.append) as vps:
            with pytest.raises(PermissionDeniedError):
                await run(vps, [draft(name) for name in "abcdef"], journal)
        assert log.posts == 1
        assert read_journal(journal).counts[State.NEW] == 1

    @pytest.mark.parametrize("status", [Fault.ERROR_500_BEFORE, Fault.CUT_JSON])
    async def test_another_failure_of_the_check_says_nothing(
        self, sandbox: Sandbox, status: Fault
    ) -> None:
        sandbox.faults.methods = None
        sandbox.faults.add(status)
        async with VPSBG(sandbox.api_key, base_url=sandbox.url, retry=None) as vps:
            assert statuses(await run(vps, [draft("a")])) == ["created"]

    async def test_no_network_at_the_begin(self, log: Log, journal: Path) -> None:
        async with VPSBG("key", base_url="http://127.0.0.1:9", retry=None) as vps:
            with pytest.raises(VPSBGError, match="GET /balance"):
                await run(vps, [draft("a")], journal)


class TestRerun:
    async def test_skips_what_is_done_and_sends_the_rest(
        self, sandbox: Sandbox, log: Log, journal: Path
    ) -> None:
        async with client(sandbox, log) as vps:
            before = await run(vps, [draft("a"), draft("b", message="no")], journal)
            assert statuses(before) == ["created", "rejected"]
        async with client(sandbox, log) as vps:
            found = await run(vps, [draft(name) for name in "abc"], journal)
            assert statuses(found) == ["skipped", "created", "created"]
            assert found[0].ticket_id == before[0].ticket_id
        assert sorted(subjects(sandbox)) == ["Ticket a", "Ticket b", "Ticket c"]

    @pytest.mark.parametrize("mark", [False, True])
    @pytest.mark.parametrize("fault", [DONE, NOT_DONE])
    async def test_finds_out_what_is_in_doubt(
        self,
        sandbox: Sandbox,
        log: Log,
        journal: Path,
        fault: Fault,
        mark: bool,
    ) -> None:
        sandbox.faults.add(None, fault)
        async with client(sandbox, log) as vps:
            before = await run(
                vps,
                [draft("a"), draft("b")],
                journal,
                on_unknown="raise",
                reference_marker=mark,
            )
        assert statuses(before) == ["created", "unknown"]
        async with client(sandbox, log) as vps:
            found = await run(vps, [draft("a"), draft("b")], journal)
        assert statuses(found) == ["skipped", "created"]
        assert found[1].attempts == (0 if fault is DONE else 1)
        assert sorted(subjects(sandbox)) == ["Ticket a", "Ticket b"]
        assert found[1].ticket_id == sandbox.tickets[-1].id
        assert ("[ref " in sandbox.tickets[-1].messages[0].content) is mark
        assert read_journal(journal).counts[State.CREATED] == 2

    async def test_by_the_same_client(self, sandbox: Sandbox, log: Log, journal: Path) -> None:
        sandbox.faults.add(None, DONE)
        async with client(sandbox, log) as vps:
            drafts = [draft("a"), draft("b")]
            before = await run(vps, drafts, journal, on_unknown="raise")
            assert statuses(before) == ["created", "unknown"]
            assert statuses(await run(vps, drafts, journal)) == ["skipped", "created"]

    async def test_what_cannot_be_found_out_stays_unknown_and_is_not_sent(
        self, sandbox: Sandbox, log: Log, journal: Path
    ) -> None:
        sandbox.faults.add(NOT_DONE)
        async with client(sandbox, log) as vps:
            await run(vps, [draft("a")], journal, on_unknown="raise")
        for options in ({}, {"on_unknown": "raise"}):  # without anything known to be ours
            async with client(sandbox, log) as vps:
                (outcome,) = await run(vps, [draft("a")], journal, **options)
            assert outcome.status is BulkStatus.UNKNOWN
            assert outcome.attempts == 0
            assert "an earlier run could not tell" in str(outcome.error)
        assert subjects(sandbox) == []

    async def test_a_file_that_is_gone_does_not_keep_it_from_being_found(
        self, sandbox: Sandbox, log: Log, journal: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "log.txt"
        path.write_text("data")
        sandbox.faults.add(DONE)
        drafts = [draft("a", attachments=[path])]
        async with client(sandbox, log) as vps:
            await run(vps, drafts, journal, on_unknown="raise")
        path.unlink()
        async with client(sandbox, log) as vps:
            assert statuses(await run(vps, drafts, journal)) == ["created"]

    async def test_a_file_that_is_gone_does_not_make_it_safe(
        self, sandbox: Sandbox, log: Log, journal: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "log.txt"
        path.write_text("data")
        sandbox.listing = Listing.MISSING
        sandbox.faults.add(DONE)
        drafts = [draft("a", attachments=[path])]
        async with client(sandbox, log) as vps:
            await run(vps, drafts, journal)
        path.unlink()
        async with client(sandbox, log) as vps:
            assert statuses(await run(vps, drafts, journal)) == ["unknown"]
        path.write_text("data")
        async with client(sandbox, log) as vps:
            assert statuses(await run(vps, drafts, journal)) == ["unknown"]
        assert subjects(sandbox) == ["Ticket a"]

    async def test_two_in_doubt_that_read_the_same(
        self, sandbox: Sandbox, log: Log, journal: Path
    ) -> None:
        """Nobody could tell which of them exists: their files differ."""
        drafts = [
            draft(attachments=[Attachment.from_bytes(data, name="a.txt")]) for data in (b"1", b"2")
        ]
        sandbox.faults.add(None, NOT_DONE, DONE)
        async with client(sandbox, log) as vps:
            before = await run(vps, [draft("a"), *drafts], journal, on_unknown="raise")
            assert statuses(before) == ["created", "unknown", "unknown"]
        async with client(sandbox, log) as vps:
            assert statuses(await run(vps, drafts, journal)) == ["unknown", "unknown"]
        assert len(subjects(sandbox)) == 2

    async def test_a_reference_with_other_content(
        self, sandbox: Sandbox, log: Log, journal: Path
    ) -> None:
        sandbox.faults.add(None, DONE)
        async with client(sandbox, log) as vps:
            first = [draft("a"), draft("b"), draft("c", message="no"), draft("d", message="no")]
            before = await run(vps, first, journal, on_unknown="raise")
            assert statuses(before) == ["created", "unknown", "rejected", "rejected"]
        async with client(sandbox, log) as vps:
            changed = [draft(name, message="Other words.") for name in "abcd"]
            found = await run(vps, changed, journal)
        assert statuses(found) == ["rejected", "rejected", "created", "created"]
        number = before[0].ticket_id
        assert str(found[0].error) == (
            f"reference: is that of ticket {number}, created with other content"
        )
        assert "which was created or may have been" in str(found[1].error)

    async def test_without_references_as_many_are_created_as_there_are(
        self, sandbox: Sandbox, log: Log, journal: Path
    ) -> None:
        async with client(sandbox, log) as vps:
            assert statuses(await run(vps, [draft()] * 2, journal)) == ["created"] * 2
            found = await run(vps, [draft()] * 3, journal)
            assert statuses(found) == ["skipped", "skipped", "created"]
            assert statuses(await run(vps, [draft()], journal)) == ["skipped"]
        assert len(subjects(sandbox)) == 3


class TestIdentity:
    """What tells drafts without a reference from each other."""

    BYTES = Attachment.from_bytes(b"data", name="a.txt")

    @pytest.mark.parametrize(
        "other",
        [
            {"subject": "Down again"},
            {"message": "It is up."},
            {"department_id": 3},
            {"service_id": 7},
            {"service_type": "server"},
            {"reference_marker": "mine"},
            {"attachments": []},
            {"attachments": [BYTES, BYTES]},
            {"attachments": [Attachment.from_bytes(b"DATA", name="a.txt")]},
            {"attachments": [Attachment.from_bytes(b"data", name="b.txt")]},
        ],
    )
    async def test_content(
        self, sandbox: Sandbox, log: Log, journal: Path, other: dict[str, Any]
    ) -> None:
        one = TicketDraft(**DRAFT, attachments=[self.BYTES])
        async with client(sandbox, log) as vps:
            assert statuses(await run(vps, [one], journal)) == ["created"]
            twin = TicketDraft(**DRAFT, attachments=[Attachment.from_bytes(b"data", name="a.txt")])
            assert statuses(await run(vps, [twin], journal)) == ["skipped"]
            assert statuses(await run(vps, [attrs.evolve(one, **other)], journal)) == ["created"]

    async def test_a_file_is_known_by_its_path_not_by_what_it_holds(
        self, sandbox: Sandbox, log: Log, journal: Path, tmp_path: Path
    ) -> None:
        log_file = tmp_path / "a" / "log.txt"
        log_file.parent.mkdir()
        log_file.write_text("one line")
        drafts = [TicketDraft(**DRAFT, attachments=[log_file])]
        async with client(sandbox, log) as vps:
            assert statuses(await run(vps, drafts, journal)) == ["created"]
            log_file.write_text("one line\nanother")
            assert statuses(await run(vps, drafts, journal)) == ["skipped"]
            again = [TicketDraft(**DRAFT, attachments=[f"{tmp_path}/a/../a/log.txt"])]
            assert statuses(await run(vps, again, journal)) == ["skipped"]
            named = [
                attrs.evolve(drafts[0], attachments=[Attachment.from_path(log_file, name="b")])
            ]
            assert statuses(await run(vps, named, journal)) == ["created"]

    async def test_a_stream_needs_a_reference(
        self, sandbox: Sandbox, log: Log, journal: Path
    ) -> None:
        async def stream() -> AsyncIterator[bytes]:
            yield b"data"

        files = [Attachment.from_stream(stream, name="a.bin")]
        async with client(sandbox, log) as vps:
            drafts = [draft(attachments=files), draft("a", attachments=files)]
            found = await run(vps, drafts, journal)
            assert statuses(found) == ["rejected", "created"]
            assert "a stream" in str(found[0].error)
            assert statuses(await run(vps, drafts[1:], journal)) == ["skipped"]

    @pytest.mark.parametrize("attachments", ["a.txt", 7, [7], None])
    async def test_attachments_that_are_none(
        self, sandbox: Sandbox, log: Log, journal: Path, attachments: Any
    ) -> None:
        async with client(sandbox, log) as vps:
            found = await run(vps, [draft("a", attachments=attachments)], journal)
        assert statuses(found) == ["rejected"]


class TestJournal:
    async def test_of_another_address(self, sandbox: Sandbox, log: Log, journal: Path) -> None:
        async with client(sandbox, log) as vps:
            await run(vps, [draft("a")], journal)
        async with old_sandbox() as other, client(other, log) as vps:
            with pytest.raises(JournalError, match="is the journal of http:"):
                await run(vps, [draft("a")], journal)

    async def test_a_new_key_has_to_be_accepted(
        self, sandbox: Sandbox, log: Log, journal: Path
    ) -> None:
        async with client(sandbox, log) as vps:
            await run(vps, [draft("a")], journal)
        old, sandbox._pipeline._api_key = sandbox.api_key, "a-new-key"
        sandbox.api_key = "a-new-key"
        async with client(sandbox, log) as vps:
            with pytest.raises(JournalError, match="accept_new_key"):
                await run(vps, [draft("b")], journal)
            found = await run(vps, [draft("a"), draft("b")], journal, accept_new_key=True)
            assert statuses(found) == ["skipped", "created"]
            assert statuses(await run(vps, [draft("c")], journal)) == ["created"]
        for path in journal.parent.iterdir():
            assert old.encode() not in path.read_bytes()

    async def test_a_new_key_of_another_account(
        self, sandbox: Sandbox, log: Log, journal: Path
    ) -> None:
        async with client(sandbox, log) as vps:
            await run(vps, [draft("a")], journal)
        # As if that were another sandbox.
        with closing(sqlite3.connect(journal, isolation_level=None)) as database:
            database.execute("UPDATE witnesses SET ticket = 9999")
            database.execute("UPDATE facts SET value = x'00' WHERE name = 'key'")
        async with client(sandbox, log) as vps:
            with pytest.raises(JournalError, match="there is no ticket 9999"):
                await run(vps, [draft("b")], journal, accept_new_key=True)
        assert subjects(sandbox) == ["Ticket a"]

    async def test_holds_no_more_words_than_it_needs(
        self, sandbox: Sandbox, log: Log, journal: Path
    ) -> None:
        drafts = [draft(str(number), message=f"secret {number:03}!") for number in range(40)]
        async with client(sandbox, log) as vps:
            await run(vps, drafts, journal)
        with closing(sqlite3.connect(journal, isolation_level=None)) as database:
            assert database.execute("SELECT count(words) FROM items").fetchone() == (0,)
            assert database.execute("SELECT count(*) FROM witnesses").fetchone() == (16,)


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            ({"drafts": 7}, "drafts"),
            ({"drafts": "abc"}, "drafts"),
            ({"drafts": draft("a")}, "drafts"),
            ({"concurrency": 0}, "concurrency"),
            ({"concurrency": True}, "concurrency"),
            ({"concurrency": 2.0}, "concurrency"),
            ({"journal": 7}, "journal"),
            ({"journal": ""}, "journal"),
            ({"journal": "a\0b"}, "journal"),
            ({"on_unknown": "ignore"}, "on_unknown"),
            ({"reference_marker": "mine"}, "reference_marker"),
            ({"accept_new_key": 1}, "accept_new_key"),
        ],
    )
    async def test_are_checked_when_given(self, arguments: dict[str, Any], named: str) -> None:
        async with VPSBG("key") as vps:
            with pytest.raises(InvalidInputError) as caught:
                vps.tickets.create_many(**({"drafts": []} | arguments))
        assert list(caught.value.errors) == [named]

    async def test_a_listener_that_is_none(self) -> None:
        async with VPSBG("key") as vps:
            with pytest.raises(ConfigurationError):
                vps.tickets.create_many([], on_event=7)  # type: ignore[arg-type]


async def test_the_client_ends_a_run_that_nobody_has(sandbox: Sandbox) -> None:
    vps = VPSBG(sandbox.api_key, base_url=sandbox.url, clock=ImpatientClock())
    sandbox.faults.add(*[Fault.STALL_ON_WRITE] * 4)
    waiting = asyncio.Semaphore(0)

    def note(event: Event) -> None:
        if isinstance(event, BytesSent) and event.sent == event.length:
            waiting.release()

    open_run = await vps.tickets.create_many(
        [draft(name) for name in "abcdefgh"], concurrency=4, on_event=note
    ).__aenter__()
    for _ in range(4):
        await waiting.acquire()
    await vps.aclose()
    assert open_run.summary.total == 0
    assert not [task for task in asyncio.all_tasks() if "BulkRun" in repr(task)]


async def test_an_id_that_is_none_does_no_harm(journal: Path) -> None:
    vps, _ = faked(Reply(json={}), Reply(json={"id": 2**63}), Reply(json={}))
    assert statuses(await run(vps, [draft("a")], journal)) == ["created"]
    assert statuses(await run(vps, [draft("a")], journal)) == ["skipped"]
