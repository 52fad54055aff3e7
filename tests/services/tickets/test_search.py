"""What one look through a list proves: pages made by hand, and a clock that stands still."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpsbg_async import NotFoundError, ReconcilePolicy, Ticket, TicketMessage
from vpsbg_async.core.finding import Finding
from vpsbg_async.services.tickets.ledger import Known, Ledger, Scope
from vpsbg_async.services.tickets.search import Search, Sighting
from vpsbg_async.services.tickets.wording import Wording
from vpsbg_async.testing import Clock

T = TypeVar("T")

quick = settings(max_examples=300, deadline=None, database=None, derandomize=True)

BEGAN = 1_700_000_000.0  # when the call began, by the clock here
AHEAD = 5000.0  # by which the server's clock is ahead
NOW = 60.0  # seconds after the begin; when the walk begins
POLICY = ReconcilePolicy(settle=20.0, settle_late=100.0, margin=10.0, max_pages=5)

MINE = Wording("Down", "It is down.")
KNOWN = Wording("Known", "It is known.")
MARKED = Wording("Down", "It is down.", "abcd")


class StandingClock(Clock):
    """A clock that shows one time."""

    def time(self) -> float:
        return BEGAN + NOW


def at(seconds: float) -> datetime:
    """So many seconds after the begin of the call, by the server's clock."""
    return datetime.fromtimestamp(BEGAN + AHEAD + seconds, UTC)


def ticket(
    number: int,
    created: float | None,
    subject: str | None = "Other",
    message: str | None = "Something else.",
    *,
    changed: float | None = None,
) -> Ticket:
    """A ticket as it is told; without its messages if it says nothing."""
    return Ticket(
        id=number,
        subject=subject,
        created_at=None if created is None else at(created),
        updated_at=None if changed is None else at(changed),
        messages=None if message is None else (TicketMessage(id=number * 10, content=message),),
    )


def mine(
    number: int = 7, created: float | None = 1.0, message: str | None = MINE.message
) -> Ticket:
    return ticket(number, created, MINE.subject, message)


CONTROL = ticket(3, -50.0, KNOWN.subject, KNOWN.message)
OLD = ticket(2, -500.0)


@attrs.define
class Account:
    """An account whose list is walked through once.

    Attributes:
        pages: The list.
        whole: What each ticket is when it is got, by id; the others do not exist any more.
        ahead: What is known of the server's clock.
        read: How many pages were read.
        got: Which tickets were got.
    """

    pages: Sequence[Sequence[Ticket]]
    whole: dict[int, Ticket] = attrs.field(factory=dict)
    ahead: float | None = AHEAD
    ledger: Ledger = attrs.field(factory=Ledger)
    scope: Scope = None
    read: int = 0
    got: list[int] = attrs.field(factory=list)

    @classmethod
    def of(cls, *pages: Sequence[Ticket], **more: Any) -> Account:
        """One in which a ticket was created before, 50 seconds before the call."""
        account = cls(pages, **more)
        account.know(3, KNOWN, -51.0, -49.0)
        return account

    def know(self, number: int, wording: Wording, began: float, ended: float) -> None:
        self.ledger.claim(Known(number, None, wording, BEGAN + began, BEGAN + ended))

    async def look(self, wording: Wording = MINE, policy: ReconcilePolicy = POLICY) -> Finding[Any]:
        search = Search(
            self.scope,
            wording,
            BEGAN,
            ledger=self.ledger,
            policy=policy,
            clock=StandingClock(),
            ahead=lambda: self.ahead,
            fetch=self._get,
        )
        await search.walk(self._list())
        return await search.verdict()

    async def _list(self) -> AsyncIterator[Iterable[Sighting]]:
        for page in self.pages:
            self.read += 1
            yield map(Sighting.of_ticket, page)

    async def _get(self, number: int) -> Ticket:
        self.got.append(number)
        if number not in self.whole:
            raise NotFoundError(status=404, headers={}, body=b"")
        return self.whole[number]


async def check_absent(account: Account, wording: Wording = MINE) -> None:
    assert await account.look(wording) == Finding(absent=True)


async def check_unknown(account: Account, reason: str, wording: Wording = MINE) -> None:
    finding = await account.look(wording)
    assert (finding.found, finding.absent) == (None, False)
    assert reason in finding.reason


