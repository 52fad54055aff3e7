"""IP addresses and their reverse DNS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.spec import operation
from tests.services.contract import (
    check_answers,
    check_as_contracted,
    check_is_sent_once,
    check_refused,
    sent,
    service,
)
from tests.services.tickets.support import failure_of
from vpsbg_async import ResponseError
from vpsbg_async.services.ip_addresses import (
    FloatingIPRef,
    FloatingIPStatus,
    IPAddress,
    IPAddresses,
    IPAddressType,
)
from vpsbg_async.testing import Reply

EXAMPLES = operation("ip_addresses_update").request["examples"]


async def update(addresses: IPAddresses) -> IPAddress:
    return await addresses.update(417, ptr="example.com")


async def answered(**fields: Any) -> IPAddress:
    """What becomes of fields of an answer."""
    addresses, _ = service(IPAddresses, Reply(json={"id": 417, **fields}))
    return await update(addresses)


def test_they_are_as_contracted() -> None:
    check_as_contracted(IPAddresses)


@pytest.mark.parametrize("kind", ["ipv4", "ipv6"])
@pytest.mark.parametrize("ip_address_id", [417, "417"])
async def test_the_documented_requests(kind: str, ip_address_id: int | str) -> None:
    example = EXAMPLES[kind]["value"]
    addresses, transport = service(IPAddresses, Reply(json={"id": 417, **example}))
    address = await addresses.update(ip_address_id, ptr=example["ptr"])
    assert address == IPAddress(id=417, ptr=example["ptr"])
    assert sent(transport) == [("PATCH", "/ip-addresses/417", example)]


async def test_any_field_may_lack_but_the_id() -> None:
    await check_answers(IPAddresses, update, "IpAddress", needed=("id",))
    addresses, _ = service(IPAddresses, Reply(json={"ip_address": "192.0.2.1"}))
    assert isinstance(await failure_of(update(addresses)), ResponseError)


async def test_an_address_as_older_answers_tell_it() -> None:
    address = await answered(
        ip_address="87.121.52.159",
        gateway="87.121.52.1",
        mask="255.255.255.0",
        version=4,
        type="public",
        assigned_on="2021-01-22T11:43:54.000000Z",
    )
    assert (address.gateway, address.mask, address.prefix) == (
        "87.121.52.1",
        "255.255.255.0",
        None,
    )
    assert address.type is IPAddressType.PUBLIC
    assert address.assigned_on == datetime(2021, 1, 22, 11, 43, 54, tzinfo=UTC)


@pytest.mark.parametrize("told", [True, False, None])
async def test_a_floating_ip_that_is_told_by_a_word(told: bool | None) -> None:
    assert (await answered(floating_ip=told)).floating_ip is told


@pytest.mark.parametrize("expiry", [None, "2024-11-06", 1730930400, {"date": 1.5}])
async def test_a_floating_ip_that_is_told_of(expiry: object) -> None:
    told = {
        "id": 205,
        "status": "active",
        "ip": "87.120.37.47",
        "server_id": 2478,
        "expiry": expiry,
        "new": 1,
    }
    floating_ip = (await answered(floating_ip=told)).floating_ip
    assert floating_ip == FloatingIPRef(
        id=205,
        status=FloatingIPStatus.ACTIVE,
        ip="87.120.37.47",
        server_id=2478,
        expiry=expiry,
    )
    assert isinstance(floating_ip, FloatingIPRef)
    assert floating_ip.extra == {"new": 1}


@pytest.mark.parametrize("told", [{}, [], {"server_id": None}])
async def test_a_floating_ip_of_which_nothing_is_told(told: object) -> None:
    assert (await answered(floating_ip=told)).floating_ip == FloatingIPRef()


@pytest.mark.parametrize(
    ("told", "ptr"),
    [
        (None, None),
        ("example.com", "example.com"),
        ({"87.120.37.46": "example.com"}, {"87.120.37.46": "example.com"}),
        ({"87.120.37.46": None}, {"87.120.37.46": None}),
        ({}, {}),
        ([], {}),
    ],
    ids=str,
)
async def test_every_form_of_a_name(told: object, ptr: object) -> None:
    assert (await answered(ptr=told)).ptr == ptr


@pytest.mark.parametrize("told", [1, True, False, ["a"], {"87.120.37.46": ["a"]}], ids=str)
async def test_a_name_that_has_none_of_the_forms_sinks_nothing(told: object) -> None:
    address = await answered(ptr=told)
    assert (address.ptr, address.extra) == (None, {"ptr": told})


async def test_a_floating_ip_that_has_none_of_the_forms() -> None:
    addresses, _ = service(IPAddresses, Reply(json={"id": 1, "floating_ip": "yes"}))
    error = await failure_of(update(addresses))
    assert isinstance(error, ResponseError)
    assert "floating_ip" in str(error)


async def test_it_is_never_sent_again_blindly() -> None:
    await check_is_sent_once(IPAddresses, update)


@pytest.mark.parametrize(
    "ptr", [None, 1, b"example.com", ["a"], {"a": None}, {1: "a"}, {"a": "\ud800"}, "\udfff"]
)
async def test_names_that_cannot_be_sent(ptr: Any) -> None:
    await check_refused(IPAddresses, lambda addresses: addresses.update("", ptr=ptr), "id", "ptr")
