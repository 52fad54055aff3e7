"""Orders, invoices, and plans to be ordered."""

from __future__ import annotations

import pytest

from .conftest import CheckedApi


async def test_orders_that_are_paid_or_to_be_paid(checked: CheckedApi) -> None:
    page = await checked.call("GET", "/orders")
    assert (page["meta"]["total"], page["meta"]["last_page"]) == (25, 2)
    assert page["data"][0]["id"] == 7801
    numbers = await checked.listed("/orders?per_page=50")
    assert numbers == sorted(numbers, reverse=True)
    statuses = await checked.listed("/orders?per_page=50", "status")
    assert statuses == ["awaiting_payment", *["paid"] * 24]


@pytest.mark.parametrize(
    ("status", "count"),
    [
        ("paid", 24),
        ("pending_payment", 1),
        ("awaiting_payment", 1),
        ("cancelled,processing", 12),
        ("paid,+cancelled", 30),
        ("nothing", 0),
    ],
)
async def test_filters(checked: CheckedApi, status: str, count: int) -> None:
    page = await checked.call("GET", f"/orders?filter[status]={status}")
    assert page["meta"]["total"] == count


async def test_a_list_does_not_tell_all(checked: CheckedApi) -> None:
    listed = (await checked.call("GET", "/orders"))["data"][0]
    order = await checked.call("GET", "/orders/7801")
    assert order.keys() - listed.keys() == {"invoices", "promo", "payment_information", "services"}
    assert order.items() >= listed.items()
    assert order["services"][1]["label"] == "cPanel & WHM license - up to 30 accounts"
    paid = await checked.call("GET", "/orders/7400")
    assert paid["payment_information"]["last_4"] == "4242"


async def test_a_support_plan(checked: CheckedApi) -> None:
    body = {"billing_cycle": 3, "plan": "professional"}
    order = await checked.call("POST", "/support", body, status=201)
    assert (order["id"], order["status"], order["type"]) == (7802, "processing", "new-service")
    assert (order["amount"], order["amount_with_vat"]) == (45, 54)
    assert order["created_at"] == "2024-08-02T11:57:57.250000Z"
    assert order["services"][0]["service_billing_cycle"] == 3
    assert await checked.call("GET", "/orders/7802") == order == checked.sandbox.orders[-1]
    assert await checked.listed("/orders?filter[status]=processing&per_page=1") == [7802]
    (invoice,) = order["invoices"]
    assert (invoice["invoice_number"], invoice["order_ids"]) == ("0000007802", [7802])
    assert (await checked.call("GET", "/invoices"))["data"][0] == invoice


async def test_a_support_plan_that_there_is_not(checked: CheckedApi) -> None:
    assert await checked.refused("POST", "/support", {"billing_cycle": 25, "plan": "free"}) == {
        "billing_cycle": ["The billing cycle field must not be greater than 24."],
        "plan": ["The selected plan is invalid."],
    }


async def test_invoices_of_thirty_a_page_whatever_is_asked(checked: CheckedApi) -> None:
    first = await checked.call("GET", "/invoices?per_page=5")
    assert (first["meta"]["per_page"], first["meta"]["total"]) == (30, 39)
    assert first["data"][0]["id"] == 8736
    numbers = await checked.listed("/invoices") + await checked.listed("/invoices?page=2")
    assert len(numbers) == 39
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-2:] == [8431, 8425]


async def test_plans(checked: CheckedApi) -> None:
    page = await checked.call("GET", "/plans")
    plan = page["data"][-1]
    assert (plan["id"], plan["type"], plan["available"], plan["price"]) == (116, "vds", False, 90)
    addons = (await checked.call("GET", "/plans/116/addons"))["data"]
    assert addons[0] == {"key": "cpanel-admin-5", "price": 25, "price_with_vat": 30}
    await checked.call("GET", "/plans/1/addons", status=404)
