"""Backups of servers."""

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
from vpsbg_async.services.backups import Backup, Backups
from vpsbg_async.testing import Reply

EXAMPLE = operation("backups_list").example
SOFIA = timezone(timedelta(hours=3))


def test_they_are_as_contracted() -> None:
    check_as_contracted(Backups)


async def test_the_documented_answer() -> None:
    backups, transport = service(Backups, Reply(json=EXAMPLE))
    assert (await backups.list()).items == (
        Backup(
            id=77,
            server_id=2478,
            name="71_ubuntu-2gb_2023_06_19-19_34_40.qcow2.gz",
            created_at=datetime(2023, 6, 19, 22, 36, 35, tzinfo=SOFIA),
            size=50,
        ),
        Backup(
            id=73,
            server_id=2448,
            name="40_ubuntu-2gb_2023_06_10-14_42_22.qcow2.gz",
            created_at=datetime(2023, 6, 12, 10, 52, 53, tzinfo=SOFIA),
            size=50,
        ),
    )
    assert sent(transport) == [("GET", "/backups", None)]


async def test_all_of_them_without_a_frame() -> None:
    backups, transport = service(Backups, Reply(json=EXAMPLE))
    assert [backup.id async for backup in backups.list()] == [77, 73]
    assert len(transport.calls) == 1


async def test_every_page_is_asked_for_alike() -> None:
    pages = [framed({"id": number}, page=number, last=2) for number in (1, 2)]
    backups, transport = service(Backups, *pages)
    found = backups.list(date=date(2023, 6, 9), server_id=2478, size=50, sort="date")
    assert [backup.id async for backup in found] == [1, 2]
    query = "filter%5Bdate%5D=2023-06-09&filter%5Bserver_id%5D=2478&filter%5Bsize%5D=50&sort=date"
    assert [path for _, path, _ in sent(transport)] == [
        f"/backups?{query}",
        f"/backups?{query}&page=2",
    ]


async def test_zero_is_not_left_out() -> None:
    backups, transport = service(Backups, framed({}))
    await backups.list(size=0)
    assert sent(transport) == [("GET", "/backups?filter%5Bsize%5D=0", None)]


async def test_any_field_may_lack() -> None:
    await check_answers(Backups, lambda backups: backups.list(), "Backup", listed=True)


async def test_it_is_read_again_where_no_answer_came() -> None:
    await check_is_sent_again(Backups, lambda backups: backups.list(), framed({}))


async def test_what_cannot_be_sent() -> None:
    wrong: Any = {
        "page": 0,
        "date": datetime.now(UTC),
        "server_id": "2478",
        "size": 1.5,
        "sort": ["date"],
    }
    await check_refused(Backups, lambda backups: backups.list(**wrong), *wrong)
