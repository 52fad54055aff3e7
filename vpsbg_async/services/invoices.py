"""VAT invoices."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

from ..core.caller import Caller
from ..core.endpoint import Endpoint
from ..core.model import Model, OpenEnum
from ..core.pages import Pages

__all__ = ["Invoice", "InvoiceType", "Invoices"]


class InvoiceType(OpenEnum):
    """What an invoice is."""

    PROFORM = "proform"
    ORIGINAL = "original"


@attrs.frozen(kw_only=True, slots=False)
class Invoice(Model):
    """An invoice. Its amounts are in the currency of the account, see `Balance`.

    Attributes:
        id: Its id.
        invoice_number: Its number: ten digits, with the zeros that it begins with.
        created_at: When it was made out.
        amount: Without VAT.
        amount_with_vat: With VAT.
        type: Whether it is a pro forma or an original one.
        order_ids: Ids of the orders that it is for.
    """

    id: int | None = None
    invoice_number: str | None = None
    created_at: datetime | None = None
    amount: Decimal | None = None
    amount_with_vat: Decimal | None = None
    type: InvoiceType | None = None
    order_ids: tuple[int, ...] | None = None


_LIST = Endpoint("GET", "/invoices", Invoice)


class Invoices:
    """VAT invoices: ``vps.invoices``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, *, page: int | None = None) -> Pages[Invoice]:
        """The invoices of the account: await it for one page, iterate it for all.

        How one is downloaded is not known.

        ``GET /invoices``, documented at https://dev.vpsbg.eu/api-3578754.

        Args:
            page: Number of the page to get or to begin with; the first is 1. How many invoices a
                page has cannot be said; it is 30 in the documentation's example.

        Returns:
            The pages; nothing is sent until they are awaited or iterated.

        Raises:
            InvalidInputError: The number is no page.
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            APIError: When fetched: the server answered with an error; see its subclasses.
        """
        return self._caller.pages(_LIST, page)
