"""Snapshots of servers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from tests.contract.spec import operation
from tests.services.contract import (
    check_answers,
    check_as_contracted,
    check_is_sent_again,
    check_refused,
    framed,
    sent,
    service,
)
from vpsbg_async.services.snapshots import Snapshot, Snapshots
from vpsbg_async.testing import Reply

EXAMPLE = operation("snapshots_list").example
SOFIA = timezone(timedelta(hours=3))


def test_they_are_as_contracted() -> None:
    check_as_contracted(Snapshots)


async def test_the_documented_answer() -> None:
    snapshots, transport = service(Snapshots, Reply(json=EXAMPLE))
    page = await snapshots.list()
    assert page.items == (
        Snapshot(
            id=116,
            server_id=2478,
            name="example_snapshot",
            created_at=datetime(2023, 6, 19, 22, 34, 43, tzinfo=SOFIA),
            size=50,
        ),
    )
    assert (page.number, page.next, page.last, page.total) == (1, None, 1, 1)
    assert sent(transport) == [("GET", "/snapshots", None)]


async def test_every_page_is_asked_for_alike() -> None:
    pages = [framed({"id": number}, page=number, last=3) for number in (2, 3)]
    snapshots, transport = service(Snapshots, *pages)
    found = snapshots.list(page=2, date=date(2023, 6, 9), server_id=2478, sort="-date")
    assert [snapshot.id async for snapshot in found] == [2, 3]
    query = "filter%5Bdate%5D=2023-06-09&filter%5Bserver_id%5D=2478&sort=-date"
    assert [path for _, path, _ in sent(transport)] == [
        f"/snapshots?{query}&page=2",
        f"/snapshots?{query}&page=3",
    ]


async def test_the_oldest_first() -> None:
    snapshots, transport = service(Snapshots, framed({}))
    await snapshots.list(sort="date")
    assert sent(transport) == [("GET", "/snapshots?sort=date", None)]


async def test_any_field_may_lack() -> None:
    await check_answers(Snapshots, lambda snapshots: snapshots.list(), "Snapshot", listed=True)


async def test_it_is_read_again_where_no_answer_came() -> None:
    await check_is_sent_again(Snapshots, lambda snapshots: snapshots.list(), framed({}))


async def test_what_cannot_be_sent() -> None:
    wrong: Any = {"page": 0, "date": datetime.now(UTC), "server_id": "2478", "sort": 1}
    await check_refused(Snapshots, lambda snapshots: snapshots.list(**wrong), *wrong)
    wrong = {"date": "2023-06-19", "server_id": -1}
    await check_refused(Snapshots, lambda snapshots: snapshots.list(**wrong), *wrong)
