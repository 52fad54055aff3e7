"""Floating IPs and addresses."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import CheckedApi, Clock


class TestListing:
    async def test_what_there_is(self, checked: CheckedApi) -> None:
        assert await checked.listed("/floating-ips") == [25963458, 640, 637, 608, 602]
        assert await checked.listed("/floating-ips?per_page=2&page=3") == [602]
        first = (await checked.call("GET", "/floating-ips"))["data"][-1]
        assert first == checked.sandbox.floating_ips[-1]
        assert (first["server_id"], first["server_hostname"]) == (None, None)
        assert first["ip_address"]["ptr"] == {"87.120.37.46": "example.com"}
        assert "floating_ip" not in first["ip_address"]
        second = checked.sandbox.floating_ips[2]
        assert (second["server_id"], second["server_main_ip"]) == (2864, "87.120.37.47")

    @pytest.mark.parametrize(
        ("query", "numbers"),
        [
            ("filter[ip]=87.120.37.46", [602]),
            ("filter[search]=ubuntu", [637, 608]),
            ("filter[search]=10.10.", [25963458]),
            ("filter[status]=suspended", [640]),
            ("filter[ddos]=1", [25963458]),
            ("filter[ddos]=true", [25963458]),
            ("filter[ddos]=0&filter[status]=active", [637, 608, 602]),
            ("filter[ddos]=false&filter[status]=terminated", []),
        ],
    )
    async def test_filters(self, checked: CheckedApi, query: str, numbers: list[int]) -> None:
        assert await checked.listed(f"/floating-ips?{query}") == numbers


class TestPurchase:
    async def test_loose_ones(self, checked: CheckedApi) -> None:
        body = {"billing_cycle": 3, "ipv4": 1, "ipv4_ddos": 1, "ipv6": 2}
        bought = (await checked.call("POST", "/floating-ips", body))["data"]
        assert [ip["plan"]["name"] for ip in bought] == [
            *("floating-ipv4", "floating-ipv4-ddos", "floating-ipv6", "floating-ipv6")
        ]
        assert [ip["ip_address"]["version"] for ip in bought] == [4, 4, 6, 6]
        assert len({ip["ip_address"]["ip_address"] for ip in bought}) == 4
        assert {ip["server_id"] for ip in bought} == {None}
        assert (await checked.listed("/floating-ips"))[3::-1] == [ip["id"] for ip in bought]
        order = checked.sandbox.orders[-1]
        assert (order["type"], len(order["services"])) == ("new-floating-ip", 4)
        assert order["amount"] == 3 * (2.5 + 12.5 + 1 + 1)

    async def test_for_a_server_which_reboots(self, checked: CheckedApi, clock: Clock) -> None:
        body = {"ipv4": 1, "server_id": 2864}
        (bought,) = (await checked.call("POST", "/floating-ips", body))["data"]
        assert (bought["server_id"], bought["locked"]) == (2864, True)
        assert bought["lock_reason"] == "floating-ip-attach"
        assert bought["locked_at"] == "2024-08-02T11:57:57.250000Z"
        server = await checked.call("GET", "/servers/2864")
        assert (server["locked"], server["state"]["running"]) == (True, False)
        assert server["ip_addresses"][-1]["floating_ip_id"] == bought["id"]
        await checked.call("POST", "/floating-ips", body, status=423)
        clock.now += 3
        assert checked.sandbox.floating_ips[0]["locked"] is False
        await checked.call("POST", "/servers/2864/stop", status=204)
        assert checked.sandbox.floating_ips[0]["lock_reason"] is None

    async def test_of_none(self, checked: CheckedApi) -> None:
        before = checked.sandbox.orders
        assert await checked.call("POST", "/floating-ips", {"server_id": 2864}) == {"data": []}
        assert checked.sandbox.orders == before
        assert checked.sandbox.servers[3]["locked"] is False

    async def test_what_is_wrong(self, checked: CheckedApi) -> None:
        body = {"ipv4": 17, "ipv6": "one", "server_id": 5, "billing_cycle": 0}
        assert await checked.refused("POST", "/floating-ips", body) == {
            "billing_cycle": ["The billing cycle field must be at least 1."],
            "ipv4": ["The ipv4 field must not be greater than 16."],
            "ipv6": ["The ipv6 field must be an integer."],
            "server_id": ["The selected server id is invalid."],
        }


class TestCancelling:
    async def test_now(self, checked: CheckedApi) -> None:
        body = {"ids": [608, 602], "now": True, "reason": "No longer needed service."}
        assert await checked.call("POST", "/floating-ips/cancel", body) == {}
        assert await checked.listed("/floating-ips") == [25963458, 640, 637]
        assert await checked.listed("/floating-ips?filter[status]=terminated") == [608, 602]
        server = await checked.call("GET", "/servers/2478")
        assert [address["id"] for address in server["ip_addresses"]] == [416, 417]
        assert (server["locked"], server["state"]["running"]) == (True, False)
        assert await checked.refused("POST", "/floating-ips/cancel", body) == {
            "ids.0": ["The selected ids.0 is invalid."],
            "ids.1": ["The selected ids.1 is invalid."],
        }

    async def test_at_expiry(self, checked: CheckedApi) -> None:
        await checked.call("POST", "/floating-ips/cancel", {"ids": [608], "now": False})
        ip = checked.sandbox.floating_ips[3]
        assert (ip["status"], ip["server_id"]) == ("active", 2478)
        assert (ip["cancel_request"]["type"], ip["cancel_request"]["reason"]) == (1, None)
        assert (await checked.call("GET", "/servers/2478"))["locked"] is False

    async def test_none_if_one_server_is_busy(self, checked: CheckedApi) -> None:
        await checked.call("POST", "/servers/2478/restart", status=204)
        body = {"ids": [602, 637, 608], "now": True}
        before = checked.sandbox.floating_ips
        await checked.call("POST", "/floating-ips/cancel", body, status=423)
        assert checked.sandbox.floating_ips == before
        assert (await checked.call("GET", "/servers/2864"))["locked"] is False

    async def test_what_is_wrong(self, checked: CheckedApi) -> None:
        assert await checked.refused("POST", "/floating-ips/cancel", {"ids": 602}) == {
            "ids": ["The ids field must be an array."],
            "now": ["The now field is required."],
        }
        body: dict[str, Any] = {"ids": [], "now": "later", "reason": 1}
        assert (await checked.refused("POST", "/floating-ips/cancel", body)).keys() == body.keys()


class TestNames:
    async def test_of_a_floating_ip(self, checked: CheckedApi) -> None:
        address = await checked.call("PATCH", "/ip-addresses/10", {"ptr": "new.example.com"})
        assert address["ptr"] == {"87.120.37.9": "new.example.com"}
        assert address["floating_ip"] == {
            "id": 637,
            "status": "active",
            "ip": "87.120.37.9",
            "server_id": 2864,
            "expiry": "2024-10-15T21:00:00.000000Z",
        }
        assert checked.sandbox.floating_ips[2]["ip_address"]["ptr"] == address["ptr"]
        server = await checked.call("GET", "/servers/2864")
        assert server["ip_addresses"][0]["ptr"] == address["ptr"]
        assert server["ip_addresses"][0]["floating_ip"] is True

    async def test_of_a_server(self, checked: CheckedApi) -> None:
        address = await checked.call("PATCH", "/ip-addresses/48", {"ptr": "new.example.com"})
        assert address["floating_ip"] is None

    async def test_of_a_network(self, checked: CheckedApi) -> None:
        one, other = "2001:0000:130F:0000:0000:09C0:876A:130B", "2001:0:130f::2"
        await checked.call("PATCH", "/ip-addresses/417", {"ptr": {one: "a.example.com"}})
        body = {"ptr": {other: "b.example.com"}}
        address = await checked.call("PATCH", "/ip-addresses/417", body)
        assert address["ptr"] == {one: "a.example.com", other: "b.example.com"}

    @pytest.mark.parametrize(
        ("number", "ptr", "text"),
        [
            (48, {"87.120.37.47": "a.example.com"}, "The ptr field must be a string."),
            (48, "", "The ptr field is required."),
            (417, "a.example.com", "The ptr field must be an array."),
            (417, {}, "The ptr field is required."),
            (417, {"2001:db8::1": "a.example.com"}, "The ptr field format is invalid."),
            (417, {"87.120.37.47": "a.example.com"}, "The ptr field format is invalid."),
            (417, {"2001:0:130f::2": 5}, "The ptr field format is invalid."),
        ],
    )
    async def test_what_is_wrong(
        self, checked: CheckedApi, number: int, ptr: object, text: str
    ) -> None:
        said = await checked.refused("PATCH", f"/ip-addresses/{number}", {"ptr": ptr})
        assert said == {"ptr": [text]}
