"""Calls that create the same: each gets its own ticket, or is told that nobody knows."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.services.tickets.support import (
    DRAFT,
    Log,
    client,
    create,
    failure_of,
    impatient,
    made,
    make_known,
    make_old,
    reply,
)
from vpsbg_async import VPSBG, NotSentError, Outcome, outcome_of
from vpsbg_async.events import AttemptStarted
from vpsbg_async.sandbox import Fault, Sandbox
from vpsbg_async.testing import RawConnection, RawServer

TWIN = "another call creates the same, or may have"
FAULTS = [
    Fault.DROP_AFTER_PROCESSING,
    Fault.ERROR_502_BEFORE,
    Fault.ERROR_504_AFTER,
    Fault.LOCKED,
    None,
]
PAIRS = list(itertools.product(FAULTS, repeat=2))


def in_order(log: Log) -> list[int]:
    """Which calls sent something that changes anything, in order; numbered as they come."""
    calls = [event.call for event in log.of(AttemptStarted) if event.method == "POST"]
    numbers = {call: number for number, call in enumerate(dict.fromkeys(calls))}
    return [numbers[call] for call in calls]


class TestOfOneClient:
    @pytest.mark.parametrize("faults", PAIRS, ids=str)
    async def test_each_gets_its_own_ticket(
        self, faults: tuple[Fault | None, ...], vps: VPSBG, sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(*faults)
        tickets = await asyncio.gather(create(vps), create(vps))
        assert {ticket.id for ticket in tickets} == {stored.id for stored in made(sandbox)}
        assert len(made(sandbox)) == 2

    async def test_they_are_never_in_flight_together(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        sandbox.faults.add(
            *(Fault.DROP_BEFORE_BODY, None),
            *(Fault.DROP_AFTER_PROCESSING,),
            *(Fault.LOCKED, Fault.ERROR_502_BEFORE, None),
        )
        tickets = await asyncio.gather(*(create(vps) for _ in range(3)))
        assert in_order(log) == [0, 0, 1, 2, 2, 2]
        assert log.waits("twin") == [None, None]
        assert len({ticket.id for ticket in tickets}) == len(made(sandbox)) == 3

    async def test_those_that_are_not_reconciled_are(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        await asyncio.gather(*(vps.tickets.create(**DRAFT) for _ in range(3)))
        assert log.waits("twin") == []
        assert len(made(sandbox)) == 3

    async def test_but_not_with_one_that_is(self, vps: VPSBG, sandbox: Sandbox, log: Log) -> None:
        sandbox.faults.add(Fault.LOCKED, None, Fault.DROP_BEFORE_BODY, None)
        ours, error, other = await asyncio.gather(
            create(vps), failure_of(vps.tickets.create(**DRAFT)), create(vps)
        )
        assert in_order(log) == [0, 0, 1, 2]
        assert len(log.waits("twin")) == 2
        assert error.outcome is Outcome.UNKNOWN
        assert [ours.id, other.id] == [stored.id for stored in made(sandbox)]

    async def test_other_words_do_not_wait(self, vps: VPSBG, log: Log) -> None:
        await asyncio.gather(
            create(vps),
            create(vps, subject="Up again"),
            create(vps, message="It is up."),
            *(create(vps, reference_marker=True) for _ in range(2)),
        )
        assert log.waits("twin") == []

    @pytest.mark.parametrize("fault", [Fault.DROP_AFTER_PROCESSING, Fault.ERROR_502_BEFORE])
    async def test_one_that_was_lost_leaves_the_next_unknown(
        self, fault: Fault, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        """Whatever of the two is there, it might be the other's."""
        sandbox.faults.add(fault, Fault.ERROR_502_BEFORE)
        await failure_of(vps.tickets.create(**DRAFT))
        error = await failure_of(create(vps))
        assert error.outcome is Outcome.UNKNOWN
        assert TWIN in str(error)

    async def test_nor_is_one_that_reads_the_same_told_from_it(
        self, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING, Fault.ERROR_502_BEFORE)
        await failure_of(vps.tickets.create(**(DRAFT | {"message": "<p>It is&nbsp;down.</p>"})))
        error = await failure_of(create(vps))
        assert TWIN in str(error)
        assert len(made(sandbox)) == 1

    async def test_nor_while_it_is_under_way(self, vps: VPSBG, sandbox: Sandbox) -> None:
        sandbox.faults.add(Fault.STALL_ON_WRITE, Fault.ERROR_502_BEFORE)
        html = DRAFT | {"message": "<p>It is&nbsp;down.</p>"}
        stalled = impatient(vps, Fault.STALL_ON_WRITE)
        other = asyncio.create_task(failure_of(stalled.tickets.create(**html)))
        while not made(sandbox):  # noqa: ASYNC110 - the sandbox tells nobody
            await asyncio.sleep(0.001)
        error = await failure_of(create(vps))
        assert TWIN in str(error)
        await other
        assert len(made(sandbox)) == 1

    async def test_a_marker_tells_them_apart(self, vps: VPSBG, sandbox: Sandbox) -> None:
        await make_known(vps, reference_marker=True)
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING, Fault.ERROR_502_BEFORE)
        await failure_of(vps.tickets.create(**DRAFT, reference_marker=True))
        ticket = await create(vps, reference_marker=True)
        assert [stored.id for stored in made(sandbox)[1:]] == [ticket.id]

    async def test_a_marker_used_twice_does_not(self, vps: VPSBG, sandbox: Sandbox) -> None:
        await make_known(vps, reference_marker=True)
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING, Fault.ERROR_502_BEFORE)
        await failure_of(vps.tickets.create(**DRAFT, reference_marker="abcd"))
        error = await failure_of(create(vps, subject="Up again", reference_marker="abcd"))
        assert TWIN in str(error)

    async def test_clients_with_other_options_are_one(
        self, vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING, Fault.DROP_AFTER_PROCESSING)
        tickets = await asyncio.gather(create(vps), create(vps.with_options(deadline=60.0)))
        assert in_order(log) == [0, 1]
        assert {ticket.id for ticket in tickets} == {stored.id for stored in made(sandbox)}
        assert len(made(sandbox)) == 2


