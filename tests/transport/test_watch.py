"""How long each phase of an attempt may take, and what its end stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.core.virtual import in_virtual_time, now
from vpsbg_async.errors import NotSentError, OutcomeUnknownError, VPSBGError
from vpsbg_async.testing.bodies import WatchedBody
from vpsbg_async.transport import Timeouts
from vpsbg_async.transport.upload import Upload
from vpsbg_async.transport.watch import Watch

TIMEOUTS = Timeouts(pool=1, connect=2, stall=3, response=4)


def watch(*, body: bool = False, timeouts: Timeouts = TIMEOUTS) -> Watch:
    return Watch(timeouts, Upload(WatchedBody.of(b"one"), timeouts) if body else None)


async def end_of(watched: Watch, *steps: Callable[[], None], apart: float = 0.5) -> VPSBGError:
    """What an attempt comes to that gets no further than to these steps."""

    async def attempt() -> None:
        async with watched:
            for step in steps:
                step()
                await asyncio.sleep(apart)
            await asyncio.Event().wait()

    with pytest.raises(VPSBGError) as caught:
        await attempt()
    return caught.value


class TestPhases:
    @pytest.mark.parametrize("body", [True, False])
    @in_virtual_time
    async def test_a_place_that_is_not_given(self, body: bool) -> None:
        it = watch(body=body)
        error = await end_of(it, it.queued)
        assert isinstance(error, NotSentError)
        assert error.args == ("no place in the pool of connections within 1 s",)
        assert (now(), error.permanent) == (1.0, False)

    @in_virtual_time
    async def test_who_is_woken_in_vain_and_waits_again_does_not_wait_longer(self) -> None:
        it = watch()
        await end_of(it, *[it.queued] * 10)
        assert now() == 1.0

    @pytest.mark.parametrize("body", [True, False])
    @in_virtual_time
    async def test_a_connection_that_is_not_made(self, body: bool) -> None:
        it = watch(body=body)
        error = await end_of(it, it.queued, it.connecting)
        assert isinstance(error, NotSentError)
        assert error.args == ("no connection within 2 s",)
        assert (now(), error.permanent) == (2.5, False)

    @in_virtual_time
    async def test_an_answer_that_does_not_come(self) -> None:
        it = watch()
        error = await end_of(it, it.queued, it.connecting, it.sending)
        assert isinstance(error, OutcomeUnknownError)
        assert (error.args, error.overdue) == (("no answer within 4 s",), True)
        assert now() == 5.0

    @in_virtual_time
    async def test_a_body_is_timed_by_its_own_steps(self) -> None:
        upload = Upload(WatchedBody.of(b"one", b"two"), TIMEOUTS)
        it = Watch(TIMEOUTS, upload)

        async def attempt() -> None:
            async with it:
                it.connecting()
                it.sending()
                await asyncio.sleep(100)
                await anext(aiter(upload))
                await asyncio.Event().wait()

        with pytest.raises(NotSentError, match="the server took nothing for 3 s"):
            await attempt()
        assert now() == 103.0
        await upload.aclose()

    @in_virtual_time
    async def test_without_limits_nothing_ends_it(self) -> None:
        it = watch(timeouts=Timeouts(pool=None, connect=None, response=None))
        async with it:
            for step in (it.queued, it.connecting, it.sending):
                step()
                await asyncio.sleep(10**6)

    @in_virtual_time
    async def test_somebody_elses_timeout_passes(self) -> None:
        it = watch()
        with pytest.raises(TimeoutError, match="another"):
            async with it:
                raise TimeoutError("another")


class TestBreakingOff:
    @staticmethod
    async def broken_off(it: Watch, *steps: Callable[[], None]) -> VPSBGError:
        attempt = asyncio.create_task(end_of(it, *steps, apart=0))
        await asyncio.sleep(0.1)
        await it.break_off()
        return await attempt

    @in_virtual_time
    async def test_before_anything_left(self) -> None:
        for body in (True, False):
            it = watch(body=body)
            error = await self.broken_off(it, it.connecting)
            assert isinstance(error, NotSentError)
            assert (error.args, error.permanent) == (("the transport was closed",), True)

    @in_virtual_time
    async def test_when_it_is_sent(self) -> None:
        it = watch()
        error = await self.broken_off(it, it.connecting, it.sending)
        assert isinstance(error, OutcomeUnknownError)
        assert (error.permanent, error.overdue) == (False, False)

    @in_virtual_time
    async def test_before_its_last_chunk_is_given_out(self) -> None:
        it = watch(body=True)
        assert isinstance(await self.broken_off(it, it.connecting, it.sending), NotSentError)

    @in_virtual_time
    async def test_in_the_moment_that_it_is_overdue(self) -> None:
        it = watch()
        attempt = asyncio.create_task(end_of(it, it.queued))
        await asyncio.sleep(1.0)
        await it.break_off()
        assert isinstance(await attempt, NotSentError)

    @in_virtual_time
    async def test_of_what_has_not_begun_or_is_over_does_nothing(self) -> None:
        it = watch()
        await it.break_off()
        async with it:
            pass
        await it.break_off()

    @pytest.mark.parametrize("cancelled_first", [True, False])
    @in_virtual_time
    async def test_a_caller_that_is_cancelled_as_well_is_cancelled(
        self, cancelled_first: bool
    ) -> None:
        it = watch()

        async def attempt() -> None:
            async with it:
                await asyncio.Event().wait()

        task = asyncio.create_task(attempt())
        await asyncio.sleep(0.1)
        if cancelled_first:
            task.cancel()
        closing = asyncio.create_task(it.break_off())
        await asyncio.sleep(0)
        if not cancelled_first:
            task.cancel()
        await closing
        with pytest.raises(asyncio.CancelledError):
            await task
