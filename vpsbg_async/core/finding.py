"""Looking for the work of a call that may have been done: how, and what it has shown."""

from __future__ import annotations

from typing import Generic, TypeVar

import attrs

from ..settings import check_seconds, whole_number

__all__ = ["Finding", "ReconcilePolicy"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Finding(Generic[T]):
    """What looking for the work of a call has shown: it was done, it was not, or nobody can tell.

    Attributes:
        found: What the call made, None if it was not found.
        absent: Whether it is proved that it was not done. That it was not found proves nothing.
        reason: Why nobody can tell; empty otherwise.
    """

    found: T | None = None
    absent: bool = False
    reason: str = ""


@attrs.frozen(kw_only=True)
class ReconcilePolicy:
    """How the ticket, or the reply, of a call without an answer is looked for.

    It is looked for at once, and if it is not there, again after a delay in which a server that is
    still at work must be done: only what is proved absent then is sent again. A server that takes
    longer than that and then does create it makes the one double that is left: the delays are
    chosen against it.

    Attributes:
        settle: The delay in seconds after a dropped connection or an error page. PHP ends a script
            after 30 s by default.
        settle_late: The delay in seconds after a server that was overdue: a 504, or no answer
            within the timeout. It has shown that it can take long.
        margin: By how many seconds the clocks of the server's parts may differ.
        max_pages: How many pages of the list are read at the most, newest first.

    Raises:
        ConfigurationError: A setting cannot work.
    """

    settle: float = attrs.field(default=30.0, validator=check_seconds)
    settle_late: float = attrs.field(default=180.0, validator=check_seconds)
    margin: float = attrs.field(default=30.0, validator=check_seconds)
    max_pages: int = attrs.field(default=40, validator=whole_number(least=1))
