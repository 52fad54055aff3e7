"""``vpsbg demo``: the SDK at work, against the sandbox, with proof of what arrived.

Here is the command; `performance` has what it does and how it shows what it found. `singly` sends
``files`` of every kind, and `bulk` imports the ``tickets`` that come with the package while
requests go wrong.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from ..parameters import AsJSON

__all__ = ["demo"]


async def demo(
    *,
    large_mib: Annotated[int, Parameter(validator=Number(gte=0))] = 64,
    as_json: AsJSON = False,
) -> None:
    """Send tickets and files to a stand-in for the API, and compare what arrived.

    No key is needed, and nothing leaves this machine: a sandbox is started for it. Sent are a log
    that is being written to meanwhile, a picture with a Cyrillic name, bytes from memory, a stream
    of unknown length and one large file.

    Then 25 tickets with files are imported from a CSV file, as by `vpsbg tickets import`, while
    about one request in four goes wrong: connections drop, answers break off, servers fail before
    and after their work. The clocks of both sides run a hundred times as fast there.

    What the sandbox received is held against the sources, without asking the SDK.

    Args:
        large_mib: Size of the large file in MiB; 0 leaves it out.
        as_json: Write the result as JSON.
    """
    from .performance import perform  # noqa: PLC0415 - a web server, of no use to other commands

    await perform(large_mib, as_json=as_json)
