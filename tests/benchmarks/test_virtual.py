"""Virtual time, on which all that is simulated stands."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.virtual import LimitedServer, VirtualClock, run
from vpsbg_async import Request


def test_time_passes_in_waits_only() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        times = [loop.time()]
        for seconds in (0, 1000.5, 0, 10**6):
            await asyncio.sleep(seconds)
            times.append(loop.time())
        return times

    assert run(main()) == [0, 0, 1000.5, 1000.5, 1001000.5]


def test_waits_at_the_same_time_end_in_their_order() -> None:
    async def main() -> list[float]:
        ended: list[float] = []

        async def wait(seconds: float) -> None:
            await asyncio.sleep(seconds)
            ended.append(asyncio.get_running_loop().time())

        await asyncio.gather(*map(wait, (3, 1, 2)))
        return ended

    assert run(main()) == [1, 2, 3]


def test_its_clock_goes_with_it() -> None:
    async def main() -> tuple[float, float]:
        clock = VirtualClock()
        before = clock.time(), clock.monotonic()
        await clock.sleep(3600)
        return clock.time() - before[0], clock.monotonic() - before[1]

    assert run(main()) == (3600, 3600)


def test_what_would_wait_for_ever_fails() -> None:
    with pytest.raises(RuntimeError, match="nothing will ever happen"):
        run(asyncio.Event().wait())


def test_its_server_limits_all_calls_together() -> None:
    async def main() -> tuple[list[int], list[float], int]:
        server = LimitedServer(limit=3, latency=(1.0, 1.0))
        server.be_called()
        statuses = []
        for _ in range(4):
            async with server.send(Request(method="GET", url="http://server/")) as response:
                statuses.append(response.status)
        server.be_called()
        await asyncio.sleep(60)
        server.be_called()
        await server.aclose()
        return statuses, server.refused, server.foreign

    assert run(main()) == ([200, 200, 429, 429], [2.0, 3.0], 2)
