"""What is answered, for whoever wants to see it: every attempt within a block of code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import attrs

from ..transport import Headers

__all__ = ["CapturedCall", "Captures"]


@attrs.frozen(kw_only=True)
class CapturedCall:
    """One attempt of a call, and what was answered.

    Attributes:
        method: HTTP method.
        path: Path below the API's base URL.
        attempt: Which attempt of the call it was, from 1.
        status: HTTP status of the answer, None if none came.
        headers: Headers of the answer, empty if none came.
        body: The bytes of the answer, as far as they came.
    """

    method: str
    path: str
    attempt: int
    status: int | None
    headers: Headers
    body: bytes = attrs.field(repr=False)

    @property
    def request_id(self) -> str | None:
        """What the server calls the request by, None if it does not tell."""
        return self.headers.get("X-Request-Id")


@attrs.define(eq=False)
class _Capture:
    """What was captured for one block.

    Attributes:
        owner: Of which client it captures the calls.
        calls: What was captured.
        is_open: Whether the block is being run: tasks that were begun in it may go on after it.
    """

    owner: Captures
    calls: list[CapturedCall] = attrs.field(factory=list)
    is_open: bool = True


_captures: ContextVar[tuple[_Capture, ...]] = ContextVar("vpsbg_async.captures", default=())


class Captures:
    """The captures of one client; each holds for its own context, and for tasks begun in it."""

    @contextmanager
    def open(self) -> Iterator[list[CapturedCall]]:
        """Capture the calls that are made within a block."""
        capture = _Capture(self)
        _captures.set((*_captures.get(), capture))
        try:
            yield capture.calls
        finally:
            capture.is_open = False
            # Not by a token: a fixture may be ended in another context than it was begun in.
            _captures.set(tuple(other for other in _captures.get() if other is not capture))

    def here(self) -> list[list[CapturedCall]]:
        """Where calls of this context are to be put down."""
        return [
            capture.calls
            for capture in _captures.get()
            if capture.owner is self and capture.is_open
        ]
