"""Calls without an answer: what is found is returned, what is proved absent is sent again."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import attrs
import pytest

from tests.services.tickets.support import (
    DRAFT,
    ImpatientClock,
    Log,
    ShiftedClock,
    answer,
    chunks_of,
    client,
    create,
    failure_of,
    impatient,
    listed,
    made,
    make_known,
    make_old,
    old_sandbox,
    reply,
)
from vpsbg_async import (
    VPSBG,
    Attachment,
    AttachmentLike,
    Event,
    LockedError,
    Outcome,
    OutcomeUnknownError,
    ReconcilePolicy,
    ResponseError,
    ResponseReadError,
    RetryPolicy,
    ServerError,
    TicketDraft,
    VPSBGError,
    outcome_of,
)
from vpsbg_async.events import AttemptStarted, Waiting
from vpsbg_async.sandbox import Drift, Fault, Listing, Sandbox, StoredMessage
from vpsbg_async.testing import Clock, FakeTransport, Reply

BIG = bytes(range(256)) * 512  # 128 KiB: more than is sent at once


PROCESSED: dict[Fault, type[VPSBGError]] = {
    Fault.DROP_AFTER_PROCESSING: OutcomeUnknownError,
    Fault.HALF_ANSWER: ResponseReadError,
    Fault.CUT_JSON: ResponseError,
    Fault.ERROR_500_AFTER: ServerError,
    Fault.ERROR_502_AFTER: ServerError,
    Fault.ERROR_503_AFTER: ServerError,
    Fault.ERROR_504_AFTER: ServerError,
    Fault.STALL_ON_WRITE: OutcomeUnknownError,
}
NOT_PROCESSED: dict[Fault, type[VPSBGError]] = {
    Fault.DROP_BEFORE_BODY: OutcomeUnknownError,
    Fault.ERROR_500_BEFORE: ServerError,
    Fault.ERROR_502_BEFORE: ServerError,
    Fault.ERROR_504_BEFORE: ServerError,
    Fault.LOCKED: LockedError,
    Fault.STALL_ON_READ: OutcomeUnknownError,
}


def arrived(message: StoredMessage) -> list[tuple[str, str]]:
    return [(file.name, file.sha256) for file in message.attachments]


def sent(*files: tuple[str, bytes]) -> list[tuple[str, str]]:
    return [(name, hashlib.sha256(data).hexdigest()) for name, data in files]


class TestFound:
    @pytest.mark.parametrize("fault", PROCESSED)
    async def test_is_returned_as_if_it_had_been_answered(
        self, fault: Fault, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        sandbox.faults.add(fault)
        files = [Attachment.from_bytes(BIG, name="a.bin")]
        ticket = await create(impatient(vps, fault), attachments=files)
        (stored,) = made(sandbox)
        assert ticket.id == stored.id
        assert ticket.messages is not None
        assert [message.content for message in ticket.messages] == ["It is down."]
        assert ticket.attachment_mismatches == ()
        assert arrived(stored.messages[0]) == sent(("a.bin", BIG))
        assert log.posts == 1
        assert log.looks == [(stored.id, False, "")]
        assert log.waits("settling") == []

    async def test_without_anything_known(self, sandbox: Sandbox, log: Log) -> None:
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
        async with client(sandbox, log) as vps:
            ticket = await create(vps)
        (stored,) = made(sandbox)
        assert ticket.id == stored.id

    async def test_without_a_retry_policy(self, sandbox: Sandbox, log: Log) -> None:
        sandbox.faults.add(Fault.ERROR_500_AFTER)
        async with client(sandbox, log, retry=None) as vps:
            ticket = await create(vps)
        assert [stored.id for stored in made(sandbox)] == [ticket.id]
        assert log.posts == 1

    async def test_with_files_that_can_be_sent_once(self, vps: VPSBG, sandbox: Sandbox) -> None:
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
        files = [Attachment.from_iterator(chunks_of(b"one", b"two"), name="a.txt", size=6)]
        ticket = await create(vps, attachments=files)
        assert ticket.attachment_mismatches == ()
        assert arrived(made(sandbox)[0].messages[0]) == sent(("a.txt", b"onetwo"))

    async def test_with_other_files_than_were_sent(self) -> None:
        """What is found is held against what was sent, as any answer is."""
        file = {"id": 1, "name": "a.txt", "size": 2}
        message = {"id": 1, "content": "It is down.", "attachments": [file]}
        item = listed(7, 1.0) | {"messages": [message]}
        transport = FakeTransport(OutcomeUnknownError("dropped"), answer([item]))
        async with VPSBG("key", retry=None, transport=transport) as vps:
            files = [Attachment.from_bytes(b"1", name="a.txt")]
            ticket = await create(vps, attachments=files)
        assert ticket.attachment_mismatches is not None
        assert [found.reason for found in ticket.attachment_mismatches] == ["size"]

    async def test_only_when_the_server_was_done_with_it(self, sandbox: Sandbox, log: Log) -> None:
        """Looked for at once it is not there yet, and after the wait it is."""

        async def be_done() -> None:
            async with VPSBG(sandbox.api_key, base_url=sandbox.url) as late:
                await late.tickets.create(**DRAFT)

        async with client(sandbox, log, clock=ImpatientClock(be_done)) as vps:
            await make_known(vps)
            sandbox.faults.add(Fault.ERROR_504_BEFORE)
            ticket = await create(vps)
        assert [stored.id for stored in made(sandbox)] == [ticket.id]
        assert log.posts == 2

    async def test_times_in_whole_seconds_and_a_small_margin(self, log: Log) -> None:
        now: Callable[[], float] = lambda: float(int(time.time()))  # noqa: E731
        policy = ReconcilePolicy(margin=0.001)
        async with old_sandbox() as sandbox:
            sandbox._store._clock = now
            async with client(sandbox, log, reconcile=policy) as vps:
                await make_known(vps)
                sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
                ticket = await create(vps)
            assert [stored.id for stored in made(sandbox)] == [ticket.id]


class TestAbsent:
    @pytest.mark.parametrize("fault", NOT_PROCESSED)
    async def test_is_sent_again(
        self, fault: Fault, vps: VPSBG, sandbox: Sandbox, log: Log, tmp_path: Path
    ) -> None:
        """With the same files, of every kind that can be sent again."""
        sandbox.faults.add(fault)
        (tmp_path / "path.bin").write_bytes(BIG)
        files: list[AttachmentLike] = [
            tmp_path / "path.bin",
            Attachment.from_bytes(BIG, name="bytes.bin"),
            Attachment.from_stream(lambda: chunks_of(b"str", b"eam"), name="stream.txt", size=6),
            Attachment.from_stream(lambda: chunks_of(BIG), name="unknown.bin"),
        ]
        ticket = await create(impatient(vps, fault), attachments=files)
        (stored,) = made(sandbox)
        assert ticket.id == stored.id
        assert arrived(stored.messages[0]) == sent(
            ("path.bin", BIG), ("bytes.bin", BIG), ("stream.txt", b"stream"), ("unknown.bin", BIG)
        )
        assert ticket.attachment_mismatches == ()
        assert log.posts == 2

    @pytest.mark.parametrize("fault", NOT_PROCESSED)
    async def test_is_told(self, fault: Fault, vps: VPSBG, sandbox: Sandbox, log: Log) -> None:
        sandbox.faults.add(fault)
        await create(impatient(vps, fault))
        assert log.looks == [(None, True, "")]
        assert len(log.waits("settling")) == 1
        assert len(made(sandbox)) == 1

    async def test_is_sent_again_until_it_is_there(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        sandbox.faults.add(
            Fault.ERROR_500_BEFORE,
            Fault.ERROR_503_BEFORE,
            Fault.LOCKED,
            Fault.DROP_AFTER_PROCESSING,
        )
        ticket = await create(vps)
        (stored,) = made(sandbox)
        assert ticket.id == stored.id
        assert log.posts == 4
        assert log.looks == [(None, True, ""), (None, True, ""), (stored.id, False, "")]

    async def test_is_sent_so_many_times_and_no_more(self, sandbox: Sandbox, log: Log) -> None:
        async with client(sandbox, log, retry=RetryPolicy(max_attempts=2)) as vps:
            await make_known(vps)
            log.clear()
            sandbox.faults.add(*[Fault.ERROR_500_BEFORE] * 3)
            error = await failure_of(create(vps))
        assert type(error) is ServerError
        assert (error.outcome, error.attempts) == (Outcome.NOT_PROCESSED, 2)
        assert "given up after 2 attempts" in error.remarks
        assert "it was looked for, and is proved not to have happened" in error.remarks
        assert log.posts == 2
        assert made(sandbox) == []

    async def test_is_not_sent_again_without_a_retry_policy(
        self, sandbox: Sandbox, log: Log
    ) -> None:
        async with client(sandbox, log, retry=None) as vps:
            await make_known(vps)
            log.clear()
            sandbox.faults.add(Fault.DROP_BEFORE_BODY)
            error = await failure_of(create(vps))
        assert type(error) is OutcomeUnknownError
        assert error.outcome is Outcome.NOT_PROCESSED
        assert "proved not to have happened" in str(error)
        assert "look before" not in str(error)
        assert log.posts == 1
        assert made(sandbox) == []

    async def test_is_not_sent_again_with_files_that_can_be_sent_once(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        sandbox.faults.add(Fault.ERROR_500_BEFORE)
        files = [Attachment.from_iterator(chunks_of(b"data"), name="a.txt")]
        error = await failure_of(create(vps, attachments=files))
        assert error.outcome is Outcome.NOT_PROCESSED
        assert "not sent again: it holds a stream that runs once" in str(error)
        assert log.posts == 1
        assert made(sandbox) == []

    async def test_of_a_redirect_it_would_be_the_same_again(self) -> None:
        known = listed(3, 0.0, "Known", "It is known.")
        transport = FakeTransport(
            answer(known),
            Reply(302, headers={"Location": "/login"}),
            *[answer([known, listed(2, -3600.0)])] * 2,
        )
        async with VPSBG("key", clock=ImpatientClock(), transport=transport) as vps:
            await make_known(vps)
            error = await failure_of(create(vps))
        assert error.outcome is Outcome.NOT_PROCESSED
        assert len(transport.calls) == 4


LONG = "<p>It is <b>down</b> since this morning &amp; last night.</p>"
NO_ORDER = "not in the order of creation"
NOT_AS_SENT = "what is known to be ours is not told as it was sent"
RESEMBLES = "something resembles it, and is not the same"

# What is said of a ticket that is there, None if it is found, and of one that is not, None if that
# is proved, so that it is sent again.
LISTINGS: dict[Listing, tuple[str | None, str | None]] = {
    Listing.NEWEST_FIRST: (None, None),
    Listing.OLDEST_FIRST: (None, NO_ORDER),
    Listing.BY_UPDATE: (None, NO_ORDER),
    Listing.SHUFFLED: (None, NO_ORDER),
    Listing.TRIMMED: (RESEMBLES, NOT_AS_SENT),
    Listing.STRIPPED: (None, None),
    Listing.BARE: (None, None),
    Listing.MUTE: (RESEMBLES, RESEMBLES),
    Listing.MISSING: ("GET /support/tickets ended in NotFoundError 404",) * 2,
}


@pytest.fixture
async def changed_sandbox() -> AsyncIterator[Sandbox]:
    """One whose oldest ticket was changed last."""
    async with old_sandbox(olds=3) as sandbox:
        async with VPSBG(sandbox.api_key, base_url=sandbox.url) as vps:
            await make_known(vps, subject="Not known")
            await vps.tickets.reply(sandbox.tickets[0].id, message="Any news?")
        yield sandbox


class TestListings:
    """Whatever the list is like, there are never two, and what is not proved is not believed."""

    @pytest.mark.parametrize("marker", [False, True], ids=["words", "marker"])
    @pytest.mark.parametrize("listing", Listing)
    async def test_of_one_that_is_there(
        self, listing: Listing, marker: bool, changed_sandbox: Sandbox, log: Log
    ) -> None:
        async with client(changed_sandbox, log) as vps:
            await make_known(vps, message=LONG, reference_marker=marker)
            changed_sandbox.listing = listing
            changed_sandbox.faults.add(Fault.ERROR_502_AFTER)
            call = create(vps, message=LONG, reference_marker=marker)
            reason, _ = LISTINGS[listing]
            if reason is None:
                ticket = await call
                assert [stored.id for stored in made(changed_sandbox)] == [ticket.id]
                assert ticket.messages is not None
                return
            self.check(await failure_of(call), reason)
        assert len(made(changed_sandbox)) == 1

    @pytest.mark.parametrize("marker", [False, True], ids=["words", "marker"])
    @pytest.mark.parametrize("listing", Listing)
    async def test_of_one_that_is_not(
        self, listing: Listing, marker: bool, changed_sandbox: Sandbox, log: Log
    ) -> None:
        async with client(changed_sandbox, log) as vps:
            await make_known(vps, message=LONG, reference_marker=marker)
            changed_sandbox.listing = listing
            changed_sandbox.faults.add(Fault.ERROR_502_BEFORE)
            call = create(vps, message=LONG, reference_marker=marker)
            _, reason = LISTINGS[listing]
            if reason is None:
                ticket = await call
                assert [stored.id for stored in made(changed_sandbox)] == [ticket.id]
                return
            self.check(await failure_of(call), reason)
        assert made(changed_sandbox) == []

    def check(self, error: VPSBGError, reason: str) -> None:
        assert type(error) is ServerError
        assert (error.outcome, error.attempts) == (Outcome.UNKNOWN, 1)
        assert any(reason in remark for remark in error.remarks), error.remarks
        assert reason in str(error)
        assert "look before you send it again" in str(error)

    async def test_one_that_is_missing_is_not_waited_for(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        sandbox.listing = Listing.MISSING
        sandbox.faults.add(Fault.ERROR_502_AFTER)
        await failure_of(create(vps))
        assert log.waits("settling") == []
        assert len(log.looks) == 1

    @pytest.mark.parametrize(
        ("drift", "reason"),
        [
            (Drift.NO_DATE, "the server does not tell its time"),
            (Drift.MISSING_FIELD, RESEMBLES),
        ],
    )
    async def test_one_that_leaves_out_what_is_needed(
        self, drift: Drift, reason: str, log: Log
    ) -> None:
        async with old_sandbox(drift=[drift]) as sandbox, client(sandbox, log) as vps:
            await make_known(vps)
            sandbox.faults.add(Fault.ERROR_502_AFTER)
            self.check(await failure_of(create(vps)), reason)
            assert len(made(sandbox)) == 1

    @pytest.mark.parametrize(
        "drift", sorted(set(Drift) - {Drift.NO_DATE, Drift.MISSING_FIELD, Drift.NO_META})
    )
    async def test_one_that_is_written_otherwise(self, drift: Drift, log: Log) -> None:
        async with old_sandbox(drift=[drift]) as sandbox, client(sandbox, log) as vps:
            await make_known(vps)
            sandbox.faults.add(Fault.ERROR_502_BEFORE, Fault.DROP_AFTER_PROCESSING)
            ticket = await create(vps)
            assert [stored.id for stored in made(sandbox)] == [ticket.id]
            assert log.looks == [(None, True, ""), (ticket.id, False, "")]

    async def test_one_that_shows_its_first_page_only(self, log: Log) -> None:
        async with old_sandbox(drift=[Drift.NO_META]) as sandbox, client(sandbox, log) as vps:
            for _ in range(15):
                await make_known(vps)
            sandbox.faults.add(Fault.ERROR_502_BEFORE)
            error = await failure_of(create(vps))
            assert "did not lead to a time before the call" in str(error)
            assert made(sandbox) == []


class TestDoubles:
    """Each of these once made two tickets of one, or gave one ticket to two calls."""

    async def test_a_marker_that_is_cut_off_with_the_end_of_a_long_message(
        self, sandbox: Sandbox, log: Log
    ) -> None:
        """The known one is so short that it keeps its marker."""
        async with client(sandbox, log) as vps:
            await make_known(vps, message="Known", reference_marker="abcd")
            sandbox.listing = Listing.TRIMMED
            sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
            error = await failure_of(create(vps, message=LONG, reference_marker=True))
        assert RESEMBLES in str(error)
        assert len(made(sandbox)) == 1

    @pytest.mark.parametrize("message", ["use &lt;b&gt; here", "5 &lt;a long way&gt; to 6"])
    async def test_a_reply_whose_entities_become_tags(
        self, message: str, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        ticket = await make_old(vps, sandbox)
        sandbox.listing = Listing.STRIPPED
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
        error = await failure_of(reply(vps, ticket, message=message))
        assert RESEMBLES in str(error)
        assert len(sandbox.tickets[-1].messages) == 3

    async def test_an_old_ticket_before_all_that_is_new(self, log: Log) -> None:
        """The first page of a list that begins with the oldest, read right after the tickets."""
        async with old_sandbox(listing=Listing.OLDEST_FIRST) as sandbox:
            async with client(sandbox, log) as vps:
                for _ in range(14):
                    await make_known(vps)
                sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
                ticket = await create(vps)
            assert [stored.id for stored in made(sandbox)] == [ticket.id]

    async def test_old_tickets_that_are_changed_one_after_the_other(self, log: Log) -> None:
        """They push a new ticket off the first page of a list by change, in the right order."""
        async with old_sandbox(olds=15, listing=Listing.BY_UPDATE) as sandbox:
            olds = [ticket.id for ticket in sandbox.tickets]

            async def change_them() -> None:
                async with VPSBG(sandbox.api_key, base_url=sandbox.url) as other:
                    for number in olds:
                        await other.tickets.reply(number, message="Closed for being old.")
                await make_known(here)

            async def nothing() -> None:
                """Between the two attempts of the first look."""

            retry = RetryPolicy(max_attempts=2)
            clock = ImpatientClock(nothing, change_them)
            async with client(sandbox, log, retry=retry, clock=clock) as here:
                await make_known(here)
                sandbox.faults.methods = None
                sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
                sandbox.faults.add(*[Fault.ERROR_502_BEFORE] * 2)
                ticket = await create(here)
            assert [stored.id for stored in made(sandbox)] == [ticket.id]

    async def test_a_clock_that_is_set_back_while_the_call_is_under_way(
        self, sandbox: Sandbox
    ) -> None:
        """Nothing in the list seems to be as new as the call, and what is known is from since."""
        clock = ShiftedClock(lambda: make_known(vps))
        clock.shift = 3000.0

        def hear(event: Event) -> None:
            if isinstance(event, AttemptStarted) and event.method == "POST":
                clock.shift = 0.0

        async with VPSBG(sandbox.api_key, base_url=sandbox.url, clock=clock, on_event=hear) as vps:
            sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
            error = await failure_of(create(vps))
        assert "the call began in the future, by the clock here" in str(error)
        assert error.outcome is Outcome.UNKNOWN
        assert len(made(sandbox)) == 1


class TestFailingLooks:
    @pytest.mark.parametrize(
        ("fault", "text"),
        [
            (Fault.ERROR_502_BEFORE, "ServerError 502"),
            (Fault.LOCKED, "LockedError 423"),
            (Fault.DROP_BEFORE_BODY, "OutcomeUnknownError"),
            (Fault.CUT_JSON, "ResponseError"),
            (Fault.HALF_ANSWER, "ResponseReadError"),
        ],
    )
    async def test_leave_it_unknown(
        self, fault: Fault, text: str, sandbox: Sandbox, log: Log
    ) -> None:
        async with client(sandbox, log, retry=None) as vps:
            await make_known(vps)
            sandbox.faults.methods = None
            sandbox.faults.add(Fault.DROP_AFTER_PROCESSING, fault, fault)
            error = await failure_of(create(vps))
        assert type(error) is OutcomeUnknownError
        assert error.outcome is Outcome.UNKNOWN
        assert error.remarks == (
            f"it was looked for in vain: GET /support/tickets ended in {text}",
        )
        assert len(made(sandbox)) == 1

    async def test_are_made_up_for_by_another(self, sandbox: Sandbox, log: Log) -> None:
        async with client(sandbox, log, retry=None) as vps:
            sandbox.faults.methods = None
            sandbox.faults.add(Fault.DROP_AFTER_PROCESSING, Fault.ERROR_502_BEFORE)
            ticket = await create(vps)
        assert [stored.id for stored in made(sandbox)] == [ticket.id]
        assert len(log.waits("settling")) == 1

    async def test_are_made_up_for_by_another_attempt(self, vps: VPSBG, sandbox: Sandbox) -> None:
        sandbox.faults.methods = None
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING, *[Fault.ERROR_502_BEFORE] * 3)
        ticket = await create(vps)
        assert [stored.id for stored in made(sandbox)] == [ticket.id]

    async def test_a_proof_before_the_wait_is_none(self, sandbox: Sandbox, log: Log) -> None:
        async with client(sandbox, log, retry=None) as vps:
            await make_known(vps)
            sandbox.faults.methods = None
            sandbox.faults.add(Fault.ERROR_500_BEFORE, None, Fault.ERROR_502_BEFORE)
            error = await failure_of(create(vps))
        assert error.outcome is Outcome.UNKNOWN
        assert "ended in ServerError 502" in str(error)

    async def test_of_a_ticket_that_is_gone(
        self, vps: VPSBG, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It was in the list, and cannot be got."""
        sandbox.listing = Listing.BARE
        sandbox.faults.methods = None
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING, None)
        monkeypatch.setattr(sandbox._store, "find", lambda _: None)
        error = await failure_of(create(vps))
        assert f"/support/tickets/{made(sandbox)[0].id} ended in NotFoundError 404" in str(error)
        assert error.outcome is Outcome.UNKNOWN


