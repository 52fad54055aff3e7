"""The balance of the account."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.contract.spec import operation
from tests.services.contract import (
    check_answers,
    check_as_contracted,
    check_is_sent_again,
    sent,
    service,
)
from tests.services.tickets.support import failure_of
from vpsbg_async import AuthenticationError, ResponseError
from vpsbg_async.services.balance import (
    Balance,
    BalanceDeposit,
    BalanceService,
    BitcoinDeposit,
    DepositMethod,
)
from vpsbg_async.testing import Reply

EXAMPLE = operation("balance_get").example


def test_it_is_as_contracted() -> None:
    check_as_contracted(BalanceService)


async def test_the_documented_answer() -> None:
    balance, transport = service(BalanceService, Reply(json=EXAMPLE))
    assert await balance.get() == Balance(
        balance=Decimal("3476.06"),
        estimated_funds=Decimal(30),
        shortfall=Decimal(0),
        currency="EUR",
        has_valid_card=True,
        last_deposit=BalanceDeposit(
            amount=Decimal("41.67"),
            amount_with_vat=Decimal(50),
            payment_method=DepositMethod.CARD,
            payment_date=datetime(2024, 10, 16, 12, 6, 12, tzinfo=UTC),
        ),
        unconfirmed_bitcoin_deposits=(),
    )
    assert sent(transport) == [("GET", "/balance", None)]


async def test_what_schema_and_example_disagree_on_may_all_be_there() -> None:
    both = EXAMPLE | {"balance_limit": 100, "estimated_expenses": 12.5}
    balance, _ = service(BalanceService, Reply(json=both))
    told = await balance.get()
    assert (told.balance_limit, told.estimated_expenses) == (Decimal(100), Decimal("12.5"))
    assert told.estimated_funds == Decimal(30)
    assert told.extra == {}


async def test_amounts_keep_all_their_digits() -> None:
    body = b'{"balance": 3476.10, "shortfall": 0.1, "unconfirmed_bitcoin_deposits":'
    body += b'[{"tx_amount": "0.00279300", "amount": 123456789012345678.99}]}'
    balance, _ = service(BalanceService, Reply(body=body))
    told = await balance.get()
    assert (str(told.balance), str(told.shortfall)) == ("3476.10", "0.1")
    assert told.unconfirmed_bitcoin_deposits == (
        BitcoinDeposit(tx_amount=Decimal("0.00279300"), amount=Decimal("123456789012345678.99")),
    )


async def test_a_time_of_unknown_form_is_left_as_it_is() -> None:
    for told in ("a moment ago", "2024-10-16 12:06:12", "1733781600"):
        deposits = {"unconfirmed_bitcoin_deposits": [{"noticed_on": told}]}
        balance, _ = service(BalanceService, Reply(json=deposits))
        assert (await balance.get()).unconfirmed_bitcoin_deposits == (
            BitcoinDeposit(noticed_on=told),
        )


async def test_any_field_may_lack() -> None:
    await check_answers(BalanceService, BalanceService.get, "Balance")


async def test_it_is_read_again_where_no_answer_came() -> None:
    await check_is_sent_again(BalanceService, BalanceService.get, Reply(json=EXAMPLE))


@pytest.mark.parametrize("body", [b"", b"null", b'"3476.06"', b"<html>", b'{"balance": "much"}'])
async def test_what_is_no_balance(body: bytes) -> None:
    balance, _ = service(BalanceService, Reply(body=body))
    assert isinstance(await failure_of(balance.get()), ResponseError)


async def test_a_key_that_is_not_accepted() -> None:
    balance, _ = service(BalanceService, Reply(status=401))
    assert isinstance(await failure_of(balance.get()), AuthenticationError)
