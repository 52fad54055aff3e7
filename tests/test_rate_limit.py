"""What a client tells of the rate limit."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.virtual import VirtualClock
from tests.core.virtual import in_virtual_time
from vpsbg_async import VPSBG, RateLimit, RateLimitedError, VPSBGError
from vpsbg_async.sandbox import Sandbox
from vpsbg_async.testing import FakeTransport, Reply

TOLD = {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "59"}
REFUSED = {
    "X-RateLimit-Limit": "60",
    "X-RateLimit-Remaining": "0",
    "X-RateLimit-Reset": "1722599907",
    "Retry-After": "30",
}


async def last_of(*replies: Reply) -> RateLimit | None:
    """What is known after these answers."""
    vps = VPSBG("key", transport=FakeTransport(*replies), clock=VirtualClock(), retry=None)
    for _ in replies:
        with contextlib.suppress(VPSBGError):
            await vps.with_options(deadline=900).request("GET", "/a")
    return vps.rate_limit


class TestRateLimit:
    def test_is_not_known_before_an_answer(self) -> None:
        assert VPSBG("key").rate_limit is None

    @in_virtual_time
    async def test_as_it_is_told(self) -> None:
        limit = await last_of(Reply(json={}, headers=TOLD))
        assert limit is not None
        assert (limit.limit, limit.remaining) == (60, 59)
        assert (limit.retry_after, limit.resets_at) == (None, None)
        assert limit.seen_at.tzinfo is UTC

    @in_virtual_time
    async def test_as_a_refusal_tells_it(self) -> None:
        limit = await last_of(Reply(429, headers=REFUSED))
        assert limit is not None
        assert (limit.limit, limit.remaining, limit.retry_after) == (60, 0, 30.0)
        assert limit.resets_at == datetime.fromtimestamp(1722599907, UTC)

    @in_virtual_time
    async def test_is_the_last_that_was_told(self) -> None:
        later = {**TOLD, "X-RateLimit-Remaining": "58"}
        for silent in (Reply(502), Reply(json={}), Reply(503, headers={"Retry-After": "9"})):
            told = Reply(json={}, headers=TOLD), Reply(500, headers=later)
            limit = await last_of(*told, silent)
            assert limit is not None
            assert limit.remaining == 58

    @pytest.mark.parametrize(
        ("headers", "told"),
        [
            ({}, (None, None, None, None)),
            ({"Retry-After": "soon", "X-RateLimit-Limit": "many"}, (None, None, None, None)),
            ({"X-RateLimit-Remaining": "-1", "X-RateLimit-Limit": "9" * 12}, (None,) * 4),
            ({"X-RateLimit-Reset": "1722599907000"}, (None,) * 4),
            ({"x-ratelimit-limit": "60", "retry-after": "0"}, (60, None, 0.0, None)),
        ],
        ids=str,
    )
    @in_virtual_time
    async def test_what_is_not_told_is_none(
        self, headers: dict[str, str], told: tuple[Any, ...]
    ) -> None:
        limit = await last_of(Reply(429, headers=headers))
        assert limit is not None
        assert (limit.limit, limit.remaining, limit.retry_after, limit.resets_at) == told

    @in_virtual_time
    async def test_cannot_be_changed(self) -> None:
        limit = await last_of(Reply(json={}, headers=TOLD))
        with pytest.raises(AttributeError):
            limit.limit = 7  # type: ignore[union-attr,misc]

    async def test_of_the_sandbox(self) -> None:
        async with (
            Sandbox(rate_limit=2) as sandbox,
            VPSBG(sandbox.api_key, base_url=sandbox.url, retry=None, gate=None) as vps,
        ):
            await vps.balance.get()
            assert vps.rate_limit is not None
            assert (vps.rate_limit.limit, vps.rate_limit.remaining) == (2, 1)
            await vps.balance.get()
            with pytest.raises(RateLimitedError) as caught:
                await vps.balance.get()
            assert vps.rate_limit.remaining == 0
            assert vps.rate_limit.retry_after == caught.value.retry_after
            assert vps.rate_limit.resets_at is not None
