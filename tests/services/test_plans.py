"""Plans that servers are deployed with, and their extras."""

from __future__ import annotations

from decimal import Decimal

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
from vpsbg_async import NotFoundError, Pages
from vpsbg_async.services.plans import AddonKey, Plan, PlanAddon, Plans, PlanType
from vpsbg_async.testing import Reply

LISTED = operation("plans_list").example
ADDONS = operation("plans_list_addons").example
VDS = Plan(
    id=116,
    type=PlanType.VDS,
    name="vds-8gb",
    vcpus=2,
    memory=8,
    disk=50,
    bandwidth=10,
    available=False,
    price=Decimal(90),
)


async def ids_of(pages: Pages[Plan]) -> list[int | None]:
    return [plan.id async for plan in pages]


def test_they_are_as_contracted() -> None:
    check_as_contracted(Plans)


class TestPlans:
    async def test_the_documented_answer(self) -> None:
        plans, transport = service(Plans, Reply(json=LISTED))
        assert (await plans.list()).items == (VDS,)
        assert sent(transport) == [("GET", "/plans", None)]

    async def test_all_of_them_without_a_frame(self) -> None:
        plans, transport = service(Plans, Reply(json=LISTED))
        assert [plan async for plan in plans.list()] == [VDS]
        assert len(transport.calls) == 1

    async def test_pages_are_gone_through_as_the_answer_links_them(self) -> None:
        pages = [framed({"id": number}, "/plans", page=number, last=2) for number in (1, 2)]
        plans, transport = service(Plans, *pages)
        assert await ids_of(plans.list()) == [1, 2]
        assert [path for _, path, _ in sent(transport)] == ["/plans", "/plans?page=2"]

    async def test_a_server_that_knows_no_pages_is_not_asked_for_ever(self) -> None:
        page = framed({"id": 1}, "/plans", page=1, last=2)
        plans, transport = service(Plans, page, page)
        error = await failure_of(ids_of(plans.list()))
        assert "stands still" in str(error)
        assert len(transport.calls) == 2

    async def test_any_field_may_lack(self) -> None:
        await check_answers(Plans, lambda plans: plans.list(), "Plan", listed=True)

    async def test_it_is_read_again_where_no_answer_came(self) -> None:
        await check_is_sent_again(Plans, lambda plans: plans.list(), Reply(json=LISTED))

    async def test_what_is_no_page(self) -> None:
        await check_refused(Plans, lambda plans: plans.list(page=0), "page")


class TestAddons:
    @pytest.mark.parametrize("plan_id", [116, "116"])
    async def test_the_documented_answer(self, plan_id: int | str) -> None:
        plans, transport = service(Plans, Reply(json=ADDONS))
        page = await plans.list_addons(plan_id)
        assert len(page) == 8
        assert page.items[:2] == (
            PlanAddon(key=AddonKey.CPANEL_ADMIN_5, price=Decimal(25), price_with_vat=Decimal(30)),
            PlanAddon(key=AddonKey.CPANEL_PRO_30, price=Decimal(35), price_with_vat=Decimal(42)),
        )
        assert {addon.key for addon in page} == {*AddonKey} - {AddonKey.MICROSOFT_OFFICE_SAL}
        assert page.next is None
        assert sent(transport) == [("GET", "/plans/116/addons", None)]

    async def test_all_of_them(self) -> None:
        plans, transport = service(Plans, Reply(json=ADDONS))
        assert len([addon async for addon in plans.list_addons(116)]) == 8
        assert len(transport.calls) == 1

    async def test_prices_may_have_fractions(self) -> None:
        plans, _ = service(Plans, framed({"price": 2.55, "price_with_vat": "3.06"}))
        (addon,) = (await plans.list_addons(1)).items
        assert (addon.price, addon.price_with_vat) == (Decimal("2.55"), Decimal("3.06"))

    async def test_any_field_may_lack(self) -> None:
        await check_answers(Plans, lambda plans: plans.list_addons(1), "PlanAddon", listed=True)

    async def test_no_such_plan(self) -> None:
        plans, _ = service(Plans, Reply(status=404))
        assert isinstance(await failure_of(plans.list_addons(1)), NotFoundError)

    async def test_it_is_read_again_where_no_answer_came(self) -> None:
        await check_is_sent_again(Plans, lambda plans: plans.list_addons(1), Reply(json=ADDONS))

    async def test_what_is_no_id(self) -> None:
        await check_refused(Plans, lambda plans: plans.list_addons(True), "id")
