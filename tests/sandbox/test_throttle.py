from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from vpsbg_async.sandbox import Sandbox

from .conftest import Answer, Api, Clock


@pytest.fixture
async def api(clock: Clock) -> AsyncIterator[Api]:
    async with (
        Sandbox(rate_limit=3, clock=clock) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        yield Api(sandbox, session)


def limits(answer: Answer) -> tuple[str, str]:
    return answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]


async def test_every_answer_tells_what_is_left(api: Api) -> None:
    assert limits(await api.create()) == ("3", "2")
    assert limits(await api.create(subject="")) == ("3", "1")
    assert limits(await api.get("/support/tickets/1")) == ("3", "0")


async def test_beyond_the_limit(api: Api, clock: Clock) -> None:
    clock.now = 1000.9
    for _ in range(3):
        await api.get("/support/tickets")
    clock.now = 1030.2
    answer = await api.create()
    assert answer.status == 429
    assert answer.json == {"message": "Too Many Attempts."}
    assert limits(answer) == ("3", "0")
    assert answer.headers["Retry-After"] == "30"
    assert answer.headers["X-RateLimit-Reset"] == "1060"
    assert api.sandbox.tickets == ()


async def test_a_window_begins_with_its_first_request(api: Api, clock: Clock) -> None:
    clock.now = 1000
    await api.get("/support/tickets")
    clock.now = 1059
    assert limits(await api.get("/support/tickets")) == ("3", "1")
    clock.now = 1060
    assert limits(await api.get("/support/tickets")) == ("3", "2")
    clock.now = 1119
    assert limits(await api.get("/support/tickets")) == ("3", "1")


async def test_refused_requests_do_not_count(api: Api, clock: Clock) -> None:
    answers = [await api.get("/support/tickets") for _ in range(10)]
    assert [answer.status for answer in answers] == [200] * 3 + [429] * 7
    clock.now += 60
    assert limits(await api.get("/support/tickets")) == ("3", "2")


async def test_each_key_has_its_own_window(api: Api) -> None:
    await api.get("/support/tickets")
    reader = {"Authorization": f"Bearer {api.sandbox.read_key}"}
    assert limits(await api.get("/support/tickets", headers=reader)) == ("3", "2")
    denied = await api.request("POST", "/support/tickets", headers=reader)
    assert denied.status == 403
    assert limits(denied) == ("3", "1")


async def test_it_comes_before_the_upload(api: Api) -> None:
    for _ in range(3):
        await api.get("/support/tickets")

    async def never_ending() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1 << 16)

    # Only a server that does not wait for the body can answer this.
    answer = await api.request("POST", "/support/tickets", data=never_ending())
    assert answer.status == 429


async def test_nobody_known_is_not_counted(api: Api) -> None:
    for headers in ({"Authorization": "Bearer wrong"}, {}):
        answer = await api.get("/nowhere" if not headers else "/support/tickets", headers=headers)
        assert "X-RateLimit-Limit" not in answer.headers