class TestSettling:
    @pytest.mark.parametrize("fault", NOT_PROCESSED)
    async def test_takes_longer_after_a_server_that_was_overdue(
        self, fault: Fault, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        sandbox.faults.add(fault)
        await create(impatient(vps, fault))
        (seconds,) = log.waits("settling")
        assert seconds is not None
        policy = ReconcilePolicy()
        is_overdue = fault in (Fault.ERROR_504_BEFORE, Fault.LOCKED, Fault.STALL_ON_READ)
        if is_overdue:
            assert policy.settle < seconds <= policy.settle_late
        else:
            assert 0.0 <= seconds <= policy.settle

    async def test_takes_longer_after_a_proxy_that_gave_up(self, log: Log) -> None:
        transport = FakeTransport(Reply(524), answer([]), answer([]))
        async with VPSBG(
            "key", retry=None, clock=ImpatientClock(), transport=transport, on_event=log.append
        ) as vps:
            await failure_of(create(vps))
        (seconds,) = log.waits("settling")
        assert seconds is not None
        assert seconds > ReconcilePolicy().settle

    async def test_is_told_before_what_it_has_shown(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        sandbox.faults.add(Fault.ERROR_500_BEFORE)
        await create(vps)
        told = [
            event.reason if isinstance(event, Waiting) else type(event).__name__ for event in log
        ]
        told = [what for what in told if what not in ("Answered", "BytesSent")]
        assert told == [
            *("AttemptStarted", "AttemptStarted", "settling", "AttemptStarted", "Reconciled"),
            *("retry", "Retried", "AttemptStarted"),
        ]

    async def test_is_not_needed_of_what_was_found(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        sandbox.faults.add(Fault.STALL_ON_WRITE)
        await create(impatient(vps, Fault.STALL_ON_WRITE))
        assert log.waits("settling") == []


class WaitingClock(Clock):
    """A clock whose waits do not end, and which tells when one has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    async def sleep(self, seconds: float) -> NoReturn:
        self.begun.set()
        await asyncio.Event().wait()
        raise AssertionError("it waits for ever")


class TestBrokenOff:
    """While it is waited for a server to be done."""

    @pytest.fixture
    def clock(self) -> WaitingClock:
        return WaitingClock()

    @pytest.fixture
    def vps(self, clock: WaitingClock) -> VPSBG:
        transport = FakeTransport(OutcomeUnknownError("dropped"), answer([]))
        return VPSBG("key", deadline=0.5, clock=clock, transport=transport)

    def check(self, vps: VPSBG) -> None:
        assert vps.tickets._ledger._lanes == {}
        assert asyncio.all_tasks() == {asyncio.current_task()}
        words = next(iter(vps.tickets._ledger._lost)).wording
        assert words.subject == "Down"
        assert vps.tickets._ledger.has_twin(None, words, 0.0), (
            "others would take its ticket for theirs"
        )

    async def test_by_a_cancellation(self, vps: VPSBG, clock: WaitingClock) -> None:
        call = asyncio.create_task(create(vps))
        await clock.begun.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await call
        error = caught.value.__cause__
        assert isinstance(error, OutcomeUnknownError)
        assert outcome_of(caught.value) is Outcome.UNKNOWN
        assert error.draft == TicketDraft(**DRAFT)
        assert error.attempts == 1
        self.check(vps)

    async def test_by_its_deadline(self, vps: VPSBG) -> None:
        error = await failure_of(create(vps))
        assert type(error) is OutcomeUnknownError
        assert "not done within the deadline of 0.5 s" in str(error)
        assert error.draft == TicketDraft(**DRAFT)
        self.check(vps)

    async def test_by_a_timeout_around_it(self, vps: VPSBG, clock: WaitingClock) -> None:
        call = asyncio.create_task(create(vps.with_options(deadline=None)))
        await clock.begun.wait()
        with pytest.raises(TimeoutError) as caught:
            await asyncio.wait_for(call, 0.0)
        assert outcome_of(caught.value) is Outcome.UNKNOWN
        self.check(vps)


class TestRaise:
    """What comes of a call that is not to be reconciled: all that is needed to do it oneself."""

    @pytest.mark.parametrize("fault", PROCESSED | NOT_PROCESSED)
    async def test_the_error_tells_what_was_sent_and_when(
        self, fault: Fault, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        sandbox.faults.add(fault)
        before = datetime.now(UTC)
        files = [Attachment.from_bytes(b"data", name="a.txt")]
        error = await failure_of(impatient(vps, fault).tickets.create(**DRAFT, attachments=files))
        assert type(error) is (PROCESSED | NOT_PROCESSED)[fault]
        assert error.draft == TicketDraft(**DRAFT, attachments=files)
        (attempt,) = error.history
        assert before - timedelta(seconds=1) <= attempt.started_at <= datetime.now(UTC)
        assert attempt.outcome is error.outcome
        assert log.gets == 0
        assert log.posts == 1
        advice = (
            "it was processed: do not send it again"
            if error.outcome is Outcome.PROCESSED
            else "it may still happen"
            if fault is Fault.LOCKED
            else "look before you send it again"
        )
        assert advice in str(error)

    async def test_the_draft_has_the_marker_that_was_made_up(
        self, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
        error = await failure_of(vps.tickets.create(**DRAFT, reference_marker=True))
        assert isinstance(error.draft, TicketDraft)
        told = made(sandbox)[0].messages[0].content
        assert told == f"It is down.\n\n[ref {error.draft.reference_marker}]"


class TestReply:
    def contents(self, sandbox: Sandbox) -> list[str]:
        return [message.content for message in sandbox.tickets[-1].messages]

    @pytest.mark.parametrize("as_id", [int, str])
    @pytest.mark.parametrize("fault", PROCESSED)
    async def test_that_is_there_is_found(
        self, fault: Fault, as_id: type, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        ticket = await make_known(vps)
        sandbox.faults.add(fault)
        log.clear()
        files = [Attachment.from_bytes(b"data", name="a.txt")]
        whole = await reply(impatient(vps, fault), as_id(ticket.id), attachments=files)
        assert whole.id == ticket.id
        assert whole.attachment_mismatches == ()
        assert self.contents(sandbox) == ["It is known.", "Any news?"]
        assert log.posts == 1
        assert log.looks == [(ticket.id, False, "")]

    @pytest.mark.parametrize("as_id", [int, str])
    @pytest.mark.parametrize("fault", NOT_PROCESSED)
    async def test_that_is_proved_absent_is_sent_again(
        self, fault: Fault, as_id: type, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        """By a message of ours in the ticket that is old enough."""
        ticket = await make_old(vps, sandbox)
        sandbox.faults.add(fault)
        log.clear()
        files = [Attachment.from_bytes(BIG, name="a.bin")]
        whole = await reply(impatient(vps, fault), as_id(ticket), attachments=files)
        assert whole.attachment_mismatches == ()
        assert self.contents(sandbox) == ["An hour ago.", "It is known.", "Any news?"]
        assert arrived(sandbox.tickets[-1].messages[-1]) == sent(("a.bin", BIG))
        assert log.posts == 2
        assert log.looks == [(None, True, "")]

    async def test_that_nothing_proves_absent_stays_unknown(
        self, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        old = sandbox.tickets[0]
        sandbox.faults.add(Fault.ERROR_502_BEFORE)
        error = await failure_of(reply(vps, old.id))
        assert type(error) is ServerError
        assert error.outcome is Outcome.UNKNOWN
        assert "nothing that is known to be ours was met" in str(error)
        assert error.draft is None
        assert len(sandbox.tickets[0].messages) == 1

    async def test_in_a_ticket_that_is_too_young_stays_unknown(
        self, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        ticket = await make_known(vps)
        sandbox.faults.add(Fault.ERROR_502_BEFORE)
        error = await failure_of(reply(vps, ticket.id))
        assert "did not lead to a time before the call" in str(error)
        assert self.contents(sandbox) == ["It is known."]

    async def test_that_reads_like_one_before_is_not_taken_for_it(
        self, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        ticket = await make_old(vps, sandbox)
        await reply(vps, ticket)
        sandbox.faults.add(Fault.ERROR_502_BEFORE)
        await reply(vps, ticket)
        sandbox.faults.add(Fault.ERROR_502_AFTER)
        await reply(vps, ticket)
        assert self.contents(sandbox)[2:] == ["Any news?"] * 3

    @pytest.mark.parametrize("listing", [Listing.TRIMMED, Listing.MUTE, Listing.MISSING])
    async def test_that_cannot_be_read_stays_unknown(
        self, listing: Listing, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        ticket = await make_old(vps, sandbox)
        sandbox.listing = listing
        for fault, count in ((Fault.ERROR_502_AFTER, 3), (Fault.ERROR_502_BEFORE, 3)):
            sandbox.faults.add(fault)
            error = await failure_of(reply(vps, ticket, message=LONG))
            assert error.outcome is Outcome.UNKNOWN
            assert len(self.contents(sandbox)) == count

    async def test_an_answer_of_the_support_is_none_of_ours(self, log: Log) -> None:
        """Not even one that quotes our marker."""
        quote = {
            "id": 51,
            "content": "> Any news? [ref abcd]",
            "is_customer": False,
            "created_at": datetime.now(UTC).isoformat(),
        }
        whole = listed(216, -3600.0)
        whole["messages"].append(quote)
        transport = FakeTransport(OutcomeUnknownError("dropped"), answer(whole), answer(whole))
        async with VPSBG(
            "key", retry=None, clock=ImpatientClock(), transport=transport, on_event=log.append
        ) as vps:
            await failure_of(reply(vps, 216, reference_marker="abcd"))
        assert [found for found, _, _ in log.looks] == [None]

    async def test_to_a_ticket_that_is_named_otherwise_than_it_answers(self) -> None:
        """What is known of it is known by the name that it was called by."""
        whole = listed(216, -1.0, message="Any news?")
        transport = FakeTransport(
            answer(whole), OutcomeUnknownError("dropped"), answer(whole), answer(whole)
        )
        async with VPSBG("key", retry=None, clock=ImpatientClock(), transport=transport) as vps:
            await vps.tickets.reply("TIC-216", message="Any news?")
            error = await failure_of(reply(vps, "TIC-216"))
        assert error.outcome is Outcome.UNKNOWN


class TestMarker:
    @pytest.mark.parametrize(
        ("marker", "below"), [("job-1.7_a", r"job-1\.7_a"), (True, r"[0-9a-f]{10}")]
    )
    async def test_is_below_the_message(
        self, marker: bool | str, below: str, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        ticket = await vps.tickets.create(**DRAFT, reference_marker=marker)
        await vps.tickets.reply(ticket.id, message="Any news?", reference_marker=marker)
        first, reply = (message.content for message in made(sandbox)[0].messages)
        assert re.fullmatch(rf"It is down\.\n\n\[ref {below}\]", first)
        assert re.fullmatch(rf"Any news\?\n\n\[ref {below}\]", reply)

    async def test_is_another_each_time(self, vps: VPSBG, sandbox: Sandbox) -> None:
        for _ in range(20):
            await vps.tickets.create(**DRAFT, reference_marker=True)
        assert len({stored.messages[0].content for stored in made(sandbox)}) == 20

    async def test_tells_the_ticket_from_others_that_read_the_same(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        async with client(sandbox, log) as other:
            await make_known(vps, reference_marker=True)
            for _ in range(3):
                await other.tickets.create(**DRAFT, reference_marker=True)
            sandbox.faults.add(Fault.DROP_AFTER_PROCESSING, Fault.ERROR_502_BEFORE)
            ours = [await create(vps, reference_marker=True) for _ in range(2)]
        assert [stored.id for stored in made(sandbox)[3:]] == [ticket.id for ticket in ours]

    async def test_tells_a_reply_from_others_that_read_the_same(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        ticket = await make_known(vps)
        async with client(sandbox, log) as other:
            for _ in range(2):
                await other.tickets.reply(ticket.id, message="Any news?")
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
        log.clear()
        await vps.tickets.reply(
            ticket.id, message="Any news?", on_unknown="reconcile", reference_marker="abcd"
        )
        assert log.looks == [(ticket.id, False, "")]
        assert len(sandbox.tickets[-1].messages) == 4

    async def test_without_one_they_cannot_be_told_apart(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        async with client(sandbox, log) as other:
            await other.tickets.create(**DRAFT)
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
        error = await failure_of(create(vps))
        assert "2 are the same" in str(error)


async def test_the_policy_of_a_call_is_its_own(vps: VPSBG, sandbox: Sandbox, log: Log) -> None:
    policy = ReconcilePolicy(settle=7.0, settle_late=9.0)
    sandbox.faults.add(Fault.ERROR_500_BEFORE, Fault.ERROR_504_BEFORE)
    await create(vps.with_options(reconcile=attrs.evolve(policy)))
    first, second = log.waits("settling")
    assert first is not None
    assert second is not None
    assert first <= 7.0 < second <= 9.0