class TestFound:
    async def test_the_one_that_matches(self) -> None:
        ours = mine()
        account = Account.of([ticket(8, 2.0), ours, CONTROL, OLD])
        assert await account.look() == Finding(found=ours)
        assert account.got == []

    async def test_without_anything_that_is_known(self) -> None:
        """A match speaks for itself: order, controls and the end of the list do not matter."""
        ours = mine()
        assert await Account([[ours]]).look() == Finding(found=ours)
        assert await Account([[OLD, ticket(9, 5.0), ours]]).look() == Finding(found=ours)
        assert await Account([[ticket(9, None), ours]]).look() == Finding(found=ours)

    async def test_with_another_that_resembles(self) -> None:
        ours = mine()
        account = Account.of(
            [mine(8, 2.0, "It's down"), ours], whole={8: mine(8, 2.0, "It's down")}
        )
        assert await account.look() == Finding(found=ours)

    @pytest.mark.parametrize("created", [-1.5, 0.0, 60.0])
    async def test_from_the_call_on(self, created: float) -> None:
        ours = mine(created=created)
        assert await Account.of([ours, CONTROL, OLD]).look() == Finding(found=ours)

    @pytest.mark.parametrize("created", [-3.0, -12.0])
    async def test_not_for_certain_from_a_margin_before_it_on(self, created: float) -> None:
        """It may be the same again, of another program or of a run before."""
        account = Account.of([mine(created=created), CONTROL, OLD])
        await check_unknown(account, "may have been created before it")

    @pytest.mark.parametrize("created", [-12.0, -3.0, 0.0, 60.0])
    async def test_from_a_margin_before_the_call_on_by_its_marker(self, created: float) -> None:
        told = ticket(7, created, "???", f"??? {MARKED.told}")
        assert await Account([[told]]).look(MARKED) == Finding(found=told)

    async def test_none_that_is_still_to_come(self) -> None:
        """As where a list tells the time of another zone: then it may be any of the last hours."""
        account = Account.of([mine(created=7200.0), CONTROL, OLD])
        await check_unknown(account, "times that have not come yet")

    async def test_among_messages_the_first_is_held_against_it(self) -> None:
        first, answer = (
            TicketMessage(id=70, content=MINE.message),
            TicketMessage(id=71, content="We are looking into it."),
        )
        ours = attrs.evolve(mine(), messages=(answer, first))
        assert await Account([[ours]]).look() == Finding(found=ours)
        other = attrs.evolve(ours, messages=(attrs.evolve(first, id=72), answer))
        await check_unknown(Account.of([other, CONTROL, OLD], whole={7: other}), "resembles")

    async def test_by_its_marker_whatever_else_it_says(self) -> None:
        told = ticket(7, 1.0, "???", f"??? {MARKED.told}")
        assert await Account([[told]]).look(MARKED) == Finding(found=told)


class TestAbsent:
    async def test_when_all_conditions_are_met(self) -> None:
        account = Account.of([ticket(9, 5.0), ticket(8, 2.0), CONTROL, OLD])
        await check_absent(account)

    async def test_over_several_pages(self) -> None:
        await check_absent(Account.of([ticket(9, 5.0)], [ticket(8, 2.0)], [CONTROL], [OLD]))

    async def test_with_what_was_created_meanwhile_in_the_list(self) -> None:
        account = Account.of([ticket(9, 5.0), ticket(8, 2.0), CONTROL, OLD])
        account.know(8, Wording("Other", "Something else."), 1.0, 3.0)
        await check_absent(account)

    async def test_of_the_same_age(self) -> None:
        await check_absent(Account.of([ticket(9, 5.0), ticket(8, 5.0), CONTROL, OLD, OLD]))


