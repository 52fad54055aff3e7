"""``vpsbg orders`` and ``vpsbg invoices``: what was bought, and what was made out for it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from ..parameters import AS_USUAL, WHOLE_NUMBER, Options, PageNumber
from ..reading import show, show_list
from ..sheets import Column, Listing, Part, Sheet

__all__ = ["invoices", "orders"]

ORDERS = Listing(
    "orders",
    Column("ID", "id", right=True),
    Column("Status", "status"),
    Column("Type", "type"),
    Column("Made", "created_at"),
    Column("Due", "due_at"),
    Column("Paid", "payment_date"),
    Column("Amount", "amount", right=True),
    Column("With VAT", "amount_with_vat", right=True),
)
INVOICES = Listing(
    "invoices",
    Column("ID", "id", right=True),
    Column("Number", "invoice_number"),
    Column("Type", "type"),
    Column("Made out", "created_at"),
    Column("Orders", "order_ids"),
    Column("Amount", "amount", right=True),
    Column("With VAT", "amount_with_vat", right=True),
)
ORDER = Sheet(
    "Order",
    "id",
    Column("Status", "status"),
    Column("Type", "type"),
    Column("Amount", "amount"),
    Column("With VAT", "amount_with_vat"),
    Column("From the balance", "amount_from_balance"),
    Column("Factor of VAT", "tax_rate"),
    Column("Promotion", "promo.code"),
    Column("Takes promotions", "promo_applicable"),
    Column("Pays itself", "auto_pay"),
    Column("Paid by", "payment_method"),
    Column("Card", "payment_information.brand"),
    Column("Card ends in", "payment_information.last_4"),
    Column("Transaction", "payment_information.tx_hash"),
    Column("Bitcoin", "payment_information.tx_amount"),
    Column("Made", "created_at"),
    Column("Due", "due_at"),
    Column("Paid", "payment_date"),
    Part(
        "Services",
        "services",
        Listing(
            "services",
            Column("Service", "label"),
            Column("ID", "service_id", right=True),
            Column("From", "period_from"),
            Column("To", "period_to"),
            Column("Amount", "amount", right=True),
            Column("With VAT", "amount_with_vat", right=True),
        ),
    ),
    Part("Invoices", "invoices", INVOICES),
)

orders = App(name="orders")
invoices = App(name="invoices")


@orders.command(name="list")
async def list_orders(
    *,
    status: Annotated[str | None, Parameter(help="Only these states, by comma.")] = None,
    page: PageNumber = None,
    options: Options = AS_USUAL,
) -> None:
    """List the orders.

    These are the paid ones and those that wait for their payment, unless states are named:
    pending_payment, awaiting_payment, processing, paid, cancelled.
    """
    await show_list(lambda vps: vps.orders.list(page=page, status=status), ORDERS, options, page)


@orders.command(name="show")
async def show_order(
    order_id: Annotated[int, WHOLE_NUMBER, Parameter(help="Id of the order.")],
    /,
    *,
    options: Options = AS_USUAL,
) -> None:
    """Show an order with its services and invoices."""
    await show(lambda vps: vps.orders.get(order_id), ORDER, options)


@invoices.command(name="list")
async def list_invoices(*, page: PageNumber = None, options: Options = AS_USUAL) -> None:
    """List the invoices. How one is downloaded is not known."""
    await show_list(lambda vps: vps.invoices.list(page=page), INVOICES, options, page)
