"""What the API tells of servers as services: what they are, have and cost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

from ...core.model import Model, OpenEnum
from ..ip_addresses import IPAddress
from ..orders import Promo
from ..plans import AddonKey, Plan
from .live import ServerState

__all__ = [
    "CancelRequest",
    "RenewAmount",
    "Server",
    "ServerAddon",
    "ServerImage",
    "ServerImageGroup",
    "ServerImageType",
    "ServerSettings",
    "ServiceStatus",
    "Virtualization",
]


class ServerImageType(OpenEnum):
    """Kind of what is installed; only one value is known."""

    OS = "os"


class ServiceStatus(OpenEnum):
    """State of a service that is paid for."""

    ACTIVE = "active"
    PROCESSING = "processing"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


class Virtualization(OpenEnum):
    """How a server is virtualised; only one value is known."""

    KVM = "kvm"


@attrs.frozen(kw_only=True, slots=False)
class ServerImageGroup(Model):
    """A family of images.

    Attributes:
        name: Its name for people, such as Ubuntu.
        type: Its kind.
        key: Its name for programs.
    """

    name: str | None = None
    type: ServerImageType | None = None
    key: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class ServerImage(Model):
    """What is installed on a server; known from examples.

    Attributes:
        id: Its id.
        name: Its name, such as Ubuntu 22.04.
        eol: Whether it is past its end of life.
        group: Its family.
    """

    id: int | None = None
    name: str | None = None
    eol: bool | None = None
    group: ServerImageGroup | None = None


@attrs.frozen(kw_only=True, slots=False)
class ServerAddon(Model):
    """An extra that a server has. Older answers hold name and quantity only.

    Its amounts are in the currency of the account, see `Balance`.

    Attributes:
        id: Its id, which by its name is what `ServerAddons.cancel` takes.
        name: What it is.
        status: State of the service.
        quantity: How much of it.
        amount: Its price without VAT; for how long is not documented.
        amount_with_vat: The same with VAT.
        created_at: When it was bought; no zone is told, taken for UTC.
        ended_at: When it ended; no zone is told, taken for UTC.
    """

    id: int | None = None
    name: AddonKey | None = None
    status: ServiceStatus | None = None
    quantity: int | None = None
    amount: Decimal | None = None
    amount_with_vat: Decimal | None = None
    created_at: datetime | None = None
    ended_at: datetime | None = None


@attrs.frozen(kw_only=True, slots=False)
class CancelRequest(Model):
    """That a service is to end; known from an example.

    Attributes:
        id: Its id.
        type: Its kind, as a number whose meaning is not documented.
        reason: The reason that was given.
        created_at: When it was made.
    """

    id: int | None = None
    type: int | None = None
    reason: str | None = None
    created_at: datetime | None = None


@attrs.frozen(kw_only=True, slots=False)
class ServerSettings(Model):
    """What can be done with a server.

    Attributes:
        renew_enabled: Whether it can be renewed.
        snapshots_enabled: Whether snapshots can be made.
    """

    renew_enabled: bool | None = None
    snapshots_enabled: bool | None = None


@attrs.frozen(kw_only=True, slots=False)
class Server(Model):
    """A server. What an answer left out is None.

    Its amounts are in the currency of the account, see `Balance`.

    Attributes:
        id: Its id.
        hostname: Its name, as installed on it.
        billing_cycle: For how many months it is paid at a time.
        plan: Its plan.
        status: State of the service, not of the machine: whether that runs is told by
            `Servers.get_status`, and in ``state``.
        virtualization: How it is virtualised.
        promo_code: The promotion that it was bought with.
        renew_amount: Price of a renewal without VAT.
        renew_amount_with_vat: Price of a renewal with VAT.
        locked: Whether it is busy, such as with a snapshot or backup. Most calls that would change
            it are then answered 423 Locked.
        locked_at: Since when, as the API tells it; the form is not documented.
        created_at: When it was deployed.
        expiry_at: Until when it is paid.
        potential_expiry_at: Until when it is if renewals under way go through.
        auto_renew: Whether it is renewed by itself, from the balance or a saved card.
        show_smtp_form: Whether the client area shows its SMTP form.
        server_image: What is installed on it.
        ip_addresses: Its addresses.
        addons: Its extras.
        cancel_request: That it is to end, None if it is not.
        settings: What can be done with it.
        state: What it is doing; known from use only.
    """

    id: int
    hostname: str | None = None
    billing_cycle: int | None = None
    plan: Plan | None = None
    status: ServiceStatus | None = None
    virtualization: Virtualization | None = None
    promo_code: str | None = None
    renew_amount: Decimal | None = None
    renew_amount_with_vat: Decimal | None = None
    locked: bool | None = None
    locked_at: str | None = None
    created_at: datetime | None = None
    expiry_at: datetime | None = None
    potential_expiry_at: datetime | None = None
    auto_renew: bool | None = None
    show_smtp_form: bool | None = None
    server_image: ServerImage | None = None
    ip_addresses: tuple[IPAddress, ...] | None = None
    addons: tuple[ServerAddon, ...] | None = None
    cancel_request: CancelRequest | None = None
    settings: ServerSettings | None = None
    state: ServerState | None = None


@attrs.frozen(kw_only=True, slots=False)
class RenewAmount(Model):
    """What a renewal costs, in the currency of the account, see `Balance`.

    Attributes:
        amount: Price without VAT.
        amount_with_vat: Price with VAT.
        discount: What is taken off, without VAT.
        discount_with_vat: What is taken off, with VAT.
        promo_code: The promotion.
        due_today_amount: What is to be paid now, without VAT.
        due_today_amount_with_vat: What is to be paid now, with VAT.
        promo_amount: What the promotion takes off, without VAT; documented, and not in the
            documentation's example.
        promo_amount_with_vat: The same with VAT; the name is deduced.
    """

    amount: Decimal | None = None
    amount_with_vat: Decimal | None = None
    discount: Decimal | None = None
    discount_with_vat: Decimal | None = None
    promo_code: Promo | None = None
    due_today_amount: Decimal | None = None
    due_today_amount_with_vat: Decimal | None = None
    promo_amount: Decimal | None = None
    promo_amount_with_vat: Decimal | None = None