class TestEachCondition:
    """Everything proves that it is absent, but for one thing."""

    async def test_the_time_of_the_server_is_known(self) -> None:
        await check_unknown(Account.of([CONTROL, OLD], ahead=None), "does not tell its time")

    async def test_nor_is_anything_found_without_it(self) -> None:
        await check_unknown(
            Account.of([mine(), CONTROL, OLD], ahead=None), "does not tell its time"
        )

    @pytest.mark.parametrize("last", [-12.0, -1.0, 1.0])
    async def test_the_list_leads_to_a_time_before_the_call(self, last: float) -> None:
        account = Account([[ticket(9, 5.0), ticket(3, last, KNOWN.subject, KNOWN.message)]])
        account.know(3, KNOWN, last - 1.0, last + 1.0)
        await check_unknown(account, "did not lead to a time before the call")

    async def test_an_empty_list_leads_nowhere(self) -> None:
        await check_unknown(Account.of([]), "did not lead to a time before the call")
        await check_unknown(Account.of(), "did not lead to a time before the call")

    async def test_it_does_within_the_pages_that_are_read(self) -> None:
        pages = [[ticket(9, 5.0)], [ticket(8, 2.0)], [CONTROL], [OLD]]
        assert (await Account.of(*pages).look(policy=POLICY)).absent
        account = Account.of(*pages)
        finding = await account.look(policy=attrs.evolve(POLICY, max_pages=2))
        assert finding.reason == "the list did not lead to a time before the call"
        assert account.read == 2

    async def test_something_is_known_to_be_ours(self) -> None:
        await check_unknown(Account([[CONTROL, OLD]]), "nothing that is known to be ours was met")

    async def test_it_is_met(self) -> None:
        await check_unknown(Account.of([ticket(9, 5.0), OLD]), "nothing that is known to be ours")

    async def test_it_is_of_the_same_kind(self) -> None:
        """That plain words come back tells nothing of markers, and the other way round."""
        await check_unknown(Account.of([CONTROL, OLD]), "nothing that is known to be ours", MARKED)
        marked = Wording("Known", "It is known.", "wxyz")
        account = Account([[ticket(3, -50.0, marked.subject, marked.told), OLD]])
        account.know(3, marked, -51.0, -49.0)
        await check_absent(account, MARKED)
        await check_unknown(account, "nothing that is known to be ours")

    @pytest.mark.parametrize(
        "told",
        [
            ticket(3, -50.0, "Known", "It is not known."),
            ticket(3, -50.0, "Unknown", "It is known."),
            ticket(3, -50.0, None, "It is known."),
            ticket(3, -50.0, "Known", "It is kn..."),
            ticket(3, -50.0, "Known", "Itisknown"),
            ticket(3, -50.0, "Known", None),
            ticket(3, -50.0, "?????", "?????"),
        ],
        ids=lambda told: f"{told.subject}: {told.messages and told.messages[0].content}",
    )
    async def test_it_is_told_as_it_was_sent(self, told: Ticket) -> None:
        account = Account.of([told, OLD], whole={3: told})
        await check_unknown(account, "what is known to be ours is not told as it was sent")

    @pytest.mark.parametrize(
        ("created", "is_proof"),
        [(-63.0, True), (-37.0, True), (-63.1, False), (-36.9, False)],
    )
    async def test_it_was_created_when_it_was_sent(self, created: float, is_proof: bool) -> None:
        """In -51 to -49 seconds, that is, give or take the margin and a tick of the clock."""
        account = Account.of([ticket(3, created, KNOWN.subject, KNOWN.message), OLD])
        finding = await account.look()
        assert finding.absent is is_proof
        assert is_proof or "not told as it was sent" in finding.reason

    async def test_all_that_is_known_and_met_is_told_so(self) -> None:
        account = Account.of([CONTROL, ticket(4, -60.0, "Known, too", "It is"), OLD])
        account.know(4, Wording("Known, too", "It is known."), -61.0, -59.0)
        account.whole[4] = account.pages[0][1]
        await check_unknown(account, "is not told as it was sent")

    async def test_what_was_created_meanwhile_is_in_the_list(self) -> None:
        account = Account.of([ticket(9, 5.0), CONTROL, OLD])
        account.know(8, Wording("Other", "Something else."), 1.0, 3.0)
        await check_unknown(account, "lacks what is known to have been created")

    async def test_also_if_its_call_began_before(self) -> None:
        account = Account.of([ticket(9, 5.0), CONTROL, OLD])
        account.know(8, Wording("Other", "Something else."), -40.0, 0.5)
        await check_unknown(account, "lacks what is known to have been created")

    async def test_what_was_created_before_need_not_be(self) -> None:
        account = Account.of([ticket(9, 5.0), CONTROL, OLD])
        account.know(8, Wording("Other", "Something else."), -40.0, -0.5)
        await check_absent(account)

    async def test_all_tell_when_they_were_created(self) -> None:
        reason = "does not tell when they were created"
        untold = ticket(3, None, KNOWN.subject, KNOWN.message)
        for first in ([ticket(9, None), CONTROL], [mine(created=None), CONTROL], [untold]):
            await check_unknown(Account.of([*first, OLD]), reason)

    async def test_none_is_the_same(self) -> None:
        account = Account.of([mine(8), mine(7), CONTROL, OLD])
        await check_unknown(account, "2 are the same")

    @pytest.mark.parametrize(
        "told",
        [
            mine(message="Itisdown!"),
            mine(message="Something else."),
            mine(message="It is..."),
            mine(message=None),
            ticket(7, 1.0, "[#7] Down", "It is down."),
            ticket(7, 1.0, None, "Something else."),
            ticket(7, 1.0, "????", "????"),
            ticket(7, 1.0, "Other", None),
        ],
        ids=lambda told: f"{told.subject}: {told.messages and told.messages[0].content}",
    )
    async def test_none_resembles_it(self, told: Ticket) -> None:
        account = Account.of([told, CONTROL, OLD], whole={7: told})
        await check_unknown(account, "something resembles it")

    @pytest.mark.parametrize("message", ["It is down.", "It is...", "It", "", None])
    async def test_none_may_have_lost_its_marker(self, message: str | None) -> None:
        marked = Wording("Known", "It is known.", "wxyz")
        told = ticket(7, 1.0, "Down", message)
        account = Account(
            [[told, ticket(3, -50.0, marked.subject, marked.told), OLD]], whole={7: told}
        )
        account.know(3, marked, -51.0, -49.0)
        await check_unknown(account, "something resembles it", MARKED)


