"""Looking for the ticket of a call that has ended: `Tickets.find_created`."""

from __future__ import annotations

import asyncio
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.services.tickets.support import (
    DRAFT,
    Log,
    ShiftedClock,
    client,
    create,
    failure_of,
    made,
    make_known,
)
from vpsbg_async import (
    VPSBG,
    Finding,
    InvalidInputError,
    NotFoundError,
    ServerError,
    TicketDraft,
    VPSBGError,
    error_of,
)
from vpsbg_async.sandbox import Fault, Listing, Sandbox

TWIN = "another call creates the same, or may have"
NOT_DONE = Fault.ERROR_502_BEFORE
DONE = Fault.DROP_AFTER_PROCESSING


async def lose(vps: VPSBG, sandbox: Sandbox, fault: Fault, **other: Any) -> VPSBGError:
    """The error of a ticket of which it is not known whether it was created."""
    sandbox.faults.add(fault)
    return await failure_of(vps.tickets.create(**(DRAFT | other)))


def drafted(error: VPSBGError) -> dict[str, Any]:
    return {"draft": error.draft, "since": error.history[0].started_at}


class TestFound:
    async def test_by_the_error(self, vps: VPSBG, sandbox: Sandbox) -> None:
        finding = await vps.tickets.find_created(await lose(vps, sandbox, DONE))
        (stored,) = made(sandbox)
        assert finding.found is not None
        assert finding.found.id == stored.id
        assert finding.found.messages is not None
        assert finding.found.messages[0].content == "It is down."
        assert (finding.absent, finding.reason) == (False, "")

    async def test_by_draft_and_time(self, vps: VPSBG, sandbox: Sandbox) -> None:
        finding = await vps.tickets.find_created(**drafted(await lose(vps, sandbox, DONE)))
        assert finding.found is not None
        assert finding.found.id == made(sandbox)[0].id

    async def test_by_its_marker(self, vps: VPSBG, sandbox: Sandbox) -> None:
        await vps.tickets.create(**DRAFT)
        error = await lose(vps, sandbox, DONE, reference_marker=True)
        finding = await vps.tickets.find_created(error)
        assert finding.found is not None
        assert finding.found.id == made(sandbox)[1].id

    async def test_by_the_timeout_that_has_ended_it(self, vps: VPSBG, sandbox: Sandbox) -> None:
        sandbox.faults.add(Fault.STALL_ON_WRITE)
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.3):
                await vps.tickets.create(**DRAFT, reference_marker="job-1")
        error = error_of(caught.value)
        assert error is not None
        assert "its message bears [ref job-1]" in str(error)
        finding = await vps.tickets.find_created(caught.value)
        assert finding.found is not None
        assert finding.found.id == made(sandbox)[0].id

    async def test_by_another_client(self, vps: VPSBG, sandbox: Sandbox, log: Log) -> None:
        """Such as that of the process that comes after a crash."""
        error = pickle.loads(pickle.dumps(await lose(vps, sandbox, DONE)))
        async with client(sandbox, log) as other:
            finding = await other.tickets.find_created(error)
        assert finding.found is not None
        assert finding.found.id == made(sandbox)[0].id

    async def test_again(self, vps: VPSBG, sandbox: Sandbox) -> None:
        error = await lose(vps, sandbox, DONE)
        first, second = [await vps.tickets.find_created(error) for _ in range(2)]
        assert first == second
        assert first.found is not None

    async def test_is_nobody_elses_from_then_on(self, vps: VPSBG, sandbox: Sandbox) -> None:
        """A ticket that reads the same, created right after it, is another."""
        found = await vps.tickets.find_created(await lose(vps, sandbox, DONE))
        sandbox.faults.add(NOT_DONE)
        ticket = await create(vps)
        assert found.found is not None
        assert [stored.id for stored in made(sandbox)] == [found.found.id, ticket.id]

    async def test_of_two_each_finds_its_own(self, vps: VPSBG, sandbox: Sandbox) -> None:
        findings = [
            await vps.tickets.find_created(await lose(vps, sandbox, DONE)) for _ in range(2)
        ]
        found = [finding.found and finding.found.id for finding in findings]
        assert found == [stored.id for stored in made(sandbox)]

    async def test_not_if_it_was_created_before(self, vps: VPSBG, sandbox: Sandbox) -> None:
        error = await lose(vps, sandbox, DONE)
        later = error.history[0].started_at + timedelta(minutes=1)
        assert isinstance(error.draft, TicketDraft)
        assert (await vps.tickets.find_created(error.draft, since=later)).found is None

    async def test_not_what_was_answered(self, vps: VPSBG, sandbox: Sandbox) -> None:
        error = await lose(vps, sandbox, NOT_DONE)
        await vps.tickets.create(**DRAFT)
        assert (await vps.tickets.find_created(error)).absent


