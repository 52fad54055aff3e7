"""Floating IPs."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.spec import operation, schema_of
from tests.services.contract import (
    check_answers,
    check_as_contracted,
    check_is_sent_again,
    check_is_sent_once,
    check_refused,
    framed,
    sent,
    service,
)
from tests.services.tickets.support import failure_of
from vpsbg_async import Outcome, ResponseError, ValidationError
from vpsbg_async.services.floating_ips import FloatingIP, FloatingIPs, LockReason
from vpsbg_async.services.ip_addresses import FloatingIPStatus, IPAddress, IPAddressType
from vpsbg_async.services.plans import Plan
from vpsbg_async.services.servers import CancelRequest
from vpsbg_async.testing import Reply

EXAMPLE = schema_of("FloatingIp")["examples"][0]
WHOLE = FloatingIP(
    id=602,
    status=FloatingIPStatus.ACTIVE,
    locked=False,
    billing_cycle=1,
    expiry_at=datetime(2024, 10, 15, 21, tzinfo=UTC),
    plan=Plan(
        id=32,
        name="floating-ipv4",
        available=True,
        price=Decimal("2.5"),
        price_with_vat=Decimal(3),
    ),
    ip_address=IPAddress(
        id=47,
        ip_address="87.120.37.46",
        prefix=32,
        version=4,
        type=IPAddressType.PUBLIC,
        main=False,
        ddos_protected=False,
        ptr={"87.120.37.46": "example.com"},
    ),
    cancel_request=CancelRequest(
        id=233,
        type=1,
        reason="Example reason.",
        created_at=datetime(2024, 9, 25, 14, 16, 15, tzinfo=UTC),
    ),
)


async def purchase(addresses: FloatingIPs) -> tuple[FloatingIP, ...]:
    return await addresses.purchase(ipv4=1)


async def cancel(addresses: FloatingIPs) -> None:
    await addresses.cancel(ids=[608], now=True)


def test_they_are_as_contracted() -> None:
    check_as_contracted(FloatingIPs)


class TestList:
    async def test_the_documented_answer(self) -> None:
        addresses, transport = service(FloatingIPs, framed(EXAMPLE))
        assert (await addresses.list()).items == (WHOLE,)
        assert sent(transport) == [("GET", "/floating-ips", None)]

    async def test_any_field_may_lack_but_the_id_of_the_address(self) -> None:
        await check_answers(
            FloatingIPs,
            lambda addresses: addresses.list(),
            "FloatingIp",
            needed=("ip_address.id",),
            listed=True,
        )

    async def test_one_that_is_being_attached(self) -> None:
        item = {
            "id": 1,
            "server_id": 2586,
            "server_hostname": "ubuntu-2g",
            "server_main_ip": "87.121.52.159",
            "locked": True,
            "locked_at": "2024-11-24T22:00:00.000000Z",
            "lock_reason": "floating-ip-attach",
            "cancel_request": None,
        }
        addresses, _ = service(FloatingIPs, framed(item))
        assert (await addresses.list()).items == (
            FloatingIP(
                id=1,
                server_id=2586,
                server_hostname="ubuntu-2g",
                server_main_ip="87.121.52.159",
                locked=True,
                locked_at=datetime(2024, 11, 24, 22, tzinfo=UTC),
                lock_reason=LockReason.ATTACH,
            ),
        )

    @pytest.mark.parametrize(("ddos", "told"), [(True, "1"), (False, "0")])
    async def test_all_filters(self, ddos: bool, told: str) -> None:
        pages = [framed({"id": number}, page=number, last=2) for number in (1, 2)]
        addresses, transport = service(FloatingIPs, *pages)
        found = addresses.list(
            page=1,
            per_page=100,
            ip="87.120.37.46",
            search="web",
            status=(FloatingIPStatus.ACTIVE, "something-new"),
            ddos=ddos,
        )
        assert [one.id async for one in found] == [1, 2]
        query = (
            "per_page=100&filter%5Bip%5D=87.120.37.46&filter%5Bsearch%5D=web"
            f"&filter%5Bstatus%5D=active,something-new&filter%5Bddos%5D={told}"
        )
        assert [path for _, path, _ in sent(transport)] == [
            f"/floating-ips?{query}&page=1",
            f"/floating-ips?{query}&page=2",
        ]

    async def test_it_is_read_again_where_no_answer_came(self) -> None:
        await check_is_sent_again(FloatingIPs, lambda addresses: addresses.list(), framed(EXAMPLE))

    async def test_what_cannot_be_sent(self) -> None:
        wrong: Any = 1
        await check_refused(
            FloatingIPs,
            lambda addresses: addresses.list(
                page=0, per_page=0, ip=wrong, search=wrong, status=wrong, ddos=wrong
            ),
            *("page", "per_page", "ip", "search", "status", "ddos"),
        )


class TestPurchase:
    async def test_the_documented_request(self) -> None:
        example = operation("floating_ips_purchase").request["example"]
        addresses, transport = service(FloatingIPs, Reply(json={"data": [EXAMPLE]}))
        assert await addresses.purchase(**example) == (WHOLE,)
        assert sent(transport) == [("POST", "/floating-ips", example)]

    @pytest.mark.parametrize("answer", [{}, {"data": None}, {"data": []}, {"order_id": 1}])
    async def test_an_answer_that_names_none(self, answer: object) -> None:
        addresses, _ = service(FloatingIPs, Reply(json=answer))
        assert await purchase(addresses) == ()

    async def test_one_in_a_frame(self) -> None:
        addresses, _ = service(FloatingIPs, framed(EXAMPLE))
        assert await purchase(addresses) == (WHOLE,)

    async def test_an_answer_that_cannot_be_read_is_paid_for_all_the_same(self) -> None:
        addresses, _ = service(FloatingIPs, Reply(json="OK"))
        error = await failure_of(purchase(addresses))
        assert isinstance(error, ResponseError)
        assert error.outcome is Outcome.PROCESSED

    async def test_it_is_never_paid_twice(self) -> None:
        await check_is_sent_once(FloatingIPs, purchase)

    async def test_what_cannot_be_sent(self) -> None:
        wrong: Any = 1.5
        await check_refused(
            FloatingIPs,
            lambda addresses: addresses.purchase(
                billing_cycle=-1, ipv4=wrong, ipv4_ddos=wrong, ipv6=wrong, server_id=wrong
            ),
            *("billing_cycle", "ipv4", "ipv4_ddos", "ipv6", "server_id"),
        )


class TestCancel:
    @pytest.mark.parametrize("reply", [Reply(json={}), Reply(json=[]), Reply(status=204)], ids=str)
    async def test_the_documented_request(self, reply: Reply) -> None:
        example = operation("floating_ips_cancel").request["example"]
        addresses, transport = service(FloatingIPs, reply)
        await addresses.cancel(**example)
        assert sent(transport) == [("POST", "/floating-ips/cancel", example)]

    async def test_what_the_server_refuses(self) -> None:
        answer = {"message": "No.", "errors": {"ids.0": ["The selected id is invalid."]}}
        addresses, _ = service(FloatingIPs, Reply(status=422, json=answer))
        error = await failure_of(cancel(addresses))
        assert isinstance(error, ValidationError)
        assert error.errors == {"ids.0": ("The selected id is invalid.",)}

    async def test_it_is_never_sent_again_blindly(self) -> None:
        await check_is_sent_once(FloatingIPs, cancel)

    @pytest.mark.parametrize("ids", [[], None, 608, "608", [None], ["608"], [-1], [True]], ids=str)
    async def test_what_cannot_be_sent(self, ids: Any) -> None:
        nothing: Any = None
        wrong: Any = 1
        await check_refused(
            FloatingIPs,
            lambda addresses: addresses.cancel(ids=ids, now=nothing, reason=wrong),
            *("ids", "now", "reason"),
        )