class TestOfTwoClients:
    """Of which neither knows what the other creates."""

    @pytest.fixture
    async def other(self, sandbox: Sandbox, log: Log) -> AsyncIterator[VPSBG]:
        async with client(sandbox, log) as other:
            yield other

    async def test_a_marker_tells_their_tickets_apart(
        self, vps: VPSBG, other: VPSBG, sandbox: Sandbox
    ) -> None:
        await make_known(vps, reference_marker=True)
        await other.tickets.create(**DRAFT, reference_marker=True)
        sandbox.faults.add(Fault.ERROR_502_BEFORE)
        ticket = await create(vps, reference_marker=True)
        assert ticket.id == made(sandbox)[1].id

    async def test_without_one_the_others_is_taken_for_ours(
        self, vps: VPSBG, other: VPSBG, sandbox: Sandbox
    ) -> None:
        """What is left: it says the same, was created within the margin, and ours was not."""
        theirs = await other.tickets.create(**DRAFT)
        sandbox.faults.add(Fault.ERROR_502_BEFORE)
        ticket = await create(vps)
        assert ticket.id == theirs.id

    async def test_of_two_that_are_there_none_is(
        self, vps: VPSBG, other: VPSBG, sandbox: Sandbox
    ) -> None:
        await other.tickets.create(**DRAFT)
        sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
        assert "2 are the same" in str(await failure_of(create(vps)))


