"""Extras of servers that cost more."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.contract.spec import operation
from tests.services.contract import (
    check_answers,
    check_as_contracted,
    check_is_a_read,
    check_is_sent_again,
    check_is_sent_once,
    check_refused,
    sent,
    service,
)
from tests.services.tickets.support import failure_of
from vpsbg_async import Outcome, ResponseError
from vpsbg_async.services.plans import AddonKey
from vpsbg_async.services.server_addons import AddonScaleCost, AvailableAddon, ServerAddons
from vpsbg_async.services.servers import Server, ServerAddon
from vpsbg_async.testing import Reply

LISTED = operation("server_addons_list_available").example
AVAILABLE = (
    AvailableAddon(
        key=AddonKey.CPANEL_ADMIN_5,
        price=Decimal(25),
        price_with_vat=Decimal(30),
        price_until_expiry=Decimal(100),
        price_until_expiry_with_vat=Decimal(120),
    ),
    AvailableAddon(
        key=AddonKey.CPANEL_PREMIER_100,
        price=Decimal(70),
        price_with_vat=Decimal(84),
        price_until_expiry=Decimal(280),
        price_until_expiry_with_vat=Decimal(336),
    ),
)


async def purchase(addons: ServerAddons) -> Server:
    return await addons.purchase(7, backups=True)


async def cancel(addons: ServerAddons) -> None:
    await addons.cancel(7, 801, reason="Too much.", now=False)


def test_they_are_as_contracted() -> None:
    check_as_contracted(ServerAddons)


class TestAvailable:
    @pytest.mark.parametrize("answer", [LISTED, LISTED["data"]], ids=["framed", "bare"])
    async def test_the_documented_answer(self, answer: Any) -> None:
        addons, transport = service(ServerAddons, Reply(json=answer))
        assert (await addons.list_available("7")).items == AVAILABLE
        assert sent(transport) == [("GET", "/servers/7/addons", None)]

    async def test_all_of_them_are_on_one_page(self) -> None:
        addons, transport = service(ServerAddons, Reply(json=LISTED))
        assert [addon async for addon in addons.list_available(7)] == [*AVAILABLE]
        assert len(transport.calls) == 1

    async def test_any_field_may_lack(self) -> None:
        await check_answers(
            ServerAddons,
            lambda addons: addons.list_available(7),
            "AvailableAddon",
            listed=True,
        )

    async def test_prices_with_fractions(self) -> None:
        item = {"key": "something-new", "price": 2.5, "scale_price": "0.10"}
        addons, _ = service(ServerAddons, Reply(json=[item]))
        (addon,) = await addons.list_available(7)
        assert (addon.price, addon.scale_price) == (Decimal("2.5"), Decimal("0.10"))
        assert addon.key == "something-new"

    async def test_it_is_read_again_where_no_answer_came(self) -> None:
        await check_is_sent_again(
            ServerAddons, lambda addons: addons.list_available(7), Reply(json=LISTED)
        )


class TestPurchase:
    async def test_the_documented_request(self) -> None:
        example = operation("server_addons_purchase").request["example"]
        bought = {"id": 7, "addons": [{"name": "backups", "quantity": 60}]}
        addons, transport = service(ServerAddons, Reply(json=bought))
        server = await addons.purchase(7, **example)
        assert server == Server(id=7, addons=(ServerAddon(name=AddonKey.BACKUPS, quantity=60),))
        assert sent(transport) == [("POST", "/servers/7/addons", example)]

    async def test_what_is_left_out_is_not_sent(self) -> None:
        addons, transport = service(ServerAddons, Reply(json={"id": 7}), Reply(json={"id": 7}))
        await addons.purchase(7, backups=False, microsoft_rds_sal=0)
        await addons.purchase(7, cpanel=AddonKey.CPANEL_PLUS_50, bandwidth=AddonKey.UNMETERED_1GBPS)
        assert [body for _, _, body in sent(transport)] == [
            {"backups": False, "microsoft_rds_sal": 0},
            {"cpanel": "cpanel-plus-50", "bandwidth": "1gbps-unmetered"},
        ]

    async def test_it_is_never_paid_twice(self) -> None:
        await check_is_sent_once(ServerAddons, purchase)

    async def test_bought_with_an_answer_that_is_no_server(self) -> None:
        addons, _ = service(ServerAddons, Reply(json={"order_id": 1}))
        error = await failure_of(purchase(addons))
        assert isinstance(error, ResponseError)
        assert error.outcome is Outcome.PROCESSED

    async def test_what_cannot_be_sent(self) -> None:
        wrong: Any = "5"
        number: Any = 5
        await check_refused(
            ServerAddons,
            lambda addons: addons.purchase(
                "",
                backups=wrong,
                cpanel=number,
                bandwidth=number,
                microsoft_rds_sal=-1,
                microsoft_office_sal=wrong,
            ),
            *("server_id", "backups", "cpanel", "bandwidth"),
            *("microsoft_rds_sal", "microsoft_office_sal"),
        )


class TestScale:
    async def test_the_documented_answer_whose_amounts_are_texts(self) -> None:
        one = operation("server_addons_calculate_scale")
        addons, transport = service(ServerAddons, Reply(json=one.example))
        assert await addons.calculate_scale(7, **one.request["example"]) == AddonScaleCost(
            amount=Decimal("15.33"), amount_with_vat=Decimal("18.40")
        )
        path = "/servers/7/addons/scale/calculate"
        assert sent(transport) == [("POST", path, one.request["example"])]

    async def test_amounts_that_are_numbers(self) -> None:
        addons, _ = service(ServerAddons, Reply(body=b'{"amount": 15.33, "amount_with_vat": -18}'))
        cost = await addons.calculate_scale(7, microsoft_rds_sal=4)
        assert cost == AddonScaleCost(amount=Decimal("15.33"), amount_with_vat=Decimal(-18))

    async def test_any_field_may_lack(self) -> None:
        await check_answers(
            ServerAddons, lambda addons: addons.calculate_scale(7), "AddonScaleCost"
        )

    async def test_it_changes_nothing(self) -> None:
        await check_is_a_read(
            ServerAddons, lambda addons: addons.calculate_scale(7), Reply(json={"amount": 1})
        )

    async def test_what_cannot_be_sent(self) -> None:
        wrong: Any = True
        await check_refused(
            ServerAddons,
            lambda addons: addons.calculate_scale(7, cpanel=wrong, microsoft_rds_sal=wrong),
            *("cpanel", "microsoft_rds_sal"),
        )


class TestCancel:
    async def test_the_documented_request_on_a_path_without_cancel(self) -> None:
        example = operation("server_addons_cancel").request["example"]
        addons, transport = service(ServerAddons, Reply(status=204))
        await addons.cancel(7, 801, **example)
        assert sent(transport) == [("POST", "/servers/7/addons/801", example)]

    async def test_it_is_never_sent_again_blindly(self) -> None:
        await check_is_sent_once(ServerAddons, cancel)

    async def test_what_cannot_be_sent(self) -> None:
        nothing: Any = None
        await check_refused(
            ServerAddons,
            lambda addons: addons.cancel(-1, nothing, reason=nothing, now=nothing),
            *("server_id", "server_addon_id", "reason", "now"),
        )
