"""The ways in which answers differ from what is documented."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from vpsbg_async.sandbox import Drift, Fault, Listing, Sandbox

from .conftest import Answer, Api, Clock
from .forms import END, file, text

LIMITS = ["X-RateLimit-Limit", "X-RateLimit-Remaining"]


@asynccontextmanager
async def drifting(*kinds: Drift) -> AsyncIterator[Api]:
    async with (
        Sandbox(drift=kinds, clock=Clock(), rate_limit=20) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        yield Api(sandbox, session)


async def told(api: Api) -> list[Any]:
    """A ticket in all the answers that hold one; they tell the same of it."""
    await api.create(service_id="2747", service_type="server")
    reply = text("message", "Any news?") + file("mtr.txt") + END
    last = (await api.post("/support/tickets/216/messages", reply)).json
    listed = (await api.get("/support/tickets")).json
    (ticket,) = listed if isinstance(listed, list) else listed["data"]
    assert ticket == last == (await api.get("/support/tickets/216")).json
    return [ticket, *ticket["messages"], *ticket["messages"][1]["attachments"]]


@pytest.fixture
async def documented() -> list[Any]:
    async with drifting() as api:
        return await told(api)


def test_what_there_is() -> None:
    assert [str(drift) for drift in Drift] == [
        *("unknown-field", "missing-field", "other-type", "null-field", "unknown-value"),
        *("other-time", "no-envelope", "no-meta", "other-limit-headers", "no-limit-headers"),
        *("html-errors", "no-date"),
    ]


def test_it_is_checked() -> None:
    wrong: Any = ["no-date", "backwards"]
    with pytest.raises(ValueError, match="'backwards' is not a valid Drift"):
        Sandbox(drift=wrong)


class TestTickets:
    """Each test undoes what it expects, and finds what is documented."""

    async def test_unknown_field(self, documented: list[Any]) -> None:
        async with drifting(Drift.UNKNOWN_FIELD) as api:
            ticket, first, reply, attachment = await told(api)
        assert first.keys() - documented[1].keys() == {"read_at"}
        assert ticket.pop("priority") == "normal"
        del first["read_at"], reply["read_at"]
        assert [ticket, first, reply, attachment] == documented

    async def test_missing_field(self, documented: list[Any]) -> None:
        async with drifting(Drift.MISSING_FIELD) as api:
            ticket, first, reply, attachment = await told(api)
        ticket["subject"] = documented[0]["subject"]
        first["created_at"] = reply["created_at"] = documented[1]["created_at"]
        assert [ticket, first, reply, attachment] == documented
        assert documented[0]["subject"]
        assert documented[1]["created_at"]

    async def test_other_type(self, documented: list[Any]) -> None:
        async with drifting(Drift.OTHER_TYPE) as api:
            ticket, first, reply, attachment = parts = await told(api)
        assert [part["id"] for part in parts] == ["216", "50", "51", "5"]
        assert ticket["service_id"] == "2747"
        assert first["is_customer"] is not True
        assert first["is_customer"] == reply["is_customer"] == 1
        for part in parts:
            part["id"] = int(part["id"])
        ticket["service_id"] = 2747
        assert [ticket, first, reply, attachment] == documented

    async def test_other_type_of_what_is_null(self) -> None:
        async with drifting(Drift.OTHER_TYPE) as api:
            assert (await api.create()).json["service_id"] is None

    async def test_null_field(self, documented: list[Any]) -> None:
        async with drifting(Drift.NULL_FIELD) as api:
            ticket, *rest = await told(api)
        assert ticket["department"] is None
        assert [ticket | {"department": "tech-support"}, *rest] == documented

    async def test_unknown_value(self, documented: list[Any]) -> None:
        async with drifting(Drift.UNKNOWN_VALUE) as api:
            ticket, *rest = await told(api)
        assert ticket["status"] not in {None, "", "opened"}
        assert [ticket | {"status": "opened"}, *rest] == documented

    async def test_other_time(self, documented: list[Any]) -> None:
        async with drifting(Drift.OTHER_TIME) as api:
            parts = await told(api)
        written = "2024-08-02 11:57:57"
        ticket, first, reply, _ = parts
        assert ticket["created_at"] == ticket["updated_at"] == written
        assert first["created_at"] == reply["created_at"] == written
        for part, before in zip(parts, documented, strict=True):
            part.update({name: before[name] for name in before if name.endswith("_at")})
        assert parts == documented


class TestLists:
    async def test_no_envelope(self, documented: list[Any]) -> None:
        async with drifting(Drift.NO_ENVELOPE) as api:
            assert await told(api) == documented
            await api.create()
            answer = await api.get("/support/tickets?per_page=1")
            assert [ticket["id"] for ticket in answer.json] == [217]

    async def test_no_meta(self, documented: list[Any]) -> None:
        async with drifting(Drift.NO_META) as api:
            assert await told(api) == documented
            assert (await api.get("/support/tickets")).json.keys() == {"data"}


async def limited(api: Api) -> list[Answer]:
    """Answers of every kind that tells of the rate limit, the last one a 429."""
    answers = [await api.create(), await api.create(subject=""), await api.get("/support/tickets")]
    while answers[-1].status != 429:
        answers.append(await api.get("/support/tickets"))
    return answers


class TestHeaders:
    async def test_other_limit_headers(self) -> None:
        async with drifting(Drift.OTHER_LIMIT_HEADERS) as api:
            answers = await limited(api)
        for answer, left in zip(answers, [*range(19, -1, -1), 0], strict=True):
            assert not [name for name in answer.headers if name.startswith("X-RateLimit")]
            assert answer.headers["RateLimit-Limit"] == "20"
            assert answer.headers["RateLimit-Remaining"] == f"{left}"
        assert answers[-1].headers["Retry-After"] == "60"

    @pytest.mark.parametrize("more", [(), (Drift.OTHER_LIMIT_HEADERS,)])
    async def test_no_limit_headers(self, more: tuple[Drift, ...]) -> None:
        async with drifting(Drift.NO_LIMIT_HEADERS, *more) as api:
            answers = await limited(api)
        for answer in answers:
            assert not [name for name in answer.headers if "RateLimit" in name]
        assert answers[-1].headers["Retry-After"] == "60"

    async def test_no_date(self) -> None:
        async with drifting(Drift.NO_DATE) as api:
            api.sandbox.faults.add(None, None, Fault.ERROR_502_AFTER)
            for answer in (await api.create(), await api.get("/nowhere"), await api.create()):
                assert "Date" not in answer.headers

    async def test_nothing_else_is_different(self) -> None:
        kinds = {Drift.OTHER_LIMIT_HEADERS, Drift.NO_LIMIT_HEADERS, Drift.NO_DATE}
        async with drifting(*set(Drift) - kinds) as api:
            answer = await api.create()
        assert answer.headers.keys() >= {*LIMITS, "Date"}


async def test_html_errors() -> None:
    async with drifting(Drift.HTML_ERRORS) as api:
        stranger = {"Authorization": "Bearer wrong"}
        answers = [
            await api.get("/support/tickets", headers=stranger),
            await api.get("/nowhere"),
            await api.get("/support/tickets/1"),
        ]
        assert [answer.status for answer in answers] == [401, 404, 404]
        for answer in answers:
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert answer.content.startswith(b"<!DOCTYPE html><title>")
        assert answers[2].headers.keys() >= set(LIMITS)
        assert (await api.create(subject="")).json["errors"]


async def test_together_with_listings_and_faults() -> None:
    async with drifting(*Drift) as api:
        await api.create(file("mtr.txt"))
        whole = (await api.get("/support/tickets")).content
        api.sandbox.faults.add(Fault.CUT_JSON)
        assert (await api.request("HEAD", "/support/tickets")).status == 200
        api.sandbox.faults.add(Fault.LATENCY)
        api.sandbox.faults.latency = 0.0
        assert (await api.get("/support/tickets")).content == whole
        for listing in (Listing.BARE, Listing.MUTE):
            api.sandbox.listing = listing
            (ticket,) = (await api.get("/support/tickets")).json
            assert "messages" not in ticket
            assert ticket["id"] == "216"
