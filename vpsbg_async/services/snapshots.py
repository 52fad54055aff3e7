"""Snapshots of servers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import attrs

from ..core.caller import Caller
from ..core.endpoint import Endpoint
from ..core.fields import Fields
from ..core.model import Model
from ..core.pages import Pages

__all__ = ["Snapshot", "Snapshots"]


@attrs.frozen(kw_only=True, slots=False)
class Snapshot(Model):
    """A snapshot of a server. What an answer left out is None.

    Attributes:
        id: Its id.
        server_id: Id of the server.
        name: Its name.
        created_at: When it was made.
        size: How large the disk of the server was then, in GB by the documentation's example; what
            it is restored to needs at least as much.
    """

    id: int | None = None
    server_id: int | None = None
    name: str | None = None
    created_at: datetime | None = None
    size: int | None = None


_LIST = Endpoint("GET", "/snapshots", Snapshot)


class Snapshots:
    """Snapshots of servers: ``vps.snapshots``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        page: int | None = None,
        date: date | None = None,
        server_id: int | None = None,
        sort: Literal["date", "-date"] | None = None,
    ) -> Pages[Snapshot]:
        """The snapshots of the account: await it for one page, iterate it for all.

        ``GET /snapshots``, documented at https://dev.vpsbg.eu/api-3487377.

        Args:
            page: Number of the page to get or to begin with; the first is 1.
            date: Only those that were made on this day; in which time zone is not documented.
            server_id: Only those of this server.
            sort: By the time they were made: ``date``, the oldest first, or ``-date``, the newest.

        Returns:
            The pages; nothing is sent until they are awaited or iterated.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            APIError: When fetched: the server answered with an error; see its subclasses.
        """
        query = Fields().day("date", date, field="filter[date]")
        query.whole("server_id", server_id, field="filter[server_id]").text("sort", sort)
        return self._caller.pages(_LIST, page, query)
