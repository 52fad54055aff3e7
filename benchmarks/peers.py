"""What others would write: the floor, aiohttp by hand, and two more HTTP libraries.

Each creates tickets at the same address, and those but the floor make something of the answer.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import cattrs
import httpx2
import niquests
import pydantic

from vpsbg_async import VPSBG, Attachment, AttachmentLike

from .answers import MESSAGE

__all__ = [
    "BY_HAND",
    "FLOOR",
    "HTTPX2",
    "NIQUESTS",
    "US",
    "Files",
    "HandTicket",
    "PydanticTicket",
    "creators",
    "hand_converter",
]

US = "vpsbg_async"
FLOOR = "floor"
BY_HAND = "aiohttp by hand"
HTTPX2 = "httpx2 + pydantic"
NIQUESTS = "niquests"

Files = Sequence[tuple[str, bytes | Path]]
"""Names and contents, in memory or on disk."""

Create = Callable[[], Awaitable[object]]

KEY = {"Authorization": "Bearer key", "Accept": "application/json"}
PATH = "/support/tickets"
FIELDS = {
    "department_id": "2",
    "subject": "Server misbehaves",
    "message": MESSAGE,
}


@attrs.define
class HandAttachment:
    """A file, as one would write it down."""

    id: int
    name: str
    size: int
    mimeType: str  # noqa: N815


@attrs.define
class HandMessage:
    """A message, as one would write it down."""

    id: int
    content: str
    is_customer: bool
    created_at: datetime
    attachments: list[HandAttachment]


@attrs.define
class HandTicket:
    """A ticket, as one would write it down."""

    id: int
    status: str
    subject: str
    created_at: datetime
    updated_at: datetime
    department: str
    service_label: str | None
    service_type: str | None
    service_id: int | None
    messages: list[HandMessage]


class PydanticAttachment(pydantic.BaseModel):
    """A file."""

    id: int
    name: str
    size: int
    mime_type: str = pydantic.Field(alias="mimeType")


class PydanticMessage(pydantic.BaseModel):
    """A message."""

    id: int
    content: str
    is_customer: bool
    created_at: datetime
    attachments: list[PydanticAttachment]


class PydanticTicket(pydantic.BaseModel):
    """A ticket."""

    id: int
    status: str
    subject: str
    created_at: datetime
    updated_at: datetime
    department: str
    service_label: str | None
    service_type: str | None
    service_id: int | None
    messages: list[PydanticMessage]


def hand_converter() -> cattrs.Converter:
    """A converter with what cattrs does not know by itself."""
    converter = cattrs.Converter()
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    return converter


@asynccontextmanager
async def creators(
    url: str, files: Files, names: Sequence[str]
) -> AsyncIterator[Mapping[str, Create]]:
    """Those who create one ticket with these files, by name, each over connections of its own."""
    makers = {
        US: _us,
        FLOOR: _floor,
        BY_HAND: _by_hand,
        HTTPX2: _httpx2,
        NIQUESTS: _niquests,
    }
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(makers[name](url, files)) for name in names}


@asynccontextmanager
async def _us(url: str, files: Files) -> AsyncIterator[Create]:
    async with VPSBG("key", base_url=url) as vps:

        async def create() -> object:
            attached: list[AttachmentLike] = [
                source if isinstance(source, Path) else Attachment.from_bytes(source, name=name)
                for name, source in files
            ]
            return await vps.tickets.create(
                department_id=2,
                subject=FIELDS["subject"],
                message=FIELDS["message"],
                attachments=attached,
            )

        yield create


@asynccontextmanager
async def _floor(url: str, files: Files) -> AsyncIterator[Create]:
    """One buffer, made before, and an answer that nobody looks at."""
    boundary = "b" * 32
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in FIELDS.items()
    ]
    for name, source in files:
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="attachments[]"; '
            f'filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'
        )
        data = source.read_bytes() if isinstance(source, Path) else source
        parts.append(head.encode() + data + b"\r\n")
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", **KEY}
    target = url + PATH
    async with aiohttp.ClientSession() as session:

        async def create() -> object:
            async with session.post(target, data=body, headers=headers) as response:
                return await response.read()

        yield create


@asynccontextmanager
async def _by_hand(url: str, files: Files) -> AsyncIterator[Create]:
    """FormData with bytes and open files, json, cattrs."""
    target = url + PATH
    converter = hand_converter()
    async with aiohttp.ClientSession(headers=KEY) as session:

        async def create() -> object:
            with ExitStack() as stack:
                form = aiohttp.FormData(default_to_multipart=True)
                for field, value in FIELDS.items():
                    form.add_field(field, value)
                for name, source in files:
                    opened = _opened(stack, source)
                    form.add_field(
                        "attachments[]", opened, filename=name, content_type="text/plain"
                    )
                async with session.post(target, data=form) as response:
                    response.raise_for_status()
                    return converter.structure(await response.json(), HandTicket)

        yield create


@asynccontextmanager
async def _httpx2(url: str, files: Files) -> AsyncIterator[Create]:
    target = url + PATH
    async with httpx2.AsyncClient(headers=KEY) as client:

        async def create() -> object:
            with ExitStack() as stack:
                attached = _attached(stack, files)
                response = await client.post(target, data=FIELDS, files=attached)
            response.raise_for_status()
            return PydanticTicket.model_validate_json(response.content)

        yield create


@asynccontextmanager
async def _niquests(url: str, files: Files) -> AsyncIterator[Create]:
    target = url + PATH
    async with niquests.AsyncSession() as session:
        for name, value in KEY.items():
            session.headers[name] = value

        async def create() -> object:
            with ExitStack() as stack:
                attached = _attached(stack, files)
                response = await session.post(target, data=FIELDS, files=attached)
            response.raise_for_status()
            return json.loads(response.content or b"")

        yield create


def _attached(stack: ExitStack, files: Files) -> Any:
    """The files in the form that requests has made common."""
    return [
        ("attachments[]", (name, _opened(stack, source), "text/plain")) for name, source in files
    ] or None


def _opened(stack: ExitStack, source: bytes | Path) -> Any:
    return stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