class TestReplies:
    @pytest.mark.parametrize("faults", PAIRS, ids=str)
    async def test_each_gets_its_own_message(
        self, faults: tuple[Fault | None, ...], vps: VPSBG, sandbox: Sandbox, log: Log
    ) -> None:
        ticket = await make_old(vps, sandbox)
        sandbox.faults.add(*faults)
        log.clear()
        await asyncio.gather(reply(vps, ticket), reply(vps, str(ticket)))
        contents = [message.content for message in sandbox.tickets[-1].messages]
        assert contents == ["An hour ago.", "It is known.", "Any news?", "Any news?"]
        assert len(log.waits("twin")) == 1

    async def test_to_other_tickets_they_are_none(self, vps: VPSBG, log: Log) -> None:
        tickets = [await make_known(vps) for _ in range(2)]
        await asyncio.gather(*(reply(vps, ticket.id) for ticket in tickets))
        assert log.waits("twin") == []


class TestCancelled:
    async def test_all_at_once(self) -> None:
        """The first is under way, the others wait for it."""
        arrived = asyncio.Event()

        async def serve(connection: RawConnection) -> None:
            await connection.request()
            arrived.set()
            await connection.until_gone()

        async with RawServer(serve) as server, VPSBG("key", base_url=server.url) as vps:
            calls = [asyncio.create_task(create(vps)) for _ in range(3)]
            await arrived.wait()
            for call in calls:
                call.cancel()
            outcomes = []
            for call in calls:
                with pytest.raises(asyncio.CancelledError) as caught:
                    await call
                outcomes.append(outcome_of(caught.value))
            assert outcomes == [Outcome.UNKNOWN, Outcome.NOT_SENT, Outcome.NOT_SENT]
            assert vps.tickets._ledger._lanes == {}

    async def test_one_that_waits(self, vps: VPSBG, sandbox: Sandbox) -> None:
        sandbox.faults.add(Fault.STALL_ON_WRITE)
        first = asyncio.create_task(create(impatient(vps, Fault.STALL_ON_WRITE)))
        await asyncio.sleep(0)
        second = asyncio.create_task(create(vps))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await second
        assert isinstance(caught.value.__cause__, NotSentError)
        ticket = await first
        assert [stored.id for stored in made(sandbox)] == [ticket.id]
        assert vps.tickets._ledger._lanes == {}
        await create(vps)

    async def test_one_whose_deadline_passes_while_it_waits(
        self, vps: VPSBG, sandbox: Sandbox
    ) -> None:
        sandbox.faults.add(Fault.STALL_ON_WRITE)
        first = asyncio.create_task(create(impatient(vps, Fault.STALL_ON_WRITE)))
        await asyncio.sleep(0)
        error = await failure_of(create(vps.with_options(deadline=0.05)))
        assert type(error) is NotSentError
        assert error.attempts == 0
        await first
        assert len(made(sandbox)) == 1
        assert vps.tickets._ledger._lanes == {}


class TestWrongInput:
    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"message": ["It is down."]}, "message"),
            ({"subject": {}}, "subject"),
            ({"reference_marker": ["abcd"]}, "reference_marker"),
            ({"message": "no"}, "message"),
        ],
        ids=str,
    )
    async def test_is_told_at_once_and_waits_for_nobody(
        self, wrong: dict[str, Any], field: str, sandbox: Sandbox, log: Log
    ) -> None:
        async with client(sandbox, log) as vps:
            error = await failure_of(create(vps, **wrong))
        assert set(getattr(error, "errors", ())) == {field}
        assert vps.tickets._ledger._lanes == {}
        assert (log.posts, log.waits("twin")) == (0, [])

    @pytest.mark.parametrize("ticket_id", [["216"], {}, "9" * 5000], ids=lambda id_: str(id_)[:9])
    async def test_of_an_id(self, ticket_id: Any, vps: VPSBG, log: Log) -> None:
        error = await failure_of(reply(vps, ticket_id, message="no"))
        assert "message" in getattr(error, "errors", ())
        assert log.posts == 0
