"""What all calls of a client share, and what may differ from one to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs

from ..attachments import Limits
from ..settings import check_seconds, of_kind
from ..transport import Headers, Timeouts, Transport
from .capture import Captures
from .clock import Clock, ServerClock
from .finding import ReconcilePolicy
from .gate import Gate
from .notify import Notifier
from .rate_limit import RateLimitReader
from .retry import RetryPolicy

__all__ = ["Dependents", "Options", "Session"]


class Dependent(Protocol):
    """What goes on in the background, and makes calls."""

    async def aclose(self) -> None:
        """Break it off."""
        ...


Dependents = set[Dependent]
"""What must end before the transport is closed."""


@attrs.frozen(kw_only=True)
class Options:
    """What may differ from call to call.

    Attributes:
        timeouts: How long each phase of an attempt may take.
        deadline: How many seconds all of it may take, waits included; None for no limit.
        retry: When it is sent again, None for never.
        reconcile: How what it makes is looked for, if it may have been made.
        notifier: Who is told.

    Raises:
        ConfigurationError: One of them is of the wrong kind.
    """

    timeouts: Timeouts = attrs.field(validator=of_kind(Timeouts))
    deadline: float | None = attrs.field(validator=check_seconds)
    retry: RetryPolicy | None = attrs.field(validator=of_kind(RetryPolicy, or_none=True))
    reconcile: ReconcilePolicy = attrs.field(validator=of_kind(ReconcilePolicy))
    notifier: Notifier


@attrs.frozen(kw_only=True)
class Session:
    """What all calls of a client share.

    Attributes:
        transport: Carries the requests.
        base_url: URL of the API, without a slash at the end.
        headers: Sent with every request.
        gate: Lets requests out, None if it is not asked.
        clock: Tells the time here.
        server_clock: Tells the time there.
        random: Gives a number from 0 up to 1.
        limits: What one call may attach.
        dependents: What is ended with the client.
        captures: Who wants to see what is answered.
        rate_limit: Keeps what is told of the rate limit.
        memory: What services remember for all clients that share this, by its kind.
        options: What may differ from call to call.
    """

    transport: Transport
    base_url: str
    headers: Headers
    gate: Gate | None
    clock: Clock
    server_clock: ServerClock
    random: Callable[[], float]
    limits: Limits
    dependents: Dependents = attrs.field(factory=set)
    captures: Captures = attrs.field(factory=Captures)
    rate_limit: RateLimitReader = attrs.field(factory=RateLimitReader)
    memory: dict[type[Any], Any] = attrs.field(factory=dict)
    options: Options

    @property
    def key(self) -> str:
        """The API key."""
        return self.headers.get("Authorization", "").rpartition(" ")[2]
