"""``vpsbg sandbox``: the stand-in for the API, for people."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, Token
from cyclopts.validators import Number

from ..errors import ConfigurationError
from .exits import FailedError
from .signals import caught

if TYPE_CHECKING:
    from ..sandbox import Faults, Sandbox

__all__ = ["sandbox"]

_MAX_PORT = 65535
_NONE = "none"  # leaves a request alone
_ALL = "all"  # what chance chooses from unless told otherwise

_Converter = Callable[[Any, Sequence[Token]], tuple[str, ...]]


def _names(converter: _Converter) -> Parameter:
    return Parameter(converter=converter, negative=(), show_default=False)


def _known(names: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is none of {', '.join(known)}")
    return tuple(names)


def _by_comma(tokens: Sequence[Token]) -> list[str]:
    return [name for token in tokens for name in token.value.split(",")]


def _fault_names(_: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    from ..sandbox import Fault  # noqa: PLC0415 - see below

    return _known(_by_comma(tokens), (*Fault, _NONE, _ALL))


def _drift_names(_: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    from ..sandbox import Drift  # noqa: PLC0415 - see below

    return _known(_by_comma(tokens), tuple(Drift))


def _listing_name(_: Any, tokens: Sequence[Token]) -> str:
    from ..sandbox import Listing  # noqa: PLC0415 - see below

    return _known([tokens[0].value], tuple(Listing))[0]


async def sandbox(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=_MAX_PORT))] = 0,
    rate_limit: Annotated[int, Parameter(validator=Number(gte=1))] = 1000,
    faults: Annotated[tuple[str, ...], _names(_fault_names)] = (),
    fault_rate: Annotated[float | None, Parameter(validator=Number(gte=0, lte=1))] = None,
    fault_seed: int = 0,
    listing: Annotated[str, Parameter(converter=_listing_name)] = "newest-first",
    drift: Annotated[tuple[str, ...], _names(_drift_names)] = (),
) -> None:
    """Run a stand-in for the API on this machine, until Ctrl-C.

    It takes tickets as the API does, keeps them while it runs, and prints what another terminal
    needs in order to call it. Nothing leaves this machine.

    If asked to, it fails, lists tickets in another way, or answers otherwise than documented. To
    see the names for that, give one that does not exist, such as a question mark.

    Args:
        port: Where to listen; 0 takes a free one.
        rate_limit: Requests a minute that each key may make.
        faults: What goes wrong with the next requests, one after the other: names by comma; none
            leaves a request alone. With a rate, what goes wrong by chance; all is everything but
            late. After a 429 all requests are refused until the minute is over.
        fault_rate: How many of the requests go wrong, from 0 to 1.
        fault_seed: The same number makes the same requests go wrong.
        listing: How tickets are listed.
        drift: How answers differ from the documentation: names by comma.
    """
    from ..sandbox import (  # noqa: PLC0415 - a web server, of no use to the other commands
        Drift,
        Listing,
        Sandbox,
    )

    stand_in = Sandbox(
        port=port,
        rate_limit=rate_limit,
        faults=_faults(faults, fault_rate, fault_seed),
        listing=Listing(listing),
        drift=[Drift(name) for name in drift],
    )
    async with AsyncExitStack() as stack:
        try:
            running = await stack.enter_async_context(stand_in)
        except OSError as error:
            raise FailedError(f"cannot listen on port {port}: {error.strerror}") from error
        stop = asyncio.Event()
        with caught(lambda _: stop.set()):
            _introduce(
                running,
                {
                    "requests a minute": f"{rate_limit}",
                    "faults": _shown_faults(faults, fault_rate, fault_seed),
                    "listing": listing,
                    "drift": ", ".join(drift),
                },
            )
            await stop.wait()


def _faults(names: Sequence[str], rate: float | None, seed: int) -> Faults:
    from ..sandbox import Fault, Faults  # noqa: PLC0415 - see above

    if rate is None:
        if _ALL in names:
            raise ConfigurationError("--faults all needs --fault-rate")
        return Faults.scripted(*(None if name == _NONE else Fault(name) for name in names))
    if not names:
        raise ConfigurationError("--fault-rate needs --faults, such as --faults all")
    if tuple(names) == (_ALL,):
        return Faults.drawn(seed=seed, rate=rate)
    for name in (_NONE, _ALL):
        if name in names:
            raise ConfigurationError(f"{name} cannot stand among the faults of a --fault-rate")
    return Faults.drawn(seed=seed, rate=rate, kinds=[Fault(name) for name in names])


def _shown_faults(names: Sequence[str], rate: float | None, seed: int) -> str:
    how = "one after the other" if rate is None else f"at a rate of {rate:g}, seed {seed}"
    return f"{', '.join(names)} ({how})" if names else ""


def _introduce(running: Sandbox, settings: Mapping[str, str]) -> None:
    told = "".join(f"  {name}: {value}\n" for name, value in settings.items() if value)
    sys.stdout.write(
        f"Sandbox of the VPSBG API at {running.url}, until Ctrl-C.\n"
        f"  key that may write: {running.api_key}\n"
        f"  key that may read:  {running.read_key}\n"
        f"{told}"
        "\n"
        "Paste this into another terminal:\n"
        f"export VPSBG_BASE_URL={running.url} VPSBG_API_KEY={running.api_key}\n"
    )
    sys.stdout.flush()  # whoever reads it through a pipe is waiting for it
