"""Times, in the forms that the API writes them in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

__all__ = ["DAY", "MONTH", "micros", "millis", "sql", "zoned"]

DAY: Final = 86_400  # seconds
MONTH: Final = 30 * DAY  # as long as the sandbox takes one to be


def micros(moment: datetime | float) -> str:
    """With six fractional digits, as most times are."""
    return f"{_utc(moment):%Y-%m-%dT%H:%M:%S.%f}Z"


def millis(moment: datetime | float) -> str:
    """With three, as those of attacks are."""
    return f"{_utc(moment):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def sql(moment: datetime | float) -> str:
    """Without a zone, as those of a server's addons are."""
    return f"{_utc(moment):%Y-%m-%d %H:%M:%S}"


def zoned(moment: datetime | float) -> str:
    """Without a fraction, as those of measured boot images are."""
    return f"{_utc(moment):%Y-%m-%dT%H:%M:%S}Z"


def _utc(moment: datetime | float) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
