"""The rate gate: by example, and against a model that tries at every moment who may go."""

from __future__ import annotations

import asyncio
import itertools
import math
from email.utils import formatdate
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.virtual import VirtualClock, run
from tests.core.gates import TICK, Calls, Model, pass_time
from tests.core.virtual import in_virtual_time, now, settle
from vpsbg_async import VPSBG, ConfigurationError, NotSentError, Outcome, RateGate
from vpsbg_async.core.clock import Clock
from vpsbg_async.events import Event, Waiting
from vpsbg_async.testing import FakeTransport, Reply


class TestWithoutHeaders:
    @in_virtual_time
    async def test_everybody_is_let_in_at_once(self) -> None:
        calls = Calls()
        names = [str(number) for number in range(200)]
        for name in names:
            await calls.enter(name)
        for name in names[::2]:
            await calls.leave(name)
        await calls.enter("late")
        assert set(calls.let_in.values()) == {0.0}
        assert (calls.waiting, calls.told, calls.clock.pending) == (set(), [], [])

    @pytest.mark.parametrize(
        "told", ["", " ", "-1", "1.5", "many", "0x10", "²", "1, 2", "1" * 10, "9" * 5000]
    )
    @in_virtual_time
    async def test_what_is_no_number_tells_nothing(self, told: str) -> None:
        calls = Calls()
        await calls.enter("first")
        await calls.leave("first", X_RateLimit_Remaining=told)
        await calls.enter("a", "b", "c")
        assert calls.inside == ["a", "b", "c"]

    @pytest.mark.parametrize("status", [200, 302, 404, 422, 500])
    @in_virtual_time
    async def test_whatever_the_status(self, status: int) -> None:
        calls = Calls()
        await calls.enter("first")
        await calls.leave("first", status)
        await calls.enter("a", "b", "c")
        assert calls.inside == ["a", "b", "c"]


