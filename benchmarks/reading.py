"""What it costs to make models of answers: one long ticket, and a long list in pages."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from decimal import Decimal
from typing import Any

import aiohttp
import attrs
import cattrs
import orjson

from vpsbg_async import VPSBG, Ticket
from vpsbg_async.core import convert
from vpsbg_async.core.answer import Answer

from .answers import SERVERS, ticket_of_50
from .contest import Contender, Target, compete
from .peers import BY_HAND, KEY, US, HandTicket, PydanticTicket, hand_converter
from .report import Case, Plan

__all__ = ["measure"]

PYDANTIC = "pydantic"
ORJSON = "aiohttp + orjson, no models"


@attrs.define
class HandPlan:
    """A plan, as one would write it down."""

    id: int
    type: str
    name: str
    vcpus: int
    memory: int
    disk: int
    bandwidth: int
    minimum_billing_cycle: int
    available: bool
    price: Decimal
    price_with_vat: Decimal


@attrs.define
class HandGroup:
    """A family of images."""

    name: str
    type: str
    key: str


@attrs.define
class HandImage:
    """An image."""

    id: int
    name: str
    group: HandGroup


@attrs.define
class HandAddress:
    """An address."""

    id: int
    ip_address: str
    gateway: str
    mask: str
    version: int
    type: str
    main: bool
    ddos_protected: bool
    ptr: str | None


@attrs.define
class HandAddon:
    """An extra."""

    name: str
    quantity: int


@attrs.define
class HandServer:
    """A server."""

    id: int
    hostname: str
    billing_cycle: int
    plan: HandPlan
    status: str
    locked: bool
    created_at: datetime
    expiry_at: datetime
    auto_renew: bool
    server_image: HandImage
    ip_addresses: list[HandAddress]
    addons: list[HandAddon]


async def measure(plan: Plan) -> AsyncIterator[Case]:
    """Read a ticket of 50 messages from memory, and 1,000 servers from the far end."""
    yield await _ticket(plan)
    yield await _servers(plan)


async def _ticket(plan: Plan) -> Case:
    body = json.dumps(ticket_of_50(), ensure_ascii=False, separators=(",", ":")).encode()
    answer, converter = Answer(200, {}, body), hand_converter()
    result = await compete(
        {
            US: _repeated(lambda: convert.read(answer, Ticket)),
            PYDANTIC: _repeated(lambda: PydanticTicket.model_validate_json(body)),
            "orjson + cattrs": _repeated(
                lambda: converter.structure(orjson.loads(body), HandTicket)
            ),
            "orjson, no models": _repeated(lambda: orjson.loads(body)),
        },
        count=plan.scaled(200),
        rounds=plan.rounds(25),
    )
    name = "get a ticket of 50 messages, structured"
    figure, target = f"processor time, of {PYDANTIC}", Target(value=2.0)
    verdict = result.verdict(name, figure, target, name=US, peer=PYDANTIC)
    return Case(name=name, result=result, verdicts=[verdict])


def _repeated(read: Callable[[], object]) -> Contender:
    async def contend(count: int) -> None:
        for _ in range(count):
            read()

    return contend


async def _servers(plan: Plan) -> Case:
    url = plan.sink.url
    async with AsyncExitStack() as stack:
        vps = await stack.enter_async_context(VPSBG("key", base_url=url))
        session = await stack.enter_async_context(aiohttp.ClientSession(headers=KEY))
        converter = _converter()

        async def ours(count: int) -> None:
            for _ in range(count):
                assert len([server async for server in vps.servers.list()]) == SERVERS

        async def raw(count: int) -> None:
            for _ in range(count):
                assert len([server async for server in _all(session, url)]) == SERVERS

        async def by_hand(count: int) -> None:
            for _ in range(count):
                servers = [
                    converter.structure(server, HandServer) async for server in _all(session, url)
                ]
                assert len(servers) == SERVERS

        result = await compete(
            {US: ours, ORJSON: raw, BY_HAND: by_hand}, count=1, rounds=plan.rounds(15)
        )
    name = "list 1,000 servers over pages"
    targets = {ORJSON: Target(value=6.0), BY_HAND: Target(value=1.2)}
    verdicts = [
        result.verdict(name, f"processor time, of {peer}", target, name=US, peer=peer)
        for peer, target in targets.items()
    ]
    return Case(name=name, result=result, verdicts=verdicts)


async def _all(session: aiohttp.ClientSession, url: str) -> AsyncIterator[Any]:
    page: str | None = "1"
    while page is not None:
        async with session.get(f"{url}/servers", params={"page": page}) as response:
            response.raise_for_status()
            data = orjson.loads(await response.read())
        for server in data["data"]:
            yield server
        following = data["links"]["next"]
        page = following and re.findall(r"page=([0-9]+)", following)[0]


def _converter() -> cattrs.Converter:
    converter = hand_converter()
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(str(value)))
    return converter
