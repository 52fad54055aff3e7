"""Lists that come in pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, Generic, TypeVar

import attrs

from ..errors import ResponseError
from .answer import Answer
from .model import Model

__all__ = ["Envelope", "Page", "Pages", "page_of"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class PageLinks(Model):
    """Where the other pages are; the numbers are taken from `PageMeta`."""

    next: str | None = None


@attrs.frozen(kw_only=True)
class PageMeta(Model):
    """Which page it is."""

    current_page: int | None = None
    last_page: int | None = None
    total: int | None = None


@attrs.frozen(kw_only=True)
class Envelope(Model, Generic[T]):
    """A list as the API answers with it."""

    data: tuple[T, ...]
    links: PageLinks | None = None
    meta: PageMeta | None = None


@attrs.frozen(kw_only=True)
class Page(Generic[T]):
    """One page of a list; iterate it for its items.

    Attributes:
        items: The items.
        number: Its number, the first is 1.
        next: Number of the page after it, None if it is the last.
        last: Number of the last page, None if the server did not tell.
        total: How many items there are on all pages, None if the server did not tell.
    """

    items: tuple[T, ...]
    number: int = 1
    next: int | None = None
    last: int | None = None
    total: int | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class Pages(Generic[T]):
    """A list that comes in pages: await it for one page, iterate it for all items.

    ```python
    page = await vps.tickets.list()
    async for ticket in vps.tickets.list():
        ...
    ```

    Either way nothing is sent before; both can be done again, and ask the server anew.
    """

    def __init__(
        self, fetch: Callable[[int | None], Awaitable[Page[T]]], first: int | None
    ) -> None:
        self._fetch = fetch
        self._first = first

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self._fetch(self._first).__await__()

    async def pages(self) -> AsyncIterator[Page[T]]:
        """All pages, from the one that was asked for to the last."""
        number = self._first
        while True:
            page = await self._fetch(number)
            yield page
            number = page.next
            if number is None:
                return

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item


def page_of(envelope: Envelope[T], number: int | None, answer: Answer) -> Page[T]:
    """The page in an envelope.

    Args:
        envelope: The answer's content.
        number: Which page was asked for, None if none was.
        answer: The answer.

    Raises:
        ResponseError: It is not the page that was asked for: going on would never end.
    """
    meta = envelope.meta or PageMeta()
    current = number or 1 if meta.current_page is None else meta.current_page
    following = _following(envelope, current)
    if number not in (None, current) or (following is not None and following <= current):
        text = f"page {number or 1} was asked for, and the answer stands still at another"
        raise ResponseError(text, status=answer.status, body=answer.body, permanent=True)
    return Page(
        items=envelope.data,
        number=current,
        next=following,
        last=meta.last_page,
        total=meta.total,
    )


def _following(envelope: Envelope[Any], current: int) -> int | None:
    """Number of the next page, None if there is none."""
    if not envelope.data or envelope.meta is None or envelope.links is None:
        return None
    if not envelope.links.next or current == envelope.meta.last_page:
        return None
    if told := re.search(r"[?&]page=(\d{1,9})(?:&|$)", envelope.links.next):
        return int(told[1])
    return None if envelope.meta.current_page is None else current + 1
