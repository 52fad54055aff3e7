"""DDoS protection."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import START, CheckedApi

PATH = "/network-protection/2816"


async def test_what_is_protected(checked: CheckedApi) -> None:
    answer = await checked.call("GET", f"{PATH}/")
    assert answer["under_attack"] is False
    assert (answer["ip_address"]["id"], answer["floating_ip_id"]) == (2816, 25963458)
    assert answer["protected_service"] == {
        "id": 152414,
        "type": "server",
        "label": "my.server.com",
    }


async def test_only_with_the_slash(checked: CheckedApi) -> None:
    answer = await checked.call("GET", PATH, status=404)
    assert answer["message"] == "The route v1/network-protection/2816 could not be found."


async def test_not_every_address_is_protected(checked: CheckedApi) -> None:
    for number in (48, 25963458, 1):
        await checked.call("GET", f"/network-protection/{number}/", status=404)
    body = {"ipv4_ddos": 1}
    (bought,) = (await checked.call("POST", "/floating-ips", body))["data"]
    number = bought["ip_address"]["id"]
    answer = await checked.call("GET", f"/network-protection/{number}/")
    assert (answer["floating_ip_id"], answer["protected_service"]) == (bought["id"], None)


async def test_attacks_by_pages(checked: CheckedApi) -> None:
    week = await checked.listed(f"{PATH}/attacks?per_page=50")
    assert len(week) == 28
    assert week[:2] == ["Ws8PeaCFn4bZ4Rf", "qAEbdFBBluE9bYI"]
    assert await checked.listed(f"{PATH}/attacks?per_page=10&page=3") == week[20:]
    long_ago = f"filter[start]={int(START) - 10**7}"
    every = await checked.listed(f"{PATH}/attacks?per_page=50&{long_ago}")
    assert (len(every), every[:28]) == (40, week)


async def test_attacks_of_a_span(checked: CheckedApi) -> None:
    first, second = (int(START - 3600 - hours * 3600) for hours in (0, 6))
    query = f"filter[start]={second}&filter[end]={first}"
    assert await checked.listed(f"{PATH}/attacks?{query}") == ["qAEbdFBBluE9bYI"]
    assert await checked.listed(f"{PATH}/attacks?filter[start]={first + 1}") == []
    errors = await checked.refused("GET", f"{PATH}/attacks?filter[end]=now")
    assert errors == {"filter.end": ["The filter.end field must be an integer."]}


async def test_one_attack(checked: CheckedApi) -> None:
    attack = await checked.call("GET", f"{PATH}/attacks/Ws8PeaCFn4bZ4Rf")
    assert (attack["started_at"], attack["ended_at"]) == (
        "2024-08-02T10:57:57.250Z",
        "2024-08-02T11:13:12.250Z",
    )
    listed = (await checked.call("GET", f"{PATH}/attacks"))["data"][0]
    assert attack.items() >= listed.items()
    assert attack["top_ports"] == {"tcp": {}, "udp": {}}
    answer = await checked.call("GET", f"{PATH}/attacks/none", status=404)
    assert answer["message"] == "No query results for model [App\\Models\\Attack] none"


@pytest.mark.parametrize(
    ("networks", "kept"),
    [
        (["100.100.200.100", "100.100.100.0/24"], ["100.100.100.0/24", "100.100.200.100/32"]),
        (["9.9.9.9", "10.0.0.0/8", "9.9.9.9/32"], ["9.9.9.9/32", "10.0.0.0/8"]),
        (["10.1.2.3/8"], ["10.0.0.0/8"]),
        (["2001:db8::1", "1.1.1.1"], ["1.1.1.1/32", "2001:db8::1/128"]),
    ],
)
async def test_a_blacklist(checked: CheckedApi, networks: list[str], kept: list[str]) -> None:
    answer = await checked.call("POST", f"{PATH}/blacklist", {"networks": networks})
    assert answer == {"active": True, "networks": kept}


@pytest.mark.parametrize(
    ("networks", "errors"),
    [
        ([], {"networks": ["The networks field is required."]}),
        ("1.1.1.1", {"networks": ["The networks field must be an array."]}),
        (
            ["1.1.1.1"] * 1001,
            {"networks": ["The networks field must not have more than 1000 items."]},
        ),
        (
            ["1.1.1.1", "one", 5, "1.1.1.1/33"],
            {f"networks.{n}": [f"The networks.{n} field format is invalid."] for n in (1, 2, 3)},
        ),
    ],
)
async def test_a_wrong_blacklist(checked: CheckedApi, networks: Any, errors: object) -> None:
    body = {"networks": networks}
    assert await checked.refused("POST", f"{PATH}/blacklist", body) == errors


async def test_the_geo_filter(checked: CheckedApi) -> None:
    answer = await checked.call("GET", f"{PATH}/geo")
    assert answer == {"active": True, "action": "allow", "countries": ["BG"]}
