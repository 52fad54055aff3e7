"""VAT invoices."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

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
from vpsbg_async.services.invoices import Invoice, Invoices, InvoiceType
from vpsbg_async.testing import Reply

EXAMPLE = operation("invoices_list").example


def test_they_are_as_contracted() -> None:
    check_as_contracted(Invoices)


async def test_the_documented_answer() -> None:
    invoices, transport = service(Invoices, Reply(json=EXAMPLE))
    page = await invoices.list()
    assert page.items == (
        Invoice(
            id=8431,
            invoice_number="0000007398",
            created_at=datetime(2024, 8, 27, 21, tzinfo=UTC),
            amount=Decimal(90),
            amount_with_vat=Decimal(108),
            type=InvoiceType.PROFORM,
            order_ids=(7398,),
        ),
        Invoice(
            id=8425,
            invoice_number="0000001594",
            created_at=datetime(2024, 8, 4, 21, tzinfo=UTC),
            amount=Decimal(0),
            amount_with_vat=Decimal(0),
            type=InvoiceType.ORIGINAL,
            order_ids=(7390,),
        ),
    )
    assert (page.number, page.next, page.last, page.total) == (1, None, 1, 26)
    assert sent(transport) == [("GET", "/invoices", None)]


async def test_all_of_them() -> None:
    pages = [framed({"id": number}, page=number, last=3) for number in (1, 2, 3)]
    invoices, transport = service(Invoices, *pages)
    assert [invoice.id async for invoice in invoices.list()] == [1, 2, 3]
    assert [path for _, path, _ in sent(transport)] == [
        "/invoices",
        "/invoices?page=2",
        "/invoices?page=3",
    ]


async def test_any_field_may_lack() -> None:
    await check_answers(Invoices, lambda invoices: invoices.list(), "Invoice", listed=True)


async def test_a_number_keeps_its_zeros_and_a_type_its_name() -> None:
    invoices, _ = service(Invoices, framed({"invoice_number": "0000007513", "type": "credit"}))
    (invoice,) = (await invoices.list()).items
    assert invoice.invoice_number == "0000007513"
    assert isinstance(invoice.type, InvoiceType)
    assert invoice.type == "credit"


async def test_it_is_read_again_where_no_answer_came() -> None:
    await check_is_sent_again(
        Invoices, lambda invoices: invoices.list(page=2), framed({}, page=2, last=2)
    )


async def test_what_is_no_page() -> None:
    await check_refused(Invoices, lambda invoices: invoices.list(page=0), "page")
