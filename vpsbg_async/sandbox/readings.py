"""What can be read off a server: its live state, its load, its traffic."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import web

from .forms import read_query
from .machines import Machines
from .times import DAY
from .validation import at_least, at_most, integer, nullable, validate

__all__ = ["Readings"]

_STEP: Final = 300  # seconds between two samples
_SAMPLES: Final = 12
_DAYS: Final = 30
_MIDNIGHT: Final = 75_600  # in Sofia, as the documentation's example has it

_DISK_USED: Final = 3.8271484375
_LOAD: Final = {"network_in": 0.006080078125, "network_out": 0.000115234375}
_IO: Final = {"io_read": 0, "io_write": 0.0106669921875}
_TRAFFIC: Final = {"incoming": 1.4180859375, "outgoing": 0.00109375}

_METRICS_RULES: Final = {
    "filter.month": [nullable, integer, at_least(1), at_most(12)],
    "filter.year": [nullable, integer, at_least(2000), at_most(2100)],
}
_BANDWIDTH_RULES: Final = {"filter.start": [nullable, integer], "filter.end": [nullable, integer]}


class Readings:
    """What a client can read off servers.

    Args:
        machines: The servers.
    """

    def __init__(self, machines: Machines) -> None:
        self._machines = machines

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        server = f"{prefix}/servers/{{id}}"
        return [
            web.get(f"{server}/status", self.status),
            web.get(f"{server}/metrics", self.metrics),
            web.get(f"{server}/bandwidth", self.bandwidth),
        ]

    async def status(self, request: web.Request) -> web.Response:
        """The live state."""
        machine = self._machines.find(request)
        used = 2 if machine.running else 0
        plan = machine.facts["plan"]
        return web.json_response(
            {
                "running": machine.running,
                "suspended": machine.facts["status"] == "suspended",
                "network_suspended": False,
                "rescue_mode": False,
                "dns_resolvers": ["9.9.9.9", "208.67.222.222"],
                "cpu": {"used": used, "free": 100 - used},
                "disk": {"used": _DISK_USED, "limit": plan["disk"]},
                "bandwidth": {"used": 6.13, "limit": plan["bandwidth"] * 1000},
            }
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """The load of the last hour, or of the last one of some month; the newest first."""
        machine = self._machines.find(request)
        query = validate(read_query(request), _METRICS_RULES)
        begin, end = _span(query, self._machines.clock())
        newest = (int(end) - 1) // _STEP * _STEP
        stamps = range(newest, newest - _SAMPLES * _STEP, -_STEP)
        return web.json_response(
            {
                "data": [
                    {
                        "timestamp": stamp,
                        "running": machine.running,
                        "cpu": 2 if machine.running else 0,
                        **_LOAD,
                        "disk": _DISK_USED,
                        **_IO,
                    }
                    for stamp in stamps
                    if stamp >= begin
                ]
            }
        )

    async def bandwidth(self, request: web.Request) -> web.Response:
        """The traffic of the last days, or of those within a span."""
        machine = self._machines.find(request)
        query = validate(read_query(request), _BANDWIDTH_RULES)
        now = int(self._machines.clock())
        last = (now - _MIDNIGHT) // DAY * DAY + _MIDNIGHT
        start, end = query["filter.start"], query["filter.end"]
        return web.json_response(
            {
                "limit": machine.facts["plan"]["bandwidth"] * 1000,
                "used": 12.96,
                "daily_usage": [
                    {"timestamp": stamp, **_TRAFFIC}
                    for stamp in range(last - (_DAYS - 1) * DAY, last + 1, DAY)
                    if (start is None or int(start) <= stamp) and (end is None or stamp <= int(end))
                ],
            }
        )


def _span(query: Mapping[str, Any], now: float) -> tuple[float, float]:
    """From when to when samples are asked for, as far as that is past."""
    month, year = query["filter.month"], query["filter.year"]
    if month is None and year is None:
        return now - _SAMPLES * _STEP, now
    today = datetime.fromtimestamp(now, UTC)
    first = datetime(int(year or today.year), int(month or today.month), 1, tzinfo=UTC)
    following = (first + timedelta(days=31)).replace(day=1)
    return first.timestamp(), min(now, following.timestamp())
