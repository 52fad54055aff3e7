"""Copies of servers: snapshots and backups."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from .forms import read_query
from .paginator import paged
from .validation import integer, matches, nullable, one_of, string, validate

__all__ = ["Copies"]

_A_PAGE: Final = 50  # as in the documentation's example, and not to be changed by a query
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_RULES: Final = {
    "filter.date": [
        nullable,
        string,
        matches(_DATE, "The :attribute field must match the format Y-m-d."),
    ],
    "filter.server_id": [nullable, integer],
    "sort": [nullable, one_of("date", "-date")],
}
_BACKUP_RULES: Final = {**_RULES, "filter.size": [nullable, integer]}


def _copy(number: int, server_id: int, name: str, created_at: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "server_id": server_id,
        "name": name,
        "created_at": created_at,
        "size": 50,
        **more,
    }


_OF: Final = {"server_hostname": "ubuntu-4gb", "server_ip": "87.121.52.159"}
_SNAPSHOTS: Final = (  # the first one is the documentation's example
    _copy(116, 2478, "example_snapshot", "2023-06-19T22:34:43+03:00"),
    _copy(115, 2478, "before_upgrade", "2023-06-19T09:10:11+03:00"),
    _copy(101, 2448, "last_of_all", "2023-05-02T12:00:00+03:00"),
)
_BACKUPS: Final = (  # the first two are
    _copy(77, 2478, "71_ubuntu-2gb_2023_06_19-19_34_40.qcow2.gz", "2023-06-19T22:36:35+03:00"),
    _copy(73, 2448, "40_ubuntu-2gb_2023_06_10-14_42_22.qcow2.gz", "2023-06-12T10:52:53+03:00"),
    *(
        _copy(
            70 - week,
            2478,
            f"{70 - week}_ubuntu-4gb.qcow2.gz",
            f"2022-{12 - week // 4:02}-{28 - week % 4 * 7:02}T22:36:35+02:00",
            size=60,
            **_OF,
        )
        for week in range(48)
    ),
    *(
        _copy(20 - day, 2478, f"{20 - day}_ubuntu-4gb.qcow2.gz", f"2021-12-{20 - day:02}T10:00:00Z")
        for day in range(10)
    ),
)


class Copies:
    """What a client can do with snapshots and backups, which is to list them."""

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        return [
            web.get(f"{prefix}/snapshots", _list_of(_SNAPSHOTS, _RULES)),
            web.get(f"{prefix}/backups", _list_of(_BACKUPS, _BACKUP_RULES)),
        ]


def _list_of(copies: Sequence[dict[str, Any]], rules: dict[str, Any]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        """A page of them, the latest first unless it is asked otherwise."""
        query = validate(read_query(request), rules)
        wanted = {name: query.get(f"filter.{name}") for name in ("server_id", "size")}
        day = query["filter.date"]
        shown = [
            copy
            for copy in copies
            if day in (None, copy["created_at"][:10])
            and all(value is None or copy[name] == int(value) for name, value in wanted.items())
        ]
        return paged(
            request, shown[::-1] if query["sort"] == "date" else shown, size=_A_PAGE, fixed=True
        )

    return handler
