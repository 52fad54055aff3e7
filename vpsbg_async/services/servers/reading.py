"""Reading servers: what there is, and what they are doing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from ...core.caller import Caller
from ...core.endpoint import Endpoint
from ...core.fields import Fields
from ...core.pages import Pages
from .live import ServerBandwidth, ServerMetric, ServerStatus
from .models import Server, ServiceStatus

__all__ = ["ServerReads", "SortOrder"]

SortOrder = Literal["asc", "desc"]
"""Ascending or descending."""

_PER_PAGE_MAX = 50

_LIST = Endpoint("GET", "/servers", Server, "partial")
_GET = Endpoint("GET", "/servers/{id}", Server, "partial")
_GET_STATUS = Endpoint("GET", "/servers/{id}/status", ServerStatus)
_GET_METRICS = Endpoint("GET", "/servers/{id}/metrics", ServerMetric)
_GET_BANDWIDTH = Endpoint("GET", "/servers/{id}/bandwidth", ServerBandwidth)


class ServerReads:
    """The calls that read servers."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        page: int | None = None,
        per_page: int | None = None,
        ip: str | None = None,
        search: str | None = None,
        status: ServiceStatus | str | Sequence[ServiceStatus | str] | None = None,
        sort_created_at: SortOrder | None = None,
        sort_expiry_at: SortOrder | None = None,
    ) -> Pages[Server]:
        """The servers of the account: await it for one page, iterate it for all.

        Without ``status`` these are not all of them. An item may hold less than `get` tells.

        ``GET /servers``, documented in part at https://dev.vpsbg.eu/api-3487364: the later fields
        of an item are known from examples, and what the sorting takes is not known.

        Args:
            page: Number of the page to get or to begin with; the first is 1.
            per_page: How many servers a page has, 1 to 50.
            ip: Only the server that has this address.
            search: Only those whose address or hostname matches.
            status: State of the services, or several; None leaves it to the server, which is
                documented to choose ``active`` and ``suspended``.
            sort_created_at: By the time they were deployed; that it is told so is likely.
            sort_expiry_at: By the time they end; that it is told so is likely.

        Returns:
            The pages; nothing is sent until they are awaited or iterated.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            APIError: When fetched: the server answered with an error; see its subclasses.
        """
        query = Fields().whole("per_page", per_page, least=1, most=_PER_PAGE_MAX)
        query.text("ip", ip, field="filter[ip]").text("search", search, field="filter[search]")
        query.choices("status", status, field="filter[status]")
        query.text("sort_created_at", sort_created_at, field="sort[created_at]")
        query.text("sort_expiry_at", sort_expiry_at, field="sort[expiry_at]")
        return self._caller.pages(_LIST, page, query)

    async def get(self, server_id: int | str, *, include: Sequence[str] | None = None) -> Server:
        """Read one server.

        ``GET /servers/{id}``, documented in part at https://dev.vpsbg.eu/api-3487367: the later
        fields are known from examples, ``state`` from use.

        Args:
            server_id: Id of the server.
            include: Names of more parts to be told; only ``app_getting_started`` is documented, and
                not what it adds. They are in ``.extra``.

        Returns:
            The server.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            NotFoundError: There is no such server.
            APIError: The server answered with another error; see its subclasses.
        """
        return await self._caller.call(_GET, id=server_id, query=_included(include))

    async def get_status(self, server_id: int | str) -> ServerStatus:
        """Read what a server is doing: whether it runs, and how busy it is.

        ``GET /servers/{id}/status``, documented at https://dev.vpsbg.eu/api-3487366.

        Args:
            server_id: Id of the server.

        Returns:
            What it is doing, as opposed to ``Server.status``, the state of the service.

        Raises:
            InvalidInputError: The id cannot be sent.
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            NotFoundError: There is no such server.
            APIError: The server answered with another error; see its subclasses.
        """
        return await self._caller.call(_GET_STATUS, id=server_id)

    def get_metrics(
        self, server_id: int | str, *, month: int | None = None, year: int | None = None
    ) -> Pages[ServerMetric]:
        """How busy a server was, the newest first: await it, or iterate it.

        ``GET /servers/{id}/metrics``, documented at https://dev.vpsbg.eu/api-3487368. Steps of five
        minutes have been observed.

        Args:
            server_id: Id of the server.
            month: Number of the month to tell of.
            year: Year to tell of, four digits.

        Returns:
            The samples, all on one page; nothing is sent until it is awaited or iterated.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            NotFoundError: When fetched: there is no such server.
            APIError: When fetched: the server answered with another error; see its subclasses.
        """
        query = Fields().whole("month", month, field="filter[month]")
        query.whole("year", year, field="filter[year]")
        return self._caller.pages(_GET_METRICS, query=query, id=server_id)

    async def get_bandwidth(
        self,
        server_id: int | str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> ServerBandwidth:
        """Read how much traffic a server has made, in this cycle and by day.

        ``GET /servers/{id}/bandwidth``, documented at https://dev.vpsbg.eu/api-3582800.

        Args:
            server_id: Id of the server.
            start: Days from this moment on, with a time zone.
            end: Days up to this moment, with a time zone.

        Returns:
            The traffic, in GB.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            NotFoundError: There is no such server.
            APIError: The server answered with another error; see its subclasses.
        """
        query = Fields().moment("start", start, field="filter[start]")
        query.moment("end", end, field="filter[end]")
        return await self._caller.call(_GET_BANDWIDTH, id=server_id, query=query)


def _included(include: Sequence[str] | None) -> Fields:
    fields = Fields().texts("include", include)
    names = fields.values.pop("include", [])
    for index, name in enumerate(names):
        # PHP reads both spellings as a list, and a query holds each name once.
        fields.given("include[]" if len(names) == 1 else f"include[{index}]", name)
    return fields
