"""The event stream of calls: to whoever listens, and to the log."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import sys

from ..errors import ConfigurationError
from ..events import Event, Listener

__all__ = ["Notifier"]

_log = logging.getLogger("vpsbg_async")
_log.addHandler(logging.NullHandler())  # or Python would write to the stderr of an application


class Notifier:
    """Passes events on.

    Args:
        listeners: Called with each event, in order.
    """

    __slots__ = ("_listeners",)

    def __init__(self, listeners: tuple[Listener, ...] = ()) -> None:
        self._listeners = listeners

    def and_to(self, listener: Listener | None) -> Notifier:
        """The same with one listener more.

        Raises:
            ConfigurationError: It is no function that could be called.
        """
        if listener is None:
            return self
        if not callable(listener):
            raise ConfigurationError("on_event must be a function")
        called: object = listener
        while isinstance(called, functools.partial):
            called = called.func
        call = getattr(called, "__call__", None)  # noqa: B004 - of an object with an async one
        if inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(call):
            text = "on_event must be a plain function, which may put events in an asyncio.Queue"
            raise ConfigurationError(text)
        return Notifier((*self._listeners, listener))

    def wants(self, kind: type[Event]) -> bool:
        """Whether anybody would see such an event: if not, it need not be made."""
        return bool(self._listeners) or _log.isEnabledFor(kind.level)

    def tell(self, event: Event) -> None:
        """Pass an event on."""
        if _log.isEnabledFor(event.level):
            _log.log(event.level, "%s", str(event))  # not the event: it holds what was sent
        under_way = sys.exception()
        for listener in self._listeners:
            try:
                listener(event)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the call goes on
                _unchain(error, under_way)
                _log.exception("a listener failed with %s", type(event).__name__)


def _unchain(error: BaseException, older: BaseException | None) -> None:
    """Part an error from one that was being handled, which may tell what was answered."""
    while error.__context__ is not None and error.__context__ is not older:
        error = error.__context__
    error.__context__ = None
