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


@attrs.frozen(kw_only=True, slots=False)
class PageLinks(Model):
    """Where the other pages are; the numbers are taken from `PageMeta`."""

    next: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class PageMeta(Model):
    """Which page it is."""

    current_page: int | None = None
    last_page: int | None = None
    total: int | None = None


@attrs.frozen(kw_only=True, slots=False)
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
        self,
        fetch: Callable[[int | None, Page[T] | None], Awaitable[Page[T]]],
        first: int | None,
    ) -> None:
        self._fetch = fetch  # given the page's number, and the page that came before it
        self._first = first

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self._fetch(self._first, None).__await__()

    async def pages(self) -> AsyncIterator[Page[T]]:
        """All pages, from the one that was asked for to the last."""
        number, page = self._first, None
        while True:
            page = await self._fetch(number, page)
            yield page
            number = page.next
            if number is None:
                return

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item


def page_of(
    envelope: Envelope[T], number: int | None, answer: Answer, before: Page[T] | None = None
) -> Page[T]:
    """The page in an envelope.

    Args:
        envelope: The answer's content.
        number: Which page was asked for, None if none was.
        answer: The answer.
        before: The page that came before it, None if it is the first that was asked for.

    Raises:
        ResponseError: It is not the page that was asked for: going on would never end.
    """
    meta = envelope.meta or PageMeta()
    current = number or 1 if meta.current_page is None else meta.current_page
    page = Page(
        items=envelope.data,
        number=current,
        next=_following(envelope, current),
        last=meta.last_page,
        total=meta.total,
    )
    text = ""
    if number not in (None, current) or (page.next is not None and page.next <= current):
        text = "the answer stands still at another"
    elif before is not None and _repeats(page, before):
        text = f"the answer stands still: it has what page {before.number} has"
    if text:
        text = f"page {number or 1} was asked for, and {text}"
        raise ResponseError(text, status=answer.status, body=answer.body, permanent=True)
    return page


def _following(envelope: Envelope[Any], current: int) -> int | None:
    """Number of the next page, None if there is none.

    The link to it is what counts, where there are links: what they say of the last page may be out
    of date. But of an empty page the link is believed only where the last page is yet to come.
    """
    meta, links = envelope.meta, envelope.links
    if meta is None:
        return None
    is_before_the_last = meta.last_page is not None and current < meta.last_page
    if links is None:
        return current + 1 if is_before_the_last else None
    if not links.next or not (envelope.data or is_before_the_last):
        return None
    told = re.search(r"[?&]page=(\d{1,9})(?:&|$)", links.next)
    return int(told[1]) if told else current + 1


def _repeats(page: Page[Any], before: Page[Any]) -> bool:
    """Whether a page has the items of the one before.

    Where the whole list has grown meanwhile, that is no wonder: an item slips to the next page.
    """
    if not page.items or page.total != before.total:
        return False
    return _all_of(page) == _all_of(before)


def _all_of(page: Page[Any]) -> list[Any]:
    return [(item, getattr(item, "extra", None)) for item in page.items]
