"""What a test reads from the calls of a FakeTransport."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vpsbg_async import VPSBG, Attachment
from vpsbg_async.testing import Call, FakeTransport, Reply, SentFile

TICKET: dict[str, Any] = {"department_id": 2, "subject": "Down", "message": "It is down."}
BYTES = bytes(range(256)) + b"\r\n--\r\n\r\n"


async def ticket(*attachments: Attachment, **more: Any) -> Call:
    """The call that creates a ticket."""
    transport = FakeTransport(Reply(json={"id": 1}))
    async with VPSBG("key", transport=transport) as vps:
        await vps.tickets.create(**{**TICKET, **more}, attachments=attachments)
    return transport.calls[0]


async def request(method: str, body: object = None) -> Call:
    """Another call."""
    transport = FakeTransport(Reply(json={}))
    async with VPSBG("key", transport=transport) as vps:
        await vps.request(method, "/a", json=body)
    return transport.calls[0]


class TestForms:
    async def test_fields(self) -> None:
        call = await ticket(message='Ето.\r\n\r\nname="x"; filename="y"', service_id=7)
        assert call.fields == {
            "service_id": "7",
            "message": 'Ето.\r\n\r\nname="x"; filename="y"',
            "subject": "Down",
            "department_id": "2",
        }
        assert call.files == []

    @pytest.mark.parametrize("data", [b"", BYTES, bytes(100_000)], ids=["none", "odd", "many"])
    async def test_files(self, data: bytes) -> None:
        typed = Attachment.from_bytes(data, name="снимка; a.png", content_type="text/x; y=z")
        call = await ticket(Attachment.from_bytes(b"log", name="a.log"), typed)
        assert call.files == [
            SentFile(name="a.log", content_type="text/plain", content=b"log"),
            SentFile(name="снимка; a.png", content_type="text/x; y=z", content=data),
        ]
        assert call.fields["subject"] == "Down"

    async def test_are_no_json(self) -> None:
        with pytest.raises(ValueError, match="Expecting value"):
            _ = (await ticket()).json


class TestOtherBodies:
    @pytest.mark.parametrize("body", [{"name": "ю", "ids": [1]}, [], 0, False, "text"], ids=str)
    async def test_json(self, body: object) -> None:
        call = await request("POST", body)
        assert call.json == body
        assert json.loads(call.body) == body
        assert (call.fields, call.files) == ({}, [])

    async def test_none(self) -> None:
        call = await request("GET")
        assert call.json is None
        assert (call.fields, call.files) == ({}, [])
