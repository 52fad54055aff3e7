"""A page of a list, in the frame that Laravel's paginator puts around it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aiohttp import web

__all__ = ["Page", "paged"]

_PER_PAGE = 15
_EACH_SIDE = 3  # numbers shown on either side of the current page
_NATURAL = re.compile(r"\s*\+?[1-9][0-9]{0,17}\s*", re.ASCII)


class Page:
    """The part of a list that a request asks for.

    Args:
        request: Its query may hold ``page`` and ``per_page``. Anything but a natural number counts
            as absent; a page past the end is empty.
        total: How long the whole list is.
        size: How many items a page has.
        fixed: Whether ``per_page`` is not known to this list.
    """

    def __init__(
        self, request: web.Request, total: int, *, size: int = _PER_PAGE, fixed: bool = False
    ) -> None:
        self._path = str(request.url.with_query(None))
        self._total = total
        self._number = _natural(request.query.get("page"), 1)
        self._size = size if fixed else _natural(request.query.get("per_page"), size)
        self._last = max(1, -(-total // self._size))
        self.start = (self._number - 1) * self._size
        self.stop = self.start + self._size

    def frame(self, data: Sequence[object]) -> dict[str, object]:
        """The body of the answer, around the items from ``start`` to ``stop``."""
        previous = self._url(self._number - 1) if self._number > 1 else None
        following = self._url(self._number + 1) if self._number < self._last else None
        return {
            "data": data,
            "links": {
                "first": self._url(1),
                "last": self._url(self._last),
                "prev": previous,
                "next": following,
            },
            "meta": {
                "current_page": self._number,
                "from": self.start + 1 if data else None,
                "last_page": self._last,
                "links": [
                    _link(previous, "&laquo; Previous"),
                    *(self._numbered(number) for number in _shown(self._number, self._last)),
                    _link(following, "Next &raquo;"),
                ],
                "path": self._path,
                "per_page": self._size,
                "to": self.start + len(data) if data else None,
                "total": self._total,
            },
        }

    def _url(self, number: int) -> str:
        # Laravel keeps nothing else of the query unless it is told to: per_page gets lost.
        return f"{self._path}?page={number}"

    def _numbered(self, number: int | None) -> dict[str, object]:
        if number is None:
            return _link(None, "...")
        return _link(self._url(number), str(number), active=number == self._number)


def paged(
    request: web.Request,
    items: Sequence[object],
    *,
    size: int = _PER_PAGE,
    fixed: bool = False,
) -> web.Response:
    """The page of ``items`` that a request asks for; see `Page`."""
    page = Page(request, len(items), size=size, fixed=fixed)
    return web.json_response(page.frame(items[page.start : page.stop]))


def _natural(text: str | None, default: int) -> int:
    return int(text) if text and _NATURAL.fullmatch(text) else default


def _link(url: str | None, label: str, *, active: bool = False) -> dict[str, object]:
    return {"url": url, "label": label, "active": active}


def _shown(current: int, last: int) -> list[int | None]:
    """The numbers that Laravel's UrlWindow shows, None where it leaves some out."""
    near = _EACH_SIDE + 4  # closer than this to an end, that end is shown in full
    if last < _EACH_SIDE * 2 + 8:
        return list(range(1, last + 1))
    if current <= near:
        return [*range(1, near + _EACH_SIDE + 1), None, last - 1, last]
    if current > last - near:
        return [1, 2, None, *range(last - near - _EACH_SIDE + 1, last + 1)]
    around = range(current - _EACH_SIDE, current + _EACH_SIDE + 1)
    return [1, 2, None, *around, None, last - 1, last]
