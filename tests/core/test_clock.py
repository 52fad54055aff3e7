"""Time as calls live it, faster or not, and the server's time beside it."""

from __future__ import annotations

import asyncio
import math
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import pytest

from tests.core.virtual import in_virtual_time, now
from vpsbg_async import ConfigurationError
from vpsbg_async.core import clock as module
from vpsbg_async.core.clock import Clock, ServerClock, in_words

each_speed = pytest.mark.parametrize("speed", [0.5, 1.0, 100.0])

EPOCH = 1_722_600_000.0


class TestClock:
    @each_speed
    def test_unix_time_passes_so_much_faster_from_now_on(
        self, speed: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outside = SimpleNamespace(time=lambda: EPOCH)
        monkeypatch.setattr(module, "time", outside)
        clock = Clock(speed)
        assert clock.time() == EPOCH
        outside.time = lambda: EPOCH + 2
        assert clock.time() == EPOCH + 2 * speed

    @each_speed
    @in_virtual_time
    async def test_it_sleeps_so_much_faster(self, speed: float) -> None:
        clock = Clock(speed)
        began = clock.monotonic()
        await clock.sleep(50.0)
        assert clock.monotonic() - began == pytest.approx(50.0)
        assert now() == pytest.approx(50.0 / speed)

    @each_speed
    @in_virtual_time
    async def test_its_timeouts_run_out_so_much_faster(self, speed: float) -> None:
        with pytest.raises(TimeoutError):
            async with Clock(speed).timeout(50.0):
                await asyncio.Event().wait()
        assert now() == pytest.approx(50.0 / speed)

    @in_virtual_time
    async def test_without_a_limit_a_timeout_never_runs_out(self) -> None:
        async with Clock(100.0).timeout(None) as timer:
            await asyncio.sleep(10**6)
        assert timer.when() is None

    @each_speed
    @in_virtual_time
    async def test_it_calls_later_so_much_faster(self, speed: float) -> None:
        called: list[float] = []
        Clock(speed).call_later(50.0, lambda: called.append(now()))
        dropped = Clock(speed).call_later(60.0, lambda: called.append(now()))
        dropped.cancel()
        await asyncio.sleep(1000)
        assert called == [pytest.approx(50.0 / speed)]

    @pytest.mark.parametrize(
        "speed",
        [0, 0.0, -1, math.nan, math.inf, -math.inf, 10**400, True, None, "2", [2]],
        ids=lambda value: type(value).__name__,
    )
    def test_a_speed_that_cannot_be_is_refused_when_it_is_made(self, speed: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^speed must be a positive number"):
            Clock(speed)

    async def test_by_default_it_is_the_time_of_the_loop(self) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time()
        assert before <= Clock().monotonic() <= loop.time()


class TestInWords:
    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (0.5, "0.5 s"),
            (1, "1 s"),
            (900.0, "900 s"),
            (3 * 3600 - 1, "10799 s"),
            (3 * 3600, "3 hours"),
            (3 * 86400 - 1, "72 hours"),
            (3 * 86400, "3 days"),
            (365 * 86400, "365 days"),
            (1795564891, "57 years"),
            (251956888319, "over 1000 years"),
            (math.inf, "over 1000 years"),
        ],
    )
    def test_a_length_of_time(self, seconds: float, words: str) -> None:
        assert in_words(seconds) == words


class StillClock(Clock):
    """A clock that stands still."""

    def time(self) -> float:
        return EPOCH


def date(ahead: float) -> str:
    return formatdate(EPOCH + ahead, usegmt=True)


class TestServerClock:
    def test_before_any_answer_nothing_is_known(self) -> None:
        assert ServerClock(StillClock()).ahead is None

    @pytest.mark.parametrize("ahead", [0, 7, -7, 3600, -86400])
    def test_it_is_ahead_by_so_much(self, ahead: int) -> None:
        """A date leaves out half a second on average."""
        clock = ServerClock(StillClock())
        clock.note(date(ahead))
        assert clock.ahead == ahead + 0.5

    def test_the_last_date_counts(self) -> None:
        clock = ServerClock(StillClock())
        clock.note(date(7))
        clock.note(date(9))
        assert clock.ahead == 9.5

    def test_an_answer_without_one_tells_nothing_new(self) -> None:
        clock = ServerClock(StillClock())
        clock.note(None)
        assert clock.ahead is None
        clock.note(date(7))
        clock.note(None)
        assert clock.ahead == 7.5

    def test_it_is_held_against_the_time_it_came_at(self, monkeypatch: pytest.MonkeyPatch) -> None:
        outside = SimpleNamespace(time=lambda: EPOCH)
        monkeypatch.setattr(module, "time", outside)
        clock = ServerClock(Clock())
        clock.note(date(7))
        outside.time = lambda: EPOCH + 100
        assert clock.ahead == 7.5

    @pytest.mark.parametrize(
        "told", ["", "soon", "0", "1722600000", "2024-08-02T12:00:00Z", "Fri, 99 Aug 2024"]
    )
    def test_what_is_no_date_tells_nothing(self, told: str) -> None:
        clock = ServerClock(StillClock())
        clock.note(told)
        assert clock.ahead is None

    @pytest.mark.parametrize(
        "told",
        [
            "Fri, 02 Aug 2024 12:00:07 GMT",
            "Fri, 02 Aug 2024 12:00:07 +0000",
            "Fri, 02 Aug 2024 15:00:07 +0300",
            "Fri, 02 Aug 2024 12:00:07",
        ],
    )
    def test_dates_in_every_manner(self, told: str) -> None:
        clock = ServerClock(StillClock())
        clock.note(told)
        assert clock.ahead == 7.5
