"""Servers: what they are, what is done to them, and what becomes of them meanwhile."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from vpsbg_async.sandbox import Fault

from .conftest import CheckedApi, Clock, until

NOW = "2024-08-02T11:57:57.250000Z"


class TestListing:
    async def test_what_there_is(self, checked: CheckedApi) -> None:
        assert await checked.listed("/servers") == [152414, 2930, 2922, 2864, 2478]
        assert [server["id"] for server in checked.sandbox.servers][-1] == 2448

    async def test_two_pages(self, checked: CheckedApi) -> None:
        first = await checked.call("GET", "/servers?per_page=3")
        assert [server["id"] for server in first["data"]] == [152414, 2930, 2922]
        assert first["links"]["next"] == f"{checked.sandbox.url}/servers?page=2"
        assert await checked.listed("/servers?per_page=3&page=2") == [2864, 2478]

    @pytest.mark.parametrize(
        ("query", "numbers"),
        [
            ("filter[ip]=87.121.52.160", [2922]),
            ("filter[ip]=87.121.52", []),
            ("filter[search]=87.121.52", [152414, 2930, 2922, 2478]),
            ("filter[search]=ubuntu-1", [2922]),
            ("filter[status]=terminated", [2448]),
            ("filter[status]=suspended,+terminated", [2930, 2448]),
            ("filter[status]=", [152414, 2930, 2922, 2864, 2478]),
            ("sort[created_at]=desc&per_page=2", [2478, 2930]),
            ("sort[expiry_at]=asc&per_page=1", [152414]),
        ],
    )
    async def test_filters(self, checked: CheckedApi, query: str, numbers: list[int]) -> None:
        assert await checked.listed(f"/servers?{query}") == numbers

    @pytest.mark.parametrize(
        ("query", "errors"),
        [
            ("per_page=51", {"per_page": ["The per page field must not be greater than 50."]}),
            ("per_page=0", {"per_page": ["The per page field must be at least 1."]}),
            ("per_page=x", {"per_page": ["The per page field must be an integer."]}),
            (
                "sort[created_at]=up",
                {"sort.created_at": ["The selected sort.created at is invalid."]},
            ),
        ],
    )
    async def test_wrong_queries(self, checked: CheckedApi, query: str, errors: object) -> None:
        assert await checked.refused("GET", f"/servers?{query}") == errors

    async def test_one(self, checked: CheckedApi) -> None:
        server = await checked.call("GET", "/servers/2864")
        assert server in (await checked.call("GET", "/servers"))["data"]
        assert server["hostname"] == "ubuntu-2gb"
        assert [address["id"] for address in server["ip_addresses"]] == [10, 48, 33112]
        assert [addon["name"] for addon in server["addons"]] == ["backups", "100mbps-unmetered"]
        assert server["state"]["running"] is True
        more = await checked.call("GET", "/servers/2864?include[]=app_getting_started")
        assert more.keys() - server.keys() == {"app_getting_started"}

    async def test_what_a_test_sees_is_a_copy(self, checked: CheckedApi) -> None:
        checked.sandbox.servers[0]["ip_addresses"][0]["main"] = "changed"
        assert checked.sandbox.servers[0]["ip_addresses"][0]["main"] is True


async def state(api: CheckedApi, number: int = 2864) -> tuple[bool, bool, bool]:
    """Whether a server runs, whether it does by its own account, whether it is locked."""
    server = await api.call("GET", f"/servers/{number}")
    status = await api.call("GET", f"/servers/{number}/status")
    assert (server["locked_at"] is not None) == server["locked"]
    return status["running"], server["state"]["running"], server["locked"]


class TestPower:
    async def test_start(self, checked: CheckedApi, clock: Clock) -> None:
        assert await state(checked, 2922) == (False, False, False)
        await checked.call("POST", "/servers/2922/start", status=204)
        assert await state(checked, 2922) == (False, False, True)
        assert (await checked.call("GET", "/servers/2922"))["locked_at"] == NOW
        clock.now += 3
        assert await state(checked, 2922) == (True, True, False)

    async def test_stop(self, checked: CheckedApi, clock: Clock) -> None:
        await checked.call("POST", "/servers/2864/stop", {}, status=204)
        assert await state(checked) == (True, True, True)
        clock.now += 3
        assert await state(checked) == (False, False, False)

    async def test_restart(self, checked: CheckedApi, clock: Clock) -> None:
        await checked.call("POST", "/servers/2864/restart", status=204)
        assert await state(checked) == (False, False, True)
        clock.now += 3
        assert await state(checked) == (True, True, False)

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "start", None),
            ("POST", "restart", None),
            ("POST", "cancel", {"now": True}),
            ("DELETE", "cancel", None),
            ("PUT", "password", {"password": "secret"}),
            ("POST", "primary-ip", {"ip_id": 33112}),
            ("POST", "addons", {"cpanel": "cpanel-pro-30"}),
            ("POST", "addons/801", {"reason": "Too dear.", "now": True}),
            ("POST", "measured-boot", {"kernel_image_id": 229}),
        ],
    )
    async def test_nothing_else_is_done_meanwhile(
        self, checked: CheckedApi, clock: Clock, method: str, path: str, body: object
    ) -> None:
        await checked.call("POST", "/servers/2864/restart", status=204)
        before = checked.sandbox.servers, checked.sandbox.orders
        answer = await checked.call(method, f"/servers/2864/{path}", body, status=423)
        assert answer == {"message": "Locked"}
        assert before == (checked.sandbox.servers, checked.sandbox.orders)
        clock.now += 3
        answer = await checked.request(method, f"/servers/2864/{path}", json=body)
        assert answer.status in {200, 204}

    async def test_a_stop_that_was_refused_happens_all_the_same(
        self, checked: CheckedApi, clock: Clock
    ) -> None:
        checked.sandbox.timing.late_stop = 40
        await checked.call("POST", "/servers/2864/restart", status=204)
        await checked.call("POST", "/servers/2864/stop", status=423)
        clock.now += 39
        assert await state(checked) == (True, True, False)
        clock.now += 1
        assert await state(checked) == (False, False, False)

    @pytest.mark.parametrize("verb", ["start", "stop", "restart"])
    async def test_what_is_terminated_stays_off(
        self, checked: CheckedApi, clock: Clock, verb: str
    ) -> None:
        await checked.call("POST", f"/servers/2448/{verb}", status=403)
        clock.now += 60
        assert await state(checked, 2448) == (False, False, False)

    async def test_how_long_it_takes_is_to_be_set(self, checked: CheckedApi, clock: Clock) -> None:
        checked.sandbox.timing.lock = 0
        await checked.call("POST", "/servers/2864/stop", status=204)
        assert await state(checked) == (False, False, False)
        checked.sandbox.timing.lock = 60
        await checked.call("POST", "/servers/2864/start", status=204)
        clock.now += 59.9
        assert await state(checked) == (False, False, True)

    async def test_one_server_at_a_time(self, checked: CheckedApi) -> None:
        await checked.call("POST", "/servers/2864/stop", status=204)
        await checked.call("POST", "/servers/2478/stop", status=204)


class TestCancelling:
    async def test_at_expiry_and_back(self, checked: CheckedApi) -> None:
        body = {"reason": "Project ended.", "now": False}
        await checked.call("POST", "/servers/2864/cancel", body, status=204)
        server = await checked.call("GET", "/servers/2864")
        request = {"id": 234, "type": 1, "reason": "Project ended.", "created_at": NOW}
        assert server["cancel_request"] == request
        assert (server["status"], server["state"]["running"]) == ("active", True)
        await checked.call("DELETE", "/servers/2864/cancel", status=204)
        assert (await checked.call("GET", "/servers/2864"))["cancel_request"] is None

    async def test_now_and_back(self, checked: CheckedApi) -> None:
        await checked.call("POST", "/servers/2864/cancel", {"now": True}, status=204)
        assert (await state(checked))[:2] == (False, False)
        status = await checked.call("GET", "/servers/2864/status")
        assert status["suspended"] is True
        assert await checked.listed("/servers?filter[status]=suspended") == [2930, 2864]
        await checked.call("DELETE", "/servers/2864/cancel", status=204)
        assert await checked.listed("/servers?filter[status]=suspended") == [2930]

    async def test_without_a_body_it_is_at_expiry(self, checked: CheckedApi) -> None:
        await checked.call("POST", "/servers/2864/cancel", status=204)
        server = await checked.call("GET", "/servers/2864")
        assert (server["cancel_request"]["reason"], server["status"]) == (None, "active")

    async def test_to_undo_it_lifts_no_other_suspension(self, checked: CheckedApi) -> None:
        await checked.call("DELETE", "/servers/2930/cancel", status=204)
        await checked.call("POST", "/servers/2930/cancel", status=204)
        await checked.call("DELETE", "/servers/2930/cancel", status=204)
        assert (await checked.call("GET", "/servers/2930"))["status"] == "suspended"

    async def test_a_wrong_body(self, checked: CheckedApi) -> None:
        body = {"reason": 5, "now": "yes"}
        assert await checked.refused("POST", "/servers/2864/cancel", body) == {
            "reason": ["The reason field must be a string."],
            "now": ["The now field must be true or false."],
        }
        assert checked.sandbox.servers[3]["cancel_request"] is None


class TestChanging:
    async def test_a_password(self, checked: CheckedApi) -> None:
        path = "/servers/2864/password"
        await checked.call("PUT", path, {"password": "secret"}, status=204)
        assert await state(checked) == (True, True, False)
        await checked.call("PUT", path, {"password": "secret", "reboot": True}, status=204)
        assert await state(checked) == (False, False, True)

    async def test_a_short_password(self, checked: CheckedApi) -> None:
        assert await checked.refused("PUT", "/servers/2864/password", {"password": "five!"}) == {
            "password": ["The password field must be at least 6 characters."]
        }

    async def test_the_primary_address(self, checked: CheckedApi, clock: Clock) -> None:
        server = await checked.call("POST", "/servers/2864/primary-ip", {"ip_id": 33112})
        mains = {address["id"]: address["main"] for address in server["ip_addresses"]}
        assert mains == {10: False, 48: False, 33112: True}
        assert server["locked"] is True
        clock.now += 3
        assert await state(checked) == (True, True, False)

    @pytest.mark.parametrize("number", [416, 0, 2**63])
    async def test_an_address_of_another(self, checked: CheckedApi, number: int) -> None:
        errors = await checked.refused("POST", "/servers/2864/primary-ip", {"ip_id": number})
        assert "The selected ip id is invalid." in errors["ip_id"]
        assert await state(checked) == (True, True, False)


class TestDeploying:
    async def test_one(self, checked: CheckedApi, clock: Clock) -> None:
        body = {"name": "new", "plan": "cloud-vps-2gb", "billing_cycle": 3, "ssh_keys": [91]}
        server = await checked.call("POST", "/servers", body, status=201)
        assert (server["id"], server["hostname"], server["status"]) == (152415, "new", "processing")
        assert server["plan"]["name"] == "cloud-vps-2gb"
        assert (server["created_at"], server["billing_cycle"]) == (NOW, 3)
        assert await checked.listed("/servers?filter[status]=processing") == [152415]
        clock.now += 3
        assert (await checked.listed("/servers"))[0] == 152415
        assert await state(checked, 152415) == (True, True, False)
        assert checked.sandbox.ssh_keys[1]["servers"] == [{"id": 152415, "hostname": "new"}]
        order = checked.sandbox.orders[-1]
        assert (order["type"], order["amount"]) == ("new-service", 75)

    async def test_several(self, checked: CheckedApi) -> None:
        body = {"name": ["a", "b"], "plan": "cloud-vps-2gb", "billing_cycle": 1}
        answer = await checked.call("POST", "/servers", body, status=201)
        assert [server["hostname"] for server in answer["data"]] == ["a", "b"]
        assert len({server["id"] for server in answer["data"]}) == 2
        assert len(checked.sandbox.orders[-1]["services"]) == 2

    @pytest.mark.parametrize(
        ("field", "value", "text"),
        [
            ("name", None, "The name field is required."),
            ("name", 5, "The name field must be a string."),
            ("plan", "vds-8gb", "The selected plan is invalid."),  # sold out
            ("billing_cycle", 25, "The billing cycle field must not be greater than 24."),
            ("billing_cycle", 0, "The billing cycle field must be at least 1."),
            ("image_id", "x", "The image id field must be an integer."),
            ("ssh_keys", 5, "The ssh keys field must be an array."),
            ("backups", "yes", "The backups field must be true or false."),
        ],
    )
    async def test_what_is_wrong(
        self, checked: CheckedApi, field: str, value: object, text: str
    ) -> None:
        body: dict[str, Any] = {"name": "new", "plan": "cloud-vps-2gb", "billing_cycle": 1}
        assert await checked.refused("POST", "/servers", body | {field: value}) == {field: [text]}
        assert len(checked.sandbox.servers) == 6

    async def test_an_entry_that_is_wrong(self, checked: CheckedApi) -> None:
        body: dict[str, Any] = {"name": ["a", 5], "plan": "cloud-vps-2gb", "billing_cycle": 1}
        assert await checked.refused("POST", "/servers", body | {"ssh_keys": [91, 5]}) == {
            "name.1": ["The name.1 field must be a string."],
            "ssh_keys.1": ["The selected ssh keys.1 is invalid."],
        }


class TestFaults:
    @pytest.mark.parametrize("fault", [Fault.HALF_ANSWER, Fault.CUT_JSON])
    async def test_an_answer_without_a_body(self, checked: CheckedApi, fault: Fault) -> None:
        checked.sandbox.faults.add(fault)
        await checked.call("POST", "/servers/2864/stop", status=204)
        assert (await state(checked))[2] is True

    async def test_done_without_an_answer(self, checked: CheckedApi) -> None:
        checked.sandbox.faults.add(Fault.DROP_AFTER_PROCESSING)
        with pytest.raises(aiohttp.ClientError):
            await checked.call("POST", "/servers/2864/restart")
        assert (await state(checked))[2] is True

    async def test_done_late(self, checked: CheckedApi) -> None:
        checked.sandbox.faults.lateness = 0.05
        checked.sandbox.faults.add(Fault.LATE)
        answer = await super(CheckedApi, checked).request("DELETE", "/ssh-keys/90")
        assert answer.status == 504
        assert len(checked.sandbox.ssh_keys) == 2
        await until(lambda: len(checked.sandbox.ssh_keys) == 1)


async def test_the_price_of_renewing(checked: CheckedApi) -> None:
    body = {"server_ids": [152414, 2864], "billing_cycle": 1}
    answer = await checked.call("POST", "/servers/renew/calculate", body)
    assert (answer["amount"], answer["promo_code"]["percentage"]) == (99.67, 33.33)
    body["server_ids"] = [2864, 1]
    assert await checked.refused("POST", "/servers/renew/calculate", body) == {
        "server_ids.1": ["The selected server ids.1 is invalid."]
    }