class TestWhatIsNoMatch:
    """It reads the same, and cannot be the one that is looked for."""

    async def test_what_is_claimed_by_another(self) -> None:
        account = Account.of([mine(), CONTROL, OLD])
        account.know(7, MINE, 0.5, 2.0)
        await check_absent(account)

    async def test_beside_the_one_that_is_not(self) -> None:
        ours = mine(8, 5.0)
        account = Account.of([ours, mine(), CONTROL, OLD])
        account.know(7, MINE, 0.5, 2.0)
        assert await account.look() == Finding(found=ours)

    async def test_what_is_claimed_elsewhere_is_another(self) -> None:
        ours = mine()
        account = Account.of([ours, CONTROL, OLD])
        account.ledger.claim(Known(ours.id, 216, MINE, BEGAN, BEGAN + 1.0))
        assert await account.look() == Finding(found=ours)

    async def test_what_was_found_for_the_same_call_is_no_other(self) -> None:
        ours = mine()
        account = Account.of([ours, CONTROL, OLD])
        account.ledger.claim(Known(7, None, MINE, BEGAN, BEGAN + 50.0), sought=BEGAN)
        assert await account.look() == Finding(found=ours)
        account.ledger.claim(Known(7, None, MINE, BEGAN, BEGAN + 50.0), sought=BEGAN + 0.001)
        await check_absent(account)

    @pytest.mark.parametrize("created", [-12.1, -49.0, -500.0])
    async def test_what_was_created_before_the_call(self, created: float) -> None:
        tickets = sorted([mine(created=created), CONTROL, OLD], key=ORDERS["newest first"])
        await check_absent(Account.of(tickets))

    async def test_what_would_be_in_time_by_the_clock_here(self) -> None:
        account = Account.of([mine(created=-AHEAD), CONTROL, OLD])
        account.pages = [[CONTROL, OLD, mine(created=-AHEAD)]]
        await check_absent(account)


class TestTwins:
    async def test_one_that_is_lost(self) -> None:
        for pages in ([mine(), CONTROL, OLD], [CONTROL, OLD]):
            account = Account.of(pages)
            account.ledger.lose(None, Wording("Down", "<p>It is down.</p>"), BEGAN - 20.0)
            await check_unknown(account, "another call creates the same, or may have")

    @pytest.mark.parametrize(("time", "counts"), [(-110.0, True), (-110.1, False)])
    async def test_it_counts_as_long_as_it_may_be_created_late(
        self, time: float, counts: bool
    ) -> None:
        account = Account.of([CONTROL, OLD])
        account.ledger.lose(None, MINE, BEGAN + time)
        assert (await account.look()).absent is not counts

    async def test_one_under_way(self) -> None:
        account = Account.of([mine(), CONTROL, OLD])
        words = Wording("Down", "<p>It is down.</p>")
        async with account.ledger.turn(None, words, alone=False, on_wait=lambda: None):
            await check_unknown(account, "another call creates the same, or may have")
        assert (await account.look()).found is not None

    async def test_it_is_none_of_itself(self) -> None:
        account = Account.of([CONTROL, OLD])
        async with account.ledger.turn(None, MINE, alone=True, on_wait=lambda: None):
            await check_absent(account)

    async def test_markers_tell_them_apart(self) -> None:
        ours = ticket(7, 1.0, "Down", MARKED.told)
        account = Account([[ours]])
        account.ledger.lose(None, MINE, BEGAN)
        account.ledger.lose(None, Wording("Down", "It is down.", "wxyz"), BEGAN)
        assert await account.look(MARKED) == Finding(found=ours)