class TestBound:
    @pytest.mark.parametrize("remaining", [1, 2, 5])
    @in_virtual_time
    async def test_so_many_are_in_flight_as_remain(self, remaining: int) -> None:
        calls = Calls()
        await calls.learn(remaining)
        names = [str(number) for number in range(10)]
        await calls.enter(*names)
        assert calls.inside == names[:remaining]
        assert calls.told == [(name, None) for name in names[remaining:]]

    @in_virtual_time
    async def test_one_at_a_time_if_none_remain(self) -> None:
        """As a window may have begun of which nobody has told yet."""
        calls = Calls()
        await calls.learn(0)
        await calls.enter("a", "b", "c")
        for name in ("a", "b", "c"):
            assert calls.inside == [name]
            await calls.answer(name, 0)

    @pytest.mark.parametrize("status", [200, 302, 404, 422, 500])
    @in_virtual_time
    async def test_any_answer_tells(self, status: int) -> None:
        calls = Calls()
        await calls.enter("first")
        await calls.leave("first", status, X_RateLimit_Remaining="1")
        await calls.enter("a", "b")
        assert calls.inside == ["a"]

    @in_virtual_time
    async def test_the_lowest_number_counts(self) -> None:
        calls = Calls()
        await calls.enter("a", "b", "c")
        for name, remaining in (("c", 3), ("a", 1), ("b", 2)):
            await calls.answer(name, remaining)
        await calls.enter("d", "e")
        assert calls.inside == ["d"]

    @in_virtual_time
    async def test_a_call_without_an_answer_gives_its_place_to_the_next(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a", "b", "c")
        await calls.leave("a", None)
        assert calls.inside == ["b"]
        await calls.leave("b", None, X_RateLimit_Remaining="9")
        assert calls.inside == ["c"]
        await calls.enter("d")
        assert calls.waiting == {"d"}

    @in_virtual_time
    async def test_an_answer_without_the_header_changes_nothing(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a", "b", "c")
        await calls.leave("a", 502)
        assert calls.inside == ["b"]
        assert calls.waiting == {"c"}

    @in_virtual_time
    async def test_knowledge_expires(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await pass_time(59.0)
        await calls.enter("a", "b", "c", "d")
        assert calls.inside == ["a"]
        await pass_time(60.0)
        assert calls.let_in == {"a": 59.0, "b": 60.0, "c": 60.0, "d": 60.0}

    @in_virtual_time
    async def test_the_younger_of_two_readings_holds_longer(self) -> None:
        calls = Calls()
        await calls.enter("a", "b")
        await calls.answer("b", 1)
        await pass_time(30.0)
        await calls.answer("a", 2)
        await calls.enter("c", "d", "e")
        assert calls.inside == ["c"]
        await pass_time(60.0)
        assert calls.let_in == {"a": 0.0, "b": 0.0, "c": 30.0, "d": 60.0, "e": 90.0}

    @in_virtual_time
    async def test_a_slow_upload_holds_nobody(self) -> None:
        calls = Calls()
        await calls.enter("slow", "other", "quick")
        await pass_time(59.0)
        await calls.answer("quick", 2)
        await calls.enter("a", "b")
        assert calls.waiting == {"a", "b"}
        await pass_time(1.0)
        assert calls.inside == ["slow", "other", "a", "b"]
        await calls.enter("c")
        assert calls.waiting == {"c"}


class TestNewWindow:
    @in_virtual_time
    async def test_a_rise_means_one(self) -> None:
        calls = Calls()
        await calls.learn(0)
        await calls.enter("a", "b", "c", "d")
        assert calls.inside == ["a"]
        await calls.answer("a", 59)
        assert calls.inside == ["b", "c", "d"]

    @in_virtual_time
    async def test_answers_out_of_order_do_not(self) -> None:
        calls = Calls()
        await calls.enter("a", "b", "c", "d")
        await calls.answer("d", 1)
        for name, remaining in (("c", 2), ("b", 3), ("a", 4)):
            await calls.answer(name, remaining)
        await calls.enter("e", "f")
        assert calls.inside == ["e"]

    @in_virtual_time
    async def test_nor_does_an_answer_that_younger_calls_have_overtaken(self) -> None:
        calls = Calls()
        await calls.enter("a")
        for number, remaining in enumerate((3, 2, 1)):
            await calls.enter(str(number))
            await calls.answer(str(number), remaining)
        await calls.answer("a", 4)
        await calls.enter("b", "c")
        assert calls.inside == ["b"]

    @in_virtual_time
    async def test_nor_does_one_that_a_slow_upload_has_overtaken(self) -> None:
        """It counts for nothing any more, and is in flight for all that."""
        calls = Calls()
        await calls.enter("slow", "slower", "slowest")
        await pass_time(61.0)
        await calls.learn(3)
        await calls.enter("a")  # as the three do not count any more
        for name, remaining in (("slow", 1), ("slower", 0), ("a", 2)):
            await calls.answer(name, remaining)
        await calls.enter("b", "c")
        assert calls.inside == ["slowest", "b"]

    @in_virtual_time
    async def test_what_has_expired_is_not_compared_with(self) -> None:
        calls = Calls()
        await calls.enter(*"abcdef")
        await calls.answer("a", 0)
        await pass_time(30.0)
        await calls.answer("b", 4)
        await pass_time(30.0)
        await calls.leave("c")
        await calls.answer("d", 6)
        await calls.enter(*"ghijk")
        assert calls.inside == list("efghij")  # four, as the first two do not count any more

    @in_virtual_time
    async def test_one_more_than_can_have_overtaken_does(self) -> None:
        calls = Calls()
        await calls.enter("a", "b", "c")
        await calls.answer("c", 1)
        await calls.answer("a", 4)
        await calls.enter("d", "e", "f", "g")
        assert calls.inside == ["b", "d", "e", "f"]


class TestClosed:
    @pytest.mark.parametrize(("told", "seconds"), [(None, 10), (0, 1), (1, 1), (2, 2), (120, 120)])
    @in_virtual_time
    async def test_for_as_long_as_the_server_tells(self, told: int | None, seconds: int) -> None:
        calls = Calls()
        await calls.enter("a")
        await calls.turn_down("a", told)
        await pass_time(0.5)
        await calls.enter("b", "c")
        assert calls.told == [("b", seconds - 0.5), ("c", seconds - 0.5)]
        await pass_time(seconds - 0.5 - TICK)
        assert calls.inside == []
        await pass_time(TICK)
        assert calls.inside == ["b"]
        await calls.leave("b", 200)
        assert calls.let_in == {"a": 0.0, "b": seconds, "c": seconds}

    @pytest.mark.parametrize("has_date", [True, False])
    @in_virtual_time
    async def test_until_a_date(self, has_date: bool) -> None:
        """Held against the server's clock: here, it is decades behind."""
        dates = {"Retry_After": formatdate(10**9 + 30, usegmt=True)}
        if has_date:
            dates["Date"] = formatdate(10**9, usegmt=True)
        calls = Calls()
        await calls.enter("a")
        await calls.leave("a", 429, **dates)
        await calls.enter("b")
        assert calls.told == [("b", 30.0 if has_date else 1.0)]
        await pass_time(30.0)
        assert calls.inside == ["b"]

    @in_virtual_time
    async def test_for_those_who_wait_already_too(self) -> None:
        calls = Calls()
        await calls.learn(2)
        await calls.enter("a", "b", "c", "d")
        await calls.turn_down("a", 30)
        await calls.leave("b", None)
        await pass_time(29.75)
        assert calls.inside == []
        await pass_time(0.25)
        assert calls.inside == ["c"]

    @in_virtual_time
    async def test_the_longest_of_several_counts(self) -> None:
        calls = Calls()
        await calls.enter("a", "b", "c")
        await calls.turn_down("a", 20)
        await calls.turn_down("b", 30)
        await calls.turn_down("c", 5)
        await calls.enter("d")
        assert calls.told == [("d", 30.0)]

    @pytest.mark.parametrize("remaining", [0, 7])
    @in_virtual_time
    async def test_who_was_in_flight_then_does_not_open_it(self, remaining: int) -> None:
        calls = Calls()
        await calls.enter("a", "b", "c")
        await calls.turn_down("a", 30)
        await calls.answer("b", remaining)
        await calls.enter("d", "e")
        await pass_time(30.0)
        await calls.answer("c", remaining)
        assert calls.inside == ["d"]

    @in_virtual_time
    async def test_what_was_known_before_is_forgotten(self) -> None:
        """Also where what is told then is no more than answers can have overtaken each other by."""
        calls = Calls()
        await calls.enter("slow", "slower", "a", "b")
        await calls.answer("b", 1)
        await calls.turn_down("a", 30)
        await calls.enter("c", "d", "e")
        await pass_time(30.0)
        await calls.answer("c", 3)
        assert calls.inside == ["slow", "slower", "d"]


class TestProbe:
    @staticmethod
    async def closed(*waiting: str, told: bool = True) -> Calls:
        """A gate that has just let a probe in, the first of those who wait."""
        calls = Calls()
        if told:
            await calls.learn(9)
        await calls.enter("a")
        await calls.turn_down("a", 30)
        await calls.enter(*waiting)
        await pass_time(30.0)
        assert calls.inside == [waiting[0]]
        return calls

    @in_virtual_time
    async def test_its_answer_opens_the_gate(self) -> None:
        calls = await self.closed("b", "c", "d", "e")
        await calls.answer("b", 2)
        assert calls.inside == ["c", "d"]

    @pytest.mark.parametrize("told", [True, False])
    @pytest.mark.parametrize("status", [200, 302, 404, 422])
    @in_virtual_time
    async def test_one_without_the_header_does(self, status: int, told: bool) -> None:
        """Also where the server told before: it may have ceased to."""
        calls = await self.closed("b", "c", "d", told=told)
        await calls.leave("b", status)
        assert calls.inside == ["c", "d"]

    @pytest.mark.parametrize("told", [True, False])
    @pytest.mark.parametrize("status", [500, 502])
    @in_virtual_time
    async def test_an_error_page_without_it_does_not(self, status: int, told: bool) -> None:
        """It may be of a proxy, which does not count."""
        calls = await self.closed("b", "c", "d", told=told)
        await calls.leave("b", status)
        assert calls.inside == ["c"]
        await calls.answer("c", 59)
        assert calls.inside == ["d"]

    @in_virtual_time
    async def test_an_error_page_with_it_does(self) -> None:
        calls = await self.closed("b", "c", "d")
        await calls.leave("b", 500, X_RateLimit_Remaining="59")
        assert calls.inside == ["c", "d"]

    @in_virtual_time
    async def test_one_without_an_answer_makes_way_for_another(self) -> None:
        calls = await self.closed("b", "c", "d")
        await calls.leave("b", None)
        assert calls.inside == ["c"]

    @in_virtual_time
    async def test_one_that_is_turned_down_closes_it_again(self) -> None:
        calls = await self.closed("b", "c", "d")
        await calls.turn_down("b", 20)
        assert calls.inside == []
        await pass_time(20.0)
        assert calls.inside == ["c"]

    @in_virtual_time
    async def test_a_slow_one_makes_way_for_another(self) -> None:
        calls = await self.closed("b", "c", "d")
        await pass_time(10.0)
        assert calls.let_in == {"a": 0.0, "b": 30.0, "c": 35.0, "d": 40.0}
        await calls.answer("b", 1)
        await calls.enter("e")
        assert calls.waiting == {"e"}  # as the gate is open, and one remains

    @in_virtual_time
    async def test_there_is_one_at_a_time_though_it_closes_again(self) -> None:
        calls = await self.closed("b", "c", "d")
        await pass_time(5.0)
        assert calls.inside == ["b", "c"]
        await calls.turn_down("b", 1)
        await pass_time(4.75)
        assert calls.inside == ["c"]
        await pass_time(0.25)
        assert calls.inside == ["c", "d"]


class TestPatience:
    @in_virtual_time
    async def test_who_waits_and_who_comes_is_told_how_long_it_would_be(self) -> None:
        calls = Calls()
        await calls.learn(2)
        await calls.enter("a", "b", "c", "d")
        await calls.turn_down("a", 200)
        assert calls.refused == dict.fromkeys(
            ("c", "d"), "the rate limit opens in 200 s, more than is waited for"
        )
        assert calls.clock.pending == []
        await pass_time(50.0)
        await calls.enter("e")
        assert calls.refused["e"] == "the rate limit opens in 150 s, more than is waited for"

    @in_virtual_time
    async def test_a_long_time_is_told_in_words(self) -> None:
        calls = Calls(longest=10**9)
        await calls.enter("a")
        await calls.turn_down("a", 86400 * 30)
        await calls.enter("b")
        assert calls.refused["b"] == "the rate limit opens in 30 days, more than is waited for"

    @in_virtual_time
    async def test_later_calls_work_again(self) -> None:
        calls = Calls()
        await calls.enter("a")
        await calls.turn_down("a", 200)
        await pass_time(79.75)
        await calls.enter("b")
        await pass_time(0.25)
        await calls.enter("c")
        assert (set(calls.refused), calls.waiting) == ({"b"}, {"c"})
        await pass_time(120.0)
        await calls.answer("c", 59)
        await calls.enter("d", "e")
        assert calls.inside == ["d", "e"]

    @in_virtual_time
    async def test_one_that_waits_is_not_refused_within_it(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a", "b")
        await calls.turn_down("a", 120)
        assert calls.waiting == {"b"}

    @in_virtual_time
    async def test_the_callers_error_says_that_nothing_was_sent(self) -> None:
        transport = FakeTransport(Reply(status=429, headers={"Retry-After": "200"}))
        vps = VPSBG("key", transport=transport, clock=VirtualClock(), retry=None)
        with pytest.raises(Exception, match="429"):
            await vps.request("POST", "/support")
        with pytest.raises(NotSentError, match="the rate limit opens in 200 s") as caught:
            await vps.request("POST", "/support")
        assert caught.value.outcome is Outcome.NOT_SENT
        assert (caught.value.attempts, len(transport.calls)) == (0, 1)

    @in_virtual_time
    async def test_who_was_cancelled_is_not_refused(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a", "b", "c", "d")
        await calls.cancel("c")
        await calls.turn_down("a", 200)
        assert set(calls.refused) == {"b", "d"}

    @in_virtual_time
    async def test_a_call_that_is_refused_and_cancelled_at_once_is_cancelled(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a", "b", "c")
        calls.leave_at_once("a", 429, Retry_After="200")
        calls.cancel_at_once("b")
        await settle()
        assert (set(calls.refused), calls.waiting, calls.inside) == ({"c"}, set(), [])


class TestLongest:
    """Moments and milliseconds have been told for seconds."""

    @pytest.mark.parametrize(
        "told",
        ["1795564891", "900001", "9" * 310, "Fri, 31 Dec 9999 23:59:59 GMT"],
    )
    @in_virtual_time
    async def test_for_so_long_a_server_is_believed(self, told: str) -> None:
        calls = Calls()
        await calls.enter("a")
        await calls.leave("a", 429, Retry_After=told)
        await calls.enter("b")
        assert calls.refused["b"] == "the rate limit opens in 900 s, more than is waited for"
        await pass_time(900.0 - 120.0)
        await calls.enter("c", "d")
        await pass_time(120.0 - TICK)
        assert calls.inside == []
        await pass_time(TICK)
        assert calls.inside == ["c"]
        await calls.leave("c", 200)
        assert calls.inside == ["d"]

    @in_virtual_time
    async def test_it_may_be_shorter_than_anything_that_is_told(self) -> None:
        calls = Calls(longest=0.5)
        await calls.enter("a", "b")
        await calls.turn_down("a", None)
        await calls.turn_down("b", 0)
        await calls.enter("c")
        assert calls.told == [("c", 0.5)]


class TestListener:
    """What is told that a call has to wait may raise what it likes."""

    @pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, asyncio.CancelledError])
    @in_virtual_time
    async def test_one_that_raises_takes_no_place(self, kind: type[BaseException]) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a")

        def fail(_: float | None) -> None:
            raise kind

        with pytest.raises(kind):
            await calls.gate.enter(again=False, on_wait=fail)
        assert calls.clock.pending == []
        await calls.enter("b", "c")
        await calls.answer("a", 1)
        assert calls.inside == ["b"]
        await calls.answer("b", 1)
        assert calls.inside == ["c"]

    @in_virtual_time
    async def test_nor_does_one_that_raises_when_it_has_made_room(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a")

        def make_room(_: float | None) -> None:
            calls.leave_at_once("a")
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await calls.gate.enter(again=False, on_wait=make_room)
        await calls.enter("b", "c")
        assert (calls.inside, calls.waiting) == (["b"], {"c"})


class TestOrder:
    @in_virtual_time
    async def test_first_in_first_out(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter(*"abcde")
        for name in "abcde":
            assert calls.inside == [name]
            await calls.answer(name, 1)

    @in_virtual_time
    async def test_a_newcomer_does_not_overtake_at_the_moment_that_there_is_room(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a", "b")
        calls.leave_at_once("a")
        await calls.enter("c")
        assert calls.inside == ["b"]

    @in_virtual_time
    async def test_nor_while_the_timers_are_late(self) -> None:
        calls = Calls()
        await calls.enter("a", "x", "y")
        await pass_time(30.0)
        await calls.answer("x", 1)
        await calls.answer("y", 1)
        await calls.enter("b")
        calls.clock.lag = 31.0  # so that the first does not count any more
        await calls.enter("c")
        assert calls.inside == ["a", "b"]

    @in_virtual_time
    async def test_who_finds_room_is_not_told_to_wait(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a", "b")
        calls.clock.lag = 61.0
        await calls.enter("c")
        assert set(calls.inside) == {"a", "b", "c"}
        assert calls.told == [("b", None)]

    @in_virtual_time
    async def test_who_was_let_in_before_goes_first(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a", "b", "c")
        await calls.enter("d", again=True)
        await calls.leave("a")
        assert calls.inside == ["d"]
        await calls.leave("d")
        assert calls.inside == ["b"]

    @in_virtual_time
    async def test_among_those_it_is_first_in_first_out_too(self) -> None:
        """Or who is turned down time and again would keep the others from ever being sent."""
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a", "b")
        await calls.enter("c", "d", "e", again=True)
        for name in "acdeb":
            assert calls.inside == [name]
            await calls.leave(name)


class TestCancellation:
    @in_virtual_time
    async def test_of_one_that_waits_leaves_the_order_as_it_was(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter(*"abcde")
        for name in "ceb":
            await calls.cancel(name)
        await calls.leave("a")
        assert (calls.inside, calls.waiting) == (["d"], set())
        assert calls.clock.pending == []

    @in_virtual_time
    async def test_of_the_only_one_leaves_no_timer(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a", "b")
        assert len(calls.clock.pending) == 1
        await calls.cancel("b")
        assert calls.clock.pending == []

    @in_virtual_time
    async def test_at_the_moment_that_it_is_let_in_gives_its_place_to_the_next(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a", "b", "c", "d")
        calls.leave_at_once("a")
        calls.cancel_at_once("b")
        await settle()
        assert (calls.inside, calls.waiting) == (["c"], {"d"})
        assert "b" not in calls.let_in

    @in_virtual_time
    async def test_just_before_that_moment_too(self) -> None:
        calls = Calls()
        await calls.learn(1)
        await calls.enter("a", "b", "c", "d")
        calls.cancel_at_once("b")
        calls.leave_at_once("a")
        await settle()
        assert (calls.inside, calls.waiting) == (["c"], {"d"})

    @pytest.mark.parametrize("seconds", [29.75, 30.0, 30.25])
    @in_virtual_time
    async def test_of_a_probe_when_its_time_comes(self, seconds: float) -> None:
        calls = Calls()
        await calls.enter("a")
        await calls.turn_down("a", 30)
        await calls.enter("b", "c", "d")
        calls.clock.call_later(seconds, lambda: calls.cancel_at_once("b"))
        await pass_time(29.75)
        if seconds > 30:
            await pass_time(0.25)
            await calls.leave("b", None)
        else:
            await pass_time(0.25)
        assert (calls.inside, calls.waiting) == (["c"], {"d"})

    @in_virtual_time
    async def test_of_all_leaves_nothing_behind(self) -> None:
        calls = Calls()
        await calls.learn(2)
        await calls.enter(*"abcdef")
        calls.leave_at_once("a")
        for name in "cdef":
            calls.cancel_at_once(name)
        calls.leave_at_once("b")
        await settle()
        assert (calls.inside, calls.waiting, calls.clock.pending) == ([], set(), [])
        await calls.enter("g", "h", "i")
        assert calls.inside == ["g", "h"]


class TestClients:
    @in_virtual_time
    async def test_two_share_a_gate(self) -> None:
        clock = VirtualClock()
        gate = RateGate(clock=clock)
        events: list[Event] = []
        refusal = Reply(status=429, headers={"Retry-After": "30"})
        one = VPSBG("key", transport=FakeTransport(refusal), gate=gate, clock=clock, retry=None)
        other = VPSBG(
            "key",
            transport=FakeTransport(Reply(json={})),
            gate=gate,
            clock=clock,
            on_event=events.append,
        )
        with pytest.raises(Exception, match="429"):
            await one.request("GET", "/balance")
        assert await other.request("GET", "/balance") == {}
        assert now() == 30.0
        waits = [event for event in events if isinstance(event, Waiting)]
        assert [(event.reason, event.seconds) for event in waits] == [("rate limit", 30.0)]

    @in_virtual_time
    async def test_two_with_gates_of_their_own_do_not_know_of_each_other(self) -> None:
        clock = VirtualClock()
        refusal = Reply(status=429, headers={"Retry-After": "30"})
        one = VPSBG("key", transport=FakeTransport(refusal), clock=clock, retry=None)
        other = VPSBG("key", transport=FakeTransport(Reply(json={})), clock=clock)
        with pytest.raises(Exception, match="429"):
            await one.request("GET", "/balance")
        assert await other.request("GET", "/balance") == {}
        assert now() == 0.0

    @in_virtual_time
    async def test_without_a_gate_nothing_is_held_back(self) -> None:
        refusal = Reply(status=429, headers={"Retry-After": "30"})
        transport = FakeTransport(refusal, Reply(json={}))
        vps = VPSBG("key", transport=transport, gate=None, clock=VirtualClock(), retry=None)
        with pytest.raises(Exception, match="429"):
            await vps.request("GET", "/balance")
        assert await vps.request("GET", "/balance") == {}
        assert now() == 0.0

    @in_virtual_time
    async def test_on_a_faster_clock_all_of_it_is_faster(self) -> None:
        clock = Clock(100.0)
        transport = FakeTransport(
            Reply(status=429, headers={"Retry-After": "30"}), Reply(json={}), Reply(json={})
        )
        vps = VPSBG("key", transport=transport, clock=clock)
        assert await vps.request("GET", "/balance") == {}
        assert now() == pytest.approx(0.3)


SMALL = {"window": 8.0, "probe": 2.0, "patience": 12.0, "longest": 16.0}
USUAL = {"window": 60.0, "probe": 5.0, "patience": 120.0, "longest": 900.0}


@attrs.frozen
class Enter:
    """Calls ask to be let in, one after the other."""

    count: int
    again: bool


@attrs.frozen
class Leave:
    """A call in flight ends; one that waits may be cancelled at the same moment."""

    which: int
    status: int | None
    remaining: int | None
    retry_after: int | None
    cancelled: int | None

    @property
    def headers(self) -> dict[str, str]:
        told = {"X_RateLimit_Remaining": self.remaining, "Retry_After": self.retry_after}
        return {name: str(value) for name, value in told.items() if value is not None}


@attrs.frozen
class Cancel:
    """A call that waits is cancelled."""

    which: int


@attrs.frozen
class Pass:
    """Time passes."""

    ticks: int


WHICH = st.integers(0, 9)
ENTER = st.builds(Enter, st.integers(1, 4), st.sampled_from([False, False, False, True]))
LEAVE = st.builds(
    Leave,
    WHICH,
    st.sampled_from([*[200] * 6, *[429] * 3, 502, None]),
    st.sampled_from([None, None, 0, 0, 1, 1, 2, 3, 4, 5, 6, 59]),
    st.sampled_from([None, 0, 1, 2, 5, 5, 12, 13, 120, 121]),
    st.none() | st.none() | WHICH,
)
CANCEL = st.builds(Cancel, WHICH)
PASS = st.builds(Pass, st.integers(1, 12) | st.sampled_from([19, 20, 31, 32, 239, 240]))
STEP = st.one_of(ENTER, ENTER, LEAVE, LEAVE, LEAVE, PASS, PASS, CANCEL)
STEPS = st.lists(STEP, max_size=20) | st.lists(STEP, min_size=30, max_size=60)


class Play:
    """A gate and its model, which are told the same and must agree after each step."""

    def __init__(self, kept: dict[str, float]) -> None:
        self.calls = Calls(**kept)
        self.model = Model(**kept)
        self._names = map(str, itertools.count())
        self._kept = kept

    async def take(self, step: Enter | Leave | Cancel | Pass) -> None:
        if isinstance(step, Enter):
            for name in itertools.islice(self._names, step.count):
                self.model.enter(name, again=step.again)
                await self.calls.enter(name, again=step.again)
        elif isinstance(step, Pass):
            await self.pass_time(step.ticks * TICK)
        elif isinstance(step, Cancel):
            self._cancel([member.name for member in self.model.waiting], step.which)
            await settle()
        elif self.model.inside:
            inside = list(self.model.inside)
            name = inside[step.which % len(inside)]
            waiting = [member.name for member in self.model.waiting]
            self.model.leave(name, step.status, step.remaining, step.retry_after)
            self.calls.leave_at_once(name, step.status, **step.headers)
            if step.cancelled is not None:
                self._cancel(waiting, step.cancelled)
            await settle()
        self.check()

    async def pass_time(self, seconds: float) -> None:
        self.model.pass_time(seconds)
        await pass_time(seconds)

    def _cancel(self, waiting: list[str], which: int) -> None:
        if waiting:
            name = waiting[which % len(waiting)]
            self.model.cancel(name)
            self.calls.cancel_at_once(name)

    def check(self) -> None:
        calls, model = self.calls, self.model
        assert now() == model.now
        assert list(calls.let_in.items()) == list(model.let_in.items())
        assert set(calls.inside) == set(model.inside)
        assert calls.waiting == {member.name for member in model.waiting}
        assert set(calls.refused) == model.refused
        assert calls.told == model.told
        assert len(calls.clock.pending) == bool(model.waiting)

    async def finish(self) -> None:
        """Have nothing happen any more: everybody who waits is let in for all that."""
        kept = self._kept
        each = kept["probe"] * len(self.calls.waiting)
        await self.pass_time(kept["patience"] + kept["window"] + each)
        self.check()
        assert not self.calls.waiting


class TestAnything:
    @settings(max_examples=100, deadline=None)
    @given(kept=st.sampled_from([SMALL, USUAL]), steps=STEPS)
    def test_it_lets_in_whom_it_should_when_it_should_and_everybody_in_the_end(
        self, kept: dict[str, float], steps: list[Enter | Leave | Cancel | Pass]
    ) -> None:
        async def play() -> None:
            game = Play(kept)
            for step in steps:
                await game.take(step)
            await game.finish()

        run(play())


class TestSettings:
    @pytest.mark.parametrize("name", ["window", "probe", "patience", "longest"])
    @pytest.mark.parametrize(
        "value",
        [0, -1, -0.5, math.nan, math.inf, -math.inf, 10**400, True, False, None, "60", [60]],
        ids=lambda value: type(value).__name__,
    )
    def test_wrong_ones_are_refused(self, name: str, value: Any) -> None:
        wrong = {name: value}
        with pytest.raises(ConfigurationError, match=f"^{name} must be a positive number of sec"):
            RateGate(**wrong)

    @in_virtual_time
    async def test_right_ones_are_kept(self) -> None:
        calls = Calls(window=8, probe=2, patience=1)
        await calls.learn(1)
        await calls.enter("a", "b")
        await pass_time(8)
        assert calls.let_in == {"a": 0.0, "b": 8.0}
        await calls.turn_down("a", 1)
        await calls.enter("c", "d")
        await pass_time(3)
        assert calls.let_in == {"a": 0.0, "b": 8.0, "c": 9.0, "d": 11.0}
        await calls.turn_down("b", 2)
        await calls.enter("e")
        assert set(calls.refused) == {"e"}

    def test_a_gate_needs_no_loop_to_be_made(self) -> None:
        gate = RateGate()

        async def enter() -> None:
            entered = await gate.enter(again=False, on_wait=lambda _: None)
            gate.leave(entered, status=200, headers={})

        asyncio.run(enter())
