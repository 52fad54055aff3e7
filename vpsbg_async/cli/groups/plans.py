"""``vpsbg plans``: what servers can be deployed with."""

from __future__ import annotations

from cyclopts import App

from ..parameters import AS_USUAL, Options, PageNumber, PlanID
from ..reading import show_list
from ..sheets import Column, Listing

__all__ = ["app"]

PLANS = Listing(
    "plans",
    Column("ID", "id", right=True),
    Column("Type", "type"),
    Column("Name", "name"),
    Column("Cores", "vcpus", right=True),
    Column("Memory, GB", "memory", right=True),
    Column("Disk, GB", "disk", right=True),
    Column("Traffic, TB", "bandwidth", right=True),
    Column("In stock", "available"),
    Column("Price", "price", right=True),
    Column("With VAT", "price_with_vat", right=True),
)
ADDONS = Listing(
    "addons",
    Column("Addon", "key"),
    Column("Price", "price", right=True),
    Column("With VAT", "price_with_vat", right=True),
)

app = App(name="plans")


@app.command(name="list")
async def list_plans(*, page: PageNumber = None, options: Options = AS_USUAL) -> None:
    """List the plans. Prices are a month's."""
    await show_list(lambda vps: vps.plans.list(page=page), PLANS, options, page)


@app.command
async def addons(plan_id: PlanID, /, *, options: Options = AS_USUAL) -> None:
    """List the addons that a server of a plan can have."""
    await show_list(lambda vps: vps.plans.list_addons(plan_id), ADDONS, options)