FRESH = [ticket(20 + number, NOW + number) for number in range(4)]  # newer than the walk

NINE, EIGHT = ticket(9, 5.0), ticket(8, -40.0)

DISORDER: dict[str, list[list[Ticket]]] = {
    "oldest first": [[OLD, CONTROL, ticket(8, 2.0), ticket(9, 5.0)]],
    "one out of its place": [[ticket(9, 5.0), CONTROL, ticket(8, 2.0), OLD]],
    "the last one": [[ticket(9, 5.0), CONTROL, OLD, ticket(8, 2.0)]],
    "on another page": [[NINE], [EIGHT], [ticket(7, 2.0)], [CONTROL]],
    "before the call": [[CONTROL, OLD, ticket(1, -400.0)]],
    "by a second": [[NINE, ticket(8, 5.001), CONTROL, OLD]],
    "newer than the walk, on the same page": [[CONTROL, FRESH[0], OLD]],
    "oldest first, all but one newer than the walk": [[OLD, CONTROL, *FRESH]],
    "just older than the walk": [[EIGHT], [ticket(9, NOW - 2.1), CONTROL]],
    "among some that were seen": [[NINE, EIGHT], [EIGHT, NINE, CONTROL]],
}

SHIFTS: dict[str, list[list[Ticket]]] = {
    "pushed by one": [[NINE, EIGHT], [EIGHT, CONTROL]],
    "pushed by a page": [[NINE, EIGHT], [NINE, EIGHT], [CONTROL]],
    "pushed by more than a page": [[NINE, EIGHT], [FRESH[1], FRESH[0]], [NINE, EIGHT], [CONTROL]],
    "with one of them": [[NINE, EIGHT], [FRESH[0], NINE], [EIGHT, CONTROL]],
    "just within the tick of a clock": [[EIGHT], [ticket(9, NOW - 1.9), CONTROL]],
}


class TestOrder:
    @pytest.mark.parametrize("pages", DISORDER.values(), ids=DISORDER)
    async def test_another_proves_nothing(self, pages: list[list[Ticket]]) -> None:
        account = Account.of(*pages)
        await check_unknown(account, "not in the order of creation, newest first")
        assert account.read == len(pages)

    @pytest.mark.parametrize("pages", SHIFTS.values(), ids=SHIFTS)
    async def test_pages_that_shift_are_none(self, pages: list[list[Ticket]]) -> None:
        account = Account.of(*pages)
        await check_absent(account)
        assert account.read == len(pages)

    async def test_one_page_of_the_same_age_shows_none(self) -> None:
        """Such as the oldest of a list that was imported, with the newest on its last page."""
        imported = [ticket(3, -50.0, KNOWN.subject, KNOWN.message), ticket(4, -50.0)]
        unread = [mine()]
        account = Account.of(imported, unread)
        assert (await account.look()).found == unread[0]
        account = Account.of(imported, [ticket(9, 5.0)])
        await check_unknown(account, "not in the order of creation")

    async def test_a_list_read_to_its_end_needs_none(self) -> None:
        await check_absent(Account.of([CONTROL]))

    async def test_what_changed_since_is_no_sign_of_a_time_before(self) -> None:
        """In a list by change these stand before what was created meanwhile."""
        changed = [
            ticket(3, -50.0, KNOWN.subject, KNOWN.message, changed=30.0),
            ticket(2, -500.0, changed=29.0),
        ]
        ours = mine()
        assert (await Account.of(changed, [ours, OLD]).look()).found == ours
        await check_unknown(Account.of(changed), "did not lead to a time before the call")
        account = Account.of(changed, [ticket(1, -600.0, changed=-590.0)])
        await check_absent(account)
        assert account.read == 2


