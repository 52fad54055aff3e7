"""Extras of a server, and what another size would cost."""

from __future__ import annotations

import pytest

from .conftest import CheckedApi

ADDONS = "/servers/2478/addons"


async def test_what_a_server_has_is_not_for_sale(checked: CheckedApi) -> None:
    for_one = await checked.listed("/servers/2864/addons", "key")
    for_other = await checked.listed(ADDONS, "key")
    assert set(for_other) - set(for_one) == {"backups", "100mbps-unmetered"}
    answer = await checked.call("GET", ADDONS)
    assert answer["data"][0] == {
        "key": "cpanel-admin-5",
        "price": 25,
        "price_with_vat": 30,
        "price_until_expiry": 100,
        "price_until_expiry_with_vat": 120,
    }


async def test_a_purchase(checked: CheckedApi) -> None:
    body = {"backups": True, "cpanel": "cpanel-admin-5", "microsoft_office_sal": 4}
    server = await checked.call("POST", ADDONS, body)
    bought = {addon["name"]: addon for addon in server["addons"]}
    assert bought.keys() == {"backups", "cpanel-admin-5", "microsoft-office-sal"}
    addon = bought["microsoft-office-sal"]
    assert (addon["quantity"], addon["amount"], addon["amount_with_vat"]) == (4, 60, 72)
    assert (addon["status"], addon["created_at"]) == ("active", "2024-08-02 11:57:57")
    order = checked.sandbox.orders[-1]
    assert (order["type"], order["amount"], len(order["services"])) == ("new-addon", 90, 3)
    assert await checked.refused("POST", ADDONS, body) == {
        "cpanel": ["The selected cpanel is invalid."]
    }


async def test_a_purchase_of_nothing(checked: CheckedApi) -> None:
    before = checked.sandbox.orders
    body = {"backups": False, "cpanel": None, "microsoft_rds_sal": 0}
    assert (await checked.call("POST", ADDONS, body))["addons"] == []
    assert checked.sandbox.orders == before


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"cpanel": "backups"}, {"cpanel": ["The selected cpanel is invalid."]}),
        ({"bandwidth": "1gbps"}, {"bandwidth": ["The selected bandwidth is invalid."]}),
        ({"backups": "true"}, {"backups": ["The backups field must be true or false."]}),
        (
            {"microsoft_rds_sal": -1},
            {"microsoft_rds_sal": ["The microsoft rds sal field must be at least 0."]},
        ),
    ],
)
async def test_a_wrong_purchase(checked: CheckedApi, body: object, errors: object) -> None:
    assert await checked.refused("POST", ADDONS, body) == errors


async def test_an_end_now(checked: CheckedApi) -> None:
    body = {"reason": "Too dear.", "now": True}
    await checked.call("POST", "/servers/2864/addons/801", body, status=204)
    addon, other = (await checked.call("GET", "/servers/2864"))["addons"]
    assert (addon["status"], addon["ended_at"]) == ("terminated", "2024-08-02 11:57:57")
    assert (other["status"], other["ended_at"]) == ("active", None)
    assert "backups" in await checked.listed("/servers/2864/addons", "key")
    await checked.call("POST", "/servers/2864/addons/801", body, status=404)


async def test_an_end_at_expiry(checked: CheckedApi) -> None:
    body = {"reason": "Too dear.", "now": False}
    await checked.call("POST", "/servers/2864/addons/802", body, status=204)
    server = await checked.call("GET", "/servers/2864")
    assert server["addons"][1]["status"] == "active"
    assert server["addons"][1]["ended_at"] == "2024-10-27 11:03:10"


async def test_an_end_needs_a_reason_and_a_time(checked: CheckedApi) -> None:
    assert await checked.refused("POST", "/servers/2864/addons/801", {}) == {
        "reason": ["The reason field is required."],
        "now": ["The now field is required."],
    }


async def test_an_addon_of_another_server(checked: CheckedApi) -> None:
    body = {"reason": "Too dear.", "now": True}
    answer = await checked.call("POST", "/servers/2478/addons/801", body, status=404)
    assert answer["message"] == "No query results for model [App\\Models\\ServerAddon] 801"


async def test_what_more_would_cost(checked: CheckedApi) -> None:
    answer = await checked.call("POST", f"{ADDONS}/scale/calculate", {"microsoft_rds_sal": 5})
    assert answer == {"amount": "15.33", "amount_with_vat": "18.40"}
    body = {"plan": "cloud-vps-2gb", "scale_disk": False}
    answer = await checked.call("POST", "/servers/2864/scale/calculate", body)
    assert answer == {"amount": 44.44, "amount_with_vat": 53.33, "estimated_downtime": "short"}
    assert await checked.refused("POST", "/servers/2864/scale/calculate", {"plan": "none"}) == {
        "plan": ["The selected plan is invalid."],
        "scale_disk": ["The scale disk field is required."],
    }