class TestAbsent:
    async def test_is_proved_by_another_ticket_of_ours(self, vps: VPSBG, sandbox: Sandbox) -> None:
        error = await lose(vps, sandbox, NOT_DONE)
        for _ in range(2):
            assert await vps.tickets.find_created(error) == Finding(absent=True)

    async def test_leaves_nothing_for_others_to_mind(self, vps: VPSBG, sandbox: Sandbox) -> None:
        await vps.tickets.find_created(await lose(vps, sandbox, NOT_DONE))
        sandbox.faults.add(DONE)
        ticket = await create(vps)
        assert [stored.id for stored in made(sandbox)] == [ticket.id]

    async def test_is_not_for_a_client_that_knows_nothing(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        error = await lose(vps, sandbox, NOT_DONE)
        async with client(sandbox, log) as other:
            finding = await other.tickets.find_created(error)
        assert not finding.absent
        assert "nothing that is known to be ours" in finding.reason


class TestUnclear:
    async def test_until_the_list_tells_more(self, vps: VPSBG, sandbox: Sandbox) -> None:
        """And it is not its own twin the second time."""
        error = await lose(vps, sandbox, DONE)
        sandbox.listing = Listing.MUTE
        for _ in range(2):
            finding = await vps.tickets.find_created(error)
            assert finding == Finding(reason="something resembles it, and is not the same")
        sandbox.listing = Listing.NEWEST_FIRST
        assert (await vps.tickets.find_created(error)).found is not None

    async def test_it_is_a_twin_of_others(self, vps: VPSBG, sandbox: Sandbox) -> None:
        error = await lose(vps, sandbox, DONE)
        sandbox.listing = Listing.MUTE
        await vps.tickets.find_created(error)
        sandbox.listing = Listing.NEWEST_FIRST
        sandbox.faults.add(NOT_DONE)
        assert TWIN in str(await failure_of(create(vps)))

    async def test_also_of_a_client_that_did_not_lose_it(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        error = await lose(vps, sandbox, NOT_DONE)
        async with client(sandbox, log) as other:
            await other.tickets.find_created(error)
            sandbox.faults.add(NOT_DONE)
            assert TWIN in str(await failure_of(create(other)))

    async def test_of_two_that_are_lost_nobody_knows_whose_is_what(
        self, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        errors = [await lose(vps, sandbox, fault) for fault in (NOT_DONE, DONE)]
        for error in (*errors, *errors):
            assert (await vps.tickets.find_created(error)).reason == TWIN

    async def test_nor_if_both_are_looked_for_at_once(self, vps: VPSBG, sandbox: Sandbox) -> None:
        errors = [await lose(vps, sandbox, fault) for fault in (NOT_DONE, DONE)]
        findings = await asyncio.gather(*map(vps.tickets.find_created, errors))
        assert [finding.reason for finding in findings] == [TWIN, TWIN]

    async def test_one_that_was_lost_long_before_is_none(self, sandbox: Sandbox, log: Log) -> None:
        """It has been created by now, or never will be."""
        clock = ShiftedClock()
        async with client(sandbox, log, clock=clock) as vps:
            await lose(vps, sandbox, NOT_DONE)
            clock.shift = 1000.0
            error = await lose(vps, sandbox, DONE)
            finding = await vps.tickets.find_created(error)
        assert finding.found is not None

    @pytest.mark.parametrize("fault", [Fault.DROP_BEFORE_BODY, Fault.ERROR_502_BEFORE])
    async def test_a_look_that_fails_changes_nothing(
        self, fault: Fault, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        error = await lose(vps, sandbox, DONE)
        sandbox.faults.methods = None
        sandbox.faults.add(fault)
        failure = await failure_of(vps.with_options(retry=None).tickets.find_created(error))
        assert (failure.method, failure.path) == ("GET", "/support/tickets")
        sandbox.faults.add(NOT_DONE)
        assert TWIN in str(await failure_of(create(vps)))
        assert vps.tickets._ledger._lanes == {}

    async def test_nor_does_one_that_is_cancelled(self, vps: VPSBG, sandbox: Sandbox) -> None:
        error = await lose(vps, sandbox, DONE)
        sandbox.faults.methods = None
        sandbox.faults.add(Fault.STALL_ON_WRITE)
        look = asyncio.create_task(vps.tickets.find_created(error))
        while not sandbox.faults.met[1:]:  # noqa: ASYNC110 - the sandbox tells nobody
            await asyncio.sleep(0.001)
        look.cancel()
        await asyncio.wait([look])
        assert look.cancelled()
        sandbox.faults.add(NOT_DONE)
        assert TWIN in str(await failure_of(create(vps)))
        assert vps.tickets._ledger._lanes == {}

    async def test_a_time_that_is_still_to_come_proves_nothing(
        self, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        """Such as the local time with the label of another zone."""
        error = await lose(vps, sandbox, DONE)
        later = datetime.now(UTC) + timedelta(hours=3)
        finding = await vps.tickets.find_created(error, since=later)
        assert finding == Finding(reason="the call began in the future, by the clock here")

    async def test_a_list_that_is_missing_is_an_error(self, vps: VPSBG, sandbox: Sandbox) -> None:
        error = await lose(vps, sandbox, DONE)
        sandbox.listing = Listing.MISSING
        assert type(await failure_of(vps.tickets.find_created(error))) is NotFoundError


class TestTwins:
    @pytest.mark.parametrize("on_unknown", ["raise", "reconcile"])
    async def test_the_ticket_of_one_under_way_is_not_taken(
        self, on_unknown: Any, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        """It has been created, and its answer is still to come."""
        error = await lose(vps, sandbox, NOT_DONE)
        sandbox.faults.latency = 0.2
        sandbox.faults.add(Fault.LATENCY)
        twin = asyncio.create_task(vps.tickets.create(**DRAFT, on_unknown=on_unknown))
        while not made(sandbox):  # noqa: ASYNC110 - the sandbox tells nobody
            await asyncio.sleep(0.001)
        finding = await vps.tickets.find_created(error)
        assert finding.found is None
        assert [(await twin).id] == [stored.id for stored in made(sandbox)]

    async def test_one_that_begins_meanwhile_waits(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        error = await lose(vps, sandbox, NOT_DONE)
        finding, ticket = await asyncio.gather(
            vps.tickets.find_created(error), vps.tickets.create(**DRAFT)
        )
        assert finding == Finding(absent=True)
        assert [stored.id for stored in made(sandbox)] == [ticket.id]
        assert len(log.waits("twin")) == 1

    async def test_nothing_is_left_of_it(self, vps: VPSBG, sandbox: Sandbox) -> None:
        error = await lose(vps, sandbox, DONE)
        await asyncio.gather(*(vps.tickets.find_created(error) for _ in range(3)))
        assert vps.tickets._ledger._lanes == {}


NOW = datetime.now(UTC)
GOOD = TicketDraft(**DRAFT)


def with_wrong(field: str, value: Any) -> TicketDraft:
    return TicketDraft(**(DRAFT | {field: value}))


class TestWrongArguments:
    @pytest.mark.parametrize(
        ("arguments", "field"),
        [
            ({"draft": DRAFT, "since": NOW}, "draft"),
            ({"draft": None, "since": NOW}, "draft"),
            ({"draft": LookupError("Down"), "since": NOW}, "draft"),
            ({"draft": ServerError(status=500, headers={}, body=b""), "since": NOW}, "draft"),
            ({"draft": GOOD}, "since"),
            ({"draft": GOOD, "since": None}, "since"),
            ({"draft": GOOD, "since": NOW.replace(tzinfo=None)}, "since"),
            ({"draft": GOOD, "since": NOW.timestamp()}, "since"),
            ({"draft": GOOD, "since": NOW.date()}, "since"),
            ({"draft": GOOD, "since": NOW.isoformat()}, "since"),
            ({"draft": with_wrong("message", None), "since": NOW}, "message"),
            ({"draft": with_wrong("subject", ["Down"]), "since": NOW}, "subject"),
            (
                {"draft": with_wrong("reference_marker", 5), "since": NOW},
                "reference_marker",
            ),
        ],
        ids=str,
    )
    async def test_are_told(
        self, arguments: dict[str, Any], field: str, vps: VPSBG, log: Log
    ) -> None:
        with pytest.raises(InvalidInputError) as caught:
            await vps.tickets.find_created(**arguments)
        assert set(caught.value.errors) == {field}
        assert list(log) == []

    async def test_of_an_error_without_a_draft(self, vps: VPSBG, sandbox: Sandbox) -> None:
        ticket = await make_known(vps)
        sandbox.faults.add(DONE)
        error = await failure_of(vps.tickets.reply(ticket.id, message="Any news?"))
        with pytest.raises(InvalidInputError, match="draft"):
            await vps.tickets.find_created(error)

    async def test_of_an_error_without_an_attempt(self, vps: VPSBG) -> None:
        error = await failure_of(create(vps, message="no"))
        with pytest.raises(InvalidInputError, match="since"):
            await vps.tickets.find_created(error)
