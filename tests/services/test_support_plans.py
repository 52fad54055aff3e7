"""Paid support plans."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
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
from vpsbg_async import Outcome, ResponseError, RetryPolicy, ValidationError
from vpsbg_async.services.orders import (
    Order,
    OrderStatus,
    OrderType,
    PaymentInformation,
    PaymentMethod,
    Promo,
)
from vpsbg_async.services.support_plans import SupportPlanKey, SupportPlans
from vpsbg_async.testing import Reply

PURCHASE = operation("support_plans_purchase")


async def purchase(plans: SupportPlans) -> Order:
    return await plans.purchase(plan="professional", billing_cycle=1)


def test_they_are_as_contracted() -> None:
    check_as_contracted(SupportPlans)


async def test_the_documented_purchase() -> None:
    plans, transport = service(SupportPlans, Reply(status=201, json=PURCHASE.example))
    order = await plans.purchase(plan=SupportPlanKey.PROFESSIONAL, billing_cycle=1)
    assert sent(transport) == [("POST", "/support", PURCHASE.request["example"])]
    assert (order.id, order.tax_rate, order.amount) == (200158, Decimal("1.2"), Decimal(15))
    assert order.payment_method is PaymentMethod.BALANCE
    assert order.status is OrderStatus.PROCESSING
    assert order.type is OrderType.NEW_SERVICE
    assert order.payment_date == datetime(2024, 11, 25, 18, 34, 33, tzinfo=UTC)
    assert order.promo == Promo(code="fall2403", percentage=Decimal(10), minimum_billing_cycle=3)
    assert order.payment_information == PaymentInformation(
        last_4="4242",
        brand="visa",
        expiry_month="05",
        expiry_year="2028",
        tx_hash="cbba72720e562761a1a1a32b04665cfc16356d0fd27ff8144e15df3a5329f87a",
        tx_amount=Decimal("0.002793"),
        confirmed_at=datetime(2024, 12, 10, 22, tzinfo=UTC),
    )
    assert order.invoices is not None
    assert order.invoices[0].invoice_number == "0000007513"
    assert order.services is not None
    assert order.services[0].amount_with_vat == Decimal("140.4")
    assert order.services[0].promo == Promo(code="string", percentage=Decimal(0))


async def test_any_field_may_lack_but_the_id() -> None:
    await check_answers(SupportPlans, purchase, "Order", needed=("id",))


async def test_it_is_never_bought_twice() -> None:
    await check_is_sent_once(SupportPlans, purchase)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_bought_with_an_answer_that_tells_nothing(status: int) -> None:
    plans, transport = service(SupportPlans, Reply(status=status), retry=RetryPolicy())
    error = await failure_of(purchase(plans))
    assert isinstance(error, ResponseError)
    assert error.outcome is Outcome.PROCESSED
    assert "do not send it again" in str(error)
    assert len(transport.calls) == 1


async def test_what_the_server_refuses() -> None:
    answer = {"message": "Refused.", "errors": {"plan": ["The selected plan is invalid."]}}
    plans, _ = service(SupportPlans, Reply(status=422, json=answer))
    error = await failure_of(plans.purchase(plan="gold", billing_cycle=24))
    assert isinstance(error, ValidationError)
    assert error.errors == {"plan": ("The selected plan is invalid.",)}
    assert error.outcome is Outcome.NOT_PROCESSED


@pytest.mark.parametrize("billing_cycle", [0, 25, -1, 1.0, "1", True, None])
async def test_billing_cycles_that_cannot_be(billing_cycle: Any) -> None:
    await check_refused(
        SupportPlans,
        lambda plans: plans.purchase(plan="professional", billing_cycle=billing_cycle),
        "billing_cycle",
    )


async def test_all_that_is_wrong_is_told_at_once() -> None:
    nothing: Any = None
    refused = await check_refused(
        SupportPlans,
        lambda plans: plans.purchase(plan=nothing, billing_cycle=0),
        "plan",
        "billing_cycle",
    )
    assert refused["billing_cycle"] == ("must be a whole number from 1 to 24",)
