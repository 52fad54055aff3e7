"""Reading from the API and showing it, which most commands do and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..client import VPSBG
from ..core.pages import Pages
from . import output
from .parameters import Options
from .progress import connected
from .sheets import Listing, Sheet

__all__ = ["fetch", "present", "show", "show_list"]

T = TypeVar("T")


async def fetch(ask: Callable[[VPSBG], Awaitable[T]], options: Options) -> T:
    """What a call answers with."""
    async with connected(options) as vps:
        return await ask(vps)


async def show(ask: Callable[[VPSBG], Awaitable[object]], sheet: Sheet, options: Options) -> None:
    """Show the thing that a call answers with."""
    present(await fetch(ask, options), sheet, options)


def present(thing: object, sheet: Sheet, options: Options) -> None:
    """Show a thing."""
    if options.as_json:
        output.print_json(output.plain(thing))
    else:
        sheet.print(thing)


async def show_list(
    ask: Callable[[VPSBG], Pages[T]], listing: Listing, options: Options, page: int | None = None
) -> None:
    """Show a list.

    Args:
        ask: Makes the call, beginning with the page.
        listing: What it looks like.
        options: What the command was told.
        page: Which page of it to show, None for all.
    """
    async with connected(options) as vps:
        pages = ask(vps)
        fetched = None if page is None else await pages
        things = [thing async for thing in pages] if fetched is None else [*fetched]
    if options.as_json:
        output.print_json(output.plain({"items": things} if fetched is None else fetched))
    else:
        listing.print(things, fetched)
