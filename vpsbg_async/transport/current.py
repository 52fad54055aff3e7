"""What an HTTP library is at work for, where it calls back."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Generic, TypeVar
from weakref import ref

__all__ = ["Current"]

T = TypeVar("T")


class Current(Generic[T]):
    """What the library is at work for in this context.

    It is held weakly, because whatever is begun meanwhile keeps its context, and so would keep what
    was sent: the connection too, for as long as it lives.

    Args:
        name: What it is called in a repr.
    """

    def __init__(self, name: str) -> None:
        self._variable: ContextVar[ref[T]] = ContextVar(name)

    def set(self, value: T) -> Token[ref[T]]:
        """Have the library be at work for this; `reset` ends it."""
        return self._variable.set(ref(value))

    def reset(self, token: Token[ref[T]]) -> None:
        """End what `set` has begun, as it gave this."""
        self._variable.reset(token)

    def get(self) -> T:
        """What the library is at work for."""
        value = self._variable.get()()
        assert value is not None, "whoever has set it waits for the library"  # noqa: S101
        return value