class TestWalk:
    """How far it goes: as far as something can come of it."""

    async def test_to_the_first_page_that_completes_the_proof(self) -> None:
        account = Account.of([ticket(9, 5.0)], [CONTROL, OLD], [ticket(1, -900.0)])
        await check_absent(account)
        assert account.read == 2

    async def test_on_until_it_meets_what_is_known(self) -> None:
        account = Account.of([ticket(9, 5.0), ticket(8, -30.0)], [CONTROL], [OLD])
        await check_absent(account)
        assert account.read == 2

    async def test_on_until_it_meets_what_was_created_meanwhile(self) -> None:
        pages = [ticket(9, 5.0), CONTROL], [OLD], [ticket(1, -900.0)]
        account = Account.of(*pages)
        account.know(8, Wording("Other", "Something else."), 1.0, 3.0)
        await check_unknown(account, "lacks what is known")
        assert account.read == 3

    async def test_no_further_if_nothing_is_known(self) -> None:
        account = Account([[ticket(9, 5.0), OLD], [ticket(1, -900.0)]])
        await check_unknown(account, "nothing that is known")
        assert account.read == 1

    async def test_beyond_the_begin_of_the_call_though_there_is_a_match(self) -> None:
        account = Account.of([mine(8, 5.0)], [mine(7)], [OLD], [ticket(1, -900.0)])
        await check_unknown(account, "2 are the same")
        assert account.read == 3

    async def test_no_further_if_there_is_a_match(self) -> None:
        account = Account.of([mine(), OLD], [CONTROL])
        assert (await account.look()).found is not None
        assert account.read == 1

    async def test_a_match_that_is_claimed_does_not_end_it(self) -> None:
        account = Account.of([mine(), ticket(2, -30.0)], [CONTROL])
        account.know(7, MARKED, 0.5, 2.0)
        await check_absent(account)
        assert account.read == 2

    async def test_not_without_end(self) -> None:
        account = Account.of(*[[ticket(100 - number, 50.0 - number)] for number in range(50)])
        await check_unknown(account, "did not lead to a time before the call")
        assert account.read == POLICY.max_pages


class TestWhatTheListLeavesOut:
    """A ticket that it does not tell enough of is got."""

    async def test_messages(self) -> None:
        bare = mine(message=None)
        account = Account.of([bare, CONTROL, OLD], whole={7: mine()})
        assert await account.look() == Finding(found=mine())
        assert account.got == [7]

    async def test_messages_of_another(self) -> None:
        account = Account.of([mine(message=None), CONTROL, OLD], whole={7: ticket(7, 1.0)})
        await check_absent(account)

    async def test_messages_of_what_is_known(self) -> None:
        bare = attrs.evolve(CONTROL, messages=None)
        account = Account.of([ticket(9, 5.0), bare, OLD], whole={3: CONTROL})
        await check_absent(account)
        assert account.got == [3]

    async def test_messages_that_nobody_tells(self) -> None:
        bare = mine(message=None)
        account = Account.of([bare, CONTROL, OLD], whole={7: bare})
        await check_unknown(account, "something resembles it")

    async def test_the_end_of_a_message(self) -> None:
        for cut in ("It is...", "It", "Somethi"):
            account = Account.of([mine(message=cut), CONTROL, OLD], whole={7: mine()})
            assert await account.look() == Finding(found=mine())

    async def test_the_end_of_a_message_with_a_marker(self) -> None:
        whole = ticket(7, 1.0, "Down", MARKED.told)
        for subject in ("Down", "????"):
            account = Account.of([ticket(7, 1.0, subject, "It is dow...")], whole={7: whole})
            assert await account.look(MARKED) == Finding(found=whole)

    async def test_all_messages_but_the_last(self) -> None:
        last = ticket(7, 1.0, "Down", "We are looking into it.")
        for wording in (MINE, MARKED):
            whole = ticket(7, 1.0, "Down", wording.told)
            assert await Account.of([last], whole={7: whole}).look(wording) == Finding(found=whole)

    async def test_the_end_of_a_message_of_what_is_known(self) -> None:
        cut = ticket(3, -50.0, KNOWN.subject, "It is kn")
        await check_absent(Account.of([cut, OLD], whole={3: CONTROL}))

    async def test_only_what_may_be_it_is_got(self) -> None:
        """Neither what reads otherwise, nor what is claimed, nor what is older."""
        account = Account.of(
            [
                ticket(9, 5.0),
                mine(8, 4.0, None),
                CONTROL,
                mine(4, -70.0, None),
                attrs.evolve(OLD, messages=None),
            ]
        )
        account.know(8, MARKED, 3.0, 5.0)
        await check_absent(account)
        assert account.got == []

    async def test_each_once(self) -> None:
        bare = [ticket(number, number, "Other", None) for number in (9, 8, 7)]
        whole = {item.id: ticket(item.id, 0.0) for item in bare}
        account = Account.of([*bare, attrs.evolve(CONTROL, messages=None), OLD])
        account.whole = whole | {3: CONTROL}
        await check_absent(account)
        assert sorted(account.got) == [3, 7, 8, 9]

    async def test_of_too_many_nothing_is_proved(self) -> None:
        bare = [ticket(100 - number, 50.0 - number / 10, "Other", None) for number in range(30)]
        whole = {item.id: ticket(item.id, 0.0) for item in bare}
        account = Account.of([*bare, CONTROL, OLD], whole=whole)
        await check_unknown(account, "something resembles it")
        assert len(account.got) == 25
        account = Account.of([*bare[:25], CONTROL, OLD], whole=whole)
        await check_absent(account)

    async def test_one_that_cannot_be_got_leaves_it_to_the_caller(self) -> None:
        account = Account.of([mine(message=None), CONTROL, OLD])
        with pytest.raises(NotFoundError):
            await account.look()


