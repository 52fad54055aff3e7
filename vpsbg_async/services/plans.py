"""Plans that servers are deployed with, and their extras."""

from __future__ import annotations

from decimal import Decimal

import attrs

from ..core.caller import Caller
from ..core.endpoint import Endpoint
from ..core.model import Model, OpenEnum
from ..core.pages import Pages

__all__ = ["AddonKey", "Plan", "PlanAddon", "PlanType", "Plans"]


class PlanType(OpenEnum):
    """Kind of a plan: with dedicated cores, or with shared ones."""

    VDS = "vds"
    CLOUD_VPS = "cloud-vps"


class AddonKey(OpenEnum):
    """What an extra of a server is asked for by."""

    BACKUPS = "backups"
    CPANEL_ADMIN_5 = "cpanel-admin-5"
    CPANEL_PRO_30 = "cpanel-pro-30"
    CPANEL_PLUS_50 = "cpanel-plus-50"
    CPANEL_PREMIER_100 = "cpanel-premier-100"
    UNMETERED_100MBPS = "100mbps-unmetered"
    UNMETERED_1GBPS = "1gbps-unmetered"
    WINDOWS_SERVER_LICENSE = "windows-server-license"
    MICROSOFT_OFFICE_SAL = "microsoft-office-sal"


@attrs.frozen(kw_only=True, slots=False)
class Plan(Model):
    """A plan, of a server or of a Floating IP. Answers leave many fields out; these are None.

    Its prices are in the currency of the account, see `Balance`.

    Attributes:
        id: Its id.
        type: Its kind.
        key: What scaling takes as the plan; missing from most examples of the documentation.
        name: What deploying takes as the plan, by the documentation's examples.
        vcpus: How many virtual cores.
        memory: RAM, in GB by the documentation's examples.
        disk: NVMe, in GB.
        bandwidth: Traffic, in TB.
        minimum_billing_cycle: The shortest period that it is sold for, presumably in months.
        plan_with_more_disk: Presumably the id of such a plan that is otherwise alike, 0 for none.
        plan_with_more_memory: Presumably the id of such a plan that is otherwise alike, 0 for none.
        available: Whether it is in stock.
        price: A month, without VAT.
        price_with_vat: A month, with the VAT of the account.
    """

    id: int | None = None
    type: PlanType | None = None
    key: str | None = None
    name: str | None = None
    vcpus: int | None = None
    memory: int | None = None
    disk: int | None = None
    bandwidth: int | None = None
    minimum_billing_cycle: int | None = None
    plan_with_more_disk: int | None = None
    plan_with_more_memory: int | None = None
    available: bool | None = None
    price: Decimal | None = None
    price_with_vat: Decimal | None = None


@attrs.frozen(kw_only=True, slots=False)
class PlanAddon(Model):
    """An extra that a server of a plan can have.

    Its prices are in the currency of the account, see `Balance`; for how long is not documented.

    Attributes:
        key: What it is asked for by.
        price: Without VAT.
        price_with_vat: With VAT.
    """

    key: AddonKey | None = None
    price: Decimal | None = None
    price_with_vat: Decimal | None = None


_LIST = Endpoint("GET", "/plans", Plan)
_LIST_ADDONS = Endpoint("GET", "/plans/{id}/addons", PlanAddon)


class Plans:
    """Plans that servers are deployed with: ``vps.plans``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, *, page: int | None = None) -> Pages[Plan]:
        """The plans that servers can be deployed with: await it for one page, iterate it for all.

        ``GET /plans``, documented at https://dev.vpsbg.eu/api-3487376.

        Args:
            page: Number of the page to get or to begin with; the first is 1. It is not documented,
                and taken from the links of the answer.

        Returns:
            The pages; nothing is sent until they are awaited or iterated.

        Raises:
            InvalidInputError: The number is no page.
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            APIError: When fetched: the server answered with an error; see its subclasses.
        """
        return self._caller.pages(_LIST, page)

    def list_addons(self, plan_id: int | str) -> Pages[PlanAddon]:
        """The extras that a server of a plan can have: await it, or iterate it.

        ``GET /plans/{id}/addons``, documented at https://dev.vpsbg.eu/api-3650644.

        Args:
            plan_id: Id of the plan.

        Returns:
            The extras, all on one page; nothing is sent until it is awaited or iterated.

        Raises:
            InvalidInputError: The id cannot be sent.
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            NotFoundError: When fetched: there is no such plan.
            APIError: When fetched: the server answered with another error; see its subclasses.
        """
        return self._caller.pages(_LIST_ADDONS, id=plan_id)
