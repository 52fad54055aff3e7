"""``vpsbg doctor``: how the API's answers differ from what is known of them, to be published.

Here is the command. `Checkup` asks the ``probes``, `Shapes` holds what is answered against the
models and what is ``documented`` beside them, and the `Need` objects tell what that means for
reconciliation. ``report`` shows what was found.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from ..parameters import AsJSON, Flag

__all__ = ["doctor"]

_MAX_PAUSE = 60  # seconds


async def doctor(
    *,
    pause: Annotated[float, Parameter(validator=Number(gte=0, lte=_MAX_PAUSE))] = 1.0,
    no_retry: Flag = False,
    as_json: AsJSON = False,
) -> None:
    """Tell how the API's answers differ from what is known of them.

    It asks for everything that can be read: each list, and one of the things that are listed; then
    for a path and a ticket that do not exist, and with a key that is not valid. It only reads, so a
    Read key will do, and takes its time. Only a new secret for two-factor authentication is left
    alone.

    The report holds names, types and counts, and nothing of the account: no ids, subjects,
    messages, times, values of headers, and no key. It can be published.

    The exit code is 0 if the report is complete, whatever it says. It is 1 if the API cannot be
    reached, gives no answer to three questions in a row or refuses the key; the report is shown as
    far as it goes.

    Args:
        pause: Seconds to wait before each question.
        no_retry: Ask once, whatever happens.
        as_json: Write the report as JSON: findings, and sums of them.
    """
    from .report import report  # noqa: PLC0415 - every service, of no use to other commands

    await report(pause=pause, no_retry=no_retry, as_json=as_json)
