"""A timeout that can be moved at next to no cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.core.virtual import in_virtual_time, now
from vpsbg_async.transport.alarm import Alarm


async def ended(steps: Callable[[Alarm], Awaitable[None]]) -> float:
    """When it has ended a block of these steps that would go on for ever."""

    async def block() -> None:
        async with Alarm() as alarm:
            await steps(alarm)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await block()
    return now()


@in_virtual_time
async def test_it_ends_the_block_at_its_time() -> None:
    async def steps(alarm: Alarm) -> None:
        alarm.set(2)
        assert alarm.when() == 2.0

    assert await ended(steps) == 2.0


@pytest.mark.parametrize(("settings", "end"), [((5, 1), 1.0), ((1, 5), 5.0), ((1, 5, 2), 2.0)])
@in_virtual_time
async def test_the_last_setting_counts(settings: tuple[float, ...], end: float) -> None:
    async def steps(alarm: Alarm) -> None:
        for seconds in settings:
            alarm.set(seconds)

    assert await ended(steps) == end


@in_virtual_time
async def test_it_is_put_off_time_and_again() -> None:
    async def steps(alarm: Alarm) -> None:
        for _ in range(10):
            alarm.set(3)
            await asyncio.sleep(2)

    assert await ended(steps) == 21.0


@in_virtual_time
async def test_it_can_be_switched_off() -> None:
    async with Alarm() as alarm:
        assert alarm.when() is None
        alarm.set(3)
        alarm.set(None)
        assert alarm.when() is None
        await asyncio.sleep(10**6)
        alarm.set(3)
        await asyncio.sleep(1)
    assert not alarm.expired()
    await asyncio.sleep(10)


@in_virtual_time
async def test_it_can_be_rung() -> None:
    alarms: list[Alarm] = []

    async def steps(alarm: Alarm) -> None:
        alarms.append(alarm)
        alarm.set(5)
        alarm.ring()
        alarm.ring()

    assert await ended(steps) == 0.0
    assert alarms[0].expired()


@in_virtual_time
async def test_a_cancellation_is_none_of_its_own() -> None:
    async def wait() -> None:
        async with Alarm() as alarm:
            alarm.set(1)
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
