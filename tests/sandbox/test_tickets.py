from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from vpsbg_async.sandbox import Sandbox

from .conftest import Api, Clock, files_in
from .forms import END, file, part, text


async def test_a_ticket_is_answered_as_documented(api: Api) -> None:
    answer = await api.create(
        part('name="attachments[]"; filename="first.png"', b"PNG", "Content-Type: image/png; q=1"),
        file("second", b""),
        service_id="2747",
        service_type="server",
    )
    assert answer.status == 200
    assert answer.json == {
        "id": 216,
        "status": "opened",
        "subject": "Server misbehaves",
        "created_at": "2024-08-02T11:57:57.250000Z",
        "updated_at": "2024-08-02T11:57:57.250000Z",
        "department": "tech-support",
        "service_label": "server-2747",
        "service_type": "server",
        "service_id": 2747,
        "messages": [
            {
                "id": 50,
                "content": "It stopped answering pings.",
                "is_customer": True,
                "created_at": "2024-08-02T11:57:57.250000Z",
                "attachments": [
                    {"id": 5, "name": "first.png", "size": 3, "mimeType": "image/png"},
                    {"id": 6, "name": "second", "size": 0, "mimeType": "application/octet-stream"},
                ],
            }
        ],
    }


async def test_a_ticket_is_kept_with_its_files(api: Api, sandbox: Sandbox, directory: Path) -> None:
    await api.create(file("mtr.txt", b"hop\r\nhop"), service_type="hosting", service_id="7")
    (ticket,) = sandbox.tickets
    assert (ticket.subject, ticket.department_id) == ("Server misbehaves", 2)
    assert (ticket.service_type, ticket.service_id) == ("hosting", 7)
    assert ticket.created_at == ticket.updated_at == ticket.messages[0].created_at
    assert ticket.created_at.isoformat() == "2024-08-02T11:57:57.250000+00:00"
    (message,) = ticket.messages
    assert (message.content, message.is_customer) == ("It stopped answering pings.", True)
    (attachment,) = message.attachments
    assert (attachment.name, attachment.size) == ("mtr.txt", 8)
    assert attachment.sha256 == hashlib.sha256(b"hop\r\nhop").hexdigest()
    assert attachment.path.read_bytes() == b"hop\r\nhop"
    assert files_in(directory) == [attachment.path]


@pytest.mark.parametrize(
    ("fields", "label", "kind", "number"),
    [
        ({}, None, None, None),
        ({"service_type": "hosting", "service_id": "3"}, "hosting-3", "shared-hosting", 3),
        ({"service_type": "hosting"}, None, "shared-hosting", None),
        ({"service_id": "3", "service_type": " "}, None, None, 3),
    ],
)
async def test_the_service_of_a_ticket(
    api: Api, fields: dict[str, str], label: str | None, kind: str | None, number: int | None
) -> None:
    ticket = (await api.create(**fields)).json
    assert ticket["service_label"] == label
    assert ticket["service_type"] == kind
    assert ticket["service_id"] == number


async def test_a_reply_is_answered_with_the_whole_ticket(
    api: Api, sandbox: Sandbox, clock: Clock
) -> None:
    created = (await api.create(file("one.txt"))).json
    clock.now += 90
    answer = await api.post(
        f"/support/tickets/{created['id']}/messages",
        text("message", "Any news?") + file("two.txt", b"2") + END,
    )
    assert answer.status == 200
    assert answer.json == created | {
        "updated_at": "2024-08-02T11:59:27.250000Z",
        "messages": [
            *created["messages"],
            {
                "id": 51,
                "content": "Any news?",
                "is_customer": True,
                "created_at": "2024-08-02T11:59:27.250000Z",
                "attachments": [
                    {"id": 6, "name": "two.txt", "size": 1, "mimeType": "application/octet-stream"}
                ],
            },
        ],
    }
    (ticket,) = sandbox.tickets
    assert [message.id for message in ticket.messages] == [50, 51]
    assert ticket.messages[1].attachments[0].path.read_bytes() == b"2"
    assert (await api.get(f"/support/tickets/{ticket.id}")).json == answer.json


async def test_a_refused_reply_changes_nothing(api: Api, sandbox: Sandbox, directory: Path) -> None:
    await api.create()
    before = sandbox.tickets
    answer = await api.post("/support/tickets/216/messages", file("a") + text("message", "x") + END)
    assert answer.json["errors"] == {
        "message": ["The message field must be at least 5 characters."]
    }
    assert sandbox.tickets == before
    assert not files_in(directory)


@pytest.mark.parametrize("number", ["217", "0", "-1", "abc", "9" * 5000, "%20"])
async def test_there_is_no_such_ticket(api: Api, number: str) -> None:
    await api.create()
    for answer in (
        await api.get(f"/support/tickets/{number}"),
        await api.post(f"/support/tickets/{number}/messages", END),
    ):
        assert answer.status == 404
        assert answer.json["message"].startswith("No query results for model [App\\Models\\Ticket]")


async def test_many_at_once(api: Api, sandbox: Sandbox) -> None:
    async def create(number: int) -> None:
        content = bytes([number]) * 100_000
        answer = await api.create(file(f"{number}.bin", content), subject=f"Ticket {number}")
        assert answer.json["subject"] == f"Ticket {number}"
        assert answer.json["messages"][0]["attachments"][0]["name"] == f"{number}.bin"

    await asyncio.gather(*(create(number) for number in range(50)))
    tickets = sandbox.tickets
    assert [ticket.id for ticket in tickets] == list(range(216, 266))
    assert len({ticket.subject for ticket in tickets}) == 50
    for ticket in tickets:
        (attachment,) = ticket.messages[0].attachments
        number = int(ticket.subject.removeprefix("Ticket "))
        assert attachment.sha256 == hashlib.sha256(bytes([number]) * 100_000).hexdigest()
