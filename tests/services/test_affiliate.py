"""The referral programme."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.contract.spec import operation
from tests.services.contract import (
    check_answers,
    check_as_contracted,
    check_is_sent_again,
    check_is_sent_once,
    check_refused,
    sent,
    service,
)
from tests.services.tickets.support import failure_of
from vpsbg_async import NotFoundError
from vpsbg_async.services.affiliate import Affiliate, AffiliateService
from vpsbg_async.testing import Reply

UPDATE = operation("affiliate_update_referral_code")
WHOLE = Affiliate(
    referral_code="myawesomewebsite2",
    referral_url="https://www.vpsbg.eu/aff/myawesomewebsite2",
    referrals_turnover=Decimal(30),
    commission=Decimal(5),
    estimated_earnings=Decimal("1.5"),
    all_time_earnings=Decimal("1.5"),
    next_payout_in_days=15,
)


async def update(affiliate: AffiliateService) -> Affiliate:
    return await affiliate.update_referral_code(referral_code="myawesomewebsite")


def test_it_is_as_contracted() -> None:
    check_as_contracted(AffiliateService)


async def test_the_documented_update() -> None:
    affiliate, transport = service(AffiliateService, Reply(json=UPDATE.example))
    assert await update(affiliate) == WHOLE
    assert sent(transport) == [("PUT", "/affiliate", UPDATE.request["example"])]


async def test_reading() -> None:
    affiliate, transport = service(AffiliateService, Reply(json=UPDATE.example))
    assert await affiliate.get() == WHOLE
    assert sent(transport) == [("GET", "/affiliate", None)]


@pytest.mark.parametrize(
    "reply",
    [Reply(status=204), Reply(status=201, json=UPDATE.example), Reply(json=[]), Reply(body=b"OK")],
)
async def test_activating_whatever_it_answers(reply: Reply) -> None:
    affiliate, transport = service(AffiliateService, reply, reply)
    await affiliate.activate()
    await affiliate.activate(referral_code="myawesomewebsite")
    assert sent(transport) == [
        ("POST", "/affiliate", None),
        ("POST", "/affiliate", {"referral_code": "myawesomewebsite"}),
    ]


async def test_any_field_may_lack() -> None:
    await check_answers(AffiliateService, AffiliateService.get, "Affiliate")
    await check_answers(AffiliateService, update, "Affiliate")


async def test_what_may_be_sent_again_where_no_answer_came() -> None:
    reply = Reply(json=UPDATE.example)
    await check_is_sent_once(AffiliateService, AffiliateService.activate)
    await check_is_sent_again(AffiliateService, AffiliateService.get, reply)
    await check_is_sent_again(AffiliateService, update, reply)


async def test_paths_that_are_deduced_may_not_be_there() -> None:
    affiliate, _ = service(AffiliateService, *(Reply(status=404), Reply(status=405)) * 2)
    for call in (affiliate.get, affiliate.activate):
        assert isinstance(await failure_of(call()), NotFoundError)
        assert "deduced, not documented" in str(await failure_of(call()))


@pytest.mark.parametrize("code", ["", "four", "a" * 21, 12345, None])
async def test_codes_that_cannot_be(code: Any) -> None:
    name = "referral_code"
    await check_refused(
        AffiliateService, lambda affiliate: affiliate.update_referral_code(referral_code=code), name
    )
    if code is not None:
        await check_refused(
            AffiliateService, lambda affiliate: affiliate.activate(referral_code=code), name
        )


@pytest.mark.parametrize("code", ["12345", "a" * 20, "сайтът"])
async def test_codes_that_can_be(code: str) -> None:
    affiliate, transport = service(AffiliateService, Reply(json={}))
    assert await affiliate.update_referral_code(referral_code=code) == Affiliate()
    assert sent(transport)[0][2] == {"referral_code": code}
