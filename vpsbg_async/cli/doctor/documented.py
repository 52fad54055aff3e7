"""What is documented of answers and cannot be told from the models that the client reads them with.

A field that a model has is expected in every answer, and not to be null, unless it stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

import attrs

from ...core.model import Model, json_field
from ...services.backups import Backup
from ...services.balance import Balance, BitcoinDeposit
from ...services.floating_ips import FloatingIP
from ...services.ip_addresses import FloatingIPRef, IPAddress
from ...services.measured_boot import MeasuredBootImage
from ...services.network_protection import Attack, AttackDetail, NetworkProtection, ProtectedService
from ...services.orders import Order, OrderedService, PaymentInformation
from ...services.plans import Plan
from ...services.server_addons import AvailableAddon
from ...services.servers import (
    BandwidthDay,
    CancelRequest,
    Server,
    ServerAddon,
    ServerMetric,
    ServerState,
)
from ...services.snapshots import Snapshot
from ...services.tickets import Ticket
from ...services.user import User
from .shapes import Documented

__all__ = ["DOCUMENTED", "Frame", "Refusal", "Whole"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class _Links(Model):
    first: str
    last: str
    prev: str
    next: str


@attrs.frozen(kw_only=True)
class _NumberedLink(Model):
    url: str
    label: str
    active: bool


@attrs.frozen(kw_only=True)
class _Meta(Model):
    current_page: int
    begin: int = json_field("from")
    last_page: int
    links: tuple[_NumberedLink, ...]
    path: str
    per_page: int
    to: int
    total: int


@attrs.frozen(kw_only=True)
class Whole(Model, Generic[T]):
    """A list that does not come in pages."""

    data: tuple[T, ...]


@attrs.frozen(kw_only=True)
class Frame(Whole[T]):
    """A page of a list with all that is documented of one; the client reads less of it."""

    links: _Links
    meta: _Meta


@attrs.frozen(kw_only=True)
class Refusal(Model):
    """What an error is answered with."""

    message: str


def _names_of(model: type[Model]) -> frozenset[str]:
    names = (field.metadata.get("json", field.name) for field in attrs.fields(model))
    return frozenset(name for name in names if name is not None)


_FLOATING = {"floating_ip", "floating_ip_id", "ptr"}
_TICKETED = {"service_label", "service_type", "service_id"}

DOCUMENTED: Mapping[type[Model], Documented] = {
    _Links: Documented(nullable={"prev", "next"}),
    _NumberedLink: Documented(nullable={"url"}),
    _Meta: Documented(nullable={"from", "to"}),
    Attack: Documented(nullable={"ended_at"}, time="iso8601-millis"),
    AttackDetail: Documented(nullable={"ended_at"}, time="iso8601-millis"),
    AvailableAddon: Documented(
        optional={
            "price_until_expiry",
            "price_until_expiry_with_vat",
            "scale_price",
            "scale_price_with_vat",
        }
    ),
    Backup: Documented(optional={"server_hostname", "server_ip"}, time="iso8601-offset"),
    Balance: Documented(
        optional={"balance_limit", "estimated_expenses", "estimated_funds"},
        nullable={"last_deposit"},
    ),
    BandwidthDay: Documented(time="unix-seconds"),
    BitcoinDeposit: Documented(texts={"tx_amount"}),
    CancelRequest: Documented(nullable={"reason"}),
    FloatingIP: Documented(
        optional={"id", "status", "server_id", "locked_at", "expiry_at"},
        nullable={
            "server_id",
            "server_hostname",
            "server_main_ip",
            "locked",
            "locked_at",
            "lock_reason",
            "cancel_request",
        },
    ),
    FloatingIPRef: Documented(optional={"expiry"}, nullable={"server_id", "expiry"}),
    IPAddress: Documented(
        optional={"prefix", "gateway", "mask", "assigned_on", *_FLOATING}, nullable=_FLOATING
    ),
    MeasuredBootImage: Documented(nullable={"type"}, time="iso8601-offset"),
    NetworkProtection: Documented(
        optional={"floating_ip_id", "protected_service"},
        nullable={"floating_ip_id", "protected_service"},
    ),
    Order: Documented(
        optional={
            "payment_method",
            "payment_date",
            "invoices",
            "promo",
            "payment_information",
            "services",
        },
        nullable={"payment_date", "promo", "payment_information"},
    ),
    OrderedService: Documented(
        nullable={
            "sublabel",
            "period_from",
            "period_to",
            "service_id",
            "service_billing_cycle",
            "service_minimum_billing_cycle",
            "service_type",
            "amount_sublabel",
            "promo",
        },
        time="unix-seconds",
    ),
    PaymentInformation: Documented(
        optional=_names_of(PaymentInformation),
        nullable=_names_of(PaymentInformation),
        texts={"tx_amount"},
    ),
    Plan: Documented(optional=_names_of(Plan)),
    ProtectedService: Documented(nullable={"id", "type", "label"}),
    Server: Documented(
        optional=_names_of(Server)
        - {"id", "hostname", "billing_cycle", "plan", "status", "locked"},
        nullable={
            "promo_code",
            "locked_at",
            "potential_expiry_at",
            "server_image",
            "cancel_request",
        },
    ),
    ServerAddon: Documented(
        optional=_names_of(ServerAddon) - {"name", "quantity"},
        nullable={"ended_at"},
        time="sql-datetime",
    ),
    ServerMetric: Documented(time="unix-seconds"),
    ServerState: Documented(nullable={"measured_boot"}),
    Snapshot: Documented(time="iso8601-offset"),
    Ticket: Documented(optional={*_TICKETED, "service"}, nullable=_TICKETED),
    User: Documented(
        optional={"newsletter"},
        nullable={"company_name", "company_address", "company_number", "vat_number"},
    ),
}
