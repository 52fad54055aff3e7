"""What a client remembers of what it has sent, and how it keeps twins apart."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpsbg_async.services.tickets.ledger import Known, Ledger, Scope, scope_of
from vpsbg_async.services.tickets.wording import Wording

quick = settings(max_examples=150, deadline=None, database=None, derandomize=True)

WORDS = Wording("Down", "It is down.")
OTHER = Wording("Up", "It is up.")
MARKED = Wording("Down", "It is down.", "abcd")


def known(
    number: int, scope: Scope = None, *, wording: Wording = WORDS, ended: float = 0.0
) -> Known:
    return Known(number, scope, wording, ended - 1.0, ended)


class TestScope:
    @pytest.mark.parametrize(
        ("ticket_id", "scope"),
        [
            (216, 216),
            ("216", 216),
            ("0216", 216),
            ("abc", "abc"),
            ("-1", "-1"),
            ("", ""),
            ("\u0661", "\u0661"),
            ("9" * 5000, "9" * 5000),
        ],
        ids=lambda value: str(value)[:9],
    )
    def test_is_the_id_as_answers_have_it(self, ticket_id: int | str, scope: Scope) -> None:
        assert scope_of(ticket_id) == scope


class TestClaims:
    def test_are_of_one_id_in_one_scope(self) -> None:
        ledger = Ledger()
        ledger.claim(known(5, 216))
        assert ledger.is_claimed(216, 5)
        assert not any(ledger.is_claimed(*other) for other in [(None, 5), (217, 5), (216, 6)])

    def test_what_was_sought_is_not_claimed_for_who_sought_it(self) -> None:
        ledger = Ledger()
        ledger.claim(known(1), sought=10.0)
        ledger.claim(known(2))
        assert ledger.is_claimed(None, 1)
        assert ledger.is_claimed(None, 1, sought=11.0)
        assert not ledger.is_claimed(None, 1, sought=10.0)
        assert ledger.is_claimed(None, 2, sought=10.0)

    def test_since_a_time_in_whatever_order_they_became_known(self) -> None:
        ledger = Ledger()
        for number in (3, 0, 4, 1, 2):
            ledger.claim(known(number, ended=float(number)))
            ledger.claim(known(number, 216, ended=float(number)))
        assert sorted(ledger.claimed_since(None, 2.0)) == [2, 3, 4]
        assert list(ledger.claimed_since(216, 3.5)) == [4]
        assert list(ledger.claimed_since(217, 0.0)) == []
        assert list(ledger.claimed_since(None, 5.0)) == []

    def test_one_made_again_is_the_newest(self) -> None:
        ledger = Ledger()
        for number, ended in ((1, 1.0), (2, 2.0), (1, 3.0)):
            ledger.claim(known(number, ended=ended))
        assert list(ledger.claimed_since(None, 2.5)) == [1]
        assert list(ledger.claimed_since(None, 0.0)) == [2, 1]

    def test_a_ticket_recalled_is_claimed_and_no_control(self) -> None:
        ledger = Ledger()
        ledger.recall(216, 2.0)
        assert ledger.is_claimed(None, 216)
        assert list(ledger.claimed_since(None, 2.0)) == [216]
        assert list(ledger.claimed_since(None, 2.5)) == []
        assert ledger.known(None, marked=False) == []

    @pytest.mark.parametrize("scope", [None, 216])
    def test_of_a_hundred_thousand_the_newest_are_kept(self, scope: Scope) -> None:
        ledger = Ledger()
        for number in range(100_000):
            ledger.claim(known(number, scope, ended=float(number)))
        kept = list(ledger.claimed_since(scope, -math.inf))
        assert kept == list(range(80_000, 100_000))
        assert ledger.is_claimed(scope, 99_999)
        assert not ledger.is_claimed(scope, 0)
        assert len(ledger.known(scope, marked=False)) <= 64


class TestKnown:
    def test_is_told_by_scope_and_by_kind(self) -> None:
        ledger = Ledger()
        for number, wording in enumerate((WORDS, MARKED, OTHER)):
            for scope in (None, 216, 217):
                ledger.claim(known(number, scope, wording=wording))
        for scope in (None, 216, 217):
            assert [item.id for item in ledger.known(scope, marked=False)] == [0, 2]
            assert [item.id for item in ledger.known(scope, marked=True)] == [1]
            assert {item.scope for item in ledger.known(scope, marked=False)} == {scope}
        assert ledger.known(218, marked=False) == []

    def test_tickets_are_not_forgotten_over_replies(self) -> None:
        ledger = Ledger()
        ledger.claim(known(1))
        for number in range(1000):
            ledger.claim(known(number, 216))
        assert [item.id for item in ledger.known(None, marked=False)] == [1]

    def test_one_made_again_is_known_once(self) -> None:
        ledger = Ledger()
        for ended in (1.0, 2.0, 3.0):
            ledger.claim(known(1, ended=ended), sought=0.0)
        assert ledger.known(None, marked=False) == [known(1, ended=1.0)]

    def test_the_last_ones_are_kept(self) -> None:
        ledger = Ledger()
        for number in range(1000):
            ledger.claim(known(number))
        kept = [item.id for item in ledger.known(None, marked=False)]
        assert kept == list(range(1000 - len(kept), 1000))
        assert 1 <= len(kept) <= 16


class TestLost:
    def test_is_a_twin_of_what_reads_the_same(self) -> None:
        ledger = Ledger()
        ledger.lose(None, Wording("Down ", "<p>It is&nbsp;down.</p>"), 10.0)
        assert ledger.has_twin(None, WORDS, 5.0)
        assert not ledger.has_twin(None, OTHER, 5.0)
        assert not ledger.has_twin(216, WORDS, 5.0)

    def test_counts_for_a_time(self) -> None:
        ledger = Ledger()
        ledger.lose(None, WORDS, 10.0)
        assert ledger.has_twin(None, WORDS, 10.0)
        assert not ledger.has_twin(None, WORDS, 10.1)

    def test_is_no_twin_by_another_marker(self) -> None:
        ledger = Ledger()
        ledger.lose(None, MARKED, 10.0)
        assert ledger.has_twin(None, MARKED, 0.0)
        assert not ledger.has_twin(None, Wording("Down", "It is down.", "wxyz"), 0.0)
        assert not ledger.has_twin(None, WORDS, 0.0)

    def test_is_found_once(self) -> None:
        ledger = Ledger()
        ledger.lose(None, WORDS, 10.0)
        ledger.lose(None, WORDS, 11.0)
        ledger.find(None, WORDS, 9.0)
        assert ledger.has_twin(None, WORDS, 0.0)
        ledger.find(None, WORDS, 9.0)
        assert not ledger.has_twin(None, WORDS, 0.0)
        ledger.find(None, WORDS, 9.0)

    def test_what_is_found_is_what_was_lost_first_since(self) -> None:
        ledger = Ledger()
        ledger.lose(None, WORDS, 10.0)
        ledger.lose(None, WORDS, 20.0)
        ledger.find(None, WORDS, 15.0)
        assert ledger.has_twin(None, WORDS, 10.0)
        assert not ledger.has_twin(None, WORDS, 10.1)

    def test_nothing_else_is_found_with_it(self) -> None:
        ledger = Ledger()
        ledger.lose(216, WORDS, 10.0)
        ledger.lose(None, OTHER, 10.0)
        ledger.lose(None, WORDS, 10.0)
        ledger.find(None, WORDS, 0.0)
        assert not ledger.has_twin(None, WORDS, 0.0)
        assert ledger.has_twin(216, WORDS, 0.0)
        assert ledger.has_twin(None, OTHER, 0.0)

    def test_memory_of_it_is_bounded(self) -> None:
        ledger = Ledger()
        for number in range(5000):
            ledger.lose(None, Wording("Down", f"Number {number}."), float(number))
        assert not ledger.has_twin(None, Wording("Down", "Number 0."), -math.inf)
        assert ledger.has_twin(None, Wording("Down", "Number 4999."), -math.inf)


class Caller:
    """One who takes turns, and does nothing in them until it is told to leave."""

    def __init__(
        self, ledger: Ledger, *, alone: bool, wording: Wording = WORDS, scope: Scope = None
    ) -> None:
        self.alone = alone
        self.waits = 0
        self.inside = False
        self._leave = asyncio.Event()
        self._turn = ledger.turn(scope, wording, alone=alone, on_wait=self._wait)
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self._turn:
            self.inside = True
            try:
                await self._leave.wait()
            finally:
                self.inside = False

    def _wait(self) -> None:
        self.waits += 1

    def leave(self) -> None:
        self._leave.set()


async def turns_of_the_loop(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def inside(*callers: Caller) -> list[bool]:
    return [caller.inside for caller in callers]


async def end(ledger: Ledger, *callers: Caller) -> None:
    """Let all leave, and see that nothing is left of them."""
    for caller in callers:
        caller.leave()
    await asyncio.gather(*(caller.task for caller in callers), return_exceptions=True)
    assert ledger._lanes == {}
    for caller in callers:
        if not caller.task.cancelled():
            caller.task.result()


class TestTurns:
    async def test_many_share(self) -> None:
        ledger = Ledger()
        callers = [Caller(ledger, alone=False) for _ in range(3)]
        await turns_of_the_loop()
        assert inside(*callers) == [True] * 3
        assert [caller.waits for caller in callers] == [0] * 3
        await end(ledger, *callers)

    async def test_one_is_alone(self) -> None:
        ledger = Ledger()
        one, shared, other = (Caller(ledger, alone=alone) for alone in (True, False, True))
        await turns_of_the_loop()
        assert inside(one, shared, other) == [True, False, False]
        assert (one.waits, shared.waits, other.waits) == (0, 1, 1)
        one.leave()
        await turns_of_the_loop()
        assert inside(one, shared, other) == [False, True, False]
        shared.leave()
        await turns_of_the_loop()
        assert inside(one, shared, other) == [False, False, True]
        await end(ledger, one, shared, other)

    async def test_first_come_first_served(self) -> None:
        """Whoever could share with those inside does not overtake one who waits to be alone."""
        ledger = Ledger()
        first, alone, late, later = (
            Caller(ledger, alone=alone) for alone in (False, True, False, False)
        )
        await turns_of_the_loop()
        assert inside(first, alone, late, later) == [True, False, False, False]
        first.leave()
        await turns_of_the_loop()
        assert inside(first, alone, late, later) == [False, True, False, False]
        alone.leave()
        await turns_of_the_loop()
        assert inside(first, alone, late, later) == [False, False, True, True]
        await end(ledger, first, alone, late, later)

    @pytest.mark.parametrize(
        "other",
        [{"wording": OTHER}, {"scope": 216}, {"wording": MARKED}],
        ids=["other words", "another ticket", "a marker"],
    )
    async def test_others_are_no_twins(self, other: dict[str, Any]) -> None:
        ledger = Ledger()
        callers = Caller(ledger, alone=True), Caller(ledger, alone=True, **other)
        await turns_of_the_loop()
        assert inside(*callers) == [True, True]
        await end(ledger, *callers)

    async def test_one_under_way_is_a_twin_of_what_reads_the_same(self) -> None:
        ledger = Ledger()
        mine = Caller(ledger, alone=True)
        await turns_of_the_loop()
        assert not ledger.has_twin(None, WORDS, 0.0), "it is none of itself"
        other = Caller(ledger, alone=False, wording=Wording("Down", "<p>It is down.</p>"))
        await turns_of_the_loop()
        assert ledger.has_twin(None, WORDS, 0.0)
        assert not ledger.has_twin(216, WORDS, 0.0)
        other.leave()
        await turns_of_the_loop()
        assert not ledger.has_twin(None, WORDS, 0.0)
        await end(ledger, mine, other)

    async def test_an_error_inside_gives_the_turn_on(self) -> None:
        ledger = Ledger()
        with pytest.raises(LookupError):
            async with ledger.turn(None, WORDS, alone=True, on_wait=lambda: None):
                raise LookupError
        assert ledger._lanes == {}


def cancel_waiting(one: Caller, other: Caller) -> None:
    other.task.cancel()


def cancel_inside(one: Caller, other: Caller) -> None:
    one.task.cancel()


def cancel_both(one: Caller, other: Caller) -> None:
    one.task.cancel()
    other.task.cancel()


def cancel_waiting_as_the_other_leaves(one: Caller, other: Caller) -> None:
    one.leave()
    other.task.cancel()


def cancel_waiting_before_the_other_leaves(one: Caller, other: Caller) -> None:
    other.task.cancel()
    one.leave()


CANCELS: list[Callable[[Caller, Caller], None]] = [
    cancel_waiting,
    cancel_inside,
    cancel_both,
    cancel_waiting_as_the_other_leaves,
    cancel_waiting_before_the_other_leaves,
]


class TestCancellation:
    @pytest.mark.parametrize("steps", range(6))
    @pytest.mark.parametrize("cancel", CANCELS)
    async def test_of_a_turn_leaks_nothing(
        self, cancel: Callable[[Caller, Caller], None], steps: int
    ) -> None:
        """At whatever step of the loop it comes, before or after a turn was given on."""
        ledger = Ledger()
        one, other = Caller(ledger, alone=True), Caller(ledger, alone=True)
        await turns_of_the_loop(2)
        cancel(one, other)
        await turns_of_the_loop(steps)
        other.task.cancel()
        third = Caller(ledger, alone=True)
        for caller in (one, other):
            caller.leave()
        results = await asyncio.gather(one.task, other.task, return_exceptions=True)
        for result in results:
            assert result is None or isinstance(result, asyncio.CancelledError)
        await turns_of_the_loop()
        assert third.inside
        await end(ledger, third)

    async def test_of_one_who_has_just_been_let_in(self) -> None:
        ledger = Ledger()
        one, other, third = (Caller(ledger, alone=True) for _ in range(3))
        await turns_of_the_loop()
        one.leave()
        await asyncio.sleep(0)  # `one` has left, and `other` has not run yet
        assert not other.inside
        other.task.cancel()
        await turns_of_the_loop()
        assert inside(one, other, third) == [False, False, True]
        assert other.task.cancelled()
        await end(ledger, one, other, third)

    async def test_of_the_last_one_who_has_just_been_let_in(self) -> None:
        ledger = Ledger()
        one, other = Caller(ledger, alone=True), Caller(ledger, alone=True)
        await turns_of_the_loop()
        one.leave()
        await asyncio.sleep(0)
        other.task.cancel()
        await turns_of_the_loop()
        assert other.task.cancelled()
        assert ledger._lanes == {}

    async def test_of_one_in_the_middle_of_the_queue(self) -> None:
        ledger = Ledger()
        one, other, third = (Caller(ledger, alone=alone) for alone in (True, True, False))
        await turns_of_the_loop()
        other.task.cancel()
        await turns_of_the_loop()
        assert inside(one, third) == [True, False]
        one.leave()
        await turns_of_the_loop()
        assert third.inside
        await end(ledger, one, other, third)

    async def test_of_one_who_kept_others_from_sharing(self) -> None:
        ledger = Ledger()
        first, alone, late = (Caller(ledger, alone=alone) for alone in (False, True, False))
        await turns_of_the_loop()
        alone.task.cancel()
        await turns_of_the_loop()
        assert inside(first, late) == [True, True]
        await end(ledger, first, alone, late)

    async def test_does_not_touch_a_lane_that_was_made_since(self) -> None:
        """The last one cleans up behind itself, and finds that others have begun anew."""
        ledger = Ledger()
        one, cancelled = Caller(ledger, alone=True), Caller(ledger, alone=True)
        await turns_of_the_loop()
        cancelled.task.cancel()
        one.leave()
        await asyncio.sleep(0)
        later = Caller(ledger, alone=True)
        await turns_of_the_loop()
        assert cancelled.task.cancelled()
        assert later.inside
        twin = Caller(ledger, alone=True)
        await turns_of_the_loop()
        assert not twin.inside
        await end(ledger, one, cancelled, later, twin)


STEP = st.one_of(
    st.tuples(st.just("come"), st.booleans()),
    st.tuples(st.sampled_from(["leave", "cancel"]), st.integers(0, 9)),
    st.tuples(st.just("pass"), st.integers(1, 4)),
)


class TestAnyOrder:
    @quick
    @given(st.lists(STEP, max_size=40))
    def test_nobody_is_disturbed_overtaken_or_forgotten(self, steps: list[tuple[str, Any]]) -> None:
        asyncio.run(self.play(steps))

    async def play(self, steps: list[tuple[str, Any]]) -> None:
        ledger = Ledger()
        callers: list[Caller] = []
        for what, argument in steps:
            if what == "come":
                callers.append(Caller(ledger, alone=argument))
            elif what == "pass":
                await turns_of_the_loop(argument)
            elif callers:
                caller = callers[argument % len(callers)]
                (caller.leave if what == "leave" else caller.task.cancel)()
            self.check(callers)
        await turns_of_the_loop(100)
        self.check(callers)
        waiting = [caller for caller in callers if not caller.inside and not caller.task.done()]
        assert not waiting or any(caller.inside for caller in callers), "they wait for nobody"
        await end(ledger, *callers)

    def check(self, callers: list[Caller]) -> None:
        present = [caller for caller in callers if caller.inside]
        assert len(present) <= 1 or not any(caller.alone for caller in present)
