"""Orders and their payment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.spec import operation
from tests.services.contract import (
    check_answers,
    check_as_contracted,
    check_is_sent_again,
    check_refused,
    framed,
    sent,
    service,
)
from tests.services.tickets.support import failure_of
from vpsbg_async import NotFoundError
from vpsbg_async.services.invoices import Invoice, InvoiceType
from vpsbg_async.services.orders import (
    Order,
    OrderedService,
    OrderedServiceType,
    Orders,
    OrderStatus,
    OrderType,
    PaymentMethod,
)
from vpsbg_async.testing import Reply

EXAMPLE = operation("orders_get").example
BEGIN, END = datetime(2025, 6, 19, 20, 20, tzinfo=UTC), datetime(2025, 9, 19, 20, 20, tzinfo=UTC)
WHOLE = Order(
    id=7801,
    tax_rate=Decimal("1.2"),
    amount=Decimal(110),
    amount_with_vat=Decimal(132),
    amount_from_balance=Decimal(0),
    payment_method=PaymentMethod.BALANCE,
    status=OrderStatus.AWAITING_PAYMENT,
    type=OrderType.RENEW_SERVICE,
    auto_pay=True,
    promo_applicable=True,
    created_at=datetime(2025, 2, 10, 16, 5, 29, tzinfo=UTC),
    due_at=datetime(2025, 6, 19, 21, tzinfo=UTC),
    payment_date=None,
    invoices=(
        Invoice(
            id=8736,
            invoice_number="0000007801",
            created_at=datetime(2025, 2, 9, 22, tzinfo=UTC),
            amount=Decimal(180),
            amount_with_vat=Decimal(216),
            type=InvoiceType.PROFORM,
            order_ids=(7801,),
        ),
    ),
    services=(
        OrderedService(
            label="Renewal: Cloud VPS 2 GB - ubuntu-2gb [87.121.52.159]",
            sublabel="87.121.52.159",
            period_from=datetime.fromtimestamp(1750366800, UTC),
            period_to=datetime.fromtimestamp(1758315600, UTC),
            is_period_changeable=True,
            service_id=2904,
            service_billing_cycle=3,
            service_minimum_billing_cycle=1,
            service_type=OrderedServiceType.SERVER,
            amount=Decimal(75),
            amount_with_vat=Decimal(90),
            amount_sublabel="",
        ),
        OrderedService(
            label="cPanel & WHM license - up to 30 accounts",
            period_from=datetime.fromtimestamp(1750366800, UTC),
            period_to=datetime.fromtimestamp(1758315600, UTC),
            is_period_changeable=False,
            service_id=1,
            service_type=OrderedServiceType.SERVER_ADDON,
            amount=Decimal(105),
            amount_with_vat=Decimal(126),
            amount_sublabel="",
        ),
    ),
)


def test_they_are_as_contracted() -> None:
    check_as_contracted(Orders)


class TestOne:
    @pytest.mark.parametrize("order_id", [7801, "7801"])
    async def test_the_documented_answer(self, order_id: int | str) -> None:
        orders, transport = service(Orders, Reply(json=EXAMPLE))
        assert await orders.get(order_id) == WHOLE
        assert sent(transport) == [("GET", "/orders/7801", None)]

    async def test_any_field_may_lack_but_its_id(self) -> None:
        await check_answers(Orders, lambda orders: orders.get(1), "Order", needed=("id",))
        orders, _ = service(Orders, Reply(json={"status": "paid"}))
        assert "id" in str(await failure_of(orders.get(1)))

    async def test_amounts_can_be_reckoned_with(self) -> None:
        orders, _ = service(Orders, Reply(json={"id": 1, "tax_rate": 1.2, "amount": 15.33}))
        order = await orders.get(1)
        assert order.tax_rate is not None
        assert order.amount is not None
        assert order.amount * order.tax_rate == Decimal("18.396")

    async def test_what_is_empty_is_not_what_is_not_told(self) -> None:
        bare: dict[str, Any] = {"id": 1, "invoices": [], "services": [], "promo": []}
        orders, _ = service(Orders, Reply(json=bare), Reply(json={"id": 1}))
        empty = await orders.get(1)
        assert (empty.invoices, empty.services, empty.promo is None) == ((), (), False)
        silent = await orders.get(1)
        assert (silent.invoices, silent.services, silent.promo) == (None, None, None)

    async def test_no_such_order(self) -> None:
        orders, _ = service(Orders, Reply(status=404, json={"message": "Not found."}))
        assert isinstance(await failure_of(orders.get(1)), NotFoundError)

    async def test_it_is_read_again_where_no_answer_came(self) -> None:
        await check_is_sent_again(Orders, lambda orders: orders.get(1), Reply(json=EXAMPLE))


class TestList:
    async def test_without_what_a_list_may_leave_out(self) -> None:
        left_out = {"invoices", "services", "payment_method"}
        item = {name: value for name, value in EXAMPLE.items() if name not in left_out}
        orders, transport = service(Orders, framed(item))
        (order,) = (await orders.list()).items
        assert order.id == 7801
        assert (order.invoices, order.services, order.payment_method) == (None, None, None)
        assert sent(transport) == [("GET", "/orders", None)]

    async def test_any_field_may_lack_but_its_id(self) -> None:
        await check_answers(
            Orders, lambda orders: orders.list(), "Order", needed=("id",), listed=True
        )

    @pytest.mark.parametrize(
        ("status", "told"),
        [
            ("paid", "paid"),
            (OrderStatus.AWAITING_PAYMENT, "awaiting_payment"),
            (["pending_payment", OrderStatus.PAID], "pending_payment,paid"),
            (("something new",), "something%20new"),
            (
                tuple(OrderStatus),
                "pending_payment,awaiting_payment,processing,paid,cancelled",
            ),
        ],
        ids=str,
    )
    async def test_of_some_states(self, status: str | Sequence[str], told: str) -> None:
        orders, transport = service(Orders, framed(EXAMPLE))
        await orders.list(status=status)
        assert sent(transport) == [("GET", f"/orders?filter%5Bstatus%5D={told}", None)]

    async def test_every_page_is_asked_for_alike(self) -> None:
        pages = [framed({"id": number}, page=number, last=4) for number in (3, 4)]
        orders, transport = service(Orders, *pages)
        found = orders.list(page=3, per_page=1, status="paid")
        assert [order.id async for order in found] == [3, 4]
        assert [path for _, path, _ in sent(transport)] == [
            "/orders?per_page=1&filter%5Bstatus%5D=paid&page=3",
            "/orders?per_page=1&filter%5Bstatus%5D=paid&page=4",
        ]

    async def test_what_cannot_be_sent(self) -> None:
        wrong: Any = [OrderStatus.PAID, None]
        status: Any = OrderStatus
        for call, names in (
            (lambda orders: orders.list(page=0, per_page=0), ("page", "per_page")),
            (lambda orders: orders.list(status=()), ("status",)),
            (lambda orders: orders.list(status=""), ("status",)),
            (lambda orders: orders.list(status=wrong), ("status",)),
            (lambda orders: orders.list(status=status), ("status",)),
            (lambda orders: orders.get(""), ("id",)),
        ):
            await check_refused(Orders, call, *names)