MANGLED: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: f"  {text}\r\n",
    lambda text: f"<p>{html.escape(text)}</p>",
    lambda text: html.escape(html.escape(text)),
    html.unescape,
    lambda text: text.replace("<b>", "").replace("</b>", ""),
    lambda text: text.replace(" ", ""),
    lambda text: text.replace("'", "\u2019").replace(".", "!"),
    str.upper,
    lambda text: "".join(char for char in text if char <= "\uffff"),
    lambda text: text.partition("🔥")[0],
    lambda text: text.encode("ascii", "replace").decode(),
    lambda _: "??? ??",
    lambda _: "",
]


def seconds(moment: datetime | None) -> float:
    assert moment is not None
    return moment.timestamp()


TEXTS = ["It is down.", "in <module>", "use &lt;b&gt;x", "Сървър 5 🔥 <b>1</b> & x's", "🔥🔥🔥🔥🔥"]
ORDERS: dict[str, Callable[[Ticket], Any]] = {
    "newest first": lambda item: (-seconds(item.created_at), -item.id),
    "oldest first": lambda item: (seconds(item.created_at), item.id),
    "by change": lambda item: (-seconds(item.updated_at), -item.id),
}


@st.composite
def accounts(draw: st.DrawFn, *, with_mine: bool) -> tuple[Account, Wording, Ticket | None]:
    """An account with known and unknown tickets, told in some way and order, page by page."""
    marker = draw(st.sampled_from([None, None, "abcd"]))
    wording = Wording(draw(st.sampled_from(TEXTS)), draw(st.sampled_from(TEXTS)), marker)
    account = Account([])
    tickets: list[Ticket] = []

    def add(words: Wording, created: float, *, message: str | None = None) -> Ticket:
        number = len(tickets) + 1
        changed = max(created, draw(st.sampled_from([created, -200.0, 0.5, 30.0])))
        told = words.told if message is None else message
        tickets.append(ticket(number, created, words.subject, told, changed=changed))
        return tickets[-1]

    for _ in range(draw(st.integers(0, 6))):
        created = draw(st.sampled_from([-900.0, -300.0, -50.0, -5.0, 1.0, 40.0]))
        what = draw(st.sampled_from(["another's", "ours", "ours, read the same", "older"]))
        if what == "older":
            add(wording, min(created, -13.0))
            continue
        other = attrs.evolve(KNOWN, marker=marker and f"wxyz{len(tickets)}")
        words = wording if what == "ours, read the same" else other
        made = add(words, created)
        if what != "another's":
            account.know(made.id, words, created - 1.0, created + 1.0)
    ours = None
    if with_mine:
        mangle = draw(st.sampled_from(MANGLED))
        message = mangle(wording.message) if marker else mangle(wording.told)
        ours = add(attrs.evolve(wording, subject=mangle(wording.subject)), 2.0, message=message)
    tickets.sort(key=ORDERS[draw(st.sampled_from(sorted(ORDERS)))])
    size = draw(st.integers(1, 4))
    account.pages = [tickets[start : start + size] for start in range(0, len(tickets), size)]
    account.whole = {item.id: item for item in tickets}
    account.ahead = draw(st.sampled_from([AHEAD, AHEAD, AHEAD, None]))
    return account, wording, ours


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """What comes of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits for something")


class TestAnyList:
    @quick
    @given(accounts(with_mine=True))
    def test_never_proves_the_absence_of_what_is_there(
        self, drawn: tuple[Account, Wording, Ticket | None]
    ) -> None:
        """Wherever it stands, and in whatever form its letters were kept."""
        account, wording, ours = drawn
        finding = done(account.look(wording))
        assert not finding.absent
        assert finding.found is None or finding.found == ours

    @quick
    @given(accounts(with_mine=False))
    def test_never_gives_what_is_anothers_or_older(
        self, drawn: tuple[Account, Wording, Ticket | None]
    ) -> None:
        account, wording, _ = drawn
        assert done(account.look(wording)).found is None

    @quick
    @given(accounts(with_mine=False))
    def test_tells_one_thing(self, drawn: tuple[Account, Wording, Ticket | None]) -> None:
        account, wording, _ = drawn
        finding = done(account.look(wording))
        assert [finding.found is not None, finding.absent, bool(finding.reason)].count(True) == 1
        assert account.read <= POLICY.max_pages

    def test_of_these_some_prove_it(self) -> None:
        """Or the tests above would show nothing."""
        told: set[bool] = set()

        @settings(quick, max_examples=200)
        @given(accounts(with_mine=False))
        def look(drawn: tuple[Account, Wording, Ticket | None]) -> None:
            account, wording, _ = drawn
            told.add(done(account.look(wording)).absent)

        look()
        assert told == {True, False}


class TestMessages:
    """Replies are looked for in the same way, as messages of one ticket."""

    async def look(self, messages: Sequence[TicketMessage], ledger: Ledger) -> Finding[Ticket]:
        whole = Ticket(id=216, messages=tuple(messages))
        search = Search(
            216,
            Wording("", "Any news?"),
            BEGAN,
            ledger=ledger,
            policy=POLICY,
            clock=StandingClock(),
            ahead=lambda: AHEAD,
            fetch=None,
        )

        async def pages() -> AsyncIterator[Iterable[Sighting]]:
            yield [Sighting.of_message(message, whole) for message in messages]

        await search.walk(pages())
        return await search.verdict()

    @pytest.fixture
    def ledger(self) -> Ledger:
        ledger = Ledger()
        ledger.claim(Known(50, 216, Wording("", "It is known."), BEGAN - 51.0, BEGAN - 49.0))
        return ledger

    def message(self, number: int, created: float, content: str | None) -> TicketMessage:
        return TicketMessage(id=number, content=content, created_at=at(created))

    async def test_found(self, ledger: Ledger) -> None:
        messages = [self.message(51, 1.0, "Any news?"), self.message(50, -50.0, "It is known.")]
        finding = await self.look(messages, ledger)
        assert finding.found is not None
        assert finding.found.id == 216

    async def test_absent(self, ledger: Ledger) -> None:
        messages = [self.message(51, 1.0, "Other"), self.message(50, -50.0, "It is known.")]
        assert await self.look(messages, ledger) == Finding(absent=True)

    @pytest.mark.parametrize("content", ["Any, news", "ANY NEWS", "Any...", "???", "", None])
    async def test_one_that_resembles(self, ledger: Ledger, content: str | None) -> None:
        """There is nothing more to get of a message than what is told."""
        messages = [self.message(51, 1.0, content), self.message(50, -50.0, "It is known.")]
        assert "resembles" in (await self.look(messages, ledger)).reason

    async def test_nothing_known_in_this_ticket(self) -> None:
        ledger = Ledger()
        ledger.claim(Known(50, 217, Wording("", "It is known."), BEGAN - 51.0, BEGAN - 49.0))
        messages = [self.message(50, -50.0, "It is known.")]
        assert "nothing that is known" in (await self.look(messages, ledger)).reason

    async def test_several(self, ledger: Ledger) -> None:
        messages = [self.message(number, 1.0, "Any news?") for number in (52, 51)]
        assert (await self.look(messages, ledger)).reason == "2 are the same"
        ledger.claim(Known(51, 216, Wording("", "Any news?"), BEGAN, BEGAN + 2.0))
        assert (await self.look(messages, ledger)).found is not None
